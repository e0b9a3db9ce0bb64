// A guest of QEMU's, started, watched and ended. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "emit/argv.h"

#include <stdbool.h>
#include <stdint.h>

/* What is told is what was seen, none of it guessed:
 *   pinned   the kernel counts the guest's memory as locked for the process (VmLck, VmPin)
 *   BARs     the process maps the device's regions
 *   devices  QEMU answers its monitor, which it does once all devices are there
 *   kernel   the console shows the kernel's banner
 *   init     the console shows that the first program began
 *   ended    QEMU is gone
 * A stage that was not seen (a quiet kernel tells nothing) is not told. */
typedef void hp_guest_stage(void *data, const char *stage, int64_t us_since_start);

struct hp_guest_options {
	struct hp_argv *argv;  // QEMU's, its console on stdin and stdout; the monitor is added
	int64_t pinned_memory; // bytes that VFIO will lock; 0: none
	int grace_ms;          // for a guest that was asked to power off
	hp_guest_stage *stage;
	void *data;
};

struct hp_guest_end {
	int status;      // of QEMU, as wait(2) tells
	char reason[64]; // QEMU's word for the shutdown, "" if it said none
	bool panicked;   // the guest told QEMU so
	int signal;      // that made us end it, 0
};

/* Runs it to its end. SIGINT, SIGTERM and SIGHUP ask it to power off, and at the second time, or
 * after the grace, end it. The terminal is as before afterwards. */
int hp_guest_run(const struct hp_guest_options *options, struct hp_guest_end *ret,
                 struct hp_error *err);
