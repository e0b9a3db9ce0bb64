// The pure part of the service probe. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>

/* Whether a unit file has a section that says how to enable it. */
bool hp_unit_installs(const char *text);
