// Which offers are handed over, and what of the guest is settled for every format.
// SPDX-License-Identifier: Apache-2.0
#include "emit/emit.h"

#include "base/cleanup.h"
#include "base/database.h"
#include "emit/parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

// -- what emitters say --

void hp_note(struct hp_emission *emission, const char *format, ...)
{
	char note[1024];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(note, sizeof(note), format, arguments);
	va_end(arguments);
	size_t i;
	json_t *other;
	json_array_foreach(emission->notes, i,
	                   other) if (strcmp(json_string_value(other), note) == 0) return;
	hp_one_line(note);
	json_array_append_new(emission->notes, json_string(note));
}

/* Of the nine surfaces, the offer of the accelerator that is nearest to being had: rather one that
 * isolates as what was asked for does. */
static const struct hp_offer *nearest_offer(const struct hp_emit *emit,
                                            const struct hp_accelerator *accelerator);

static json_t *nearest_json(const struct hp_emit *emit)
{
	const struct hp_verdict_host *host = emit->host;
	for (size_t i = 0; i < host->accelerator_count; i++) {
		const struct hp_offer *offer = nearest_offer(emit, &host->accelerators[i]);
		if (offer)
			return json_pack("{s:s, s:s, s:s, s:s, s:s}", "surface",
			                 offer->surface->surface, "share", offer->surface->share,
			                 "path", hp_path_name(offer->path), "readiness",
			                 hp_readiness_name(offer->readiness), "distance",
			                 hp_distance_name(offer->distance));
	}
	return json_null();
}

int hp_refuse(struct hp_emission *emission, const char *source, const char *format, ...)
{
	char reason[1024];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(reason, sizeof(reason), format, arguments);
	va_end(arguments);
	hp_one_line(reason);
	if (!emission->refusal)
		emission->refusal = json_pack("{s:s, s:s?, s:o}", "reason", reason, "source",
		                              source, "nearest", nearest_json(&emission->request));
	return 0;
}

const char *hp_emit_keep(struct hp_emission *emission, const char *string)
{
	if (!string)
		return NULL;
	json_t *kept = json_string(string);
	json_array_append_new(emission->strings, kept);
	return json_string_value(kept);
}

// -- what emitters ask --

static int ask(const struct hp_emit *emit, const char *sql, const char *key, sqlite3_stmt **ret)
{
	if (hp_db_prepare(emit->db, sql, ret, NULL))
		return 0;
	sqlite3_bind_text(*ret, 1, emit->host->name, -1, SQLITE_STATIC);
	sqlite3_bind_text(*ret, 2, key, -1, SQLITE_STATIC);
	return hp_db_step(*ret, NULL) == 1 && sqlite3_column_type(*ret, 0) != SQLITE_NULL;
}

char *hp_emit_text(const struct hp_emit *emit, const char *sql, const char *key)
{
	hp_cleanup_statement sqlite3_stmt *row = NULL;
	return ask(emit, sql, key, &row) ? hp_strdup(hp_db_text(row, 0)) : NULL;
}

int64_t hp_emit_number(const struct hp_emit *emit, const char *sql, const char *key,
                       int64_t fallback)
{
	hp_cleanup_statement sqlite3_stmt *row = NULL;
	return ask(emit, sql, key, &row) ? sqlite3_column_int64(row, 0) : fallback;
}

/* BARs are aligned to their size, so a window that is the next power of two of their sum always
 * holds them. */
static int64_t window_of(const struct hp_emit *emit, const char *sql)
{
	int64_t sum = 0;
	for (size_t i = 0; i < emit->count; i++) {
		int64_t bytes = hp_emit_number(emit, sql, emit->devices[i].address, -1);
		if (bytes < 0 || bytes > INT64_MAX / 4 - sum)
			return -1;
		sum += bytes;
	}
	int64_t window = 1 << 20;
	while (window < sum)
		window *= 2;
	return window;
}

int64_t hp_emit_window(const struct hp_emit *emit)
{
	return window_of(
	    emit, "SELECT SUM(CASE WHEN size_bytes IS NULL THEN NULL ELSE size_bytes END)"
		  " FROM pci_bar WHERE host = ?1 AND address = ?2 AND kind = 'bar' AND bits64 = 1"
		  " HAVING COUNT(*) = COUNT(size_bytes)");
}

/* Where the source names the aperture alone, the board's other BARs need something besides. A VF's
 * BARs are its own. */
int64_t hp_emit_listed_window(const struct hp_emit *emit)
{
	for (size_t i = 0; i < emit->count; i++)
		if (strcmp(emit->devices[i].address, emit->devices[i].accelerator->address) != 0)
			return -1;
	return window_of(emit, "SELECT SUM(b.size_bytes) + (MIN(b.bar) < 0) FROM accelerator a"
	                       " JOIN device_bar b ON b.vendor = a.vendor AND b.device = a.device"
	                       " AND coalesce(b.bits64, 1) = 1 WHERE a.host = ?1 AND a.address = ?2"
	                       " HAVING COUNT(*) > 0");
}

// -- which offers --

static int readiness_rank(const struct hp_offer *offer)
{
	static const int ranks[] = {[HP_READINESS_READY] = 0,
	                            [HP_READINESS_REACHABLE] = 1,
	                            [HP_READINESS_UNKNOWN] = 2,
	                            [HP_READINESS_UNREACHABLE] = 3};
	return ranks[offer->readiness];
}

static int path_rank(const struct hp_offer *offer)
{
	static const int ranks[] = {
	    [HP_PATH_ON] = 0, [HP_PATH_CAUTION] = 1, [HP_PATH_UNKNOWN] = 2, [HP_PATH_OFF] = 3};
	return ranks[offer->path];
}

/* Negative if `a` is nearer. What the host can deliver, then the vendor's stance, then how far,
 * then the matrix's own order, in which whole devices come first. */
static int compare(const struct hp_offer *a, const struct hp_offer *b)
{
	const int steps[] = {
	    (readiness_rank(a) == 3) - (readiness_rank(b) == 3),
	    path_rank(a) - path_rank(b),
	    readiness_rank(a) - readiness_rank(b),
	    (int)a->distance - (int)b->distance,
	    a->surface->position - b->surface->position,
	    (strcmp(a->surface->share, "whole") != 0) - (strcmp(b->surface->share, "whole") != 0),
	};
	for (size_t i = 0; i < HP_COUNT(steps); i++)
		if (steps[i])
			return steps[i];
	return strcmp(a->surface->share, b->surface->share);
}

/* Of what the format can express, or of the surface that was asked for. */
static bool isolates_alike(const struct hp_emit *emit, const struct hp_accelerator *accelerator,
                           const struct hp_offer *offer)
{
	const char *wanted = emit->wish->surface;
	for (size_t i = 0; i < accelerator->offer_count; i++) {
		const struct hp_surface_share *other = accelerator->offers[i].surface;
		bool meant = wanted ? strcmp(other->surface, wanted) == 0
		                    : hp_has_word(emit->emitter->surfaces, other->surface);
		if (meant && strcmp(other->isolation, offer->surface->isolation) == 0)
			return true;
	}
	return false;
}

static bool is_nearer(const struct hp_emit *emit, const struct hp_accelerator *accelerator,
                      const struct hp_offer *a, const struct hp_offer *b)
{
	bool alike = isolates_alike(emit, accelerator, a);
	if (alike != isolates_alike(emit, accelerator, b))
		return alike;
	return compare(a, b) < 0;
}

static const struct hp_offer *nearest_offer(const struct hp_emit *emit,
                                            const struct hp_accelerator *accelerator)
{
	const struct hp_offer *best = NULL;
	for (size_t i = 0; i < accelerator->offer_count; i++) {
		const struct hp_offer *offer = &accelerator->offers[i];
		if (offer->surface->first_nine && offer->readiness != HP_READINESS_UNREACHABLE &&
		    (!best || is_nearer(emit, accelerator, offer, best)))
			best = offer;
	}
	return best;
}

/* `mig` is a MIG slice, as itself or as a vGPU. */
static bool is_share(const char *share, const char *wanted)
{
	return !wanted || strcmp(share, wanted) == 0 ||
	       (strcmp(wanted, "mig") == 0 && strcmp(share, "mig-vgpu") == 0);
}

/* Whether the form speaks of the surface. */
static bool form_fits(const struct hp_emitter *emitter, const char *form, const char *surface)
{
	if (!emitter->form_surfaces || !form)
		return true;
	hp_cleanup_free char *pair = hp_asprintf("%s=%s", form, surface);
	return hp_has_word(emitter->form_surfaces, pair);
}

static bool is_wanted(const struct hp_emit *emit, const struct hp_surface_share *surface)
{
	const struct hp_emit_wish *wish = emit->wish;
	return hp_has_word(emit->emitter->surfaces, surface->surface) &&
	       form_fits(emit->emitter, emit->variant, surface->surface) &&
	       (!wish->surface || strcmp(surface->surface, wish->surface) == 0) &&
	       is_share(surface->share, wish->share);
}

/* Without a word about the surface it is the format's usual one, if that has such an offer. */
static bool is_usual(const struct hp_emit *emit, const struct hp_surface_share *surface)
{
	const char *usual = emit->emitter->surfaces;
	size_t length = strcspn(usual, " ");
	return strlen(surface->surface) == length && strncmp(usual, surface->surface, length) == 0;
}

static const struct hp_offer *best_offer(const struct hp_emit *emit,
                                         const struct hp_accelerator *accelerator)
{
	const struct hp_offer *best = NULL;
	for (size_t i = 0; i < accelerator->offer_count; i++) {
		const struct hp_offer *offer = &accelerator->offers[i];
		if (!is_wanted(emit, offer->surface))
			continue;
		bool better = !best || compare(offer, best) < 0;
		if (best && is_usual(emit, offer->surface) != is_usual(emit, best->surface))
			better = (best->readiness == HP_READINESS_UNREACHABLE)
			             ? offer->readiness != HP_READINESS_UNREACHABLE
			             : is_usual(emit, offer->surface) &&
			                   offer->readiness != HP_READINESS_UNREACHABLE;
		if (better)
			best = offer;
	}
	return best;
}

static const struct hp_offer *same_offer(const struct hp_accelerator *accelerator,
                                         const struct hp_surface_share *surface)
{
	for (size_t i = 0; i < accelerator->offer_count; i++) {
		const struct hp_surface_share *other = accelerator->offers[i].surface;
		if (strcmp(other->surface, surface->surface) == 0 &&
		    strcmp(other->share, surface->share) == 0)
			return &accelerator->offers[i];
	}
	return NULL;
}

static bool is_named(const struct hp_emit *emit, const struct hp_accelerator *accelerator)
{
	for (const char *const *gpu = emit->wish->gpus; gpu && *gpu; gpu++)
		if (hp_accelerator_find(emit->host, *gpu, NULL) == accelerator)
			return true;
	return !emit->wish->gpus;
}

static int check_share(const struct hp_emit *emit, struct hp_error *err)
{
	const char *share = emit->wish->share;
	static const char known[] =
	    "SELECT COUNT(*) FROM surface_share WHERE ?1 <> '' AND share = ?2";
	if (!share || hp_emit_number(emit, known, share, 0) > 0)
		return 0;
	hp_cleanup_free char *list = hp_emit_text(
	    emit, "SELECT sorted_list(share) FROM surface_share WHERE ?1 <> '' AND ?2 <> ''",
	    share);
	return hp_fail(err, -EINVAL, "there is no share '%s'; there are: %s", share,
	               list ? list : "none");
}

static int check_named(const struct hp_emit *emit, struct hp_error *err)
{
	for (const char *const *gpu = emit->wish->gpus; gpu && *gpu; gpu++)
		if (!hp_accelerator_find(emit->host, *gpu, err))
			return -EINVAL;
	return 0;
}

/* How many of the accelerators that were named can be had that way. */
static size_t takers_of(const struct hp_emit *emit, const struct hp_surface_share *surface)
{
	size_t count = 0;
	for (size_t i = 0; i < emit->host->accelerator_count; i++) {
		const struct hp_accelerator *accelerator = &emit->host->accelerators[i];
		const struct hp_offer *offer =
		    is_named(emit, accelerator) ? same_offer(accelerator, surface) : NULL;
		count += offer && offer->readiness != HP_READINESS_UNREACHABLE;
	}
	return count;
}

/* The offer that decides surface and share for all: the best of an accelerator, where several kinds
 * are together the one that most of them can take. */
static const struct hp_offer *choose(const struct hp_emit *emit)
{
	const struct hp_offer *best = NULL;
	size_t most = 0;
	for (size_t i = 0; i < emit->host->accelerator_count; i++) {
		const struct hp_accelerator *accelerator = &emit->host->accelerators[i];
		const struct hp_offer *offer =
		    is_named(emit, accelerator) ? best_offer(emit, accelerator) : NULL;
		size_t takers = offer ? takers_of(emit, offer->surface) : 0;
		if (offer &&
		    (!best || takers > most || (takers == most && compare(offer, best) < 0)))
			best = offer, most = takers;
	}
	return best;
}

/* The first thing that blocks an offer, for the reason. */
static const struct hp_finding *blocker(const struct hp_offer *offer)
{
	for (size_t i = 0; i < offer->finding_count; i++)
		if (offer->findings[i]->result == HP_RESULT_FAIL &&
		    offer->findings[i]->rule->impact == HP_IMPACT_BLOCKS)
			return offer->findings[i];
	return NULL;
}

static int refuse_offer(struct hp_emission *emission, const struct hp_accelerator *accelerator,
                        const struct hp_offer *offer)
{
	const struct hp_finding *finding = blocker(offer);
	const char *source =
	    finding && finding->rule->reference ? finding->rule->reference : offer->path_source;
	hp_refuse(emission, source, "%s: %s %s cannot be had here: %s", accelerator->address,
	          offer->surface->surface, offer->surface->share,
	          offer->summary ? offer->summary : "no reason on record");
	if (finding) {
		json_object_set_new(emission->refusal, "finding", json_string(finding->id));
		json_object_set_new(emission->refusal, "evidence", json_string(finding->evidence));
	}
	json_object_set_new(emission->refusal, "path", json_string(hp_path_name(offer->path)));
	if (offer->path_since && *offer->path_since)
		json_object_set_new(emission->refusal, "since", json_string(offer->path_since));
	if (offer->path_checked)
		json_object_set_new(emission->refusal, "checked", json_string(offer->path_checked));
	return 0;
}

static void add_device(struct hp_emit *emit, const struct hp_accelerator *accelerator,
                       const struct hp_offer *offer)
{
	emit->devices = hp_realloc(emit->devices, (emit->count + 1) * sizeof(*emit->devices));
	emit->devices[emit->count] = (struct hp_emit_device){
	    .accelerator = accelerator, .offer = offer, .index = emit->count, .exists = true};
	emit->count++;
}

/* "0000:19:00.0", or "0000:19:00.0 and 7 more" where others have the same to say; NULL: an earlier
 * one has said it. */
static char *spokesman(const struct hp_emit *emit, size_t index)
{
	const struct hp_offer *offer = emit->devices[index].offer;
	size_t more = 0;
	for (size_t i = 0; i < emit->count; i++) {
		const struct hp_offer *other = emit->devices[i].offer;
		bool same = i != index && other->readiness == offer->readiness &&
		            other->distance == offer->distance &&
		            strcmp(other->summary ? other->summary : "",
		                   offer->summary ? offer->summary : "") == 0;
		if (same && i < index)
			return NULL;
		more += same;
	}
	const char *address = emit->devices[index].accelerator->address;
	return more ? hp_asprintf("%s and %zu more", address, more) : hp_strdup(address);
}

/* What is not ready is written all the same, for when it is: and said. */
static void note_readiness(struct hp_emission *emission, size_t index)
{
	const struct hp_offer *offer = emission->request.devices[index].offer;
	const struct hp_surface_share *surface = offer->surface;
	hp_cleanup_free char *who = spokesman(&emission->request, index);
	if (who && offer->readiness == HP_READINESS_REACHABLE)
		hp_note(emission,
		        "%s: not ready for it (%s): %s. `happypath plan --to %s:%s` finds the way",
		        who, hp_distance_name(offer->distance),
		        offer->summary ? offer->summary : "", surface->surface, surface->share);
	else if (who && offer->readiness == HP_READINESS_UNKNOWN)
		hp_note(emission, "%s: whether this host can deliver it is not known: %s", who,
		        offer->summary ? offer->summary : "");
	if (offer->path != HP_PATH_ON)
		hp_note(emission, "%s %s: the vendor's stance is \"%s\"%s%s", surface->surface,
		        surface->share, hp_path_name(offer->path), offer->path_reason ? ": " : "",
		        offer->path_reason ? offer->path_reason : "");
}

static int choose_devices(struct hp_emission *emission, struct hp_error *err)
{
	struct hp_emit *emit = &emission->request;
	int code = check_named(emit, err);
	if (!code)
		code = check_share(emit, err);
	if (code)
		return code;
	const struct hp_offer *best = choose(emit);
	if (!best)
		return emit->emitter->no_device
		           ? 0
		           : hp_refuse(emission, NULL,
		                       "no accelerator here has an offer that %s can express%s%s",
		                       emit->emitter->name, emit->wish->surface ? ": wanted " : "",
		                       emit->wish->surface ? emit->wish->surface : "");
	emit->surface = best->surface;
	const struct hp_accelerator *refused = NULL;
	for (size_t i = 0; i < emit->host->accelerator_count; i++) {
		const struct hp_accelerator *accelerator = &emit->host->accelerators[i];
		const struct hp_offer *offer = same_offer(accelerator, best->surface);
		if (!offer || !is_named(emit, accelerator))
			continue;
		if (offer->readiness != HP_READINESS_UNREACHABLE) {
			add_device(emit, accelerator, offer);
			continue;
		}
		if (!refused || emit->wish->gpus)
			refused = accelerator;
	}
	if (refused && (!emit->count || emit->wish->gpus))
		return emit->emitter->no_device
		           ? 0
		           : refuse_offer(emission, refused, same_offer(refused, best->surface));
	for (size_t i = 0; i < emit->count; i++)
		note_readiness(emission, i);
	return emit->count ? hp_emit_find_devices(emission, err) : 0;
}

// -- the guest --

static int choose_variant(struct hp_emit *emit, struct hp_error *err)
{
	const char *variants = emit->emitter->variants;
	emit->variant = emit->wish->variant;
	if (emit->variant && hp_has_word(variants, emit->variant))
		return 0;
	if (emit->variant)
		return hp_fail(err, -EINVAL, "%s has no form '%s'; it has: %s", emit->emitter->name,
		               emit->variant, variants);
	return 0;
}

/* The first, or the first that speaks of the surface that was named. */
static const char *usual_form(struct hp_emission *emission)
{
	const struct hp_emit *emit = &emission->request;
	hp_cleanup_free char *forms = hp_strdup(emit->emitter->variants);
	const char *first = NULL;
	for (char *at = forms, *form; (form = hp_next_word(&at));) {
		if (emit->wish->surface && form_fits(emit->emitter, form, emit->wish->surface))
			return hp_emit_keep(emission, form);
		first = first ? first : form;
	}
	return hp_emit_keep(emission, first);
}

static void settle_guest(struct hp_emission *emission)
{
	struct hp_emit *emit = &emission->request;
	const struct hp_emit_wish *wish = emit->wish;
	if (!emit->variant)
		emit->variant = usual_form(emission);
	emit->name = wish->name ? wish->name : "happypath";
	emit->cpus = wish->cpus > 0 ? wish->cpus : 4;
	emit->guest_memory =
	    wish->guest_memory > 0
		? wish->guest_memory
		: hp_emit_number(emit, "SELECT guest_memory_bytes FROM intent WHERE host = ?1",
	                         NULL, 16LL << 30);
	emit->iommufd =
	    wish->iommufd >= 0
		? wish->iommufd
		: hp_emit_number(emit,
	                         "SELECT CASE WHEN iommufd = 'present' AND vfio_cdev = 'present'"
	                         " THEN 1 ELSE 0 END FROM iommu WHERE host = ?1",
	                         NULL, 0);
}

int hp_emit(sqlite3 *db, const struct hp_verdict_host *host, const struct hp_emitter *emitter,
            const struct hp_emit_wish *wish, struct hp_emission *ret, struct hp_error *err)
{
	*ret = (struct hp_emission){.notes = json_array(), .strings = json_array()};
	ret->request = (struct hp_emit){.db = db, .host = host, .wish = wish, .emitter = emitter};
	int code = choose_variant(&ret->request, err);
	if (!code) {
		settle_guest(ret);
		code = choose_devices(ret, err);
	}
	if (!code && !ret->refusal)
		code = emitter->emit(&ret->request, ret, err);
	if (code)
		hp_emission_finish(ret);
	return code;
}

void hp_emission_finish(struct hp_emission *emission)
{
	hp_text_free(&emission->text);
	json_decref(emission->document);
	json_decref(emission->notes);
	json_decref(emission->refusal);
	json_decref(emission->strings);
	free(emission->request.devices);
	*emission = (struct hp_emission){0};
}
