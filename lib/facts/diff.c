// What differs between the facts of two hosts. SPDX-License-Identifier: Apache-2.0
#include "facts/diff.h"
#include "base/cleanup.h"
#include "base/database.h"
#include "base/text.h"

#include <errno.h>
#include <string.h>

/* Values that move by themselves. A row without a column means the whole table. */
static const struct {
	enum hp_tbl table;
	const char *column;
	const char *reason;
} incidentals[] = {
    {HP_TBL_KERNEL_MESSAGE, NULL, "the log grows and is cut"},
    {HP_TBL_HOLDER, NULL, "processes come and go"},
    {HP_TBL_RUNNING_VMM, NULL, "processes come and go"},
    {HP_TBL_MACHINE, "boot_id", "is new with every boot"},
    {HP_TBL_MACHINE, "root", "depends on who looked"},
    {HP_TBL_MEMORY, "available_bytes", "moves with the load"},
    {HP_TBL_MEMORY, "hugepages_free", "moves with the load"},
    {HP_TBL_MEMORY, "hugepages_1g_free", "moves with the load"},
    {HP_TBL_MEMORY_NODE, "free_bytes", "moves with the load"},
    {HP_TBL_MEMORY_NODE, "hugepages_2m_free", "moves with the load"},
    {HP_TBL_MEMORY_NODE, "hugepages_1g_free", "moves with the load"},
    {HP_TBL_MODULE, "refcount", "moves with the users of the module"},
    {HP_TBL_PCI_FUNCTION, "power_state", "an idle device sleeps"},
    {HP_TBL_PCI_FUNCTION, "runtime_status", "an idle device sleeps"},
    {HP_TBL_PCI_FUNCTION, "enabled", "counts who has the device open"},
    {HP_TBL_PCI_FUNCTION, "link_speed", "an idle link slows down"},
    {HP_TBL_PCI_FUNCTION, "link_width", "an idle link narrows"},
};

struct comparison {
	enum hp_tbl table;
	const struct hp_table_def *def;
	sqlite3_stmt *before;
	sqlite3_stmt *after;
	hp_on_difference *found;
	void *data;
	int count;
};

static const char *why_incidental(enum hp_tbl table, const char *column)
{
	for (size_t i = 0; i < HP_COUNT(incidentals); i++)
		if (incidentals[i].table == table &&
		    (!incidentals[i].column || strcmp(incidentals[i].column, column) == 0))
			return incidentals[i].reason;
	return NULL;
}

/* Groups have other numbers after a boot: their members are their name. */
#define GROUP_NAME                                                                                 \
	"coalesce((SELECT sorted_list(f.address) FROM pci_function f WHERE f.host = t.host "       \
	"AND f.iommu_group = t.iommu_group), t.iommu_group)"

static int select_rows(struct hp_facts *facts, const struct hp_table_def *def, const char *host,
                       sqlite3_stmt **ret, struct hp_error *err)
{
	hp_cleanup_text struct hp_text sql = {0};
	hp_text_puts(&sql, "SELECT ");
	for (size_t i = 0; i < def->column_count; i++) {
		bool group = strcmp(def->columns[i].name, "iommu_group") == 0;
		hp_text_printf(&sql, "%s%s%s", i ? ", " : "", group ? "" : "t.",
		               group ? GROUP_NAME : def->columns[i].name);
	}
	hp_text_printf(&sql, " FROM %s t WHERE t.host = ?1 ORDER BY ", def->name);
	const char *comma = "";
	for (size_t i = 0; i < def->column_count; i++) {
		if (!def->columns[i].key)
			continue;
		hp_text_printf(&sql, "%s%zu", comma, i + 1);
		comma = ", ";
	}
	int code = hp_db_prepare(hp_facts_db(facts), sql.data, ret, err);
	if (!code)
		sqlite3_bind_text(*ret, 1, host, -1, SQLITE_TRANSIENT);
	return code;
}

static void key_text(const struct hp_table_def *def, sqlite3_stmt *row, struct hp_text *key)
{
	key->length = 0;
	hp_text_puts(key, "");
	for (size_t i = 1; i < def->column_count; i++)
		if (def->columns[i].key)
			hp_text_printf(key, "%s%s", key->length ? " " : "",
			               hp_db_text(row, (int)i));
}

/* Order of two rows by key, as ORDER BY sorts them. */
static int compare_keys(const struct hp_table_def *def, sqlite3_stmt *a, sqlite3_stmt *b)
{
	for (size_t i = 1; i < def->column_count; i++) {
		if (!def->columns[i].key)
			continue;
		int64_t x = sqlite3_column_int64(a, (int)i), y = sqlite3_column_int64(b, (int)i);
		int order = def->columns[i].integer
		                ? (x > y) - (x < y)
		                : strcmp(hp_db_text(a, (int)i), hp_db_text(b, (int)i));
		if (order)
			return order;
	}
	return 0;
}

static void report(struct comparison *c, const char *key, const char *column, const char *before,
                   const char *after)
{
	c->count++;
	if (!c->found)
		return;
	const struct hp_difference difference = {.table = c->def->name,
	                                         .key = key,
	                                         .column = column,
	                                         .before = before,
	                                         .after = after,
	                                         .incidental = why_incidental(c->table, column)};
	c->found(c->data, &difference);
}

static void compare_columns(struct comparison *c, const char *key)
{
	for (size_t i = 1; i < c->def->column_count; i++) {
		if (c->def->columns[i].key || strcmp(c->def->columns[i].domain, "key") == 0)
			continue;
		const char *before = hp_db_text(c->before, (int)i),
			   *after = hp_db_text(c->after, (int)i);
		if (before && after && strcmp(before, after) == 0)
			continue;
		if (before || after)
			report(c, key, c->def->columns[i].name, before, after);
	}
}

static int walk(struct comparison *c, struct hp_error *err)
{
	hp_cleanup_text struct hp_text key = {0};
	int before = hp_db_step(c->before, err), after = hp_db_step(c->after, err);
	while (before > 0 || after > 0) {
		int order = before <= 0  ? 1
		            : after <= 0 ? -1
		                         : compare_keys(c->def, c->before, c->after);
		key_text(c->def, order > 0 ? c->after : c->before, &key);
		if (order == 0)
			compare_columns(c, key.data);
		else
			report(c, key.data, "", order < 0 ? "present" : NULL,
			       order > 0 ? "present" : NULL);
		if (order <= 0)
			before = hp_db_step(c->before, err);
		if (order >= 0)
			after = hp_db_step(c->after, err);
	}
	return before < 0 ? before : after;
}

int hp_facts_diff(struct hp_facts *facts, const char *before, const char *after,
                  hp_on_difference *found, void *data, struct hp_error *err)
{
	int count = 0;
	for (size_t i = 0; i < hp_table_count; i++) {
		bool about = i == HP_TBL_OBSERVED || i == HP_TBL_GAP || i == HP_TBL_ORIGIN;
		if (hp_tables[i].derived || about)
			continue;
		hp_cleanup_statement sqlite3_stmt *a = NULL, *b = NULL;
		int code = select_rows(facts, &hp_tables[i], before, &a, err);
		if (!code)
			code = select_rows(facts, &hp_tables[i], after, &b, err);
		struct comparison c = {.table = (enum hp_tbl)i,
		                       .def = &hp_tables[i],
		                       .before = a,
		                       .after = b,
		                       .found = found,
		                       .data = data};
		if (!code)
			code = walk(&c, err);
		if (code < 0)
			return hp_wrap(err, "comparing %s", hp_tables[i].name), code;
		count += c.count;
	}
	return count;
}
