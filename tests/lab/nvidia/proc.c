// SPDX-License-Identifier: GPL-2.0
/* /proc/driver/nvidia: the version, and what each GPU says of itself. */
#include <linux/module.h>
#include <linux/seq_file.h>
#include "nvidia.h"

static struct proc_dir_entry *directory, *gpus;

static int show_version(struct seq_file *file, void *unused)
{
	seq_printf(file, "NVRM version: lab kernel module  %s  of happypath's virtual hosts\n",
	           LAB_NVIDIA_VERSION);
	return 0;
}

static int show_information(struct seq_file *file, void *unused)
{
	const struct lab_gpu *gpu = file->private;

	seq_printf(file, "Model:\t\t NVIDIA %s\n", lab_model(gpu->pdev));
	seq_printf(file, "Bus Location:\t %s\n", pci_name(gpu->pdev));
	seq_printf(file, "Device Minor:\t %d\n", gpu->minor);
	return 0;
}

void lab_proc_add(struct lab_gpu *gpu)
{
	gpu->proc = proc_mkdir(pci_name(gpu->pdev), gpus);
	if (gpu->proc)
		proc_create_single_data("information", 0444, gpu->proc, show_information, gpu);
}

void lab_proc_remove(struct lab_gpu *gpu)
{
	proc_remove(gpu->proc);
}

int lab_proc_init(void)
{
	directory = proc_mkdir("driver/nvidia", NULL);
	if (!directory)
		return -ENOMEM;
	gpus = proc_mkdir("gpus", directory);
	proc_create_single("version", 0444, directory, show_version);
	return gpus ? 0 : -ENOMEM;
}

void lab_proc_exit(void)
{
	proc_remove(directory);
}
