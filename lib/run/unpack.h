// Kernels as distributions pack them. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"

#include <stddef.h>

/* Unpacks what is packed by gzip, xz, zstd or lz4 (told by its first bytes) into exactly `size`
 * bytes at `to`. -EINVAL: it is damaged, of another size, or packed by something else; -ENOTSUP:
 * the library for it is not installed. */
int hp_unpack(const char *data, size_t length, char *to, size_t size, struct hp_error *err);
