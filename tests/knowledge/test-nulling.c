// No rule passes on what is not known: each fact of each test host is forgotten in turn.
// SPDX-License-Identifier: Apache-2.0
//
// A fact that is nulled must not leave a pass that the fact could have undone: if the rule still
// passes without it, every value that the column may have (its domain, or what any test host has
// there) is put in its place, and none may make the rule fail. A pass that rests on another
// sufficient proof survives this; a pass that took unknown for harmless does not. Likewise each
// `observed` row is dropped, and then, where a rule still passes, rows of that table from other
// test hosts are added. And no row may get lost.
#include "base/cleanup.h"
#include "base/csv.h"
#include "base/database.h"
#include "base/text.h"
#include "base/version.h"
#include "hosts.h"
#include "judge/words.h"

#include <string.h>

enum {
	MAX_KEYS = 4,
	MAX_ROWS = 96,   // of a table, from other hosts
	MAX_VALUES = 24, // of a column, from other hosts
};

struct allowed {
	char *rule;
	char *fact; // table.column, or table for its observed row
};

struct told {
	const char *rule;
	enum hp_tbl table;
	int column;
};

struct run {
	struct test_host pool; // the facts of all hosts
	struct told *told;     // one a violation
	struct allowed *allowed;
	size_t allowed_count;
	size_t facts, unknown, drops, judged, suspects, tried, violations, excused;
};

/* One host under test, with what its rules say at first. */
struct subject {
	struct run *run;
	struct test_host host;
	struct test_host at_first;  // the same, left as it is
	struct test_rows *baseline; // one a rule
};

/* One cell, or the observed row of (table, key 1). */
struct cell {
	enum hp_tbl table;
	int column; // -1: an observed row
	sqlite3_value *keys[MAX_KEYS];
	size_t key_count;
	char *label;
};

struct suspect {
	size_t rule;
	const char *key;
	bool settled;
};

struct suspects {
	struct suspect *items;
	size_t count;
};

// -- what depends on what --

/* Columns of base tables that decide which rows a derived table has, or what is in any column of
 * it. Besides, a column of a base table is copied to the derived column of the same name. '*' is
 * any column. */
static const struct {
	enum hp_tbl base, derived;
	const char *columns;
} feeds[] = {
    {HP_TBL_PCI_FUNCTION, HP_TBL_ACCELERATOR,
     "vendor device subsystem_vendor subsystem_device class physical_function"},
    {HP_TBL_PCI_FUNCTION, HP_TBL_PCI_ANCESTOR, "parent"},
    {HP_TBL_PCI_FUNCTION, HP_TBL_IOMMU_GROUP_FUNCTION,
     "vendor device class physical_function iommu_group"},
    {HP_TBL_PCI_FUNCTION, HP_TBL_IOMMU_GROUP_MEMBER,
     "vendor device class physical_function header_type driver"},
    {HP_TBL_PCI_FUNCTION, HP_TBL_HOST_SUMMARY,
     "vendor device class physical_function iommu_group driver"},
    {HP_TBL_KERNEL_MESSAGE, HP_TBL_KERNEL_TOLD, "*"},
    {HP_TBL_PCI_BAR, HP_TBL_ACCELERATOR, "*"},
    {HP_TBL_KERNEL, HP_TBL_CMDLINE_OPTION, "cmdline cmdline_configured cmdline_next"},
    {HP_TBL_KERNEL, HP_TBL_STUB_ID, "cmdline"},
    {HP_TBL_MODULE_DIRECTIVE, HP_TBL_STUB_ID, "directive module argument"},
    {HP_TBL_INTENT, HP_TBL_ACCELERATOR, "address"},
};

/* Whether a derived table depends on the cell; on all of its columns, or in *ret_column on one. */
static bool feeds_into(size_t feed, const struct cell *cell, int *ret_column)
{
	*ret_column = -1;
	if (feeds[feed].base != cell->table)
		return false;
	if (cell->column < 0)
		return true;
	const char *name = hp_tables[cell->table].columns[cell->column].name;
	if (hp_has_word(feeds[feed].columns, name) || hp_has_word(feeds[feed].columns, "*"))
		return true;
	*ret_column = hp_column_find(&hp_tables[feeds[feed].derived], name);
	return *ret_column >= 0;
}

static bool derives(const struct cell *cell)
{
	int column;
	for (size_t i = 0; i < HP_COUNT(feeds); i++)
		if (feeds_into(i, cell, &column))
			return true;
	return cell->table == HP_TBL_KERNEL_MESSAGE ||
	       (cell->table == HP_TBL_PCI_FUNCTION && cell->column < 0);
}

static bool concerns(const struct test_host *host, size_t rule, const struct cell *cell)
{
	if (test_host_reads(host, rule, cell->table, cell->column))
		return true;
	int column;
	for (size_t i = 0; i < HP_COUNT(feeds); i++)
		if (feeds_into(i, cell, &column) &&
		    test_host_reads(host, rule, feeds[i].derived, column))
			return true;
	return false;
}

static bool concerns_any(const struct test_host *host, const struct cell *cell)
{
	for (size_t rule = 0; rule < host->rule_count; rule++)
		if (concerns(host, rule, cell))
			return true;
	return false;
}

// -- changing one fact, inside of a savepoint --

static void begin(struct subject *subject)
{
	test_host_exec(&subject->host, "SAVEPOINT fact");
}

static void change_back(struct subject *subject)
{
	test_host_exec(&subject->host, "ROLLBACK TO fact");
	test_host_exec(&subject->host, "RELEASE fact");
}

static void add_where(struct hp_text *sql, const struct cell *cell)
{
	const struct hp_table_def *def = &hp_tables[cell->table];
	size_t parameter = 3; // 1 and 2 are the value and its key
	for (size_t i = 0; i < def->column_count; i++)
		if (def->columns[i].key) {
			hp_text_printf(sql, "%s %s = ?%zu", parameter > 3 ? " AND" : " WHERE",
			               def->columns[i].name, parameter);
			parameter++;
		}
}

/* Sets the cell to `value`; NULL makes it unknown. */
static void set_cell(struct subject *subject, const struct cell *cell, const char *value)
{
	const struct hp_column_def *column = &hp_tables[cell->table].columns[cell->column];
	bool version = strcmp(column->domain, "version") == 0;
	hp_cleanup_text struct hp_text sql = {0};
	hp_text_printf(&sql, "UPDATE %s SET %s = %s", hp_tables[cell->table].name, column->name,
	               column->integer ? "CAST(?1 AS INTEGER)" : "?1");
	if (version)
		hp_text_printf(&sql, ", %s_key = ?2", column->name);
	add_where(&sql, cell);
	hp_cleanup_statement sqlite3_stmt *update = NULL;
	struct hp_error err = {0};
	if (hp_db_prepare(subject->host.db, sql.data, &update, &err)) {
		fprintf(stderr, "%s\n", err.message);
		exit(1);
	}
	hp_cleanup_free char *key = version && value ? hp_version_key(value) : NULL;
	sqlite3_bind_text(update, 1, value, -1, SQLITE_STATIC);
	if (version)
		sqlite3_bind_text(update, 2, key, -1, SQLITE_STATIC);
	for (size_t i = 0; i < cell->key_count; i++)
		sqlite3_bind_value(update, (int)i + 3, cell->keys[i]);
	hp_db_step(update, &err);
	if (derives(cell))
		test_host_derive(&subject->host);
}

static void drop_observed(struct subject *subject, const struct cell *cell)
{
	hp_cleanup_statement sqlite3_stmt *drop = NULL;
	hp_db_prepare(subject->host.db, "DELETE FROM observed WHERE tbl = ?1 AND subject = ?2",
	              &drop, NULL);
	sqlite3_bind_text(drop, 1, hp_tables[cell->table].name, -1, SQLITE_STATIC);
	sqlite3_bind_value(drop, 2, cell->keys[0]);
	hp_db_step(drop, NULL);
	test_host_derive(&subject->host);
}

// -- findings --

static bool is_allowed(struct run *run, const char *rule, const struct cell *cell)
{
	const struct hp_table_def *def = &hp_tables[cell->table];
	hp_cleanup_free char *fact =
	    cell->column < 0 ? hp_strdup(def->name)
			     : hp_asprintf("%s.%s", def->name, def->columns[cell->column].name);
	for (size_t i = 0; i < run->allowed_count; i++)
		if (strcmp(run->allowed[i].rule, rule) == 0 &&
		    strcmp(run->allowed[i].fact, fact) == 0)
			return true;
	return false;
}

/* One rule and one column are one violation; the first case of it is told. */
static bool told_before(struct run *run, const char *rule, const struct cell *cell)
{
	for (size_t i = 0; i < run->violations; i++)
		if (run->told[i].table == cell->table && run->told[i].column == cell->column &&
		    strcmp(run->told[i].rule, rule) == 0)
			return true;
	run->told = hp_realloc(run->told, (run->violations + 1) * sizeof(*run->told));
	run->told[run->violations++] =
	    (struct told){.rule = rule, .table = cell->table, .column = cell->column};
	return false;
}

__attribute__((format(printf, 5, 6))) static void report(struct subject *subject,
                                                         const struct cell *cell, size_t rule,
                                                         const char *key, const char *format, ...)
{
	const char *id =
	    hp_knowledge_rule(subject->run->pool.knowledge, subject->host.rules[rule].id)->id;
	if (is_allowed(subject->run, id, cell)) {
		subject->run->excused++;
		return;
	}
	if (told_before(subject->run, id, cell))
		return;
	va_list args;
	va_start(args, format);
	fprintf(stderr, "%s: %s [%s] without %s ", strrchr(subject->host.path, '/') + 1, id, key,
	        cell->label);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
}

/* Whether the subject of a row is still one that rules start from. */
static bool subject_is_there(struct subject *subject, const char *key)
{
	if (*key == ' ')
		return true;
	hp_cleanup_free char *name = hp_strndup(key, strcspn(key, " "));
	hp_cleanup_statement sqlite3_stmt *query = NULL;
	hp_db_prepare(subject->host.db,
	              "SELECT 1 FROM accelerator WHERE address = ?1 UNION ALL "
	              "SELECT 1 FROM iommu_group_member WHERE 'group:' || iommu_group = ?1",
	              &query, NULL);
	sqlite3_bind_text(query, 1, name, -1, SQLITE_STATIC);
	return hp_db_step(query, NULL) == 1;
}

static long long accelerators(struct test_host *host)
{
	return hp_db_number(host->db, "SELECT COUNT(*) FROM accelerator", 0);
}

/* Rules about an intent do not apply where it is not given; what is no accelerator has no row, nor
 * has a host what is said of hosts with such accelerators. */
static bool may_be_lost(struct subject *subject, const struct cell *cell, const char *key)
{
	return cell->table == HP_TBL_INTENT || cell->table == HP_TBL_INTENT_ARGUMENT ||
	       !subject_is_there(subject, key) ||
	       accelerators(&subject->host) < accelerators(&subject->at_first);
}

// -- the test of one fact --

static void add_suspect(struct suspects *suspects, size_t rule, const char *key)
{
	suspects->items =
	    hp_realloc(suspects->items, (suspects->count + 1) * sizeof(*suspects->items));
	suspects->items[suspects->count++] = (struct suspect){.rule = rule, .key = key};
}

/* With the fact unknown: lost rows are violations, those that still pass are suspects. */
static void judge_unknown(struct subject *subject, const struct cell *cell,
                          struct suspects *suspects)
{
	for (size_t rule = 0; rule < subject->host.rule_count; rule++) {
		if (!subject->baseline[rule].count || !concerns(&subject->host, rule, cell))
			continue;
		struct test_rows now;
		test_host_run(&subject->host, rule, &now);
		for (size_t i = 0; i < subject->baseline[rule].count; i++) {
			const struct test_row *before = &subject->baseline[rule].rows[i];
			if (before->result != HP_RESULT_PASS)
				continue;
			subject->run->judged++;
			const struct test_row *after = test_rows_find(&now, before->key);
			if (!after && !may_be_lost(subject, cell, before->key))
				report(subject, cell, rule, before->key, "loses its row");
			else if (after && after->result == HP_RESULT_PASS)
				add_suspect(suspects, rule, before->key);
		}
		test_rows_free(&now);
	}
}

/* The fact was never known: all that passes is suspect. */
static void suspect_passing(struct subject *subject, const struct cell *cell,
                            struct suspects *suspects)
{
	for (size_t rule = 0; rule < subject->host.rule_count; rule++)
		for (size_t i = 0;
		     concerns(&subject->host, rule, cell) && i < subject->baseline[rule].count; i++)
			if (subject->baseline[rule].rows[i].result == HP_RESULT_PASS)
				add_suspect(suspects, rule, subject->baseline[rule].rows[i].key);
}

/* With the fact at another value: no suspect may fail. */
static void judge_other(struct subject *subject, const struct cell *cell, struct suspects *suspects,
                        const char *value)
{
	subject->run->tried++;
	for (size_t i = 0; i < suspects->count; i++) {
		struct suspect *suspect = &suspects->items[i];
		if (suspect->settled)
			continue;
		struct test_rows now;
		test_host_run(&subject->host, suspect->rule, &now);
		const struct test_row *row = test_rows_find(&now, suspect->key);
		if (row && row->result == HP_RESULT_FAIL) {
			suspect->settled = true;
			report(subject, cell, suspect->rule, suspect->key,
			       "still passes, but fails with %s: %s", value, row->evidence);
		}
		test_rows_free(&now);
	}
}

static void try_value(struct subject *subject, const struct cell *cell, struct suspects *suspects,
                      const char *value)
{
	begin(subject);
	set_cell(subject, cell, value);
	judge_other(subject, cell, suspects, value);
	change_back(subject);
}

static void try_domain(struct subject *subject, const struct cell *cell, struct suspects *suspects,
                       const char *domain)
{
	hp_cleanup_free char *copy = hp_strdup(domain);
	char *rest = copy, *word;
	while ((word = strsep(&rest, "|")))
		try_value(subject, cell, suspects, word);
}

static void try_seen(struct subject *subject, const struct cell *cell, struct suspects *suspects)
{
	const struct hp_table_def *def = &hp_tables[cell->table];
	hp_cleanup_text struct hp_text sql = {0};
	hp_text_printf(&sql,
	               "SELECT DISTINCT CAST(%s AS TEXT) FROM %s WHERE %s IS NOT NULL LIMIT %d",
	               def->columns[cell->column].name, def->name, def->columns[cell->column].name,
	               MAX_VALUES);
	hp_cleanup_statement sqlite3_stmt *query = NULL;
	hp_db_prepare(subject->run->pool.db, sql.data, &query, NULL);
	while (hp_db_step(query, NULL) == 1)
		try_value(subject, cell, suspects, hp_db_text(query, 0));
}

static void try_values(struct subject *subject, const struct cell *cell, struct suspects *suspects)
{
	static const char *const numbers[] = {"0", "1", "-1", "39", "4096", "70368744177664"};
	static const char *const versions[] = {"none", "0.1", "9999"};
	const struct hp_column_def *column = &hp_tables[cell->table].columns[cell->column];
	if (strchr(column->domain, '|'))
		return try_domain(subject, cell, suspects, column->domain);
	try_seen(subject, cell, suspects);
	for (size_t i = 0; column->integer && i < HP_COUNT(numbers); i++)
		try_value(subject, cell, suspects, numbers[i]);
	for (size_t i = 0; strcmp(column->domain, "version") == 0 && i < HP_COUNT(versions); i++)
		try_value(subject, cell, suspects, versions[i]);
	if (!column->integer)
		try_value(subject, cell, suspects, "none");
}

static void test_fact(struct subject *subject, const struct cell *cell, bool known)
{
	struct suspects suspects = {0};
	*(known ? &subject->run->facts : &subject->run->unknown) += 1;
	if (known) {
		begin(subject);
		set_cell(subject, cell, NULL);
		judge_unknown(subject, cell, &suspects);
		change_back(subject);
	} else {
		suspect_passing(subject, cell, &suspects);
	}
	subject->run->suspects += suspects.count;
	if (suspects.count)
		try_values(subject, cell, &suspects);
	free(suspects.items);
}

// -- the test of one observed row --

/* A row of another host put into this one: what names a device names this host's. */
static bool add_row(struct subject *subject, const struct cell *cell, sqlite3_stmt *row,
                    const char *address)
{
	const struct hp_table_def *def = &hp_tables[cell->table];
	hp_cleanup_text struct hp_text sql = {0};
	hp_text_printf(&sql, "INSERT OR IGNORE INTO %s VALUES (", def->name);
	for (size_t i = 0; i < def->column_count; i++)
		hp_text_puts(&sql, i ? ",?" : "?");
	hp_text_puts(&sql, ")");
	hp_cleanup_statement sqlite3_stmt *insert = NULL;
	hp_db_prepare(subject->host.db, sql.data, &insert, NULL);
	for (size_t i = 0; i < def->column_count; i++) {
		const struct hp_column_def *column = &def->columns[i];
		sqlite3_bind_value(insert, (int)i + 1, sqlite3_column_value(row, (int)i));
		if (strcmp(column->name, "host") == 0)
			sqlite3_bind_text(insert, (int)i + 1, hp_facts_host(subject->host.facts),
			                  -1, SQLITE_STATIC);
		else if (*def->scope && strcmp(column->name, def->scope) == 0)
			sqlite3_bind_value(insert, (int)i + 1, cell->keys[0]);
		else if (strcmp(column->domain, "address") == 0 && !column->key && address)
			sqlite3_bind_text(insert, (int)i + 1, address, -1, SQLITE_STATIC);
	}
	return hp_db_step(insert, NULL) == 0 && sqlite3_changes(subject->host.db) > 0;
}

/* A new function is put into the group and the slot of the accelerator. */
static void join_group(struct subject *subject, const char *address, const char *moved)
{
	hp_cleanup_free char *slot = hp_strndup(address, strlen(address) - 1);
	char *sql = sqlite3_mprintf("UPDATE OR IGNORE pci_function SET parent = (SELECT parent "
	                            "FROM pci_function WHERE address = %Q), "
	                            "iommu_group = (SELECT iommu_group FROM pci_function WHERE "
	                            "address = %Q), physical_function = 'none', "
	                            "address = %Q || '7' WHERE address = %Q",
	                            address, address, slot, moved);
	test_host_exec(&subject->host, sql);
	sqlite3_free(sql);
}

static void try_row(struct subject *subject, const struct cell *cell, struct suspects *suspects,
                    sqlite3_stmt *row, const char *address)
{
	begin(subject);
	if (add_row(subject, cell, row, address)) {
		if (cell->table == HP_TBL_PCI_FUNCTION && address)
			join_group(subject, address, hp_db_text(row, HP_PCI_FUNCTION_ADDRESS));
		test_host_derive(&subject->host);
		judge_other(subject, cell, suspects, "a further row");
	}
	change_back(subject);
}

static void try_rows(struct subject *subject, const struct cell *cell, struct suspects *suspects)
{
	hp_cleanup_statement sqlite3_stmt *devices = NULL, *query = NULL;
	hp_cleanup_free char *sql =
	    hp_asprintf("SELECT * FROM %s GROUP BY %s LIMIT %d", hp_tables[cell->table].name,
	                cell->table == HP_TBL_PCI_FUNCTION ? "class, driver" : "1, 2, 3", MAX_ROWS);
	hp_db_prepare(subject->run->pool.db, sql, &query, NULL);
	hp_db_prepare(subject->host.db, "SELECT address FROM accelerator ORDER BY 1 LIMIT 1",
	              &devices, NULL);
	hp_cleanup_free char *address = NULL;
	if (hp_db_step(devices, NULL) == 1)
		address = hp_strdup(hp_db_text(devices, 0));
	sqlite3_reset(devices);
	while (hp_db_step(query, NULL) == 1)
		try_row(subject, cell, suspects, query, address);
}

static void test_observed(struct subject *subject, const struct cell *cell)
{
	struct suspects suspects = {0};
	subject->run->drops++;
	begin(subject);
	drop_observed(subject, cell);
	judge_unknown(subject, cell, &suspects);
	change_back(subject);
	subject->run->suspects += suspects.count;
	if (suspects.count)
		try_rows(subject, cell, &suspects);
	free(suspects.items);
}

// -- all facts of a host --

static void take_keys(struct cell *cell, sqlite3_stmt *row)
{
	const struct hp_table_def *def = &hp_tables[cell->table];
	cell->key_count = 0;
	for (size_t i = 0; i < def->column_count; i++)
		if (def->columns[i].key)
			cell->keys[cell->key_count++] =
			    sqlite3_value_dup(sqlite3_column_value(row, (int)i));
}

static void free_keys(struct cell *cell)
{
	for (size_t i = 0; i < cell->key_count; i++)
		sqlite3_value_free(cell->keys[i]);
	cell->key_count = 0;
}

static char *label_of(const struct cell *cell, const char *column)
{
	struct hp_text text = {0};
	hp_text_puts(&text, hp_tables[cell->table].name);
	for (size_t i = 1; i < cell->key_count; i++)
		hp_text_printf(&text, " %s", (const char *)sqlite3_value_text(cell->keys[i]));
	hp_text_printf(&text, ".%s", column);
	return text.data;
}

static void test_row_of(struct subject *subject, enum hp_tbl table, sqlite3_stmt *row)
{
	const struct hp_table_def *def = &hp_tables[table];
	struct cell cell = {.table = table};
	take_keys(&cell, row);
	for (size_t i = 1; i < def->column_count; i++) {
		const struct hp_column_def *column = &def->columns[i];
		cell.column = (int)i;
		if (column->required || strcmp(column->domain, "key") == 0 ||
		    !concerns_any(&subject->host, &cell))
			continue;
		cell.label = label_of(&cell, column->name);
		test_fact(subject, &cell, sqlite3_column_type(row, (int)i) != SQLITE_NULL);
		free(cell.label);
	}
	free_keys(&cell);
}

static bool has_one_row(enum hp_tbl table)
{
	size_t keys = 0;
	for (size_t i = 0; i < hp_tables[table].column_count; i++)
		keys += hp_tables[table].columns[i].key;
	return keys == 1;
}

static void give_row(struct test_host *host, enum hp_tbl table)
{
	hp_cleanup_free char *sql = hp_asprintf("INSERT OR IGNORE INTO %s (host) VALUES ('%s')",
	                                        hp_tables[table].name, hp_facts_host(host->facts));
	test_host_exec(host, sql);
}

/* Of rows that differ in their key alone one is enough. A table of one row that the host does not
 * have gets one in which all is unknown. */
static void test_table(struct subject *subject, enum hp_tbl table)
{
	if (has_one_row(table)) {
		give_row(&subject->host, table);
		give_row(&subject->at_first, table);
	}
	const struct hp_table_def *def = &hp_tables[table];
	hp_cleanup_text struct hp_text sql = {0};
	hp_text_printf(&sql, "SELECT * FROM %s GROUP BY host", def->name);
	for (size_t i = 1; i < def->column_count; i++)
		if (!def->columns[i].key)
			hp_text_printf(&sql, ", %s", def->columns[i].name);
	hp_cleanup_statement sqlite3_stmt *query = NULL;
	hp_db_prepare(subject->at_first.db, sql.data, &query, NULL);
	while (hp_db_step(query, NULL) == 1)
		test_row_of(subject, table, query);
}

static void test_observed_rows(struct subject *subject)
{
	hp_cleanup_statement sqlite3_stmt *query = NULL;
	hp_db_prepare(subject->at_first.db, "SELECT tbl, subject FROM observed", &query, NULL);
	while (hp_db_step(query, NULL) == 1) {
		const struct hp_table_def *def = hp_table_find(hp_db_text(query, 0));
		if (!def || def->derived)
			continue;
		struct cell cell = {
		    .table = (enum hp_tbl)(def - hp_tables), .column = -1, .key_count = 1};
		cell.keys[0] = sqlite3_value_dup(sqlite3_column_value(query, 1));
		cell.label = hp_asprintf("observed %s '%s'", def->name, hp_db_text(query, 1));
		test_observed(subject, &cell);
		free(cell.label);
		free_keys(&cell);
	}
}

static bool is_fact(enum hp_tbl table)
{
	return !hp_tables[table].derived && table != HP_TBL_OBSERVED && table != HP_TBL_GAP &&
	       table != HP_TBL_ORIGIN;
}

static void test_host(struct run *run, const char *path)
{
	struct subject subject = {.run = run};
	test_host_open(&subject.host, path);
	test_host_open(&subject.at_first, path);
	subject.baseline = hp_calloc(subject.host.rule_count + 1, sizeof(*subject.baseline));
	for (size_t i = 0; i < subject.host.rule_count; i++)
		test_host_run(&subject.host, i, &subject.baseline[i]);
	for (enum hp_tbl table = 0; table < HP_TBL_COUNT; table++)
		if (is_fact(table))
			test_table(&subject, table);
	test_observed_rows(&subject);
	for (size_t i = 0; i < subject.host.rule_count; i++)
		test_rows_free(&subject.baseline[i]);
	free(subject.baseline);
	test_host_close(&subject.at_first);
	test_host_close(&subject.host);
}

// -- exceptions, each with its reason --

static void read_allowed(struct run *run, const char *path)
{
	hp_cleanup_file FILE *file = fopen(path, "re");
	hp_cleanup_text struct hp_text text = {0};
	char buffer[4096];
	for (size_t length; file && (length = fread(buffer, 1, sizeof(buffer), file));)
		hp_text_add(&text, buffer, length);
	struct hp_csv *csv = hp_csv_open(path, hp_text_get(&text), text.length);
	struct hp_csv_record record;
	while (hp_csv_next(csv, &record, NULL) == 1) {
		if (record.line == 1 || record.count != 3)
			continue;
		run->allowed =
		    hp_realloc(run->allowed, (run->allowed_count + 1) * sizeof(*run->allowed));
		run->allowed[run->allowed_count++] = (struct allowed){
		    .rule = hp_strdup(record.fields[0]), .fact = hp_strdup(record.fields[1])};
	}
	hp_csv_close(csv);
}

static void free_allowed(struct run *run)
{
	for (size_t i = 0; i < run->allowed_count; i++) {
		free(run->allowed[i].rule);
		free(run->allowed[i].fact);
	}
	free(run->allowed);
	free(run->told);
}

/* test-nulling PART PARTS ALLOWED DIRECTORY…: tests every PARTS-th host, from number PART on. */
int main(int argc, char **argv)
{
	if (argc < 5)
		return 2;
	size_t part = (size_t)atoi(argv[1]), parts = (size_t)atoi(argv[2]);
	struct run run = {0};
	struct test_files files = {0};
	test_files_find(&files, argv + 4, (size_t)argc - 4);
	read_allowed(&run, argv[3]);
	test_host_open(&run.pool, NULL);
	for (size_t i = 0; i < files.count; i++)
		test_host_import(&run.pool, files.paths[i]);
	test_host_derive(&run.pool);
	size_t tested = 0;
	for (size_t i = part; i < files.count; i += parts, tested++)
		test_host(&run, files.paths[i]);
	printf("nulling: %zu rules on %zu of %zu hosts; %zu facts nulled, %zu unknown ones and %zu "
	       "observed rows beside; "
	       "%zu passes judged again, %zu still passed and were tried with %zu other values: "
	       "%zu violations, %zu "
	       "excused\n",
	       run.pool.rule_count, tested, files.count, run.facts, run.unknown, run.drops,
	       run.judged, run.suspects, run.tried, run.violations, run.excused);
	test_host_close(&run.pool);
	test_files_free(&files);
	free_allowed(&run);
	return run.violations || !tested;
}
