// BARs of a PCI function, from its `resource` attribute. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "facts/facts.h"
#include "probe/config.h"

/* Writes the pci_bar rows of `address` from the text of its `resource` file. `config` (may be NULL)
 * shows BARs that are implemented though the kernel found no room for them. */
int hp_probe_bars(struct hp_facts *facts, const char *address, const char *resource,
                  const struct hp_config *config, struct hp_error *err);
