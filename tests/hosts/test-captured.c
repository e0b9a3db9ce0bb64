// A capture judges as its host: rule, subject, result, path, readiness and distance are the same,
// and evidence is once it is redacted. On the example's root, on this machine, and on a real tree
// where there is one. argv: python, make-8xh100.py, the folder of real hosts, the knowledge.
// SPDX-License-Identifier: Apache-2.0
#include "../unit/tree.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "facts/derive.h"
#include "facts/facts.h"
#include "host/capture.h"
#include "host/redact.h"
#include "judge/verdict.h"
#include "probe/kernel-log.h"
#include "probe/probe.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { GIVEN_PYTHON = 1, GIVEN_MAKER, GIVEN_HOSTS, GIVEN_KNOWLEDGE, GIVEN_COUNT };

#define SECRET_UUID "6f2c1a4e-77b0-4c39-9d55-0e8a31b2c4d7"
#define SECRET_NAME "rack12-gpunode"

static char **arguments;
static struct tree work; // the roots, and the key of their redaction

// -- a verdict as text: what must be the same, and the evidence apart --

struct judged {
	struct hp_names judgement; // one line a finding and an offer
	struct hp_names evidence;  // as many lines as there are findings
};

static void judged_free(struct judged *judged)
{
	hp_names_free(&judged->judgement);
	hp_names_free(&judged->evidence);
}

#define CLEANUP_JUDGED __attribute__((cleanup(judged_free)))

static void add_line(struct hp_names *names, char *line)
{
	names->names = hp_realloc(names->names, (names->count + 1) * sizeof(*names->names));
	names->names[names->count++] = line;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_findings(const struct hp_verdict *verdict, const struct hp_redactor *redactor,
                         struct judged *ret)
{
	size_t count;
	const struct hp_finding *findings = hp_verdict_findings(verdict, &count);
	for (size_t i = 0; i < count; i++) {
		const struct hp_finding *finding = &findings[i];
		hp_cleanup_text struct hp_text evidence = {0};
		if (redactor)
			hp_redact_text(redactor, "", finding->evidence, strlen(finding->evidence),
			               &evidence);
		else
			hp_text_puts(&evidence, finding->evidence);
		add_line(&ret->judgement,
		         hp_asprintf("%s %s %s:%s", finding->id, hp_result_name(finding->result),
		                     finding->surface ? finding->surface : "",
		                     finding->share ? finding->share : ""));
		add_line(&ret->evidence,
		         hp_asprintf("%s: %s", finding->id, hp_text_get(&evidence)));
	}
}

static void add_offers(const struct hp_accelerator *accelerator, struct judged *ret)
{
	for (size_t i = 0; i < accelerator->offer_count; i++) {
		const struct hp_offer *offer = &accelerator->offers[i];
		add_line(&ret->judgement,
		         hp_asprintf("%s as %s:%s is %s, %s, %s%s", accelerator->address,
		                     offer->surface->surface, offer->surface->share,
		                     hp_path_name(offer->path), hp_readiness_name(offer->readiness),
		                     hp_distance_name(offer->distance),
		                     offer->in_use ? ", in use" : ""));
	}
}

/* Judges facts; with a redactor, the evidence is redacted afterwards. Takes the facts. */
static struct judged judge(struct hp_facts *facts, const struct hp_redactor *redactor)
{
	struct hp_knowledge_options which = {.file = arguments[GIVEN_KNOWLEDGE]};
	struct hp_verdict_options how = {.as_of = "2026-08-22", .passes = true};
	struct hp_knowledge *knowledge = NULL;
	struct hp_verdict *verdict = NULL;
	struct judged ret = {0};
	struct hp_error err = {0};
	if (hp_knowledge_open(hp_facts_db(facts), &which, &knowledge, &err) < 0 ||
	    hp_facts_derive(facts, &err) < 0 ||
	    hp_verdict_new(facts, knowledge, &how, &verdict, &err) < 0)
		fail_msg("%s", err.message);
	size_t count;
	const struct hp_verdict_host *hosts = hp_verdict_hosts(verdict, &count);
	add_findings(verdict, redactor, &ret);
	for (size_t i = 0; i < hosts[0].accelerator_count; i++)
		add_offers(&hosts[0].accelerators[i], &ret);
	qsort(ret.judgement.names, ret.judgement.count, sizeof(char *), by_text);
	qsort(ret.evidence.names, ret.evidence.count, sizeof(char *), by_text);
	hp_verdict_free(verdict);
	hp_knowledge_close(knowledge);
	hp_facts_free(facts);
	return ret;
}

/* The lines that one has and the other has not; returns how many, and tells of the first. */
static size_t differences(const struct hp_names *host, const struct hp_names *capture,
                          const char *name)
{
	enum { TOLD = 5 };
	size_t count = 0;
	for (size_t i = 0, k = 0; i < host->count || k < capture->count;) {
		int order = i == host->count      ? 1
		            : k == capture->count ? -1
		                                  : strcmp(host->names[i], capture->names[k]);
		if (order && count++ < TOLD && name)
			print_error("%s, %s alone: %s\n", name, order < 0 ? "host" : "capture",
			            order < 0 ? host->names[i] : capture->names[k]);
		i += order <= 0;
		k += order >= 0;
	}
	return count;
}

// -- a host and its capture --

static const struct hp_host_options level_1 = {.level = 1};

static struct hp_facts *probe(struct hp_host *host)
{
	struct hp_facts *facts = NULL;
	struct hp_error err = {0};
	assert_int_equal(hp_facts_new(&facts, NULL), 0);
	hp_facts_begin_host(facts, "h");
	if (hp_probe_all(host, facts, NULL, &err) < 0)
		fail_msg("%s", err.message);
	return facts;
}

static struct hp_host *open_host(const char *root)
{
	struct hp_host *host = NULL;
	struct hp_error err = {0};
	if ((root ? hp_host_open_root(root, &level_1, &host, &err)
	          : hp_host_open_live(&level_1, &host, &err)) < 0)
		fail_msg("%s", err.message);
	return host;
}

static char *key_file(void)
{
	return hp_asprintf("%s/redaction.key", work.path);
}

/* The capture as `happypath capture` writes it, and the facts that were seen meanwhile. */
static char *capture(struct hp_host *host, bool redact, struct hp_facts **ret_facts)
{
	hp_cleanup_free char *key = key_file();
	struct hp_capture_options options = {.redact = redact,
	                                     .key_file = key,
	                                     .log_line_matters = hp_kernel_line_matters,
	                                     .program = "test"};
	struct hp_text text = {0};
	struct hp_error err = {0};
	hp_host_record(host);
	*ret_facts = probe(host);
	hp_capture_extra(host);
	if (hp_capture_write(host, &options, &text, &err) < 0)
		fail_msg("%s", err.message);
	return text.data;
}

static struct judged judge_capture(const char *text)
{
	struct hp_host *host = NULL;
	struct hp_error err = {0};
	if (hp_host_open_capture_text("test.capture", text, strlen(text), &level_1, &host, &err) <
	    0)
		fail_msg("%s", err.message);
	assert_int_equal(hp_host_complaints(host)->count, 0);
	struct hp_facts *facts = probe(host);
	hp_host_close(host);
	return judge(facts, NULL);
}

static struct hp_redactor *redactor_of(struct hp_host *host)
{
	hp_cleanup_free char *key = key_file();
	struct hp_redactor *redactor = NULL;
	char name[256];
	static const char *const files[] = {"/etc/hostname", "/proc/sys/kernel/hostname"};
	assert_int_equal(hp_redactor_open(key, &redactor, NULL), 0);
	if (hp_host_ask(host, "nodename", name, sizeof(name)) > 0)
		hp_redactor_add_host_name(redactor, name);
	for (size_t i = 0; i < HP_COUNT(files); i++)
		if (hp_host_read(host, files[i], name, sizeof(name)) > 0)
			hp_redactor_add_host_name(redactor, name);
	return redactor;
}

static size_t mentions(const struct hp_names *lines, const char *word)
{
	size_t count = 0;
	for (size_t i = 0; i < lines->count; i++)
		count += strstr(lines->names[i], word) != NULL;
	return count;
}

static void compare(const char *name, const struct judged *host, const struct judged *copy)
{
	assert_true(host->evidence.count > 10); // it was judged at all
	assert_int_equal(differences(&host->judgement, &copy->judgement, name), 0);
	assert_int_equal(differences(&host->evidence, &copy->evidence, name), 0);
}

/* `root` NULL: this machine, whose judged facts are those seen while it was recorded, since it goes
 * on living. A root is judged without any recording. */
static void check_host(const char *name, const char *root, bool redact)
{
	struct hp_facts *seen = NULL;
	struct hp_host *host = open_host(root);
	hp_cleanup_free char *text = capture(host, redact, &seen);
	struct hp_redactor *redactor = redact ? redactor_of(host) : NULL;
	hp_host_close(host);
	if (root) {
		hp_facts_free(seen);
		host = open_host(root);
		seen = probe(host);
		hp_host_close(host);
	}
	struct judged before CLEANUP_JUDGED = judge(seen, redactor);
	struct judged after CLEANUP_JUDGED = judge_capture(text);
	hp_redactor_close(redactor);
	compare(name, &before, &after);
}

// -- the hosts --

static char *example_root(void)
{
	return hp_asprintf("%s/example", work.path);
}

static void run_tool(const char *const *words)
{
	int status = -1;
	pid_t child = fork();
	if (child == 0) {
		if (!freopen("/dev/null", "w", stdout))
			_exit(126);
		execvp(words[0], (char *const *)words);
		_exit(127);
	}
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
}

/* The example's root, with secrets where evidence quotes: on both command lines. */
static int set_up(void **state HP_UNUSED)
{
	tree_make(&work);
	hp_cleanup_free char *root = example_root();
	run_tool((const char *[]){arguments[GIVEN_PYTHON], arguments[GIVEN_MAKER], root, NULL});
	tree_put(&work, "/example/etc/hostname", SECRET_NAME "\n");
	tree_put(&work, "/example/proc/sys/kernel/hostname", SECRET_NAME "\n");
	tree_put(&work, "/example/proc/cmdline",
	         "BOOT_IMAGE=/vmlinuz root=UUID=" SECRET_UUID " ro quiet\n");
	tree_put(&work, "/example/etc/default/grub",
	         "GRUB_CMDLINE_LINUX=\"intel_iommu=on systemd.hostname=" SECRET_NAME
	         " cryptdevice=UUID=" SECRET_UUID "\"\n");
	return 0;
}

static int tear_down(void **state HP_UNUSED)
{
	tree_remove(&work);
	return 0;
}

static void test_example(void **state HP_UNUSED)
{
	hp_cleanup_free char *root = example_root();
	check_host("example", root, false);
	check_host("example, redacted", root, true);
}

/* Evidence does quote what has to be hidden: else the above would show little. */
static void test_secrets(void **state HP_UNUSED)
{
	hp_cleanup_free char *root = example_root();
	struct hp_facts *seen = NULL;
	struct hp_host *host = open_host(root);
	hp_cleanup_free char *text = capture(host, true, &seen);
	hp_host_close(host);
	struct judged before CLEANUP_JUDGED = judge(seen, NULL);
	struct judged after CLEANUP_JUDGED = judge_capture(text);
	assert_true(mentions(&before.evidence, SECRET_UUID) > 0);
	assert_true(mentions(&before.evidence, SECRET_NAME) > 0);
	assert_int_equal(mentions(&after.evidence, SECRET_UUID), 0);
	assert_int_equal(mentions(&after.evidence, SECRET_NAME), 0);
}

static void test_this_machine(void **state HP_UNUSED)
{
	check_host("this machine", NULL, false);
	check_host("this machine, redacted", NULL, true);
}

static void test_a2(void **state HP_UNUSED)
{
	char archive[PATH_MAX]; // skip() leaves without freeing
	snprintf(archive, sizeof(archive), "%s/dl360g9-a2-vgpu.tar.xz", arguments[GIVEN_HOSTS]);
	if (access(archive, R_OK) < 0)
		skip();
	hp_cleanup_free char *root = hp_asprintf("%s/a2", work.path);
	run_tool((const char *[]){"mkdir", root, NULL});
	run_tool((const char *[]){"tar", "xJf", archive, "-C", root, NULL});
	check_host("a2", root, false);
	check_host("a2, redacted", root, true);
}

/* The comparison sees what differs: a capture in which one GPU lost its driver. */
static void test_sees_differences(void **state HP_UNUSED)
{
	static const char driver[] = "0000:19:00.0/driver ";
	hp_cleanup_free char *root = example_root();
	struct hp_facts *seen = NULL;
	struct hp_host *host = open_host(root);
	hp_cleanup_free char *text = capture(host, false, &seen);
	hp_host_close(host);
	char *at = strstr(text, driver), *name = at ? strstr(at, "nvidia\n") : NULL;
	assert_non_null(name);
	memcpy(name, "nvidib", strlen("nvidib"));
	struct judged before CLEANUP_JUDGED = judge(seen, NULL);
	struct judged after CLEANUP_JUDGED = judge_capture(text);
	assert_true(differences(&before.judgement, &after.judgement, NULL) > 0);
	assert_true(differences(&before.evidence, &after.evidence, NULL) > 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_example),          cmocka_unit_test(test_secrets),
	    cmocka_unit_test(test_this_machine),     cmocka_unit_test(test_a2),
	    cmocka_unit_test(test_sees_differences),
	};
	if (argc != GIVEN_COUNT)
		return 2;
	arguments = argv;
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
