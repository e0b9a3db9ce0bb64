// Probes: host in, facts out; they know sysfs and no rule. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "facts/facts.h"
#include "host/host.h"
#include "probe/ahead.h"

struct hp_probe_options {
	bool prove_kvm;          // run a tiny guest through the KVM API
	const char *const *wake; // addresses whose config space may be read though asleep;
	                         // NULL-terminated, or NULL
	struct hp_ahead *ahead;  // a child that reads ahead of us; NULL: none does
};

struct hp_probe {
	const char *name;    // its file's name
	const char *summary; // what it finds, one line
	int (*run)(struct hp_host *host, struct hp_facts *facts,
	           const struct hp_probe_options *options, struct hp_error *err);
};

/* All probes, in the order in which they run; ends with a row without a name. */
extern const struct hp_probe hp_probes[];

/* In a child of whoever runs the probes, while it does: reads ahead what takes them longest. */
void hp_probe_ahead(struct hp_host *host, struct hp_ahead *ahead);

/* Runs all probes, each at the host's level, for the facts' current host. What one probe cannot see
 * becomes a gap; a probe that fails as a whole becomes a gap too, and the others go on. */
int hp_probe_all(struct hp_host *host, struct hp_facts *facts,
                 const struct hp_probe_options *options, struct hp_error *err);
