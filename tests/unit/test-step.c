// Steps, and the kinds against trees of files. SPDX-License-Identifier: Apache-2.0
#include "tree.h"

#include "base/cleanup.h"
#include "step/kinds.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct hp_host_options level_1 = {.level = 1};

/* A host of files, and a kernel that is only told. */
struct place {
	struct tree tree;
	struct hp_host *host;
	struct hp_text told;
};

static int make_place(void **state)
{
	struct place *place = hp_calloc(1, sizeof(*place));
	tree_make(&place->tree);
	tree_put(&place->tree, "/etc/hostname", "there\n");
	tree_put(&place->tree, "/sys/bus/pci/drivers_probe", "");
	tree_put(&place->tree, "/proc/modules", "");
	assert_int_equal(hp_host_open_root(place->tree.path, &level_1, &place->host, NULL), 0);
	*state = place;
	return 0;
}

static int free_place(void **state)
{
	struct place *place = *state;
	hp_host_close(place->host);
	tree_remove(&place->tree);
	hp_text_free(&place->told);
	free(place);
	return 0;
}

static json_t *parse(const char *text)
{
	json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
	if (!json)
		fail_msg("no JSON: %s", text);
	return json;
}

static void assert_json(json_t *json, const char *expected)
{
	json_t *other = parse(expected);
	char *text = json_dumps(json, JSON_ENCODE_ANY | JSON_SORT_KEYS);
	if (!json_equal(json, other))
		fail_msg("%s, not %s", text, expected);
	free(text);
	json_decref(other);
	json_decref(json);
}

static json_t *read_state(struct place *place, const struct hp_kind *kind, const char *subject)
{
	struct hp_error err = {0};
	json_t *state = NULL;
	if (kind->read(place->host, subject, &state, &err) < 0)
		fail_msg("%s", err.message);
	return state;
}

/* What `word` asks for; NULL where it is refused. */
static json_t *want(struct place *place, const struct hp_kind *kind, const char *subject,
                    const char *word)
{
	json_t *before = read_state(place, kind, subject), *after = NULL;
	struct hp_error err = {0};
	int r = kind->want(place->host, subject, word, before, &after, &err);
	json_decref(before);
	assert_true(r == 0 || *err.message);
	return r < 0 ? NULL : after;
}

static void note(void *data, enum hp_change_what what HP_UNUSED, const char *path, const char *text)
{
	struct place *place = data;
	hp_text_printf(&place->told, "%s < %s\n", path, text);
}

/* Asserts what a write tells the kernel. */
static void assert_write(struct place *place, const struct hp_kind *kind, const char *subject,
                         const char *after, const char *expected)
{
	struct hp_error err = {0};
	json_t *to = parse(after), *before = read_state(place, kind, subject);
	hp_text_free(&place->told);
	hp_host_rehearse(place->host, note, place);
	if (kind->write(place->host, subject, before, to, &err) < 0)
		fail_msg("%s", err.message);
	hp_host_rehearse(place->host, NULL, NULL);
	assert_string_equal(hp_text_get(&place->told), expected);
	json_decref(to);
	json_decref(before);
}

/* The obstacles, one a line. */
static void assert_obstacles(struct place *place, const struct hp_kind *kind, const char *subject,
                             const char *after, const char *expected)
{
	struct hp_error err = {0};
	hp_cleanup_text struct hp_text text = {0};
	struct hp_obstacles found = {0};
	json_t *to = parse(after), *before = read_state(place, kind, subject);
	if (kind->obstacles(place->host, subject, before, to, &found, &err) < 0)
		fail_msg("%s", err.message);
	for (size_t i = 0; i < found.count; i++)
		hp_text_printf(&text, "%s %s: %s\n", hp_obstacle_name(found.items[i].kind),
		               found.items[i].subject, found.items[i].text);
	assert_string_equal(hp_text_get(&text), expected);
	hp_obstacles_free(&found);
	json_decref(to);
	json_decref(before);
}

static void test_steps_are_json(void **state HP_UNUSED)
{
	static const char text[] = "{\"kind\": \"hugepages\", \"subject\": \"2048kB\", \"before\": "
				   "{\"pages\": 0}, \"after\": {\"pages\": 8}, \"why\": \"x\"}";
	struct hp_step step;
	struct hp_error err = {0};
	hp_cleanup_text struct hp_text words = {0};
	json_t *json = parse(text);
	assert_int_equal(hp_step_parse(json, "plan", &step, &err), 0);
	json_decref(json);
	hp_step_tell(&step, &words);
	assert_string_equal(hp_text_get(&words), "hugepages 2048kB: 0 pages -> 8 pages");
	assert_json(
	    hp_step_json(&step),
	    "{\"kind\": \"hugepages\", \"subject\": \"2048kB\", \"before\": {\"pages\": 0}, "
	    "\"after\": {\"pages\": 8}, \"why\": \"x\", \"effect\": \"now\", \"undo\": "
	    "\"exact\", \"words\": \"hugepages 2048kB: 0 pages -> 8 pages\"}");
	hp_step_finish(&step);
}

static void test_steps_that_make_no_sense(void **state HP_UNUSED)
{
	static const struct {
		const char *json, *message;
	} rows[] = {
	    {"[]", "plan: a step is an object"},
	    {"{}", "plan: \"kind\": expected a string"},
	    {"{\"kind\": \"module\"}", "plan: \"subject\": expected a string"},
	    {"{\"kind\": \"none\", \"subject\": \"\"}",
	     "plan: there is no kind of step 'none'; there are: "},
	    {"{\"kind\": \"module\", \"subject\": \"x\", \"before\": {}}",
	     "plan: \"after\": expected a state"},
	};
	for (size_t i = 0; i < HP_COUNT(rows); i++) {
		struct hp_step step;
		struct hp_error err = {0};
		json_t *json = parse(rows[i].json);
		assert_int_equal(hp_step_parse(json, "plan", &step, &err), -EINVAL);
		assert_non_null(strstr(err.message, rows[i].message));
		json_decref(json);
	}
}

static void test_files_are_states(void **state)
{
	struct place *place = *state;
	hp_cleanup_file_state struct hp_file file = {0}, back = {0};
	json_t *json = NULL;
	assert_int_equal(hp_host_read_file(place->host, "/etc/hostname", &file, NULL), 0);
	file.mode = 0640;
	file.uid = file.gid = 7;
	assert_int_equal(hp_file_state(&file, "f", &json, NULL), 0);
	hp_state_file(json, &back);
	assert_true(hp_state_has_file(json));
	assert_string_equal(back.content, "there\n");
	assert_json(json, "{\"content\": \"there\\n\", \"mode\": 416, \"uid\": 7, \"gid\": 7}");
	const struct hp_file none = {.missing = 2},
			     bytes = {.content = (char *)"\xff", .length = 1};
	assert_int_equal(hp_file_state(&none, "f", &json, NULL), 0);
	assert_false(hp_state_has_file(json));
	assert_json(json, "{\"missing\": 2}");
	assert_int_equal(hp_file_state(&bytes, "f", &json, NULL), -EILSEQ);
}

#define POOL "/sys/kernel/mm/hugepages/hugepages-2048kB"
#define NODE "/sys/devices/system/node/node1/hugepages/hugepages-1048576kB"

static void test_hugepages(void **state)
{
	struct place *place = *state;
	const struct hp_kind *kind = &hp_kind_hugepages;
	tree_put(&place->tree, POOL "/nr_hugepages", "8\n");
	tree_put(&place->tree, POOL "/free_hugepages", "2\n");
	tree_put(&place->tree, NODE "/nr_hugepages", "0\n");
	tree_put(&place->tree, NODE "/free_hugepages", "0\n");
	tree_put(&place->tree, "/proc/meminfo", "MemTotal: 9000000 kB\nMemAvailable: 2097152 kB\n");
	tree_put(&place->tree, "/sys/devices/system/node/node1/meminfo",
	         "Node 1 MemFree:        1048576 kB\n");
	assert_json(read_state(place, kind, "2048kB"), "{\"pages\": 8}");
	assert_json(read_state(place, kind, "node1:1048576kB"), "{\"pages\": 0}");
	assert_json(read_state(place, kind, "node0:2048kB"), "\"absent\"");
	assert_json(want(place, kind, "2048kB", "512"), "{\"pages\": 512}");
	assert_json(want(place, kind, "2048kB", ">=4"), "{\"pages\": 8}");
	assert_json(want(place, kind, "2048kB", ">=1G"), "{\"pages\": 512}");
	assert_json(want(place, kind, "node1:1048576kB", "1G"), "{\"pages\": 1}");
	assert_null(want(place, kind, "2048kB", "many"));
	assert_write(place, kind, "node1:1048576kB", "{\"pages\": 1}", NODE "/nr_hugepages < 1\n");
	assert_obstacles(place, kind, "2048kB", "{\"pages\": 6}", "");
	assert_obstacles(place, kind, "2048kB", "{\"pages\": 5}",
	                 "holder 2048kB: 6 huge pages are in use\n");
	assert_obstacles(place, kind, "2048kB", "{\"pages\": 1033}",
	                 "broken 2048kB: 1025 more huge pages of 2048 kB do not fit: 2 GiB are "
	                 "free\n");
	assert_obstacles(place, kind, "node1:1048576kB", "{\"pages\": 1}", "");
	assert_obstacles(place, kind, "node1:1048576kB", "{\"pages\": 2}",
	                 "broken node1:1048576kB: 2 more huge pages of 1048576 kB do not fit: 1 "
	                 "GiB are free\n");
	json_t *none;
	assert_int_equal(kind->read(place->host, "4k", &none, NULL), -EINVAL);
}

static void put_modules(struct place *place)
{
	tree_put(&place->tree, "/proc/sys/kernel/osrelease", "6.1.0\n");
	tree_put(&place->tree, "/lib/modules/6.1.0/modules.dep",
	         "kernel/vfio.ko.xz:\n"
	         "kernel/vfio_iommu_type1.ko: kernel/vfio.ko.xz\n"
	         "kernel/irqbypass.ko:\n"
	         "kernel/vfio-pci-core.ko: kernel/vfio.ko.xz kernel/irqbypass.ko\n"
	         "kernel/vfio-pci.ko: kernel/vfio-pci-core.ko kernel/vfio.ko.xz "
	         "kernel/irqbypass.ko\n");
	tree_put(&place->tree, "/lib/modules/6.1.0/modules.softdep",
	         "# comment\nsoftdep vfio post: vfio_iommu_type1\n");
	tree_put(&place->tree, "/lib/modules/6.1.0/modules.builtin", "kernel/pci-stub.ko\n");
	tree_put(&place->tree, "/proc/modules", "irqbypass 16384 1 kvm, Live 0x0\n");
}

#define COMPANY "\"irqbypass\", \"vfio\", \"vfio_iommu_type1\", \"vfio_pci_core\""

static void test_modules(void **state)
{
	struct place *place = *state;
	const struct hp_kind *kind = &hp_kind_module;
	put_modules(place);
	assert_json(read_state(place, kind, "vfio-pci"),
	            "{\"loaded\": false, \"with\": [\"irqbypass\"]}");
	assert_json(read_state(place, kind, "pci_stub"), "{\"loaded\": true, \"with\": []}");
	assert_json(want(place, kind, "vfio_pci", "loaded"),
	            "{\"loaded\": true, \"with\": [" COMPANY "]}");
	assert_json(want(place, kind, "vfio_pci", "unloaded"),
	            "{\"loaded\": false, \"with\": [\"irqbypass\"]}");
	assert_null(want(place, kind, "vfio_pci", "on"));
	assert_write(place, kind, "vfio_pci", "{\"loaded\": true, \"with\": [" COMPANY "]}",
	             "modprobe < modprobe vfio_pci\n");
}

/* Undo unloads what came along, and nothing that was there before. */
static void test_modules_go_as_they_came(void **state)
{
	struct place *place = *state;
	const struct hp_kind *kind = &hp_kind_module;
	static const char before[] = "{\"loaded\": false, \"with\": [\"irqbypass\"]}";
	put_modules(place);
	tree_put(&place->tree, "/proc/modules",
	         "vfio_pci 1 0 - Live 0x0\nvfio_pci_core 1 1 vfio_pci, Live 0x0\n"
	         "vfio_iommu_type1 1 0 - Live 0x0\nvfio 1 2 x, Live 0x0\nirqbypass 1 1 kvm,\n");
	assert_write(place, kind, "vfio_pci", before,
	             "rmmod < rmmod vfio_pci\nrmmod < rmmod vfio\nrmmod < rmmod "
	             "vfio_iommu_type1\nrmmod < rmmod vfio_pci_core\n");
	hp_cleanup_text struct hp_text note_ = {0};
	json_t *wanted = parse(before);
	json_t *found = parse("{\"loaded\": false, \"with\": [\"irqbypass\", \"vfio\"]}");
	assert_true(kind->same("vfio_pci", wanted, found, &note_));
	assert_string_equal(hp_text_get(&note_),
	                    "module vfio, loaded along with vfio_pci, stays: it is in use\n");
	json_object_set_new(found, "loaded", json_true());
	assert_false(kind->same("vfio_pci", wanted, found, NULL));
	json_decref(wanted);
	json_decref(found);
}

int main(void)
{
#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, free_place)
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_steps_are_json),
	    cmocka_unit_test(test_steps_that_make_no_sense),
	    IN_PLACE(test_files_are_states),
	    IN_PLACE(test_hugepages),
	    IN_PLACE(test_modules),
	    IN_PLACE(test_modules_go_as_they_came),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
