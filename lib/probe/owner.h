// Names of a file's owner, as the host itself names them. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/host.h"

/* Writes "user:group"; a number stands where the host's /etc/passwd or /etc/group has no name for
 * it. */
void hp_owner_text(struct hp_host *host, const struct hp_stat *stat, char *ret, size_t size);
