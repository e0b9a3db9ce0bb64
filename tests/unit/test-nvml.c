// Tests of asking NVML: a fake library answers, fails, hangs, crashes and lies.
// SPDX-License-Identifier: Apache-2.0
#include "file-tree.h"

#include "probe/nvml.h"

#include <time.h>
#include <unistd.h>

#define LIBRARY getenv("HP_TEST_NVML")

enum { DEADLINE_MS = 20000, SHORT_MS = 300 };

static int ask(const char *fake, int deadline_ms, json_t **ret, struct hp_error *err)
{
	setenv("FAKE_NVML", fake, 1);
	return hp_nvml_ask(LIBRARY, deadline_ms, ret, err);
}

/* The answer to a fake that answers. */
static json_t *answer_of(const char *fake)
{
	struct hp_error err = {0};
	json_t *answer = NULL;
	if (ask(fake, DEADLINE_MS, &answer, &err) != 0)
		fail_msg("%s", err.message);
	return answer;
}

static struct tree tree_with_gpus(void)
{
	static const struct file files[] = {{"/etc/os-release", "ID=debian\n"}};
	static const char *const addresses[] = {"0000:01:00.0", "0000:02:00.0"};
	struct tree tree = make_tree(files, HP_COUNT(files));
	for (size_t i = 0; i < HP_COUNT(addresses); i++) {
		struct hp_row row = hp_row_begin(tree.facts, HP_TBL_PCI_FUNCTION);
		hp_row_text(&row, HP_PCI_FUNCTION_ADDRESS, addresses[i]);
		assert_int_equal(hp_row_put(&row, NULL), 0);
	}
	return tree;
}

/* The facts that follow from a fake's answer. */
static struct tree facts_of(const char *fake)
{
	struct tree tree = tree_with_gpus();
	json_t *answer = answer_of(fake);
	assert_int_equal(hp_nvml_put(tree.facts, answer, NULL), 0);
	json_decref(answer);
	return tree;
}

#define FACTS(name, fake) struct tree name __attribute__((cleanup(free_tree))) = facts_of(fake)

static void test_answers(void **state)
{
	(void)state;
	FACTS(tree, "mig=1 cc=on noise");
	assert_value(&tree, "SELECT mig_current FROM nvidia_gpu WHERE address = '0000:02:00.0'",
	             "enabled");
	assert_value(&tree, "SELECT mig_pending FROM nvidia_gpu WHERE address = '0000:02:00.0'",
	             "enabled");
	assert_value(&tree, "SELECT ecc_current FROM nvidia_gpu WHERE address = '0000:01:00.0'",
	             "enabled");
	assert_value(&tree, "SELECT fabric_state FROM nvidia_gpu WHERE address = '0000:01:00.0'",
	             "completed");
	assert_value(&tree, "SELECT cc_mode FROM nvidia_gpu WHERE address = '0000:01:00.0'", "on");
	assert_value(&tree, "SELECT vbios FROM nvidia_gpu WHERE address = '0000:01:00.0'",
	             "96.00.74.00.01");
	assert_value(&tree, "SELECT persistence_mode FROM nvidia_driver", "on");
	assert_value(&tree, "SELECT vgpu_host_mode FROM nvidia_driver", NULL);
	assert_value(&tree, "SELECT count(*) FROM mig_instance", "2");
	assert_value(&tree, "SELECT profile FROM mig_instance WHERE gpu_instance = 3", "1g.10gb");
	assert_value(&tree, "SELECT placement_start FROM mig_instance WHERE gpu_instance = 4", "8");
	assert_value(
	    &tree,
	    "SELECT source FROM origin WHERE col = 'mig_current' AND subject = '0000:01:00.0'",
	    "NVML");
}

static void test_unsupported(void **state)
{
	(void)state;
	FACTS(tree, "mig=3 cc=none");
	assert_value(&tree, "SELECT mig_current FROM nvidia_gpu WHERE address = '0000:01:00.0'",
	             "unsupported");
	assert_value(&tree, "SELECT cc_mode FROM nvidia_gpu WHERE address = '0000:01:00.0'",
	             "unsupported");
	assert_value(&tree, "SELECT count(*) FROM mig_instance", "0");
}

static void test_keeps_what_procfs_said(void **state)
{
	(void)state;
	struct tree tree __attribute__((cleanup(free_tree))) = tree_with_gpus();
	struct hp_row row = hp_row_begin(tree.facts, HP_TBL_NVIDIA_GPU);
	hp_row_text(&row, HP_NVIDIA_GPU_ADDRESS, "0000:01:00.0");
	hp_row_number(&row, HP_NVIDIA_GPU_MINOR, 5);
	assert_int_equal(hp_row_put(&row, NULL), 0);
	row = hp_row_begin(tree.facts, HP_TBL_MIG_INSTANCE);
	hp_row_text(&row, HP_MIG_INSTANCE_ADDRESS, "0000:01:00.0");
	hp_row_number(&row, HP_MIG_INSTANCE_GPU_INSTANCE, 3);
	hp_row_number(&row, HP_MIG_INSTANCE_COMPUTE_INSTANCES, 2);
	assert_int_equal(hp_row_put(&row, NULL), 0);
	json_t *answer = answer_of("mig=1");
	assert_int_equal(hp_nvml_put(tree.facts, answer, NULL), 0);
	json_decref(answer);
	assert_value(&tree, "SELECT minor FROM nvidia_gpu WHERE mig_current = 'enabled'", "5");
	assert_value(&tree, "SELECT compute_instances FROM mig_instance WHERE profile = '1g.10gb'",
	             "2");
}

static void test_disagreement_is_unknown(void **state)
{
	(void)state;
	FACTS(tree, "mixed");
	assert_value(&tree, "SELECT persistence_mode FROM nvidia_driver", NULL);
}

static void test_confidential_modes(void **state)
{
	(void)state;
	static const char *const modes[] = {"off", "on", "devtools", "ppcie"};
	for (size_t i = 0; i < HP_COUNT(modes); i++) {
		hp_cleanup_free char *fake = hp_asprintf("gpus=1 cc=%s", modes[i]);
		FACTS(tree, fake);
		assert_value(&tree, "SELECT cc_mode FROM nvidia_gpu", modes[i]);
	}
}

/* Nothing of what is outside of the interface is believed, and nothing of it breaks us. */
static void test_lies(void **state)
{
	(void)state;
	json_t *answer = answer_of("lie");
	assert_int_equal(json_array_size(json_object_get(answer, "gpus")), 0);
	json_decref(answer);
	FACTS(tree, "lie gpus=4 mig=1");
	assert_value(&tree, "SELECT address FROM nvidia_gpu", "0000:02:00.0");
	assert_value(&tree, "SELECT mig_current FROM nvidia_gpu", NULL);
	assert_value(&tree, "SELECT ecc_current FROM nvidia_gpu", NULL);
	assert_value(&tree, "SELECT fabric_state FROM nvidia_gpu", NULL);
	assert_value(&tree, "SELECT cc_mode FROM nvidia_gpu", NULL);
	assert_value(&tree, "SELECT kind FROM gap WHERE what = 'NVML'", "malformed");
}

static void test_failures(void **state)
{
	(void)state;
	static const struct {
		const char *fake;
		int code;
		const char *message;
	} rows[] = {
	    {"fail=9", -EIO, "nvmlInit_v2 says: Driver Not Loaded"},
	    {"crash", -EIO, "NVML ended without an answer: it crashed"},
	    {"hang", -ETIME, "NVML gave no answer within 0 s"},
	};
	for (size_t i = 0; i < HP_COUNT(rows); i++) {
		struct hp_error err = {0};
		json_t *answer = NULL;
		int deadline = rows[i].code == -ETIME ? SHORT_MS : DEADLINE_MS;
		assert_int_equal(ask(rows[i].fake, deadline, &answer, &err), rows[i].code);
		assert_string_equal(err.message, rows[i].message);
		assert_null(answer);
	}
}

static void test_hang_is_bounded(void **state)
{
	(void)state;
	struct timespec start, end;
	json_t *answer = NULL;
	clock_gettime(CLOCK_MONOTONIC, &start);
	assert_int_equal(ask("hang", SHORT_MS, &answer, NULL), -ETIME);
	clock_gettime(CLOCK_MONOTONIC, &end);
	assert_true(end.tv_sec - start.tv_sec < 5);
}

static void test_no_library(void **state)
{
	(void)state;
	struct hp_error err = {0};
	json_t *answer = NULL;
	assert_int_equal(
	    hp_nvml_ask("libnvidia-ml-that-is-nowhere.so.1", DEADLINE_MS, &answer, &err), -ENOENT);
	assert_true(strstr(err.message, "libnvidia-ml-that-is-nowhere.so.1") != NULL);
}

/* A library that is another one altogether. */
static void test_wrong_library(void **state)
{
	(void)state;
	struct hp_error err = {0};
	json_t *answer = NULL;
	assert_int_equal(hp_nvml_ask("libc.so.6", DEADLINE_MS, &answer, &err), -EIO);
	assert_string_equal(err.message, "the library lacks nvmlInit_v2");
}

static void test_one_init(void **state)
{
	(void)state;
	char path[] = "/tmp/happypath-nvml-XXXXXX", log[64] = "";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	setenv("FAKE_NVML_LOG", path, 1);
	json_decref(answer_of("gpus=8 mig=1"));
	unsetenv("FAKE_NVML_LOG");
	ssize_t length = read(fd, log, sizeof(log) - 1);
	close(fd);
	unlink(path);
	assert_true(length > 0);
	assert_string_equal(log, "init\nshutdown\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_answers),
	    cmocka_unit_test(test_unsupported),
	    cmocka_unit_test(test_keeps_what_procfs_said),
	    cmocka_unit_test(test_disagreement_is_unknown),
	    cmocka_unit_test(test_confidential_modes),
	    cmocka_unit_test(test_lies),
	    cmocka_unit_test(test_failures),
	    cmocka_unit_test(test_hang_is_bounded),
	    cmocka_unit_test(test_no_library),
	    cmocka_unit_test(test_wrong_library),
	    cmocka_unit_test(test_one_init),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
