// Tests of the store of facts, its JSON and what is derived. SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "base/database.h"
#include "base/text.h"
#include "facts/assume.h"
#include "facts/cmdline.h"
#include "facts/derive.h"
#include "facts/diff.h"
#include "facts/facts.h"

#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct hp_facts *new_facts(void)
{
	struct hp_facts *facts = NULL;
	assert_int_equal(hp_facts_new(&facts, NULL), 0);
	return facts;
}

static void collect(void *data, const char *message)
{
	hp_text_printf(data, "%s\n", message);
}

static int import(struct hp_facts *facts, const char *text, struct hp_text *complaints)
{
	struct hp_error err = {0};
	int code = hp_facts_import(facts, "t.json", text, strlen(text), collect, complaints, &err);
	if (code < 0)
		hp_text_puts(complaints, err.message);
	return code;
}

static char *value(struct hp_facts *facts, const char *sql)
{
	hp_cleanup_statement sqlite3_stmt *statement = NULL;
	struct hp_error err = {0};
	if (hp_db_prepare(hp_facts_db(facts), sql, &statement, &err))
		fail_msg("%s", err.message);
	if (hp_db_step(statement, &err) != 1 || !hp_db_text(statement, 0))
		return NULL;
	return hp_strdup(hp_db_text(statement, 0));
}

#define assert_value(facts, sql, expected)                                                         \
	do {                                                                                       \
		hp_cleanup_free char *value_ = value(facts, sql);                                  \
		assert_non_null(value_);                                                           \
		assert_string_equal(value_, expected);                                             \
	} while (0)

static const char small[] =
    "{\"schema\": \"happypath.facts/1\", \"host\": \"h\", \"facts\": {\n"
    " \"kernel\": {\"release\": \"6.8.0-39-generic\", \"cmdline\": \"ro "
    "vfio-pci.ids=10de:2330,10de:22a3\"},\n"
    " \"pci_function\": [{\"address\": \"01:00.0\", \"vendor\": \"0x10DE\", \"device\": \"2330\", "
    "\"iommu_group\": 12},\n"
    "  {\"address\": \"00000000:01:00.1\", \"class\": \"0403\", \"iommu_group\": \"12\"}],\n"
    " \"software\": [{\"name\": \"qemu\", \"version\": \"7.2.22\"}]},\n"
    " \"observed\": {\"holder\": {\"01:00.0\": \"complete\"}}}";

static void json_is_read(void **state HP_UNUSED)
{
	struct hp_facts *facts = new_facts();
	struct hp_text complaints = {0};
	assert_int_equal(import(facts, small, &complaints), 0);
	assert_value(facts, "SELECT vendor FROM pci_function WHERE address = '0000:01:00.0'",
	             "10de");
	assert_value(facts, "SELECT class FROM pci_function WHERE address = '0000:01:00.1'",
	             "040300");
	assert_value(facts, "SELECT iommu_group FROM pci_function WHERE device = '2330'", "12");
	assert_value(facts, "SELECT release_key FROM kernel", "0000000006.0000000008+");
	assert_value(facts,
	             "SELECT state FROM observed WHERE tbl = 'pci_function' AND subject = ''",
	             "complete");
	assert_value(facts,
	             "SELECT state FROM observed WHERE tbl = 'software' AND subject = 'qemu'",
	             "complete");
	assert_value(facts,
	             "SELECT state FROM observed WHERE tbl = 'holder' AND subject = '0000:01:00.0'",
	             "complete");
	assert_value(facts, "SELECT COUNT(*) FROM observed WHERE tbl = 'iommu'", "0");
	hp_text_free(&complaints);
	hp_facts_free(facts);
}

static void json_comes_back_the_same(void **state HP_UNUSED)
{
	struct hp_facts *facts = new_facts(), *again = new_facts();
	struct hp_text complaints = {0};
	assert_int_equal(import(facts, small, &complaints), 0);
	hp_facts_gap(facts, "permission", "/dev/kmsg", "needs root");
	json_t *first = hp_facts_export(facts, "h", NULL);
	hp_cleanup_free char *text = json_dumps(first, JSON_SORT_KEYS | JSON_INDENT(1));
	assert_int_equal(import(again, text, &complaints), 0);
	json_t *second = hp_facts_export(again, "h", NULL);
	hp_cleanup_free char *text2 = json_dumps(second, JSON_SORT_KEYS | JSON_INDENT(1));
	assert_string_equal(text, text2);
	assert_non_null(strstr(text, "needs root"));
	json_decref(first);
	json_decref(second);
	hp_text_free(&complaints);
	hp_facts_free(facts);
	hp_facts_free(again);
}

static void bad_json_is_refused_piece_by_piece(void **state HP_UNUSED)
{
	static const char text[] =
	    "{\"schema\": \"happypath.facts/1\", \"facts\": {\n"
	    " \"nonsense\": [],\n"
	    " \"accelerator\": [],\n"
	    " \"pci_function\": [\n"
	    "  {\"address\": \"01:00.0\", \"numa_node\": \"one\",\n"
	    "   \"vendro\": \"10de\", \"driver\": \"nvidia\"},\n"
	    "  {\"address\": \"41:00.9\"},\n"
	    "  {\"driver\": \"x\"}, 7],\n"
	    " \"machine\": {\"hypervisor\": \"bochs\", \"root\": 2, \"product\": 1.5}}}";
	static const char *const expected[] = {
	    "t.json:2: nonsense: there is no such table",
	    "t.json:3: accelerator: is derived",
	    "t.json:5: pci_function.numa_node: expected a whole number",
	    "t.json:6: pci_function.vendro: there is no such column",
	    "t.json:7: pci_function.address: \"41:00.9\" is no PCI address",
	    "t.json:8: pci_function: row 3 lacks \"address\"",
	    "t.json:8: pci_function: row 4: expected an object",
	    "machine.hypervisor: \"bochs\" is not one of: none|kvm|",
	    "machine.root: expected 0 or 1",
	    "machine.product: expected text: put it in quotes",
	};
	struct hp_facts *facts = new_facts();
	struct hp_text complaints = {0};
	assert_true(import(facts, text, &complaints) >= (int)HP_COUNT(expected));
	for (size_t i = 0; i < HP_COUNT(expected); i++)
		if (!strstr(complaints.data, expected[i]))
			fail_msg("expected \"%s\" in:\n%s", expected[i], complaints.data);
	assert_value(facts, "SELECT driver FROM pci_function WHERE address = '0000:01:00.0'",
	             "nvidia");
	hp_text_free(&complaints);
	hp_facts_free(facts);
}

static void no_facts_file_is_an_error(void **state HP_UNUSED)
{
	static const char *const texts[] = {"", "{", "[]", "{\"schema\": \"x\"}",
	                                    "{\"schema\": \"happypath.facts/1\", \"facts\": 1}"};
	for (size_t i = 0; i < HP_COUNT(texts); i++) {
		struct hp_facts *facts = new_facts();
		struct hp_text complaints = {0};
		assert_true(import(facts, texts[i], &complaints) < 0);
		assert_non_null(strstr(complaints.data, "t.json"));
		hp_text_free(&complaints);
		hp_facts_free(facts);
	}
}

static void origin_comes_from_the_column_or_the_word(void **state HP_UNUSED)
{
	struct hp_facts *facts = new_facts();
	struct hp_text complaints = {0};
	assert_int_equal(import(facts, small, &complaints), 0);
	hp_cleanup_free char *path =
	    hp_facts_where(facts, "h", HP_TBL_PCI_FUNCTION, "0000:01:00.0", HP_PCI_FUNCTION_DRIVER);
	assert_string_equal(path, "/sys/bus/pci/devices/0000:01:00.0/driver");
	hp_facts_origin(facts, HP_TBL_PCI_FUNCTION, "0000:01:00.0", "", "assumed", NULL);
	hp_cleanup_free char *word =
	    hp_facts_where(facts, "h", HP_TBL_PCI_FUNCTION, "0000:01:00.0", HP_PCI_FUNCTION_DRIVER);
	assert_string_equal(word, "assumed");
	hp_cleanup_free char *headers =
	    hp_facts_where(facts, "h", HP_TBL_KERNEL, "", HP_KERNEL_HEADERS_INSTALLED);
	assert_string_equal(headers, "/lib/modules/6.8.0-39-generic/build");
	hp_text_free(&complaints);
	hp_facts_free(facts);
}

static void add(void *data, const char *name, const char *option)
{
	hp_text_printf(data, "[%s|%s]", name, option ? option : "-");
}

static void cmdlines_are_parsed_as_the_kernel_does(void **state HP_UNUSED)
{
	static const struct {
		const char *text, *options;
	} rows[] = {
	    {"", ""},
	    {"  quiet  ro ", "[quiet|-][ro|-]"},
	    {"vfio-pci.ids=10de:2330 a=\"b c\" d", "[vfio_pci.ids|10de:2330][a|b c][d|-]"},
	    {"\"dyndbg=file x.c +p\" e=", "[dyndbg|file x.c +p][e|]"},
	    {"a -- b", "[a|-]"},
	    {"x=\"open", "[x|open]"},
	    {"\"", ""},
	};
	for (size_t i = 0; i < HP_COUNT(rows); i++) {
		struct hp_text options = {0};
		hp_cmdline_parse(rows[i].text, add, &options);
		assert_string_equal(hp_text_get(&options), rows[i].options);
		hp_text_free(&options);
	}
}

/* The few rows of knowledge that deriving needs. */
static const char matrices[] =
    "CREATE TABLE accelerator_model (vendor, device, subsystem, kind, is_vf, name, model, "
    "generation, chip, segment, "
    "mig, vgpu, vgpu_needs_mig, open_module, first_driver, first_driver_key, last_driver, "
    "last_driver_key, nvswitch, "
    "confidential, reset_bug);"
    "INSERT INTO accelerator_model (vendor, device, subsystem, kind, is_vf, name, model, "
    "generation) VALUES "
    "('10de', '2330', '', 'gpu', 0, 'H100 SXM5 80GB', 'H100', 'hopper');"
    "CREATE TABLE accelerator_class (vendor, class_prefix, kind);"
    "INSERT INTO accelerator_class VALUES ('10de', '0302', 'gpu');"
    "CREATE TABLE fabric_device (vendor, device_first, device_last, kind);"
    "INSERT INTO fabric_device VALUES ('10de', '22a0', '22a7', 'nvswitch');"
    "CREATE TABLE regression (name, since_key, until_key);"
    "INSERT INTO regression VALUES"
    " ('nvidia-driver', '0000000570.0000000001', '0000000570.0000000020'),"
    " ('docker', '0000000027', '0000000028'), ('podman', '0000000005', NULL),"
    " ('linux', '0000000006.0000000009', NULL);"
    "CREATE TABLE kernel_message_pattern (position, kind, pattern);"
    "INSERT INTO kernel_message_pattern VALUES (1, 'rmrr-ineligible', 'ineligible for IOMMU domain "
    "attach');";

static void tables_are_derived(void **state HP_UNUSED)
{
	static const char text[] =
	    "{\"schema\": \"happypath.facts/1\", \"host\": \"h\", \"facts\": {"
	    "\"nvidia_driver\": {\"loaded_version\": \"570.10\"},"
	    "\"software\": [{\"name\": \"docker\", \"version\": \"28.1\"}, "
	    "{\"name\": \"podman\"}],"
	    "\"kernel\": {\"cmdline\": \"vfio-pci.ids=10de:2330\", \"release\": \"6.8.12\"},"
	    "\"kernel_message\": [{\"message\": \"vfio-pci 0000:01:00.1: DMAR: Device is "
	    "ineligible for IOMMU domain "
	    "attach due to platform RMRR requirement\"}, {\"message\": \"usb 1-2: new device\"}],"
	    "\"pci_bar\": [{\"address\": \"01:00.0\", \"kind\": \"bar\", \"bar\": 0, "
	    "\"size_bytes\": 16777216, \"bits64\": 0,"
	    " \"assigned\": 1}, {\"address\": \"01:00.0\", \"kind\": \"bar\", \"bar\": 1, "
	    "\"size_bytes\": 137438953472,"
	    " \"bits64\": 1, \"assigned\": 0},"
	    /* A VF's BAR that nobody sized says nothing of the board's own. */
	    "{\"address\": \"01:00.0\", \"kind\": \"vf-bar\", \"bar\": 0}],"
	    "\"pci_function\": ["
	    "{\"address\": \"00:01.0\", \"class\": \"0604\", \"driver\": \"pcieport\", "
	    "\"iommu_group\": \"1\", \"parent\": \"none\"},"
	    "{\"address\": \"01:00.0\", \"vendor\": \"10de\", \"device\": \"2330\", \"driver\": "
	    "\"vfio-pci\","
	    " \"iommu_group\": \"1\", \"parent\": \"00:01.0\"},"
	    "{\"address\": \"01:00.1\", \"class\": \"0403\", \"driver\": \"snd_hda_intel\", "
	    "\"iommu_group\": \"1\"},"
	    "{\"address\": \"02:00.0\", \"vendor\": \"10de\", \"device\": \"ffff\", \"class\": "
	    "\"0302\"},"
	    "{\"address\": \"02:00.4\", \"vendor\": \"10de\", \"device\": \"2330\", "
	    "\"physical_function\": \"01:00.0\"},"
	    "{\"address\": \"03:00.0\", \"vendor\": \"10de\", \"device\": \"22a3\", \"class\": "
	    "\"0680\"}]}}";
	struct hp_facts *facts = new_facts();
	struct hp_text complaints = {0};
	struct hp_error err = {0};
	assert_int_equal(hp_db_exec(hp_facts_db(facts), matrices, &err), 0);
	assert_int_equal(import(facts, text, &complaints), 0);
	if (hp_facts_derive(facts, &err))
		fail_msg("%s", err.message);
	assert_value(facts, "SELECT sorted_list(name) FROM suspect_release",
	             "nvidia-driver, podman");
	assert_value(facts,
	             "SELECT sorted_list(address || '=' || coalesce(model, '?') || '/' || is_vf) "
	             "FROM accelerator",
	             "0000:01:00.0=H100/0, 0000:02:00.0=?/0, 0000:02:00.4=H100/1");
	assert_value(facts, "SELECT ancestor FROM pci_ancestor WHERE address = '0000:01:00.0'",
	             "0000:00:01.0");
	assert_value(facts, "SELECT foreign_listing FROM iommu_group_member",
	             "0000:01:00.1 snd_hda_intel");
	assert_value(
	    facts,
	    "SELECT members || ' ' || endpoints || ' ' || foreign_bound FROM iommu_group_member",
	    "3 2 1");
	assert_value(facts,
	             "SELECT largest_bar_bytes || ' ' || bar_bytes_32 || ' ' || bars_unassigned "
	             "FROM accelerator "
	             "WHERE address = '0000:01:00.0'",
	             "137438953472 16777216 1");
	assert_value(facts, "SELECT nvswitches || ' ' || nvidia_accelerators FROM host_summary",
	             "1 2");
	assert_value(facts, "SELECT sorted_list(kind || ' ' || address) FROM kernel_message",
	             "other none, rmrr-ineligible 0000:01:00.1");
	assert_value(facts,
	             "SELECT source FROM stub_id WHERE device = '2330' AND driver = 'vfio_pci'",
	             "/proc/cmdline");
	/* Deriving again gives the same, not twice as much. */
	assert_int_equal(hp_facts_derive(facts, &err), 0);
	assert_value(facts, "SELECT COUNT(*) FROM accelerator", "3");
	hp_text_free(&complaints);
	hp_facts_free(facts);
}

static void note(void *data, const struct hp_difference *d)
{
	hp_text_printf(data, "%s[%s].%s: %s -> %s%s\n", d->table, d->key, d->column,
	               d->before ? d->before : "?", d->after ? d->after : "?",
	               d->incidental ? " (incidental)" : "");
}

static void differences_are_found(void **state HP_UNUSED)
{
	static const char before[] =
	    "{\"schema\": \"happypath.facts/1\", \"host\": \"a\", \"facts\": {"
	    "\"kernel\": {\"release\": \"6.8\"}, \"memory\": {\"hugepages_free\": 3},"
	    "\"pci_function\": [{\"address\": \"01:00.0\", \"driver\": \"nvidia\", "
	    "\"iommu_group\": \"7\"},"
	    " {\"address\": \"01:00.1\", \"iommu_group\": \"7\"}, {\"address\": \"02:00.0\"}]}}";
	static const char after[] =
	    "{\"schema\": \"happypath.facts/1\", \"host\": \"b\", \"facts\": {"
	    "\"kernel\": {\"release\": \"6.12\"}, \"memory\": {\"hugepages_free\": 2},"
	    "\"pci_function\": [{\"address\": \"01:00.0\", \"driver\": \"vfio-pci\", "
	    "\"iommu_group\": \"9\"},"
	    " {\"address\": \"01:00.1\", \"iommu_group\": \"9\"}, {\"address\": \"03:00.0\"}]}}";
	struct hp_facts *facts = new_facts();
	struct hp_text text = {0};
	assert_int_equal(import(facts, before, &text), 0);
	assert_int_equal(import(facts, after, &text), 0);
	assert_int_equal(hp_facts_diff(facts, "a", "b", note, &text, NULL), 5);
	assert_string_equal(text.data, "kernel[].release: 6.8 -> 6.12\n"
	                               "memory[].hugepages_free: 3 -> 2 (incidental)\n"
	                               "pci_function[0000:01:00.0].driver: nvidia -> vfio-pci\n"
	                               "pci_function[0000:02:00.0].: present -> ?\n"
	                               "pci_function[0000:03:00.0].: ? -> present\n");
	assert_int_equal(hp_facts_diff(facts, "a", "a", NULL, NULL, NULL), 0);
	hp_text_free(&text);
	hp_facts_free(facts);
}

static void assumptions_are_set(void **state HP_UNUSED)
{
	static const char *const assumptions[] = {"gpu=10de:26b9x2@10de:16a1",
	                                          "vmm=cloud-hypervisor@53.0",
	                                          "driver=580.65-open",
	                                          "kernel=6.8",
	                                          "vgpu-mode=vendor-vfio",
	                                          "guest-memory=512G",
	                                          "iommu=on",
	                                          "machine.product=R760xa",
	                                          "pci_function[11:00.0].driver=nvidia",
	                                          "setting[docker].value=x"};
	static const char *const values[][2] = {
	    {"SELECT sorted_list(address || vendor || device || vgpu_mode || subsystem_device) "
	     "FROM pci_function",
	     "0000:10:00.010de26b9vendor-vfio16a1, 0000:11:00.010de26b9vendor-vfio16a1"},
	    {"SELECT version FROM software WHERE name = 'cloud-hypervisor'", "53.0"},
	    {"SELECT vmm_version_key FROM intent", "0000000053+"},
	    {"SELECT guest_memory_bytes FROM intent", "549755813888"},
	    {"SELECT loaded_flavour || library_version FROM nvidia_driver", "open580.65"},
	    {"SELECT driver FROM pci_function WHERE address = '0000:11:00.0'", "nvidia"},
	    {"SELECT state FROM iommu", "on"},
	    {"SELECT source FROM origin WHERE tbl = 'machine' AND col = 'product'", "assumed"},
	    {"SELECT COUNT(*) FROM origin WHERE tbl = 'pci_function' AND col = 'vgpu_mode' AND "
	     "source = 'assumed'",
	     "2"},
	    {"SELECT state FROM observed WHERE tbl = 'software' AND subject = 'cloud-hypervisor'",
	     "complete"},
	    {"SELECT COUNT(*) FROM observed WHERE tbl = 'pci_function'", "0"},
	};
	struct hp_facts *facts = new_facts();
	for (size_t i = 0; i + 1 < HP_COUNT(assumptions); i++) {
		struct hp_error err = {0};
		if (hp_facts_assume(facts, assumptions[i], &err))
			fail_msg("%s", err.message);
	}
	for (size_t i = 0; i < HP_COUNT(values); i++)
		assert_value(facts, values[i][0], values[i][1]);
	hp_facts_free(facts);
}

static void bad_assumptions_are_refused(void **state HP_UNUSED)
{
	static const char *const rows[][2] = {
	    {"gpu", "expected KEY=VALUE"},
	    {"gpu=H100", "expected VENDOR:DEVICE"},
	    {"gpu=10de:2330x0", "expected VENDOR:DEVICE"},
	    {"gpu=10de:2330x65", "expected VENDOR:DEVICE"},
	    {"vgpu-mode=mdev", "no row yet"},
	    {"vgpu-mode=sriov", "is not one of: none|mdev|"},
	    {"iommu=maybe", "is not one of: on|off"},
	    {"driver=new", "expected a version"},
	    {"nonsense=1", "no such key"},
	    {"nonsense.x=1", "no table \"nonsense\""},
	    {"machine.colour=1", "no column \"colour\""},
	    {"accelerator.model=H100", "no table \"accelerator\""},
	    {"guest-memory=much", "expected a whole number, or a size"},
	    {"intent.uuid=perhaps", "expected 0 or 1"},
	};
	for (size_t i = 0; i < HP_COUNT(rows); i++) {
		struct hp_facts *facts = new_facts();
		struct hp_error err = {0};
		assert_true(hp_facts_assume(facts, rows[i][0], &err) < 0);
		if (!strstr(err.message, rows[i][1]) || !strstr(err.message, "--assume"))
			fail_msg("%s: expected \"%s\" in: %s", rows[i][0], rows[i][1], err.message);
		hp_facts_free(facts);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(json_is_read),
	    cmocka_unit_test(json_comes_back_the_same),
	    cmocka_unit_test(bad_json_is_refused_piece_by_piece),
	    cmocka_unit_test(no_facts_file_is_an_error),
	    cmocka_unit_test(origin_comes_from_the_column_or_the_word),
	    cmocka_unit_test(cmdlines_are_parsed_as_the_kernel_does),
	    cmocka_unit_test(tables_are_derived),
	    cmocka_unit_test(differences_are_found),
	    cmocka_unit_test(assumptions_are_set),
	    cmocka_unit_test(bad_assumptions_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
