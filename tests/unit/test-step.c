// Steps, and the kinds against trees of files. SPDX-License-Identifier: Apache-2.0
#include "tree.h"

#include "base/cleanup.h"
#include "step/kinds.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
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
	const struct hp_file cut = {.content = (char *)"a\0b", .length = 3};
	assert_int_equal(hp_file_state(&cut, "f", &json, NULL), -EILSEQ);
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

/* Undo unloads what came along and nobody uses, and nothing that was there before. */
static void test_modules_go_as_they_came(void **state)
{
	struct place *place = *state;
	const struct hp_kind *kind = &hp_kind_module;
	static const char before[] = "{\"loaded\": false, \"with\": [\"irqbypass\"]}";
	put_modules(place);
	tree_put(&place->tree, "/proc/modules",
	         "vfio_pci 1 0 - Live 0x0\nvfio_pci_core 1 0 - Live 0x0\n"
	         "vfio_iommu_type1 1 0 - Live 0x0\nvfio 1 2 x, Live 0x0\nirqbypass 1 1 kvm,\n");
	assert_write(place, kind, "vfio_pci", before,
	             "rmmod < rmmod vfio_pci\nrmmod < rmmod vfio_iommu_type1\n"
	             "rmmod < rmmod vfio_pci_core\n");
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

// == PCI functions

#define GPU    "/sys/bus/pci/devices/0000:01:00.0"
#define AUDIO  "/sys/bus/pci/devices/0000:01:00.1"
#define BRIDGE "/sys/bus/pci/devices/0000:00:01.0"

static void put_function(struct place *place, const char *directory, const char *class,
                         const char *driver)
{
	const struct tree *tree = &place->tree;
	hp_cleanup_free char *vendor = hp_asprintf("%s/vendor", directory);
	hp_cleanup_free char *class_path = hp_asprintf("%s/class", directory);
	hp_cleanup_free char *override = hp_asprintf("%s/driver_override", directory);
	hp_cleanup_free char *link = hp_asprintf("%s/driver", directory);
	hp_cleanup_free char *target = hp_asprintf("/sys/bus/pci/drivers/%s", driver);
	hp_cleanup_free char *unbind = hp_asprintf("/sys/bus/pci/drivers/%s/unbind", driver);
	hp_cleanup_free char *group = hp_asprintf("%s/iommu_group", directory);
	hp_cleanup_free char *member =
	    hp_asprintf("/sys/kernel/iommu_groups/7/devices%s", strrchr(directory, '/'));
	tree_put(tree, vendor, "0x10de\n");
	tree_put(tree, class_path, class);
	tree_put(tree, override, "(null)\n");
	tree_put_link(tree, group, "/sys/kernel/iommu_groups/7");
	tree_put_link(tree, member, directory);
	if (!*driver)
		return;
	tree_put_link(tree, link, target);
	tree_put(tree, unbind, "");
}

static void put_gpu(struct place *place, const char *driver)
{
	put_function(place, GPU, "0x030200\n", driver);
	tree_put(&place->tree, "/sys/bus/pci/drivers/vfio-pci/unbind", "");
}

#define VFIO   "{\"driver\": \"vfio-pci\", \"override\": \"vfio-pci\"}"
#define NVIDIA "{\"driver\": \"nvidia\", \"override\": null}"
#define NONE   "{\"driver\": null, \"override\": null}"

static void test_drivers(void **state)
{
	struct place *place = *state;
	const struct hp_kind *kind = &hp_kind_driver;
	put_gpu(place, "nvidia");
	assert_json(read_state(place, kind, "0000:01:00.0"), NVIDIA);
	assert_json(read_state(place, kind, "0000:02:00.0"), "\"absent\"");
	assert_json(want(place, kind, "0000:01:00.0", "vfio-pci"), VFIO);
	assert_json(want(place, kind, "0000:01:00.0", "vfio"), VFIO);
	assert_json(want(place, kind, "0000:01:00.0", "nvidia"), NVIDIA);
	assert_json(want(place, kind, "0000:01:00.0", "none"), NONE);
	assert_null(want(place, kind, "0000:01:00.0", "a/b"));
	assert_write(place, kind, "0000:01:00.0", VFIO,
	             GPU "/driver_override < vfio-pci\n\n"
	                 "/sys/bus/pci/drivers/nvidia/unbind < 0000:01:00.0\n"
	                 "/sys/bus/pci/drivers_probe < 0000:01:00.0\n");
	assert_write(place, kind, "0000:01:00.0", NVIDIA, "");
	assert_write(place, kind, "0000:01:00.0", NONE,
	             "/sys/bus/pci/drivers/nvidia/unbind < 0000:01:00.0\n");
	json_t *none;
	assert_int_equal(kind->read(place->host, "01:00.0", &none, NULL), -EINVAL);
}

/* The kernel takes the write and binds nothing, or the device is pulled: neither passes for done.
 */
static void test_drivers_that_do_not_take_it(void **state)
{
	struct place *place = *state;
	struct hp_error err = {0};
	json_t *from = parse(NONE), *to = parse(VFIO);
	hp_cleanup_free char *group = hp_asprintf("%s" GPU "/iommu_group", place->tree.path);
	put_gpu(place, "");
	assert_int_equal(hp_kind_driver.write(place->host, "0000:01:00.0", from, to, &err),
	                 -ENODEV);
	assert_non_null(strstr(err.message, "vfio-pci did not take 0000:01:00.0, which is with no "
	                                    "driver now: see the kernel's log"));
	assert_int_equal(unlink(group), 0);
	assert_int_equal(hp_kind_driver.write(place->host, "0000:01:00.0", from, to, &err),
	                 -ENODEV);
	assert_non_null(strstr(err.message, "it is in no IOMMU group, so the IOMMU is off"));
	assert_int_equal(hp_kind_driver.write(place->host, "0000:09:00.0", from, to, &err),
	                 -ENODEV);
	assert_non_null(strstr(err.message, "0000:09:00.0 is not there any more"));
	json_decref(from);
	json_decref(to);
}

/* A driver of its own gets the function for sure, and leaves no override behind. */
static void test_drivers_back(void **state)
{
	struct place *place = *state;
	put_gpu(place, "vfio-pci");
	tree_put(&place->tree, GPU "/driver_override", "vfio-pci\n");
	assert_write(place, &hp_kind_driver, "0000:01:00.0", NVIDIA,
	             "modprobe < modprobe nvidia\n" GPU "/driver_override < nvidia\n\n"
	             "/sys/bus/pci/drivers/vfio-pci/unbind < 0000:01:00.0\n"
	             "/sys/bus/pci/drivers_probe < 0000:01:00.0\n" GPU "/driver_override < \n\n");
}

static void test_variants_of_vfio(void **state)
{
	struct place *place = *state;
	put_gpu(place, "");
	tree_put(&place->tree, GPU "/modalias", "pci:v000010DEd00002342sv000010DEsd000016EBbc03\n");
	tree_put(&place->tree, "/proc/sys/kernel/osrelease", "6.12.0\n");
	tree_put(&place->tree, "/lib/modules/6.12.0/modules.alias",
	         "alias vfio_pci:v*d*sv*sd*bc*sc*i* vfio_pci\n"
	         "alias pci:v000010DEd00002342sv*sd*bc* nvidia\n"
	         "alias vfio_pci:v000010DEd00002342sv*sd*bc* nvgrace_gpu_vfio_pci\n");
	assert_json(want(place, &hp_kind_driver, "0000:01:00.0", "vfio"),
	            "{\"driver\": \"nvgrace_gpu_vfio_pci\", \"override\": "
	            "\"nvgrace_gpu_vfio_pci\"}");
}

#define LEAVES "consent 0000:01:00.0: 0000:01:00.0 would leave its driver nvidia\n"

static void test_siblings_are_asked_for(void **state)
{
	struct place *place = *state;
	put_gpu(place, "nvidia");
	put_function(place, BRIDGE, "0x060400\n", "pcieport");
	assert_obstacles(place, &hp_kind_driver, "0000:01:00.0", VFIO, LEAVES);
	put_function(place, AUDIO, "0x040300\n", "snd_hda_intel");
	assert_obstacles(place, &hp_kind_driver, "0000:01:00.0", VFIO,
	                 LEAVES "consent 0000:01:00.1: 0000:01:00.1 shares the IOMMU group of "
	                        "0000:01:00.0 and is with snd_hda_intel: no guest gets one without "
	                        "the other leaving its driver\n");
	assert_obstacles(place, &hp_kind_driver, "0000:01:00.0", NVIDIA, "");
	assert_obstacles(place, &hp_kind_driver, "0000:05:00.0", VFIO,
	                 "broken 0000:05:00.0: 0000:05:00.0 is not there\n");
}

static void put_process(struct place *place, const char *pid, const char *file, const char *maps)
{
	const struct tree *tree = &place->tree;
	hp_cleanup_free char *comm = hp_asprintf("/proc/%s/comm", pid);
	hp_cleanup_free char *exe = hp_asprintf("/proc/%s/exe", pid);
	hp_cleanup_free char *fd = hp_asprintf("/proc/%s/fd/3", pid);
	hp_cleanup_free char *map = hp_asprintf("/proc/%s/maps", pid);
	tree_put(tree, comm, "python3\n");
	tree_put_link(tree, exe, "/usr/bin/python3");
	tree_put_link(tree, fd, file);
	tree_put(tree, map, maps);
}

static void test_holders(void **state)
{
	struct place *place = *state;
	const struct tree *tree = &place->tree;
	put_gpu(place, "nvidia");
	tree_put(tree, "/proc/driver/nvidia/gpus/0000:01:00.0/information",
	         "Model: \t NVIDIA H100\nDevice Minor: \t 3\n");
	put_process(place, "41", "/dev/nvidia1", "");
	assert_obstacles(place, &hp_kind_driver, "0000:01:00.0", VFIO, LEAVES);
	put_process(place, "42", "/dev/null",
	            "7f00-7f01 rw-s 0 00:06 1    /dev/nvidia3 (deleted)\n");
	assert_obstacles(
	    place, &hp_kind_driver, "0000:01:00.0", VFIO,
	    "holder 0000:01:00.0: process 42 (python3) has /dev/nvidia3 mapped\n" LEAVES);
	put_process(place, "43", "/dev/nvidia3", "");
	assert_obstacles(
	    place, &hp_kind_driver, "0000:01:00.0", VFIO,
	    "holder 0000:01:00.0: process 43 (python3) has /dev/nvidia3 open\n" LEAVES);
}

static void test_holders_without_a_process(void **state)
{
	struct place *place = *state;
	const struct tree *tree = &place->tree;
	put_gpu(place, "nvidia");
	tree_put(tree, GPU "/resource",
	         "0x00000000e0000000 0x00000000efffffff 0x0000000000140204\n");
	tree_put(tree, "/proc/iomem",
	         "e0000000-efffffff : 0000:01:00.0\n  e1000000-e10fffff : efifb\n");
	tree_put(tree, "/sys/class/vtconsole/vtcon1/name", "(M) frame buffer device\n");
	tree_put(tree, "/sys/class/vtconsole/vtcon1/bind", "1\n");
	tree_put(tree, "/sys/module/nvidia_drm/parameters/modeset", "Y\n");
	assert_obstacles(place, &hp_kind_driver, "0000:01:00.0", VFIO,
	                 "holder 0000:01:00.0: the console's framebuffer (efifb) lies in its BAR: "
	                 "boot with another console, or with initcall_blacklist=sysfb_init\n"
	                 "holder 0000:01:00.0: nvidia-drm holds it (modeset=Y): unload nvidia_drm "
	                 "first\n" LEAVES);
}

/* A disk that is mounted keeps its controller, whoever consents. */
static void test_disks_and_networks(void **state)
{
	struct place *place = *state;
	const struct tree *tree = &place->tree;
	put_function(place, GPU, "0x010802\n", "nvme");
	tree_put(tree, "/sys/bus/pci/drivers/vfio-pci/unbind", "");
	tree_put_link(tree, "/sys/class/block/nvme0n1p1",
	              "../../devices/pci0000:00/0000:01:00.0/nvme/nvme0/nvme0n1/nvme0n1p1");
	tree_put(tree, "/sys/devices/pci0000:00/0000:01:00.0/nvme/nvme0/nvme0n1/nvme0n1p1/dev",
	         "259:1\n");
	tree_put(tree, "/proc/self/mountinfo", "22 1 259:1 / / rw - ext4 /dev/nvme0n1p1 rw\n");
	tree_put_link(tree, "/sys/class/net/eth0",
	              "../../devices/pci0000:00/0000:01:00.0/net/eth0");
	tree_put(tree, "/sys/devices/pci0000:00/0000:01:00.0/net/eth0/operstate", "up\n");
	assert_obstacles(place, &hp_kind_driver, "0000:01:00.0", VFIO,
	                 "holder 0000:01:00.0: its disk nvme0n1p1 is mounted at /\n"
	                 "consent 0000:01:00.0: 0000:01:00.0 would leave its driver nvme\n"
	                 "consent 0000:01:00.0: its network eth0, which is up, goes away\n");
}

static void test_owners(void **state)
{
	struct place *place = *state;
	const struct tree *tree = &place->tree;
	put_gpu(place, "nvidia");
	tree_put(tree, "/etc/driverctl.d/pci-0000:01:00.0", "vfio-pci\n");
	assert_obstacles(place, &hp_kind_driver, "0000:01:00.0", VFIO, LEAVES); // wants the same
	tree_put(tree, "/etc/driverctl.d/pci-0000:01:00.0", "nouveau\n");
	tree_put(tree, "/run/libvirt/qemu/guest.xml",
	         "<hostdev>\n <source>\n  <address domain='0x0000' bus='0x01' slot='0x00' "
	         "function='0x0'/>\n");
	tree_put(tree, "/run/nvidia/validations/driver-ready", "");
	tree_put(tree, "/etc/mdevctl.d/0000:01:00.0/83b8f4f2-509f-382f-3c1e-e6bfe0fa1001", "{}");
	assert_obstacles(
	    place, &hp_kind_driver, "0000:01:00.0", VFIO,
	    LEAVES "owner 0000:01:00.0: driverctl keeps it with nouveau "
		   "(/etc/driverctl.d/pci-0000:01:00.0), at every boot: driverctl unset-override "
		   "0000:01:00.0\n"
		   "owner 0000:01:00.0: libvirt gave it to a guest that runs "
		   "(/run/libvirt/qemu/guest.xml)\n"
		   "owner 0000:01:00.0: mdevctl keeps an mdev on it "
		   "(/etc/mdevctl.d/0000:01:00.0/83b8f4f2-509f-382f-3c1e-e6bfe0fa1001)\n"
		   "owner 0000:01:00.0: the NVIDIA GPU Operator manages this host's GPUs "
		   "(/run/nvidia/validations)\n");
}

/* libvirt leaves nothing but an override, and driverctl's is told of once. */
static void test_overrides(void **state)
{
	struct place *place = *state;
	const struct tree *tree = &place->tree;
	put_function(place, GPU, "0x030200\n", "vfio-pci");
	tree_put(tree, GPU "/driver_override", "vfio-pci\n");
	assert_obstacles(place, &hp_kind_driver, "0000:01:00.0", NVIDIA,
	                 "consent 0000:01:00.0: 0000:01:00.0 would leave its driver vfio-pci\n"
	                 "owner 0000:01:00.0: somebody gave it to vfio-pci (" GPU
	                 "/driver_override): virsh nodedev-detach does so, and vfio tools\n");
	tree_put(tree, "/run/libvirt/nodedev/driver.pid", "1");
	assert_obstacles(place, &hp_kind_driver, "0000:01:00.0", NVIDIA,
	                 "consent 0000:01:00.0: 0000:01:00.0 would leave its driver vfio-pci\n"
	                 "owner 0000:01:00.0: somebody gave it to vfio-pci (" GPU
	                 "/driver_override); libvirt runs here: virsh nodedev-detach does so, "
	                 "nodedev-reattach takes it back\n");
	tree_put(tree, "/etc/driverctl.d/pci-0000:01:00.0", "vfio-pci\n");
	assert_obstacles(place, &hp_kind_driver, "0000:01:00.0", NVIDIA,
	                 "consent 0000:01:00.0: 0000:01:00.0 would leave its driver vfio-pci\n"
	                 "owner 0000:01:00.0: driverctl keeps it with vfio-pci "
	                 "(/etc/driverctl.d/pci-0000:01:00.0), at every boot: driverctl "
	                 "unset-override 0000:01:00.0\n");
	tree_put(tree, "/etc/driverctl.d/pci-0000:01:00.0", "none\n"); // its word for no driver
	tree_put(tree, GPU "/driver_override", "none\n");
	assert_obstacles(place, &hp_kind_driver, "0000:01:00.0", NONE,
	                 "consent 0000:01:00.0: 0000:01:00.0 would leave its driver vfio-pci\n");
}

static void put_vfs(struct place *place, int count)
{
	char text[32], name[64], target[64];
	put_gpu(place, "nvidia");
	snprintf(text, sizeof(text), "%d\n", count);
	tree_put(&place->tree, GPU "/sriov_numvfs", text);
	tree_put(&place->tree, GPU "/sriov_totalvfs", "16\n");
	tree_put(&place->tree, GPU "/sriov_drivers_autoprobe", "1\n");
	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof(name), GPU "/virtfn%d", i);
		snprintf(target, sizeof(target), "../0000:01:00.%d", i + 4);
		tree_put_link(&place->tree, name, target);
		snprintf(name, sizeof(name), "/sys/bus/pci/devices/0000:01:00.%d", i + 4);
		put_function(place, name, "0x030200\n", "");
	}
}

#define VF4   "/sys/bus/pci/devices/0000:01:00.4"
#define EMPTY "{\"vfs\": 0, \"autoprobe\": 1, \"functions\": {}}"

static void test_vfs(void **state)
{
	struct place *place = *state;
	const struct hp_kind *kind = &hp_kind_sriov;
	put_vfs(place, 0);
	assert_json(read_state(place, kind, "0000:01:00.0"), EMPTY);
	assert_json(want(place, kind, "0000:01:00.0", "4"),
	            "{\"vfs\": 4, \"autoprobe\": 1, \"functions\": {}}");
	assert_json(want(place, kind, "0000:01:00.0", "max unprobed"),
	            "{\"vfs\": 16, \"autoprobe\": 0, \"functions\": {}}");
	assert_null(want(place, kind, "0000:01:00.0", "17"));
	assert_null(want(place, kind, "0000:01:00.0", "some"));
	assert_obstacles(place, kind, "0000:01:00.0", EMPTY, "");

	// A VF, where its PF is meant.
	put_function(place, VF4, "0x030200\n", "");
	tree_put_link(&place->tree, VF4 "/physfn", "../0000:01:00.0");
	assert_json(read_state(place, kind, "0000:01:00.4"), "\"absent\"");
	assert_null(want(place, kind, "0000:01:00.4", "4"));
	assert_obstacles(
	    place, kind, "0000:01:00.4", EMPTY,
	    "broken 0000:01:00.4: 0000:01:00.4 is no PF, or is not there: it can have no VFs\n");
	assert_write(place, kind, "0000:01:00.0",
	             "{\"vfs\": 4, \"autoprobe\": 0, \"functions\": {}}",
	             GPU "/sriov_drivers_autoprobe < 0\n" GPU "/sriov_numvfs < 4\n");
}

/* The state holds what hangs on the VFs, and the way to another number leads through none. */
static void test_vfs_and_what_hangs_on_them(void **state)
{
	struct place *place = *state;
	const struct hp_kind *kind = &hp_kind_sriov;
	put_vfs(place, 2);
	tree_put(&place->tree, VF4 "/nvidia/current_vgpu_type", "743\n");
	json_t *before = read_state(place, kind, "0000:01:00.0");
	assert_json(json_incref(before), "{\"vfs\": 2, \"autoprobe\": 1, \"functions\": {"
	                                 "\"0000:01:00.4\": {\"driver\": " NONE
	                                 ", \"type\": {\"type\": \"743\"}, \"mdevs\": {}}, "
	                                 "\"0000:01:00.5\": {\"driver\": " NONE
	                                 ", \"type\": \"absent\", \"mdevs\": {}}}}");
	assert_write(place, kind, "0000:01:00.0",
	             "{\"vfs\": 4, \"autoprobe\": 1, \"functions\": {}}",
	             VF4 "/nvidia/current_vgpu_type < 0\n" GPU "/sriov_numvfs < 0\n" GPU
	                 "/sriov_numvfs < 4\n");
	assert_obstacles(
	    place, kind, "0000:01:00.0", EMPTY,
	    "consent 0000:01:00.0: the 2 VFs of 0000:01:00.0 would go, and be made anew "
	    "as far as wanted\n");
	json_t *more = want(place, kind, "0000:01:00.0", "1");
	assert_int_equal(json_object_size(json_object_get(more, "functions")), 1);
	assert_true(kind->same("", more, more, NULL));
	assert_false(kind->same("", more, before, NULL));
	json_decref(more);

	// What was set up since is nobody's to throw away.
	struct hp_error err = {0};
	json_t *to = parse(EMPTY), *known = parse(EMPTY);
	assert_int_equal(kind->write(place->host, "0000:01:00.0", known, to, &err), -EBUSY);
	assert_non_null(strstr(err.message, "VF 0000:01:00.4 has vGPUs"));
	json_decref(to);
	json_decref(known);
	json_decref(before);
}

static void test_vgpu_types(void **state)
{
	struct place *place = *state;
	const struct hp_kind *kind = &hp_kind_vgpu_type;
	put_vfs(place, 1);
	assert_json(read_state(place, kind, "0000:01:00.4"), "\"absent\"");
	tree_put(&place->tree, VF4 "/nvidia/current_vgpu_type", "0\n");
	tree_put(&place->tree, VF4 "/nvidia/creatable_vgpu_types",
	         "ID    : vGPU Name\n1148  : NVIDIA L40S-2Q\n");
	assert_json(read_state(place, kind, "0000:01:00.4"), "{\"type\": null}");
	assert_json(want(place, kind, "0000:01:00.4", "NVIDIA L40S-2Q"), "{\"type\": \"1148\"}");
	assert_json(want(place, kind, "0000:01:00.4", "none"), "{\"type\": null}");
	assert_null(want(place, kind, "0000:01:00.4", "NVIDIA L40S-3Q"));
	assert_obstacles(place, kind, "0000:01:00.4", "{\"type\": \"1148\"}", "");
	assert_obstacles(place, kind, "0000:01:00.4", "{\"type\": \"1\"}",
	                 "broken 0000:01:00.4: the driver lists no type 1 for 0000:01:00.4 "
	                 "(creatable_vgpu_types)\n");
	tree_put(&place->tree, VF4 "/nvidia/current_vgpu_type", "1147\n");
	assert_write(place, kind, "0000:01:00.4", "{\"type\": \"1148\"}",
	             VF4 "/nvidia/current_vgpu_type < 0\n" VF4
	                 "/nvidia/current_vgpu_type < 1148\n");
}

#define UUID "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001"
#define KEPT "{\n  \"mdev_type\": \"nvidia-742\",\n  \"start\": \"auto\",\n  \"attrs\": []\n}"

static void test_mdevs(void **state)
{
	struct place *place = *state;
	const struct hp_kind *kind = &hp_kind_mdev;
	const struct tree *tree = &place->tree;
	tree_put(tree, "/sys/bus/mdev/drivers_autoprobe", "1\n");
	assert_json(read_state(place, kind, UUID), "\"absent\"");
	assert_null(want(place, kind, UUID, "0000:01:00.4"));
	assert_null(want(place, kind, UUID, "0000:01:00.4 nvidia-742 sometimes"));
	json_t *kept = want(place, kind, UUID, "0000:01:00.4 nvidia-742 auto");
	assert_string_equal(hp_state_text(json_object_get(kept, "definition"), "content"), KEPT);
	char *text = json_dumps(kept, 0);
	assert_write(
	    place, kind, UUID, text,
	    "/etc/mdevctl.d/0000:01:00.4/" UUID " < " KEPT "\n"
	    "/sys/class/mdev_bus/0000:01:00.4/mdev_supported_types/nvidia-742/create < " UUID "\n");
	free(text);

	// As it is then: what mdevctl keeps is mdevctl's.
	tree_put(tree, "/etc/mdevctl.d/0000:01:00.4/" UUID, KEPT);
	tree_put_link(tree, "/sys/bus/mdev/devices/" UUID,
	              "../../../devices/pci0000:00/0000:01:00.4/" UUID);
	tree_put_link(tree, "/sys/devices/pci0000:00/0000:01:00.4/" UUID "/mdev_type",
	              "../mdev_supported_types/nvidia-742");
	json_t *now = read_state(place, kind, UUID);
	json_t *file = json_object_get(now, "definition");
	json_object_set_new(file, "uid", json_integer(0));
	json_object_set_new(file, "gid", json_integer(0));
	assert_true(json_equal(now, kept));
	json_decref(now);
	json_decref(kept);
	assert_obstacles(place, kind, UUID, "\"absent\"",
	                 "owner " UUID ": mdevctl keeps a definition of " UUID
	                 " (/etc/mdevctl.d/0000:01:00.4/" UUID ")\n"
	                 "consent " UUID ": " UUID ", a nvidia-742 of 0000:01:00.4, would go\n");
	assert_write(place, kind, UUID, "\"absent\"",
	             "/sys/bus/mdev/devices/" UUID "/remove < 1\n"
	             "/etc/mdevctl.d/0000:01:00.4/" UUID " < \n");
	json_t *none;
	assert_int_equal(kind->read(place->host, "83B8", &none, NULL), -EINVAL);
}

static void test_mdevs_go_with_no_driver(void **state)
{
	struct place *place = *state;
	struct hp_error err = {0};
	json_t *from = parse(NVIDIA), *to = parse(VFIO);
	put_gpu(place, "nvidia");
	tree_put(&place->tree, "/sys/bus/mdev/devices/" UUID "/uevent", "");
	tree_put(&place->tree, GPU "/" UUID "/uevent", "");
	assert_int_equal(hp_kind_driver.write(place->host, "0000:01:00.0", from, to, &err), -EBUSY);
	assert_non_null(strstr(err.message, "0000:01:00.0 has the mdev " UUID));
	assert_json(read_state(place, &hp_kind_driver, "0000:01:00.0"),
	            "{\"driver\": \"nvidia\", \"override\": \"vfio-pci\"}");
	json_decref(from);
	json_decref(to);
}

/* A guest holds the mdev of a VF by a group of its own, perhaps by a mapping alone. */
static void test_guests_of_vfs(void **state)
{
	struct place *place = *state;
	const struct tree *tree = &place->tree;
	put_vfs(place, 1);
	tree_put_link(tree, VF4 "/" UUID, "/sys/devices/pci0000:00/0000:01:00.4/" UUID);
	tree_put_link(tree, "/sys/bus/mdev/devices/" UUID,
	              "/sys/devices/pci0000:00/0000:01:00.4/" UUID);
	tree_put_link(tree, "/sys/devices/pci0000:00/0000:01:00.4/" UUID "/mdev_type",
	              "../mdev_supported_types/nvidia-742");
	tree_put_link(tree, "/sys/devices/pci0000:00/0000:01:00.4/" UUID "/iommu_group",
	              "/sys/kernel/iommu_groups/9");
	put_process(place, "50", "/dev/null", "7f00-7f01 rw-s 0 00:06 1    /dev/vfio/9\n");
	assert_obstacles(
	    place, &hp_kind_sriov, "0000:01:00.0", EMPTY,
	    "consent 0000:01:00.0: the 1 VFs of 0000:01:00.0 would go, and be made anew "
	    "as far as wanted\n"
	    "holder 0000:01:00.4: process 50 (python3) has /dev/vfio/9 mapped\n");
}

/* Names in a state become parts of paths. */
static void test_mdevs_elsewhere(void **state)
{
	struct place *place = *state;
	struct hp_error err = {0};
	json_t *none = hp_absent();
	json_t *to = parse("{\"parent\": \"../cron.d\", \"type\": \"x\", \"active\": false, "
	                   "\"definition\": {\"content\": \"x\", \"mode\": 420, \"uid\": 0, "
	                   "\"gid\": 0}}");
	tree_put(&place->tree, "/etc/mdevctl.d/x", "");
	assert_int_equal(hp_kind_mdev.write(place->host, UUID, none, to, &err), -EINVAL);
	assert_non_null(strstr(err.message, "'../cron.d' is no parent"));
	assert_int_equal(hp_host_exists(place->host, "/etc/cron.d/" UUID), 0);
	json_decref(to);
	json_decref(none);
}

/* A function gets a driver of its own before its VFs, and leaves it after them. */
static void test_places_in_a_plan(void **state HP_UNUSED)
{
	json_t *vfio = parse(VFIO), *nvidia = parse(NVIDIA), *none = json_null();
	const struct hp_step to_vfio = {.kind = &hp_kind_driver, .after = vfio};
	const struct hp_step to_nvidia = {.kind = &hp_kind_driver, .after = nvidia};
	const struct hp_step vfs = {.kind = &hp_kind_sriov, .after = none};
	const struct hp_step module = {.kind = &hp_kind_module, .after = none};
	assert_true(hp_step_place(&module) < hp_step_place(&to_nvidia));
	assert_true(hp_step_place(&to_nvidia) < hp_step_place(&vfs));
	assert_true(hp_step_place(&vfs) < hp_step_place(&to_vfio));
	json_decref(vfio);
	json_decref(nvidia);
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
	    IN_PLACE(test_drivers),
	    IN_PLACE(test_drivers_that_do_not_take_it),
	    IN_PLACE(test_drivers_back),
	    IN_PLACE(test_variants_of_vfio),
	    IN_PLACE(test_siblings_are_asked_for),
	    IN_PLACE(test_holders),
	    IN_PLACE(test_holders_without_a_process),
	    IN_PLACE(test_disks_and_networks),
	    IN_PLACE(test_owners),
	    IN_PLACE(test_overrides),
	    IN_PLACE(test_vfs),
	    IN_PLACE(test_vfs_and_what_hangs_on_them),
	    IN_PLACE(test_vgpu_types),
	    IN_PLACE(test_mdevs),
	    IN_PLACE(test_mdevs_go_with_no_driver),
	    IN_PLACE(test_guests_of_vfs),
	    IN_PLACE(test_mdevs_elsewhere),
	    cmocka_unit_test(test_places_in_a_plan),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
