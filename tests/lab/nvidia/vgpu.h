/* SPDX-License-Identifier: GPL-2.0 */
/* What the two frameworks by which vGPUs are made have in common. */
#ifndef LAB_VGPU_H
#define LAB_VGPU_H

#include <linux/pci.h>

/* Numbers and sizes are the lab's own. */
struct lab_vgpu_type {
	unsigned int id;
	const char *profile;
};

#define LAB_VGPU_TYPES 3
extern const struct lab_vgpu_type lab_vgpu_types[LAB_VGPU_TYPES];

int lab_mdev_init(void);
void lab_mdev_exit(void);
int lab_mdev_add(struct pci_dev *pdev);
void lab_mdev_remove(struct pci_dev *pdev);

int lab_vfio_add(struct pci_dev *pdev);
void lab_vfio_remove(struct pci_dev *pdev);

#endif
