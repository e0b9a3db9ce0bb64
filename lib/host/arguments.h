// Arguments that may be shown, and those that may not. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/redact.h"

#include <stdbool.h>

typedef void hp_put_secret(const struct hp_redactor *redactor, const char *secret, size_t length,
                           struct hp_text *ret);

/* Where `path` holds a command line (the kernel's, a boot entry's, a process's): writes it with all
 * arguments hidden that are on no list, and returns true. */
bool hp_redact_arguments(const struct hp_redactor *redactor, const char *path, const char *data,
                         size_t length, hp_put_secret *put, struct hp_text *ret);
