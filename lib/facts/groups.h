// IOMMU groups as the kernel would form them. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "facts/facts.h"

#include <stdbool.h>
#include <stddef.h>

struct hp_group_member {
	char address[24];
	int group;         // numbered from 0 in the order of the kernel's scan; -1: cannot be told
	const char *quirk; // the kernel's quirk that decided whether it isolates, NULL if none did
};

struct hp_groups {
	struct hp_group_member *members; // in the order of the kernel's scan
	size_t count;
	struct hp_text *words; // what quirk points into
};

/* Predicts the IOMMU groups of a host from its table pci_function: topology, multifunction and ACS,
 * with the kernel's quirks (matrix acs_quirk, which must be readable on the connection) for its
 * release. Where the IOMMU is off, the kernel has not enabled ACS, and what a function is capable
 * of counts (`capable`); else what is enabled. What depends on an unknown is unknown: group -1. */
int hp_groups_predict(struct hp_facts *facts, const char *host, bool capable, struct hp_groups *ret,
                      struct hp_error *err);
void hp_groups_free(struct hp_groups *groups);

/* Gives predicted groups to the functions of all hosts that show none: where the IOMMU is off, and
 * where it is on (a host that is only assumed) but no function has a group. Part of deriving. */
int hp_facts_predict_groups(struct hp_facts *facts, struct hp_error *err);
