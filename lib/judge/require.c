// Whether a verdict meets a requirement. SPDX-License-Identifier: Apache-2.0
#include "judge/require.h"
#include "base/cleanup.h"
#include "base/text.h"

#include <errno.h>
#include <string.h>

int hp_requirement_parse(const char *text, struct hp_requirement *ret, struct hp_error *err)
{
	hp_cleanup_free char *copy = hp_strdup(text);
	char *comma = strchr(copy, ','), *colon;
	if (comma) {
		*comma++ = '\0';
		bool path = hp_starts_with(comma, "path=");
		int level = path ? hp_path_parse(comma + strlen("path=")) : -1;
		if (level != HP_PATH_ON && level != HP_PATH_CAUTION)
			return hp_fail(err, -EINVAL,
			               "--require %s: expected path=on or path=caution, not '%s'",
			               text, comma);
		ret->has_path = true;
		ret->path = (enum hp_path)level;
	}
	if ((colon = strchr(copy, ':')))
		*colon++ = '\0';
	ret->surface = hp_strdup(copy);
	ret->share = colon ? hp_strdup(colon) : NULL;
	return 0;
}

void hp_requirement_free(struct hp_requirement *requirement)
{
	free(requirement->surface);
	free(requirement->share);
}

static enum hp_answer offer_meets(const struct hp_requirement *requirement,
                                  const struct hp_offer *offer)
{
	bool path_unknown = requirement->has_path && offer->path == HP_PATH_UNKNOWN;
	if (requirement->has_path && !path_unknown && offer->path > requirement->path)
		return HP_ANSWER_NOT_MET;
	if (offer->readiness == HP_READINESS_READY)
		return path_unknown ? HP_ANSWER_UNKNOWN : HP_ANSWER_MET;
	return offer->readiness == HP_READINESS_UNKNOWN ? HP_ANSWER_UNKNOWN : HP_ANSWER_NOT_MET;
}

static enum hp_answer better(enum hp_answer a, enum hp_answer b)
{
	return a < b ? a : b;
}

static enum hp_answer worse(enum hp_answer a, enum hp_answer b)
{
	return a > b ? a : b;
}

enum hp_answer hp_requirement_accelerator(const struct hp_requirement *requirement,
                                          const struct hp_accelerator *accelerator)
{
	enum hp_answer best = HP_ANSWER_NOT_MET;
	for (size_t i = 0; i < accelerator->offer_count; i++) {
		const struct hp_surface_share *surface = accelerator->offers[i].surface;
		if (strcmp(surface->surface, requirement->surface) == 0 &&
		    (!requirement->share || strcmp(surface->share, requirement->share) == 0))
			best = better(best, offer_meets(requirement, &accelerator->offers[i]));
	}
	return best;
}

enum hp_answer hp_requirement_host(const struct hp_requirement *requirement,
                                   const struct hp_verdict_host *host, bool each)
{
	bool any = false;
	enum hp_answer answer = HP_ANSWER_NOT_MET;
	for (size_t i = 0; i < host->accelerator_count; i++) {
		const struct hp_accelerator *accelerator = &host->accelerators[i];
		if (accelerator->is_vf && !accelerator->offer_count)
			continue;
		enum hp_answer this = hp_requirement_accelerator(requirement, accelerator);
		answer = !any ? this : each ? worse(answer, this) : better(answer, this);
		any = true;
	}
	if (!any)
		return host->pci_seen ? HP_ANSWER_NOT_MET : HP_ANSWER_UNKNOWN;
	return answer;
}

enum hp_answer hp_requirement_verdict(const struct hp_requirement *requirement,
                                      const struct hp_verdict *verdict, bool each)
{
	size_t count;
	const struct hp_verdict_host *hosts = hp_verdict_hosts(verdict, &count);
	enum hp_answer answer = count ? HP_ANSWER_MET : HP_ANSWER_UNKNOWN;
	for (size_t i = 0; i < count; i++)
		answer = worse(answer, hp_requirement_host(requirement, &hosts[i], each));
	return answer;
}
