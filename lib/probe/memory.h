// The pure parts of the memory probe. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* The amount behind "KEY:" of meminfo, in bytes where it says kB. */
bool hp_memory_amount(const char *text, const char *key, int64_t *ret);

/* The soft limit on locked memory of /proc/PID/limits, in bytes; -1 is unlimited. */
bool hp_memlock_limit(const char *limits, int64_t *ret);
