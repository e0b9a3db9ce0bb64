// Libraries that few runs need, opened when one does. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"

#include <stddef.h>

struct hp_symbol {
	const char *name;
	size_t offset; // where its address goes, in the structure given
};

/* Opens the shared library and puts the addresses of its symbols, all of them, into the structure
 * `into`. It stays open to the end. -ENOTSUP where it is not installed or lacks one. */
int hp_library_open(const char *file, const struct hp_symbol *symbols, size_t count, void *into,
                    struct hp_error *err);
