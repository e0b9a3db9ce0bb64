// The pure parts of the software probe. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The version in what a program prints: the first run of numbers with a dot in it, with what
 * follows it up to white space, a comma or a bracket. */
bool hp_version_in_output(const char *output, char *buffer, size_t size);

/* EDK II's releases are months: 'edk2-stable202211', '2022.11-6' and '20221117' all become
 * '202211'. */
bool hp_edk2_version(const char *version, char *buffer, size_t size);
