// happypath apply, undo, recover: what changes this host, and tells what it did.
// SPDX-License-Identifier: Apache-2.0
#include "apply/apply.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "cli.h"
#include "consent.h"
#include "plan/plan.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

enum { PLAN_LIMIT = 16 << 20 };

#define APPLIED_SCHEMA "happypath.applied/1"

/* One run of a verb that changes the host. */
struct run {
	const struct hp_options *cli;
	struct hp_host *host;
	struct hp_apply_options options;
	struct hp_applied applied;
	struct hp_error error;
	json_t *steps;   // what happened to each, as progress told it
	json_t *changes; // what would be written, as a rehearsal told it
	struct hp_consent consent;
};

static const char *const change_names[] = {
    [HP_CHANGE_WRITE] = "write",
    [HP_CHANGE_REPLACE] = "replace",
    [HP_CHANGE_REMOVE] = "remove",
    [HP_CHANGE_RUN] = "run",
};

static const struct hp_column step_columns[] = {
    {.name = "result", .help = "how far it came: done, failed, undone, stays"},
    {.name = "step", .help = "what it changes", .wraps = true},
    {.name = "kind", .help = "its kind", .wide = true},
    {.name = "subject", .help = "of what", .wide = true},
};

static const struct hp_column change_columns[] = {
    {.name = "change", .help = "write, replace, remove, run"},
    {.name = "path", .help = "attribute, file or program"},
    {.name = "text", .help = "what is written, or the command line", .wraps = true},
};

static const struct hp_column obstacle_columns[] = {
    {.name = "obstacle", .help = "holder, consent, owner, broken"},
    {.name = "subject", .help = "what --allow would name"},
    {.name = "text", .help = "what stands in the way", .wraps = true},
};

/* The last word on a step counts. */
static void note_progress(void *data, const struct hp_step *step, size_t at, size_t count,
                          const char *what)
{
	struct run *run = data;
	hp_cleanup_text struct hp_text words = {0};
	hp_step_tell(step, &words);
	bool ended = strcmp(what, "begins") != 0 && strcmp(what, "undoing") != 0;
	if (isatty(STDERR_FILENO) && !run->options.dry_run)
		fprintf(stderr, "[%zu/%zu] %s %s\n", at + 1, count, hp_text_get(&words), what);
	if (!ended)
		return;
	for (size_t i = 0; i < json_array_size(run->steps); i++) {
		json_t *row = json_array_get(run->steps, i);
		if (strcmp(json_string_value(json_object_get(row, "step")), hp_text_get(&words)))
			continue;
		json_object_set_new(row, "result", json_string(what));
		return;
	}
	json_array_append_new(run->steps, json_pack("{s:s, s:s, s:s, s:s}", "result", what, "step",
	                                            hp_text_get(&words), "kind", step->kind->name,
	                                            "subject", step->subject));
}

static void note_change(void *data, enum hp_change_what what, const char *path, const char *text)
{
	struct run *run = data;
	json_array_append_new(
	    run->changes,
	    json_pack("{s:s, s:s, s:s}", "change", change_names[what], "path", path, "text", text));
}

// == output

static json_t *obstacles_json(const struct hp_obstacles *obstacles)
{
	json_t *list = json_array();
	for (size_t i = 0; i < obstacles->count; i++) {
		const struct hp_obstacle *one = &obstacles->items[i];
		json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "obstacle",
		                                      hp_obstacle_name(one->kind), "subject",
		                                      one->subject, "text", one->text));
	}
	return list;
}

static json_t *applied_json(const struct run *run)
{
	const struct hp_applied *applied = &run->applied;
	json_t *notes = json_array();
	for (size_t i = 0; i < applied->notes.count; i++)
		json_array_append_new(notes, json_string(applied->notes.names[i]));
	return json_pack("{s:s, s:s, s:o, s:o, s:O, s:O, s:o, s:o}", "schema", APPLIED_SCHEMA,
	                 "outcome", hp_outcome_name(applied->outcome), "id",
	                 *applied->id ? json_string(applied->id) : json_null(), "error",
	                 *run->error.message ? json_string(run->error.message) : json_null(),
	                 "steps", run->steps, "changes", run->changes, "obstacles",
	                 obstacles_json(&applied->obstacles), "notes", notes);
}

static int print_rows(const struct run *run, const json_t *rows, const struct hp_column *columns,
                      size_t count, struct hp_error *err)
{
	enum { MOST = 4 };
	struct hp_table *table = hp_table_new(columns, count);
	size_t i;
	json_t *row;
	json_array_foreach(rows, i, row)
	{
		const char *cells[MOST] = {NULL};
		for (size_t j = 0; j < count && j < MOST; j++)
			cells[j] = json_string_value(json_object_get(row, columns[j].name));
		hp_table_add(table, cells);
	}
	int code = json_array_size(rows)
	               ? hp_table_print(table, run->cli->format, NULL, NULL, stdout, err)
	               : 0;
	hp_table_free(table);
	return code;
}

static int print_tables(const struct run *run, struct hp_error *err)
{
	json_t *obstacles = obstacles_json(&run->applied.obstacles);
	int code = print_rows(run, run->changes, change_columns, HP_COUNT(change_columns), err);
	if (!code)
		code = print_rows(run, run->steps, step_columns, HP_COUNT(step_columns), err);
	if (!code)
		code =
		    print_rows(run, obstacles, obstacle_columns, HP_COUNT(obstacle_columns), err);
	json_decref(obstacles);
	return code;
}

static int print(const struct run *run, struct hp_error *err)
{
	enum hp_format format = run->cli->format;
	if (format != HP_FORMAT_JSON && format != HP_FORMAT_YAML)
		return print_tables(run, err);
	json_t *document = applied_json(run);
	int code = hp_json_print(document, format, stdout, err);
	json_decref(document);
	return code;
}

// == what the outcome means

static const struct {
	int code;
	const char *words; // for people; %s is the transaction
} outcomes[] = {
    [HP_OUTCOME_NOTHING] = {HP_EXIT_OK, "nothing to do: everything is so already"},
    [HP_OUTCOME_DONE] = {HP_EXIT_OK, "done"},
    [HP_OUTCOME_REBOOT] = {HP_EXIT_REBOOT, "done; reboot for it to take effect"},
    [HP_OUTCOME_ROLLED_BACK] = {HP_EXIT_ROLLED_BACK, "failed; everything is as it was"},
    [HP_OUTCOME_INCOMPLETE] = {HP_EXIT_INCOMPLETE,
                               "failed, and not everything is as it was: happypath recover"},
    [HP_OUTCOME_REFUSED] = {HP_EXIT_NOT_MET, "refused; nothing was changed"},
};

enum verb {
	APPLY,
	UNDO,
	RECOVER,
};

/* Where a verb has words of its own. */
static const char *const words_of_verbs[][HP_OUTCOME_REFUSED + 1] = {
    [APPLY] = {NULL},
    [UNDO] = {[HP_OUTCOME_DONE] = "undone",
              [HP_OUTCOME_REBOOT] = "undone; reboot for it to take effect"},
    [RECOVER] = {[HP_OUTCOME_NOTHING] = "nothing to recover",
                 [HP_OUTCOME_DONE] = "what was left is done",
                 [HP_OUTCOME_ROLLED_BACK] = "what had not come to an end was taken back",
                 [HP_OUTCOME_INCOMPLETE] =
                     "not everything could be put right: recover again once that is changed, or "
                     "with --accept to leave it as it is"},
};

static int tell_outcome(const struct run *run, enum verb verb)
{
	const struct hp_applied *applied = &run->applied;
	const char *words = words_of_verbs[verb][applied->outcome];
	/* Taking back what a crash left is what recover is for. */
	bool restored = verb == RECOVER && applied->outcome == HP_OUTCOME_ROLLED_BACK;
	for (size_t i = 0; i < applied->notes.count; i++)
		if (strcmp(applied->notes.names[i], run->error.message) != 0)
			hp_say("%s", applied->notes.names[i]);
	if (*run->error.message)
		hp_say("%s", run->error.message);
	if (run->options.dry_run && applied->outcome != HP_OUTCOME_REFUSED)
		hp_say("rehearsed; nothing was changed");
	else
		hp_say("%s%s%s", *applied->id ? applied->id : "", *applied->id ? ": " : "",
		       words ? words : outcomes[applied->outcome].words);
	return restored ? HP_EXIT_OK : outcomes[applied->outcome].code;
}

static int finish(struct run *run, int code, enum verb verb)
{
	int status = HP_EXIT_FAILED;
	struct hp_error error = {0};
	if (code == -EBUSY)
		status = HP_EXIT_LOCKED;
	if (code < 0)
		hp_say("%s", run->error.message);
	else if (print(run, &error) < 0)
		status = hp_give_up(&error);
	else
		status = tell_outcome(run, verb);
	hp_applied_free(&run->applied);
	hp_host_close(run->host);
	json_decref(run->steps);
	json_decref(run->changes);
	json_decref(run->options.origin);
	hp_consent_free(&run->consent);
	return status;
}

// == beginning

/* A transaction comes to its end once it began: Ctrl-C and a closed terminal wait. Every write has
 * its deadline. */
static void hold_signals(void)
{
	sigset_t held;
	sigemptyset(&held);
	sigaddset(&held, SIGINT);
	sigaddset(&held, SIGTERM);
	sigaddset(&held, SIGHUP);
	sigprocmask(SIG_BLOCK, &held, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* For tests and the careful: journal and lock below another directory. */
static void set_places(struct run *run, char lock[static 512])
{
	const char *state = getenv("HAPPYPATH_STATE");
	if (!state)
		return;
	snprintf(lock, 512, "%s/lock", state);
	run->options.state = state;
	run->options.lock = lock;
}

static int begin(struct run *run, const struct hp_options *cli, const char *const *own,
                 char lock[static 512])
{
	uint64_t seconds = 0;
	// Kinds ask nvidia-smi what they are about to set.
	const struct hp_host_options how = {.level = 2};
	if (cli->wait && (!hp_parse_u64(cli->wait, &seconds) || seconds > 86400))
		return hp_fail(&run->error, HP_MISUSE, "--wait %s: expected seconds", cli->wait);
	run->cli = cli;
	run->steps = json_array();
	run->changes = json_array();
	hp_consent_take(&run->consent, &cli->allow, own);
	run->options = (struct hp_apply_options){
	    .dry_run = cli->dry_run,
	    .told = note_change,
	    .yes = cli->yes,
	    .allow = run->consent.allow,
	    .own = run->consent.own,
	    .accept = cli->accept,
	    .wait_ms = (int)seconds * 1000,
	    .progress = note_progress,
	    .data = run,
	};
	set_places(run, lock);
	hold_signals();
	return hp_host_open_live(&how, &run->host, &run->error);
}

static int fail_early(struct run *run, int code)
{
	int status = code == HP_MISUSE ? HP_EXIT_USAGE : HP_EXIT_FAILED;
	hp_say("%s", run->error.message);
	hp_host_close(run->host);
	json_decref(run->steps);
	json_decref(run->changes);
	json_decref(run->options.origin);
	hp_consent_free(&run->consent);
	return status;
}

// == the plan file

/* Whether root may do what a file says: what others can write, or own, may not be what was looked
 * at. Whoever called sudo is the one who acts. */
static int check_trust(FILE *file, const char *name, struct hp_error *err)
{
	struct stat st;
	uint64_t caller = 0;
	const char *sudo = getenv("SUDO_UID");
	if (geteuid() != 0)
		return 0;
	if (fstat(fileno(file), &st) < 0)
		return hp_fail(err, -errno, "%s: %s", name, strerror(errno));
	if (sudo)
		hp_parse_u64(sudo, &caller);
	if ((st.st_uid == 0 || st.st_uid == caller) && !(st.st_mode & (S_IWGRP | S_IWOTH)))
		return 0;
	return hp_fail(err, -EPERM,
	               "%s: refused: its owner is %u and its mode %04o, where a plan that root "
	               "walks must be root's or the caller's and writable by nobody else; standard "
	               "input is taken as it is",
	               name, (unsigned)st.st_uid, (unsigned)(st.st_mode & 07777));
}

static int read_file(const char *name, struct hp_text *ret, struct hp_error *err)
{
	bool given = strcmp(name, "-") == 0;
	hp_cleanup_file FILE *file = given ? fdopen(dup(STDIN_FILENO), "r") : fopen(name, "re");
	if (!file)
		return hp_fail(err, -errno, "%s: %s", name, strerror(errno));
	int r = given ? 0 : check_trust(file, name, err);
	if (r < 0)
		return r;
	char chunk[65536];
	for (size_t length; (length = fread(chunk, 1, sizeof(chunk), file)) > 0;) {
		hp_text_add(ret, chunk, length);
		if (ret->length > PLAN_LIMIT)
			return hp_fail(err, -EFBIG, "%s: too large for a plan", name);
	}
	return ferror(file) ? hp_fail(err, -EIO, "%s: cannot be read", name) : 0;
}

static int read_plan(const char *name, struct hp_steps *ret, json_t **ret_origin,
                     struct hp_error *err)
{
	hp_cleanup_text struct hp_text text = {0};
	json_error_t wrong;
	int r = read_file(name, &text, err);
	if (r < 0)
		return r;
	json_t *plan = json_loadb(hp_text_get(&text), text.length, JSON_REJECT_DUPLICATES, &wrong);
	if (!plan)
		return hp_fail(err, -EINVAL, "%s:%d: %s", name, wrong.line, wrong.text);
	r = hp_plan_read(plan, name, ret, err);
	*ret_origin = json_incref(json_object_get(plan, "goal"));
	json_decref(plan);
	return r;
}

/* The devices that the plan says it is for, ends with NULL. */
static const char **own_of(const json_t *goal)
{
	const json_t *gpus = json_object_get(goal, "gpus");
	const char **own = hp_calloc(json_array_size(gpus) + 1, sizeof(*own));
	size_t i, count = 0;
	const json_t *gpu;
	json_array_foreach(gpus, i, gpu)
	{
		if (json_is_string(gpu))
			own[count++] = json_string_value(gpu);
	}
	return own;
}

// == the verbs

int hp_cmd_apply(const struct hp_command *command HP_UNUSED, struct hp_options *options)
{
	char lock[512];
	struct run run = {0};
	struct hp_steps steps = {0};
	json_t *origin = NULL;
	int code = read_plan(options->arguments.items[0], &steps, &origin, &run.error);
	hp_cleanup_free const char **own = own_of(origin);
	if (!code)
		code = begin(&run, options, own, lock);
	run.options.origin = origin;
	if (!code)
		code =
		    finish(&run, hp_apply(run.host, &steps, &run.options, &run.applied, &run.error),
		           APPLY);
	else
		code = fail_early(&run, code);
	hp_steps_free(&steps);
	return code;
}

int hp_cmd_undo(const struct hp_command *command HP_UNUSED, struct hp_options *options)
{
	char lock[512];
	struct run run = {0};
	const char *id = options->arguments.count ? options->arguments.items[0] : NULL;
	int code = begin(&run, options, NULL, lock);
	if (code)
		return fail_early(&run, code);
	return finish(
	    &run, hp_undo_transaction(run.host, id, &run.options, &run.applied, &run.error), UNDO);
}

int hp_cmd_recover(const struct hp_command *command HP_UNUSED, struct hp_options *options)
{
	char lock[512];
	struct run run = {0};
	int code = begin(&run, options, NULL, lock);
	if (code)
		return fail_early(&run, code);
	return finish(&run,
	              hp_recover(run.host, options->boot, &run.options, &run.applied, &run.error),
	              RECOVER);
}
