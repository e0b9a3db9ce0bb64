// The door: levels, the log, trimming; for every backend. SPDX-License-Identifier: Apache-2.0
#include "host/backend.h"
#include "host/record.h"

#include "base/cleanup.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct hp_host *hp_host_new(enum hp_host_kind kind, const struct hp_backend *backend,
                            const char *name, const struct hp_host_options *options)
{
	struct hp_host *host = hp_calloc(1, sizeof(*host));
	*host = (struct hp_host){
	    .backend = backend,
	    .kind = kind,
	    .level = options->level,
	    .name = hp_strdup(name),
	    .log = options->count_opens,
	    .memory = options->memory ? hp_strdup(options->memory) : NULL,
	    .root_fd = -1,
	    .lock = -1,
	    .no_openat2 = options->no_openat2,
	};
	return host;
}

void hp_host_close(struct hp_host *host)
{
	if (!host)
		return;
	hp_memory_close(host);
	host->backend->close(host);
	hp_names_free(&host->opened);
	free(host->awake);
	free(host->memory);
	free(host->name);
	free(host);
}

enum hp_host_kind hp_host_kind(const struct hp_host *host)
{
	return host->kind;
}

int hp_host_level(const struct hp_host *host)
{
	return host->level;
}

const char *hp_host_name(const struct hp_host *host)
{
	return host->name;
}

const struct hp_names *hp_host_opened(const struct hp_host *host)
{
	return &host->opened;
}

const struct hp_names *hp_host_complaints(const struct hp_host *host)
{
	static const struct hp_names none;
	return host->capture ? &host->capture->complaints : &none;
}

void hp_host_wake(struct hp_host *host, const char *const *addresses)
{
	host->wake = addresses;
}

bool hp_host_covers(const struct hp_host *host, const char *path)
{
	size_t length = strlen(path);
	while (length > 1 && path[length - 1] == '/')
		length--;
	hp_cleanup_free char *plain = hp_strndup(path, length);
	return host->backend->covers((struct hp_host *)host, plain);
}

void hp_host_log(struct hp_host *host, struct hp_dir *dir, const char *path)
{
	if (!host->log)
		return;
	char *whole = dir ? hp_asprintf("%s/%s", dir->path, path) : hp_strdup(path);
	hp_names_add(&host->opened, &host->opened_size, whole);
}

/* Cuts white space at the end of `buffer` and terminates it, or says that it did not fit. */
static ssize_t finish(char *buffer, ssize_t length, size_t size)
{
	if (length < 0)
		return length;
	if ((size_t)length >= size)
		return -EFBIG;
	while (length && isspace((unsigned char)buffer[length - 1]))
		length--;
	buffer[length] = '\0';
	return length;
}

static ssize_t read_file(struct hp_host *host, struct hp_dir *dir, const char *path, char *buffer,
                         size_t size)
{
	int r = hp_policy(host, dir, path);
	if (r < 0)
		return r;
	hp_host_log(host, dir, path);
	ssize_t length = finish(buffer, host->backend->read(host, dir, path, buffer, size), size);
	if (dir)
		hp_policy_note(host, dir, path, buffer, length);
	return length;
}

ssize_t hp_host_read(struct hp_host *host, const char *path, char *buffer, size_t size)
{
	return read_file(host, NULL, path, buffer, size);
}

ssize_t hp_host_read_head(struct hp_host *host, const char *path, char *buffer, size_t size)
{
	int r = hp_policy(host, NULL, path);
	if (r < 0)
		return r;
	hp_host_log(host, NULL, path);
	ssize_t length = host->backend->read(host, NULL, path, buffer, size - 1);
	buffer[length < 0 ? 0 : length] = '\0';
	return length;
}

ssize_t hp_host_readf(struct hp_host *host, char *buffer, size_t size, const char *format, ...)
{
	char path[PATH_MAX];
	va_list args;
	va_start(args, format);
	int length = vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	if (length < 0 || (size_t)length >= sizeof(path))
		return -ENAMETOOLONG;
	return hp_host_read(host, path, buffer, size);
}

int hp_host_read_text(struct hp_host *host, const char *path, size_t limit, struct hp_text *ret)
{
	int r = hp_policy(host, NULL, path);
	if (r < 0)
		return r;
	hp_host_log(host, NULL, path);
	hp_cleanup_text struct hp_text text = {0};
	r = host->backend->read_all(host, path, limit, &text);
	if (r < 0)
		return r;
	hp_text_add(ret, hp_text_get(&text), text.length);
	return 0;
}

int hp_host_read_u64(struct hp_host *host, const char *path, uint64_t *ret)
{
	char buffer[64];
	ssize_t length = hp_host_read(host, path, buffer, sizeof(buffer));
	if (length < 0)
		return (int)length;
	return hp_parse_u64(buffer, ret) ? 0 : -EINVAL;
}

static ssize_t read_link(struct hp_host *host, struct hp_dir *dir, const char *path, char *buffer,
                         size_t size)
{
	ssize_t length = host->backend->link(host, dir, path, buffer, size);
	if (length < 0)
		return length;
	if ((size_t)length >= size)
		return -ENAMETOOLONG;
	buffer[length] = '\0';
	return length;
}

static ssize_t link_name(struct hp_host *host, struct hp_dir *dir, const char *path, char *buffer,
                         size_t size)
{
	char target[PATH_MAX];
	ssize_t length = read_link(host, dir, path, target, sizeof(target));
	if (length < 0)
		return length;
	const char *slash = strrchr(target, '/');
	const char *name = slash ? slash + 1 : target;
	length = (ssize_t)strlen(name);
	if ((size_t)length >= size)
		return -ENAMETOOLONG;
	memcpy(buffer, name, (size_t)length + 1);
	return length;
}

ssize_t hp_host_link(struct hp_host *host, const char *path, char *buffer, size_t size)
{
	ssize_t length = read_link(host, NULL, path, buffer, size);
	if (length >= 0)
		hp_policy_note_link(host, NULL, path, buffer);
	return length;
}

ssize_t hp_host_link_name(struct hp_host *host, const char *path, char *buffer, size_t size)
{
	return link_name(host, NULL, path, buffer, size);
}

static ssize_t link_of(void *data, const char *path, char *buffer, size_t size)
{
	return read_link(data, NULL, path, buffer, size);
}

ssize_t hp_host_resolve(struct hp_host *host, const char *path, char *buffer, size_t size)
{
	return hp_walk(path, true, link_of, NULL, host, buffer, size);
}

int hp_host_stat(struct hp_host *host, const char *path, struct hp_stat *ret)
{
	return host->backend->stat(host, path, ret);
}

int hp_host_exists(struct hp_host *host, const char *path)
{
	if (host->backend->exists)
		return host->backend->exists(host, path);
	struct hp_stat stat;
	int r = hp_host_stat(host, path, &stat);
	if (r == 0)
		return 1;
	return r == -ENOENT || r == -ENOTDIR ? 0 : r;
}

int hp_host_access(struct hp_host *host, const char *path)
{
	return host->backend->access(host, path);
}

ssize_t hp_host_ask(struct hp_host *host, const char *question, char *buffer, size_t size)
{
	return finish(buffer, host->backend->ask(host, question, buffer, size), size);
}

int hp_host_run(struct hp_host *host, const char *const argv[], int deadline_ms, size_t limit,
                struct hp_text *ret_output)
{
	return host->backend->run(host, argv, deadline_ms, limit, ret_output);
}

int hp_host_list(struct hp_host *host, const char *path, struct hp_names *ret)
{
	hp_host_log(host, NULL, path);
	struct hp_names names = {0};
	int r = host->backend->list(host, NULL, path, &names);
	if (r < 0) {
		hp_names_free(&names);
		return r;
	}
	*ret = names;
	return 0;
}

/* The PCI address at the end of a path, if there is one. */
static void note_address(struct hp_dir *dir)
{
	const char *slash = strrchr(dir->path, '/');
	const char *name = slash ? slash + 1 : dir->path;
	size_t length = strlen(name);
	if (hp_starts_with(dir->path, "/sys/") && hp_is_address(name, length))
		memcpy(dir->address, name, length + 1);
}

int hp_dir_open(struct hp_host *host, const char *path, struct hp_dir **ret)
{
	struct hp_dir *dir = hp_calloc(1, sizeof(*dir));
	*dir = (struct hp_dir){.host = host, .path = hp_strdup(path), .fd = -1};
	for (size_t length = strlen(path); length > 1 && dir->path[length - 1] == '/'; length--)
		dir->path[length - 1] = '\0';
	note_address(dir);
	hp_host_log(host, NULL, path);
	int r = host->backend->open_dir(host, dir->path, dir);
	if (r < 0) {
		free(dir->path);
		free(dir);
		return r;
	}
	*ret = dir;
	return 0;
}

void hp_dir_close(struct hp_dir *dir)
{
	if (!dir)
		return;
	dir->host->backend->close_dir(dir);
	free(dir->path);
	free(dir);
}

/* What a name below a directory may be: it goes down, never up or to the root. */
static bool goes_down(const char *name)
{
	if (*name == '/' || !*name)
		return false;
	for (const char *at = name; at; at = strchr(at, '/')) {
		at += *at == '/';
		if (at[0] == '.' && at[1] == '.' && (at[2] == '/' || !at[2]))
			return false;
	}
	return true;
}

ssize_t hp_dir_read(struct hp_dir *dir, const char *name, char *buffer, size_t size)
{
	if (!goes_down(name))
		return -EINVAL;
	return read_file(dir->host, dir, name, buffer, size);
}

ssize_t hp_dir_link(struct hp_dir *dir, const char *name, char *buffer, size_t size)
{
	if (!goes_down(name))
		return -EINVAL;
	ssize_t length = read_link(dir->host, dir, name, buffer, size);
	if (length >= 0)
		hp_policy_note_link(dir->host, dir, name, buffer);
	return length;
}

ssize_t hp_dir_link_name(struct hp_dir *dir, const char *name, char *buffer, size_t size)
{
	if (!goes_down(name))
		return -EINVAL;
	return link_name(dir->host, dir, name, buffer, size);
}

int hp_dir_list(struct hp_dir *dir, struct hp_names *ret)
{
	struct hp_names names = {0};
	int r = dir->host->backend->list(dir->host, dir, "", &names);
	if (r < 0) {
		hp_names_free(&names);
		return r;
	}
	*ret = names;
	return 0;
}

ssize_t hp_host_read_config(struct hp_host *host, const char *address, uint8_t *buffer, size_t size)
{
	char path[PATH_MAX];
	int length = snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", address);
	if (length < 0 || (size_t)length >= sizeof(path))
		return -ENAMETOOLONG;
	int r = hp_policy(host, NULL, path);
	if (r < 0)
		return r;
	hp_host_log(host, NULL, path);
	return host->backend->read(host, NULL, path, (char *)buffer, size);
}

ssize_t hp_dir_read_config(struct hp_dir *dir, uint8_t *buffer, size_t size)
{
	int r = hp_policy(dir->host, dir, "config");
	if (r < 0)
		return r;
	hp_host_log(dir->host, dir, "config");
	return dir->host->backend->read(dir->host, dir, "config", (char *)buffer, size);
}
