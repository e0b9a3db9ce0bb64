// SPDX-License-Identifier: GPL-2.0
/* A PCI driver named nvidia that binds to NVIDIA's display functions and makes VFs. */
#include <linux/module.h>
#include <linux/slab.h>
#include "nvidia.h"

static int vf_limit = -1;
module_param(vf_limit, int, 0644);
MODULE_PARM_DESC(vf_limit, "No more than so many VFs come");

static int vf_error;
module_param(vf_error, int, 0644);
MODULE_PARM_DESC(vf_error, "A change of the VF count fails with this errno");

static char *refuse = "";
module_param(refuse, charp, 0644);
MODULE_PARM_DESC(refuse, "Does not bind to this device");

static bool managed_dma;
module_param(managed_dma, bool, 0444);
MODULE_PARM_DESC(managed_dma, "Leaves DMA to whoever opens its VFs by VFIO, as vgpu=vfio needs");

static const struct {
	u16 device;
	const char *model;
} models[] = {
    {0x2330, "H100 80GB HBM3"},   {0x26b9, "L40S"}, {0x25b6, "A2"}, {0x1db4, "V100-PCIE-16GB"},
    {0x2204, "GeForce RTX 3090"},
};

const char *lab_model(const struct pci_dev *pdev)
{
	for (size_t i = 0; i < ARRAY_SIZE(models); i++)
		if (models[i].device == pdev->device)
			return models[i].model;
	return "GPU";
}
EXPORT_SYMBOL_GPL(lab_model);

/* -- vGPUs, where nvidia-vgpu-vfio is loaded -- */

static DEFINE_MUTEX(vgpu_lock);
static const struct lab_vgpu_hooks *vgpu_hooks;
static struct pci_driver driver;

static bool carries_vgpus(struct pci_dev *pdev)
{
	return pdev->is_virtfn || pci_sriov_get_totalvfs(pdev) == 0;
}

static int vgpu_add(struct pci_dev *pdev)
{
	int r = 0;

	mutex_lock(&vgpu_lock);
	if (vgpu_hooks && carries_vgpus(pdev))
		r = vgpu_hooks->add(pdev);
	mutex_unlock(&vgpu_lock);
	return r;
}

static void vgpu_remove(struct pci_dev *pdev)
{
	mutex_lock(&vgpu_lock);
	if (vgpu_hooks && carries_vgpus(pdev))
		vgpu_hooks->remove(pdev);
	mutex_unlock(&vgpu_lock);
}

static void for_each_bound(void (*call)(struct pci_dev *pdev))
{
	struct pci_dev *pdev = NULL;

	for_each_pci_dev(pdev)
	{
		device_lock(&pdev->dev);
		if (pdev->driver == &driver)
			call(pdev);
		device_unlock(&pdev->dev);
	}
}

static void vgpu_add_late(struct pci_dev *pdev)
{
	if (vgpu_add(pdev))
		pci_warn(pdev, "no vGPUs here\n");
}

int lab_vgpu_register(const struct lab_vgpu_hooks *hooks)
{
	mutex_lock(&vgpu_lock);
	vgpu_hooks = hooks;
	mutex_unlock(&vgpu_lock);
	for_each_bound(vgpu_add_late);
	return 0;
}
EXPORT_SYMBOL_GPL(lab_vgpu_register);

void lab_vgpu_unregister(void)
{
	for_each_bound(vgpu_remove);
	mutex_lock(&vgpu_lock);
	vgpu_hooks = NULL;
	mutex_unlock(&vgpu_lock);
}
EXPORT_SYMBOL_GPL(lab_vgpu_unregister);

/* -- the driver -- */

static struct lab_gpu *new_gpu(struct pci_dev *pdev)
{
	struct lab_gpu *gpu = kzalloc(sizeof(*gpu), GFP_KERNEL);

	if (!gpu)
		return NULL;
	gpu->pdev = pdev;
	init_waitqueue_head(&gpu->idle);
	if (lab_node_add(gpu)) {
		kfree(gpu);
		return NULL;
	}
	lab_proc_add(gpu);
	return gpu;
}

static void free_gpu(struct lab_gpu *gpu)
{
	lab_proc_remove(gpu);
	lab_node_remove(gpu);
	kfree(gpu);
}

static int probe_pf(struct pci_dev *pdev)
{
	struct lab_gpu *gpu;
	int r = pci_enable_device(pdev);

	if (r)
		return r;
	pci_set_master(pdev);
	gpu = new_gpu(pdev);
	if (!gpu) {
		pci_disable_device(pdev);
		return -ENOMEM;
	}
	pci_set_drvdata(pdev, gpu);
	return 0;
}

static void remove_pf(struct pci_dev *pdev)
{
	free_gpu(pci_get_drvdata(pdev));
	pci_clear_master(pdev);
	pci_disable_device(pdev);
}

static int probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	int r;

	if (sysfs_streq(refuse, pci_name(pdev)))
		return -ENODEV;
	r = pdev->is_virtfn ? 0 : probe_pf(pdev);
	if (r)
		return r;
	r = vgpu_add(pdev);
	if (r && !pdev->is_virtfn)
		remove_pf(pdev);
	return r;
}

static void remove(struct pci_dev *pdev)
{
	if (pci_num_vf(pdev))
		pci_disable_sriov(pdev);
	vgpu_remove(pdev);
	if (!pdev->is_virtfn)
		remove_pf(pdev);
}

static int sriov_configure(struct pci_dev *pdev, int vfs)
{
	int r;

	if (vf_error)
		return -vf_error;
	if (!vfs) {
		if (pci_vfs_assigned(pdev))
			return -EBUSY;
		pci_disable_sriov(pdev);
		return 0;
	}
	if (vf_limit >= 0 && vfs > vf_limit)
		vfs = vf_limit;
	if (!vfs)
		return 0;
	r = pci_enable_sriov(pdev, vfs);
	return r ? r : vfs;
}

static const struct pci_device_id ids[] = {{PCI_DEVICE(PCI_VENDOR_ID_NVIDIA, PCI_ANY_ID),
                                            .class = PCI_CLASS_DISPLAY_3D << 8, .class_mask = ~0},
                                           {PCI_DEVICE(PCI_VENDOR_ID_NVIDIA, PCI_ANY_ID),
                                            .class = PCI_CLASS_DISPLAY_VGA << 8, .class_mask = ~0},
                                           {}};
MODULE_DEVICE_TABLE(pci, ids);

static struct pci_driver driver = {
    .name = "nvidia",
    .id_table = ids,
    .probe = probe,
    .remove = remove,
    .sriov_configure = sriov_configure,
};

static int __init nvidia_init(void)
{
	int r = lab_nodes_init();

	if (r)
		return r;
	r = lab_proc_init();
	driver.driver_managed_dma = managed_dma;
	if (!r)
		r = pci_register_driver(&driver);
	if (!r)
		return 0;
	lab_proc_exit();
	lab_nodes_exit();
	return r;
}

static void __exit nvidia_exit(void)
{
	pci_unregister_driver(&driver);
	lab_proc_exit();
	lab_nodes_exit();
}

module_init(nvidia_init);
module_exit(nvidia_exit);
MODULE_DESCRIPTION("A driver named nvidia for happypath's virtual hosts");
MODULE_VERSION(LAB_NVIDIA_VERSION);
MODULE_LICENSE("GPL");
