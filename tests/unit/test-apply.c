// Transactions on a host of files: walked, failed, crashed, undone, recovered.
// SPDX-License-Identifier: Apache-2.0
//
// The kinds here are the test's own: states are files, and files tell them how to fail.
#include "tree.h"

#include "apply/apply.h"
#include "apply/journal.h"
#include "base/cleanup.h"
#include "step/kinds.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

static const struct hp_host_options level_1 = {.level = 1};

// == kinds of the test's own: subject "a" is the file /etc/state/a

static char *path_of(const char *subject)
{
	return hp_asprintf("/etc/state/%s", subject);
}

/* Whether the tree tells the kind to do something here: /etc/trouble/SUBJECT holds its name. */
static bool trouble(struct hp_host *host, const char *subject, const char *name)
{
	char what[64] = "";
	hp_host_readf(host, what, sizeof(what), "/etc/trouble/%s", subject);
	return strcmp(what, name) == 0;
}

static int fake_read(struct hp_host *host, const char *subject, json_t **ret, struct hp_error *err)
{
	char value[64];
	hp_cleanup_free char *path = path_of(subject);
	int r = hp_step_read(host, path, value, sizeof(value), err);
	if (r < 0)
		return r;
	*ret = r ? json_pack("{s:s}", "value", value) : hp_absent();
	return 0;
}

static int fake_want(struct hp_host *host HP_UNUSED, const char *subject HP_UNUSED,
                     const char *word, const json_t *before HP_UNUSED, json_t **ret,
                     struct hp_error *err HP_UNUSED)
{
	*ret = json_pack("{s:s}", "value", word);
	return 0;
}

static int fake_obstacles(struct hp_host *host, const char *subject, const json_t *before,
                          const json_t *after HP_UNUSED, struct hp_obstacles *ret,
                          struct hp_error *err HP_UNUSED)
{
	static const char *const names[] = {[HP_OBSTACLE_HOLDER] = "holder",
	                                    [HP_OBSTACLE_CONSENT] = "consent",
	                                    [HP_OBSTACLE_OWNER] = "owner",
	                                    [HP_OBSTACLE_SOMEBODY] = "somebody",
	                                    [HP_OBSTACLE_BROKEN] = "broken"};
	for (size_t i = 0; i < HP_COUNT(names); i++)
		if (trouble(host, subject, names[i]))
			hp_obstacles_add(ret, (enum hp_obstacle_kind)i, subject, "%s of %s",
			                 names[i], subject);
	if (trouble(host, subject, "leaves") && !hp_is_absent(before))
		hp_obstacles_add(ret, HP_OBSTACLE_CONSENT, subject, "%s would leave %s", subject,
		                 hp_state_text(before, "value"));
	if (trouble(host, subject, "neighbour"))
		hp_obstacles_add(ret, HP_OBSTACLE_CONSENT, "next", "next to %s", subject);
	return 0;
}

static int put(struct hp_host *host, const char *subject, const char *value, struct hp_error *err)
{
	hp_cleanup_free char *path = path_of(subject);
	struct hp_file file = {.mode = 0644, .uid = geteuid(), .gid = getegid()};
	file.content = value ? hp_strdup(value) : NULL;
	file.length = value ? strlen(value) : 0;
	int r = hp_host_replace_file(host, path, &file, err);
	free(file.content);
	return r;
}

static int fake_write(struct hp_host *host, const char *subject, const json_t *before HP_UNUSED,
                      const json_t *after, struct hp_error *err)
{
	bool back = strncmp(hp_state_text(after, "value"), "old", 3) == 0;
	char now[64] = "";
	hp_host_readf(host, now, sizeof(now), "/etc/state/%s", subject);
	bool is_so =
	    strcmp(now, hp_state_text(after, "value")) == 0; // nothing to write, nor to fail
	if ((trouble(host, subject, "fails") && !is_so) ||
	    (back && trouble(host, subject, "stays")) || (!back && trouble(host, subject, "once")))
		return hp_fail(err, -EIO, "%s is in trouble", subject);
	if (trouble(host, subject, "pulled")) {
		put(host, subject, NULL, NULL);
		return hp_fail(err, -ENODEV, "%s is not there any more", subject);
	}
	if (!back && trouble(host, subject, "die-before"))
		kill(getpid(), SIGKILL);
	if (!back && trouble(host, subject, "mumbles"))
		return hp_fail(err, -EIO, "\xff said modprobe in its own letters, of %s", subject);
	if (trouble(host, subject, "stuck") || (back && trouble(host, subject, "stuck-back")))
		return hp_fail(err, -ETIME, "%s is stuck", subject);
	if (trouble(host, subject, "silent") && !back) // takes it, and does nothing
		return 0;
	if (!back && trouble(host, subject, "half")) {
		put(host, subject, "between", NULL);
		return hp_fail(err, -EIO, "%s was half done", subject);
	}
	if (!back && trouble(host, subject, "die-between")) {
		put(host, subject, "between", NULL);
		kill(getpid(), SIGKILL);
	}
	int r =
	    put(host, subject, json_is_object(after) ? hp_state_text(after, "value") : NULL, err);
	if (!back && trouble(host, subject, "die-after"))
		kill(getpid(), SIGKILL);
	return r;
}

static void fake_tell(const char *subject HP_UNUSED, const json_t *state, struct hp_text *ret)
{
	hp_text_puts(ret, hp_state_text(state, "value"));
}

#define FAKE                                                                                       \
	.help = "a file", .read = fake_read, .want = fake_want, .obstacles = fake_obstacles,       \
	.write = fake_write, .tell = fake_tell

static const struct hp_kind volatile_kind = {.name = "volatile", FAKE};
static const struct hp_kind lasting_kind = {.name = "lasting", .lasts = true, FAKE};
static const struct hp_kind boot_kind = {
    .name = "boot", .lasts = true, .effect = HP_EFFECT_REBOOT, FAKE};
static const struct hp_kind one_way_kind = {
    .name = "one-way", .undo = HP_UNDO_ONE_WAY, .differs = "all of it", FAKE};
static const struct hp_kind appearing_kind = {.name = "appearing", .appears = true, FAKE};

/* In place of the program's. */
const struct hp_kind *const hp_kinds[] = {&volatile_kind, &lasting_kind, &boot_kind, &one_way_kind,
                                          &appearing_kind};
const size_t hp_kind_count = HP_COUNT(hp_kinds);

// == a place to try it

struct place {
	struct tree tree;
	struct hp_host *host;
	char *state, *lock;
	struct hp_apply_options options;
	struct hp_applied applied;
	struct hp_error err;
	struct hp_text told;
};

static void boot(struct place *place, const char *id)
{
	tree_put(&place->tree, "/proc/sys/kernel/random/boot_id", id);
}

static int make_place(void **state)
{
	struct place *place = hp_calloc(1, sizeof(*place));
	tree_make(&place->tree);
	tree_put(&place->tree, "/etc/state/a", "old-a");
	tree_put(&place->tree, "/etc/state/b", "old-b");
	tree_put(&place->tree, "/etc/state/c", "old-c");
	boot(place, "first\n");
	assert_int_equal(hp_host_open_root(place->tree.path, &level_1, &place->host, NULL), 0);
	place->state = hp_asprintf("%s/var/happypath", place->tree.path);
	place->lock = hp_asprintf("%s/etc/lock", place->tree.path);
	place->options = (struct hp_apply_options){.state = place->state, .lock = place->lock};
	*state = place;
	return 0;
}

static void clear(struct place *place)
{
	hp_applied_free(&place->applied);
	place->err = (struct hp_error){0};
}

static int free_place(void **state)
{
	struct place *place = *state;
	clear(place);
	hp_text_free(&place->told);
	hp_host_close(place->host);
	tree_remove(&place->tree);
	free(place->state);
	free(place->lock);
	free(place);
	return 0;
}

static void add_step(struct hp_steps *steps, const struct hp_kind *kind, const char *subject,
                     const char *before, const char *after)
{
	struct hp_step *step = hp_steps_add(steps, kind, subject);
	json_decref(step->before);
	json_decref(step->after);
	step->before = before ? json_pack("{s:s}", "value", before) : hp_absent();
	step->after = after ? json_pack("{s:s}", "value", after) : hp_absent();
}

static struct hp_steps three_steps(void)
{
	struct hp_steps steps = {0};
	add_step(&steps, &volatile_kind, "a", "old-a", "new-a");
	add_step(&steps, &lasting_kind, "b", "old-b", "new-b");
	add_step(&steps, &volatile_kind, "c", "old-c", "new-c");
	return steps;
}

static int apply(struct place *place, struct hp_steps steps)
{
	clear(place);
	int r = hp_apply(place->host, &steps, &place->options, &place->applied, &place->err);
	hp_steps_free(&steps);
	return r;
}

static int undo(struct place *place, const char *id)
{
	clear(place);
	return hp_undo_transaction(place->host, id, &place->options, &place->applied, &place->err);
}

static int recover(struct place *place, bool at_boot)
{
	clear(place);
	return hp_recover(place->host, at_boot, &place->options, &place->applied, &place->err);
}

#define assert_outcome(place, call, expected)                                                      \
	do {                                                                                       \
		int r_ = (call);                                                                   \
		if (r_ != 0)                                                                       \
			fail_msg("%s", (place)->err.message);                                      \
		if ((place)->applied.outcome != (expected))                                        \
			fail_msg("%s, not %s: %s", hp_outcome_name((place)->applied.outcome),      \
			         hp_outcome_name(expected), (place)->err.message);                 \
	} while (0)

static void assert_state(struct place *place, const char *subject, const char *expected)
{
	char value[64] = "(absent)";
	hp_host_readf(place->host, value, sizeof(value), "/etc/state/%s", subject);
	assert_string_equal(value, expected);
}

static void assert_all(struct place *place, const char *age)
{
	static const char *const subjects[] = {"a", "b", "c"};
	for (size_t i = 0; i < HP_COUNT(subjects); i++) {
		hp_cleanup_free char *expected = hp_asprintf("%s-%s", age, subjects[i]);
		assert_state(place, subjects[i], expected);
	}
}

static void put_trouble(struct place *place, const char *subject, const char *what)
{
	hp_cleanup_free char *path = hp_asprintf("/etc/trouble/%s", subject);
	tree_put(&place->tree, path, what);
}

static void assert_history(struct place *place, const char *const *outcomes, size_t count)
{
	struct hp_history history;
	assert_int_equal(hp_history_read(place->state, &history, &place->err), 0);
	assert_int_equal(history.count, count);
	for (size_t i = 0; i < count; i++)
		assert_string_equal(history.items[i].outcome, outcomes[i]);
	assert_int_equal(history.complaints.count, 0);
	hp_history_free(&history);
}

#define HISTORY(...) (const char *const[]){__VA_ARGS__}, HP_COUNT(((const char *[]){__VA_ARGS__}))

// == there and back

static void test_there_and_back(void **state)
{
	struct place *place = *state;
	assert_outcome(place, apply(place, three_steps()), HP_OUTCOME_DONE);
	assert_all(place, "new");
	assert_history(place, HISTORY("done"));
	assert_outcome(place, apply(place, three_steps()), HP_OUTCOME_NOTHING);
	assert_outcome(place, undo(place, NULL), HP_OUTCOME_DONE);
	assert_all(place, "old");
	assert_history(place, HISTORY("undone"));
	assert_int_equal(undo(place, NULL), -ENOENT);
	assert_int_equal(undo(place, "1"), -ENOENT);
	assert_non_null(strstr(place->err.message, "does not stand: it is undone"));
	assert_outcome(place, recover(place, true), HP_OUTCOME_NOTHING);
}

static void test_steps_that_are_so_already(void **state)
{
	struct place *place = *state;
	tree_put(&place->tree, "/etc/state/b", "new-b");
	assert_outcome(place, apply(place, three_steps()), HP_OUTCOME_DONE);
	assert_all(place, "new");
	assert_outcome(place, undo(place, "1"), HP_OUTCOME_DONE);
	assert_state(place, "a", "old-a");
	assert_state(place, "b", "new-b"); // was so before
}

static void test_what_comes_and_goes(void **state)
{
	struct place *place = *state;
	struct hp_steps steps = {0};
	add_step(&steps, &volatile_kind, "d", NULL, "new-d");
	add_step(&steps, &volatile_kind, "a", "old-a", NULL);
	assert_outcome(place, apply(place, steps), HP_OUTCOME_DONE);
	assert_state(place, "a", "(absent)");
	assert_state(place, "d", "new-d");
	assert_outcome(place, undo(place, NULL), HP_OUTCOME_DONE);
	assert_state(place, "a", "old-a");
	assert_state(place, "d", "(absent)");
}

static void note_change(void *data, enum hp_change_what what HP_UNUSED, const char *path,
                        const char *text)
{
	struct place *place = data;
	hp_text_printf(&place->told, "%s=%s ", path, text);
}

static void test_rehearses(void **state)
{
	struct place *place = *state;
	place->options.dry_run = true;
	place->options.told = note_change;
	place->options.data = place;
	assert_outcome(place, apply(place, three_steps()), HP_OUTCOME_DONE);
	assert_string_equal(hp_text_get(&place->told),
	                    "/etc/state/a=new-a /etc/state/b=new-b /etc/state/c=new-c ");
	assert_all(place, "old");
	assert_int_equal(access(place->state, F_OK), -1); // no journal either
}

// == refusals

static void test_stale_plans(void **state)
{
	struct place *place = *state;
	tree_put(&place->tree, "/etc/state/b", "theirs");
	assert_outcome(place, apply(place, three_steps()), HP_OUTCOME_REFUSED);
	assert_int_equal(place->applied.obstacles.count, 1);
	assert_string_equal(place->applied.obstacles.items[0].text,
	                    "the plan is stale: lasting b is theirs, where the plan expects old-b: "
	                    "plan again");
	assert_state(place, "a", "old-a");
	assert_history(place, NULL, 0);

	struct hp_steps steps = {0};
	hp_steps_add(&steps, &volatile_kind, "a");
	assert_outcome(place, apply(place, steps), HP_OUTCOME_REFUSED);
	assert_non_null(strstr(place->applied.obstacles.items[0].text, "does not know the state"));
}

static const struct {
	const char *trouble;
	bool yes;
	const char *allow;
	enum hp_outcome outcome;
} consents[] = {
    {"holder", true, "b", HP_OUTCOME_REFUSED},    {"broken", true, "b", HP_OUTCOME_REFUSED},
    {"consent", false, NULL, HP_OUTCOME_REFUSED}, {"consent", true, NULL, HP_OUTCOME_DONE},
    {"consent", false, "b", HP_OUTCOME_DONE},     {"consent", false, "a", HP_OUTCOME_REFUSED},
    {"owner", true, NULL, HP_OUTCOME_REFUSED},    {"owner", false, "b", HP_OUTCOME_DONE},
    {"somebody", true, NULL, HP_OUTCOME_REFUSED}, {"somebody", false, "b", HP_OUTCOME_DONE},
    {"neighbour", true, "b", HP_OUTCOME_REFUSED}, {"neighbour", false, "next", HP_OUTCOME_DONE},
};

static void test_consent(void **state)
{
	struct place *place = *state;
	for (size_t i = 0; i < HP_COUNT(consents); i++) {
		const char *const allow[] = {consents[i].allow, NULL};
		put_trouble(place, "b", consents[i].trouble);
		place->options.yes = consents[i].yes;
		place->options.allow = allow;
		assert_outcome(place, apply(place, three_steps()), consents[i].outcome);
		bool done = consents[i].outcome == HP_OUTCOME_DONE;
		assert_int_equal(place->applied.obstacles.count, !done);
		assert_all(place, done ? "new" : "old");
		put_trouble(place, "b", "");
		if (done)
			assert_outcome(place, undo(place, NULL), HP_OUTCOME_DONE);
	}
}

/* What the plan is for is consented to with --yes, whichever step asks; a sibling is named. */
static void test_consent_to_what_the_plan_is_for(void **state)
{
	struct place *place = *state;
	put_trouble(place, "b", "neighbour"); // asks for "next"
	place->options.yes = true;
	assert_outcome(place, apply(place, three_steps()), HP_OUTCOME_REFUSED);
	place->options.own = (const char *const[]){"other", NULL};
	assert_outcome(place, apply(place, three_steps()), HP_OUTCOME_REFUSED);
	place->options.own = (const char *const[]){"other", "next", NULL};
	place->options.yes = false;
	assert_outcome(place, apply(place, three_steps()), HP_OUTCOME_REFUSED);
	place->options.yes = true;
	assert_outcome(place, apply(place, three_steps()), HP_OUTCOME_DONE);
}

/* A step before it on the same subject takes nobody's consent along. */
static void test_consent_to_each_step(void **state)
{
	struct place *place = *state;
	for (size_t i = 0; i < 2; i++) {
		struct hp_steps steps = {0};
		const char *between = i ? "mid-a" : "old-a"; // which is so already
		add_step(&steps, &volatile_kind, "a", "old-a", between);
		add_step(&steps, &volatile_kind, "a", between, "new-a");
		put_trouble(place, "a", "consent");
		assert_outcome(place, apply(place, steps), HP_OUTCOME_REFUSED);
		assert_state(place, "a", "old-a");
	}
}

/* A state that nobody signed is ours if we left it; one with an owner never is. */
static void test_whose_state_it_is(void **state)
{
	static const struct {
		const char *trouble;
		enum hp_outcome outcome;
	} cases[] = {{"owner", HP_OUTCOME_REFUSED}, {"somebody", HP_OUTCOME_DONE}};
	struct place *place = *state;
	assert_outcome(place, apply(place, three_steps()), HP_OUTCOME_DONE);
	for (size_t i = 0; i < HP_COUNT(cases); i++) {
		struct hp_steps steps = {0};
		add_step(&steps, &lasting_kind, "b", "new-b", "old-b");
		put_trouble(place, "b", cases[i].trouble);
		assert_outcome(place, apply(place, steps), cases[i].outcome);
	}
}

static void test_one_way(void **state)
{
	struct place *place = *state;
	struct hp_steps steps = {0}, again = {0};
	add_step(&steps, &one_way_kind, "a", "old-a", "new-a");
	add_step(&again, &one_way_kind, "a", "old-a", "new-a");
	assert_outcome(place, apply(place, steps), HP_OUTCOME_REFUSED);
	place->options.accept = true;
	assert_outcome(place, apply(place, again), HP_OUTCOME_DONE);
	assert_int_equal(place->applied.notes.count, 1);
}

static void test_one_at_a_time(void **state)
{
	struct place *place = *state;
	int lock = open(place->lock, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(flock(lock, LOCK_EX), 0);
	assert_int_equal(write(lock, "1\n", 2), 2);
	assert_int_equal(apply(place, three_steps()), -EBUSY);
	assert_non_null(strstr(place->err.message, "process 1 is changing this host"));
	assert_int_equal(undo(place, NULL), -EBUSY);
	assert_int_equal(recover(place, false), -EBUSY);
	assert_int_equal(pwrite(lock, "2147483646\n", 11, 0), 11);
	place->options.wait_ms = 60;
	assert_int_equal(apply(place, three_steps()), -EBUSY);
	assert_non_null(strstr(place->err.message, "is gone, but the kernel still holds a write"));

	// Ctrl-C is held back by whoever changes something, not by whoever waits for it.
	sigset_t held;
	int number;
	sigemptyset(&held);
	sigaddset(&held, SIGINT);
	assert_int_equal(sigprocmask(SIG_BLOCK, &held, NULL), 0);
	raise(SIGINT);
	place->options.wait_ms = 20000;
	assert_int_equal(apply(place, three_steps()), -EINTR);
	assert_int_equal(sigwait(&held, &number), 0);
	assert_int_equal(sigprocmask(SIG_UNBLOCK, &held, NULL), 0);
	close(lock);
	assert_outcome(place, apply(place, three_steps()), HP_OUTCOME_DONE);
}

/* Where everybody may put files, a stranger's lock keeps nobody out. */
static void test_locks_of_strangers(void **state)
{
	struct place *place = *state;
	struct stat st;
	tree_put(&place->tree, "/etc/lock", "1\n");
	int theirs = open(place->lock, O_RDONLY | O_CLOEXEC);
	if (chown(place->lock, 65534, 65534) < 0)
		skip(); // not root
	assert_int_equal(flock(theirs, LOCK_EX), 0);
	assert_outcome(place, apply(place, three_steps()), HP_OUTCOME_DONE);
	assert_int_equal(stat(place->lock, &st), 0);
	assert_int_equal(st.st_uid, geteuid());
	assert_int_equal(st.st_mode & 07777, 0600);
	close(theirs);

	assert_int_equal(unlink(place->lock), 0);
	tree_put_link(&place->tree, "/etc/lock", "/etc/state/a");
	assert_outcome(place, undo(place, NULL), HP_OUTCOME_DONE);
	assert_all(place, "old");
}

// == failures

static const char *const failures[] = {"fails", "once", "silent", "half"};

static void test_failures_roll_back(void **state)
{
	static const char *const subjects[] = {"a", "b", "c"};
	struct place *place = *state;
	for (size_t i = 0; i < HP_COUNT(failures); i++) {
		for (size_t j = 0; j < HP_COUNT(subjects); j++) {
			if (strcmp(failures[i], "fails") == 0)
				continue; // would fail on the way back too
			put_trouble(place, subjects[j], failures[i]);
			assert_outcome(place, apply(place, three_steps()), HP_OUTCOME_ROLLED_BACK);
			assert_non_null(strstr(place->err.message, subjects[j]));
			assert_all(place, "old");
			put_trouble(place, subjects[j], "");
		}
	}
	assert_outcome(place, recover(place, false), HP_OUTCOME_NOTHING);
}

/* What fails before it changed anything is where it was, whatever the way back says. */
static void test_nothing_written_is_nothing_to_undo(void **state)
{
	struct place *place = *state;
	put_trouble(place, "b", "fails");
	assert_outcome(place, apply(place, three_steps()), HP_OUTCOME_ROLLED_BACK);
	assert_all(place, "old");
}

/* What a program said may be no text: the journal's last line must come to be all the same. */
static void test_failures_in_no_text(void **state)
{
	struct place *place = *state;
	put_trouble(place, "c", "mumbles");
	assert_outcome(place, apply(place, three_steps()), HP_OUTCOME_ROLLED_BACK);
	assert_all(place, "old");
	assert_non_null(strstr(place->err.message, "? said modprobe"));
	assert_history(place, HISTORY("rolled-back"));
}

static void test_incomplete_rollback_is_recovered(void **state)
{
	struct place *place = *state;
	put_trouble(place, "a", "stays");
	put_trouble(place, "c", "once");
	assert_outcome(place, apply(place, three_steps()), HP_OUTCOME_INCOMPLETE);
	assert_state(place, "a", "new-a");
	assert_state(place, "b", "old-b");
	assert_history(place, HISTORY("open"));

	// Nothing else may happen until that is put right.
	assert_int_equal(apply(place, three_steps()), -EUCLEAN);
	assert_non_null(strstr(place->err.message, "happypath recover"));
	assert_int_equal(undo(place, NULL), -EUCLEAN);
	assert_outcome(place, recover(place, false), HP_OUTCOME_INCOMPLETE);
	put_trouble(place, "a", "");
	assert_outcome(place, recover(place, false), HP_OUTCOME_ROLLED_BACK);
	assert_all(place, "old");
	assert_history(place, HISTORY("rolled-back"));
}

static void test_what_can_never_be_put_back(void **state)
{
	struct place *place = *state;
	put_trouble(place, "a", "stays");
	put_trouble(place, "c", "once");
	assert_outcome(place, apply(place, three_steps()), HP_OUTCOME_INCOMPLETE);
	place->options.accept = true;
	assert_outcome(place, recover(place, false), HP_OUTCOME_INCOMPLETE);
	assert_history(place, HISTORY("incomplete"));
	assert_outcome(place, recover(place, false), HP_OUTCOME_NOTHING);
}

/* The kernel still holds a write: nothing more is done until it let go. */
static void test_stuck_writes_stop_everything(void **state)
{
	struct place *place = *state;
	put_trouble(place, "b", "stuck");
	assert_outcome(place, apply(place, three_steps()), HP_OUTCOME_INCOMPLETE);
	assert_state(place, "a", "new-a");
	assert_history(place, HISTORY("open"));
	tree_put(&place->tree, "/etc/state/b", "new-b"); // it happened after all
	put_trouble(place, "b", "");
	assert_outcome(place, recover(place, false), HP_OUTCOME_ROLLED_BACK);
	assert_all(place, "old");
}

static void test_stuck_on_the_way_back(void **state)
{
	struct place *place = *state;
	put_trouble(place, "b", "stuck-back");
	put_trouble(place, "c", "once");
	assert_outcome(place, apply(place, three_steps()), HP_OUTCOME_INCOMPLETE);
	assert_state(place, "a", "new-a"); // not touched while b is held
	assert_outcome(place, recover(place, false), HP_OUTCOME_INCOMPLETE);
	assert_state(place, "a", "new-a");
	put_trouble(place, "b", "");
	assert_outcome(place, recover(place, false), HP_OUTCOME_ROLLED_BACK);
	assert_all(place, "old");
}

static void test_failing_undo_goes_forward_again(void **state)
{
	struct place *place = *state;
	assert_outcome(place, apply(place, three_steps()), HP_OUTCOME_DONE);
	put_trouble(place, "a", "stays");
	assert_outcome(place, undo(place, NULL), HP_OUTCOME_ROLLED_BACK);
	assert_all(place, "new");
	assert_history(place, HISTORY("done"));
	put_trouble(place, "a", "holder");
	assert_outcome(place, undo(place, NULL), HP_OUTCOME_REFUSED);
	put_trouble(place, "a", "");
	assert_outcome(place, undo(place, NULL), HP_OUTCOME_DONE);
	assert_all(place, "old");
}

static void test_undo_minds_what_came_later(void **state)
{
	struct place *place = *state;
	struct hp_steps steps = {0};
	assert_outcome(place, apply(place, three_steps()), HP_OUTCOME_DONE);
	add_step(&steps, &volatile_kind, "c", "new-c", "newer-c");
	assert_outcome(place, apply(place, steps), HP_OUTCOME_DONE);
	assert_outcome(place, undo(place, "1"), HP_OUTCOME_REFUSED);
	assert_non_null(strstr(place->applied.obstacles.items[0].text, "changed c later"));
	assert_outcome(place, undo(place, NULL), HP_OUTCOME_DONE);
	assert_state(place, "c", "new-c");

	// What somebody else did meanwhile is theirs.
	tree_put(&place->tree, "/etc/state/b", "theirs");
	assert_outcome(place, undo(place, NULL), HP_OUTCOME_REFUSED);
	assert_string_equal(place->applied.obstacles.items[0].text,
	                    "lasting b was changed since: it is theirs, and was left as new-b");
	tree_put(&place->tree, "/etc/state/b", "new-b");
	assert_outcome(place, undo(place, "000001"), HP_OUTCOME_DONE);
	assert_all(place, "old");
}

/* A device that was pulled, VFs after a boot: nothing of them is left to put back. */
static void test_subjects_that_are_gone(void **state)
{
	struct place *place = *state;
	hp_cleanup_free char *c = hp_asprintf("%s/etc/state/c", place->tree.path);
	assert_outcome(place, apply(place, three_steps()), HP_OUTCOME_DONE);
	assert_int_equal(unlink(c), 0);
	assert_outcome(place, undo(place, NULL), HP_OUTCOME_DONE);
	assert_int_equal(place->applied.notes.count, 1);
	assert_non_null(strstr(place->applied.notes.names[0], "volatile c: it is gone"));
	assert_state(place, "a", "old-a");
	assert_state(place, "b", "old-b");
	assert_history(place, HISTORY("undone"));
}

/* Pulled while its step is walked, or an earlier one's subject while a later one fails: the rest is
 * put back, and nothing waits for recovery. */
static void test_pulled_while_walking(void **state)
{
	static const char *const subjects[] = {"a", "c"};
	struct place *place = *state;
	for (size_t i = 0; i < HP_COUNT(subjects); i++) {
		put_trouble(place, subjects[i], "pulled");
		assert_outcome(place, apply(place, three_steps()), HP_OUTCOME_ROLLED_BACK);
		assert_non_null(strstr(place->err.message, "is not there any more"));
		assert_int_equal(place->applied.notes.count, 1);
		assert_non_null(strstr(place->applied.notes.names[0], ": it is gone"));
		assert_state(place, subjects[i], "(absent)");
		assert_state(place, "b", "old-b");
		put_trouble(place, subjects[i], "");
		put(place->host, subjects[i], i ? "old-c" : "old-a", NULL);
	}
	assert_outcome(place, recover(place, false), HP_OUTCOME_NOTHING);
	assert_outcome(place, apply(place, three_steps()), HP_OUTCOME_DONE);
}

static void test_recovery_without_the_subject(void **state)
{
	struct place *place = *state;
	hp_cleanup_free char *a = hp_asprintf("%s/etc/state/a", place->tree.path);
	put_trouble(place, "a", "stays");
	put_trouble(place, "c", "once");
	assert_outcome(place, apply(place, three_steps()), HP_OUTCOME_INCOMPLETE);
	assert_int_equal(unlink(a), 0);
	assert_outcome(place, recover(place, false), HP_OUTCOME_ROLLED_BACK);
	assert_state(place, "a", "(absent)"); // and it was not made anew
	assert_history(place, HISTORY("rolled-back"));
}

static void test_subjects_that_appear(void **state)
{
	struct place *place = *state;
	struct hp_steps steps = {0};
	add_step(&steps, &volatile_kind, "d", NULL, "new-d");
	add_step(&steps, &appearing_kind, "d", NULL, "mine-d");
	assert_outcome(place, apply(place, steps), HP_OUTCOME_DONE);
	assert_state(place, "d", "mine-d");
	assert_outcome(place, undo(place, NULL), HP_OUTCOME_REFUSED); // d is not new-d any more
}

// == crashes

/* Applies in a child, which dies where the trouble says. */
static void apply_and_die(struct place *place)
{
	int status;
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		apply(place, three_steps());
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
}

static void test_crashes_in_every_step(void **state)
{
	static const char *const subjects[] = {"a", "b", "c"};
	static const char *const deaths[] = {"die-before", "die-between", "die-after"};
	struct place *place = *state;
	for (size_t i = 0; i < HP_COUNT(subjects) * HP_COUNT(deaths); i++) {
		const char *subject = subjects[i / HP_COUNT(deaths)];
		put_trouble(place, subject, deaths[i % HP_COUNT(deaths)]);
		apply_and_die(place);
		put_trouble(place, subject, "");
		assert_int_equal(apply(place, three_steps()), -EUCLEAN);
		assert_outcome(place, recover(place, false), HP_OUTCOME_ROLLED_BACK);
		assert_all(place, "old");
	}
}

static char *only_journal(struct place *place)
{
	hp_cleanup_names struct hp_names ids = {0};
	hp_cleanup_free char *directory = hp_asprintf("%s/journal", place->state);
	assert_int_equal(hp_journal_list(directory, &ids, NULL), 0);
	assert_int_equal(ids.count, 1);
	return hp_asprintf("%s/%s.jsonl", directory, ids.names[0]);
}

static char *read_whole(const char *path, size_t *ret_length)
{
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	char *text = hp_calloc(1, 65536);
	*ret_length = fread(text, 1, 65535, file);
	fclose(file);
	return text;
}

static void write_part(const char *path, const char *text, size_t length)
{
	FILE *file = fopen(path, "w");
	assert_int_equal(fwrite(text, 1, length, file), length);
	fclose(file);
}

/* The host as it can be when the journal ends at `length`: what is done is done, what is meant is
 * in one of three states, and the rest was not begun. */
static void set_states(struct place *place, const char *text, size_t length, size_t variant)
{
	static const char *const subjects[] = {"a", "b", "c"};
	for (size_t i = 0; i < HP_COUNT(subjects); i++) {
		const char *subject = subjects[i];
		const char *words[] = {"old", "between", "new"};
		hp_cleanup_free char *intent = hp_asprintf("{\"intent\":%zu,", i);
		hp_cleanup_free char *done = hp_asprintf("{\"done\":%zu,", i);
		hp_cleanup_free char *path = hp_asprintf("/etc/state/%s", subject);
		const char *begun = memmem(text, length, intent, strlen(intent));
		const char *ended = memmem(text, length, done, strlen(done));
		bool is_begun = begun && memchr(begun, '\n', length - (size_t)(begun - text));
		bool is_done = ended && memchr(ended, '\n', length - (size_t)(ended - text));
		const char *word = is_done ? "new" : is_begun ? words[variant] : "old";
		hp_cleanup_free char *value = hp_asprintf("%s-%s", word, subject);
		tree_put(&place->tree, path, value);
	}
}

static void test_journals_cut_anywhere(void **state)
{
	struct place *place = *state;
	size_t length, points = 0;
	assert_outcome(place, apply(place, three_steps()), HP_OUTCOME_DONE);
	hp_cleanup_free char *path = only_journal(place);
	hp_cleanup_free char *text = read_whole(path, &length);
	size_t head = (size_t)(strchr(text, '\n') - text) + 1;
	const char *last_done = strstr(text, "{\"done\":2,");
	size_t complete = (size_t)(strchr(last_done, '\n') - text) + 1;
	for (size_t at = head; at <= length; at++) {
		for (size_t variant = 0; variant < 3; variant++, points++) {
			write_part(path, text, at);
			set_states(place, text, at, variant);
			assert_outcome(place, recover(place, false),
			               at == length     ? HP_OUTCOME_NOTHING
			               : at >= complete ? HP_OUTCOME_DONE
			                                : HP_OUTCOME_ROLLED_BACK);
			assert_all(place, at >= complete ? "new" : "old");
			assert_outcome(place, recover(place, false), HP_OUTCOME_NOTHING);
			assert_history(place,
			               at >= complete ? (const char *[]){"done"}
			                              : (const char *[]){"rolled-back"},
			               1);
		}
	}
	print_message("figures: %zu points\n", points);
}

static void test_undo_cut_anywhere(void **state)
{
	struct place *place = *state;
	size_t length, begun;
	assert_outcome(place, apply(place, three_steps()), HP_OUTCOME_DONE);
	hp_cleanup_free char *path = only_journal(place);
	free(read_whole(path, &begun));
	assert_outcome(place, undo(place, NULL), HP_OUTCOME_DONE);
	hp_cleanup_free char *text = read_whole(path, &length);
	size_t first = begun + (size_t)(strchr(text + begun, '\n') - (text + begun)) + 1;
	for (size_t at = first; at < length; at++) {
		write_part(path, text, at);
		tree_put(&place->tree, "/etc/state/a", "new-a");
		tree_put(&place->tree, "/etc/state/b", "between");
		tree_put(&place->tree, "/etc/state/c", "old-c");
		bool all = strstr(text, "{\"undone\":0,") < text + at - 40;
		if (all) // then no line says that anything is left to do
			continue;
		// Only what the journal says may have begun is in doubt.
		if (!memmem(text, at, "{\"undoing\":1,", 13) ||
		    strstr(text, "{\"undoing\":1,") + 40 > text + at)
			tree_put(&place->tree, "/etc/state/b", "new-b");
		if (memmem(text, at, "{\"undone\":1,", 12))
			tree_put(&place->tree, "/etc/state/b", "old-b");
		assert_outcome(place, recover(place, false), HP_OUTCOME_ROLLED_BACK);
		assert_all(place, "old");
		assert_history(place, HISTORY("undone"));
	}
}

static void test_journals_that_are_damaged(void **state)
{
	struct place *place = *state;
	size_t length;
	assert_outcome(place, apply(place, three_steps()), HP_OUTCOME_DONE);
	hp_cleanup_free char *path = only_journal(place);
	hp_cleanup_free char *text = read_whole(path, &length);
	char *intent = strstr(text, "{\"intent\":2,");
	intent[3] = '#'; // the word is lost, and the outcome too
	write_part(path, text, (size_t)(strstr(text, "{\"done\":2,") - text));
	assert_outcome(place, recover(place, false), HP_OUTCOME_ROLLED_BACK);
	assert_all(place, "old");
	struct hp_history history;
	assert_int_equal(hp_history_read(place->state, &history, NULL), 0);
	assert_int_equal(history.complaints.count, 1);
	assert_non_null(strstr(history.complaints.names[0], ".jsonl:6: no line of a journal"));
	hp_history_free(&history);
	write_part(path, "{}\n", 3);
	assert_int_equal(apply(place, three_steps()), -EINVAL); // it may be open
	assert_non_null(strstr(place->err.message, "cannot tell whether a transaction ended"));
	assert_outcome(place, recover(place, false), HP_OUTCOME_INCOMPLETE);
	assert_non_null(strstr(place->err.message, ":1: expected the head of a journal"));
}

static bool on_small_disk(struct place *place, const char *size)
{
	hp_cleanup_free char *directory = hp_asprintf("%s/var/happypath", place->tree.path);
	tree_put(&place->tree, "/var/happypath/journal/x", "");
	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return false;
	return mount("none", directory, "tmpfs", 0, size) == 0;
}

static void fill(const char *directory)
{
	char block[4096] = {0};
	hp_cleanup_free char *path = hp_asprintf("%s/filler", directory);
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	while (write(fd, block, sizeof(block)) > 0)
		;
	close(fd);
}

/* In a child, since it leaves for mounts of its own. */
static void in_child(struct place *place, void (*run)(struct place *place))
{
	int status;
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		if (on_small_disk(place, "size=64k"))
			run(place);
		else
			_exit(77);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #condition,         \
			        place->err.message);                                               \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

static bool all_are(struct place *place, const char *age)
{
	static const char *const subjects[] = {"a", "b", "c"};
	for (size_t i = 0; i < HP_COUNT(subjects); i++) {
		char value[64] = "";
		hp_cleanup_free char *expected = hp_asprintf("%s-%s", age, subjects[i]);
		hp_host_readf(place->host, value, sizeof(value), "/etc/state/%s", subjects[i]);
		if (strcmp(value, expected) != 0)
			return false;
	}
	return true;
}

static void full_before(struct place *place)
{
	fill(place->state);
	MUST(apply(place, three_steps()) == -ENOSPC);
	MUST(strstr(place->err.message, "nothing was changed"));
	MUST(all_are(place, "old"));
}

/* The way back has its room from the beginning. */
static void full_after(struct place *place)
{
	MUST(apply(place, three_steps()) == 0 && place->applied.outcome == HP_OUTCOME_DONE);
	fill(place->state);
	MUST(undo(place, NULL) == 0 && all_are(place, "old"));
}

static void full_between(struct place *place)
{
	put_trouble(place, "a", "stays");
	put_trouble(place, "c", "once");
	MUST(apply(place, three_steps()) == 0 && place->applied.outcome == HP_OUTCOME_INCOMPLETE);
	put_trouble(place, "a", "");
	fill(place->state);
	MUST(recover(place, false) == 0 && all_are(place, "old"));
}

static void test_full_disks(void **state)
{
	in_child(*state, full_before);
	in_child(*state, full_after);
	in_child(*state, full_between);
}

// == reboots

static struct hp_steps steps_with_reboot(void)
{
	struct hp_steps steps = {0};
	add_step(&steps, &boot_kind, "b", "old-b", "new-b");
	add_step(&steps, &volatile_kind, "a", "old-a", "new-a");
	add_step(&steps, &volatile_kind, "c", "old-c", "new-c");
	return steps;
}

static void test_plans_that_span_a_reboot(void **state)
{
	struct place *place = *state;
	assert_outcome(place, apply(place, steps_with_reboot()), HP_OUTCOME_REBOOT);
	assert_state(place, "b", "new-b");
	assert_state(place, "a", "old-a");
	assert_history(place, HISTORY("waits-for-reboot"));
	assert_outcome(place, recover(place, true), HP_OUTCOME_NOTHING); // still the same boot
	boot(place, "second");
	tree_put(&place->tree, "/etc/state/c", "old-c-of-this-boot");
	assert_outcome(place, recover(place, true), HP_OUTCOME_DONE);
	assert_all(place, "new");
	assert_history(place, HISTORY("done"));
	assert_outcome(place, recover(place, true), HP_OUTCOME_NOTHING);
	assert_outcome(place, undo(place, NULL), HP_OUTCOME_REBOOT);
	assert_state(place, "a", "old-a");
	assert_state(place, "b", "old-b");
	assert_state(place, "c", "old-c-of-this-boot");
}

static void test_what_fails_after_the_reboot_takes_all_back(void **state)
{
	struct place *place = *state;
	assert_outcome(place, apply(place, steps_with_reboot()), HP_OUTCOME_REBOOT);
	boot(place, "second");
	put_trouble(place, "c", "half");
	assert_outcome(place, recover(place, true), HP_OUTCOME_INCOMPLETE);
	assert_all(place, "old");
	assert_history(place, HISTORY("rolled-back"));
}

static void test_undo_before_the_reboot(void **state)
{
	struct place *place = *state;
	assert_outcome(place, apply(place, steps_with_reboot()), HP_OUTCOME_REBOOT);
	assert_outcome(place, undo(place, NULL), HP_OUTCOME_REBOOT);
	assert_all(place, "old");
	boot(place, "second");
	assert_outcome(place, recover(place, true), HP_OUTCOME_NOTHING);
}

static void test_what_does_not_last_comes_again(void **state)
{
	struct place *place = *state;
	assert_outcome(place, apply(place, three_steps()), HP_OUTCOME_DONE);
	boot(place, "second");
	tree_put(&place->tree, "/etc/state/a", "old-a"); // c happens to be so already
	assert_outcome(place, recover(place, false), HP_OUTCOME_NOTHING);
	assert_outcome(place, recover(place, true), HP_OUTCOME_DONE);
	assert_all(place, "new");

	// Once a boot: what people change then is theirs.
	tree_put(&place->tree, "/etc/state/a", "theirs");
	assert_outcome(place, recover(place, true), HP_OUTCOME_NOTHING);
	assert_state(place, "a", "theirs");
	boot(place, "third");
	tree_put(&place->tree, "/etc/state/a", "old-a");
	put_trouble(place, "a", "holder");
	assert_outcome(place, recover(place, true), HP_OUTCOME_INCOMPLETE);
	assert_state(place, "a", "old-a");
}

/* Addresses move when cards come and go. */
static void test_strangers_at_boot_are_left_alone(void **state)
{
	struct place *place = *state;
	put_trouble(place, "a", "leaves");
	place->options.yes = true;
	assert_outcome(place, apply(place, three_steps()), HP_OUTCOME_DONE);
	place->options.yes = false;
	boot(place, "second");
	tree_put(&place->tree, "/etc/state/a", "theirs");
	assert_outcome(place, recover(place, true), HP_OUTCOME_INCOMPLETE);
	assert_non_null(strstr(place->err.message, "a would leave theirs, and nobody consented"));
	assert_state(place, "a", "theirs");
	boot(place, "third");
	tree_put(&place->tree, "/etc/state/a", "old-a");
	assert_outcome(place, recover(place, true), HP_OUTCOME_DONE);
	assert_state(place, "a", "new-a");
}

static void test_strangers_after_the_reboot_are_left_alone(void **state)
{
	struct place *place = *state;
	put_trouble(place, "a", "leaves");
	place->options.yes = true;
	assert_outcome(place, apply(place, steps_with_reboot()), HP_OUTCOME_REBOOT);
	place->options.yes = false;
	boot(place, "second");
	tree_put(&place->tree, "/etc/state/a", "theirs");
	assert_outcome(place, recover(place, true), HP_OUTCOME_INCOMPLETE);
	assert_state(place, "a", "theirs");
	place->options.yes = true;
	assert_outcome(place, recover(place, true), HP_OUTCOME_DONE);
	assert_all(place, "new");
}

static void test_the_last_word_counts_at_boot(void **state)
{
	struct place *place = *state;
	struct hp_steps steps = {0};
	assert_outcome(place, apply(place, three_steps()), HP_OUTCOME_DONE);
	add_step(&steps, &volatile_kind, "a", "new-a", "newer-a");
	assert_outcome(place, apply(place, steps), HP_OUTCOME_DONE);
	boot(place, "second");
	tree_put(&place->tree, "/etc/state/a", "old-a");
	assert_outcome(place, recover(place, true), HP_OUTCOME_DONE);
	assert_state(place, "a", "newer-a");
}

/* Power was lost in the middle: what does not last is as after any boot. */
static void test_power_loss(void **state)
{
	struct place *place = *state;
	put_trouble(place, "c", "die-between");
	apply_and_die(place);
	put_trouble(place, "c", "");
	boot(place, "second");
	tree_put(&place->tree, "/etc/state/a", "old-a");
	tree_put(&place->tree, "/etc/state/c", "old-c");
	assert_outcome(place, recover(place, true), HP_OUTCOME_ROLLED_BACK);
	assert_all(place, "old");
}

int main(void)
{
#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, free_place)
	const struct CMUnitTest tests[] = {
	    IN_PLACE(test_there_and_back),
	    IN_PLACE(test_steps_that_are_so_already),
	    IN_PLACE(test_what_comes_and_goes),
	    IN_PLACE(test_rehearses),
	    IN_PLACE(test_stale_plans),
	    IN_PLACE(test_consent),
	    IN_PLACE(test_consent_to_each_step),
	    IN_PLACE(test_consent_to_what_the_plan_is_for),
	    IN_PLACE(test_whose_state_it_is),
	    IN_PLACE(test_one_way),
	    IN_PLACE(test_one_at_a_time),
	    IN_PLACE(test_locks_of_strangers),
	    IN_PLACE(test_failures_roll_back),
	    IN_PLACE(test_nothing_written_is_nothing_to_undo),
	    IN_PLACE(test_failures_in_no_text),
	    IN_PLACE(test_incomplete_rollback_is_recovered),
	    IN_PLACE(test_what_can_never_be_put_back),
	    IN_PLACE(test_stuck_writes_stop_everything),
	    IN_PLACE(test_stuck_on_the_way_back),
	    IN_PLACE(test_failing_undo_goes_forward_again),
	    IN_PLACE(test_undo_minds_what_came_later),
	    IN_PLACE(test_subjects_that_are_gone),
	    IN_PLACE(test_pulled_while_walking),
	    IN_PLACE(test_recovery_without_the_subject),
	    IN_PLACE(test_subjects_that_appear),
	    IN_PLACE(test_crashes_in_every_step),
	    IN_PLACE(test_journals_cut_anywhere),
	    IN_PLACE(test_undo_cut_anywhere),
	    IN_PLACE(test_journals_that_are_damaged),
	    IN_PLACE(test_full_disks),
	    IN_PLACE(test_plans_that_span_a_reboot),
	    IN_PLACE(test_what_fails_after_the_reboot_takes_all_back),
	    IN_PLACE(test_undo_before_the_reboot),
	    IN_PLACE(test_what_does_not_last_comes_again),
	    IN_PLACE(test_strangers_at_boot_are_left_alone),
	    IN_PLACE(test_strangers_after_the_reboot_are_left_alone),
	    IN_PLACE(test_the_last_word_counts_at_boot),
	    IN_PLACE(test_power_loss),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
