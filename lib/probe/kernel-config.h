// The pure part of reading a kernel's configuration. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>

/* Takes "CONFIG_X=value" or "# CONFIG_X is not set" apart, in place; whether the line is one. */
bool hp_kernel_config_line(char *line, char **ret_option, char **ret_value);
