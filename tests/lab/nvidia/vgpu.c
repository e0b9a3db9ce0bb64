// SPDX-License-Identifier: GPL-2.0
/* Gives the functions of the nvidia driver vGPUs, by mdev or by the vendor's own VFIO driver. */
#include <linux/module.h>
#include "nvidia.h"
#include "vgpu.h"

static char *vgpu = "mdev";
module_param(vgpu, charp, 0444);
MODULE_PARM_DESC(vgpu, "mdev or vfio");

const struct lab_vgpu_type lab_vgpu_types[LAB_VGPU_TYPES] = {
    {742, "4Q"}, {743, "8Q"}, {744, "16Q"}};

static const struct lab_vgpu_hooks by_mdev = {.add = lab_mdev_add, .remove = lab_mdev_remove};
static const struct lab_vgpu_hooks by_vfio = {.add = lab_vfio_add, .remove = lab_vfio_remove};

static int __init vgpu_init(void)
{
	bool mdev = strcmp(vgpu, "mdev") == 0;
	int r;

	if (!mdev && strcmp(vgpu, "vfio"))
		return -EINVAL;
	r = lab_mdev_init();
	return r ? r : lab_vgpu_register(mdev ? &by_mdev : &by_vfio);
}

static void __exit vgpu_exit(void)
{
	lab_vgpu_unregister();
	lab_mdev_exit();
}

module_init(vgpu_init);
module_exit(vgpu_exit);
MODULE_DESCRIPTION("vGPUs for happypath's virtual hosts");
MODULE_LICENSE("GPL");
