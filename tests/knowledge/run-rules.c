// Runs all rules on facts files and prints what they say, one row a line.
// SPDX-License-Identifier: Apache-2.0
//
// run-rules [--rule ID] FILE…: prints FILE, rule, subject, surface, share, result and evidence,
// with tabs between them ('*' for no surface or share). Without a file: the ids of all rules.
#include "base/text.h"
#include "hosts.h"

#include <string.h>

static void print_rule(struct test_host *host, size_t rule)
{
	struct test_rows rows;
	test_host_run(host, rule, &rows);
	for (size_t i = 0; i < rows.count; i++) {
		const struct test_row *row = &rows.rows[i];
		char *at = row->key;
		printf("%s\t%s", host->path, host->rules[rule].id);
		for (char *word; (word = strsep(&at, " "));)
			printf("\t%s", word);
		printf("\t%s\t%s\n",
		       row->result < 0 ? "?" : hp_result_name((enum hp_result)row->result),
		       row->evidence);
	}
	test_rows_free(&rows);
}

static void print_host(const char *path, const char *only)
{
	struct test_host host;
	test_host_open(&host, path);
	for (size_t rule = 0; rule < host.rule_count; rule++)
		if (!only || strcmp(host.rules[rule].id, only) == 0)
			print_rule(&host, rule);
	test_host_close(&host);
}

static void print_ids(void)
{
	struct test_host host;
	test_host_open(&host, NULL);
	for (size_t rule = 0; rule < host.rule_count; rule++)
		puts(host.rules[rule].id);
	test_host_close(&host);
}

int main(int argc, char **argv)
{
	if (argc == 1)
		print_ids();
	bool one = argc > 2 && strcmp(argv[1], "--rule") == 0;
	for (int i = one ? 3 : 1; i < argc; i++)
		print_host(argv[i], one ? argv[2] : NULL);
	return 0;
}
