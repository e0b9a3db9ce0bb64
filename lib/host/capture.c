// A host that is a capture: answers from its records. SPDX-License-Identifier: Apache-2.0
#include "host/capture.h"

#include "base/cleanup.h"
#include "host/backend.h"
#include "host/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define MAX_CAPTURE (256u << 20)

static ssize_t link_of(void *data, const char *path, char *buffer, size_t size)
{
	const struct hp_record *record = hp_capture_find(data, HP_RECORD_LINK, path);
	if (!record)
		return -EINVAL;
	if (record->length >= size)
		return -ENAMETOOLONG;
	memcpy(buffer, record->data, record->length + 1);
	return (ssize_t)record->length;
}

/* The path below which its records stand. */
static int canonical(struct hp_host *host, struct hp_dir *dir, const char *path, bool follow_last,
                     char buffer[PATH_MAX])
{
	char whole[PATH_MAX];
	int length =
	    snprintf(whole, sizeof(whole), "%s%s%s", dir ? dir->path : "", dir ? "/" : "", path);
	if (length < 0 || (size_t)length >= sizeof(whole))
		return -ENAMETOOLONG;
	ssize_t r = hp_walk(whole, follow_last, link_of, NULL, host->capture, buffer, PATH_MAX);
	return r < 0 ? (int)r : 0;
}

static bool lists(const struct hp_record *dir, const char *name, size_t length)
{
	for (size_t i = 0; i < dir->names.count; i++)
		if (strlen(dir->names.names[i]) == length &&
		    memcmp(dir->names.names[i], name, length) == 0)
			return true;
	return false;
}

/* A path without records: -ENOENT if the capture shows that it, or a directory above it, was
 * absent. */
static int absence(const struct hp_capture *capture, const char *path)
{
	char above[PATH_MAX];
	size_t length = strlen(path);
	memcpy(above, path, length + 1);
	while (length > 1) {
		if (hp_capture_find(capture, HP_RECORD_ABSENT, above))
			return -ENOENT;
		size_t end = length;
		while (length > 1 && above[length - 1] != '/')
			length--;
		const char *name = path + length;
		length -= length > 1;
		above[length] = '\0';
		const struct hp_record *dir = hp_capture_find(capture, HP_RECORD_DIR, above);
		if (dir && !lists(dir, name, end - (size_t)(name - path)))
			return -ENOENT;
	}
	return -ENODATA;
}

/* Why there is no record of this kind for it. */
static int nothing(const struct hp_capture *capture, const char *path)
{
	return hp_capture_knows(capture, path) ? -ENODATA : absence(capture, path);
}

static int open_dir(struct hp_host *host, const char *path, struct hp_dir *dir)
{
	char real[PATH_MAX];
	(void)dir;
	int r = canonical(host, NULL, path, true, real);
	if (r < 0)
		return r;
	if (hp_capture_find(host->capture, HP_RECORD_FILE, real))
		return -ENOTDIR;
	const struct hp_record *refused =
	    hp_capture_find(host->capture, HP_RECORD_UNLISTABLE, real);
	if (refused)
		return (int)-refused->number;
	return hp_capture_knows(host->capture, real) ? 0 : absence(host->capture, real);
}

static void close_dir(struct hp_dir *dir)
{
	(void)dir;
}

static const struct hp_record *find_file(struct hp_host *host, struct hp_dir *dir, const char *path,
                                         int *ret_error)
{
	char real[PATH_MAX];
	*ret_error = canonical(host, dir, path, true, real);
	if (*ret_error < 0)
		return NULL;
	const struct hp_record *file = hp_capture_find(host->capture, HP_RECORD_FILE, real);
	if (!file)
		file = hp_capture_find(host->capture, HP_RECORD_HEAD, real);
	if (file)
		return file;
	const struct hp_record *unreadable =
	    hp_capture_find(host->capture, HP_RECORD_UNREADABLE, real);
	if (unreadable)
		*ret_error = (int)-unreadable->number;
	else
		*ret_error = nothing(host->capture, real);
	return NULL;
}

static ssize_t read_file(struct hp_host *host, struct hp_dir *dir, const char *path, char *buffer,
                         size_t size)
{
	int error;
	const struct hp_record *file = find_file(host, dir, path, &error);
	if (!file)
		return error;
	if (file->kind == HP_RECORD_HEAD && file->length < size)
		return -ENODATA; // its end is not known
	size_t length = file->length < size ? file->length : size;
	memcpy(buffer, file->data, length);
	return (ssize_t)length;
}

static int read_all(struct hp_host *host, const char *path, size_t limit, struct hp_text *ret)
{
	int error;
	const struct hp_record *file = find_file(host, NULL, path, &error);
	if (!file)
		return error;
	if (file->length > limit || file->kind == HP_RECORD_HEAD)
		return -EFBIG;
	hp_text_add(ret, file->data, file->length);
	return 0;
}

static ssize_t read_link(struct hp_host *host, struct hp_dir *dir, const char *path, char *buffer,
                         size_t size)
{
	char real[PATH_MAX];
	int r = canonical(host, dir, path, false, real);
	if (r < 0)
		return r;
	const struct hp_record *link = hp_capture_find(host->capture, HP_RECORD_LINK, real);
	if (!link) {
		link = hp_capture_find(host->capture, HP_RECORD_UNREADABLE, real);
		if (link)
			return -link->number;
		return hp_capture_knows(host->capture, real) ? -EINVAL
		                                             : absence(host->capture, real);
	}
	size_t length = link->length < size ? link->length : size;
	memcpy(buffer, link->data, length);
	return (ssize_t)length;
}

static int list(struct hp_host *host, struct hp_dir *dir, const char *path, struct hp_names *ret)
{
	char real[PATH_MAX];
	int r = canonical(host, dir, path, true, real);
	if (r < 0)
		return r;
	const struct hp_record *found = hp_capture_find(host->capture, HP_RECORD_DIR, real);
	if (!found) {
		found = hp_capture_find(host->capture, HP_RECORD_UNLISTABLE, real);
		return found ? (int)-found->number : nothing(host->capture, real);
	}
	size_t size = 0;
	for (size_t i = 0; i < found->names.count; i++)
		hp_names_add(ret, &size, hp_strdup(found->names.names[i]));
	return 0;
}

static int stat_file(struct hp_host *host, const char *path, struct hp_stat *ret)
{
	char real[PATH_MAX];
	int r = canonical(host, NULL, path, true, real);
	if (r < 0)
		return r;
	const struct hp_record *stat = hp_capture_find(host->capture, HP_RECORD_STAT, real);
	if (!stat)
		return nothing(host->capture, real);
	*ret = stat->stat;
	const struct hp_record *times = hp_capture_find(host->capture, HP_RECORD_TIMES, real);
	if (times) {
		ret->size = times->stat.size;
		ret->mtime = times->stat.mtime;
		ret->inode = times->stat.inode;
	}
	return 0;
}

static int exists(struct hp_host *host, const char *path)
{
	char real[PATH_MAX];
	int r = canonical(host, NULL, path, true, real);
	if (r < 0)
		return r;
	if (hp_capture_knows(host->capture, real))
		return 1;
	r = absence(host->capture, real);
	return r == -ENOENT ? 0 : r;
}

static int may_open(struct hp_host *host, const char *path)
{
	char real[PATH_MAX];
	int r = canonical(host, NULL, path, true, real);
	if (r < 0)
		return r;
	const struct hp_record *access = hp_capture_find(host->capture, HP_RECORD_ACCESS, real);
	return access ? (int)access->number : nothing(host->capture, real);
}

static bool covers(struct hp_host *host, const char *path)
{
	const struct hp_record *covered = hp_capture_find(host->capture, HP_RECORD_COVERED, path);
	return covered ? covered->number : exists(host, path) >= 0;
}

static ssize_t recall(struct hp_host *host, const char *address, uint8_t *buffer, size_t size,
                      int64_t *ret_age)
{
	const struct hp_record *record =
	    hp_capture_find(host->capture, HP_RECORD_REMEMBERED, address);
	if (!record)
		return -ECANCELED;
	size_t length = record->length < size ? record->length : size;
	memcpy(buffer, record->data, length);
	*ret_age = record->number;
	return (ssize_t)length;
}

static ssize_t ask(struct hp_host *host, const char *question, char *buffer, size_t size)
{
	const struct hp_record *answer = hp_capture_find(host->capture, HP_RECORD_ANSWER, question);
	if (!answer) {
		answer = hp_capture_find(host->capture, HP_RECORD_UNANSWERED, question);
		return answer ? (ssize_t)-answer->number : -ENODATA;
	}
	size_t length = answer->length < size ? answer->length : size;
	memcpy(buffer, answer->data, length);
	return (ssize_t)length;
}

static int run(struct hp_host *host, const char *const argv[], int deadline_ms, size_t limit,
               struct hp_text *ret)
{
	(void)deadline_ms;
	hp_cleanup_free char *line = hp_command_line(argv);
	const struct hp_record *record = hp_capture_find(host->capture, HP_RECORD_RUN, line);
	if (!record)
		return -ENODATA;
	if (record->number >= 0)
		hp_text_add(ret, record->data, record->length < limit ? record->length : limit);
	return (int)record->number;
}

static void close_host(struct hp_host *host)
{
	hp_capture_free(host->capture);
}

static const struct hp_backend capture_backend = {
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

/* The file's base name, without its ending. */
static char *host_name(const char *file)
{
	const char *slash = strrchr(file, '/');
	const char *name = slash ? slash + 1 : file;
	size_t length = strlen(name);
	static const char ending[] = ".capture";
	if (hp_ends_with(name, ending) && length >= sizeof(ending))
		length -= sizeof(ending) - 1;
	return hp_strndup(name, length);
}

int hp_host_open_capture_text(const char *name, const char *text, size_t length,
                              const struct hp_host_options *options, struct hp_host **ret,
                              struct hp_error *err)
{
	struct hp_capture *capture = hp_calloc(1, sizeof(*capture));
	int r = hp_capture_parse(capture, name, text, length, err);
	if (r < 0) {
		hp_capture_free(capture);
		return r;
	}
	hp_cleanup_free char *base = host_name(name);
	*ret = hp_host_new(HP_HOST_CAPTURE, &capture_backend, base, options);
	(*ret)->capture = capture;
	return 0;
}

int hp_host_open_capture(const char *file, const struct hp_host_options *options,
                         struct hp_host **ret, struct hp_error *err)
{
	hp_cleanup_fd int fd = open(file, O_RDONLY | O_CLOEXEC);
	hp_cleanup_text struct hp_text text = {0};
	int r = fd < 0 ? -errno : hp_fd_read_all(fd, MAX_CAPTURE, &text);
	if (r < 0)
		return hp_fail(err, r, "cannot read the capture %s: %s", file, strerror(-r));
	return hp_host_open_capture_text(file, hp_text_get(&text), text.length, options, ret, err);
}
