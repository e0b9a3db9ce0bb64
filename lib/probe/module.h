// The pure part of the module probe. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The module's name in a line of modules.dep or modules.builtin: base name without .ko and what
 * follows, dashes as underscores. Whether the line has one that fits. */
bool hp_module_of_path(const char *line, char *buffer, size_t size);
