// SPDX-License-Identifier: GPL-2.0
/*
 * vGPUs by a VFIO driver of the vendor's own: a VF stays bound to nvidia and is a VFIO device
 * itself. A type is written to its nvidia/current_vgpu_type; without one it cannot be opened.
 */
#include <linux/module.h>
#include <linux/sysfs.h>
#include <linux/vfio_pci_core.h>
#include "nvidia.h"
#include "vgpu.h"

struct vgpu {
	struct vfio_pci_core_device core;
	struct mutex lock;
	unsigned int type; /* 0: none */
	unsigned int opened;
};

static struct vgpu *vgpu_of(struct device *dev)
{
	struct vfio_pci_core_device *core = dev_get_drvdata(dev);

	return container_of(core, struct vgpu, core);
}

/* -- its attributes -- */

static bool known_type(unsigned int id)
{
	for (int i = 0; i < LAB_VGPU_TYPES; i++)
		if (lab_vgpu_types[i].id == id)
			return true;
	return false;
}

static ssize_t creatable_vgpu_types_show(struct device *dev, struct device_attribute *attribute,
                                         char *buffer)
{
	int n = sysfs_emit(buffer, "ID    : vGPU Name\n");

	for (int i = 0; i < LAB_VGPU_TYPES && !vgpu_of(dev)->type; i++)
		n += sysfs_emit_at(buffer, n, "%-5u : NVIDIA %s-%s\n", lab_vgpu_types[i].id,
		                   lab_model(to_pci_dev(dev)), lab_vgpu_types[i].profile);
	return n;
}
static DEVICE_ATTR_RO(creatable_vgpu_types);

static ssize_t current_vgpu_type_show(struct device *dev, struct device_attribute *attribute,
                                      char *buffer)
{
	return sysfs_emit(buffer, "%u\n", vgpu_of(dev)->type);
}

static int set_type(struct vgpu *vgpu, unsigned int type)
{
	if (vgpu->opened || (type && vgpu->type))
		return -EBUSY;
	if (type && !known_type(type))
		return -EINVAL;
	vgpu->type = type;
	return 0;
}

static ssize_t current_vgpu_type_store(struct device *dev, struct device_attribute *attribute,
                                       const char *buffer, size_t count)
{
	struct vgpu *vgpu = vgpu_of(dev);
	unsigned int type;
	int r = kstrtouint(buffer, 0, &type);

	if (r)
		return r;
	mutex_lock(&vgpu->lock);
	r = set_type(vgpu, type);
	mutex_unlock(&vgpu->lock);
	return r ? r : count;
}
static DEVICE_ATTR_RW(current_vgpu_type);

static struct attribute *attributes[] = {
    &dev_attr_creatable_vgpu_types.attr,
    &dev_attr_current_vgpu_type.attr,
    NULL,
};
static const struct attribute_group attribute_group = {.name = "nvidia", .attrs = attributes};

/* -- the VF as a VFIO device -- */

static int vgpu_open(struct vfio_device *vdev)
{
	struct vgpu *vgpu = container_of(vdev, struct vgpu, core.vdev);
	int r = -ENODEV;

	mutex_lock(&vgpu->lock);
	if (vgpu->type)
		r = vfio_pci_core_enable(&vgpu->core);
	if (!r)
		vgpu->opened++;
	mutex_unlock(&vgpu->lock);
	if (!r)
		vfio_pci_core_finish_enable(&vgpu->core);
	return r;
}

static void vgpu_close(struct vfio_device *vdev)
{
	struct vgpu *vgpu = container_of(vdev, struct vgpu, core.vdev);

	vfio_pci_core_close_device(vdev);
	mutex_lock(&vgpu->lock);
	vgpu->opened--;
	mutex_unlock(&vgpu->lock);
}

static const struct vfio_device_ops vgpu_ops = {
    .name = "lab-vgpu-vfio",
    .init = vfio_pci_core_init_dev,
    .release = vfio_pci_core_release_dev,
    .open_device = vgpu_open,
    .close_device = vgpu_close,
    .ioctl = vfio_pci_core_ioctl,
    .device_feature = vfio_pci_core_ioctl_feature,
    .read = vfio_pci_core_read,
    .write = vfio_pci_core_write,
    .mmap = vfio_pci_core_mmap,
    .request = vfio_pci_core_request,
    .match = vfio_pci_core_match,
};

static int add_vf(struct vgpu *vgpu, struct pci_dev *pdev)
{
	int r;

	mutex_init(&vgpu->lock);
	dev_set_drvdata(&pdev->dev, &vgpu->core);
	r = vfio_pci_core_register_device(&vgpu->core);
	if (r)
		return r;
	r = sysfs_create_group(&pdev->dev.kobj, &attribute_group);
	if (r)
		vfio_pci_core_unregister_device(&vgpu->core);
	return r;
}

int lab_vfio_add(struct pci_dev *pdev)
{
	struct vgpu *vgpu;
	int r;

	if (!pdev->is_virtfn)
		return 0;
	vgpu = vfio_alloc_device(vgpu, core.vdev, &pdev->dev, &vgpu_ops);
	if (IS_ERR(vgpu))
		return PTR_ERR(vgpu);
	r = add_vf(vgpu, pdev);
	if (!r)
		return 0;
	dev_set_drvdata(&pdev->dev, NULL);
	vfio_put_device(&vgpu->core.vdev);
	return r;
}

void lab_vfio_remove(struct pci_dev *pdev)
{
	struct vgpu *vgpu;

	if (!pdev->is_virtfn || !dev_get_drvdata(&pdev->dev))
		return;
	vgpu = vgpu_of(&pdev->dev);
	sysfs_remove_group(&pdev->dev.kobj, &attribute_group);
	vfio_pci_core_unregister_device(&vgpu->core);
	dev_set_drvdata(&pdev->dev, NULL);
	vfio_put_device(&vgpu->core.vdev);
}
