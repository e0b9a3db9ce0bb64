// Writing to descriptors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>

/* Writes all of it, however often the kernel takes a part only, or a signal comes between. 0 or a
 * negative errno; how much was written then is not known. */
int hp_write_whole(int fd, const char *data, size_t length);
