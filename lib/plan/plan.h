// From a verdict and a wish to an ordered list of steps. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "facts/facts.h"
#include "judge/verdict.h"
#include "step/step.h"

#include <jansson.h>
#include <stdbool.h>

/* What the operator asks for: a surface (and share), or needs. NULL and -1: no wish. */
struct hp_goal {
	const char *surface, *share; // --to SURFACE[:SHARE]
	const char *const *gpus;     // addresses, ends with NULL; NULL: every accelerator that can
	const char *isolation;       // kernel, vm, confidential
	const char *support;         // vendor, any
	const char *vmm;             // qemu, firecracker, …
	int64_t slices;              // at least so many thin slices a GPU
	int64_t boot_ms;             // time to a running guest
	int64_t guest_memory;        // bytes; -1: 16 GiB, said aloud
};

/* An interval; a term that nobody knows leaves the upper bound open. */
struct hp_estimate_term {
	const char *name;        // "pin guest memory"
	int64_t low_ms, high_ms; // high -1: not known
	const char *source;      // of its rate; NULL: none is known
	const char *reason;      // how it was reckoned, or what is not known
};

struct hp_estimate {
	struct hp_estimate_term *terms;
	size_t count;
	int64_t low_ms, high_ms; // sums; high -1 if a term is not known
};

enum hp_wish_state {
	HP_WISH_KEPT,
	HP_WISH_BROKEN,
	HP_WISH_UNKNOWN,
};

/* An offer weighed against the wishes. */
struct hp_candidate {
	const struct hp_accelerator *accelerator;
	const struct hp_offer *offer;
	enum hp_wish_state state;    // all wishes together
	struct hp_names broken;      // words for the wishes that it breaks, or that nobody knows of
	struct hp_estimate estimate; // VM offers
};

struct hp_plan {
	char *host;
	struct hp_candidate *candidates; // best first; steps lead to the first
	size_t candidate_count;
	enum hp_wish_state met; // KEPT: the first keeps all wishes; BROKEN: none can; UNKNOWN
	struct hp_steps steps;  // in walking order, each once
	bool reboot;            // steps that do not last wait until after it
	json_t *advice;         // what no step can do: [{title, distance, finding}]
	json_t *open;           // what is unknown and could ask for more: [finding]
};

/* Plans for one host of the verdict. `host` is what the steps' states are read from; NULL where
 * there is none (facts files, assumed hosts): states before are JSON null then, and apply refuses
 * the plan. -ENOENT: no accelerator of that address, -EINVAL: an unknown surface or share; the
 * error names those there are. */
int hp_plan_new(struct hp_host *host, struct hp_facts *facts, const struct hp_knowledge *knowledge,
                const struct hp_verdict_host *verdict, const struct hp_goal *goal,
                struct hp_plan **ret, struct hp_error *err);
void hp_plan_free(struct hp_plan *plan);

/* The plan file, happypath.plan/1 (docs/plan.schema.json): a new reference. */
json_t *hp_plan_json(const struct hp_plan *plan);
/* The steps of a plan file; `where` names it in errors. */
int hp_plan_read(const json_t *json, const char *where, struct hp_steps *ret, struct hp_error *err);
