// The pure part of the guest probe. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

struct hp_root_window {
	char bus[8]; // DDDD:BB
	uint64_t start, end;
};

/* Finds the next window of a host bridge in the text of /proc/iomem. Returns where to go on, NULL
 * at the end. `inside` is the search's own, -1 at first. */
const char *hp_iomem_root_window(const char *text, int *inside, struct hp_root_window *ret);
