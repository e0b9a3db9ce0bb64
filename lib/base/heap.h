// SQLite's memory. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

/* Gives SQLite memory from lists of blocks by size: preparing rules is mostly small allocations,
 * and distributions build SQLite without its own remedy (lookaside). For a program that uses SQLite
 * in one thread; call it before any other use of SQLite. Builds with a sanitizer keep malloc, which
 * it watches. */
void hp_heap_for_sqlite(void);

/* From here to the end SQLite gets no more than so many bytes besides what it has: what wants more
 * fails as out of memory. Returns what the end wants. */
int64_t hp_heap_limit_begin(int64_t bytes);
void hp_heap_limit_end(int64_t old);
