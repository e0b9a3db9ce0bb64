// Runs all rules on facts files and prints what they say, one row a line.
// SPDX-License-Identifier: Apache-2.0
//
// run-rules FILE…: prints FILE, rule, subject, surface, share, result and evidence, with tabs
// between them ('*' for no surface or share). Without a file: the ids of all rules.
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

static void print_host(const char *path)
{
	struct test_host host;
	test_host_open(&host, path);
	for (size_t rule = 0; rule < host.rule_count; rule++)
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
	for (int i = 1; i < argc; i++)
		print_host(argv[i]);
	return 0;
}
