// A guest of QEMU's with the devices, as options: for its command line, its configuration file, and
// for who starts it. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "emit/argv.h"
#include "emit/emit.h"

#include <stdbool.h>
#include <stddef.h>

struct hp_qemu_setting {
	char *key; // NULL: a value that stands alone
	char *value;
};

/* "-device pcie-root-port,id=port0", and in a file [device "port0"] driver = "pcie-root-port". */
struct hp_qemu_option {
	const char *name; // without the dash
	struct hp_qemu_setting *settings;
	size_t count;
};

struct hp_qemu {
	const char *program; // qemu-system-x86_64
	struct hp_qemu_option *options;
	size_t count;
};

/* The tuned shape: q35 without default devices, a root port above each device, memory in huge pages
 * where the host has them, a window that the BARs fit into, a kernel entered by PVH or firmware
 * that can place large BARs. What cannot be expressed is refused in `to`; the options are for
 * hp_qemu_finish in any case. */
void hp_qemu_shape(const struct hp_emit *emit, struct hp_emission *to, struct hp_qemu *ret);
void hp_qemu_finish(struct hp_qemu *qemu);

/* A further option; its settings are added to the last one. */
void hp_qemu_add(struct hp_qemu *qemu, const char *name);
/* `key` NULL: the value alone. */
void hp_qemu_set(struct hp_qemu *qemu, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Program and arguments. */
void hp_qemu_argv(const struct hp_qemu *qemu, struct hp_argv *ret);
