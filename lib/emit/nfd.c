// Node Feature Discovery: labels by which a scheduler finds what this host can deliver.
// SPDX-License-Identifier: Apache-2.0
//
// kubernetes-sigs/node-feature-discovery:docs/usage/customization-guide.md: a rule of the cluster
// sees hardware alone; a file on the node can tell the verdict.
#include "base/cleanup.h"
#include "emit/emitters.h"
#include "emit/kube.h"

#include <string.h>

// -- the file --

/* The best that any accelerator has of a surface and share. */
static const struct hp_offer *best_of(const struct hp_verdict_host *host,
                                      const struct hp_offer *like)
{
	static const int ranks[] = {[HP_READINESS_READY] = 0,
	                            [HP_READINESS_REACHABLE] = 1,
	                            [HP_READINESS_UNKNOWN] = 2,
	                            [HP_READINESS_UNREACHABLE] = 3};
	const struct hp_offer *best = like;
	for (size_t i = 0; i < host->accelerator_count; i++)
		for (size_t k = 0; k < host->accelerators[i].offer_count; k++) {
			const struct hp_offer *offer = &host->accelerators[i].offers[k];
			if (strcmp(offer->surface->surface, like->surface->surface) == 0 &&
			    strcmp(offer->surface->share, like->surface->share) == 0 &&
			    ranks[offer->readiness] < ranks[best->readiness])
				best = offer;
		}
	return best;
}

static void write_offer(const struct hp_verdict_host *host, const struct hp_offer *offer,
                        struct hp_text *text)
{
	hp_cleanup_free char *label =
	    hp_asprintf("happypath.io/%s.%s=", offer->surface->surface, offer->surface->share);
	bool had =
	    offer->readiness == HP_READINESS_READY || offer->readiness == HP_READINESS_REACHABLE;
	if (!had || strstr(hp_text_get(text), label))
		return; // only the first that has it looks for a better one
	hp_text_printf(text, "%s%s\n", label, hp_readiness_name(best_of(host, offer)->readiness));
}

static int write_features(const struct hp_emit *emit, struct hp_emission *to)
{
	const struct hp_verdict_host *host = emit->host;
	for (size_t i = 0; i < host->accelerator_count; i++)
		for (size_t k = 0; k < host->accelerators[i].offer_count; k++)
			write_offer(host, &host->accelerators[i].offers[k], &to->text);
	hp_note(to,
	        "it tells what is so now: write it anew when the verdict changes; what cannot be "
	        "had, or is not known, has no label");
	return to->text.length ? 0 : hp_refuse(to, NULL, "this host has nothing to offer");
}

// -- the rule --

static json_t *rule_json(const struct hp_accelerator *accelerator)
{
	hp_cleanup_free char *name = hp_kube_name(accelerator->model  ? accelerator->model
	                                          : accelerator->name ? accelerator->name
	                                                              : accelerator->device);
	hp_cleanup_free char *label = hp_asprintf("happypath.io/%s", name);
	return json_pack("{s:s, s:{s:s}, s:[{s:s, s:{s:{s:s,s:[s]}, s:{s:s,s:[s]}}}]}", "name",
	                 label, "labels", label, "true", "matchFeatures", "feature", "pci.device",
	                 "matchExpressions", "vendor", "op", "In", "value", accelerator->vendor,
	                 "device", "op", "In", "value", accelerator->device);
}

static int write_rule(const struct hp_emit *emit, struct hp_emission *to)
{
	json_t *rules = json_array();
	for (size_t i = 0; i < emit->host->accelerator_count; i++) {
		const struct hp_accelerator *accelerator = &emit->host->accelerators[i];
		json_t *rule = accelerator->vendor && accelerator->device && !accelerator->is_vf
		                   ? rule_json(accelerator)
		                   : NULL;
		bool there = !rule;
		json_t *other;
		size_t k;
		json_array_foreach(rules, k, other) there |= json_equal(other, rule);
		if (!there)
			json_array_append(rules, rule);
		json_decref(rule);
	}
	if (!json_array_size(rules)) {
		json_decref(rules);
		return hp_refuse(to, NULL, "this host has no accelerator whose id is known");
	}
	to->document = hp_kube_object("nfd.k8s-sigs.io/v1alpha1", "NodeFeatureRule", emit->name,
	                              json_pack("{s:o}", "rules", rules));
	to->yaml = true;
	return 0;
}

int hp_emit_nfd(const struct hp_emit *emit, struct hp_emission *to, struct hp_error *err)
{
	(void)err;
	json_array_clear(to->notes); // of how far each offer is the labels tell
	return strcmp(emit->variant, "rule") == 0 ? write_rule(emit, to) : write_features(emit, to);
}
