// The journal of a transaction. docs/journal.md tells its form. SPDX-License-Identifier: Apache-2.0
#include "apply/journal.h"

#include "base/cleanup.h"
#include "base/write.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SUFFIX ".jsonl"

enum { JOURNAL_LIMIT = 64 << 20 };

/* The word of a line that tells how far a step came. */
static const char *const words[] = {
    [HP_STEP_INTENT] = "intent",
    [HP_STEP_DONE] = "done",
    [HP_STEP_UNDOING] = "undoing",
    [HP_STEP_UNDONE] = "undone",
};

const char *hp_progress_name(enum hp_progress progress)
{
	return words[progress] ? words[progress] : "waiting";
}

static json_t *stamp_json(void)
{
	char text[32];
	time_t now = time(NULL);
	struct tm tm;
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
	return json_string(text);
}

// == the directory

static int make_directory(const char *path, mode_t mode, struct hp_error *err)
{
	hp_cleanup_free char *copy = hp_strdup(path);
	for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(copy, 0755);
		*slash = '/';
	}
	if (mkdir(copy, mode) < 0 && errno != EEXIST)
		return hp_fail(err, -errno, "cannot make %s: %s", path, strerror(errno));
	return 0;
}

char *hp_journal_place(const char *state)
{
	return hp_asprintf("%s/journal", state ? state : HP_STATE_DIRECTORY);
}

int hp_journal_directory(const char *state, char **ret, struct hp_error *err)
{
	hp_cleanup_free char *path = hp_journal_place(state);
	int r = make_directory(path, 0700, err);
	if (r < 0)
		return r;
	*ret = hp_steal(path);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int hp_journal_list(const char *directory, struct hp_names *ret, struct hp_error *err)
{
	struct hp_names names = {0};
	hp_cleanup_dir DIR *stream = opendir(directory);
	if (!stream && errno != ENOENT)
		return hp_fail(err, -errno, "cannot list %s: %s", directory, strerror(errno));
	for (const struct dirent *entry; stream && (entry = readdir(stream));) {
		size_t length = strlen(entry->d_name), suffix = strlen(SUFFIX);
		if (entry->d_name[0] == '.' || !hp_ends_with(entry->d_name, SUFFIX))
			continue;
		names.names = hp_realloc(names.names, (names.count + 1) * sizeof(*names.names));
		names.names[names.count++] = hp_strndup(entry->d_name, length - suffix);
	}
	if (names.count)
		qsort(names.names, names.count, sizeof(*names.names), by_name);
	*ret = names;
	return 0;
}

static int sync_directory(const char *directory)
{
	hp_cleanup_fd int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

// == writing

/* A line, on the disk when this returns. What cannot be written whole is taken back, lest it spoil
 * the next one. `line` is taken over. */
static int put_line(struct hp_journal *journal, json_t *line, struct hp_error *err)
{
	hp_cleanup_free char *text = json_dumps(line, JSON_COMPACT);
	json_decref(line);
	if (!text)
		return hp_fail(err, -EILSEQ, "cannot write the journal %s: the line is no JSON",
		               journal->path);
	hp_cleanup_text struct hp_text whole = {0};
	hp_text_printf(&whole, "%s\n", text);
	off_t end = lseek(journal->fd, 0, SEEK_END);
	int r = hp_write_whole(journal->fd, whole.data, whole.length);
	if (r == 0 && fsync(journal->fd) < 0)
		r = -errno;
	if (r == 0)
		return 0;
	int ignored = end < 0 ? 0 : ftruncate(journal->fd, end);
	(void)ignored;
	return hp_fail(err, r, "cannot write the journal %s: %s", journal->path, strerror(-r));
}

int hp_journal_progress(struct hp_journal *journal, size_t step, enum hp_progress progress,
                        const json_t *before, struct hp_error *err)
{
	json_t *line =
	    json_pack("{s:I, s:o}", words[progress], (json_int_t)step, "at", stamp_json());
	if (before)
		json_object_set_new(line, "before", json_deep_copy(before));
	int r = put_line(journal, line, err);
	/* In memory the worse holds: what could not be noted may have happened. */
	if (r == 0 || progress == HP_STEP_INTENT || progress == HP_STEP_UNDOING)
		journal->progress[step] = progress;
	return r;
}

int hp_journal_undo(struct hp_journal *journal, const char *boot, struct hp_error *err)
{
	journal->undo = true;
	return put_line(journal, json_pack("{s:o, s:s}", "undo", stamp_json(), "boot", boot), err);
}

int hp_journal_resume(struct hp_journal *journal, const char *boot, struct hp_error *err)
{
	json_t *states = json_object();
	for (size_t i = 0; i < journal->steps.count; i++) {
		char number[32];
		snprintf(number, sizeof(number), "%zu", i);
		if (journal->progress[i] == HP_STEP_WAITING)
			json_object_set(states, number, journal->steps.items[i].before);
	}
	return put_line(
	    journal,
	    json_pack("{s:o, s:s, s:o}", "resumed", stamp_json(), "boot", boot, "before", states),
	    err);
}

int hp_journal_again(struct hp_journal *journal, const char *boot, struct hp_error *err)
{
	return put_line(journal, json_pack("{s:o, s:s}", "again", stamp_json(), "boot", boot), err);
}

int hp_journal_end(struct hp_journal *journal, const char *outcome, const char *note,
                   struct hp_error *err)
{
	return put_line(journal,
	                json_pack("{s:s, s:o, s:s*}", "outcome", outcome, "at", stamp_json(),
	                          "note", note && *note ? note : NULL),
	                err);
}

// == beginning

/* One more than the last; the time is for people. */
static char *next_id(const char *directory)
{
	char text[32];
	time_t now = time(NULL);
	struct tm tm;
	hp_cleanup_names struct hp_names names = {0};
	unsigned last = 0;
	hp_journal_list(directory, &names, NULL);
	if (names.count)
		sscanf(names.names[names.count - 1], "%u", &last);
	strftime(text, sizeof(text), "%Y%m%dT%H%M%SZ", gmtime_r(&now, &tm));
	return hp_asprintf("%06u-%s", last + 1, text);
}

static json_t *head(const struct hp_journal *journal, const json_t *origin)
{
	json_t *steps = json_array();
	for (size_t i = 0; i < journal->steps.count; i++)
		json_array_append_new(steps, hp_step_json(&journal->steps.items[i]));
	json_t *line = json_pack("{s:s, s:s, s:o, s:s, s:s, s:o}", "schema", HP_JOURNAL_SCHEMA,
	                         "id", journal->id, "begun", stamp_json(), "boot", journal->boot,
	                         "program", "happypath " HP_VERSION, "steps", steps);
	if (origin)
		json_object_set_new(line, "origin", json_deep_copy(origin));
	return line;
}

/* Room for the lines of all steps there and back, with the states that some carry. A file system
 * that cannot reserve has to do without. */
static int reserve(struct hp_journal *journal)
{
	off_t room = 4096;
	for (size_t i = 0; i < journal->steps.count; i++) {
		const struct hp_step *step = &journal->steps.items[i];
		char *before = json_dumps(step->before, JSON_ENCODE_ANY | JSON_COMPACT);
		char *after = json_dumps(step->after, JSON_ENCODE_ANY | JSON_COMPACT);
		room += 1024 + (off_t)(before ? strlen(before) : 0) +
		        2 * (off_t)(after ? strlen(after) : 0);
		free(before);
		free(after);
	}
	struct stat st;
	if (fstat(journal->fd, &st) < 0)
		return -errno;
	if (fallocate(journal->fd, FALLOC_FL_KEEP_SIZE, 0, st.st_size + room) == 0)
		return 0;
	return errno == ENOSPC || errno == EDQUOT ? -errno : 0;
}

/* The journal appears with its first line, or not at all. */
static int create(struct hp_journal *journal, const char *directory, const json_t *origin,
                  struct hp_error *err)
{
	hp_cleanup_free char *beside = hp_asprintf("%s/.new", directory);
	unlink(beside);
	journal->fd = open(beside, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
	int r = journal->fd < 0 ? -errno : put_line(journal, head(journal, origin), NULL);
	if (r == 0)
		r = reserve(journal);
	if (r == 0 && rename(beside, journal->path) < 0)
		r = -errno;
	if (r == 0)
		r = sync_directory(directory);
	if (r == 0)
		return 0;
	unlink(beside);
	unlink(journal->path);
	return hp_fail(err, r, "cannot write the journal %s: %s; nothing was changed",
	               journal->path, strerror(-r));
}

int hp_journal_begin(const char *directory, struct hp_steps *steps, const char *boot,
                     const json_t *origin, struct hp_journal *ret, struct hp_error *err)
{
	*ret = (struct hp_journal){.fd = -1, .id = next_id(directory), .boot = hp_strdup(boot)};
	ret->path = hp_asprintf("%s/%s" SUFFIX, directory, ret->id);
	ret->steps = *steps;
	ret->progress = hp_calloc(steps->count + 1, sizeof(*ret->progress));
	ret->open = true;
	*steps = (struct hp_steps){0};
	int r = create(ret, directory, origin, err);
	if (r < 0)
		hp_journal_finish(ret);
	return r;
}

void hp_journal_finish(struct hp_journal *journal)
{
	if (journal->path && journal->fd >= 0) // a zeroed one was never opened
		close(journal->fd);
	hp_steps_free(&journal->steps);
	hp_names_free(&journal->complaints);
	json_decref(journal->origin);
	free(journal->progress);
	free(journal->path);
	free(journal->id);
	free(journal->begun);
	free(journal->ended);
	free(journal->outcome);
	free(journal->note);
	free(journal->boot);
	*journal = (struct hp_journal){.fd = -1};
}

// == reading

__attribute__((format(printf, 3, 4))) static void complain(struct hp_journal *journal, size_t line,
                                                           const char *format, ...)
{
	struct hp_names *names = &journal->complaints;
	char text[HP_ERROR_SIZE];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	names->names = hp_realloc(names->names, (names->count + 1) * sizeof(*names->names));
	names->names[names->count++] = hp_asprintf("%s:%zu: %s", journal->path, line, text);
}

static void keep(char **field, const json_t *line, const char *name)
{
	const char *text = json_string_value(json_object_get(line, name));
	if (!text)
		return;
	free(*field);
	*field = hp_strdup(text);
}

static int take_head(struct hp_journal *journal, const json_t *line, struct hp_error *err)
{
	const char *schema = json_string_value(json_object_get(line, "schema"));
	const json_t *steps = json_object_get(line, "steps");
	if (!schema || strcmp(schema, HP_JOURNAL_SCHEMA) != 0 || !json_is_array(steps))
		return hp_fail(err, -EINVAL, "%s:1: expected the head of a journal, %s",
		               journal->path, HP_JOURNAL_SCHEMA);
	keep(&journal->begun, line, "begun");
	keep(&journal->boot, line, "boot");
	journal->origin = json_incref(json_object_get(line, "origin"));
	size_t i;
	json_t *item;
	json_array_foreach(steps, i, item)
	{
		struct hp_step step;
		int r = hp_step_parse(item, journal->path, &step, err);
		if (r < 0)
			return r;
		struct hp_step *place = hp_steps_add(&journal->steps, step.kind, step.subject);
		hp_step_finish(place);
		*place = step;
	}
	journal->progress = hp_calloc(journal->steps.count + 1, sizeof(*journal->progress));
	journal->open = true;
	return 0;
}

static void replace_state(json_t **state, const json_t *by)
{
	json_decref(*state);
	*state = json_deep_copy(by);
}

static bool take_progress(struct hp_journal *journal, const json_t *line)
{
	for (size_t i = 0; i < HP_COUNT(words); i++) {
		const json_t *step = words[i] ? json_object_get(line, words[i]) : NULL;
		json_int_t at = json_integer_value(step);
		if (!json_is_integer(step) || at < 0 || (size_t)at >= journal->steps.count)
			continue;
		journal->progress[at] = (enum hp_progress)i;
		json_t *state = json_object_get(line, "before");
		if (state)
			replace_state(&journal->steps.items[at].before, state);
		journal->open = true;
		return true;
	}
	return false;
}

static void take_outcome(struct hp_journal *journal, const json_t *line)
{
	free(hp_steal(journal->note));
	keep(&journal->outcome, line, "outcome");
	keep(&journal->ended, line, "at");
	keep(&journal->note, line, "note");
	journal->open = false;
}

/* The steps that waited go on from what was there after the reboot. */
static void take_resumption(struct hp_journal *journal, const json_t *line)
{
	json_t *states = json_object_get(line, "before"), *state;
	const char *number;
	json_object_foreach(states, number, state)
	{
		uint64_t at;
		if (!hp_parse_u64(number, &at) || at >= journal->steps.count)
			continue;
		replace_state(&journal->steps.items[at].before, state);
	}
	keep(&journal->boot, line, "boot");
	journal->open = true;
}

static void take_undo(struct hp_journal *journal, const json_t *line)
{
	journal->undo = true;
	keep(&journal->boot, line, "boot");
	journal->open = true;
}

static void take_again(struct hp_journal *journal, const json_t *line)
{
	keep(&journal->boot, line, "boot");
}

static const struct {
	const char *word;
	void (*take)(struct hp_journal *journal, const json_t *line);
} marks[] = {
    {"outcome", take_outcome},
    {"resumed", take_resumption},
    {"undo", take_undo},
    {"again", take_again},
};

static bool take_line(struct hp_journal *journal, const json_t *line)
{
	if (take_progress(journal, line))
		return true;
	for (size_t i = 0; i < HP_COUNT(marks); i++)
		if (json_object_get(line, marks[i].word)) {
			marks[i].take(journal, line);
			return true;
		}
	return false;
}

/* Where a line of the middle is lost, nobody knows what it said. */
static void doubt(struct hp_journal *journal)
{
	for (size_t i = 0; i < journal->steps.count; i++)
		if (journal->progress[i] == HP_STEP_WAITING)
			journal->progress[i] = HP_STEP_INTENT;
}

static int take_text(struct hp_journal *journal, char *text, struct hp_error *err)
{
	bool lost = false;
	size_t number = 0;
	char *at = text;
	for (char *end; (end = strchr(at, '\n')); at = end + 1) {
		*end = '\0';
		json_t *line = json_loads(at, 0, NULL);
		int r = number++ ? 0 : take_head(journal, line, err);
		if (r == 0 && number > 1 && !take_line(journal, line)) {
			complain(journal, number, "no line of a journal: %.60s", at);
			lost = true;
		}
		json_decref(line);
		if (r < 0)
			return r;
	}
	if (!number)
		return hp_fail(err, -EINVAL, "%s:1: the journal has no whole line", journal->path);
	if (*at)
		complain(journal, number + 1, "cut short, and so never written: %.60s", at);
	if (lost && journal->open)
		doubt(journal);
	return 0;
}

static int read_whole(int fd, struct hp_text *ret)
{
	char chunk[16384];
	hp_text_puts(ret, "");
	for (ssize_t r; (r = read(fd, chunk, sizeof(chunk)));) {
		if (r < 0 && errno != EINTR)
			return -errno;
		if (ret->length > JOURNAL_LIMIT)
			return -EFBIG;
		if (r > 0)
			hp_text_add(ret, chunk, (size_t)r);
	}
	return 0;
}

int hp_journal_load(const char *directory, const char *id, struct hp_journal *ret,
                    struct hp_error *err)
{
	hp_cleanup_text struct hp_text text = {0};
	*ret = (struct hp_journal){.fd = -1, .id = hp_strdup(id)};
	ret->path = hp_asprintf("%s/%s" SUFFIX, directory, id);
	hp_cleanup_fd int fd = open(ret->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int r = fd < 0 ? -errno : read_whole(fd, &text);
	if (r < 0)
		hp_fail(err, r, "cannot read the journal %s: %s", ret->path, strerror(-r));
	else
		r = take_text(ret, text.data, err);
	if (r < 0)
		hp_journal_finish(ret);
	return r;
}

/* Where the last whole line ends. */
static off_t whole_lines(int fd)
{
	hp_cleanup_text struct hp_text text = {0};
	if (read_whole(fd, &text) < 0)
		return -1;
	/* After power was lost, blocks can be there that nobody wrote: NULs end no line. */
	while (text.length && text.data[text.length - 1] != '\n')
		text.length--;
	return (off_t)text.length;
}

static int cut(struct hp_journal *journal)
{
	struct stat st;
	off_t end = whole_lines(journal->fd);
	if (end < 0 || fstat(journal->fd, &st) < 0)
		return -EIO;
	/* Only if need be: it gives up what was reserved. */
	return st.st_size > end && ftruncate(journal->fd, end) < 0 ? -errno : 0;
}

int hp_journal_reopen(struct hp_journal *journal, struct hp_error *err)
{
	journal->fd = open(journal->path, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
	int r = journal->fd < 0 ? -errno : cut(journal);
	return r < 0
	           ? hp_fail(err, r, "cannot write the journal %s: %s", journal->path, strerror(-r))
	           : 0;
}

bool hp_journal_stands(const struct hp_journal *journal)
{
	for (size_t i = 0; i < journal->steps.count; i++)
		if (journal->progress[i] == HP_STEP_DONE)
			return true;
	return false;
}
