// Test hosts with the rules run on them. SPDX-License-Identifier: Apache-2.0
#include "hosts.h"
#include "base/cleanup.h"
#include "base/database.h"
#include "base/text.h"
#include "facts/derive.h"
#include "judge/words.h"

#include <dirent.h>
#include <string.h>

__attribute__((noreturn)) static void give_up(const char *what, const struct hp_error *err)
{
	fprintf(stderr, "%s: %s\n", what, err->message);
	exit(1);
}

// -- files --

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void find_in(struct test_files *files, const char *directory)
{
	hp_cleanup_dir DIR *opened = opendir(directory);
	if (!opened)
		return;
	for (struct dirent *entry; (entry = readdir(opened));) {
		if (!hp_ends_with(entry->d_name, ".json"))
			continue;
		files->paths = hp_realloc(files->paths, (files->count + 1) * sizeof(*files->paths));
		files->paths[files->count++] = hp_asprintf("%s/%s", directory, entry->d_name);
	}
}

void test_files_find(struct test_files *files, char *const *directories, size_t count)
{
	for (size_t i = 0; i < count; i++)
		find_in(files, directories[i]);
	if (!files->count) {
		fprintf(stderr, "there are no test hosts\n");
		exit(1);
	}
	qsort(files->paths, files->count, sizeof(*files->paths), by_name);
}

void test_files_free(struct test_files *files)
{
	for (size_t i = 0; i < files->count; i++)
		free(files->paths[i]);
	free(files->paths);
}

// -- rows --

void test_rows_free(struct test_rows *rows)
{
	for (size_t i = 0; i < rows->count; i++) {
		free(rows->rows[i].key);
		free(rows->rows[i].evidence);
	}
	free(rows->rows);
	*rows = (struct test_rows){0};
}

const struct test_row *test_rows_find(const struct test_rows *rows, const char *key)
{
	for (size_t i = 0; i < rows->count; i++)
		if (strcmp(rows->rows[i].key, key) == 0)
			return &rows->rows[i];
	return NULL;
}

static const char *text_or(sqlite3_stmt *row, int column, const char *otherwise)
{
	const char *text = hp_db_text(row, column);
	return text ? text : otherwise;
}

/* The columns of a rule: host, subject, surface, share, result, evidence. */
static void take_row(struct test_rows *rows, sqlite3_stmt *row)
{
	rows->rows = hp_realloc(rows->rows, (rows->count + 1) * sizeof(*rows->rows));
	rows->rows[rows->count++] = (struct test_row){
	    .key = hp_asprintf("%s %s %s", text_or(row, 1, "?"), text_or(row, 2, "*"),
	                       text_or(row, 3, "*")),
	    .evidence = hp_strdup(text_or(row, 5, "(NULL)")),
	    .result = hp_result_parse(text_or(row, 4, "?")),
	};
}

// -- hosts --

static void complain(void *data, const char *message)
{
	*(int *)data += 1;
	fprintf(stderr, "%s\n", message);
}

void test_host_import(struct test_host *host, const char *path)
{
	hp_cleanup_file FILE *file = fopen(path, "re");
	hp_cleanup_text struct hp_text text = {0};
	struct hp_error err = {.message = "cannot be read"};
	if (!file)
		give_up(path, &err);
	char buffer[4096];
	for (size_t length; (length = fread(buffer, 1, sizeof(buffer), file));)
		hp_text_add(&text, buffer, length);
	int complaints = 0;
	if (hp_facts_import(host->facts, path, hp_text_get(&text), text.length, complain,
	                    &complaints, &err) < 0)
		give_up(path, &err);
	if (complaints)
		exit(1);
}

static void prepare_rules(struct test_host *host)
{
	struct hp_fence *fence = hp_knowledge_fence(host->knowledge);
	host->rules = hp_knowledge_rules(host->knowledge, &host->rule_count);
	host->statements = hp_calloc(host->rule_count, sizeof(*host->statements));
	host->reads = hp_calloc(host->rule_count, sizeof(*host->reads));
	hp_fence_begin(fence, HP_FENCE_MODE_RULE);
	for (size_t i = 0; i < host->rule_count; i++) {
		const struct hp_rule *rule = &host->rules[i];
		struct hp_error err = {0};
		if (hp_fence_prepare(fence, rule->sql, rule->file, rule->line, &host->statements[i],
		                     &host->reads[i], &err))
			give_up(rule->id, &err);
	}
	hp_fence_end(fence);
}

void test_host_open(struct test_host *host, const char *path)
{
	struct hp_error err = {0};
	*host = (struct test_host){.path = path};
	if (hp_facts_new(&host->facts, &err))
		give_up("facts", &err);
	host->db = hp_facts_db(host->facts);
	struct hp_knowledge_options options = {.file = getenv("HP_TEST_KNOWLEDGE"), .drop_ins = ""};
	if (hp_knowledge_open(host->db, &options, &host->knowledge, &err))
		give_up("knowledge", &err);
	if (path)
		test_host_import(host, path);
	test_host_derive(host);
	prepare_rules(host);
}

void test_host_close(struct test_host *host)
{
	for (size_t i = 0; i < host->rule_count; i++) {
		sqlite3_finalize(host->statements[i]);
		hp_fence_reads_free(&host->reads[i]);
	}
	free(host->statements);
	free(host->reads);
	hp_knowledge_close(host->knowledge);
	hp_facts_free(host->facts);
}

void test_host_derive(struct test_host *host)
{
	struct hp_error err = {0};
	if (hp_facts_derive(host->facts, &err))
		give_up("derive", &err);
}

void test_host_exec(struct test_host *host, const char *sql)
{
	struct hp_error err = {0};
	if (hp_db_exec(host->db, sql, &err))
		give_up(sql, &err);
}

void test_host_run(struct test_host *host, size_t rule, struct test_rows *ret)
{
	sqlite3_stmt *statement = host->statements[rule];
	struct hp_error err = {0};
	int code;
	*ret = (struct test_rows){0};
	while ((code = hp_db_step(statement, &err)) == 1)
		take_row(ret, statement);
	if (code < 0)
		give_up(host->rules[rule].id, &err);
	sqlite3_reset(statement);
}

bool test_host_reads(const struct test_host *host, size_t rule, enum hp_tbl table, int column)
{
	const struct hp_fence_reads *reads = &host->reads[rule];
	for (size_t i = 0; i < reads->count; i++)
		if (reads->items[i].table == (short)table &&
		    (column < 0 || reads->items[i].column == (short)column))
			return true;
	return false;
}
