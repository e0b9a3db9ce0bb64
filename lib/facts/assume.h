// Assumed facts: a host that does not exist yet, or one fact of a host changed.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "facts/facts.h"

/* One key of --assume, for help. */
struct hp_assume_key {
	const char *name;
	const char *value; // how its value looks
	const char *help;
};

/* Ends with a row without a name. */
extern const struct hp_assume_key hp_assume_keys[];

/* Sets what "KEY=VALUE" says for the current host; every value gets the origin "assumed". Call it
 * for all assumptions in the order given, before deriving; `board` reads the matrix of that name,
 * so knowledge must be attached. Keys besides hp_assume_keys are table.column=value and
 * table[key].column=value. What is not assumed stays as it was: unknown on an empty host. The error
 * names the key and what was expected. */
int hp_facts_assume(struct hp_facts *facts, const char *assumption, struct hp_error *err);
