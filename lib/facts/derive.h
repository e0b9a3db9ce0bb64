// What follows from the facts alone, and from them with knowledge of ids.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "facts/facts.h"

/* Fills the derived tables of all hosts: cmdline_option, stub_id, pci_ancestor, accelerator,
 * iommu_group_member, host_summary; classifies kernel_message rows. The matrices
 * `accelerator_model` and `kernel_message_pattern` must be readable on the connection (attached
 * knowledge). */
int hp_facts_derive(struct hp_facts *facts, struct hp_error *err);
