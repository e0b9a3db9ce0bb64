// Transactions that hold for as long as a process lives. SPDX-License-Identifier: Apache-2.0
#include "apply/owner.h"
#include "tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define BOOT "a-boot"
#define BETWEEN                                                                                    \
	" 1 100 100 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 " // fields 4 to 21 of proc(5)'s stat

struct place {
	struct tree tree;
	struct hp_host *host;
};

static int set_up(void **state)
{
	static struct place place;
	const struct hp_host_options how = {.level = 1};
	tree_make(&place.tree);
	tree_put(&place.tree, "/proc/uptime", "1 1\n");
	assert_int_equal(hp_host_open_root(place.tree.path, &how, &place.host, NULL), 0);
	*state = &place;
	return 0;
}

static int tear_down(void **state)
{
	struct place *place = *state;
	hp_host_close(place->host);
	tree_remove(&place->tree);
	return 0;
}

/* What recovery makes of a transaction for process 100, started at tick 7000. */
static bool is_gone(struct place *place, const char *boot, const char *outcome)
{
	json_t *origin = json_pack("{s:{s:i, s:i}}", "process", "pid", 100, "start", 7000);
	const struct hp_journal journal = {
	    .boot = (char *)boot, .outcome = (char *)outcome, .origin = origin};
	bool gone = hp_owner_is_gone(place->host, BOOT, &journal);
	json_decref(origin);
	return gone;
}

static void put_process(struct place *place, const char *stat)
{
	tree_put(&place->tree, "/proc/100/stat", stat);
}

static void test_lives(void **state)
{
	put_process(*state, "100 (happypath) S" BETWEEN "7000 0\n");
	assert_false(is_gone(*state, BOOT, "done"));
}

static void test_is_gone(void **state)
{
	assert_true(is_gone(*state, BOOT, "done"));
}

static void test_numbers_come_again(void **state)
{
	put_process(*state, "100 (happypath) S" BETWEEN "7001 0\n");
	assert_true(is_gone(*state, BOOT, "done"));
}

static void test_names_that_look_like_the_rest(void **state)
{
	put_process(*state, "100 (a) S 1 (b) c) S" BETWEEN "7000 0\n");
	assert_false(is_gone(*state, BOOT, "done"));
}

/* Killed, and nobody has asked for its status yet: it will not undo anything any more. */
static void test_the_dead_are_gone(void **state)
{
	put_process(*state, "100 (happypath) Z" BETWEEN "7000 0\n");
	assert_true(is_gone(*state, BOOT, "done"));
	put_process(*state, "100 (happypath) X" BETWEEN "7000 0\n");
	assert_true(is_gone(*state, BOOT, "done"));
}

static void test_what_cannot_be_read_lives(void **state)
{
	put_process(*state, "100 (happypath");
	assert_false(is_gone(*state, BOOT, "done"));
	put_process(*state, "100 (happypath) S 1 2 3\n");
	assert_false(is_gone(*state, BOOT, "done"));
}

static void test_another_boot(void **state)
{
	put_process(*state, "100 (happypath) S" BETWEEN "7000 0\n");
	assert_true(is_gone(*state, "another", "done"));
	assert_true(is_gone(*state, NULL, "done"));
}

/* Others are undone when they are asked to be, or recovered as what never ended. */
static void test_only_what_is_done(void **state)
{
	assert_false(is_gone(*state, BOOT, "undone"));
	assert_false(is_gone(*state, BOOT, NULL));
	const struct hp_journal plain = {.boot = (char *)BOOT, .outcome = (char *)"done"};
	assert_false(hp_owner_is_gone(((struct place *)*state)->host, BOOT, &plain));
}

static void test_of_our_own(void **state)
{
	struct place *place = *state;
	char path[64], stat[256];
	assert_null(hp_owner_origin(place->host));
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)getpid());
	snprintf(stat, sizeof(stat), "%d (x) R" BETWEEN "42 0\n", (int)getpid());
	tree_put(&place->tree, path, stat);
	struct hp_journal journal = {.boot = (char *)BOOT, .outcome = (char *)"done"};
	journal.origin = hp_owner_origin(place->host);
	assert_non_null(journal.origin);
	assert_false(hp_owner_is_gone(place->host, BOOT, &journal));
	json_decref(journal.origin);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
	    TEST(test_lives),
	    TEST(test_is_gone),
	    TEST(test_numbers_come_again),
	    TEST(test_names_that_look_like_the_rest),
	    TEST(test_the_dead_are_gone),
	    TEST(test_what_cannot_be_read_lives),
	    TEST(test_another_boot),
	    TEST(test_only_what_is_done),
	    TEST(test_of_our_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
