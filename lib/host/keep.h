// Costly answers, kept while their file stays the same. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/host.h"

/* What was kept about `witness` (a file: the program that was run, a module) under the name `what`;
 * whether there is something, and the file is still the same by inode, time and size. Where the
 * host has no memory (not live, or not root's), nothing is kept. */
bool hp_keep_find(struct hp_host *host, const char *witness, const char *what, struct hp_text *ret);
void hp_keep_store(struct hp_host *host, const char *witness, const char *what,
                   const struct hp_text *text);
