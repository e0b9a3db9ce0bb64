// From a verdict and a wish to an ordered list of steps. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "facts/facts.h"
#include "judge/verdict.h"
#include "plan/estimate.h"
#include "step/step.h"

#include <jansson.h>
#include <stdbool.h>

/* What the operator asks for: a surface (and share), or needs. NULL and -1: no wish. */
struct hp_goal {
	const char *surface;     // --to SURFACE
	const char *share;       // whole, mig, vgpu, …: `mig` is MIG-backed vGPU as well
	const char *profile;     // of the share: 1g.10gb, H100-4C
	const char *const *gpus; // addresses, ends with NULL; NULL: every accelerator that can
	const char *isolation;   // kernel, vm, confidential
	const char *support;     // vendor, any
	const char *vmm;         // qemu, firecracker, …
	const char *injection;   // how a container's engine gives it the device (intent.injection),
	                         // as who starts it says; no word of goal files
	int64_t slices;          // at least so many thin slices a GPU
	int64_t boot_ms;         // time to a running guest
	int64_t guest_memory;    // bytes; -1: 16 GiB, said aloud
};

#define HP_GOAL_NONE                                                                               \
	(struct hp_goal)                                                                           \
	{                                                                                          \
		.slices = -1, .boot_ms = -1, .guest_memory = -1                                    \
	}

enum hp_wish_state {
	HP_WISH_KEPT,
	HP_WISH_UNKNOWN,
	HP_WISH_BROKEN,
};

const char *hp_wish_state_name(enum hp_wish_state state);

/* A wish that an offer breaks, or of which nobody can tell. */
struct hp_wish {
	const char *name;  // --vmm; "" is the host itself, which cannot be dropped
	const char *value; // firecracker; "" where it has none
	char *why;         // "runs on qemu"
	enum hp_wish_state state;
};

/* A surface and share, of the accelerators on which it keeps and breaks the same wishes. */
struct hp_candidate {
	const struct hp_surface_share *surface;
	const struct hp_accelerator **accelerators;
	const struct hp_offer **offers; // one an accelerator
	size_t count;
	enum hp_path path; // the worst of the offers, as the next two
	enum hp_readiness readiness;
	enum hp_distance distance;
	enum hp_wish_state state; // all wishes together
	struct hp_wish *wishes;   // broken and unknown ones
	size_t wish_count;
	int price;                   // levels of its costs, together
	struct hp_estimate estimate; // VM offers
};

/* What a step's kind does not know of it. */
struct hp_step_detail {
	char *want;                    // the word that the fix asks for
	json_t *findings;              // ids of those that it mends
	json_t *alternatives;          // titles of other ways out
	struct hp_obstacles obstacles; // who is hurt, or in the way
	bool after_reboot;             // does not last, and other steps, or advice, reboot
};

struct hp_plan {
	char *host;
	struct hp_candidate *candidates; // best first; steps lead to the first
	size_t candidate_count;
	enum hp_wish_state met; // KEPT: the first keeps all wishes; BROKEN: none can; UNKNOWN
	bool there;             // the first is ready: nothing is to be done
	struct hp_steps steps;  // in walking order, each once; none where no offer keeps the wishes
	struct hp_step_detail *details; // one a step
	bool reboot;                    // steps that do not last wait until after it
	json_t *advice;                 // what no step can do: [{title, distance, finding, …}]
	json_t *open; // what is unknown and could ask for more: [{finding, title, …}]
	char *vendor; // the machine's maker, NULL if it is not known
};

/* Plans for one host of the verdict. `host` is what the steps' states are read from; NULL where
 * there is none (facts files, assumed hosts): states are JSON null then, and apply refuses the
 * plan. -ENOENT: no accelerator of that address, -EINVAL: an unknown surface, share or other word;
 * the error names those there are. The verdict must outlive the plan. */
int hp_plan_new(struct hp_host *host, struct hp_facts *facts, const struct hp_knowledge *knowledge,
                const struct hp_verdict_host *verdict, const struct hp_goal *goal,
                struct hp_plan **ret, struct hp_error *err);
void hp_plan_free(struct hp_plan *plan);

/* Facts that a goal means, "table.column=value" as hp_facts_assume takes them: to be set before the
 * host is judged. Ends with NULL; the caller frees each and the list. */
char **hp_goal_intents(const struct hp_goal *goal);

/* The plan file, happypath.plan/1 (docs/plan.schema.json): a new reference. */
json_t *hp_plan_json(const struct hp_plan *plan, const struct hp_goal *goal,
                     const struct hp_knowledge *knowledge);
/* The steps of a plan file; `where` names it in errors. */
int hp_plan_read(const json_t *json, const char *where, struct hp_steps *ret, struct hp_error *err);
