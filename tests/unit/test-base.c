// Tests of lib/base. SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "base/csv.h"
#include "base/database.h"
#include "base/table.h"
#include "base/text.h"
#include "base/version.h"
#include "base/worker.h"
#include "base/xml.h"

#include <errno.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int order(const char *a, const char *b)
{
	hp_cleanup_free char *ka = hp_version_key(a), *kb = hp_version_key(b);
	assert_non_null(ka);
	assert_non_null(kb);
	int difference = strcmp(ka, kb);
	return (difference > 0) - (difference < 0);
}

static void versions_sort(void **state HP_UNUSED)
{
	static const struct {
		const char *a, *b;
		int order;
	} rows[] = {
	    {"6.8", "6.12", -1},
	    {"6.8.0-39-generic", "6.8", 0},
	    {"6.19-rc3", "6.19", -1},
	    {"6.19-rc3", "6.18.2", 1},
	    {"6.19-rc3", "6.19-rc10", -1},
	    {"580.65.06", "580.65.6", 0},
	    {"580.126.09", "580.65.06", 1},
	    {"1:7.2+dfsg-7+deb12u18", "7.2", 0},
	    {"v26.0", "26", 0},
	    {"R580", "580.0", 0},
	    {"10.1", "9.2.4", 1},
	    {"570.133.20-1", "570.133.20", 0},
	    {"202211", "202505", -1},
	};
	for (size_t i = 0; i < HP_COUNT(rows); i++) {
		assert_int_equal(order(rows[i].a, rows[i].b), rows[i].order);
		assert_int_equal(order(rows[i].b, rows[i].a), -rows[i].order);
	}
	assert_null(hp_version_key("none"));
	assert_null(hp_version_key(""));
}

static void csv_is_read(void **state HP_UNUSED)
{
	static const char text[] = "a,b\r\n\"x, \"\"y\"\"\",\n\n\"two\nlines\",last";
	struct hp_csv *csv = hp_csv_open("t.csv", text, sizeof(text) - 1);
	struct hp_csv_record record;
	struct hp_error err = {0};
	assert_int_equal(hp_csv_next(csv, &record, &err), 1);
	assert_int_equal(record.count, 2);
	assert_string_equal(record.fields[1], "b");
	assert_int_equal(hp_csv_next(csv, &record, &err), 1);
	assert_int_equal(record.line, 2);
	assert_string_equal(record.fields[0], "x, \"y\"");
	assert_string_equal(record.fields[1], "");
	assert_int_equal(hp_csv_next(csv, &record, &err), 1);
	assert_int_equal(record.line, 4);
	assert_string_equal(record.fields[0], "two\nlines");
	assert_string_equal(record.fields[1], "last");
	assert_int_equal(hp_csv_next(csv, &record, &err), 0);
	hp_csv_close(csv);
}

static void csv_errors_name_the_line(void **state HP_UNUSED)
{
	static const char *const texts[] = {"a\n\"open", "a\n\"x\"y,z\n"};
	for (size_t i = 0; i < HP_COUNT(texts); i++) {
		struct hp_csv *csv = hp_csv_open("t.csv", texts[i], strlen(texts[i]));
		struct hp_csv_record record;
		struct hp_error err = {0};
		assert_int_equal(hp_csv_next(csv, &record, &err), 1);
		assert_true(hp_csv_next(csv, &record, &err) < 0);
		assert_non_null(strstr(err.message, "t.csv:2:"));
		hp_csv_close(csv);
	}
}

static void utf8_is_repaired(void **state HP_UNUSED)
{
	char good[] = "Gerät\t€ 𝄞";
	assert_false(hp_utf8_repair(good));
	char bad[] = "a\xff\xc0\x80\x1b[0m\xed\xa0\x80";
	assert_true(hp_utf8_repair(bad));
	assert_string_equal(bad, "a????[0m???");
}

static void numbers_are_whole(void **state HP_UNUSED)
{
	uint64_t u;
	int64_t s;
	assert_true(hp_parse_u64("0x10", &u) && u == 16);
	assert_true(hp_parse_u64("18446744073709551615", &u));
	assert_false(hp_parse_u64("18446744073709551616", &u));
	assert_false(hp_parse_u64("-1", &u));
	assert_false(hp_parse_u64("1 ", &u));
	assert_false(hp_parse_u64("", &u));
	assert_true(hp_parse_s64("-1", &s) && s == -1);
	assert_false(hp_parse_s64("9223372036854775808", &s));
	assert_true(hp_parse_size("16G", &s) && s == 16LL << 30);
	assert_true(hp_parse_size("512 MiB", &s) && s == 512LL << 20);
	assert_true(hp_parse_size("4096", &s) && s == 4096);
	assert_false(hp_parse_size("G", &s));
	assert_false(hp_parse_size("1X", &s));
	assert_false(hp_parse_size("9999999999T", &s));
}

static void words_are_whole(void **state HP_UNUSED)
{
	assert_true(hp_has_word("flr bus", "bus"));
	assert_false(hp_has_word("flr_x bus", "flr"));
	assert_false(hp_has_word("", "flr"));
}

static char *scalar(sqlite3 *db, const char *sql)
{
	hp_cleanup_statement sqlite3_stmt *statement = NULL;
	struct hp_error err = {0};
	assert_int_equal(hp_db_prepare(db, sql, &statement, &err), 0);
	assert_int_equal(hp_db_step(statement, &err), 1);
	return hp_db_text(statement, 0) ? hp_strdup(hp_db_text(statement, 0)) : NULL;
}

static void sql_functions(void **state HP_UNUSED)
{
	static const struct {
		const char *sql, *result;
	} rows[] = {
	    {"SELECT has_word('flr bus', 'flr')", "1"},
	    {"SELECT has_word(NULL, 'flr')", NULL},
	    {"SELECT size_text(137438953472)", "128 GiB"},
	    {"SELECT pow2(85899345921)", "137438953472"},
	    {"SELECT pow2(1)", "1"},
	    {"SELECT least(3, NULL, 2)", "2"},
	    {"SELECT greatest('a', 'b')", "b"},
	    {"SELECT greatest(NULL, NULL)", NULL},
	    {"SELECT sorted_list(c) FROM (SELECT 'b' AS c UNION ALL SELECT 'a' UNION ALL SELECT "
	     "'b')",
	     "a, b"},
	    {"SELECT sorted_list(c) FROM (SELECT NULL AS c)", NULL},
	};
	sqlite3 *db = NULL;
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	assert_int_equal(hp_db_add_functions(db, NULL), 0);
	for (size_t i = 0; i < HP_COUNT(rows); i++) {
		hp_cleanup_free char *result = scalar(db, rows[i].sql);
		if (rows[i].result)
			assert_string_equal(result, rows[i].result);
		else
			assert_null(result);
	}
	sqlite3_close(db);
}

static void tables_render(void **state HP_UNUSED)
{
	static const struct hp_column columns[] = {
	    {.name = "name"}, {.name = "count", .number = true}, {.name = "note", .wide = true}};
	static const struct {
		enum hp_format format;
		const char *text;
	} rows[] = {
	    {HP_FORMAT_TABLE, "NAME  COUNT\na \"b\"     7\n"},
	    {HP_FORMAT_CSV, "name,count,note\n\"a \"\"b\"\"\",7,\n"},
	    {HP_FORMAT_YAML,
	     "schema: \"s/1\"\nrows:\n- name: \"a \\\"b\\\"\"\n  count: 7\n  note: null\n"},
	    {HP_FORMAT_JSON,
	     "{\n  \"schema\": \"s/1\",\n  \"rows\": [\n    {\n      \"name\": \"a \\\"b\\\"\",\n"
	     "      \"count\": 7,\n      \"note\": null\n    }\n  ]\n}\n"},
	};
	struct hp_table *table = hp_table_new(columns, HP_COUNT(columns));
	hp_table_add(table, (const char *const[]){"a \"b\"", "7", NULL});
	for (size_t i = 0; i < HP_COUNT(rows); i++) {
		char *text = NULL;
		size_t length = 0;
		FILE *file = open_memstream(&text, &length);
		assert_int_equal(hp_table_print(table, rows[i].format, "s/1", "rows", file, NULL),
		                 0);
		fclose(file);
		assert_string_equal(text, rows[i].text);
		free(text);
	}
	hp_table_free(table);
}

/* Whatever a stranger wrote, it stays text, and what is no character becomes '?'. */
static void xml_is_escaped(void **state HP_UNUSED)
{
	struct hp_xml *xml = NULL;
	int code = hp_xml_new(false, &xml, NULL);
	if (code == -ENOTSUP)
		skip();
	assert_int_equal(code, 0);
	hp_xml_doctype(xml, "html");
	hp_xml_start(xml, "p");
	hp_xml_attribute(xml, "title", "a\"b'<&>\n");
	hp_xml_attribute(xml, "none", NULL);
	hp_xml_text(xml, "</p><script>1 && \"2\"</script>\x01\xff\xef\xbf\xbe");
	hp_xml_start(xml, "br");
	hp_xml_end_void(xml);
	hp_xml_start(xml, "td");
	hp_xml_end(xml);
	hp_xml_element(xml, "b", "é");
	hp_cleanup_free char *text = NULL;
	assert_int_equal(hp_xml_finish(xml, &text, NULL), 0);
	hp_xml_free(xml);
	assert_string_equal(text, "<!DOCTYPE html><p title=\"a&quot;b'&lt;&amp;&gt;&#10;\">"
	                          "&lt;/p&gt;&lt;script&gt;1 &amp;&amp; &quot;2&quot;"
	                          "&lt;/script&gt;????"
	                          "?<br/><td></td><b>é</b></p>\n");
}

static int tell(void *data, struct hp_worker *worker)
{
	int *told = data;
	if (!hp_worker_wait(worker))
		return -1;
	*told = 7;
	return 0;
}

__attribute__((noreturn)) static int stand(void *data, struct hp_worker *worker)
{
	(void)data, (void)worker;
	for (;;)
		pause();
}

static void workers_leave_no_child(void **state)
{
	(void)state;
	struct hp_worker *good = hp_worker_new(4096), *stuck = hp_worker_new(4096);
	int *told = hp_worker_alloc(good, sizeof(*told));
	assert_true(hp_worker_start(good, tell, told) && hp_worker_start(stuck, stand, NULL));
	hp_worker_go(good);
	assert_true(hp_worker_done(good));
	hp_worker_dismiss(stuck);
	hp_worker_dismiss(good);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(*told, 7);
	hp_worker_free(stuck);
	hp_worker_free(good);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(versions_sort),
	    cmocka_unit_test(csv_is_read),
	    cmocka_unit_test(csv_errors_name_the_line),
	    cmocka_unit_test(utf8_is_repaired),
	    cmocka_unit_test(numbers_are_whole),
	    cmocka_unit_test(words_are_whole),
	    cmocka_unit_test(sql_functions),
	    cmocka_unit_test(tables_render),
	    cmocka_unit_test(workers_leave_no_child),
	    cmocka_unit_test(xml_is_escaped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
