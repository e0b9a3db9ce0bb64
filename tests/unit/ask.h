// Asking a store of facts, for tests: one value, as text. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/database.h"
#include "base/text.h"
#include "facts/facts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* The first value that a query gives, "NULL" if it is, "no row" if there is none; free it. */
static inline char *ask(struct hp_facts *facts, const char *sql)
{
	sqlite3_stmt *statement hp_cleanup_statement = NULL;
	struct hp_error err = {0};
	if (hp_db_prepare(hp_facts_db(facts), sql, &statement, &err) < 0)
		fail_msg("%s", err.message);
	if (hp_db_step(statement, &err) != 1)
		return hp_strdup("no row");
	const char *text = hp_db_text(statement, 0);
	return hp_strdup(text ? text : "NULL");
}

#define assert_fact(facts, sql, expected)                                                          \
	do {                                                                                       \
		char *value_ = ask(facts, sql);                                                    \
		assert_string_equal(value_, expected);                                             \
		free(value_);                                                                      \
	} while (0)
