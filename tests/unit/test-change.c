// The door's other half: attributes, files, programs that change a host.
// SPDX-License-Identifier: Apache-2.0
#include "tree.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "host/capture.h"
#include "host/change.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>

#include <cmocka.h>

static const struct hp_host_options level_1 = {.level = 1};

struct place {
	struct tree tree;
	struct hp_host *host;
};

static int make_place(void **state)
{
	struct place *place = hp_calloc(1, sizeof(*place));
	tree_make(&place->tree);
	tree_put(&place->tree, "/etc/hostname", "there\n");
	tree_put(&place->tree, "/sys/bus/pci/drivers_probe", "");
	assert_int_equal(hp_host_open_root(place->tree.path, &level_1, &place->host, NULL), 0);
	*state = place;
	return 0;
}

static int free_place(void **state)
{
	struct place *place = *state;
	hp_host_close(place->host);
	tree_remove(&place->tree);
	free(place);
	return 0;
}

static char *path_in(const struct place *place, const char *path)
{
	return hp_asprintf("%s%s", place->tree.path, path);
}

static void assert_content(const struct place *place, const char *path, const char *expected)
{
	hp_cleanup_text struct hp_text text = {0};
	int r = hp_host_read_text(place->host, path, 4096, &text);
	assert_int_equal(r, expected ? 0 : -ENOENT);
	if (expected)
		assert_string_equal(hp_text_get(&text), expected);
}

static void test_writes_attributes(void **state)
{
	struct place *place = *state;
	struct hp_error err = {0};
	assert_int_equal(
	    hp_host_write(place->host, "/sys/bus/pci/drivers_probe", "0000:01:00.0", 1000, &err),
	    0);
	assert_content(place, "/sys/bus/pci/drivers_probe", "0000:01:00.0");
	assert_int_equal(hp_host_write(place->host, "/sys/bus/pci/none", "1\n", 1000, &err),
	                 -ENOENT);
	assert_string_equal(err.message,
	                    "cannot write '1' to /sys/bus/pci/none: No such file or directory");
	assert_content(place, "/sys/bus/pci/none", NULL); // no attribute is ever made
}

/* A FIFO without a reader stands for a kernel that does not answer. The lock is descriptor `as`,
 * where that is not -1. */
static void check_deadline(struct place *place, int as)
{
	struct hp_host *live;
	struct hp_error err = {0};
	hp_cleanup_free char *fifo = path_in(place, "/etc/fifo");
	hp_cleanup_free char *locked = path_in(place, "/etc/lock");
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(hp_host_open_live(&level_1, &live, NULL), 0);
	int lock = open(locked, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(flock(lock, LOCK_EX), 0);
	int kept = as < 0 ? -1 : fcntl(as, F_DUPFD_CLOEXEC, 3);
	hp_host_inherit(live, as < 0 ? lock : dup2(lock, as));
	assert_int_equal(hp_host_write(live, fifo, "1", 50, &err), -ETIME);
	assert_non_null(strstr(err.message, "may still happen"));
	if (as >= 0)
		dup2(kept, as);
	close(kept);
	close(lock);

	// The child lives and holds the lock, until its write ends.
	int other = open(locked, O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), -1);
	int reader = open(fifo, O_RDONLY);
	char byte;
	assert_int_equal(read(reader, &byte, 1), 1);
	assert_true(waitpid(-1, NULL, 0) > 0);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
	close(other);
	close(reader);
	hp_host_close(live);
}

static void test_deadline_of_a_write(void **state)
{
	check_deadline(*state, -1);
}

/* As where happypath was started with a descriptor closed. */
static void test_deadline_with_the_lock_as_standard_input(void **state)
{
	check_deadline(*state, 0);
}

static void test_a_killed_child_is_a_failure(void **state)
{
	struct place *place = *state;
	struct hp_host *live;
	struct hp_error err = {0};
	hp_cleanup_free char *fifo = path_in(place, "/etc/fifo");
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(hp_host_open_live(&level_1, &live, NULL), 0);
	pid_t killer = fork();
	if (killer == 0) {
		hp_cleanup_free char *children =
		    hp_asprintf("/proc/%d/task/%d/children", getppid(), getppid());
		for (int tries = 0; tries < 200; tries++, usleep(10000)) {
			char line[256] = "";
			FILE *file = fopen(children, "r");
			int pid, end, at = 0;
			if (!file || !fgets(line, sizeof(line), file))
				continue;
			while (sscanf(line + at, "%d%n", &pid, &end) == 1) {
				at += end;
				if (pid != getpid())
					kill(pid, SIGKILL);
			}
			fclose(file);
		}
		_exit(0);
	}
	assert_int_equal(hp_host_write(live, fifo, "1", 5000, &err), -EIO);
	kill(killer, SIGKILL);
	waitpid(killer, NULL, 0);
	hp_host_close(live);
}

static void test_replaces_files(void **state)
{
	struct place *place = *state;
	hp_cleanup_file_state struct hp_file before = {0}, now = {0};
	const struct hp_file after = {
	    .content = (char *)"# kept\nnew\n", .length = 11, .mode = 0640, .uid = 0, .gid = 0};
	assert_int_equal(hp_host_read_file(place->host, "/etc/hostname", &before, NULL), 0);
	assert_string_equal(before.content, "there\n");
	tree_put(&place->tree, "/etc/.hostname.happypath", "what a crash left");
	struct hp_file mine = after;
	mine.uid = before.uid;
	mine.gid = before.gid;
	assert_int_equal(hp_host_replace_file(place->host, "/etc/hostname", &mine, NULL), 0);
	assert_int_equal(hp_host_read_file(place->host, "/etc/hostname", &now, NULL), 0);
	assert_string_equal(now.content, "# kept\nnew\n");
	assert_int_equal(now.mode, 0640);
	assert_content(place, "/etc/.hostname.happypath", NULL);
	assert_int_equal(hp_host_replace_file(place->host, "/etc/hostname", &before, NULL), 0);
	assert_content(place, "/etc/hostname", "there\n");
}

static void test_labels_stay(void **state)
{
	struct place *place = *state;
	char value[16] = "";
	hp_cleanup_file_state struct hp_file file = {0};
	hp_cleanup_free char *path = path_in(place, "/etc/hostname");
	if (setxattr(path, "trusted.label", "theirs", 6, 0) < 0) {
		free(path); // skip() leaves without doing so
		skip();     // not root, or on a file system without
	}
	assert_int_equal(hp_host_read_file(place->host, "/etc/hostname", &file, NULL), 0);
	assert_int_equal(hp_host_replace_file(place->host, "/etc/hostname", &file, NULL), 0);
	assert_int_equal(getxattr(path, "trusted.label", value, sizeof(value)), 6);
	assert_string_equal(value, "theirs");
}

static void test_absent_files_come_and_go_with_their_directories(void **state)
{
	struct place *place = *state;
	static const char path[] = "/etc/a/b/new.conf";
	hp_cleanup_file_state struct hp_file before = {0};
	struct hp_file after = {
	    .content = (char *)"x", .length = 1, .mode = 0644, .uid = geteuid(), .gid = getegid()};
	assert_int_equal(hp_host_read_file(place->host, path, &before, NULL), 0);
	assert_null(before.content);
	assert_int_equal(before.missing, 2);
	assert_int_equal(hp_host_replace_file(place->host, path, &before, NULL), 0);
	assert_int_equal(hp_host_replace_file(place->host, path, &after, NULL), 0);
	assert_content(place, path, "x");
	assert_int_equal(hp_host_replace_file(place->host, path, &before, NULL), 0);
	assert_int_equal(hp_host_exists(place->host, "/etc/a"), 0);

	// A crash made the uppermost directory, or the file beside.
	tree_put(&place->tree, "/etc/a/x", "");
	hp_cleanup_free char *x = path_in(place, "/etc/a/x");
	assert_int_equal(remove(x), 0);
	assert_int_equal(hp_host_replace_file(place->host, path, &before, NULL), 0);
	assert_int_equal(hp_host_exists(place->host, "/etc/a"), 0);
	tree_put(&place->tree, "/etc/.hostname.happypath", "half");
	hp_host_tidy_file(place->host, "/etc/hostname");
	assert_int_equal(hp_host_exists(place->host, "/etc/.hostname.happypath"), 0);

	// Where somebody put something beside it, the directory stays.
	assert_int_equal(hp_host_replace_file(place->host, path, &after, NULL), 0);
	tree_put(&place->tree, "/etc/a/theirs", "");
	assert_int_equal(hp_host_replace_file(place->host, path, &before, NULL), 0);
	assert_int_equal(hp_host_exists(place->host, "/etc/a/b"), 0);
	assert_int_equal(hp_host_exists(place->host, "/etc/a/theirs"), 1);
}

static void test_refuses_links_and_what_is_no_file(void **state)
{
	struct place *place = *state;
	struct hp_error err = {0};
	struct hp_file file;
	tree_put_link(&place->tree, "/etc/link", "hostname");
	assert_int_equal(hp_host_read_file(place->host, "/etc/link", &file, &err), -ELOOP);
	assert_non_null(strstr(err.message, "/etc/link is a link to hostname"));
	assert_true(hp_host_read_file(place->host, "/etc", &file, &err) < 0);
	const struct hp_file none = {0};
	assert_int_equal(hp_host_replace_file(place->host, "relative", &none, &err), -EINVAL);
}

/* Links in the middle of a path stay inside of the root. */
static void test_stays_inside(void **state)
{
	struct place *place = *state;
	struct hp_file file = {
	    .content = (char *)"x", .length = 1, .mode = 0644, .uid = geteuid(), .gid = getegid()};
	tree_put_link(&place->tree, "/etc/away", "/etc/inside");
	tree_put(&place->tree, "/etc/inside/other", "");
	assert_int_equal(hp_host_replace_file(place->host, "/etc/away/happypath-test", &file, NULL),
	                 0);
	assert_content(place, "/etc/inside/happypath-test", "x");
	assert_int_equal(access("/etc/inside/happypath-test", F_OK), -1);
}

static void note(void *data, enum hp_change_what what, const char *path, const char *text)
{
	hp_text_printf(data, "%d %s %s\n", what, path, text);
}

static void test_rehearses(void **state)
{
	struct place *place = *state;
	hp_cleanup_text struct hp_text told = {0};
	const char *const argv[] = {"touch", "a b", NULL};
	const struct hp_file file = {.content = (char *)"new", .length = 3}, none = {0};
	hp_host_rehearse(place->host, note, &told);
	assert_true(hp_host_rehearsing(place->host));
	assert_int_equal(hp_host_write(place->host, "/sys/x", "1", 10, NULL), 0);
	assert_int_equal(hp_host_replace_file(place->host, "/etc/hostname", &file, NULL), 0);
	assert_int_equal(hp_host_replace_file(place->host, "/etc/hostname", &none, NULL), 0);
	assert_int_equal(hp_host_change_run(place->host, argv, 10, &(struct hp_text){0}), 0);
	assert_string_equal(hp_text_get(&told), "0 /sys/x 1\n1 /etc/hostname new\n2 /etc/hostname "
	                                        "\n3 touch touch a\\x20b\n");
	assert_content(place, "/etc/hostname", "there\n");
	hp_host_rehearse(place->host, NULL, NULL);
	assert_false(hp_host_rehearsing(place->host));
}

static void test_captures_refuse(void **state HP_UNUSED)
{
	static const char text[] = "happypath.capture/1\n\n[state]\n";
	struct hp_host *host;
	struct hp_error err = {0};
	const struct hp_file none = {0};
	int r = hp_host_open_capture_text("c", text, strlen(text), &level_1, &host, &err);
	if (r < 0)
		fail_msg("%s", err.message);
	assert_int_equal(hp_host_write(host, "/sys/x", "1", 10, &err), -EROFS);
	assert_int_equal(hp_host_replace_file(host, "/etc/x", &none, &err), -EROFS);
	assert_int_equal(
	    hp_host_change_run(host, (const char *[]){"true", NULL}, 10, &(struct hp_text){0}),
	    -ENODATA);
	hp_host_close(host);
}

static void test_runs_programs_that_change(void **state HP_UNUSED)
{
	struct hp_host *live;
	hp_cleanup_text struct hp_text text = {0};
	assert_int_equal(hp_host_open_live(&level_1, &live, NULL), 0);
	const char *const both[] = {"sh", "-c", "echo out; echo wrong >&2; exit 3", NULL};
	assert_int_equal(hp_host_change_run(live, both, 5000, &text), 3);
	assert_string_equal(hp_text_get(&text), "out\nwrong\n");
	const char *const late[] = {"sleep", "60", NULL};
	assert_int_equal(hp_host_change_run(live, late, 50, &text), -ETIMEDOUT);
	hp_host_close(live);
}

int main(void)
{
#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, free_place)
	const struct CMUnitTest tests[] = {
	    IN_PLACE(test_writes_attributes),
	    IN_PLACE(test_deadline_of_a_write),
	    IN_PLACE(test_deadline_with_the_lock_as_standard_input),
	    IN_PLACE(test_a_killed_child_is_a_failure),
	    IN_PLACE(test_replaces_files),
	    IN_PLACE(test_labels_stay),
	    IN_PLACE(test_absent_files_come_and_go_with_their_directories),
	    IN_PLACE(test_refuses_links_and_what_is_no_file),
	    IN_PLACE(test_stays_inside),
	    IN_PLACE(test_rehearses),
	    cmocka_unit_test(test_captures_refuse),
	    cmocka_unit_test(test_runs_programs_that_change),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
