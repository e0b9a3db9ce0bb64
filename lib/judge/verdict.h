// The verdict: what facts and knowledge say of each offer of each accelerator.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "facts/facts.h"
#include "judge/knowledge.h"
#include "judge/surfaces.h"
#include "judge/words.h"

#include <stdbool.h>
#include <stddef.h>

struct hp_finding {
	const char *id; // rule@subject
	const struct hp_rule *rule;
	const char *host;
	const char *subject;         // address, group:N, or '' for the host
	const char *surface, *share; // NULL, or what it is narrowed to
	const char *evidence;
	enum hp_result result;
	bool host_wide; // hits every offer of its host, and stands with the host
};

struct hp_cost {
	const char *kind, *value, *unit, *source;
	long long amount; // -1: no number
	int level;
	bool estimate;
};

struct hp_offer {
	const struct hp_surface_share *surface;
	enum hp_path path;
	const char *path_source, *path_since, *path_until, *path_reason, *path_condition,
	    *path_checked;
	bool path_approximate;
	enum hp_readiness readiness;
	enum hp_distance distance;
	const char *summary; // the one line that matters most
	bool in_use;         // the host uses this surface, or the intent names it
	bool wanted;         // the intent names this surface and share
	/* What hits it, host-wide ones included: first what blocks and fails, dearest first, then
	 * what blocks and is unknown, then the rest. Passing ones only if they were asked for. */
	const struct hp_finding **findings;
	size_t finding_count;
	const struct hp_cost **costs;
	size_t cost_count;
};

struct hp_accelerator {
	const char *address, *parent, *vendor, *device, *subsystem, *kind, *name, *model,
	    *iommu_group, *driver;
	bool is_vf;
	bool group_predicted; // the IOMMU is off or was not seen: the group is what it would be
	struct hp_offer
	    *offers; // none for a VF whose PF is there: the PF's offers quote its findings
	size_t offer_count;
	const struct hp_finding **findings; // about itself, its group, its bridges, its VFs
	size_t finding_count;
};

struct hp_gap {
	const char *what, *why, *kind;
};

struct hp_verdict_host {
	const char *name;
	struct hp_accelerator *accelerators; // by address
	size_t accelerator_count;
	const struct hp_finding **findings; // host-wide, and those that hit no accelerator
	size_t finding_count;
	struct hp_gap *gaps;
	size_t gap_count;
	bool pci_seen;          // all PCI functions were seen: what is not there is not there
	const char *hypervisor; // what it runs under if it is itself a guest, else NULL
	const char *machine;    // what its firmware calls it, NULL if that is not known
	int root;               // observed by root: 1, 0, or -1 if that is not known
};

/* Other processors at work: children that prepare the rules while the facts are still being read,
 * and run them once they are there. */
struct hp_crew;

/* How they begin. */
struct hp_crew_start {
	size_t processors;      // to work on; 0: as many as there are
	void (*errand)(void *); // what one of them does first; NULL: nothing
	void *errand_data;
	/* Which knowledge they have: one that is open, or one that each opens for itself; it must
	 * be one file, and the verdict's the same, or they find nothing. */
	const struct hp_knowledge *knowledge;
	const struct hp_knowledge_options *knowledge_options;
};

/* Starts one; facts and knowledge must outlive it. NULL where the system gives none. */
struct hp_crew *hp_crew_new(struct hp_facts *facts, const struct hp_crew_start *start);
/* Ends its processes, once there is a verdict, which may last for hours: a guest runs meanwhile.
 * NULL is fine, as for hp_crew_free. */
void hp_crew_dismiss(struct hp_crew *crew);
void hp_crew_free(struct hp_crew *crew);

struct hp_verdict_options {
	const char *as_of;     // day of the matrix, YYYY-MM-DD
	bool passes;           // keep passing findings
	struct hp_crew *crew;  // for one verdict, which it must outlive; NULL: one is started
	size_t processors;     // to work on; 0: as many as there are, 1: no child is forked
	hp_complain *complain; // rules that could not be run
	void *data;
};

struct hp_verdict;

/* Judges every host of the facts, derived before, by the knowledge attached to them. Both must
 * outlive the verdict. */
int hp_verdict_new(struct hp_facts *facts, const struct hp_knowledge *knowledge,
                   const struct hp_verdict_options *options, struct hp_verdict **ret,
                   struct hp_error *err);
void hp_verdict_free(struct hp_verdict *verdict);

const struct hp_verdict_host *hp_verdict_hosts(const struct hp_verdict *verdict, size_t *ret_count);
/* The accelerator of that address, in a short or long form (3b:00.0), or of that index among those
 * that are no VFs. NULL: there is none; the error names those there are. */
const struct hp_accelerator *hp_accelerator_find(const struct hp_verdict_host *verdict,
                                                 const char *word, struct hp_error *err);
/* All findings of all hosts and results, in the order of their rules. */
const struct hp_finding *hp_verdict_findings(const struct hp_verdict *verdict, size_t *ret_count);
/* The files that a finding rests on, NULL-terminated; owned by the verdict. */
const char *const *hp_verdict_origins(struct hp_verdict *verdict, const struct hp_finding *finding);

/* Whether a rule judges what a guest sees of its VMM. */
bool hp_rule_of_guest(const struct hp_rule *rule);

/* Whether a rule's `applies` means a row of surface_share. */
bool hp_applies(const char *applies, const struct hp_surface_share *surface);
