// happypath surfaces: the dated matrix, as of a day or what changed since one.
// SPDX-License-Identifier: Apache-2.0
#include "cli.h"

#include "base/cleanup.h"
#include "base/database.h"
#include "base/json.h"
#include "base/text.h"
#include "facts/facts.h"
#include "judge/knowledge.h"
#include "judge/surfaces.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define SCHEMA     "happypath.surfaces/1"
#define STALE_DAYS 180 // a row last checked longer ago says "as of"

struct device {
	struct hp_surface_device of;
	const char *strings[10]; // what `of` points to
};

struct view {
	struct hp_facts *facts; // holds the connection
	struct hp_knowledge *knowledge;
	struct hp_surfaces *surfaces;
	struct device *devices; // every kind of device that the matrix can tell apart
	size_t device_count;
	const char *day, *since;
	char today[16];
	char *vendor; // PCI id
	const char *surface, *share, *model;
	enum hp_format format;
};

// -- dates --

static bool parse_day(const char *text, struct tm *ret)
{
	char back[16];
	*ret = (struct tm){0};
	const char *end = strptime(text, "%Y-%m-%d", ret);
	if (!end || *end)
		return false;
	ret->tm_hour = 12;
	ret->tm_isdst = 0;
	struct tm copy = *ret;
	timegm(&copy); // a day that does not exist comes out as another
	strftime(back, sizeof(back), "%Y-%m-%d", &copy);
	return strcmp(back, text) == 0;
}

/* Days from one day to another; 0 if either is none. */
static long days_between(const char *from, const char *to)
{
	struct tm a, b;
	if (!parse_day(from, &a) || !parse_day(to, &b))
		return 0;
	return (long)((timegm(&b) - timegm(&a)) / 86400);
}

static void find_today(char buffer[16])
{
	time_t now = time(NULL);
	struct tm utc;
	gmtime_r(&now, &utc);
	strftime(buffer, 16, "%Y-%m-%d", &utc);
}

// -- what is looked at --

static int load_devices(struct view *view, struct hp_error *err)
{
	hp_cleanup_statement sqlite3_stmt *statement = NULL;
	int code = hp_db_prepare(
	    hp_facts_db(view->facts),
	    "SELECT vendor, kind, CASE WHEN vendor || device IN (SELECT s.vendor || s.match_value "
	    "FROM support s"
	    " WHERE s.match_kind = 'id') THEN device END AS id, model, chip, generation,"
	    " mig, vgpu, nvswitch, CASE segment WHEN 'consumer' THEN segment END AS consumer, "
	    "min(device)"
	    " FROM accelerator_model WHERE is_vf = 0"
	    " GROUP BY vendor, kind, id, model, chip, generation, mig, vgpu, nvswitch, consumer"
	    " ORDER BY vendor = '10de' DESC, vendor = '1002' DESC, vendor, min(device)",
	    &statement, err);
	while (!code && (code = hp_db_step(statement, err)) == 1) {
		view->devices =
		    hp_realloc(view->devices, (view->device_count + 1) * sizeof(*view->devices));
		struct device *device = &view->devices[view->device_count++];
		for (int i = 0; i < (int)HP_COUNT(device->strings); i++) {
			const char *text = hp_db_text(statement, i);
			device->strings[i] = text ? hp_strdup(text) : NULL;
		}
		const char **s = device->strings;
		device->of = (struct hp_surface_device){.vendor = s[0],
		                                        .kind = s[1],
		                                        .device = s[2],
		                                        .model = s[3],
		                                        .chip = s[4],
		                                        .generation = s[5],
		                                        .mig = s[6],
		                                        .vgpu = s[7],
		                                        .nvswitch = s[8],
		                                        .segment = s[9]};
		code = 0;
	}
	return code;
}

static void close_view(struct view *view)
{
	for (size_t i = 0; i < view->device_count; i++)
		for (size_t s = 0; s < HP_COUNT(view->devices[i].strings); s++)
			free((char *)view->devices[i].strings[s]);
	free(view->devices);
	hp_surfaces_free(view->surfaces);
	hp_knowledge_close(view->knowledge);
	hp_facts_free(view->facts);
	free(view->vendor);
}

static int open_view(struct view *view, const struct hp_options *options, struct hp_error *err)
{
	struct hp_session session = {0};
	int code = hp_session_open_knowledge(options, &session, err);
	view->facts = session.facts;
	view->knowledge = session.knowledge;
	if (!code)
		code = hp_surfaces_load(hp_facts_db(view->facts), false, &view->surfaces, err);
	return code ? code : load_devices(view, err);
}

static bool is_wanted(const char *wanted, const char *value)
{
	return !wanted || (value && strcasecmp(wanted, value) == 0);
}

static bool wants_share(const struct view *view, const struct hp_surface_share *share)
{
	return is_wanted(view->surface, share->surface) && is_wanted(view->share, share->share) &&
	       is_wanted(view->vendor, share->vendor);
}

static bool wants_device(const struct view *view, const struct device *device)
{
	return is_wanted(view->model, device->of.model);
}

static bool is_offered(const struct hp_surface_share *share, const struct device *device)
{
	return strcmp(share->kind, device->of.kind) == 0 &&
	       strcmp(share->vendor, device->of.vendor) == 0;
}

static char *vendor_name(const struct view *view, const char *vendor)
{
	hp_cleanup_statement sqlite3_stmt *statement = NULL;
	if (hp_db_prepare(hp_facts_db(view->facts), "SELECT name FROM vendor WHERE vendor = ?1",
	                  &statement, NULL))
		return hp_strdup(vendor);
	sqlite3_bind_text(statement, 1, vendor, -1, SQLITE_STATIC);
	return hp_strdup(hp_db_step(statement, NULL) == 1 ? hp_db_text(statement, 0) : vendor);
}

/* The PCI id of a vendor called by its id, name or a word for it; NULL if nobody is called so. */
static char *find_vendor(const struct view *view, const char *word)
{
	hp_cleanup_statement sqlite3_stmt *statement = NULL;
	if (hp_db_prepare(
		hp_facts_db(view->facts),
		"SELECT vendor FROM vendor WHERE vendor = lower(?1) OR lower(name) = lower(?1)"
		" OR has_word(words, lower(?1)) = 1",
		&statement, NULL))
		return NULL;
	sqlite3_bind_text(statement, 1, word, -1, SQLITE_STATIC);
	return hp_db_step(statement, NULL) == 1 ? hp_strdup(hp_db_text(statement, 0)) : NULL;
}

// -- one line a surface --

/* The best path of a surface: over shares and devices. */
struct best {
	enum hp_path path;
	const struct hp_surface_share *share; // first share that has it
	const struct hp_support *support;     // first row that says so
	struct hp_text shares;                // all shares that have it
};

static enum hp_path best_of_share(const struct view *view, const struct hp_surface_share *share,
                                  const struct hp_support **ret)
{
	enum hp_path best = HP_PATH_UNKNOWN;
	for (size_t i = 0; i < view->device_count; i++) {
		if (!is_offered(share, &view->devices[i]) || !wants_device(view, &view->devices[i]))
			continue;
		struct hp_surface_path path =
		    hp_surfaces_path(view->surfaces, share, &view->devices[i].of, view->day);
		if (path.path >= best && (*ret || !path.support))
			continue;
		best = path.path;
		*ret = path.support;
	}
	return best;
}

static struct best find_best(const struct view *view, const char *surface)
{
	struct best best = {.path = HP_PATH_UNKNOWN};
	size_t count;
	const struct hp_surface_share *shares = hp_surfaces_shares(view->surfaces, &count);
	for (size_t i = 0; i < count; i++) {
		const struct hp_support *support = NULL;
		if (strcmp(shares[i].surface, surface) != 0 || !wants_share(view, &shares[i]))
			continue;
		enum hp_path path = best_of_share(view, &shares[i], &support);
		if (path > best.path)
			continue;
		if (path < best.path || !best.share) {
			hp_text_free(&best.shares);
			best.path = path;
			best.share = &shares[i];
			best.support = support;
		}
		if (!hp_has_word(hp_text_get(&best.shares), shares[i].share))
			hp_text_printf(&best.shares, "%s%s", best.shares.length ? " " : "",
			               shares[i].share);
	}
	return best;
}

/* What of a generation has the best path: all of it, or which models. */
struct coverage {
	const char *generation;
	size_t all, hits;
	struct hp_text models;
};

static void count_device(struct coverage *coverage, const struct device *device, bool hit)
{
	coverage->all++;
	coverage->hits += hit;
	if (!hit || !device->of.model)
		return;
	hp_cleanup_free char *list = hp_asprintf(", %s, ", hp_text_get(&coverage->models));
	hp_cleanup_free char *model = hp_asprintf(", %s, ", device->of.model);
	if (!strstr(list, model))
		hp_text_printf(&coverage->models, "%s%s", coverage->models.length ? ", " : "",
		               device->of.model);
}

static void print_coverage(struct coverage *coverage, struct hp_text *text)
{
	const char *models = hp_text_get(&coverage->models), *separator = text->length ? ", " : "";
	if (coverage->hits == coverage->all)
		hp_text_printf(text, "%s%s", separator, coverage->generation);
	else if (coverage->hits && coverage->models.length && coverage->models.length < 48)
		hp_text_printf(text, "%s%s", separator, models);
	else if (coverage->hits)
		hp_text_printf(text, "%ssome %s", separator, coverage->generation);
	hp_text_free(&coverage->models);
}

/* The generations of one vendor that have `best.path` on any of its shares, in the order of their
 * ids. */
static void describe_vendor(const struct view *view, const struct best *best,
                            const struct hp_surface_share *share, struct hp_text *text)
{
	struct coverage generations[64];
	size_t count = 0;
	for (size_t i = 0; i < view->device_count; i++) {
		const struct device *device = &view->devices[i];
		if (!is_offered(share, device) || !wants_device(view, device) ||
		    !device->of.generation)
			continue;
		size_t g = 0;
		while (g < count && strcmp(generations[g].generation, device->of.generation) != 0)
			g++;
		if (g == HP_COUNT(generations))
			continue;
		if (g == count)
			generations[count++] =
			    (struct coverage){.generation = device->of.generation};
		struct hp_surface_path path =
		    hp_surfaces_path(view->surfaces, share, &device->of, view->day);
		count_device(&generations[g], device, path.path == best->path);
	}
	hp_cleanup_text struct hp_text list = {0};
	for (size_t g = 0; g < count; g++)
		print_coverage(&generations[g], &list);
	if (!list.length)
		return;
	hp_cleanup_free char *name = vendor_name(view, share->vendor);
	hp_text_printf(text, "%s%s: %s", text->length ? "; " : "", name, hp_text_get(&list));
}

/* Who has the best path, by the first share that has it: "NVIDIA: turing, ampere, B200". */
static void describe(const struct view *view, const struct best *best, struct hp_text *text)
{
	size_t count;
	const struct hp_surface_share *shares = hp_surfaces_shares(view->surfaces, &count);
	if (best->path == HP_PATH_OFF) {
		hp_text_puts(text, "all");
		return;
	}
	for (size_t i = 0; i < count && best->path != HP_PATH_UNKNOWN; i++)
		if (strcmp(shares[i].surface, best->share->surface) == 0 &&
		    strcmp(shares[i].share, best->share->share) == 0 &&
		    wants_share(view, &shares[i]))
			describe_vendor(view, best, &shares[i], text);
}

static const struct hp_column summary_columns[] = {
    {.name = "surface", .help = "way to attach an accelerator"},
    {.name = "path", .help = "best stance of a device vendor over shares and devices"},
    {.name = "share", .help = "first share that has it", .wide = true},
    {.name = "shares", .help = "all shares that have it"},
    {.name = "match", .help = "devices that have it with that share", .wraps = true},
    {.name = "title", .help = "name of the surface", .wide = true},
    {.name = "since", .help = "first day of the row that says so", .wide = true},
    {.name = "checked", .help = "day that its source was last read", .wide = true},
    {.name = "source", .help = "its source", .wide = true},
};

static void add_summary(const struct view *view, struct hp_table *table, const char *surface,
                        const char *title)
{
	struct best best = find_best(view, surface);
	if (!best.share)
		return;
	hp_cleanup_text struct hp_text match = {0}, path = {0};
	describe(view, &best, &match);
	const struct hp_support *support = best.support;
	hp_text_puts(&path, hp_path_name(best.path));
	bool for_people = view->format == HP_FORMAT_TABLE || view->format == HP_FORMAT_WIDE;
	if (for_people && support && days_between(support->checked, view->today) > STALE_DAYS)
		hp_text_printf(&path, " as of %s", support->checked);
	const char *cells[] = {surface,
	                       hp_text_get(&path),
	                       best.share->share,
	                       hp_text_get(&best.shares),
	                       hp_text_get(&match),
	                       title,
	                       support && *support->since ? support->since : NULL,
	                       support ? support->checked : NULL,
	                       support ? support->source : NULL};
	hp_table_add(table, cells);
	hp_text_free(&best.shares);
}

static int make_summary(const struct view *view, struct hp_table *table, struct hp_error *err)
{
	hp_cleanup_statement sqlite3_stmt *statement = NULL;
	int code =
	    hp_db_prepare(hp_facts_db(view->facts),
	                  "SELECT surface, title FROM surface ORDER BY position", &statement, err);
	while (!code && (code = hp_db_step(statement, err)) == 1) {
		if (is_wanted(view->surface, hp_db_text(statement, 0)))
			add_summary(view, table, hp_db_text(statement, 0),
			            hp_db_text(statement, 1));
		code = 0;
	}
	return code;
}

// -- the rows --

static const struct hp_column row_columns[] = {
    {.name = "surface", .help = "way to attach an accelerator"},
    {.name = "share", .help = "how much of it"},
    {.name = "vendor", .help = "PCI vendor id"},
    {.name = "kind", .help = "kind of accelerator", .wide = true},
    {.name = "match", .help = "devices that the row speaks of"},
    {.name = "path", .help = "stance of the device vendor"},
    {.name = "since", .help = "first day; empty: since before our records"},
    {.name = "until", .help = "first day that it no longer holds; empty: still true"},
    {.name = "condition", .help = "what it asks for", .wraps = true},
    {.name = "reason", .help = "why", .wide = true},
    {.name = "runs_on",
     .help = "surface whose path counts too: the worse of both holds",
     .wide = true},
    {.name = "approximate", .help = "1: a date of it is approximate", .number = true, .wide = true},
    {.name = "checked", .help = "day that the source was last read", .wide = true},
    {.name = "source", .help = "where it is written", .wide = true},
};

static void add_row(struct hp_table *table, const struct hp_support *row,
                    const struct hp_surface_share *share, enum hp_path path)
{
	hp_cleanup_free char *match = strcmp(row->match_kind, "any") == 0
	                                  ? hp_strdup("any")
	                                  : hp_asprintf("%s %s", row->match_kind, row->match_value);
	const char *base = strcmp(share->base_surface, "none") != 0 ? share->base_surface : NULL;
	const char *cells[] = {share->surface,
	                       row->share,
	                       row->vendor,
	                       row->kind,
	                       match,
	                       hp_path_name(path),
	                       *row->since ? row->since : NULL,
	                       row->until,
	                       row->condition,
	                       row->reason,
	                       base,
	                       row->approximate ? "1" : "0",
	                       row->checked,
	                       row->source};
	hp_table_add(table, cells);
}

static bool is_row_of(const struct hp_support *row, const struct hp_surface_share *share)
{
	return strcmp(row->surface, share->surface) == 0 && strcmp(row->share, share->share) == 0 &&
	       strcmp(row->vendor, share->vendor) == 0 && strcmp(row->kind, share->kind) == 0;
}

static bool wants_row(const struct view *view, const struct hp_support *row)
{
	return is_wanted(view->surface, row->surface) && is_wanted(view->share, row->share) &&
	       is_wanted(view->vendor, row->vendor);
}

static void add_all_rows(const struct view *view, struct hp_table *table)
{
	size_t count, share_count;
	const struct hp_support *rows = hp_surfaces_rows(view->surfaces, &count);
	const struct hp_surface_share *shares = hp_surfaces_shares(view->surfaces, &share_count);
	for (size_t s = 0; s < share_count; s++)
		for (size_t i = 0; i < count; i++)
			if (is_row_of(&rows[i], &shares[s]) && wants_row(view, &rows[i]) &&
			    hp_support_holds(&rows[i], view->day))
				add_row(table, &rows[i], &shares[s], rows[i].path);
}

/* The rows that decide for one model: a row that several devices of it share stands once. */
static void add_model_rows(const struct view *view, struct hp_table *table)
{
	size_t count;
	const struct hp_surface_share *shares = hp_surfaces_shares(view->surfaces, &count);
	for (size_t s = 0; s < count; s++) {
		const struct hp_support *above = NULL;
		for (size_t i = 0; i < view->device_count && wants_share(view, &shares[s]); i++) {
			const struct device *device = &view->devices[i];
			if (!is_offered(&shares[s], device) || !wants_device(view, device))
				continue;
			struct hp_surface_path path =
			    hp_surfaces_path(view->surfaces, &shares[s], &device->of, view->day);
			if (path.support && path.support != above)
				add_row(table, path.support, &shares[s], path.path);
			above = path.support;
		}
	}
}

// -- what changed --

static const struct hp_column change_columns[] = {
    {.name = "date", .help = "day of the change"},
    {.name = "surface", .help = "way to attach an accelerator"},
    {.name = "share", .help = "how much of it"},
    {.name = "vendor", .help = "PCI vendor id"},
    {.name = "match", .help = "devices it is about"},
    {.name = "from", .help = "stance on the first day"},
    {.name = "to", .help = "stance on the second day"},
    {.name = "change", .help = "widened, narrowed, or new to the records"},
    {.name = "reason", .help = "why", .wraps = true},
    {.name = "condition", .help = "what it asks for", .wide = true},
    {.name = "approximate", .help = "1: the date is approximate", .number = true, .wide = true},
    {.name = "source", .help = "where it is written", .wide = true},
};

static bool same_match(const struct hp_support *a, const struct hp_support *b)
{
	return strcmp(a->surface, b->surface) == 0 && strcmp(a->share, b->share) == 0 &&
	       strcmp(a->kind, b->kind) == 0 && strcmp(a->vendor, b->vendor) == 0 &&
	       strcmp(a->match_kind, b->match_kind) == 0 &&
	       strcmp(a->match_value, b->match_value) == 0;
}

/* The row that held on `day` for what `row` matches; rows of one match are neighbours. */
static const struct hp_support *held_on(const struct hp_support *rows, size_t count, size_t row,
                                        const char *day)
{
	size_t first = row;
	while (first > 0 && same_match(&rows[first - 1], &rows[row]))
		first--;
	for (size_t i = first; i < count && same_match(&rows[i], &rows[row]); i++)
		if (hp_support_holds(&rows[i], day))
			return &rows[i];
	return NULL;
}

static const char *change_word(const struct hp_support *from, const struct hp_support *to)
{
	if (!from)
		return "new";
	if (!to)
		return "ended";
	return to->path < from->path ? "widened" : "narrowed";
}

static void add_change(const struct hp_support *from, const struct hp_support *to,
                       struct hp_table *table)
{
	const struct hp_support *row = to ? to : from;
	hp_cleanup_free char *match = strcmp(row->match_kind, "any") == 0
	                                  ? hp_strdup("any")
	                                  : hp_asprintf("%s %s", row->match_kind, row->match_value);
	const char *cells[] = {to ? to->since : from->until,
	                       row->surface,
	                       row->share,
	                       row->vendor,
	                       match,
	                       hp_path_name(from ? from->path : HP_PATH_UNKNOWN),
	                       hp_path_name(to ? to->path : HP_PATH_UNKNOWN),
	                       change_word(from, to),
	                       row->reason,
	                       row->condition,
	                       row->approximate ? "1" : "0",
	                       row->source};
	hp_table_add(table, cells);
}

static void add_changes(const struct view *view, struct hp_table *table)
{
	size_t count;
	const struct hp_support *rows = hp_surfaces_rows(view->surfaces, &count);
	for (size_t i = 0; i < count; i++) {
		bool first = i == 0 || !same_match(&rows[i - 1], &rows[i]);
		if (!first || !wants_row(view, &rows[i]))
			continue;
		if (view->model && !is_wanted(view->model, rows[i].match_value))
			continue;
		const struct hp_support *from = held_on(rows, count, i, view->since);
		const struct hp_support *to = held_on(rows, count, i, view->day);
		if ((from ? from->path : HP_PATH_UNKNOWN) != (to ? to->path : HP_PATH_UNKNOWN))
			add_change(from, to, table);
	}
}

// -- output --

static json_t *document_head(const struct view *view)
{
	const char *as_of = hp_knowledge_as_of(view->knowledge);
	json_t *head = json_object();
	json_object_set_new(head, "schema", json_string(SCHEMA));
	json_object_set_new(head, "knowledge",
	                    json_pack("{s:s, s:s, s:I}", "version",
	                              hp_knowledge_version(view->knowledge), "as_of", as_of,
	                              "age_days", (json_int_t)days_between(as_of, view->today)));
	json_object_set_new(head, "as_of", json_string(view->day));
	if (view->since)
		json_object_set_new(head, "changes_since", json_string(view->since));
	return head;
}

static int print_documents(const struct view *view, struct hp_table *summary, const char *key,
                           struct hp_table *rows, struct hp_error *err)
{
	json_t *document = document_head(view);
	if (summary)
		json_object_set_new(document, "summary", hp_table_json(summary));
	json_object_set_new(document, key, hp_table_json(rows));
	int code = hp_json_print(document, view->format, stdout, err);
	json_decref(document);
	return code;
}

/* What a person must know of the age of all this. */
static void print_foot(const struct view *view)
{
	const char *as_of = hp_knowledge_as_of(view->knowledge);
	fprintf(stderr, "as of %s, by knowledge %s of %s (%ld days old)%s\n", view->day,
	        hp_knowledge_version(view->knowledge), as_of, days_between(as_of, view->today),
	        strcmp(view->day, as_of) > 0 ? ": what came later is not in it" : "");
}

static int print_surfaces(const struct view *view, struct hp_error *err)
{
	struct hp_table *summary = hp_table_new(summary_columns, HP_COUNT(summary_columns));
	struct hp_table *rows = hp_table_new(row_columns, HP_COUNT(row_columns));
	int code = make_summary(view, summary, err);
	if (view->model)
		add_model_rows(view, rows);
	else
		add_all_rows(view, rows);
	if (!code && (view->format == HP_FORMAT_JSON || view->format == HP_FORMAT_YAML))
		code = print_documents(view, summary, "surfaces", rows, err);
	else if (!code)
		code = hp_table_print(view->format == HP_FORMAT_CSV ? rows : summary, view->format,
		                      NULL, NULL, stdout, err);
	hp_table_free(summary);
	hp_table_free(rows);
	return code;
}

static int print_changes(const struct view *view, struct hp_error *err)
{
	struct hp_table *changes = hp_table_new(change_columns, HP_COUNT(change_columns));
	add_changes(view, changes);
	int code = view->format == HP_FORMAT_JSON || view->format == HP_FORMAT_YAML
	               ? print_documents(view, NULL, "changes", changes, err)
	               : hp_table_print(changes, view->format, NULL, NULL, stdout, err);
	hp_table_free(changes);
	return code;
}

// -- arguments --

__attribute__((format(printf, 1, 2))) static int bad_usage(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	fputs("happypath surfaces: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	return HP_EXIT_USAGE;
}

static int take_options(const struct hp_options *options, struct view *view)
{
	struct tm unused;
	const char *days[] = {options->as_of, options->changes_since};
	for (size_t i = 0; i < HP_COUNT(days); i++)
		if (days[i] && !parse_day(days[i], &unused))
			return bad_usage("'%s' is no day; expected YYYY-MM-DD, such as 2025-02-14",
			                 days[i]);
	view->format = options->format;
	view->day = options->as_of ? options->as_of : view->today;
	view->since = options->changes_since;
	view->surface = options->surface;
	view->share = options->share;
	view->model = options->model;
	if (view->since && strcmp(view->since, view->day) > 0)
		return bad_usage(
		    "--changes-since %s is later than the day that it is compared with",
		    view->since);
	return HP_EXIT_OK;
}

static bool any_share(const struct view *view, const char *surface, const char *share)
{
	size_t count;
	const struct hp_surface_share *shares = hp_surfaces_shares(view->surfaces, &count);
	for (size_t i = 0; i < count; i++)
		if (is_wanted(surface, shares[i].surface) && is_wanted(share, shares[i].share))
			return true;
	return false;
}

/* What is asked for must exist: an empty answer to a misspelt question would read as "nothing is
 * supported". */
static int check_wanted(struct view *view, const char *vendor)
{
	if (vendor && !(view->vendor = find_vendor(view, vendor)))
		return bad_usage(
		    "'%s' is no known vendor; expected a PCI id or a name, such as 10de or nvidia",
		    vendor);
	hp_cleanup_free char *names = hp_surface_names(hp_facts_db(view->facts));
	if (view->surface && !any_share(view, view->surface, NULL))
		return bad_usage("'%s' is no surface; the surfaces are %s", view->surface, names);
	if (view->share && !any_share(view, NULL, view->share))
		return bad_usage("'%s' is no share; expected whole, mig, vgpu, mig-vgpu, vf, "
		                 "partition, time-slice or mps",
		                 view->share);
	for (size_t i = 0; i < view->device_count; i++)
		if (wants_device(view, &view->devices[i]))
			return HP_EXIT_OK;
	return bad_usage("no model is called '%s'; expected one such as H100, L40S or MI300X",
	                 view->model);
}

static int run(struct view *view, const struct hp_options *options)
{
	struct hp_error error = {0};
	if (open_view(view, options, &error))
		return hp_give_up(&error);
	int code = check_wanted(view, options->vendor);
	if (code)
		return code;
	if (view->since ? print_changes(view, &error) : print_surfaces(view, &error))
		return hp_give_up(&error);
	print_foot(view);
	return HP_EXIT_OK;
}

int hp_cmd_surfaces(const struct hp_command *command HP_UNUSED, struct hp_options *options)
{
	struct view view = {0};
	find_today(view.today);
	int code = take_options(options, &view);
	if (!code)
		code = run(&view, options);
	close_view(&view);
	return code;
}
