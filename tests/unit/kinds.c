// Kinds of steps walked there and back on trees of files, with programs that are told instead of
// run. SPDX-License-Identifier: Apache-2.0
#include "kinds.h"

#include "base/cleanup.h"

#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static struct world *current; // whose programs the door finds

int __wrap_hp_host_change_run(struct hp_host *host, const char *const argv[], int deadline_ms,
                              struct hp_text *ret_output);
int __real_hp_host_change_run(struct hp_host *host, const char *const argv[], int deadline_ms,
                              struct hp_text *ret_output);
int __wrap_hp_host_run(struct hp_host *host, const char *const argv[], int deadline_ms,
                       size_t limit, struct hp_text *ret_output);

static int run(const char *const argv[], struct hp_text *output)
{
	return current->programs ? current->programs(current, argv, output) : -ENOENT;
}

int __wrap_hp_host_change_run(struct hp_host *host, const char *const argv[], int deadline_ms,
                              struct hp_text *ret_output)
{
	if (hp_host_rehearsing(host))
		return __real_hp_host_change_run(host, argv, deadline_ms, ret_output);
	for (size_t i = 0; argv[i]; i++)
		hp_text_printf(&current->ran, "%s%s", i ? " " : "", argv[i]);
	hp_text_puts(&current->ran, "\n");
	return run(argv, ret_output);
}

int __wrap_hp_host_run(struct hp_host *host, const char *const argv[], int deadline_ms,
                       size_t limit, struct hp_text *ret_output)
{
	(void)host, (void)deadline_ms, (void)limit;
	return run(argv, ret_output);
}

void world_make(struct world *world, const struct entry *entries, program *programs)
{
	static const struct hp_host_options options = {.level = 2};
	*world = (struct world){.programs = programs};
	tree_make(&world->tree);
	for (; entries->path; entries++)
		if (hp_starts_with(entries->content, "-> "))
			tree_put_link(&world->tree, entries->path, entries->content + 3);
		else
			tree_put(&world->tree, entries->path, entries->content);
	assert_int_equal(hp_host_open_root(world->tree.path, &options, &world->host, NULL), 0);
	current = world;
}

void world_free(struct world *world)
{
	hp_host_close(world->host);
	tree_remove(&world->tree);
	hp_text_free(&world->ran);
	current = NULL;
}

void world_put(struct world *world, const char *path, const char *content, unsigned mode)
{
	hp_cleanup_free char *whole = hp_asprintf("%s%s", world->tree.path, path);
	tree_put(&world->tree, path, content);
	assert_int_equal(chmod(whole, mode), 0);
}

static struct hp_names seen; // nftw hands nothing over

static int note_file(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
	(void)ftw;
	char buffer[8192] = "";
	if (type == FTW_F) {
		hp_cleanup_file FILE *file = fopen(path, "r");
		assert_non_null(file);
		buffer[fread(buffer, 1, sizeof(buffer) - 1, file)] = '\0';
	}
	seen.names = hp_realloc(seen.names, (seen.count + 1) * sizeof(*seen.names));
	seen.names[seen.count++] =
	    hp_asprintf("%s %o %u:%u\n%s", path, stat->st_mode, stat->st_uid, stat->st_gid, buffer);
	return 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

char *world_snapshot(const struct world *world)
{
	hp_cleanup_text struct hp_text text = {0};
	assert_int_equal(nftw(world->tree.path, note_file, 16, FTW_PHYS), 0);
	qsort(seen.names, seen.count, sizeof(*seen.names), by_text);
	for (size_t i = 0; i < seen.count; i++)
		hp_text_printf(&text, "%s\n", seen.names[i]);
	hp_names_free(&seen);
	seen = (struct hp_names){0};
	return hp_strdup(hp_text_get(&text));
}

void assert_file(const struct world *world, const char *path, const char *content)
{
	hp_cleanup_text struct hp_text text = {0};
	int r = hp_host_read_text(world->host, path, 1 << 20, &text);
	if (r < 0)
		fail_msg("%s: %s", path, strerror(-r));
	assert_string_equal(hp_text_get(&text), content);
}

json_t *read_state(struct world *world, const struct hp_kind *kind, const char *subject)
{
	struct hp_error err = {0};
	json_t *state = NULL;
	if (kind->read(world->host, subject, &state, &err) < 0)
		fail_msg("%s", err.message);
	return state;
}

json_t *want(struct world *world, const struct hp_kind *kind, const char *subject, const char *word,
             char **ret_refusal)
{
	struct hp_error err = {0};
	json_t *before = read_state(world, kind, subject), *after = NULL;
	int r = kind->want(world->host, subject, word, before, &after, &err);
	json_decref(before);
	*ret_refusal = r < 0 ? hp_strdup(err.message) : NULL;
	assert_int_equal(r, r < 0 ? err.code : 0);
	return r < 0 ? NULL : after;
}

static json_t *wanted(struct world *world, const struct hp_kind *kind, const char *subject,
                      const char *word)
{
	hp_cleanup_free char *refusal = NULL;
	json_t *after = want(world, kind, subject, word, &refusal);
	if (!after)
		fail_msg("%s", refusal);
	return after;
}

void assert_refused(struct world *world, const struct hp_kind *kind, const char *subject,
                    const char *word, const char *message)
{
	hp_cleanup_free char *refusal = NULL;
	assert_null(want(world, kind, subject, word, &refusal));
	assert_string_equal(refusal, message);
}

void assert_obstacles(struct world *world, const struct hp_kind *kind, const char *subject,
                      const char *word, const char *expected)
{
	struct hp_error err = {0};
	struct hp_obstacles found = {0};
	hp_cleanup_text struct hp_text text = {0};
	json_t *before = read_state(world, kind, subject);
	json_t *after = wanted(world, kind, subject, word);
	if (kind->obstacles(world->host, subject, before, after, &found, &err) < 0)
		fail_msg("%s", err.message);
	for (size_t i = 0; i < found.count; i++)
		hp_text_printf(&text, "%s %s: %s\n", hp_obstacle_name(found.items[i].kind),
		               found.items[i].subject, found.items[i].text);
	assert_string_equal(hp_text_get(&text), expected);
	hp_obstacles_free(&found);
	json_decref(after);
	json_decref(before);
}

static void note_change(void *data, enum hp_change_what what, const char *path, const char *text)
{
	static const char *const verbs[] = {[HP_CHANGE_WRITE] = "write",
	                                    [HP_CHANGE_REPLACE] = "replace",
	                                    [HP_CHANGE_REMOVE] = "remove",
	                                    [HP_CHANGE_RUN] = "run"};
	hp_text_printf(data, "%s %s%s%s%s", verbs[what], what == HP_CHANGE_RUN ? "" : path,
	               what == HP_CHANGE_REPLACE ? "\n" : "", text,
	               hp_ends_with(text, "\n") ? "" : "\n");
}

void assert_rehearsed(struct world *world, const struct hp_kind *kind, const char *subject,
                      const char *word, const char *expected)
{
	struct hp_error err = {0};
	hp_cleanup_text struct hp_text told = {0};
	hp_cleanup_free char *as_it_was = world_snapshot(world);
	json_t *before = read_state(world, kind, subject);
	json_t *after = wanted(world, kind, subject, word);
	hp_host_rehearse(world->host, note_change, &told);
	if (kind->write(world->host, subject, before, after, &err) < 0)
		fail_msg("%s", err.message);
	hp_host_rehearse(world->host, NULL, NULL);
	assert_string_equal(hp_text_get(&told), expected);
	hp_cleanup_free char *as_it_is = world_snapshot(world);
	assert_string_equal(as_it_is, as_it_was);
	json_decref(after);
	json_decref(before);
}

/* Writes, and reads back as whoever applies does. */
static void bring_about(struct world *world, const struct hp_kind *kind, const char *subject,
                        const json_t *before, const json_t *after)
{
	struct hp_error err = {0};
	if (kind->write(world->host, subject, before, after, &err) < 0)
		fail_msg("%s", err.message);
	json_t *found = read_state(world, kind, subject);
	if (!json_equal(found, after) && !(kind->same && kind->same(subject, after, found, NULL))) {
		hp_cleanup_free char *is = json_dumps(found, JSON_ENCODE_ANY);
		hp_cleanup_free char *should = json_dumps(after, JSON_ENCODE_ANY);
		fail_msg("read back %s\nnot %s", is, should);
	}
	json_decref(found);
}

void go(struct world *world, const struct hp_kind *kind, const char *subject, const char *word)
{
	json_t *before = read_state(world, kind, subject);
	json_t *after = wanted(world, kind, subject, word);
	bring_about(world, kind, subject, before, after);
	json_decref(after);
	json_decref(before);
}

void there_and_back(struct world *world, const struct hp_kind *kind, const char *subject,
                    const char *word, const char *told, const char *ran)
{
	hp_cleanup_text struct hp_text words = {0};
	hp_cleanup_free char *as_it_was = world_snapshot(world);
	struct hp_step step = {
	    .kind = kind,
	    .subject = hp_strdup(subject),
	    .before = read_state(world, kind, subject),
	    .after = wanted(world, kind, subject, word),
	};
	hp_step_tell(&step, &words);
	if (told)
		assert_string_equal(hp_text_get(&words), told);
	hp_text_free(&world->ran);
	bring_about(world, kind, subject, step.before, step.after);
	if (ran)
		assert_string_equal(hp_text_get(&world->ran), ran);
	hp_cleanup_free char *there = world_snapshot(world);
	assert_string_not_equal(there, as_it_was);
	// Asked for again, there is nothing to do.
	json_t *again = wanted(world, kind, subject, word);
	if (!kind->same)
		assert_true(json_equal(again, step.after));
	json_decref(again);
	bring_about(world, kind, subject, step.after, step.before);
	hp_cleanup_free char *back = world_snapshot(world);
	assert_string_equal(back, as_it_was);
	hp_step_finish(&step);
}
