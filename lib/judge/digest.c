// What of a verdict is shown first. SPDX-License-Identifier: Apache-2.0
#include "judge/digest.h"
#include "base/cleanup.h"
#include "base/text.h"

#include <string.h>

// -- rows: the offers of a surface that are judged alike --

static bool alike(const struct hp_offer *a, const struct hp_offer *b)
{
	return a->surface->surface == b->surface->surface ||
	       strcmp(a->surface->surface, b->surface->surface) == 0;
}

static bool same_judgement(const struct hp_offer *a, const struct hp_offer *b)
{
	return alike(a, b) && a->path == b->path && a->readiness == b->readiness &&
	       a->distance == b->distance;
}

int hp_offer_goodness(const struct hp_offer *offer)
{
	static const int paths[] = {
	    [HP_PATH_ON] = 0, [HP_PATH_CAUTION] = 1, [HP_PATH_UNKNOWN] = 2, [HP_PATH_OFF] = 3};
	static const int readiness[] = {[HP_READINESS_READY] = 0,
	                                [HP_READINESS_REACHABLE] = 1,
	                                [HP_READINESS_UNKNOWN] = 2,
	                                [HP_READINESS_UNREACHABLE] = 3};
	return 4 * paths[offer->path] + readiness[offer->readiness];
}

/* A share that is off or unknown goes unsaid where its surface has a better one. */
static bool is_shown(const struct hp_accelerator *accelerator, const struct hp_offer *offer,
                     bool all)
{
	if (all || offer->wanted)
		return true;
	if (!offer->surface->first_nine && !offer->in_use)
		return false;
	for (size_t i = 0; i < accelerator->offer_count; i++) {
		const struct hp_offer *other = &accelerator->offers[i];
		if (!alike(offer, other) || other == offer)
			continue;
		bool worse =
		    hp_offer_goodness(offer) / 4 >= 2 &&
		    (hp_offer_goodness(other) < hp_offer_goodness(offer) ||
		     (hp_offer_goodness(other) == hp_offer_goodness(offer) && other < offer));
		if (worse)
			return false;
	}
	return true;
}

static void add_row(struct hp_digest_row *rows, size_t *count, const struct hp_offer *offer,
                    bool merge)
{
	for (size_t i = 0; merge && i < *count; i++) {
		struct hp_digest_row *row = &rows[i];
		size_t length = strlen(row->shares);
		if (!same_judgement(row->offer, offer))
			continue;
		snprintf(row->shares + length, sizeof(row->shares) - length, ", %s",
		         offer->surface->share);
		return;
	}
	struct hp_digest_row *row = &rows[(*count)++];
	*row = (struct hp_digest_row){.offer = offer, .asked = offer->in_use};
	snprintf(row->shares, sizeof(row->shares), "%s", offer->surface->share);
}

static int in_use_first(const void *a, const void *b)
{
	const struct hp_digest_row *left = a, *right = b;
	if (left->asked != right->asked)
		return right->asked - left->asked;
	int order = left->offer->surface->position - right->offer->surface->position;
	return order ? order : (left->offer > right->offer) - (left->offer < right->offer);
}

size_t hp_digest_rows(const struct hp_accelerator *accelerator, bool all,
                      struct hp_digest_row *rows)
{
	size_t count = 0;
	for (size_t i = 0; i < accelerator->offer_count; i++)
		if (is_shown(accelerator, &accelerator->offers[i], all))
			add_row(rows, &count, &accelerator->offers[i], !all);
	qsort(rows, count, sizeof(*rows), in_use_first);
	return count;
}

bool hp_digest_is_grey(const struct hp_digest_row *row)
{
	return !row->asked && (row->offer->path == HP_PATH_OFF ||
	                       row->offer->readiness == HP_READINESS_UNREACHABLE);
}

/* What names a row: its surface, and a share where the surface has several rows. */
static char *name_of(const struct hp_digest_row *rows, size_t count, size_t at)
{
	const struct hp_surface_share *surface = rows[at].offer->surface;
	for (size_t i = 0; i < count; i++)
		if (i != at && alike(rows[i].offer, rows[at].offer))
			return hp_asprintf("%s:%s", surface->surface, surface->share);
	return hp_strdup(surface->surface);
}

/* How much fails and blocks besides the one that the summary tells of. */
static size_t untold(const struct hp_offer *offer)
{
	size_t count = 0;
	bool told = offer->path != HP_PATH_OFF && offer->readiness != HP_READINESS_UNREACHABLE;
	for (size_t i = 0; told && i < offer->finding_count; i++)
		count += offer->findings[i]->result == HP_RESULT_FAIL &&
		         offer->findings[i]->rule->impact == HP_IMPACT_BLOCKS;
	return count ? count - 1 : 0;
}

/* Rows below that would repeat it name the first that said it. */
char *hp_digest_words(const struct hp_digest_row *rows, size_t count, size_t at)
{
	for (size_t i = 0; i < at; i++) {
		if (strcmp(rows[i].offer->summary, rows[at].offer->summary) != 0)
			continue;
		hp_cleanup_free char *name = name_of(rows, count, i);
		return hp_asprintf("as for %s", name);
	}
	size_t more = untold(rows[at].offer);
	return more ? hp_asprintf("%s; and %zu more", rows[at].offer->summary, more)
	            : hp_strdup(rows[at].offer->summary);
}

const char *hp_digest_distance(const struct hp_offer *offer)
{
	bool open = offer->distance == HP_DISTANCE_NONE && offer->readiness != HP_READINESS_READY;
	return open ? "-" : hp_distance_name(offer->distance);
}

static bool same_findings(const struct hp_offer *a, const struct hp_offer *b)
{
	if (a->finding_count != b->finding_count)
		return false;
	for (size_t i = 0; i < a->finding_count; i++)
		if (a->findings[i]->rule != b->findings[i]->rule ||
		    a->findings[i]->result != b->findings[i]->result)
			return false;
	return true;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_verdict(const struct hp_accelerator *a, const struct hp_accelerator *b)
{
	if (!same_text(a->vendor, b->vendor) || !same_text(a->device, b->device) ||
	    !same_text(a->name, b->name) || a->offer_count != b->offer_count ||
	    a->is_vf != b->is_vf)
		return false;
	if (a->is_vf && !a->offer_count)
		return same_text(a->parent, b->parent);
	for (size_t i = 0; i < a->offer_count; i++)
		if (!same_judgement(&a->offers[i], &b->offers[i]) ||
		    !same_findings(&a->offers[i], &b->offers[i]))
			return false;
	return true;
}

size_t hp_digest_group(const struct hp_verdict_host *host, size_t first, bool *done,
                       const struct hp_accelerator **group)
{
	size_t members = 0;
	for (size_t i = first; !done[first] && i < host->accelerator_count; i++) {
		const struct hp_accelerator *other = &host->accelerators[i];
		if (done[i] || (i > first && !same_verdict(&host->accelerators[first], other)))
			continue;
		done[i] = i > first;
		group[members++] = other;
	}
	return members;
}

char *hp_digest_title(const struct hp_accelerator *accelerator, size_t count)
{
	hp_cleanup_free char *times = count > 1 ? hp_asprintf("%zu × ", count) : hp_strdup("");
	return hp_asprintf("%s%s [%s:%s]", times,
	                   accelerator->name                         ? accelerator->name
	                   : strcmp(accelerator->kind, "other") == 0 ? "unknown device"
	                                                             : "unknown accelerator",
	                   accelerator->vendor ? accelerator->vendor : "?",
	                   accelerator->device ? accelerator->device : "?");
}

/* A title says what would be well: what fails is told by what to do. */
char *hp_digest_failure(const struct hp_finding *finding)
{
	const struct hp_rule *rule = finding->rule;
	return hp_asprintf("%s (%s)", rule->fix_count ? rule->fixes[0].title : rule->resolution,
	                   finding->evidence);
}

char *hp_digest_host(const struct hp_verdict_host *host)
{
	size_t vfs = 0;
	for (size_t i = 0; i < host->accelerator_count; i++)
		vfs += host->accelerators[i].is_vf;
	size_t count = host->accelerator_count - vfs;
	hp_cleanup_free char *and_vfs =
	    vfs ? hp_asprintf(" and %zu VF%s", vfs, vfs == 1 ? "" : "s") : hp_strdup("");
	return hp_asprintf(
	    "%s: %zu accelerator%s%s%s", host->name, count, count == 1 ? "" : "s", and_vfs,
	    !host->accelerator_count && !host->pci_seen ? " (PCI was not seen whole)" : "");
}
