// The pure parts of reading /proc/cpuinfo. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Physical address bits, of "address sizes : 46 bits physical, …". */
bool hp_cpu_address_bits(const char *text, int64_t *ret);

/* "vmx", "svm" or "none" by the flags; NULL if the text has no flags. */
const char *hp_cpu_virtualization(const char *text);
