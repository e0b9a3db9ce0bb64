// What the matrices offer each accelerator: surfaces and shares, the path on a day, the costs.
// SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "base/database.h"
#include "base/text.h"
#include "judge/parts.h"

#include <stdlib.h>
#include <string.h>

/* What an accelerator is to the matrix: alike ones are looked up once. */
struct kind {
	const char *kind, *vendor, *device, *model;
	struct hp_offer *offers;
	size_t count;
};

struct cost_row {
	const char *surface, *share, *vendor;
	struct hp_cost cost;
};

struct hp_matrix {
	struct hp_surfaces *surfaces;
	struct kind *kinds;
	size_t kind_count;
	struct cost_row *costs;
	size_t cost_count;
};

/* One row a kind of accelerator; VFs by their own ids. */
static const char kinds_sql[] = "SELECT kind, vendor, device, model, min(chip), min(generation), "
				"min(mig), min(vgpu), min(nvswitch), min(segment)"
				" FROM accelerator GROUP BY kind, vendor, device, model";

static const char costs_sql[] =
    "SELECT surface, share, vendor, kind, value, unit, source, coalesce(amount, -1), level,"
    " estimate FROM cost ORDER BY surface, kind";

static void *grow(void *items, size_t count, size_t size)
{
	return count % 64 ? items : hp_realloc(items, (count + 64) * size);
}

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool is_of_kind(const struct kind *kind, const struct hp_accelerator *accelerator)
{
	return same(kind->kind, accelerator->kind) && same(kind->vendor, accelerator->vendor) &&
	       same(kind->device, accelerator->device) && same(kind->model, accelerator->model);
}

static void set_path(struct hp_offer *offer, const struct hp_surface_path *path)
{
	offer->path = path->path;
	if (!path->support)
		return;
	offer->path_source = path->support->source;
	offer->path_since = path->support->since;
	offer->path_until = path->support->until;
	offer->path_reason = path->support->reason;
	offer->path_condition = path->support->condition;
	offer->path_checked = path->support->checked;
	offer->path_approximate = path->support->approximate;
}

/* What any PCI function may have, as the matrix tells it of kind 'other'. */
static bool is_for_any(const struct hp_surface_share *share)
{
	return same(share->vendor, "*") && same(share->kind, "other");
}

/* A device that the matrix does not know can still be passed through, whole or by its VFs, by
 * whatever takes any device: what such surfaces ask of the host is known, the vendor's stance is
 * not. */
static void add_unknown_offers(struct hp_matrix *matrix, struct kind *kind)
{
	size_t count;
	const struct hp_surface_share *shares = hp_surfaces_shares(matrix->surfaces, &count);
	for (size_t i = 0; i < count; i++)
		if (is_for_any(&shares[i]))
			kind->offers[kind->count++] =
			    (struct hp_offer){.surface = &shares[i], .path = HP_PATH_UNKNOWN};
}

static void add_offers(struct hp_matrix *matrix, struct kind *kind,
                       const struct hp_surface_device *device, const char *as_of,
                       struct hp_pool *pool)
{
	size_t count;
	const struct hp_surface_share *shares = hp_surfaces_shares(matrix->surfaces, &count);
	kind->offers = hp_pool_alloc(pool, (count + 1) * sizeof(*kind->offers));
	for (size_t i = 0; i < count; i++) {
		bool any_vendor = strcmp(shares[i].vendor, "*") == 0;
		if ((!any_vendor && !same(shares[i].vendor, kind->vendor)) ||
		    !same(shares[i].kind, kind->kind))
			continue;
		struct hp_offer *offer = &kind->offers[kind->count++];
		struct hp_surface_path path =
		    hp_surfaces_path(matrix->surfaces, &shares[i], device, as_of);
		offer->surface = &shares[i];
		set_path(offer, &path);
	}
	if (!kind->count)
		add_unknown_offers(matrix, kind);
}

static int read_kinds(struct hp_matrix *matrix, sqlite3 *db, const char *as_of,
                      struct hp_pool *pool, struct hp_error *err)
{
	hp_cleanup_statement sqlite3_stmt *query = NULL;
	int code = hp_db_prepare(db, kinds_sql, &query, err);
	while (!code && (code = hp_db_step(query, err)) == 1) {
		matrix->kinds = grow(matrix->kinds, matrix->kind_count, sizeof(*matrix->kinds));
		struct kind *kind = &matrix->kinds[matrix->kind_count++];
		*kind = (struct kind){
		    .kind = hp_pool_strdup(pool, hp_db_text(query, 0)),
		    .vendor = hp_pool_strdup(pool, hp_db_text(query, 1)),
		    .device = hp_pool_strdup(pool, hp_db_text(query, 2)),
		    .model = hp_pool_strdup(pool, hp_db_text(query, 3)),
		};
		struct hp_surface_device device = {
		    .kind = kind->kind,
		    .vendor = kind->vendor,
		    .device = kind->device,
		    .model = kind->model,
		    .chip = hp_db_text(query, 4),
		    .generation = hp_db_text(query, 5),
		    .mig = hp_db_text(query, 6),
		    .vgpu = hp_db_text(query, 7),
		    .nvswitch = hp_db_text(query, 8),
		    .segment = hp_db_text(query, 9),
		};
		add_offers(matrix, kind, &device, as_of, pool);
		code = 0;
	}
	return code;
}

static int read_costs(struct hp_matrix *matrix, sqlite3 *db, struct hp_pool *pool,
                      struct hp_error *err)
{
	hp_cleanup_statement sqlite3_stmt *query = NULL;
	int code = hp_db_prepare(db, costs_sql, &query, err);
	while (!code && (code = hp_db_step(query, err)) == 1) {
		matrix->costs = grow(matrix->costs, matrix->cost_count, sizeof(*matrix->costs));
		matrix->costs[matrix->cost_count++] = (struct cost_row){
		    .surface = hp_pool_strdup(pool, hp_db_text(query, 0)),
		    .share = hp_pool_strdup(pool, hp_db_text(query, 1)),
		    .vendor = hp_pool_strdup(pool, hp_db_text(query, 2)),
		    .cost = {.kind = hp_pool_strdup(pool, hp_db_text(query, 3)),
		             .value = hp_pool_strdup(pool, hp_db_text(query, 4)),
		             .unit = hp_pool_strdup(pool, hp_db_text(query, 5)),
		             .source = hp_pool_strdup(pool, hp_db_text(query, 6)),
		             .amount = sqlite3_column_int64(query, 7),
		             .level = sqlite3_column_int(query, 8),
		             .estimate = sqlite3_column_int(query, 9)},
		};
		code = 0;
	}
	return code;
}

/* How well a row of its surface fits an offer: 0 not, else more for the vendor, most for the share.
 */
static int fit(const struct cost_row *row, const struct hp_surface_share *surface)
{
	bool any_share = strcmp(row->share, "*") == 0, any_vendor = strcmp(row->vendor, "*") == 0;
	if ((!any_share && strcmp(row->share, surface->share) != 0) ||
	    (!any_vendor && strcmp(row->vendor, surface->vendor) != 0))
		return 0;
	return 1 + !any_vendor + 2 * !any_share;
}

/* The first row of a surface, or where it would be: rows are in the order of their surfaces. */
static size_t first_cost(const struct hp_matrix *matrix, const char *surface)
{
	size_t low = 0, high = matrix->cost_count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (strcmp(matrix->costs[middle].surface, surface) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The rows come kind by kind: the best of each kind is the offer's cost. */
static void set_costs(const struct hp_matrix *matrix, struct hp_offer *offer, struct hp_pool *pool)
{
	enum { MOST = 16 };
	const struct hp_cost *costs[MOST];
	int best = 0;
	size_t count = 0;
	for (size_t i = first_cost(matrix, offer->surface->surface); i < matrix->cost_count; i++) {
		const struct cost_row *row = &matrix->costs[i];
		if (strcmp(row->surface, offer->surface->surface) != 0)
			break;
		int how = fit(row, offer->surface);
		if (!how)
			continue;
		bool again = count && strcmp(costs[count - 1]->kind, row->cost.kind) == 0;
		if (again && how > best)
			costs[count - 1] = &row->cost;
		else if (!again && count < MOST)
			costs[count++] = &row->cost;
		best = again && how <= best ? best : how;
	}
	offer->costs = hp_pool_alloc(pool, (count + 1) * sizeof(*costs));
	memcpy(offer->costs, costs, count * sizeof(*costs));
	offer->cost_count = count;
}

int hp_matrix_new(struct hp_facts *facts, const char *as_of, struct hp_pool *pool,
                  struct hp_matrix **ret, struct hp_error *err)
{
	sqlite3 *db = hp_facts_db(facts);
	struct hp_matrix *matrix = *ret = hp_pool_alloc(pool, sizeof(*matrix));
	int code = hp_surfaces_load(db, true, &matrix->surfaces, err);
	if (!code)
		code = read_kinds(matrix, db, as_of, pool, err);
	if (!code)
		code = read_costs(matrix, db, pool, err);
	for (size_t k = 0; !code && k < matrix->kind_count; k++)
		for (size_t i = 0; i < matrix->kinds[k].count; i++)
			set_costs(matrix, &matrix->kinds[k].offers[i], pool);
	return code;
}

void hp_matrix_finish(struct hp_matrix *matrix)
{
	if (!matrix)
		return;
	hp_surfaces_free(matrix->surfaces);
	free(matrix->kinds);
	free(matrix->costs);
}

const struct hp_surface_share *hp_matrix_surfaces(const struct hp_matrix *matrix, size_t *ret_count)
{
	return hp_surfaces_shares(matrix->surfaces, ret_count);
}

static bool is_shared(const char *share)
{
	return hp_has_word("vgpu mig-vgpu vf", share);
}

void hp_matrix_offers(const struct hp_matrix *matrix, struct hp_pool *pool,
                      struct hp_accelerator *accelerator, bool shared_only)
{
	for (size_t k = 0; k < matrix->kind_count; k++) {
		const struct kind *kind = &matrix->kinds[k];
		if (!is_of_kind(kind, accelerator))
			continue;
		accelerator->offers =
		    hp_pool_alloc(pool, (kind->count + 1) * sizeof(*kind->offers));
		for (size_t i = 0; i < kind->count; i++)
			if (!shared_only || is_shared(kind->offers[i].surface->share))
				accelerator->offers[accelerator->offer_count++] = kind->offers[i];
		return;
	}
}
