// A verdict as one page for a ticket or an auditor, and as test cases for a pipeline.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "judge/require.h"
#include "judge/verdict.h"

#include <sqlite3.h>

struct hp_report {
	sqlite3 *db; // facts and knowledge, to read
	struct hp_verdict *verdict;
	const struct hp_knowledge *knowledge;
	const char *as_of, *today;
	const struct hp_requirement *requirement; // NULL: nothing is required
	bool each;                                // of every accelerator
	bool all;                                 // every surface, each share
};

/* One HTML page, which needs nothing else: a new string. -ENOTSUP without libxml2. */
int hp_report_html(const struct hp_report *report, char **ret, struct hp_error *err);

/* JUnit XML: a suite a host, a case for each accelerator and surface. What is required alone fails;
 * where nothing is, what is in use. What is unknown, and what nobody asked for, is skipped. A new
 * string. -ENOTSUP without libxml2. */
int hp_report_junit(const struct hp_report *report, char **ret, struct hp_error *err);
