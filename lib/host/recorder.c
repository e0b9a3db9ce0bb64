// Looking through a host and noting what was seen. SPDX-License-Identifier: Apache-2.0
#include "host/backend.h"
#include "host/capture.h"
#include "host/record.h"
#include "host/recorder.h"

#include "base/cleanup.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <string.h>

#define CONFIG_SIZE 4096
#define HEAD_SIZE   4096 // kept of a file that is too large for its reader

static bool is_absent(ssize_t r)
{
	return r == -ENOENT || r == -ENOTDIR;
}

/* A path that a walk came by: where it points, "" if it is absent or no link. */
struct met {
	char *path, *target;
};

static int by_path(const void *a, const void *b)
{
	const struct met *first = a, *second = b;
	return strcmp(first->path, second->path);
}

static void free_met(void *data)
{
	struct met *met = data;
	free(met->path);
	free(met->target);
	free(met);
}

/* Thousands of paths have the same few directories above them: each is asked for once. */
static const struct met *meet(struct hp_host *host, const char *path)
{
	struct met wanted = {.path = (char *)path};
	struct met **found = tfind(&wanted, &host->recorder->met, by_path);
	if (found)
		return *found;
	char target[PATH_MAX];
	ssize_t length = host->recorder->inner->link(host, NULL, path, target, sizeof(target) - 1);
	target[length < 0 ? 0 : length] = '\0';
	struct met *met = hp_calloc(1, sizeof(*met));
	*met = (struct met){hp_strdup(path), hp_strdup(target)};
	tsearch(met, &host->recorder->met, by_path);
	return met;
}

static ssize_t link_of(void *data, const char *path, char *buffer, size_t size)
{
	const struct met *met = meet(data, path);
	size_t length = strlen(met->target);
	if (length == 0 || length >= size)
		return -EINVAL; // the walk goes on by the letter
	memcpy(buffer, met->target, length + 1);
	return (ssize_t)length;
}

static void note_link(void *data, const char *path, const char *target)
{
	struct hp_host *host = data;
	struct hp_record *record = hp_capture_add(&host->recorder->capture, HP_RECORD_LINK, path);
	hp_capture_set_data(record, target, strlen(target));
}

/* A new record below the path without links, noting the links on the way. */
static struct hp_record *note(struct hp_host *host, struct hp_dir *dir, const char *path,
                              bool follow_last, enum hp_record_kind kind)
{
	hp_cleanup_free char *whole = dir ? hp_asprintf("%s/%s", dir->path, path) : hp_strdup(path);
	char real[PATH_MAX];
	ssize_t r = hp_walk(whole, follow_last, link_of, note_link, host, real, sizeof(real));
	return hp_capture_add(&host->recorder->capture, kind, r < 0 ? whole : real);
}

/* What an operation that failed shows; what the host itself does not know is not noted. */
static void note_failure(struct hp_host *host, struct hp_dir *dir, const char *path,
                         bool follow_last, enum hp_record_kind kind, ssize_t r)
{
	if (r == -ENODATA || r == -ELOOP || r == -ENAMETOOLONG)
		return;
	bool no_directory = r == -ENOTDIR && kind == HP_RECORD_UNLISTABLE; // but perhaps a file
	if (is_absent(r) && !no_directory)
		kind = HP_RECORD_ABSENT;
	note(host, dir, path, follow_last, kind)->number = -r;
}

static void note_file(struct hp_host *host, struct hp_dir *dir, const char *path, const char *data,
                      ssize_t length)
{
	if (length < 0)
		note_failure(host, dir, path, true, HP_RECORD_UNREADABLE, length);
	else
		hp_capture_set_data(note(host, dir, path, true, HP_RECORD_FILE), data,
		                    (size_t)length);
}

static int open_dir(struct hp_host *host, const char *path, struct hp_dir *dir)
{
	int r = host->recorder->inner->open_dir(host, path, dir);
	if (r < 0)
		note_failure(host, NULL, path, true, HP_RECORD_UNLISTABLE, r);
	else
		note(host, NULL, path, true, HP_RECORD_PRESENT);
	return r;
}

static void close_dir(struct hp_dir *dir)
{
	dir->host->recorder->inner->close_dir(dir);
}

/* Config space is noted whole, however little of it was asked for. */
static ssize_t read_config(struct hp_host *host, struct hp_dir *dir, const char *path, char *buffer,
                           size_t size)
{
	char bytes[CONFIG_SIZE];
	ssize_t length = host->recorder->inner->read(host, dir, path, bytes, sizeof(bytes));
	note_file(host, dir, path, bytes, length);
	if (length < 0)
		return length;
	length = (size_t)length < size ? length : (ssize_t)size;
	memcpy(buffer, bytes, (size_t)length);
	return length;
}

static ssize_t read_file(struct hp_host *host, struct hp_dir *dir, const char *path, char *buffer,
                         size_t size)
{
	bool sysfs = hp_starts_with(dir ? dir->path : path, "/sys/");
	if (sysfs && (strcmp(path, "config") == 0 || hp_ends_with(path, "/config")))
		return read_config(host, dir, path, buffer, size);
	ssize_t length = host->recorder->inner->read(host, dir, path, buffer, size);
	if (length >= 0 && (size_t)length == size)
		hp_capture_set_data(note(host, dir, path, true, HP_RECORD_HEAD), buffer, size);
	else
		note_file(host, dir, path, buffer, length);
	return length;
}

static int read_all(struct hp_host *host, const char *path, size_t limit, struct hp_text *ret)
{
	int r = host->recorder->inner->read_all(host, path, limit, ret);
	if (r == -EFBIG)
		hp_capture_set_data(note(host, NULL, path, true, HP_RECORD_HEAD), hp_text_get(ret),
		                    ret->length < HEAD_SIZE ? ret->length : HEAD_SIZE);
	else
		note_file(host, NULL, path, hp_text_get(ret), r < 0 ? r : (ssize_t)ret->length);
	return r;
}

static ssize_t read_link(struct hp_host *host, struct hp_dir *dir, const char *path, char *buffer,
                         size_t size)
{
	ssize_t length = host->recorder->inner->link(host, dir, path, buffer, size);
	if (length == -EINVAL)
		note(host, dir, path, false, HP_RECORD_PRESENT);
	else if (length < 0)
		note_failure(host, dir, path, false, HP_RECORD_UNREADABLE, length);
	else
		hp_capture_set_data(note(host, dir, path, false, HP_RECORD_LINK), buffer,
		                    (size_t)length);
	return length;
}

static int list(struct hp_host *host, struct hp_dir *dir, const char *path, struct hp_names *ret)
{
	int r = host->recorder->inner->list(host, dir, path, ret);
	if (r < 0) {
		note_failure(host, dir, path, true, HP_RECORD_UNLISTABLE, r);
		return r;
	}
	struct hp_record *record = note(host, dir, path, true, HP_RECORD_DIR);
	size_t size = 0;
	for (size_t i = 0; i < ret->count; i++)
		hp_names_add(&record->names, &size, hp_strdup(ret->names[i]));
	return r;
}

static int stat_file(struct hp_host *host, const char *path, struct hp_stat *ret)
{
	int r = host->recorder->inner->stat(host, path, ret);
	if (r < 0) {
		if (is_absent(r))
			note_failure(host, NULL, path, true, HP_RECORD_ABSENT, r);
		return r;
	}
	note(host, NULL, path, true, HP_RECORD_STAT)->stat = *ret;
	note(host, NULL, path, true, HP_RECORD_TIMES)->stat = *ret;
	return 0;
}

static int exists(struct hp_host *host, const char *path)
{
	if (host->recorder->inner->exists)
		return host->recorder->inner->exists(host, path);
	struct hp_stat stat;
	int r = stat_file(host, path, &stat);
	return r == 0 ? 1 : is_absent(r) ? 0 : r;
}

static int may_open(struct hp_host *host, const char *path)
{
	int r = host->recorder->inner->access(host, path);
	if (r >= 0)
		note(host, NULL, path, true, HP_RECORD_ACCESS)->number = r;
	else if (is_absent(r))
		note_failure(host, NULL, path, true, HP_RECORD_ABSENT, r);
	return r;
}

static bool covers(struct hp_host *host, const char *path)
{
	bool covered = host->recorder->inner->covers(host, path);
	hp_capture_add(&host->recorder->capture, HP_RECORD_COVERED, path)->number = covered;
	return covered;
}

static ssize_t recall(struct hp_host *host, const char *address, uint8_t *buffer, size_t size,
                      int64_t *ret_age)
{
	uint8_t bytes[CONFIG_SIZE];
	ssize_t length =
	    host->recorder->inner->recall(host, address, bytes, sizeof(bytes), ret_age);
	if (length < 0)
		return length;
	struct hp_record *record =
	    hp_capture_add(&host->recorder->capture, HP_RECORD_REMEMBERED, address);
	hp_capture_set_data(record, (char *)bytes, (size_t)length);
	record->number = *ret_age;
	length = (size_t)length < size ? length : (ssize_t)size;
	memcpy(buffer, bytes, (size_t)length);
	return length;
}

static ssize_t ask(struct hp_host *host, const char *question, char *buffer, size_t size)
{
	ssize_t length = host->recorder->inner->ask(host, question, buffer, size);
	struct hp_capture *capture = &host->recorder->capture;
	if (length >= 0)
		hp_capture_set_data(hp_capture_add(capture, HP_RECORD_ANSWER, question), buffer,
		                    (size_t)length);
	else if (length != -ENODATA)
		hp_capture_add(capture, HP_RECORD_UNANSWERED, question)->number = -length;
	return length;
}

/* Words by spaces, and spaces in words escaped: the same words, the same line. */
char *hp_command_line(const char *const argv[])
{
	struct hp_text line = {0};
	for (size_t i = 0; argv[i]; i++) {
		if (i)
			hp_text_puts(&line, " ");
		hp_escape(&line, argv[i], strlen(argv[i]), true);
	}
	return line.data ? line.data : hp_strdup("");
}

static int run(struct hp_host *host, const char *const argv[], int deadline_ms, size_t limit,
               struct hp_text *ret)
{
	size_t before = ret->length;
	int r = host->recorder->inner->run(host, argv, deadline_ms, limit, ret);
	if (r == -ENODATA)
		return r;
	hp_cleanup_free char *line = hp_command_line(argv);
	struct hp_record *record = hp_capture_add(&host->recorder->capture, HP_RECORD_RUN, line);
	record->number = r;
	hp_capture_set_data(record, hp_text_get(ret) + before, ret->length - before);
	return r;
}

static void close_host(struct hp_host *host)
{
	host->recorder->inner->close(host);
	hp_capture_free_records(&host->recorder->capture);
	tdestroy(host->recorder->met, free_met);
	free(host->recorder);
}

static const struct hp_backend recording = {
    .open_dir = open_dir,
    .close_dir = close_dir,
    .read = read_file,
    .read_all = read_all,
    .link = read_link,
    .list = list,
    .stat = stat_file,
    .exists = exists,
    .access = may_open,
    .covers = covers,
    .recall = recall,
    .ask = ask,
    .run = run,
    .close = close_host,
};

void hp_host_record(struct hp_host *host)
{
	if (host->recorder)
		return;
	host->recorder = hp_calloc(1, sizeof(*host->recorder));
	host->recorder->inner = host->backend;
	host->backend = &recording;
}
