// The pure parts of reading the kernel's log. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* `position`: its place in the log, by the records' own numbers where they have them, so that it
 * stays the same where lines between were left out. */
typedef void hp_kernel_line(void *data, uint64_t position, const char *message);

/* Reads records as /dev/kmsg gives them ("6,339,5140900,-;message", properties in lines that begin
 * with a blank), or the lines of dmesg ("[    5.140900] message"). Returns the first record's
 * sequence number, 0 for dmesg: above 0 the log's beginning is lost. `text` is changed. */
uint64_t hp_kernel_log_read(char *text, hp_kernel_line *seen, void *data);

/* Whether a line can matter here: it names devices, drivers or subsystems that rules speak of. */
bool hp_kernel_line_matters(const char *message);
