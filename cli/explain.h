// What an ID of `happypath explain` means. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/table.h"
#include "cli.h"
#include "judge/verdict.h"

struct hp_explained_accelerator {
	const char *host;
	const struct hp_accelerator *accelerator;
};

enum hp_explained_kind {
	HP_EXPLAINED_RULE, // also a finding: a rule and its subject
	HP_EXPLAINED_FIX,
	HP_EXPLAINED_SURFACE,
	HP_EXPLAINED_ACCELERATOR,
};

struct hp_explained {
	enum hp_explained_kind kind;
	const char *id;               // as it was given
	char *subject;                // of a finding; NULL: all subjects
	char *surface, *share;        // of a surface; share NULL: all
	const struct hp_rule **rules; // the rule, those a fix is a way out of, those of a surface
	size_t rule_count;
	struct hp_explained_accelerator
	    *accelerators; // the one; or, of a surface, one of each kind
	size_t accelerator_count;
};

struct hp_explain {
	struct hp_session session;
	struct hp_verdict *verdict;
	struct hp_explained what;
};

/* Finds what `id` means; false if nothing here is called so. */
bool hp_explain_find(struct hp_explain *explain, const char *id);
void hp_explained_finish(struct hp_explained *what);

/* Whether a finding is among those of the rule that are told of. */
bool hp_explain_tells(const struct hp_explained *what, const struct hp_rule *rule,
                      const struct hp_finding *finding);
/* The keys of --assume that would make a rule speak which has nothing to say, as columns of the
 * table of intents; ends with NULL. Free it. */
const struct hp_column_def **hp_explain_intents(const struct hp_explain *explain,
                                                const struct hp_rule *rule);
/* Whether an offer is of the surface and share that are told of. */
bool hp_explain_tells_offer(const struct hp_explained *what, const struct hp_offer *offer);
bool hp_explain_hits(const struct hp_offer *offer, const struct hp_finding *finding);
/* Whether a finding hits an offer that is not off the path; what hits none may matter, too. */
bool hp_explain_matters(const struct hp_accelerator *accelerator, const struct hp_finding *finding);

/* As docs/explain.schema.json says. */
int hp_explain_print_json(const struct hp_explain *explain, const char *as_of,
                          enum hp_format format, struct hp_error *err);
