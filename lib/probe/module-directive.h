// Directives about modules, in modprobe.d and the like. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "facts/facts.h"
#include "host/host.h"

/* Fills module_directive. `ret_early`: the modules that an initramfs is told to load, separated by
 * blanks; left without data if no such configuration is there. */
int hp_module_directives_put(struct hp_host *host, struct hp_facts *facts,
                             struct hp_text *ret_early, struct hp_error *err);
