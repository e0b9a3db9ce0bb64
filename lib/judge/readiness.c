// What findings make of an offer: readiness, distance, and the line that matters most.
// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"
#include "judge/parts.h"

#include <string.h>

static bool blocks(const struct hp_finding *finding, enum hp_result result)
{
	return finding->rule->impact == HP_IMPACT_BLOCKS && finding->result == result;
}

/* What the cheapest way out of a finding costs; without one, more than anything. */
static int price(const struct hp_finding *finding)
{
	const struct hp_rule *rule = finding->rule;
	return rule->fix_count ? (int)rule->fixes[0].distance : HP_DISTANCE_HARDWARE + 1;
}

static int rank(const struct hp_finding *finding)
{
	static const int results[] = {
	    [HP_RESULT_FAIL] = 0, [HP_RESULT_UNKNOWN] = 1, [HP_RESULT_PASS] = 2};
	if (finding->result == HP_RESULT_PASS)
		return 6;
	return 2 * (int)finding->rule->impact + results[finding->result];
}

/* What decides first: blocking failures, the dearest first, then blocking unknowns, then the rest.
 */
int hp_finding_order(const void *a, const void *b)
{
	const struct hp_finding *const *left = a, *const *right = b;
	if (rank(*left) != rank(*right))
		return rank(*left) - rank(*right);
	if (price(*left) != price(*right))
		return price(*right) - price(*left);
	if ((*left)->rule != (*right)->rule) // rules are in the order of their ids
		return (*left)->rule < (*right)->rule ? -1 : 1;
	return strcmp((*left)->subject, (*right)->subject);
}

void hp_offer_set_readiness(struct hp_offer *offer)
{
	bool failed = false, stuck = false, unknown = false;
	int dearest = HP_DISTANCE_NONE;
	for (size_t i = 0; i < offer->finding_count; i++) {
		const struct hp_finding *finding = offer->findings[i];
		unknown |= blocks(finding, HP_RESULT_UNKNOWN);
		if (!blocks(finding, HP_RESULT_FAIL))
			continue;
		failed = true;
		stuck |= price(finding) >= HP_DISTANCE_HARDWARE;
		dearest = price(finding) > dearest ? price(finding) : dearest;
	}
	offer->distance =
	    (enum hp_distance)(dearest > HP_DISTANCE_HARDWARE ? HP_DISTANCE_HARDWARE : dearest);
	if (stuck)
		offer->readiness = HP_READINESS_UNREACHABLE;
	else if (!offer->surface->probed)
		offer->readiness = HP_READINESS_UNKNOWN;
	else if (failed)
		offer->readiness = HP_READINESS_REACHABLE;
	else
		offer->readiness = unknown ? HP_READINESS_UNKNOWN : HP_READINESS_READY;
}

static const char *path_words(const struct hp_offer *offer)
{
	if (offer->path_reason)
		return offer->path_reason;
	if (offer->path_condition)
		return offer->path_condition;
	return offer->path == HP_PATH_UNKNOWN ? "nothing is known of the vendor's stance" : NULL;
}

static const char *failure_words(struct hp_pool *pool, const struct hp_finding *finding)
{
	const struct hp_rule *rule = finding->rule;
	if (!rule->fix_count)
		return hp_pool_printf(pool, "cannot be had: %s", finding->evidence);
	return hp_pool_printf(pool, "%s (%s)", rule->fixes[0].title, finding->evidence);
}

/* What would have to hold: the titles of the blocking unknowns, most decisive first. */
static const char *unknown_words(struct hp_pool *pool, const struct hp_offer *offer)
{
	enum { SAID = 3 };
	size_t count = 0;
	hp_cleanup_text struct hp_text text = {0};
	for (size_t i = 0; i < offer->finding_count; i++) {
		if (!blocks(offer->findings[i], HP_RESULT_UNKNOWN))
			continue;
		if (count < SAID)
			hp_text_printf(&text, "%s%s", count ? "; " : "ready if: ",
			               offer->findings[i]->rule->title);
		count++;
	}
	if (count == 1)
		return hp_pool_printf(pool, "%s (%s)", text.data, offer->findings[0]->evidence);
	if (count > SAID)
		hp_text_printf(&text, "; and %zu more", count - SAID);
	return hp_pool_strdup(pool, text.data);
}

const char *hp_offer_summary(struct hp_pool *pool, const struct hp_offer *offer)
{
	const struct hp_finding *first = offer->finding_count ? offer->findings[0] : NULL;
	if (offer->path == HP_PATH_OFF && path_words(offer))
		return path_words(offer); // whatever the host does, nobody stands behind it
	if (first && blocks(first, HP_RESULT_FAIL))
		return failure_words(pool, first);
	if (!offer->surface->probed)
		return hp_pool_printf(
		    pool, "judged by knowledge alone: such hosts are not probed%s%s",
		    path_words(offer) ? "; " : "", path_words(offer) ? path_words(offer) : "");
	if (first && blocks(first, HP_RESULT_UNKNOWN))
		return unknown_words(pool, offer);
	if (offer->path != HP_PATH_ON && path_words(offer))
		return path_words(offer);
	if (first && first->rule->impact == HP_IMPACT_DEGRADES && first->result == HP_RESULT_FAIL)
		return hp_pool_printf(pool, "works, but: %s", failure_words(pool, first));
	return path_words(offer) ? path_words(offer) : "nothing stands in the way";
}
