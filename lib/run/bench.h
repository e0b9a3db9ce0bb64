// Boots measured side by side: from exec of a VMM to the first line of the guest's init.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A VMM and how it is asked for a guest. */
struct hp_boot_shape {
	const char *vmm, *name;
	const char *program;
	const char *words; // arguments; {kernel}, {vmlinux} and the like are filled in
	const char *about;
	bool emulates; // runs without KVM too
};

extern const struct hp_boot_shape hp_boot_shapes[];
extern const size_t hp_boot_shape_count;

/* The same for all. */
struct hp_boot_setup {
	const char *kernel;  // as the distribution has it
	const char *vmlinux; // the same unpacked, entered by PVH
	bool emulated;       // by QEMU's TCG, not by KVM
	int64_t memory;      // bytes
	int deadline_ms;     // of one boot
};

/* What the guest found that it was given. */
struct hp_boot_given {
	int unpacked;  // 1: the kernel unpacked itself, 0: it was entered unpacked; -1: not told
	int functions; // PCI functions
	int bridges;   // root ports and other bridges between PCI buses, of those
	char classes[256]; // "060000 060400 …", in the order of their addresses
};

struct hp_boot {
	const struct hp_boot_shape *shape;
	bool installed;
	int64_t *rounds_us; // in the order measured
	size_t rounds;
	struct hp_boot_given given;
	char *failed; // why there is no measurement, NULL if there is
};

/* Whether the program is along PATH. */
bool hp_boot_is_installed(const struct hp_boot_shape *shape);
/* One boot of one shape; 0 and the time, or what went wrong. */
int hp_boot_once(const struct hp_boot_shape *shape, const struct hp_boot_setup *setup,
                 int64_t *ret_us, struct hp_boot_given *ret_given, struct hp_error *err);
/* Measures all shapes that can run, in turn, so that what disturbs one round disturbs all: an array
 * with a row for each of hp_boot_shapes. `round` is told as each begins; may be NULL. */
struct hp_boot *hp_boot_all(const struct hp_boot_setup *setup, size_t rounds,
                            void (*round)(void *data, size_t round), void *data);
void hp_boots_free(struct hp_boot *boots);
/* The median of its rounds, -1 where there are none. */
int64_t hp_boot_median(const struct hp_boot *boot);

/* The medians as a bar chart, SVG: a new string. `title` says how it was measured. */
int hp_boot_plot(const struct hp_boot *boots, const char *title, const char *subtitle, char **ret,
                 struct hp_error *err);
