// Which functions are accelerators, what lies above them, and how many a host has.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "facts/facts.h"

/* Fills accelerator, pci_ancestor and host_summary of all hosts. An accelerator is a function whose
 * id is a known one (matrix accelerator_model), whose vendor and class say so (accelerator_class),
 * or that an intent names. Changes the facts' current host. Part of deriving. */
int hp_facts_find_accelerators(struct hp_facts *facts, struct hp_error *err);
