// What the bootloader was told, and what it will start. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "facts/facts.h"
#include "host/host.h"

/* Sets cmdline_configured, cmdline_next, their files and next_release of a row of `kernel`.
 * `running` is the running command line, NULL if unknown. */
void hp_bootloader_put(struct hp_host *host, struct hp_row *row, const char *running);
