// The example host as facts, and as a root directory built from them: probing the root must give
// the facts back. argv: python, make-8xh100.py, the facts. SPDX-License-Identifier: Apache-2.0
#include "../unit/ask.h"
#include "../unit/tree.h"

#include "base/cleanup.h"
#include "host/host.h"
#include "probe/probe.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char **arguments;
static struct tree tree;

static int build_root(void **state HP_UNUSED)
{
	tree_make(&tree);
	pid_t child = fork();
	if (child == 0) {
		if (!freopen("/dev/null", "w", stdout))
			_exit(126);
		execl(arguments[1], arguments[1], arguments[2], tree.path, arguments[3],
		      (char *)NULL);
		_exit(127);
	}
	int status = -1;
	waitpid(child, &status, 0);
	return status;
}

static int remove_root(void **state HP_UNUSED)
{
	tree_remove(&tree);
	return 0;
}

static void import_example(struct hp_facts *facts)
{
	static char text[1024 * 1024];
	struct hp_error err = {0};
	FILE *file = fopen(arguments[3], "r");
	assert_non_null(file);
	size_t length = fread(text, 1, sizeof(text), file);
	fclose(file);
	hp_facts_set_host(facts, "example");
	assert_int_equal(hp_facts_import(facts, arguments[3], text, length, NULL, NULL, &err), 0);
}

static void probe_root(struct hp_facts *facts, int level)
{
	struct hp_host_options options = {.level = level};
	struct hp_host *host = NULL;
	struct hp_error err = {0};
	hp_facts_set_host(facts, "root");
	if (hp_host_open_root(tree.path, &options, &host, &err) < 0 ||
	    hp_probe_all(host, facts, NULL, &err) < 0)
		fail_msg("%s", err.message);
	hp_host_close(host);
}

/* Rows of a table whose column the example knows and the probe saw otherwise, or not at all. */
static void compare_column(struct hp_facts *facts, enum hp_tbl table, const char *same,
                           const char *which, int column)
{
	const char *name = hp_tables[table].columns[column].name;
	char *sql = hp_asprintf(
	    "SELECT coalesce(group_concat(e.address), '') FROM %s e LEFT JOIN %s r ON "
	    "r.host = 'root' AND %s WHERE e.host = 'example' AND %s AND e.%s IS "
	    "NOT NULL AND e.%s IS NOT r.%s",
	    hp_tables[table].name, hp_tables[table].name, same, which, name, name, name);
	char *differing = ask(facts, sql);
	if (*differing && strcmp(name, "host") != 0)
		fail_msg("%s.%s differs: %s", hp_tables[table].name, name, differing);
	free(differing);
	free(sql);
}

static void test_root_gives_facts_back(void **state HP_UNUSED)
{
	struct hp_facts *facts = NULL;
	assert_int_equal(hp_facts_new(&facts, NULL), 0);
	import_example(facts);
	probe_root(facts, 1);
	assert_fact(facts, "SELECT count(*) FROM pci_function WHERE host = 'root'", "517");
	for (size_t i = 0; i < hp_tables[HP_TBL_PCI_FUNCTION].column_count; i++)
		compare_column(facts, HP_TBL_PCI_FUNCTION, "r.address = e.address", "1", (int)i);
	for (size_t i = 0; i < hp_tables[HP_TBL_PCI_BAR].column_count; i++)
		compare_column(facts, HP_TBL_PCI_BAR,
		               "r.address = e.address AND r.kind = e.kind AND r.bar = e.bar",
		               "e.size_bytes IS NOT NULL", (int)i);
	hp_facts_free(facts);
}

/* Level 0 sees what the kernel keeps in memory of every function, and no capability. */
static void test_level_0(void **state HP_UNUSED)
{
	struct hp_facts *facts = NULL;
	assert_int_equal(hp_facts_new(&facts, NULL), 0);
	probe_root(facts, 0);
	assert_fact(
	    facts,
	    "SELECT count(*) FROM pci_function WHERE vendor IS NOT NULL AND device IS NOT NULL AND "
	    "class IS NOT NULL AND driver IS NOT NULL AND parent IS NOT NULL AND iommu_group IS "
	    "NOT NULL",
	    "517");
	assert_fact(facts, "SELECT count(*) FROM pci_function WHERE port_type IS NOT NULL", "0");
	assert_fact(facts, "SELECT count(*) FROM pci_function WHERE sriov_totalvfs = 32", "8");
	assert_fact(facts, "SELECT count(*) FROM gap WHERE kind = 'level'", "1");
	hp_facts_free(facts);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_root_gives_facts_back),
	    cmocka_unit_test(test_level_0),
	};
	if (argc != 4)
		return 2;
	arguments = argv;
	return cmocka_run_group_tests(tests, build_root, remove_root);
}
