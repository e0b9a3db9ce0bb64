// IOMMU groups that are predicted from topologies told in a few words.
// SPDX-License-Identifier: Apache-2.0
#include "ask.h"

#include "base/cleanup.h"
#include "facts/groups.h"

#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* A function in one line: address, parent, port type ("-": unknown), multifunction, ACS it is
 * capable of, ids. */
struct told {
	const char *address, *parent, *port_type;
	int multifunction;
	const char *acs, *vendor, *device;
};

static void tell(struct hp_facts *facts, const struct told *f)
{
	struct hp_row row = hp_row_begin(facts, HP_TBL_PCI_FUNCTION);
	hp_row_text(&row, HP_PCI_FUNCTION_ADDRESS, f->address);
	hp_row_text(&row, HP_PCI_FUNCTION_PARENT, f->parent);
	hp_row_text(&row, HP_PCI_FUNCTION_PHYSICAL_FUNCTION, "none");
	hp_row_text(&row, HP_PCI_FUNCTION_IOMMU_GROUP, "none");
	hp_row_text(&row, HP_PCI_FUNCTION_VENDOR, f->vendor);
	hp_row_text(&row, HP_PCI_FUNCTION_DEVICE, f->device);
	hp_row_text(&row, HP_PCI_FUNCTION_ACS_ENABLED, "none");
	if (strcmp(f->port_type, "-") != 0) {
		hp_row_text(&row, HP_PCI_FUNCTION_PORT_TYPE, f->port_type);
		hp_row_text(&row, HP_PCI_FUNCTION_ACS_CAPABLE, f->acs);
		hp_row_number(&row, HP_PCI_FUNCTION_MULTIFUNCTION, f->multifunction);
	}
	assert_int_equal(hp_row_put(&row, NULL), 0);
}

static struct hp_facts *new_facts(void)
{
	struct hp_facts *facts = NULL;
	assert_int_equal(hp_facts_new(&facts, NULL), 0);
	hp_facts_set_host(facts, "h");
	hp_cleanup_free char *sql = hp_asprintf("ATTACH '%s' AS k", getenv("HP_TEST_KNOWLEDGE"));
	assert_int_equal(hp_db_exec(hp_facts_db(facts), sql, NULL), 0);
	return facts;
}

static void run(struct hp_facts *facts, const char *sql)
{
	struct hp_error err = {0};
	if (hp_db_exec(hp_facts_db(facts), sql, &err) < 0)
		fail_msg("%s", err.message);
}

/* Groups in the order of addresses: "0 0 1 ?". */
static void assert_groups(struct hp_facts *facts, bool capable, const char *expected)
{
	struct hp_text text hp_cleanup_text = {0};
	struct hp_groups groups;
	struct hp_error err = {0};
	if (hp_groups_predict(facts, "h", capable, &groups, &err) < 0)
		fail_msg("%s", err.message);
	for (size_t i = 0; i < groups.count; i++)
		if (groups.members[i].group < 0)
			hp_text_puts(&text, "? ");
		else
			hp_text_printf(&text, "%d ", groups.members[i].group);
	assert_string_equal(hp_trim(text.data), expected);
	hp_groups_free(&groups);
}

#define assert_told(expected, ...)                                                                 \
	do {                                                                                       \
		const struct told told_[] = {__VA_ARGS__};                                         \
		struct hp_facts *facts_ = new_facts();                                             \
		for (size_t i_ = 0; i_ < HP_COUNT(told_); i_++)                                    \
			tell(facts_, &told_[i_]);                                                  \
		assert_groups(facts_, true, expected);                                             \
		hp_facts_free(facts_);                                                             \
	} while (0)

#define PORT_ACS "SV+TB+RR+CR+UF"

/* A desktop: a GPU and its audio function below a root port, with ACS and without. */
static void test_gpu_and_audio(void **state HP_UNUSED)
{
	assert_told("0 1 1", {"0000:00:01.0", "none", "root-port", 0, PORT_ACS, "8086", "4c01"},
	            {"0000:01:00.0", "0000:00:01.0", "endpoint", 1, "none", "10de", "2684"},
	            {"0000:01:00.1", "0000:00:01.0", "endpoint", 1, "none", "10de", "22ba"});
	assert_told("0 0 0", {"0000:00:01.0", "none", "root-port", 0, "none", "8086", "0c01"},
	            {"0000:01:00.0", "0000:00:01.0", "endpoint", 1, "none", "10de", "2684"},
	            {"0000:01:00.1", "0000:00:01.0", "endpoint", 1, "none", "10de", "22ba"});
}

/* Root ports of one slot without ACS are one, with all that is below them. */
static void test_ports_of_one_slot(void **state HP_UNUSED)
{
	assert_told("0 0 0 0", {"0000:00:01.0", "none", "root-port", 1, "none", "8086", "0c01"},
	            {"0000:00:01.1", "none", "root-port", 1, "none", "8086", "0c05"},
	            {"0000:01:00.0", "0000:00:01.0", "endpoint", 0, "none", "10de", "1b80"},
	            {"0000:02:00.0", "0000:00:01.1", "endpoint", 0, "none", "10de", "1b80"});
}

/* Below a switch, ACS of the downstream ports decides; a port that cannot redirect joins what is
 * below. */
static void test_switch(void **state HP_UNUSED)
{
	assert_told("0 1 2 3 4 5",
	            {"0000:00:01.0", "none", "root-port", 0, PORT_ACS, "8086", "352a"},
	            {"0000:01:00.0", "0000:00:01.0", "upstream", 0, "none", "1000", "c030"},
	            {"0000:02:00.0", "0000:01:00.0", "downstream", 0, PORT_ACS, "1000", "c030"},
	            {"0000:02:01.0", "0000:01:00.0", "downstream", 0, PORT_ACS, "1000", "c030"},
	            {"0000:03:00.0", "0000:02:00.0", "endpoint", 0, "none", "10de", "2330"},
	            {"0000:04:00.0", "0000:02:01.0", "endpoint", 0, "none", "10de", "2330"});
	assert_told("0 1 2 3 2 3",
	            {"0000:00:01.0", "none", "root-port", 0, PORT_ACS, "8086", "352a"},
	            {"0000:01:00.0", "0000:00:01.0", "upstream", 0, "none", "1000", "c030"},
	            {"0000:02:00.0", "0000:01:00.0", "downstream", 0, "none", "1000", "c030"},
	            {"0000:02:01.0", "0000:01:00.0", "downstream", 0, "none", "1000", "c030"},
	            {"0000:03:00.0", "0000:02:00.0", "endpoint", 0, "none", "10de", "2330"},
	            {"0000:04:00.0", "0000:02:01.0", "endpoint", 0, "none", "10de", "2330"});
}

/* Behind a conventional bridge all speak in its name. */
static void test_conventional_bridge(void **state HP_UNUSED)
{
	assert_told("0 1 1 1", {"0000:00:1c.0", "none", "root-port", 0, PORT_ACS, "8086", "1111"},
	            {"0000:01:00.0", "0000:00:1c.0", "pcie-to-pci", 0, "none", "1b21", "1080"},
	            {"0000:02:00.0", "0000:01:00.0", "conventional", 0, "none", "1102", "0002"},
	            {"0000:02:01.0", "0000:01:00.0", "conventional", 0, "none", "1102", "0002"});
}

/* Functions of one slot: a capability without controls says that there is nothing to control. */
static void test_empty_acs(void **state HP_UNUSED)
{
	assert_told("0 1 2", {"0000:00:01.0", "none", "root-port", 0, PORT_ACS, "8086", "352a"},
	            {"0000:01:00.0", "0000:00:01.0", "endpoint", 1, "empty", "15b3", "101d"},
	            {"0000:01:00.1", "0000:00:01.0", "endpoint", 1, "empty", "15b3", "101d"});
}

/* What is not known is not guessed, and spreads to what depends on it, no farther. */
static void test_unknown(void **state HP_UNUSED)
{
	assert_told("0 ? 1 2", {"0000:00:01.0", "none", "-", 0, NULL, "1022", "1453"},
	            {"0000:01:00.0", "0000:00:01.0", "endpoint", 0, "none", "10de", "2330"},
	            {"0000:40:01.0", "none", "root-port", 0, PORT_ACS, "1022", "1483"},
	            {"0000:41:00.0", "0000:40:01.0", "endpoint", 0, "none", "10de", "2330"});
	assert_told("?", {"0000:01:00.0", NULL, "endpoint", 0, "none", "10de", "2330"});
	assert_told("?", {"0000:01:00.0", "0000:00:01.0", "endpoint", 0, "none", "10de", "2330"});
	assert_told("?", {"10000:01:00.0", "none", "endpoint", 0, "none", "144d", "a80a"});
}

// -- quirks --

static struct hp_facts *integrated(void)
{
	static const struct told told[] = {
	    {"0000:00:04.0", "none", "root-complex-endpoint", 1, "none", "8086", "2f20"},
	    {"0000:00:04.1", "none", "root-complex-endpoint", 1, "none", "8086", "2f21"},
	};
	struct hp_facts *facts = new_facts();
	for (size_t i = 0; i < HP_COUNT(told); i++)
		tell(facts, &told[i]);
	return facts;
}

static void put_release(struct hp_facts *facts, const char *release)
{
	struct hp_row row = hp_row_begin(facts, HP_TBL_KERNEL);
	hp_row_text(&row, HP_KERNEL_RELEASE, release);
	assert_int_equal(hp_row_put(&row, NULL), 0);
}

/* Intel's integrated endpoints: since Linux 5.8, taken for granted where the release is unknown. */
static void test_quirk_since(void **state HP_UNUSED)
{
	struct hp_facts *facts = integrated();
	assert_groups(facts, true, "0 1");
	put_release(facts, "5.4.0-216-generic");
	assert_groups(facts, true, "0 0");
	put_release(facts, "5.15.0-25-generic");
	assert_groups(facts, true, "0 1");
	hp_facts_free(facts);
}

static void test_quirk_names(void **state HP_UNUSED)
{
	struct hp_facts *facts = integrated();
	struct hp_groups groups;
	assert_int_equal(hp_groups_predict(facts, "h", true, &groups, NULL), 0);
	assert_string_equal(groups.members[0].quirk, "pci_quirk_rciep_acs");
	hp_groups_free(&groups);
	hp_facts_free(facts);
}

/* A southbridge's functions isolate only beside an AMD IOMMU. */
static void test_quirk_needs(void **state HP_UNUSED)
{
	static const struct told told[] = {
	    {"0000:00:14.0", "none", "conventional", 1, "none", "1002", "4385"},
	    {"0000:00:14.2", "none", "conventional", 1, "none", "1002", "4383"},
	};
	struct hp_facts *facts = new_facts();
	for (size_t i = 0; i < HP_COUNT(told); i++)
		tell(facts, &told[i]);
	assert_groups(facts, true, "? ?");
	run(facts, "INSERT INTO iommu (host, firmware_table) VALUES ('h', 'DMAR')");
	assert_groups(facts, true, "0 0");
	run(facts, "UPDATE iommu SET firmware_table = 'IVRS'");
	assert_groups(facts, true, "0 1");
	hp_facts_free(facts);
}

/* A SATA controller that sends in the name of function 1. */
static void test_alias(void **state HP_UNUSED)
{
	assert_told("0 1 1", {"0000:00:1c.0", "none", "root-port", 0, PORT_ACS, "8086", "1111"},
	            {"0000:01:00.0", "0000:00:1c.0", "endpoint", 1, "empty", "1b4b", "9230"},
	            {"0000:01:00.1", "0000:00:1c.0", "endpoint", 1, "empty", "1b4b", "91a4"});
}

// -- options of the kernel --

static struct hp_facts *port_and_gpu(const char *option, const char *value)
{
	static const struct told told[] = {
	    {"0000:00:01.0", "none", "root-port", 0, PORT_ACS, "8086", "2f08"},
	    {"0000:01:00.0", "0000:00:01.0", "endpoint", 0, "none", "10de", "2330"},
	};
	struct hp_facts *facts = new_facts();
	for (size_t i = 0; i < HP_COUNT(told); i++)
		tell(facts, &told[i]);
	hp_cleanup_free char *sql =
	    hp_asprintf("INSERT INTO cmdline_option (host, which, position, name, "
	                "value) VALUES ('h', 'running', 0, '%s', '%s')",
	                option, value);
	run(facts, sql);
	return facts;
}

static void test_options(void **state HP_UNUSED)
{
	static const struct {
		const char *option, *value, *groups;
	} cases[] = {
	    {"quiet", "none", "0 1"},
	    {"pci", "noats,disable_acs_redir=0000:00:01.0", "0 0"},
	    {"pci", "disable_acs_redir=01:00.0;pci:8086:2f08", "0 0"},
	    {"pci", "disable_acs_redir=00:02.0", "0 1"},
	    {"pci", "disable_acs_redir=00:1c.0/00.0", "0 ?"},
	    {"pci", "config_acs=xx000xx@pci:0:0", "0 ?"},
	};
	for (size_t i = 0; i < HP_COUNT(cases); i++) {
		struct hp_facts *facts = port_and_gpu(cases[i].option, cases[i].value);
		assert_groups(facts, true, cases[i].groups);
		hp_facts_free(facts);
	}
}

/* The override is a patch that a kernel has or not: what it would change cannot be told. */
static void test_override(void **state HP_UNUSED)
{
	struct hp_facts *facts = port_and_gpu("pcie_acs_override", "downstream");
	assert_groups(facts, true, "0 1");
	run(facts, "UPDATE pci_function SET acs_capable = 'none'");
	assert_groups(facts, true, "0 ?");
	hp_facts_free(facts);
}

/* With the IOMMU on, what is enabled counts. */
static void test_enabled(void **state HP_UNUSED)
{
	struct hp_facts *facts = port_and_gpu("quiet", "none");
	assert_groups(facts, false, "0 0");
	run(facts,
	    "UPDATE pci_function SET acs_enabled = 'SV+RR+CR+UF' WHERE port_type = 'root-port'");
	assert_groups(facts, false, "0 1");
	hp_facts_free(facts);
}

// -- deriving --

static void test_only_where_none_shows(void **state HP_UNUSED)
{
	static const char origin[] =
	    "SELECT group_concat(iommu_group || coalesce(iommu_group_origin, '-')) "
	    "FROM (SELECT * FROM pci_function ORDER BY address)";
	struct hp_facts *facts = port_and_gpu("quiet", "none");
	assert_int_equal(hp_facts_predict_groups(facts, NULL), 0);
	assert_fact(facts, origin, "none-,none-"); // nobody said that the IOMMU is off
	run(facts, "INSERT INTO iommu (host, state) VALUES ('h', 'off')");
	assert_int_equal(hp_facts_predict_groups(facts, NULL), 0);
	assert_fact(facts, origin, "none-,none-"); // nor that these are all functions
	hp_facts_observed(facts, HP_TBL_PCI_FUNCTION, "", "complete", NULL);
	assert_int_equal(hp_facts_predict_groups(facts, NULL), 0);
	assert_fact(facts, origin, "0predicted,1predicted");
	run(facts, "UPDATE pci_function SET iommu_group = '7', iommu_group_origin = 'observed'");
	assert_int_equal(hp_facts_predict_groups(facts, NULL), 0);
	assert_fact(facts, origin, "7observed,7observed");
	hp_facts_free(facts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_gpu_and_audio), cmocka_unit_test(test_ports_of_one_slot),
	    cmocka_unit_test(test_switch),        cmocka_unit_test(test_conventional_bridge),
	    cmocka_unit_test(test_empty_acs),     cmocka_unit_test(test_unknown),
	    cmocka_unit_test(test_quirk_since),   cmocka_unit_test(test_quirk_names),
	    cmocka_unit_test(test_quirk_needs),   cmocka_unit_test(test_alias),
	    cmocka_unit_test(test_options),       cmocka_unit_test(test_override),
	    cmocka_unit_test(test_enabled),       cmocka_unit_test(test_only_where_none_shows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
