// Memory that is freed all at once. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>

struct hp_pool;

/* Never NULL. */
struct hp_pool *hp_pool_new(void);
void hp_pool_free(struct hp_pool *pool);
/* Zeroed memory that lives as long as the pool. */
void *hp_pool_alloc(struct hp_pool *pool, size_t size);
/* A copy; NULL of NULL. */
char *hp_pool_strdup(struct hp_pool *pool, const char *string);
char *hp_pool_printf(struct hp_pool *pool, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
