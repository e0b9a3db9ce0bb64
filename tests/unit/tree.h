// A directory to build a machine's tree in, for tests. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>

struct tree {
	char path[64];
};

void tree_make(struct tree *tree);
void tree_remove(struct tree *tree);
/* Paths are absolute, as on the machine; directories are made as needed. */
void tree_put(const struct tree *tree, const char *path, const char *content);
void tree_put_bytes(const struct tree *tree, const char *path, const void *bytes, size_t size);
void tree_put_link(const struct tree *tree, const char *path, const char *target);
