// What differs between the facts of two hosts. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "facts/facts.h"

/* One difference. `key` names the row ("0000:01:00.0", "" for tables with one row a host). A row
 * that one side lacks is one difference with column "", where the side that has it says "present".
 * `before` or `after` is NULL for unknown. All strings live during the call only. */
struct hp_difference {
	const char *table;
	const char *key;
	const char *column;
	const char *before;
	const char *after;
	const char
	    *incidental; // why it may differ on a host that nobody touched, or NULL: it is state
};

typedef void hp_on_difference(void *data, const struct hp_difference *difference);

/* Compares the base facts of two hosts of the store, table by table, key by key. IOMMU groups are
 * compared by their members, not by their numbers, which change from boot to boot. Returns how many
 * differences there are, or a negative errno. */
int hp_facts_diff(struct hp_facts *facts, const char *before, const char *after,
                  hp_on_difference *found, void *data, struct hp_error *err);
