// Which functions are accelerators, what lies above them, and how many a host has.
// SPDX-License-Identifier: Apache-2.0
#include "facts/accelerators.h"
#include "base/cleanup.h"
#include "base/database.h"
#include "base/pool.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#include "facts/accelerator-sql.h" // accelerator_sql[], made from accelerator.sql

enum { MOST_ABOVE = 32 };

/* What knowledge says of ids and class: functions come in hundreds, their kinds in dozens. */
struct kind {
	const char *vendor, *device, *subsystem_vendor, *subsystem_device, *class;
	const char *model_row;  // subsystem of its row in accelerator_model, NULL if it has none
	const char *class_kind; // by vendor and class
	bool fabric, nvswitch;
};

struct function {
	const char *host, *address, *parent, *physical;
	const struct kind *kind;
	const char *told_kind; // by a ticket
	bool is_vf, ungrouped, on_vfio;
};

struct scan {
	struct hp_facts *facts;
	sqlite3 *db;
	struct hp_pool *pool;
	struct function *functions; // by host and address
	size_t count;
	struct kind **kinds;
	size_t kind_count;
	sqlite3_stmt *ask, *insert;
};

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static void *grow(void *items, size_t count, size_t size)
{
	return count % 64 ? items : hp_realloc(items, (count + 64) * size);
}

// -- kinds --

/* ?1 vendor, ?2 device, ?3 and ?4 subsystem, ?5 class. Of rows that match in accelerator_model the
 * one with the subsystem wins, of classes the longest prefix. The plus signs keep SQLite from a
 * search for each subsystem, whose results it would have to sort: a model has one row or two. */
static const char ask_sql[] =
    "SELECT (SELECT m.subsystem FROM accelerator_model m WHERE m.vendor = ?1 AND m.device = ?2"
    "         AND (+m.subsystem = '' OR +m.subsystem = ?3 || ':' || ?4)"
    "         ORDER BY m.subsystem DESC LIMIT 1),"
    " (SELECT c.kind FROM accelerator_class c"
    "  WHERE c.vendor = ?1 AND substr(?5, 1, length(c.class_prefix)) = c.class_prefix"
    "  ORDER BY c.class_prefix DESC LIMIT 1),"
    " (SELECT max(d.kind = 'nvswitch') FROM fabric_device d"
    "  WHERE d.vendor = ?1 AND ?2 BETWEEN d.device_first AND d.device_last)";

static int ask(struct scan *scan, struct kind *kind, struct hp_error *err)
{
	const char *const values[] = {kind->vendor, kind->device, kind->subsystem_vendor,
	                              kind->subsystem_device, kind->class};
	sqlite3_reset(scan->ask);
	for (int i = 0; i < (int)HP_COUNT(values); i++)
		sqlite3_bind_text(scan->ask, i + 1, values[i], -1, SQLITE_STATIC);
	int code = hp_db_step(scan->ask, err);
	if (code < 0)
		return code;
	kind->model_row = hp_pool_strdup(scan->pool, hp_db_text(scan->ask, 0));
	kind->class_kind = hp_pool_strdup(scan->pool, hp_db_text(scan->ask, 1));
	kind->fabric = sqlite3_column_type(scan->ask, 2) != SQLITE_NULL;
	kind->nvswitch = sqlite3_column_int(scan->ask, 2) == 1;
	return 0;
}

static bool is_of(const struct kind *kind, const struct kind *wanted)
{
	return same(kind->device, wanted->device) && same(kind->vendor, wanted->vendor) &&
	       same(kind->class, wanted->class) &&
	       same(kind->subsystem_device, wanted->subsystem_device) &&
	       same(kind->subsystem_vendor, wanted->subsystem_vendor);
}

static int find_kind(struct scan *scan, const struct kind *wanted, const struct kind **ret,
                     struct hp_error *err)
{
	for (size_t i = scan->kind_count; i-- > 0;)
		if (is_of(scan->kinds[i], wanted)) {
			*ret = scan->kinds[i];
			return 0;
		}
	struct kind *kind = hp_pool_alloc(scan->pool, sizeof(*kind));
	*kind = (struct kind){
	    .vendor = hp_pool_strdup(scan->pool, wanted->vendor),
	    .device = hp_pool_strdup(scan->pool, wanted->device),
	    .subsystem_vendor = hp_pool_strdup(scan->pool, wanted->subsystem_vendor),
	    .subsystem_device = hp_pool_strdup(scan->pool, wanted->subsystem_device),
	    .class = hp_pool_strdup(scan->pool, wanted->class),
	};
	scan->kinds = grow(scan->kinds, scan->kind_count, sizeof(struct kind *));
	scan->kinds[scan->kind_count++] = kind;
	*ret = kind;
	return ask(scan, kind, err);
}

// -- functions --

static const char functions_sql[] =
    "SELECT host, address, parent, vendor, device, subsystem_vendor, subsystem_device, class,"
    " physical_function, vgpu_type_current, vgpu_mode, iommu_group, driver"
    " FROM pci_function ORDER BY host, address";

/* A ticket may say "an NVIDIA GPU at 01:00.0" and no more. */
static bool is_told_of(sqlite3_stmt *row, const struct kind *kind)
{
	bool bare = same(kind->vendor, "10de") && !kind->class && !kind->device;
	return bare && (hp_ends_with(hp_db_text(row, 1), ".0") || hp_db_text(row, 10));
}

static int add_function(struct scan *scan, sqlite3_stmt *row, struct hp_error *err)
{
	const char *host = hp_db_text(row, 0), *physical = hp_db_text(row, 8);
	const struct function *above = scan->count ? &scan->functions[scan->count - 1] : NULL;
	const char *known = above && strcmp(above->host, host) == 0 ? above->host : NULL;
	scan->functions = grow(scan->functions, scan->count, sizeof(*scan->functions));
	struct function *f = &scan->functions[scan->count++];
	*f = (struct function){
	    .host = known ? known : hp_pool_strdup(scan->pool, host),
	    .address = hp_pool_strdup(scan->pool, hp_db_text(row, 1)),
	    .parent = hp_pool_strdup(scan->pool, hp_db_text(row, 2)),
	    .physical = same(physical, "none") ? "none" : hp_pool_strdup(scan->pool, physical),
	    /* Only VFs are set to a vGPU type, also where the PF did not make it into a copy. */
	    .is_vf = (physical && strcmp(physical, "none") != 0) || hp_db_text(row, 9),
	    .ungrouped = !hp_db_text(row, 11),
	    .on_vfio = same(hp_db_text(row, 12), "vfio-pci"),
	};
	const struct kind kind = {.vendor = hp_db_text(row, 3),
	                          .device = hp_db_text(row, 4),
	                          .subsystem_vendor = hp_db_text(row, 5),
	                          .subsystem_device = hp_db_text(row, 6),
	                          .class = hp_db_text(row, 7)};
	f->told_kind = is_told_of(row, &kind) ? "gpu" : NULL;
	return find_kind(scan, &kind, &f->kind, err);
}

static int read_functions(struct scan *scan, struct hp_error *err)
{
	hp_cleanup_statement sqlite3_stmt *rows = NULL;
	int code = hp_db_prepare(scan->db, functions_sql, &rows, err);
	while (!code && (code = hp_db_step(rows, err)) == 1)
		code = add_function(scan, rows, err);
	return code;
}

static int by_place(const void *a, const void *b)
{
	const struct function *left = a, *right = b;
	int order = left->host == right->host ? 0 : strcmp(left->host, right->host);
	return order ? order : strcmp(left->address, right->address);
}

static struct function *find_function(const struct scan *scan, const char *host,
                                      const char *address)
{
	const struct function wanted = {.host = host, .address = address};
	if (!address || !scan->count)
		return NULL;
	return bsearch(&wanted, scan->functions, scan->count, sizeof(wanted), by_place);
}

/* What an intent names is an accelerator to it, whatever it is. */
static int read_intents(struct scan *scan, struct hp_error *err)
{
	hp_cleanup_statement sqlite3_stmt *rows = NULL;
	int code = hp_db_prepare(
	    scan->db, "SELECT host, address FROM intent WHERE address IS NOT NULL", &rows, err);
	while (!code && (code = hp_db_step(rows, err)) == 1) {
		struct function *f = find_function(scan, hp_db_text(rows, 0), hp_db_text(rows, 1));
		if (f && !f->told_kind)
			f->told_kind = "other";
		code = 0;
	}
	return code;
}

// -- accelerators --

static const struct function *model_of_pf(const struct scan *scan, const struct function *f)
{
	const struct function *pf = find_function(scan, f->host, f->physical);
	return pf && !pf->kind->fabric && pf->kind->model_row ? pf : NULL;
}

static bool is_accelerator(const struct scan *scan, const struct function *f)
{
	if (f->kind->fabric)
		return false;
	return f->kind->model_row || f->kind->class_kind || f->told_kind ||
	       (f->is_vf && model_of_pf(scan, f));
}

static int put_accelerator(struct scan *scan, const struct function *f, struct hp_error *err)
{
	const struct function *pf = model_of_pf(scan, f);
	const struct kind none = {0}, *of_pf = pf ? pf->kind : &none;
	const char *kind = f->kind->class_kind ? f->kind->class_kind : f->told_kind;
	const char *const values[] = {f->host, f->address,    NULL,          f->kind->model_row,
	                              kind,    of_pf->vendor, of_pf->device, of_pf->model_row};
	sqlite3_reset(scan->insert);
	for (int i = 0; i < (int)HP_COUNT(values); i++)
		sqlite3_bind_text(scan->insert, i + 1, values[i], -1, SQLITE_STATIC);
	sqlite3_bind_int(scan->insert, 3, f->is_vf);
	return hp_db_step(scan->insert, err);
}

/* How many others have the same parent; 0 where it is not known. */
static int count_beside(const struct scan *scan, const char *host, const char *address)
{
	const struct function *f = find_function(scan, host, address);
	int count = 0;
	for (size_t i = 0; f && f->parent && i < scan->count; i++) {
		const struct function *other = &scan->functions[i];
		count +=
		    other != f && same(other->parent, f->parent) && strcmp(other->host, host) == 0;
	}
	return count;
}

static int put_ancestor(struct scan *scan, const struct function *f, const char *ancestor,
                        int depth, struct hp_error *err)
{
	struct hp_row row = hp_row_begin(scan->facts, HP_TBL_PCI_ANCESTOR);
	hp_row_text(&row, HP_PCI_ANCESTOR_ADDRESS, f->address);
	hp_row_text(&row, HP_PCI_ANCESTOR_ANCESTOR, ancestor);
	hp_row_number(&row, HP_PCI_ANCESTOR_DEPTH, depth);
	hp_row_number(&row, HP_PCI_ANCESTOR_BESIDE, count_beside(scan, f->host, ancestor));
	return hp_row_put(&row, err);
}

static bool is_among(const char *const *list, int count, const char *word)
{
	for (int i = 0; i < count; i++)
		if (strcmp(list[i], word) == 0)
			return true;
	return false;
}

/* Ends where a parent is unknown, 'none', or seen before: a hand-written file may hold a ring. */
static int put_ancestors(struct scan *scan, const struct function *f, struct hp_error *err)
{
	const char *above[MOST_ABOVE];
	int code = 0, depth = 0;
	hp_facts_set_host(scan->facts, f->host);
	for (const struct function *at = f; !code && at && depth < MOST_ABOVE;) {
		if (!at->parent || strcmp(at->parent, "none") == 0 ||
		    is_among(above, depth, at->parent))
			break;
		above[depth++] = at->parent;
		code = put_ancestor(scan, f, at->parent, depth, err);
		at = find_function(scan, f->host, at->parent);
	}
	return code;
}

static int put_accelerators(struct scan *scan, struct hp_error *err)
{
	int code = hp_db_prepare(scan->db, accelerator_sql, &scan->insert, err);
	for (size_t i = 0; !code && i < scan->count; i++) {
		const struct function *f = &scan->functions[i];
		if (!is_accelerator(scan, f))
			continue;
		code = put_accelerator(scan, f, err);
		if (!code)
			code = put_ancestors(scan, f, err);
	}
	return code;
}

// -- hosts --

/* The first host behind ?1 that anything is known of. */
static const char next_host_sql[] =
    "SELECT min(host) FROM (SELECT min(host) AS host FROM observed WHERE host > ?1"
    " UNION ALL SELECT min(host) FROM pci_function WHERE host > ?1"
    " UNION ALL SELECT min(host) FROM machine WHERE host > ?1)";

static const char summary_sql[] =
    "INSERT INTO host_summary (host, accelerators, nvidia_accelerators, nvswitches, pci_seen,"
    "  guest, ungrouped, vfio_bound)"
    " SELECT ?1, COUNT(*), COUNT(CASE WHEN vendor = '10de' THEN 1 END), ?2,"
    " EXISTS (SELECT 1 FROM observed WHERE host = ?1 AND tbl = 'pci_function' AND subject = ''"
    "         AND state = 'complete'),"
    " (SELECT CASE WHEN hypervisor = 'none' OR (hypervisor = 'xen' AND vendor <> 'Xen') THEN 0"
    "              WHEN hypervisor <> 'xen' OR vendor = 'Xen' THEN 1 END"
    "  FROM machine WHERE host = ?1), ?3, ?4"
    " FROM accelerator WHERE host = ?1 AND is_vf = 0";

/* Binds ?2 to ?4: how many of the host's functions are what. */
static void bind_counts(sqlite3_stmt *insert, const struct scan *scan, const char *host)
{
	int nvswitches = 0, ungrouped = 0, on_vfio = 0;
	for (size_t i = 0; i < scan->count; i++) {
		const struct function *f = &scan->functions[i];
		if (strcmp(f->host, host) != 0)
			continue;
		nvswitches += f->kind->nvswitch;
		ungrouped += f->ungrouped;
		on_vfio += f->on_vfio;
	}
	sqlite3_bind_int(insert, 2, nvswitches);
	sqlite3_bind_int(insert, 3, ungrouped);
	sqlite3_bind_int(insert, 4, on_vfio);
}

static int put_summaries(struct scan *scan, struct hp_error *err)
{
	hp_cleanup_statement sqlite3_stmt *next = NULL, *insert = NULL;
	hp_cleanup_free char *host = hp_strdup("");
	int code = hp_db_prepare(scan->db, next_host_sql, &next, err);
	if (!code)
		code = hp_db_prepare(scan->db, summary_sql, &insert, err);
	while (!code) {
		sqlite3_reset(next);
		sqlite3_bind_text(next, 1, host, -1, SQLITE_STATIC);
		code = hp_db_step(next, err);
		if (code < 0 || !hp_db_text(next, 0))
			return code < 0 ? code : 0;
		free(host);
		host = hp_strdup(hp_db_text(next, 0));
		sqlite3_reset(insert);
		sqlite3_bind_text(insert, 1, host, -1, SQLITE_STATIC);
		bind_counts(insert, scan, host);
		code = hp_db_step(insert, err);
	}
	return code;
}

int hp_facts_find_accelerators(struct hp_facts *facts, struct hp_error *err)
{
	struct scan scan = {.facts = facts, .db = hp_facts_db(facts), .pool = hp_pool_new()};
	int code = hp_db_prepare(scan.db, ask_sql, &scan.ask, err);
	if (!code)
		code = read_functions(&scan, err);
	if (!code)
		code = read_intents(&scan, err);
	if (!code)
		code = put_accelerators(&scan, err);
	if (!code)
		code = put_summaries(&scan, err);
	hp_db_finish(&scan.ask);
	hp_db_finish(&scan.insert);
	free(scan.functions);
	free(scan.kinds);
	hp_pool_free(scan.pool);
	return code;
}
