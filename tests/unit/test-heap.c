// SQLite on its own heap: content survives, the limit holds. SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "base/database.h"
#include "base/heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static sqlite3 *open_memory(void)
{
	sqlite3 *db = NULL;
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	return db;
}

static void run(sqlite3 *db, const char *sql)
{
	struct hp_error error = {0};
	if (hp_db_exec(db, sql, &error))
		fail_msg("%s: %s", sql, error.message);
}

/* Blocks of all sizes, small and larger than any list has, grown, given back and taken again. */
static void content_survives(void **state HP_UNUSED)
{
	sqlite3 *db = open_memory();
	run(db, "CREATE TABLE t (n INTEGER PRIMARY KEY, size INTEGER, text TEXT)");
	for (int round = 0; round < 3; round++) {
		run(db,
		    "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < "
		    "300) "
		    "INSERT INTO t (size, text) SELECT n * n, substr(hex(zeroblob(45000)), 1, n * "
		    "n) || n FROM c");
		run(db, "DELETE FROM t WHERE n % 3 = 1");
		run(db, "UPDATE t SET text = text || text, size = 2 * size WHERE n % 5 = 1");
	}
	assert_true(hp_db_number(db, "SELECT count(*) FROM t", 0) > 300);
	assert_int_equal(
	    hp_db_number(db, "SELECT count(*) FROM t WHERE length(text) <= size OR text = ''", -1),
	    0);
	assert_int_equal(hp_db_number(db, "SELECT count(*) FROM pragma_integrity_check", 0), 1);
	sqlite3_close(db);
}

static void limit_holds(void **state HP_UNUSED)
{
	sqlite3 *db = open_memory();
	static const char large[] = "SELECT length(hex(zeroblob(4000000)))";
	assert_int_equal(hp_db_number(db, large, -1), 8000000);
	int64_t old = hp_heap_limit_begin(1 << 20);
	assert_int_equal(hp_db_number(db, "SELECT length(hex(zeroblob(1000)))", -1), 2000);
	assert_int_equal(hp_db_number(db, large, -1), -1);
	hp_heap_limit_end(old);
	assert_int_equal(hp_db_number(db, large, -1), 8000000);
	sqlite3_close(db);
}

int main(void)
{
	hp_heap_for_sqlite();
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(content_survives),
	    cmocka_unit_test(limit_holds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
