// The dated matrix: which row decides, on which day, and what runs on what.
// SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "base/database.h"
#include "facts/facts.h"
#include "judge/knowledge.h"
#include "judge/surfaces.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
// cmocka wants the four above first
#include <cmocka.h>
#include <string.h>

static const char small_matrix[] =
    "CREATE TABLE accelerator (vendor, device, model, chip, generation);CREATE TABLE surface "
    "(surface, position, first_nine, "
    "probed);"
    "CREATE TABLE surface_share (surface, share, kind, vendor, mechanism, isolation, vmm, "
    "base_surface);"
    "CREATE TABLE support (surface, share, kind, vendor, match_kind, match_value, since, until, "
    "condition,"
    " reason, source, checked, path, approximate);"
    "INSERT INTO surface VALUES ('below', 1, 1, 1), ('above', 2, 0, 1);"
    "INSERT INTO surface_share VALUES ('below', 'whole', 'gpu', '10de', 'vfio', 'vm', 'qemu', "
    "'none'),"
    " ('above', 'whole', 'gpu', '10de', 'vfio', 'vm', 'qemu', 'below'),"
    " ('above', 'mig', 'gpu', '10de', 'mig', 'vm', 'qemu', 'none');"
    "INSERT INTO support VALUES"
    " ('below', 'whole', 'gpu', '10de', 'any', '*', '', NULL, NULL, NULL, 's', '2026-01-01', "
    "'caution', 0),"
    " ('below', 'whole', 'gpu', '10de', 'generation', 'hopper', '', NULL, NULL, NULL, 's', "
    "'2026-01-01', 'on', 0),"
    " ('below', 'whole', 'gpu', '10de', 'chip', 'GH100', '2025-01-01', NULL, NULL, NULL, 's', "
    "'2026-01-01', 'off', 0),"
    " ('below', 'whole', 'gpu', '10de', 'trait', 'no-mig', '', NULL, NULL, NULL, 's', "
    "'2026-01-01', 'caution', 0),"
    " ('below', 'whole', 'gpu', '10de', 'model', 'H100', '', '2025-06-01', NULL, NULL, 's', "
    "'2026-01-01', 'on', 0),"
    " ('below', 'whole', 'gpu', '10de', 'id', '2330', '2025-03-01', '2025-04-01', NULL, NULL, 's', "
    "'2026-01-01', 'off', 0),"
    " ('below', 'whole', 'gpu', '1002', 'any', '*', '', NULL, NULL, NULL, 's', '2026-01-01', 'on', "
    "0),"
    " ('above', 'whole', 'gpu', '10de', 'any', '*', '', NULL, NULL, NULL, 's', '2026-01-01', 'on', "
    "0);";

struct fixture {
	sqlite3 *db;
	struct hp_surfaces *surfaces;
};

static int open_small(void **state)
{
	static struct fixture fixture;
	struct hp_error error = {0};
	assert_int_equal(sqlite3_open(":memory:", &fixture.db), SQLITE_OK);
	if (hp_db_exec(fixture.db, small_matrix, &error) ||
	    hp_surfaces_load(fixture.db, false, &fixture.surfaces, &error))
		fail_msg("%s", error.message);
	*state = &fixture;
	return 0;
}

static int close_small(void **state)
{
	struct fixture *fixture = *state;
	hp_surfaces_free(fixture->surfaces);
	sqlite3_close(fixture->db);
	return 0;
}

static const struct hp_surface_device h100 = {.vendor = "10de",
                                              .kind = "gpu",
                                              .device = "2330",
                                              .model = "H100",
                                              .chip = "GH100",
                                              .generation = "hopper",
                                              .mig = "yes",
                                              .vgpu = "yes"};

static enum hp_path path_of(struct fixture *fixture, const char *surface, const char *share,
                            const struct hp_surface_device *device, const char *day)
{
	const struct hp_surface_share *of =
	    hp_surfaces_share(fixture->surfaces, surface, share, "gpu", "10de");
	assert_non_null(of);
	return hp_surfaces_path(fixture->surfaces, of, device, day).path;
}

static void most_specific_row_decides(void **state)
{
	struct hp_surface_device device = h100;
	assert_int_equal(path_of(*state, "below", "whole", &device, "2025-02-01"),
	                 HP_PATH_ON); // model
	device.model = NULL;
	assert_int_equal(path_of(*state, "below", "whole", &device, "2025-02-01"),
	                 HP_PATH_OFF); // chip
	device.mig = "no";
	assert_int_equal(path_of(*state, "below", "whole", &device, "2025-02-01"),
	                 HP_PATH_CAUTION); // trait
	device.mig = NULL;
	device.chip = NULL;
	assert_int_equal(path_of(*state, "below", "whole", &device, "2025-02-01"),
	                 HP_PATH_ON); // generation
	device.generation = NULL;
	assert_int_equal(path_of(*state, "below", "whole", &device, "2025-02-01"),
	                 HP_PATH_CAUTION); // any
}

static void first_day_counts_and_last_does_not(void **state)
{
	assert_int_equal(path_of(*state, "below", "whole", &h100, "2025-02-28"), HP_PATH_ON);
	assert_int_equal(path_of(*state, "below", "whole", &h100, "2025-03-01"), HP_PATH_OFF);
	assert_int_equal(path_of(*state, "below", "whole", &h100, "2025-03-31"), HP_PATH_OFF);
	assert_int_equal(path_of(*state, "below", "whole", &h100, "2025-04-01"), HP_PATH_ON);
	assert_int_equal(path_of(*state, "below", "whole", &h100, "2025-06-01"),
	                 HP_PATH_OFF); // chip again
}

static void worse_of_both_holds_where_one_runs_on_another(void **state)
{
	struct fixture *fixture = *state;
	const struct hp_surface_share *above =
	    hp_surfaces_share(fixture->surfaces, "above", "whole", "gpu", "10de");
	struct hp_surface_path path =
	    hp_surfaces_path(fixture->surfaces, above, &h100, "2025-02-01");
	assert_int_equal(path.path, HP_PATH_ON);
	assert_false(path.of_base);
	path = hp_surfaces_path(fixture->surfaces, above, &h100, "2025-03-15");
	assert_int_equal(path.path, HP_PATH_OFF);
	assert_true(path.of_base);
	assert_string_equal(path.support->surface, "below");
}

static void no_row_is_unknown(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(path_of(fixture, "above", "mig", &h100, "2025-02-01"), HP_PATH_UNKNOWN);
	assert_null(hp_surfaces_share(fixture->surfaces, "below", "mig", "gpu", "10de"));
}

/* What the knowledge itself says, on the day of the published table and later. */
static const struct {
	const char *day, *surface, *share, *device;
	enum hp_path path;
} published[] = {
    {"2025-02-14", "container", "whole", "2330", HP_PATH_ON},
    {"2025-02-14", "container", "mig", "2330", HP_PATH_ON},
    {"2025-02-14", "container", "mig", "26b9", HP_PATH_OFF},
    {"2025-02-14", "kubernetes", "whole", "26b9", HP_PATH_ON},
    {"2025-02-14", "esxi-vgpu", "vgpu", "26b9", HP_PATH_ON},
    {"2025-02-14", "qemu-vfio", "whole", "2330", HP_PATH_ON},
    {"2025-02-14", "qemu-vgpu", "vgpu", "26b9", HP_PATH_ON},
    {"2025-02-14", "qemu-vgpu", "vgpu", "2684", HP_PATH_OFF},
    {"2025-02-14", "qemu-vgpu", "mig-vgpu", "2330", HP_PATH_ON},
    {"2025-02-14", "cloud-hypervisor", "whole", "26b9", HP_PATH_CAUTION},
    {"2025-02-14", "cloud-hypervisor", "mig", "2330", HP_PATH_OFF},
    {"2025-02-14", "firecracker", "whole", "2330", HP_PATH_OFF},
    {"2025-02-14", "custom-vmm", "whole", "2330", HP_PATH_OFF},
    {"2025-02-14", "qemu-vfio", "whole", "2901", HP_PATH_OFF},
    {"2025-02-14", "kubevirt", "whole", "2901", HP_PATH_OFF}, // as QEMU's own
    {"2026-08-22", "qemu-vfio", "whole", "2901", HP_PATH_ON},
    {"2026-08-22", "kubevirt", "whole", "2901", HP_PATH_ON},
    {"2026-08-22", "cloud-hypervisor", "whole", "2901", HP_PATH_OFF},
    {"2026-08-22", "firecracker", "whole", "2330", HP_PATH_OFF},
    {"2026-08-22", "kubernetes-dra", "whole", "2330", HP_PATH_ON},
    {"2026-08-22", "qemu-vgpu", "vgpu", "2342",
     HP_PATH_UNKNOWN}, // no vGPU host software for Arm is known
};

static struct hp_surface_device device_of(sqlite3_stmt *statement)
{
	return (struct hp_surface_device){.vendor = "10de",
	                                  .kind = "gpu",
	                                  .device = hp_db_text(statement, 0),
	                                  .model = hp_db_text(statement, 1),
	                                  .chip = hp_db_text(statement, 2),
	                                  .generation = hp_db_text(statement, 3),
	                                  .mig = hp_db_text(statement, 4),
	                                  .vgpu = hp_db_text(statement, 5),
	                                  .nvswitch = hp_db_text(statement, 6),
	                                  .segment = hp_db_text(statement, 7)};
}

static void knowledge_says_what_was_published(void **state HP_UNUSED)
{
	struct hp_error error = {0};
	struct hp_facts *facts = NULL;
	struct hp_knowledge *knowledge = NULL;
	struct hp_surfaces *surfaces = NULL;
	struct hp_knowledge_options options = {.file = getenv("HP_TEST_KNOWLEDGE"), .drop_ins = ""};
	assert_int_equal(hp_facts_new(&facts, &error), 0);
	if (hp_knowledge_open(hp_facts_db(facts), &options, &knowledge, &error) ||
	    hp_surfaces_load(hp_facts_db(facts), false, &surfaces, &error))
		fail_msg("%s", error.message);
	for (size_t i = 0; i < HP_COUNT(published); i++) {
		hp_cleanup_statement sqlite3_stmt *statement = NULL;
		assert_int_equal(
		    hp_db_prepare(
			hp_facts_db(facts),
			"SELECT device, model, chip, generation, mig, vgpu, nvswitch, segment"
			" FROM accelerator_model WHERE vendor = '10de' AND device = ?1"
			" AND subsystem = ''",
			&statement, &error),
		    0);
		sqlite3_bind_text(statement, 1, published[i].device, -1, SQLITE_STATIC);
		assert_int_equal(hp_db_step(statement, &error), 1);
		struct hp_surface_device device = device_of(statement);
		const struct hp_surface_share *share = hp_surfaces_share(
		    surfaces, published[i].surface, published[i].share, "gpu", "10de");
		assert_non_null(share);
		struct hp_surface_path path =
		    hp_surfaces_path(surfaces, share, &device, published[i].day);
		if (path.path != published[i].path)
			fail_msg("%s: %s:%s of %s is %s, expected %s", published[i].day,
			         published[i].surface, published[i].share, published[i].device,
			         hp_path_name(path.path), hp_path_name(published[i].path));
		assert_true(path.path == HP_PATH_UNKNOWN || *path.support->source);
	}
	hp_surfaces_free(surfaces);
	hp_knowledge_close(knowledge);
	hp_facts_free(facts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(most_specific_row_decides, open_small, close_small),
	    cmocka_unit_test_setup_teardown(first_day_counts_and_last_does_not, open_small,
	                                    close_small),
	    cmocka_unit_test_setup_teardown(worse_of_both_holds_where_one_runs_on_another,
	                                    open_small, close_small),
	    cmocka_unit_test_setup_teardown(no_row_is_unknown, open_small, close_small),
	    cmocka_unit_test(knowledge_says_what_was_published),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
