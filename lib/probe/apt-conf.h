// Reading lists in apt's configuration. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/text.h"

#include <stdbool.h>

/* Adds the values of the list `name` in the text, separated by blanks; both ways to write it count:
 *   Name { "a"; "b"; };        Name:: "c";
 * Returns whether the list is there at all, if only empty. */
bool hp_apt_list(const char *text, const char *name, struct hp_text *ret);
