// Real hosts that are no part of the project: probed, and their IOMMU groups predicted. Skipped
// (77) where they are not at hand. argv: their folder, the knowledge. SPDX-License-Identifier:
// Apache-2.0
#include "../unit/ask.h"
#include "../unit/tree.h"

#include "base/cleanup.h"
#include "facts/groups.h"
#include "host/host.h"
#include "probe/config.h"
#include "probe/probe.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char **arguments;
static struct tree a2, vfs;

static void unpack(const char *archive, struct tree *ret)
{
	hp_cleanup_free char *path = hp_asprintf("%s/%s", arguments[1], archive);
	tree_make(ret);
	pid_t child = fork();
	if (child == 0) {
		execlp("tar", "tar", "xJf", path, "-C", ret->path, (char *)NULL);
		_exit(127);
	}
	int status = -1;
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
}

static int set_up(void **state HP_UNUSED)
{
	unpack("dl360g9-a2-vgpu.tar.xz", &a2);
	unpack("vgpu-vf-trees.tar.xz", &vfs);
	return 0;
}

static int tear_down(void **state HP_UNUSED)
{
	tree_remove(&a2);
	tree_remove(&vfs);
	return 0;
}

/* `wake`: all functions may be read, as if none slept. */
static struct hp_facts *probe(const struct tree *tree, bool wake)
{
	struct hp_host_options options = {.level = 1};
	struct hp_probe_options asked = {0};
	struct hp_names names hp_cleanup_names = {0};
	struct hp_facts *facts = NULL;
	struct hp_host *host = NULL;
	struct hp_error err = {0};
	assert_int_equal(hp_facts_new(&facts, NULL), 0);
	hp_facts_set_host(facts, "h");
	if (hp_host_open_root(tree->path, &options, &host, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(hp_host_list(host, "/sys/bus/pci/devices", &names), 0);
	const char **all = hp_calloc(names.count + 1, sizeof(*all));
	memcpy(all, names.names, names.count * sizeof(*all));
	asked.wake = wake ? all : NULL;
	if (hp_probe_all(host, facts, &asked, &err) < 0)
		fail_msg("%s", err.message);
	hp_host_close(host);
	free(all);
	return facts;
}

static void test_a2(void **state HP_UNUSED)
{
	struct hp_facts *facts = probe(&a2, false);
	assert_fact(facts, "SELECT count(*) FROM pci_function", "226");
	assert_fact(facts, "SELECT count(DISTINCT iommu_group) FROM pci_function", "106");
	assert_fact(facts, "SELECT count(*) FROM iommu_group", "106");
	assert_fact(
	    facts,
	    "SELECT address || vgpu_mode || sriov_numvfs FROM pci_function WHERE vendor = '10de' "
	    "AND physical_function = 'none'",
	    "0000:08:00.0sriov-mdev16");
	assert_fact(facts,
	            "SELECT count(*) FROM pci_function WHERE physical_function = '0000:08:00.0'",
	            "16");
	assert_fact(facts, "SELECT group_concat(type) FROM (SELECT type FROM mdev ORDER BY type)",
	            "nvidia-746,nvidia-751,nvidia-754");
	assert_fact(facts, "SELECT state FROM iommu", "on");
	assert_fact(
	    facts,
	    "SELECT coalesce(kind, firmware_table, passthrough, noiommu, iommufd) FROM iommu",
	    "NULL");
	assert_fact(facts, "SELECT count(*) FROM kernel WHERE cmdline IS NOT NULL", "0");
	assert_fact(facts, "SELECT state FROM observed WHERE tbl = 'mdev'", "complete");
	hp_facts_free(facts);
}

/* Config space of what sleeps stays unread: 22 functions of this host. */
static void test_a2_asleep(void **state HP_UNUSED)
{
	struct hp_facts *facts = probe(&a2, false);
	assert_fact(facts, "SELECT count(*) FROM gap WHERE kind = 'asleep'", "22");
	assert_fact(facts, "SELECT count(*) FROM pci_function WHERE header_type IS NULL", "22");
	hp_facts_free(facts);
}

static void test_lone_vfs(void **state HP_UNUSED)
{
	struct hp_facts *facts = probe(&vfs, false);
	assert_fact(facts, "SELECT vgpu_mode FROM pci_function WHERE address = '0000:26:00.4'",
	            "vendor-vfio");
	assert_fact(
	    facts,
	    "SELECT vgpu_type_current || coalesce(vendor, '?') || coalesce(driver, '?') FROM "
	    "pci_function WHERE address = '0000:26:00.4'",
	    "none10de?");
	assert_fact(facts,
	            "SELECT name FROM vgpu_type WHERE address = '0000:26:00.4' AND type = '1148'",
	            "NVIDIA L40S-2Q");
	assert_fact(facts,
	            "SELECT vgpu_mode || device FROM pci_function WHERE address = '0000:08:01.7'",
	            "mdev25b6");
	assert_fact(facts, "SELECT count(*) FROM vgpu_type WHERE address = '0000:08:01.7'", "15");
	assert_fact(facts, "SELECT state FROM observed WHERE tbl = 'pci_function'", "partial");
	hp_facts_free(facts);
}

// -- groups --

static void attach(struct hp_facts *facts)
{
	hp_cleanup_free char *sql = hp_asprintf("ATTACH '%s' AS k", arguments[2]);
	assert_int_equal(hp_db_exec(hp_facts_db(facts), sql, NULL), 0);
}

/* The group that the host shows, of each member. */
static int *shown_groups(struct hp_facts *facts, const struct hp_groups *groups)
{
	int *shown = hp_calloc(groups->count, sizeof(*shown));
	for (size_t i = 0; i < groups->count; i++) {
		char *sql =
		    hp_asprintf("SELECT iommu_group + 0 FROM pci_function WHERE address = '%s'",
		                groups->members[i].address);
		shown[i] = (int)hp_db_number(hp_facts_db(facts), sql, -1);
		free(sql);
	}
	return shown;
}

/* Two functions are of one group in the prediction exactly if they are on the host; the numbers may
 * differ. */
static size_t count_wrong(struct hp_facts *facts, const struct hp_groups *groups,
                          bool quirks_explain)
{
	size_t wrong = 0;
	int *shown = shown_groups(facts, groups);
	for (size_t i = 0; i < groups->count; i++) {
		const struct hp_group_member *a = &groups->members[i];
		for (size_t k = 0; k < i; k++) {
			const struct hp_group_member *b = &groups->members[k];
			bool same = shown[i] == shown[k];
			if (a->group < 0 || b->group < 0 || same == (a->group == b->group))
				continue;
			wrong++;
			if (quirks_explain && !a->quirk && !b->quirk)
				fail_msg("%s and %s: no quirk explains it", a->address, b->address);
		}
	}
	free(shown);
	return wrong;
}

static size_t count_unknown(const struct hp_groups *groups)
{
	size_t count = 0;
	for (size_t i = 0; i < groups->count; i++)
		count += groups->members[i].group < 0;
	return count;
}

/* With the IOMMU on, from what is enabled; and as if it were off, from what could be. */
static void test_groups_equal(void **state HP_UNUSED)
{
	struct hp_facts *facts = probe(&a2, true);
	attach(facts);
	for (int capable = 0; capable <= 1; capable++) {
		struct hp_groups groups;
		assert_int_equal(hp_groups_predict(facts, "h", capable, &groups, NULL), 0);
		assert_int_equal(groups.count, 226);
		assert_int_equal(count_unknown(&groups), 0);
		assert_int_equal(count_wrong(facts, &groups, false), 0);
		hp_groups_free(&groups);
	}
	hp_facts_free(facts);
}

/* What sleeps is unknown, and makes nothing wrong: groups that are told are right. */
static void test_groups_asleep(void **state HP_UNUSED)
{
	struct hp_facts *facts = probe(&a2, false);
	struct hp_groups groups;
	attach(facts);
	assert_int_equal(hp_groups_predict(facts, "h", true, &groups, NULL), 0);
	assert_true(count_unknown(&groups) > 0);
	assert_int_equal(count_wrong(facts, &groups, false), 0);
	hp_groups_free(&groups);
	hp_facts_free(facts);
}

/* Without quirks the prediction goes wrong, and each error has a quirk's name. */
static void test_quirks_explain(void **state HP_UNUSED)
{
	struct hp_facts *facts = probe(&a2, true);
	struct hp_groups with, without;
	attach(facts);
	assert_int_equal(hp_groups_predict(facts, "h", true, &with, NULL), 0);
	assert_int_equal(
	    hp_db_exec(hp_facts_db(facts),
	               "CREATE TEMP TABLE acs_quirk AS SELECT * FROM k.acs_quirk WHERE 0", NULL),
	    0);
	assert_int_equal(hp_groups_predict(facts, "h", true, &without, NULL), 0);
	assert_int_equal(with.count, without.count);
	for (size_t i = 0; i < with.count; i++) {
		assert_string_equal(with.members[i].address, without.members[i].address);
		without.members[i].quirk = with.members[i].quirk;
	}
	assert_true(count_wrong(facts, &without, true) > 0);
	hp_groups_free(&with);
	hp_groups_free(&without);
	hp_facts_free(facts);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a2),
	    cmocka_unit_test(test_a2_asleep),
	    cmocka_unit_test(test_lone_vfs),
	    cmocka_unit_test(test_groups_equal),
	    cmocka_unit_test(test_groups_asleep),
	    cmocka_unit_test(test_quirks_explain),
	};
	if (argc != 3)
		return 2;
	if (access(argv[1], R_OK) != 0)
		return 77;
	arguments = argv;
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
