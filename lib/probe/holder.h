// The pure parts of finding who holds a device. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The VMM that a program is, by its name: 'custom' for those nobody knows. */
const char *hp_vmm_of(const char *program);

/* Whether the arguments, each ended by a NUL, hold `argument`. */
bool hp_has_argument(const char *arguments, size_t length, const char *argument);
