// The dated matrix: the vendors' stance on each way to attach a device.
// SPDX-License-Identifier: Apache-2.0
#include "judge/surfaces.h"

#include "base/cleanup.h"
#include "base/database.h"
#include "base/pool.h"
#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct hp_surfaces {
	struct hp_support *rows;
	size_t row_count;
	struct hp_surface_share *shares;
	size_t share_count;
	struct hp_pool *pool; // of the strings
};

static void *grow(void *items, size_t count, size_t size)
{
	return count % 256 ? items : hp_realloc(items, (count + 256) * size);
}

/* Keeps a copy of a column's text for as long as the matrix lives. Columns repeat their neighbour's
 * text mostly: `before` is what the row above has. */
static const char *keep(struct hp_surfaces *surfaces, sqlite3_stmt *statement, int column,
                        const char *before)
{
	const char *text = hp_db_text(statement, column);
	if (!text)
		return NULL;
	if (before && strcmp(before, text) == 0)
		return before;
	return hp_pool_strdup(surfaces->pool, text);
}

#define WANTED "(?1 = 0 OR vendor = '*' OR vendor IN (SELECT a.vendor FROM accelerator a))"

/* What `match_value` can name of the accelerators that there are. */
#define PRESENT                                                                                    \
	"(SELECT device FROM accelerator UNION SELECT model FROM accelerator"                      \
	" UNION SELECT chip FROM accelerator UNION SELECT generation FROM accelerator)"

static int load_rows(struct hp_surfaces *surfaces, sqlite3 *db, bool present_vendors,
                     struct hp_error *err)
{
	hp_cleanup_statement sqlite3_stmt *statement = NULL;
	int code = hp_db_prepare(
	    db,
	    "SELECT surface, share, kind, vendor, match_kind, match_value, since, until, condition,"
	    " reason, source, checked, path, approximate FROM support WHERE " WANTED
	    " AND (?1 = 0 OR match_kind IN ('any', 'trait') OR match_value IN " PRESENT ")"
	    " ORDER BY surface, share, kind, vendor, match_kind, match_value, since",
	    &statement, err);
	if (!code)
		sqlite3_bind_int(statement, 1, present_vendors);
	struct hp_support none = {0};
	while (!code && (code = hp_db_step(statement, err)) == 1) {
		size_t n = surfaces->row_count++;
		surfaces->rows = grow(surfaces->rows, n, sizeof(none));
		struct hp_support *row = &surfaces->rows[n];
		const struct hp_support *above = n ? row - 1 : &none;
		*row = (struct hp_support){
		    .surface = keep(surfaces, statement, 0, above->surface),
		    .share = keep(surfaces, statement, 1, above->share),
		    .kind = keep(surfaces, statement, 2, above->kind),
		    .vendor = keep(surfaces, statement, 3, above->vendor),
		    .match_kind = keep(surfaces, statement, 4, above->match_kind),
		    .match_value = keep(surfaces, statement, 5, above->match_value),
		    .since = keep(surfaces, statement, 6, above->since),
		    .until = keep(surfaces, statement, 7, above->until),
		    .condition = keep(surfaces, statement, 8, above->condition),
		    .reason = keep(surfaces, statement, 9, above->reason),
		    .source = keep(surfaces, statement, 10, above->source),
		    .checked = keep(surfaces, statement, 11, above->checked),
		    .approximate = sqlite3_column_int(statement, 13) == 1,
		};
		int path = hp_path_parse(hp_db_text(statement, 12));
		row->path = path < 0 ? HP_PATH_UNKNOWN : (enum hp_path)path;
		code = 0;
	}
	return code;
}

/* By position of the surface, then kind, vendor and share, what is looked for most first. */
static int compare_shares(const void *a, const void *b)
{
	static const char *const order[] = {"whole", "mig",       "vgpu",      "mig-vgpu",
	                                    "vf",    "partition", "time-slice"};
	const struct hp_surface_share *left = a, *right = b;
	if (left->position != right->position)
		return left->position - right->position;
	int kind = strcmp(left->kind, right->kind), vendor = strcmp(left->vendor, right->vendor);
	if (kind)
		return strcmp(left->kind, "gpu") == 0    ? -1
		       : strcmp(right->kind, "gpu") == 0 ? 1
		                                         : kind;
	if (vendor)
		return strcmp(left->vendor, "10de") == 0    ? -1
		       : strcmp(right->vendor, "10de") == 0 ? 1
		                                            : vendor;
	for (size_t i = 0; i < HP_COUNT(order); i++) {
		bool is_left = strcmp(left->share, order[i]) == 0;
		if (is_left || strcmp(right->share, order[i]) == 0)
			return is_left ? -1 : 1;
	}
	return strcmp(left->share, right->share);
}

static int load_shares(struct hp_surfaces *surfaces, sqlite3 *db, bool present_vendors,
                       struct hp_error *err)
{
	hp_cleanup_statement sqlite3_stmt *statement = NULL;
	int code = hp_db_prepare(
	    db,
	    "SELECT x.surface, x.share, x.kind, x.vendor, x.mechanism, x.isolation, x.vmm,"
	    " x.base_surface, s.position, s.first_nine, s.probed FROM surface s"
	    " CROSS JOIN surface_share x ON x.surface = s.surface WHERE " WANTED,
	    &statement, err);
	if (!code)
		sqlite3_bind_int(statement, 1, present_vendors);
	struct hp_surface_share none = {0};
	while (!code && (code = hp_db_step(statement, err)) == 1) {
		size_t n = surfaces->share_count++;
		surfaces->shares = grow(surfaces->shares, n, sizeof(none));
		struct hp_surface_share *share = &surfaces->shares[n];
		const struct hp_surface_share *above = n ? share - 1 : &none;
		*share = (struct hp_surface_share){
		    .surface = keep(surfaces, statement, 0, above->surface),
		    .share = keep(surfaces, statement, 1, above->share),
		    .kind = keep(surfaces, statement, 2, above->kind),
		    .vendor = keep(surfaces, statement, 3, above->vendor),
		    .mechanism = keep(surfaces, statement, 4, above->mechanism),
		    .isolation = keep(surfaces, statement, 5, above->isolation),
		    .vmm = keep(surfaces, statement, 6, above->vmm),
		    .base_surface = keep(surfaces, statement, 7, above->base_surface),
		    .position = sqlite3_column_int(statement, 8),
		    .first_nine = sqlite3_column_int(statement, 9) == 1,
		    .probed = sqlite3_column_int(statement, 10) == 1,
		};
		code = 0;
	}
	if (surfaces->share_count)
		qsort(surfaces->shares, surfaces->share_count, sizeof(none), compare_shares);
	return code;
}

int hp_surfaces_load(sqlite3 *db, bool present_vendors, struct hp_surfaces **ret,
                     struct hp_error *err)
{
	struct hp_surfaces *surfaces = hp_calloc(1, sizeof(*surfaces));
	surfaces->pool = hp_pool_new();
	int code = load_shares(surfaces, db, present_vendors, err);
	if (!code)
		code = load_rows(surfaces, db, present_vendors, err);
	if (!code)
		*ret = surfaces;
	else
		hp_surfaces_free(surfaces);
	return code;
}

void hp_surfaces_free(struct hp_surfaces *surfaces)
{
	if (!surfaces)
		return;
	hp_pool_free(surfaces->pool);
	free(surfaces->rows);
	free(surfaces->shares);
	free(surfaces);
}

const struct hp_surface_share *hp_surfaces_shares(const struct hp_surfaces *surfaces,
                                                  size_t *ret_count)
{
	*ret_count = surfaces->share_count;
	return surfaces->shares;
}

const struct hp_support *hp_surfaces_rows(const struct hp_surfaces *surfaces, size_t *ret_count)
{
	*ret_count = surfaces->row_count;
	return surfaces->rows;
}

const struct hp_surface_share *hp_surfaces_share(const struct hp_surfaces *surfaces,
                                                 const char *surface, const char *share,
                                                 const char *kind, const char *vendor)
{
	for (size_t i = 0; i < surfaces->share_count; i++) {
		const struct hp_surface_share *at = &surfaces->shares[i];
		if (strcmp(at->surface, surface) == 0 && strcmp(at->share, share) == 0 &&
		    strcmp(at->kind, kind) == 0 && strcmp(at->vendor, vendor) == 0)
			return at;
	}
	return NULL;
}

bool hp_support_holds(const struct hp_support *support, const char *day)
{
	return strcmp(support->since, day) <= 0 &&
	       (!support->until || strcmp(day, support->until) < 0);
}

static bool same(const char *a, const char *b)
{
	return a && strcmp(a, b) == 0;
}

static bool has_trait(const struct hp_surface_device *device, const char *trait)
{
	static const struct {
		const char *trait;
		size_t offset; // of the member that has it
		const char *value;
	} traits[] = {
	    {"mig", offsetof(struct hp_surface_device, mig), "yes"},
	    {"no-mig", offsetof(struct hp_surface_device, mig), "no"},
	    {"vgpu", offsetof(struct hp_surface_device, vgpu), "yes"},
	    {"no-vgpu", offsetof(struct hp_surface_device, vgpu), "no"},
	    {"nvswitch", offsetof(struct hp_surface_device, nvswitch), "yes"},
	    {"consumer", offsetof(struct hp_surface_device, segment), "consumer"},
	};
	for (size_t i = 0; i < HP_COUNT(traits); i++) {
		if (strcmp(traits[i].trait, trait) == 0)
			return same(*(const char *const *)((const char *)device + traits[i].offset),
			            traits[i].value);
	}
	return false;
}

/* How specifically a row speaks of the device; 0: it does not. */
static int rank(const struct hp_support *row, const struct hp_surface_device *device)
{
	const char *value = row->match_value;
	switch (row->match_kind[0]) {
	case 'i': // id
		return same(device->device, value) ? 6 : 0;
	case 'm': // model
		return same(device->model, value) ? 5 : 0;
	case 't': // trait
		return has_trait(device, value) ? 4 : 0;
	case 'c': // chip
		return same(device->chip, value) ? 3 : 0;
	case 'g': // generation
		return same(device->generation, value) ? 2 : 0;
	default: // any
		return 1;
	}
}

static int compare_cell(const struct hp_support *row, const char *surface, const char *share)
{
	int order = strcmp(row->surface, surface);
	return order ? order : strcmp(row->share, share);
}

/* The first row of a surface and share: they are sorted so. */
static size_t first_row(const struct hp_surfaces *surfaces, const char *surface, const char *share)
{
	size_t low = 0, high = surfaces->row_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (compare_cell(&surfaces->rows[middle], surface, share) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct hp_surface_path own_path(const struct hp_surfaces *surfaces, const char *surface,
                                       const char *share, const struct hp_surface_device *device,
                                       const char *day)
{
	struct hp_surface_path best = {.path = HP_PATH_UNKNOWN};
	int best_rank = 0;
	for (size_t i = first_row(surfaces, surface, share); i < surfaces->row_count; i++) {
		const struct hp_support *row = &surfaces->rows[i];
		if (compare_cell(row, surface, share) != 0)
			break;
		if (!same(device->vendor, row->vendor) || !same(device->kind, row->kind) ||
		    !hp_support_holds(row, day) || rank(row, device) <= best_rank)
			continue;
		best_rank = rank(row, device);
		best = (struct hp_surface_path){.path = row->path, .support = row};
	}
	return best;
}

/* From the worst: what is off stays off whatever the rest; then what nobody knows. */
static int badness(enum hp_path path)
{
	static const int order[] = {
	    [HP_PATH_ON] = 0, [HP_PATH_CAUTION] = 1, [HP_PATH_UNKNOWN] = 2, [HP_PATH_OFF] = 3};
	return order[path];
}

struct hp_surface_path hp_surfaces_path(const struct hp_surfaces *surfaces,
                                        const struct hp_surface_share *share,
                                        const struct hp_surface_device *device, const char *day)
{
	struct hp_surface_path own = own_path(surfaces, share->surface, share->share, device, day);
	if (strcmp(share->base_surface, "none") == 0)
		return own;
	struct hp_surface_path base =
	    own_path(surfaces, share->base_surface, share->share, device, day);
	if (badness(base.path) <= badness(own.path))
		return own;
	base.of_base = true;
	return base;
}
