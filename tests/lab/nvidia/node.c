// SPDX-License-Identifier: GPL-2.0
/* /dev/nvidiaN: nodes that do nothing but be held open. A device that is held cannot be unbound:
 * the unbinding waits. */
#include <linux/fs.h>
#include <linux/module.h>
#include "nvidia.h"

/* The major number that Documentation/admin-guide/devices.txt keeps for this driver. */
#define MAJOR_NUMBER 195
#define NODES        32

static DEFINE_MUTEX(nodes_lock);
static struct lab_gpu *nodes[NODES];
static struct class *node_class;
static struct cdev node_cdev;

static int node_open(struct inode *inode, struct file *file)
{
	struct lab_gpu *gpu;

	mutex_lock(&nodes_lock);
	gpu = nodes[iminor(inode)];
	if (gpu)
		gpu->holders++;
	mutex_unlock(&nodes_lock);
	file->private_data = gpu;
	return gpu ? 0 : -ENODEV;
}

static int node_release(struct inode *inode, struct file *file)
{
	struct lab_gpu *gpu = file->private_data;

	mutex_lock(&nodes_lock);
	if (--gpu->holders == 0)
		wake_up_all(&gpu->idle);
	mutex_unlock(&nodes_lock);
	return 0;
}

static const struct file_operations node_ops = {
    .owner = THIS_MODULE,
    .open = node_open,
    .release = node_release,
};

static char *node_mode(struct device *dev, umode_t *mode)
{
	if (mode)
		*mode = 0666;
	return NULL;
}

static int take_minor(struct lab_gpu *gpu)
{
	int minor;

	mutex_lock(&nodes_lock);
	for (minor = 0; minor < NODES && nodes[minor]; minor++)
		;
	if (minor < NODES)
		nodes[minor] = gpu;
	mutex_unlock(&nodes_lock);
	return minor < NODES ? minor : -ENOSPC;
}

int lab_node_add(struct lab_gpu *gpu)
{
	struct device *dev;

	gpu->minor = take_minor(gpu);
	if (gpu->minor < 0)
		return gpu->minor;
	dev = device_create(node_class, NULL, MKDEV(MAJOR_NUMBER, gpu->minor), NULL, "nvidia%d",
	                    gpu->minor);
	if (!IS_ERR(dev))
		return 0;
	nodes[gpu->minor] = NULL;
	return PTR_ERR(dev);
}

static int holders(struct lab_gpu *gpu)
{
	int n;

	mutex_lock(&nodes_lock);
	n = gpu->holders;
	mutex_unlock(&nodes_lock);
	return n;
}

/* The minor stays taken until the last holder is gone: nobody else must get its files. */
void lab_node_remove(struct lab_gpu *gpu)
{
	if (holders(gpu))
		pci_warn(gpu->pdev, "still held open %d times: waiting\n", holders(gpu));
	wait_event(gpu->idle, holders(gpu) == 0);
	device_destroy(node_class, MKDEV(MAJOR_NUMBER, gpu->minor));
	mutex_lock(&nodes_lock);
	nodes[gpu->minor] = NULL;
	mutex_unlock(&nodes_lock);
	wait_event(gpu->idle, holders(gpu) == 0);
}

int lab_nodes_init(void)
{
	int r = register_chrdev_region(MKDEV(MAJOR_NUMBER, 0), NODES, "nvidia");

	if (r)
		return r;
	cdev_init(&node_cdev, &node_ops);
	r = cdev_add(&node_cdev, MKDEV(MAJOR_NUMBER, 0), NODES);
	if (r)
		goto region;
	node_class = class_create(THIS_MODULE, "nvidia");
	if (!IS_ERR(node_class)) {
		node_class->devnode = node_mode;
		return 0;
	}
	r = PTR_ERR(node_class);
	cdev_del(&node_cdev);
region:
	unregister_chrdev_region(MKDEV(MAJOR_NUMBER, 0), NODES);
	return r;
}

void lab_nodes_exit(void)
{
	class_destroy(node_class);
	cdev_del(&node_cdev);
	unregister_chrdev_region(MKDEV(MAJOR_NUMBER, 0), NODES);
}
