// Offers weighed against wishes, and the candidates that come of it.
// SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "base/text.h"
#include "plan/parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const states[] = {
    [HP_WISH_KEPT] = "kept",
    [HP_WISH_UNKNOWN] = "unknown",
    [HP_WISH_BROKEN] = "broken",
};

const char *hp_wish_state_name(enum hp_wish_state state)
{
	return states[state];
}

/* One offer being weighed. */
struct scale {
	struct hp_planner *planner;
	const struct hp_accelerator *accelerator;
	const struct hp_offer *offer;
	const struct hp_surface_share *surface;
	const struct hp_estimate *estimate;
};

typedef enum hp_wish_state weigh(const struct scale *scale, char **why);

// -- one wish each; `why` is set where it is not kept --

static enum hp_wish_state weigh_host(const struct scale *scale, char **why)
{
	static const enum hp_wish_state states_[] = {
	    [HP_READINESS_READY] = HP_WISH_KEPT,
	    [HP_READINESS_REACHABLE] = HP_WISH_KEPT,
	    [HP_READINESS_UNREACHABLE] = HP_WISH_BROKEN,
	    [HP_READINESS_UNKNOWN] = HP_WISH_UNKNOWN,
	};
	*why = hp_strdup(scale->offer->summary);
	return states_[scale->offer->readiness];
}

static enum hp_wish_state weigh_isolation(const struct scale *scale, char **why)
{
	const char *wanted = scale->planner->goal->isolation;
	bool vm = strcmp(scale->surface->isolation, "vm") == 0;
	if (strcmp(wanted, "kernel") == 0)
		return HP_WISH_KEPT;
	if (!vm) {
		*why = hp_strdup("tenants share the host's kernel");
		return HP_WISH_BROKEN;
	}
	if (strcmp(wanted, "vm") == 0)
		return HP_WISH_KEPT;
	if (!hp_has_word(scale->surface->mechanism, "vfio")) {
		*why = hp_strdup("confidential VMs are given whole devices by VFIO");
		return HP_WISH_BROKEN;
	}
	hp_cleanup_free char *can =
	    hp_plan_text(scale->planner->db,
	                 "SELECT confidential FROM accelerator WHERE host = ?1 AND address = ?2",
	                 scale->planner->verdict->name, scale->accelerator->address);
	if (can && strcmp(can, "yes") == 0)
		return HP_WISH_KEPT;
	*why = hp_asprintf("%s %s confidential computing",
	                   scale->accelerator->name ? scale->accelerator->name : "the device",
	                   can ? "has no" : "is not known to have");
	return can ? HP_WISH_BROKEN : HP_WISH_UNKNOWN;
}

static enum hp_wish_state weigh_support(const struct scale *scale, char **why)
{
	const struct hp_offer *offer = scale->offer;
	if (strcmp(scale->planner->goal->support, "any") == 0 || offer->path == HP_PATH_ON)
		return HP_WISH_KEPT;
	*why = offer->path == HP_PATH_UNKNOWN
	           ? hp_strdup("the vendor's stance is not on record")
	           : hp_asprintf("the vendor does not stand behind it (%s): %s",
	                         hp_path_name(offer->path),
	                         offer->path_reason ? offer->path_reason : "no reason on record");
	return offer->path == HP_PATH_UNKNOWN ? HP_WISH_UNKNOWN : HP_WISH_BROKEN;
}

static bool runs_on(const struct hp_surface_share *surface, const char *vmm)
{
	return strcmp(surface->vmm, vmm) == 0 || hp_has_word(surface->mechanism, vmm) ||
	       strcmp(surface->surface, vmm) == 0;
}

static enum hp_wish_state weigh_vmm(const struct scale *scale, char **why)
{
	const struct hp_surface_share *surface = scale->surface;
	bool none = strcmp(surface->vmm, "none") == 0;
	if (runs_on(surface, scale->planner->goal->vmm))
		return HP_WISH_KEPT;
	*why =
	    none ? hp_strdup("runs on another program") : hp_asprintf("runs on %s", surface->vmm);
	if (none && strcmp(surface->isolation, "vm") != 0) {
		free(*why);
		*why = hp_strdup("there is no VMM in it");
	}
	return HP_WISH_BROKEN;
}

/* `mig` is a MIG slice, as itself or as a vGPU. */
static bool is_share(const char *share, const char *wanted)
{
	return strcmp(share, wanted) == 0 ||
	       (strcmp(wanted, "mig") == 0 && strcmp(share, "mig-vgpu") == 0);
}

static enum hp_wish_state weigh_profile(const struct scale *scale, char **why)
{
	struct hp_planner *planner = scale->planner;
	bool vgpu = hp_has_word(scale->surface->mechanism, "vgpu");
	const char *profile = planner->goal->profile;
	/* A MIG profile's name has a dot; a type's name ends with what it is called. */
	bool mig = strchr(profile, '.') != NULL;
	hp_cleanup_free char *have = hp_plan_text(
	    planner->db,
	    mig || !vgpu
		? "SELECT sorted_list(profile) FROM mig_profile WHERE ?1 <> '' AND device = ?2"
		: "SELECT sorted_list(name) FROM vgpu_type_model WHERE ?1 <> '' AND device = ?2",
	    planner->verdict->name, scale->accelerator->device);
	if (!have || !*have) {
		*why = hp_strdup("what it can be cut into is not on record");
		return HP_WISH_UNKNOWN;
	}
	for (const char *at = have; (at = strstr(at, profile)); at++) {
		char end = at[strlen(profile)];
		bool start = at == have || at[-1] == ' ';
		if ((start || (vgpu && !mig)) && (end == '\0' || end == ','))
			return HP_WISH_KEPT;
	}
	*why = hp_asprintf("there is no %s of it; there are: %s", profile, have);
	return HP_WISH_BROKEN;
}

static enum hp_wish_state weigh_share(const struct scale *scale, char **why)
{
	const struct hp_goal *goal = scale->planner->goal;
	if (goal->share && !is_share(scale->surface->share, goal->share)) {
		*why = hp_asprintf("it gives %s", scale->surface->share);
		return HP_WISH_BROKEN;
	}
	return goal->profile ? weigh_profile(scale, why) : HP_WISH_KEPT;
}

// -- how many slices there are --

static int64_t mig_instances(const struct scale *scale)
{
	struct hp_planner *planner = scale->planner;
	const char *profile = planner->goal->profile;
	bool one = profile && strchr(profile, '.');
	int64_t most = -1;
	hp_cleanup_free char *key =
	    hp_asprintf("%s %s", scale->accelerator->device ? scale->accelerator->device : "",
	                one ? profile : "");
	hp_plan_number(planner->db,
	               one ? "SELECT MAX(max_instances) FROM mig_profile WHERE ?1 <> ''"
	                     " AND device || ' ' || profile = ?2"
	                   : "SELECT MAX(max_instances) FROM mig_profile WHERE ?1 <> ''"
	                     " AND device || ' ' = ?2",
	               planner->verdict->name, key, &most, NULL);
	return most;
}

/* Time-sliced types carry their framebuffer in GB: "NVIDIA H100-4C". The largest is the whole
 * board's. */
static int64_t vgpus(const struct scale *scale)
{
	hp_cleanup_free char *names = hp_plan_text(
	    scale->planner->db,
	    "SELECT sorted_list(name) FROM vgpu_type_model WHERE ?1 <> '' AND mig_backed = 0 AND "
	    "device = ?2",
	    scale->planner->verdict->name, scale->accelerator->device);
	long most = 0, least = 0;
	char *rest = names;
	for (char *name; (name = strsep(&rest, ","));) {
		const char *dash = strrchr(name, '-');
		long size = dash ? strtol(dash + 1, NULL, 10) : 0;
		most = size > most ? size : most;
		least = size > 0 && (!least || size < least) ? size : least;
	}
	return least ? most / least : -1;
}

static int64_t vfs(const struct scale *scale)
{
	int64_t most = -1;
	hp_plan_number(scale->planner->db,
	               "SELECT sriov_totalvfs FROM accelerator WHERE host = ?1 AND address = ?2",
	               scale->planner->verdict->name, scale->accelerator->address, &most, NULL);
	return most;
}

static int64_t one(const struct scale *scale HP_UNUSED)
{
	return 1;
}

static int64_t any_number(const struct scale *scale HP_UNUSED)
{
	return INT64_MAX;
}

static const struct {
	const char *share;
	int64_t (*most)(const struct scale *scale); // -1: not known
} slices[] = {
    {"whole", one}, {"mig", mig_instances},     {"mig-vgpu", mig_instances}, {"vgpu", vgpus},
    {"vf", vfs},    {"time-slice", any_number},
};

static enum hp_wish_state weigh_slices(const struct scale *scale, char **why)
{
	int64_t most = -1;
	for (size_t i = 0; i < HP_COUNT(slices); i++)
		if (strcmp(slices[i].share, scale->surface->share) == 0)
			most = slices[i].most(scale);
	if (most >= scale->planner->goal->slices)
		return HP_WISH_KEPT;
	*why = most < 0    ? hp_strdup("how many slices it can have is not on record")
	       : most == 1 ? hp_strdup("one workload has the whole device")
	                   : hp_asprintf("it has %lld slices at most", (long long)most);
	return most < 0 ? HP_WISH_UNKNOWN : HP_WISH_BROKEN;
}

static enum hp_wish_state weigh_boot(const struct scale *scale, char **why)
{
	const struct hp_estimate *estimate = scale->estimate;
	int64_t limit = scale->planner->goal->boot_ms;
	if (!estimate->count) {
		*why = hp_strdup("no guest boots; how long its start takes is not on record");
		return HP_WISH_UNKNOWN;
	}
	if (estimate->high_ms >= 0 && estimate->high_ms <= limit)
		return HP_WISH_KEPT;
	hp_cleanup_free char *high =
	    estimate->high_ms < 0 ? hp_strdup("its upper bound is open")
				  : hp_asprintf("%lld ms at most", (long long)estimate->high_ms);
	*why = hp_asprintf("a guest takes at least %lld ms, %s", (long long)estimate->low_ms, high);
	return estimate->low_ms > limit ? HP_WISH_BROKEN : HP_WISH_UNKNOWN;
}

// -- all wishes --

static const struct {
	const char *name; // as on the command line, "" for the host
	weigh *weigh;
	size_t text; // of struct hp_goal: the field that holds it
	bool number;
} wishes[] = {
    {"", weigh_host, 0, false},
    {"--isolation", weigh_isolation, offsetof(struct hp_goal, isolation), false},
    {"--slices", weigh_slices, offsetof(struct hp_goal, slices), true},
    {"--share", weigh_share, offsetof(struct hp_goal, share), false},
    {"--support", weigh_support, offsetof(struct hp_goal, support), false},
    {"--vmm", weigh_vmm, offsetof(struct hp_goal, vmm), false},
    {"--boot-under", weigh_boot, offsetof(struct hp_goal, boot_ms), true},
};

/* Whether wish `i` was wished, and its value: a new string. */
static char *wished(const struct hp_goal *goal, size_t i)
{
	const char *field = (const char *)goal + wishes[i].text;
	if (!*wishes[i].name)
		return hp_strdup("");
	if (wishes[i].number) {
		int64_t number = *(const int64_t *)(const void *)field;
		bool time = wishes[i].weigh == weigh_boot;
		return number < 0 ? NULL
		                  : hp_asprintf("%lld%s", (long long)number, time ? "ms" : "");
	}
	const char *text = *(const char *const *)(const void *)field;
	if (!text || wishes[i].weigh != weigh_share || !goal->profile)
		return text ? hp_strdup(text) : NULL;
	return hp_asprintf("%s:%s", text, goal->profile);
}

static void add_wish(struct hp_candidate *candidate, size_t i, char *value, char *why,
                     enum hp_wish_state state)
{
	candidate->wishes =
	    hp_realloc(candidate->wishes, (candidate->wish_count + 1) * sizeof(*candidate->wishes));
	candidate->wishes[candidate->wish_count++] =
	    (struct hp_wish){.name = wishes[i].name, .value = value, .why = why, .state = state};
}

static void weigh_all(const struct scale *scale, struct hp_candidate *candidate)
{
	for (size_t i = 0; i < HP_COUNT(wishes); i++) {
		char *value = wished(scale->planner->goal, i), *why = NULL;
		if (!value)
			continue;
		enum hp_wish_state state = wishes[i].weigh(scale, &why);
		candidate->state = state > candidate->state ? state : candidate->state;
		if (state != HP_WISH_KEPT) {
			add_wish(candidate, i, value, why, state);
			continue;
		}
		free(value);
		free(why);
	}
}

// -- candidates --

void hp_candidate_finish(struct hp_candidate *candidate)
{
	for (size_t i = 0; i < candidate->wish_count; i++) {
		free((char *)candidate->wishes[i].value);
		free(candidate->wishes[i].why);
	}
	free(candidate->wishes);
	free(candidate->accelerators);
	free(candidate->offers);
	hp_estimate_finish(&candidate->estimate);
}

static int price_of(const struct hp_offer *offer)
{
	int price = 0;
	for (size_t i = 0; i < offer->cost_count; i++)
		price += offer->costs[i]->level;
	return price;
}

static int estimate(struct hp_planner *planner, struct hp_candidate *candidate,
                    const struct hp_accelerator *accelerator, struct hp_error *err)
{
	return hp_estimate_offer(planner->db, planner->verdict->name, accelerator,
	                         candidate->surface, planner->goal->guest_memory,
	                         &candidate->estimate, err);
}

/* Where no wish asks for the time, only the best candidates are estimated, later. */
static int weigh_offer(struct hp_planner *planner, const struct hp_accelerator *accelerator,
                       const struct hp_offer *offer, struct hp_candidate *ret, struct hp_error *err)
{
	*ret = (struct hp_candidate){.surface = offer->surface,
	                             .path = offer->path,
	                             .readiness = offer->readiness,
	                             .distance = offer->distance,
	                             .price = price_of(offer)};
	int code = planner->goal->boot_ms >= 0 ? estimate(planner, ret, accelerator, err) : 0;
	if (code)
		return code;
	struct scale scale = {planner, accelerator, offer, offer->surface, &ret->estimate};
	weigh_all(&scale, ret);
	return 0;
}

static void add_offer(struct hp_candidate *candidate, const struct hp_accelerator *accelerator,
                      const struct hp_offer *offer)
{
	size_t count = candidate->count++;
	candidate->accelerators =
	    hp_realloc(candidate->accelerators, (count + 1) * sizeof(*candidate->accelerators));
	candidate->offers = hp_realloc(candidate->offers, (count + 1) * sizeof(*candidate->offers));
	candidate->accelerators[count] = accelerator;
	candidate->offers[count] = offer;
}

static bool same_wishes(const struct hp_candidate *a, const struct hp_candidate *b)
{
	if (a->wish_count != b->wish_count)
		return false;
	for (size_t i = 0; i < a->wish_count; i++)
		if (strcmp(a->wishes[i].name, b->wishes[i].name) != 0 ||
		    a->wishes[i].state != b->wishes[i].state)
			return false;
	return true;
}

static int path_rank(enum hp_path path)
{
	static const int ranks[] = {
	    [HP_PATH_ON] = 0, [HP_PATH_CAUTION] = 1, [HP_PATH_UNKNOWN] = 2, [HP_PATH_OFF] = 3};
	return ranks[path];
}

static int readiness_rank(enum hp_readiness readiness)
{
	static const int ranks[] = {[HP_READINESS_READY] = 0,
	                            [HP_READINESS_REACHABLE] = 1,
	                            [HP_READINESS_UNKNOWN] = 2,
	                            [HP_READINESS_UNREACHABLE] = 3};
	return ranks[readiness];
}

static void take_worst(struct hp_candidate *into, const struct hp_candidate *from)
{
	if (path_rank(from->path) > path_rank(into->path))
		into->path = from->path;
	if (readiness_rank(from->readiness) > readiness_rank(into->readiness))
		into->readiness = from->readiness;
	if (from->distance > into->distance)
		into->distance = from->distance;
	if (from->state > into->state)
		into->state = from->state;
	if (from->price > into->price)
		into->price = from->price;
}

/* With --gpu all that were named stand or fall together: the wishes of the worst are kept. */
static void merge(struct hp_candidate *into, struct hp_candidate *from, bool together)
{
	if (together && from->state > into->state) {
		struct hp_wish *wishes_ = into->wishes;
		size_t count = into->wish_count;
		into->wishes = from->wishes, into->wish_count = from->wish_count;
		from->wishes = wishes_, from->wish_count = count;
	}
	take_worst(into, from);
	add_offer(into, from->accelerators[0], from->offers[0]);
	hp_candidate_finish(from);
}

/* Puts a weighed offer to those that are alike. */
static void take(struct hp_planner *planner, struct hp_candidate *weighed)
{
	struct hp_plan *plan = planner->plan;
	bool together = planner->goal->gpus != NULL;
	for (size_t i = 0; i < plan->candidate_count; i++) {
		struct hp_candidate *candidate = &plan->candidates[i];
		if (strcmp(candidate->surface->surface, weighed->surface->surface) != 0 ||
		    strcmp(candidate->surface->share, weighed->surface->share) != 0 ||
		    (!together && !same_wishes(candidate, weighed)))
			continue;
		merge(candidate, weighed, together);
		return;
	}
	plan->candidates =
	    hp_realloc(plan->candidates, (plan->candidate_count + 1) * sizeof(*plan->candidates));
	plan->candidates[plan->candidate_count++] = *weighed;
}

/* A surface that was asked for by name is no wish to be weighed: the others are no candidates. */
static bool is_asked(const struct hp_goal *goal, const struct hp_surface_share *surface)
{
	if (!goal->surface)
		return true;
	return strcmp(goal->surface, surface->surface) == 0 &&
	       (!goal->share || strcmp(goal->share, surface->share) == 0);
}

static int weigh_accelerator(struct hp_planner *planner, const struct hp_accelerator *accelerator,
                             struct hp_error *err)
{
	for (size_t i = 0; i < accelerator->offer_count; i++) {
		const struct hp_offer *offer = &accelerator->offers[i];
		struct hp_candidate weighed;
		if (!is_asked(planner->goal, offer->surface))
			continue;
		int code = weigh_offer(planner, accelerator, offer, &weighed, err);
		if (code)
			return code;
		add_offer(&weighed, accelerator, offer);
		take(planner, &weighed);
	}
	return 0;
}

// -- the order of candidates --

/* What would have to be given up; the host itself cannot be. */
static int loss(const struct hp_candidate *candidate)
{
	int loss = 0;
	for (size_t i = 0; i < candidate->wish_count; i++) {
		const struct hp_wish *wish = &candidate->wishes[i];
		loss += wish->state != HP_WISH_BROKEN ? 0 : *wish->name ? 1 : 100;
	}
	return loss;
}

static int unknowns(const struct hp_candidate *candidate)
{
	int count = 0;
	for (size_t i = 0; i < candidate->wish_count; i++)
		count += candidate->wishes[i].state == HP_WISH_UNKNOWN;
	return count;
}

static int by_worth(const void *a_, const void *b_)
{
	const struct hp_candidate *a = a_, *b = b_;
	int keys[][2] = {
	    {(int)a->state, (int)b->state},
	    {loss(a), loss(b)},
	    {unknowns(a), unknowns(b)},
	    {path_rank(a->path), path_rank(b->path)},
	    {a->distance > HP_DISTANCE_REBOOT, b->distance > HP_DISTANCE_REBOOT},
	    {(int)a->distance, (int)b->distance},
	    {a->price, b->price},
	    {a->surface->position, b->surface->position},
	};
	for (size_t i = 0; i < HP_COUNT(keys); i++)
		if (keys[i][0] != keys[i][1])
			return keys[i][0] - keys[i][1];
	if (a->count != b->count)
		return a->count > b->count ? -1 : 1;
	bool whole = strcmp(a->surface->share, "whole") == 0;
	if (whole != (strcmp(b->surface->share, "whole") == 0))
		return whole ? -1 : 1;
	return strcmp(a->surface->share, b->surface->share);
}

// -- what was asked for --

static int weigh_named(struct hp_planner *planner, struct hp_error *err)
{
	int code = 0;
	for (const char *const *gpu = planner->goal->gpus; !code && *gpu; gpu++) {
		const struct hp_accelerator *accelerator =
		    hp_accelerator_find(planner->verdict, *gpu, err);
		if (!accelerator)
			return err->code;
		if (accelerator->is_vf && !accelerator->offer_count)
			return hp_fail(err, -ENOENT,
			               "%s is a VF, which is planned for with its PF %s", *gpu,
			               accelerator->parent ? accelerator->parent : "(not seen)");
		code = weigh_accelerator(planner, accelerator, err);
	}
	return code;
}

static int weigh_every(struct hp_planner *planner, struct hp_error *err)
{
	int code = 0;
	for (size_t i = 0; !code && i < planner->verdict->accelerator_count; i++)
		code = weigh_accelerator(planner, &planner->verdict->accelerators[i], err);
	return code;
}

static const char *const isolations[] = {"kernel", "vm", "confidential", NULL};
static const char *const supports[] = {"vendor", "any", NULL};

static int check_word(const char *name, const char *word, const char *const *words,
                      struct hp_error *err)
{
	hp_cleanup_text struct hp_text list = {0};
	for (; word && *words; words++) {
		if (strcmp(word, *words) == 0)
			return 0;
		hp_text_printf(&list, "%s%s", list.length ? ", " : "", *words);
	}
	return word ? hp_fail(err, -EINVAL, "%s %s: expected %s", name, word, list.data) : 0;
}

/* A word that a column of surface_share must have. */
static int check_column(struct hp_planner *planner, const char *what, const char *column,
                        const char *word, struct hp_error *err)
{
	hp_cleanup_free char *sql = hp_asprintf(
	    "SELECT sorted_list(%s) FROM surface_share WHERE ?1 <> '' AND ?2 <> ''", column);
	hp_cleanup_free char *list =
	    word ? hp_plan_text(planner->db, sql, planner->verdict->name, "x") : NULL;
	hp_cleanup_free char *copy = list ? hp_strdup(list) : NULL;
	char *rest = copy;
	for (char *have; (have = strsep(&rest, ","));)
		if (strcmp(hp_trim(have), word) == 0)
			return 0;
	return word ? hp_fail(err, -EINVAL, "there is no %s '%s'; there are: %s", what, word,
	                      list ? list : "none")
	            : 0;
}

static bool is_vmm(struct hp_planner *planner, const char *word)
{
	int64_t rows = 0;
	hp_plan_number(planner->db,
	               "SELECT count(*) FROM surface_share WHERE ?1 <> '' AND"
	               " (vmm = ?2 OR surface = ?2 OR has_word(mechanism, ?2) = 1)",
	               planner->verdict->name, word, &rows, NULL);
	return rows > 0;
}

static int check_goal(struct hp_planner *planner, struct hp_error *err)
{
	const struct hp_goal *goal = planner->goal;
	int code = check_word("--isolation", goal->isolation, isolations, err);
	if (!code)
		code = check_word("--support", goal->support, supports, err);
	if (!code)
		code = check_column(planner, "surface", "surface", goal->surface, err);
	if (!code)
		code = check_column(planner, "share", "share", goal->share, err);
	if (!code && goal->vmm && !is_vmm(planner, goal->vmm))
		code = check_column(planner, "VMM", "vmm", goal->vmm, err);
	return code;
}

static int estimate_best(struct hp_planner *planner, struct hp_error *err)
{
	enum { BEST = 8 };
	struct hp_plan *plan = planner->plan;
	int code = 0;
	for (size_t i = 0; !code && i < plan->candidate_count && i < BEST; i++)
		code = estimate(planner, &plan->candidates[i], plan->candidates[i].accelerators[0],
		                err);
	return code;
}

int hp_weigh(struct hp_planner *planner, struct hp_error *err)
{
	struct hp_plan *plan = planner->plan;
	int code = check_goal(planner, err);
	if (!code)
		code = planner->goal->gpus ? weigh_named(planner, err) : weigh_every(planner, err);
	if (code)
		return code;
	if (plan->candidate_count)
		qsort(plan->candidates, plan->candidate_count, sizeof(*plan->candidates), by_worth);
	plan->met = plan->candidate_count        ? plan->candidates[0].state
	            : planner->verdict->pci_seen ? HP_WISH_BROKEN
	                                         : HP_WISH_UNKNOWN;
	return planner->goal->boot_ms < 0 ? estimate_best(planner, err) : 0;
}
