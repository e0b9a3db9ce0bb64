// Reading the sources of knowledge. SPDX-License-Identifier: Apache-2.0
#include "judge/load.h"
#include "base/cleanup.h"
#include "base/database.h"
#include "base/text.h"
#include "judge/loader.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum { FILE_LIMIT = 16 << 20 };

void hp_loader_complain(void *data, const char *message)
{
	struct hp_loader *loader = data;
	loader->complaints++;
	if (loader->options->complain)
		loader->options->complain(loader->options->data, message);
}

void hp_loader_complain_at(struct hp_loader *loader, size_t line, const char *format, ...)
{
	char what[HP_ERROR_SIZE];
	va_list args;
	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	hp_cleanup_free char *message = hp_asprintf("%s:%zu: %s", loader->file, line, what);
	hp_loader_complain(loader, message);
}

void hp_loader_complain_error(struct hp_loader *loader, const struct hp_error *error)
{
	hp_loader_complain(loader, error->message);
}

int hp_load_create(sqlite3 *db, struct hp_error *err)
{
	return hp_db_exec(
	    db,
	    "CREATE TABLE knowledge.rule (id TEXT PRIMARY KEY, title TEXT, impact TEXT, applies "
	    "TEXT,"
	    " resolution TEXT, reference TEXT, needs TEXT, minds TEXT, sql TEXT, file TEXT,"
	    " line INTEGER) STRICT,"
	    " WITHOUT ROWID;"
	    "CREATE TABLE knowledge.fix (rule TEXT, id TEXT, kind TEXT, distance TEXT, title TEXT, "
	    "undo TEXT,"
	    " sql TEXT, file TEXT, line INTEGER, PRIMARY KEY (rule, id)) STRICT, WITHOUT "
	    "ROWID;"
	    "CREATE TABLE knowledge.packed (texts BLOB) STRICT;",
	    err);
}

/* Files */

static bool is_trusted(struct hp_loader *loader, const char *path, int fd)
{
	struct stat stat;
	if (!loader->options->check_owner)
		return true;
	if (fstat(fd, &stat) == 0 && (stat.st_uid == 0 || stat.st_uid == loader->options->owner) &&
	    !(stat.st_mode & (S_IWGRP | S_IWOTH)))
		return true;
	hp_cleanup_free char *message =
	    hp_asprintf("%s: refused: it must be root's and writable by nobody else", path);
	hp_loader_complain(loader, message);
	return false;
}

static void note_dependency(struct hp_loader *loader, const char *path)
{
	if (loader->options->depends)
		fprintf(loader->options->depends, " %s", path);
}

/* Reads a whole file; NULL, with a complaint, if it cannot be read or must not be. */
static char *read_file(struct hp_loader *loader, const char *path)
{
	hp_cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat stat;
	if (fd < 0 || fstat(fd, &stat) || !S_ISREG(stat.st_mode) || stat.st_size > FILE_LIMIT) {
		hp_cleanup_free char *message =
		    hp_asprintf("%s: cannot read it: %s", path,
		                fd < 0 ? strerror(errno) : "not a plain file, or too large");
		hp_loader_complain(loader, message);
		return NULL;
	}
	note_dependency(loader, path);
	if (!is_trusted(loader, path, fd))
		return NULL;
	char *text = hp_calloc(1, (size_t)stat.st_size + 1);
	ssize_t length = pread(fd, text, (size_t)stat.st_size, 0);
	hp_cleanup_free char *copy = hp_strdup(text);
	bool whole = length == stat.st_size && strlen(text) == (size_t)length;
	if (whole && !hp_utf8_repair(copy))
		return text;
	hp_cleanup_free char *message = hp_asprintf("%s: not UTF-8 text", path);
	hp_loader_complain(loader, message);
	free(text);
	return NULL;
}

/* Calls `read` for every file of a folder whose name ends so, in byte order. */
static void read_folder(struct hp_loader *loader, const char *directory, const char *folder,
                        const char *suffix,
                        void (*read)(struct hp_loader *loader, const char *name, const char *text))
{
	hp_cleanup_free char *path = hp_asprintf("%s/%s", directory, folder);
	hp_cleanup_fd int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	note_dependency(loader, path);
	if (!is_trusted(loader, path, fd))
		return;
	struct dirent **entries = NULL;
	int count = scandir(path, &entries, NULL, NULL);
	if (count > 0)
		qsort(entries, (size_t)count, sizeof(*entries),
		      (int (*)(const void *, const void *))alphasort);
	for (int i = 0; i < count; i++) {
		hp_cleanup_free struct dirent *entry = entries[i];
		if (entry->d_name[0] == '.' || !hp_ends_with(entry->d_name, suffix))
			continue;
		hp_cleanup_free char *file = hp_asprintf("%s/%s", path, entry->d_name);
		hp_cleanup_free char *text = read_file(loader, file);
		hp_cleanup_free char *name =
		    hp_strndup(entry->d_name, strlen(entry->d_name) - strlen(suffix));
		loader->file = file;
		if (text)
			read(loader, name, text);
	}
	free(entries);
}

int hp_load_directory(sqlite3 *db, const char *directory, const struct hp_load_options *options,
                      struct hp_error *err)
{
	int code = hp_loader_stage(db, err);
	if (code)
		return code;
	struct hp_loader loader = {.db = db, .options = options, .fence = hp_fence_new(db)};
	read_folder(&loader, directory, "matrices", ".csv", hp_loader_matrix);
	read_folder(&loader, directory, "rules", ".sql", hp_loader_sql);
	read_folder(&loader, directory, "fixes", ".sql", hp_loader_sql);
	hp_loader_check_fixes(&loader);
	hp_fence_free(loader.fence);
	code = hp_loader_unstage(db, err);
	return code ? code : loader.complaints;
}
