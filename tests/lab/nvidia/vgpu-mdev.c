// SPDX-License-Identifier: GPL-2.0
/*
 * vGPUs by the kernel's mdev framework: each function that carries vGPUs is a parent with types of
 * its own, and each mdev a PCI function that consists of its config space. A VF carries one vGPU, a
 * PF several.
 */
#include <linux/mdev.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/vfio.h>
#include <linux/xarray.h>
#include "nvidia.h"
#include "vgpu.h"

#define VGPUS_OF_A_PF 8

/* The kernel keeps a kobject inside of each type: they cannot be shared between parents. */
struct parent {
	struct mdev_parent mdev;
	struct mdev_type types[LAB_VGPU_TYPES];
	struct mdev_type *pointers[LAB_VGPU_TYPES];
	char names[LAB_VGPU_TYPES][2][48];
};

struct vgpu {
	struct vfio_device vdev;
	u8 config[PCI_CFG_SPACE_SIZE];
};

/* struct mdev_parent is handed out by value to nobody: parents are found by their function. */
static DEFINE_XARRAY(parents);

/* -- one vGPU as a VFIO device -- */

#define REGION_SHIFT 40

static struct vgpu *vgpu_of(struct vfio_device *vdev)
{
	return container_of(vdev, struct vgpu, vdev);
}

static bool in_config(loff_t position, size_t count)
{
	u64 offset = position & (BIT_ULL(REGION_SHIFT) - 1);

	return position >> REGION_SHIFT == VFIO_PCI_CONFIG_REGION_INDEX &&
	       offset < PCI_CFG_SPACE_SIZE && count <= PCI_CFG_SPACE_SIZE - offset;
}

static u8 *config_at(struct vfio_device *vdev, loff_t position)
{
	return vgpu_of(vdev)->config + (position & (BIT_ULL(REGION_SHIFT) - 1));
}

static ssize_t vgpu_read(struct vfio_device *vdev, char __user *buffer, size_t count,
                         loff_t *position)
{
	if (!in_config(*position, count))
		return -EINVAL;
	if (copy_to_user(buffer, config_at(vdev, *position), count))
		return -EFAULT;
	*position += count;
	return count;
}

/* What identifies the function is read-only, the rest is memory. */
static ssize_t vgpu_write(struct vfio_device *vdev, const char __user *buffer, size_t count,
                          loff_t *position)
{
	u8 *at = config_at(vdev, *position);

	if (!in_config(*position, count))
		return -EINVAL;
	if (at >= vgpu_of(vdev)->config + PCI_CACHE_LINE_SIZE && copy_from_user(at, buffer, count))
		return -EFAULT;
	*position += count;
	return count;
}

static long get_info(unsigned long arg)
{
	struct vfio_device_info info = {
	    .argsz = sizeof(info),
	    .flags = VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET,
	    .num_regions = VFIO_PCI_NUM_REGIONS,
	    .num_irqs = VFIO_PCI_NUM_IRQS,
	};

	return copy_to_user((void __user *)arg, &info,
	                    offsetofend(struct vfio_device_info, num_irqs))
	           ? -EFAULT
	           : 0;
}

static long get_region_info(unsigned long arg)
{
	struct vfio_region_info info;
	size_t size = offsetofend(struct vfio_region_info, offset);

	if (copy_from_user(&info, (void __user *)arg, size))
		return -EFAULT;
	if (info.index >= VFIO_PCI_NUM_REGIONS)
		return -EINVAL;
	info.offset = (u64)info.index << REGION_SHIFT;
	info.size = info.index == VFIO_PCI_CONFIG_REGION_INDEX ? PCI_CFG_SPACE_SIZE : 0;
	info.flags = info.size ? VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE : 0;
	return copy_to_user((void __user *)arg, &info, size) ? -EFAULT : 0;
}

static long get_irq_info(unsigned long arg)
{
	struct vfio_irq_info info;

	if (copy_from_user(&info, (void __user *)arg, sizeof(info)))
		return -EFAULT;
	info.flags = 0;
	info.count = 0;
	return copy_to_user((void __user *)arg, &info, sizeof(info)) ? -EFAULT : 0;
}

static long vgpu_ioctl(struct vfio_device *vdev, unsigned int command, unsigned long arg)
{
	switch (command) {
	case VFIO_DEVICE_GET_INFO:
		return get_info(arg);
	case VFIO_DEVICE_GET_REGION_INFO:
		return get_region_info(arg);
	case VFIO_DEVICE_GET_IRQ_INFO:
		return get_irq_info(arg);
	case VFIO_DEVICE_SET_IRQS:
	case VFIO_DEVICE_RESET:
		return 0;
	}
	return -ENOTTY;
}

static int vgpu_init_device(struct vfio_device *vdev)
{
	struct pci_dev *pdev = to_pci_dev(to_mdev_device(vdev->dev)->type->parent->dev);
	u8 *config = vgpu_of(vdev)->config;

	*(__le16 *)(config + PCI_VENDOR_ID) = cpu_to_le16(pdev->vendor);
	*(__le16 *)(config + PCI_DEVICE_ID) = cpu_to_le16(pdev->device);
	*(__le16 *)(config + PCI_CLASS_DEVICE) = cpu_to_le16(PCI_CLASS_DISPLAY_3D);
	*(__le16 *)(config + PCI_SUBSYSTEM_VENDOR_ID) = cpu_to_le16(pdev->subsystem_vendor);
	*(__le16 *)(config + PCI_SUBSYSTEM_ID) = cpu_to_le16(pdev->subsystem_device);
	return 0;
}

static void vgpu_release_device(struct vfio_device *vdev)
{
	vfio_free_device(vdev);
}

static const struct vfio_device_ops vgpu_ops = {
    .name = "lab-vgpu",
    .init = vgpu_init_device,
    .release = vgpu_release_device,
    .read = vgpu_read,
    .write = vgpu_write,
    .ioctl = vgpu_ioctl,
};

/* -- the driver of mdevs -- */

static int mdev_probe(struct mdev_device *mdev)
{
	struct vgpu *vgpu = vfio_alloc_device(vgpu, vdev, &mdev->dev, &vgpu_ops);
	int r;

	if (IS_ERR(vgpu))
		return PTR_ERR(vgpu);
	r = vfio_register_emulated_iommu_dev(&vgpu->vdev);
	if (r)
		vfio_put_device(&vgpu->vdev);
	else
		dev_set_drvdata(&mdev->dev, vgpu);
	return r;
}

static void mdev_remove(struct mdev_device *mdev)
{
	struct vgpu *vgpu = dev_get_drvdata(&mdev->dev);

	vfio_unregister_group_dev(&vgpu->vdev);
	vfio_put_device(&vgpu->vdev);
}

#define MDEV_DRIVER(name_, instances)                                                              \
	{                                                                                          \
		.device_api = VFIO_DEVICE_API_PCI_STRING, .max_instances = (instances),            \
		.probe = mdev_probe, .remove = mdev_remove,                                        \
		.driver = {                                                                        \
		    .name = (name_),                                                               \
		    .owner = THIS_MODULE,                                                          \
		    .mod_name = KBUILD_MODNAME,                                                    \
		},                                                                                 \
	}

static struct mdev_driver of_vf = MDEV_DRIVER("nvidia-vgpu-vfio", 1);
static struct mdev_driver of_pf = MDEV_DRIVER("nvidia-vgpu-vfio-pf", VGPUS_OF_A_PF);

static struct parent *new_parent(struct pci_dev *pdev)
{
	struct parent *parent = kzalloc(sizeof(*parent), GFP_KERNEL);

	for (int i = 0; parent && i < LAB_VGPU_TYPES; i++) {
		snprintf(parent->names[i][0], sizeof(parent->names[i][0]), "%u",
		         lab_vgpu_types[i].id);
		snprintf(parent->names[i][1], sizeof(parent->names[i][1]), "NVIDIA %s-%s",
		         lab_model(pdev), lab_vgpu_types[i].profile);
		parent->types[i].sysfs_name = parent->names[i][0];
		parent->types[i].pretty_name = parent->names[i][1];
		parent->pointers[i] = &parent->types[i];
	}
	return parent;
}

int lab_mdev_add(struct pci_dev *pdev)
{
	struct parent *parent = new_parent(pdev);
	int r;

	if (!parent)
		return -ENOMEM;
	r = mdev_register_parent(&parent->mdev, &pdev->dev, pdev->is_virtfn ? &of_vf : &of_pf,
	                         parent->pointers, LAB_VGPU_TYPES);
	if (!r)
		r = xa_err(xa_store(&parents, (unsigned long)pdev, parent, GFP_KERNEL));
	if (r)
		kfree(parent);
	return r;
}

void lab_mdev_remove(struct pci_dev *pdev)
{
	struct parent *parent = xa_erase(&parents, (unsigned long)pdev);

	if (!parent)
		return;
	mdev_unregister_parent(&parent->mdev);
	kfree(parent);
}

int lab_mdev_init(void)
{
	int r = mdev_register_driver(&of_vf);

	if (r)
		return r;
	r = mdev_register_driver(&of_pf);
	if (r)
		mdev_unregister_driver(&of_vf);
	return r;
}

void lab_mdev_exit(void)
{
	mdev_unregister_driver(&of_pf);
	mdev_unregister_driver(&of_vf);
}
