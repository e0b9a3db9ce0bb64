// What the parts of a verdict hand each other; nobody else's business.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/pool.h"
#include "judge/verdict.h"

#include <stdint.h>

/* findings.c: every rule run over all hosts at once. Begun first, so that other processors work at
 * it while we do something else; facts must not change in between. */
struct hp_findings {
	struct hp_finding *items; // by rule
	size_t count, size;
	const struct hp_rule *rules;
	size_t rule_count;
	struct hp_fence_reads *reads; // of each rule
	bool *wanted;                 // of each rule: its needs are met, and it did not run yet
	size_t most_rows;             // of one rule
	struct hp_pool *pool;
	const char *last_host;
	struct hp_facts *facts;
	const struct hp_knowledge *knowledge;
	const struct hp_verdict_options *options;
	struct hp_crew *crew;  // NULL: we are alone
	struct hp_crew *hired; // that one, if it is ours
};

void hp_findings_begin(struct hp_facts *facts, const struct hp_knowledge *knowledge,
                       const struct hp_verdict_options *options, struct hp_pool *pool,
                       struct hp_findings *ret);
int hp_findings_run(struct hp_findings *findings, struct hp_error *err);
void hp_findings_finish(struct hp_findings *findings);
/* Adds what a rule that is prepared says. */
int hp_findings_of_rule(struct hp_findings *findings, struct hp_fence *fence,
                        const struct hp_rule *rule, sqlite3_stmt *statement, struct hp_error *err);
/* Room for one more. */
struct hp_finding *hp_findings_add(struct hp_findings *findings);

/* crew.c: the facts are there. False: the crew cannot have them, and finds nothing. */
bool hp_crew_tell(struct hp_crew *crew, const struct hp_findings *findings);
/* Whether no child took the rule; none will from now on. */
bool hp_crew_leaves(struct hp_crew *crew, size_t rule);
/* Waits for the children, and adds what they found. Their rules are wanted no more. The findings
 * must not outlive the crew. */
void hp_crew_adopt(struct hp_crew *crew, struct hp_findings *findings);

/* offers.c: what the matrices offer. */
struct hp_matrix;

int hp_matrix_new(struct hp_facts *facts, const char *as_of, struct hp_pool *pool,
                  struct hp_matrix **ret, struct hp_error *err);
void hp_matrix_finish(struct hp_matrix *matrix);
const struct hp_surface_share *hp_matrix_surfaces(const struct hp_matrix *matrix,
                                                  size_t *ret_count);
/* Fills the offers of an accelerator: surface, path, costs. `shared_only`: those that a VF can have
 * alone. */
void hp_matrix_offers(const struct hp_matrix *matrix, struct hp_pool *pool,
                      struct hp_accelerator *accelerator, bool shared_only);

/* hosts.c: the hosts of the facts with their accelerators and gaps, in the pool. */
int hp_hosts_read(struct hp_facts *facts, struct hp_pool *pool, struct hp_verdict_host **ret,
                  size_t *ret_count, struct hp_error *err);
/* Marks the offers that the host uses now, or its intent names. */
int hp_host_mark_in_use(sqlite3 *db, struct hp_verdict_host *host, struct hp_error *err);

/* readiness.c: what findings make of an offer. */
/* For qsort of pointers to findings: what decides first comes first. */
int hp_finding_order(const void *a, const void *b);
/* Readiness and distance; the offer has its findings. */
void hp_offer_set_readiness(struct hp_offer *offer);
/* The one line that matters most. */
const char *hp_offer_summary(struct hp_pool *pool, const struct hp_offer *offer);

/* applies.c: the rows of surface_share that a rule means, as a set: bit i % 64 of word i / 64
 * stands for surface i. Rules and surfaces must outlive it; it lives in the pool. */
struct hp_applies;

struct hp_applies *hp_applies_new(struct hp_pool *pool, const struct hp_rule *rules,
                                  size_t rule_count, const struct hp_surface_share *surfaces,
                                  size_t count);
const uint64_t *hp_applies_set(struct hp_applies *applies, const struct hp_rule *rule);

/* origins.c: where the values came from that a finding rests on. */
struct hp_origins;

struct hp_origins *hp_origins_new(struct hp_facts *facts, struct hp_pool *pool);
void hp_origins_free(struct hp_origins *origins);
/* The files, NULL-terminated, in the pool. `iommu_group` is that of the subject, or NULL. */
const char *const *hp_origins_files(struct hp_origins *origins, const struct hp_finding *finding,
                                    const char *iommu_group, const struct hp_fence_reads *reads);
/* Words such as "assumed" or "remembered 120 s ago" that hold for a value it rests on; NULL if
 * there are none. */
const char *hp_origins_words(struct hp_origins *origins, const struct hp_finding *finding,
                             const char *iommu_group, const struct hp_fence_reads *reads);
