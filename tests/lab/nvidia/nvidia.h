/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the lab's nvidia modules share. */
#ifndef LAB_NVIDIA_H
#define LAB_NVIDIA_H

#include <linux/cdev.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/proc_fs.h>
#include <linux/wait.h>

#define LAB_NVIDIA_VERSION "550.90.07"

/* One PF that the driver is bound to. */
struct lab_gpu {
	struct pci_dev *pdev;
	struct proc_dir_entry *proc;
	int minor;
	int holders; /* open files; under the nodes' lock */
	wait_queue_head_t idle;
};

const char *lab_model(const struct pci_dev *pdev);

int lab_nodes_init(void);
void lab_nodes_exit(void);
int lab_node_add(struct lab_gpu *gpu);
void lab_node_remove(struct lab_gpu *gpu);

int lab_proc_init(void);
void lab_proc_exit(void);
void lab_proc_add(struct lab_gpu *gpu);
void lab_proc_remove(struct lab_gpu *gpu);

/*
 * What nvidia-vgpu-vfio hooks into nvidia: called for each function that can carry vGPUs, which is
 * a VF, or a PF that has none. The driver's data of VFs are the hook's own.
 */
struct lab_vgpu_hooks {
	int (*add)(struct pci_dev *pdev);
	void (*remove)(struct pci_dev *pdev);
};

int lab_vgpu_register(const struct lab_vgpu_hooks *hooks);
void lab_vgpu_unregister(void);

#endif
