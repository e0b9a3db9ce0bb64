// Where the values came from that a finding rests on. A rule's reads are known by column, not by
// row, so the row is the subject's where the table is keyed by it, and '*' stands where it is not.
// SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "base/database.h"
#include "base/text.h"
#include "judge/parts.h"

#include <string.h>

enum { MOST_FILES = 12 };

/* A row of the table `origin`. */
struct stated {
	const char *host, *table, *subject, *column, *source;
};

struct hp_origins {
	struct hp_facts *facts;
	struct hp_pool *pool;
	struct stated *rows;
	size_t count;
};

struct hp_origins *hp_origins_new(struct hp_facts *facts, struct hp_pool *pool)
{
	struct hp_origins *origins = hp_calloc(1, sizeof(*origins));
	origins->facts = facts;
	origins->pool = pool;
	hp_cleanup_statement sqlite3_stmt *query = NULL;
	if (hp_db_prepare(hp_facts_db(facts), "SELECT host, tbl, subject, col, source FROM origin",
	                  &query, NULL))
		return origins;
	while (hp_db_step(query, NULL) == 1) {
		if (origins->count % 64 == 0)
			origins->rows = hp_realloc(origins->rows,
			                           (origins->count + 64) * sizeof(*origins->rows));
		origins->rows[origins->count++] = (struct stated){
		    .host = hp_pool_strdup(pool, hp_db_text(query, 0)),
		    .table = hp_pool_strdup(pool, hp_db_text(query, 1)),
		    .subject = hp_pool_strdup(pool, hp_db_text(query, 2)),
		    .column = hp_pool_strdup(pool, hp_db_text(query, 3)),
		    .source = hp_pool_strdup(pool, hp_db_text(query, 4)),
		};
	}
	return origins;
}

void hp_origins_free(struct hp_origins *origins)
{
	if (!origins)
		return;
	free(origins->rows);
	free(origins);
}

/* A value read: the base table and column it was copied from, if the rule read a derived one. */
struct value {
	enum hp_tbl table;
	int column;
};

/* What a derived column tells of, "table.column". */
static bool told_base(const char *origin, struct value *ret)
{
	const char *dot = strchr(origin, '.');
	hp_cleanup_free char *name = dot ? hp_strndup(origin, (size_t)(dot - origin)) : NULL;
	const struct hp_table_def *base = name ? hp_table_find(name) : NULL;
	if (!base)
		return false;
	*ret = (struct value){(enum hp_tbl)(base - hp_tables), hp_column_find(base, dot + 1)};
	return ret->column >= 0;
}

/* The accelerator's columns are its function's, and some of them the driver's. */
static bool base_value(const struct hp_fence_read_item *item, struct value *ret)
{
	const struct hp_table_def *table = &hp_tables[item->table];
	const char *name = table->columns[item->column].name;
	*ret = (struct value){(enum hp_tbl)item->table, item->column};
	if (item->table == HP_TBL_ACCELERATOR) {
		*ret = (struct value){HP_TBL_PCI_FUNCTION,
		                      hp_column_find(&hp_tables[HP_TBL_PCI_FUNCTION], name)};
		return ret->column >= 0;
	}
	if (item->table == HP_TBL_CMDLINE_OPTION) {
		*ret = (struct value){HP_TBL_KERNEL, HP_KERNEL_CMDLINE};
		return true;
	}
	if (item->table == HP_TBL_IOMMU_GROUP_MEMBER) {
		*ret = (struct value){HP_TBL_PCI_FUNCTION, HP_PCI_FUNCTION_DRIVER};
		return strcmp(name, "host") != 0;
	}
	return !table->derived || told_base(table->columns[item->column].origin, ret);
}

/* The key column behind the host, -1 for tables with one row a host. */
static int key_column(enum hp_tbl table)
{
	const struct hp_table_def *def = &hp_tables[table];
	for (size_t i = 1; i < def->column_count; i++)
		if (def->columns[i].key)
			return (int)i;
	return -1;
}

/* The key of the row that the finding speaks of in a table; NULL if that cannot be said. */
static const char *key_of(enum hp_tbl table, const struct hp_finding *finding,
                          const char *iommu_group)
{
	int column = key_column(table);
	if (column < 0)
		return "";
	const char *name = hp_tables[table].columns[column].name;
	bool group = hp_starts_with(finding->subject, "group:");
	if (strcmp(name, "iommu_group") == 0)
		return group ? finding->subject + strlen("group:") : iommu_group;
	if (strcmp(name, "address") == 0)
		return group || !*finding->subject ? NULL : finding->subject;
	return NULL;
}

static const char *stated_source(const struct hp_origins *origins, const char *host,
                                 struct value value, const char *key)
{
	const struct hp_table_def *table = &hp_tables[value.table];
	const char *whole_row = NULL;
	for (size_t i = 0; key && i < origins->count; i++) {
		const struct stated *row = &origins->rows[i];
		if (strcmp(row->table, table->name) != 0 || strcmp(row->subject, key) != 0 ||
		    strcmp(row->host, host) != 0)
			continue;
		if (strcmp(row->column, table->columns[value.column].name) == 0)
			return row->source;
		if (!*row->column)
			whole_row = row->source;
	}
	return whole_row;
}

/* A template of a row that is not known; NULL if nothing but its gap is there. */
static const char *starred(struct hp_origins *origins, const char *template)
{
	char *path = hp_pool_strdup(origins->pool, template), *to = path;
	for (const char *from = template; *from; from++) {
		*to++ = *from == '{' ? '*' : *from;
		if (*from == '{')
			from += strcspn(from, "}");
	}
	*to = '\0';
	return strcmp(path, "*") != 0 ? path : NULL;
}

/* A template whose only gap is the row's key, filled in; one with other gaps is looked up. */
static const char *path_of(struct hp_origins *origins, const char *host, struct value value,
                           const char *key)
{
	const struct hp_table_def *table = &hp_tables[value.table];
	const char *template = table->columns[value.column].origin;
	const char *gap = strchr(template, '{');
	if (!gap)
		return *template ? template : NULL;
	int column = key_column(value.table);
	hp_cleanup_free char *mark =
	    column >= 0 ? hp_asprintf("{%s}", table->columns[column].name) : NULL;
	const char *end = strchr(gap, '}');
	bool only = mark && key && hp_starts_with(gap, mark) && end && !strchr(end, '{');
	if (only)
		return hp_pool_printf(origins->pool, "%.*s%s%s", (int)(gap - template), template,
		                      key, end + 1);
	if (!key)
		return starred(origins, template);
	hp_cleanup_free char *path =
	    hp_facts_where(origins->facts, host, value.table, key, value.column);
	return path && strcmp(path, "*") != 0 ? hp_pool_strdup(origins->pool, path) : NULL;
}

static bool add_unique(const char **list, size_t *count, const char *word)
{
	for (size_t i = 0; i < *count; i++)
		if (strcmp(list[i], word) == 0)
			return false;
	list[(*count)++] = word;
	return true;
}

const char *const *hp_origins_files(struct hp_origins *origins, const struct hp_finding *finding,
                                    const char *iommu_group, const struct hp_fence_reads *reads)
{
	const char **files = hp_pool_alloc(origins->pool, (MOST_FILES + 1) * sizeof(*files));
	size_t count = 0;
	for (size_t i = 0; reads && i < reads->count && count < MOST_FILES; i++) {
		struct value value;
		if (!base_value(&reads->items[i], &value) ||
		    hp_tables[value.table].columns[value.column].key)
			continue;
		const char *key = key_of(value.table, finding, iommu_group);
		const char *file = stated_source(origins, finding->host, value, key);
		if (!file)
			file = path_of(origins, finding->host, value, key);
		if (file)
			add_unique(files, &count, file);
	}
	return files;
}

/* Not a file or a command that was asked: how a value came about without being seen. */
static bool is_words(const char *source)
{
	return hp_starts_with(source, "assumed") || hp_starts_with(source, "predicted") ||
	       hp_starts_with(source, "remembered");
}

/* In tables of many rows the rule picks its row by words that we do not see; the row is meant if
 * the evidence names it. */
static const char *words_of_rows(const struct hp_origins *origins, const struct hp_finding *finding,
                                 struct value value)
{
	const struct hp_table_def *table = &hp_tables[value.table];
	for (size_t i = 0; i < origins->count; i++) {
		const struct stated *row = &origins->rows[i];
		if (strcmp(row->table, table->name) == 0 && strcmp(row->host, finding->host) == 0 &&
		    is_words(row->source) && *row->subject &&
		    strstr(finding->evidence, row->subject))
			return row->source;
	}
	return NULL;
}

const char *hp_origins_words(struct hp_origins *origins, const struct hp_finding *finding,
                             const char *iommu_group, const struct hp_fence_reads *reads)
{
	const char *found[4];
	size_t count = 0;
	for (size_t i = 0; origins->count && reads && i < reads->count && count < HP_COUNT(found);
	     i++) {
		struct value value;
		if (!base_value(&reads->items[i], &value) ||
		    hp_tables[value.table].columns[value.column].key)
			continue;
		const char *key = key_of(value.table, finding, iommu_group);
		const char *source = key ? stated_source(origins, finding->host, value, key)
		                         : words_of_rows(origins, finding, value);
		if (source && is_words(source))
			add_unique(found, &count, source);
	}
	hp_cleanup_text struct hp_text words = {0};
	for (size_t i = 0; i < count; i++)
		hp_text_printf(&words, "%s%s", i ? ", " : "", found[i]);
	return count ? hp_pool_strdup(origins->pool, words.data) : NULL;
}
