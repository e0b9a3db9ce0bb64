// Following links by hand, never above the root. SPDX-License-Identifier: Apache-2.0
#include "host/backend.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_LINKS 40 // as the kernel allows
#define MAX_DEPTH 64 // components open at once

/* What is still to be walked. A link's target is put before the rest. */
struct rest {
	char text[PATH_MAX];
	const char *at;
	int links;
};

static int rest_init(struct rest *rest, const char *path)
{
	size_t length = strlen(path);
	if (length >= sizeof(rest->text))
		return -ENAMETOOLONG;
	memcpy(rest->text, path, length + 1);
	rest->at = rest->text;
	rest->links = 0;
	return 0;
}

static int rest_prepend(struct rest *rest, const char *target)
{
	if (++rest->links > MAX_LINKS)
		return -ELOOP;
	size_t length = strlen(target), tail = strlen(rest->at);
	if (length + 1 + tail >= sizeof(rest->text))
		return -ENAMETOOLONG;
	memmove(rest->text + length + 1, rest->at, tail + 1);
	memcpy(rest->text, target, length);
	rest->text[length] = '/';
	rest->at = rest->text;
	return 0;
}

/* The next component: its length, 0 at the end. */
static size_t rest_next(struct rest *rest, char name[NAME_MAX + 1])
{
	rest->at += strspn(rest->at, "/");
	size_t length = strcspn(rest->at, "/");
	if (length > NAME_MAX)
		length = NAME_MAX;
	memcpy(name, rest->at, length);
	name[length] = '\0';
	rest->at += strcspn(rest->at, "/");
	return length;
}

static bool rest_ended(const struct rest *rest)
{
	return !rest->at[strspn(rest->at, "/")];
}

static void cut_last(char *path, size_t *length)
{
	while (*length && path[*length - 1] != '/')
		(*length)--;
	*length -= *length > 0;
	path[*length] = '\0';
}

/* 1: a link, whose target is before the rest now; 0: no link. */
static int follow(struct rest *rest, const char *path, hp_read_link *read_link, hp_seen_link *seen,
                  void *data)
{
	char target[PATH_MAX];
	ssize_t length = read_link(data, path, target, sizeof(target));
	if (length == -EINVAL)
		return 0;
	if (length < 0)
		return (int)length;
	if (seen)
		seen(data, path, target);
	int r = rest_prepend(rest, target);
	return r < 0 ? r : 1;
}

ssize_t hp_walk(const char *path, bool follow_last, hp_read_link *read_link, hp_seen_link *seen,
                void *data, char *buffer, size_t size)
{
	struct rest rest;
	int r = rest_init(&rest, path);
	char done[PATH_MAX] = "", name[NAME_MAX + 1];
	size_t length = 0;
	while (r == 0 && rest_next(&rest, name)) {
		if (strcmp(name, ".") == 0)
			continue;
		if (strcmp(name, "..") == 0) {
			cut_last(done, &length);
			continue;
		}
		size_t more = strlen(name);
		if (length + 1 + more >= sizeof(done))
			return -ENAMETOOLONG;
		done[length] = '/';
		memcpy(done + length + 1, name, more + 1);
		length += 1 + more;
		if (!follow_last && rest_ended(&rest))
			break;
		r = follow(&rest, done, read_link, seen, data);
		if (r != 1)
			continue;
		cut_last(done, &length);
		if (rest.text[0] == '/')
			done[length = 0] = '\0';
		r = 0;
	}
	if (r < 0)
		return r;
	if (length + 2 > size)
		return -ENAMETOOLONG;
	memcpy(buffer, length ? done : "/", length ? length + 1 : 2);
	return length ? (ssize_t)length : 1;
}

/* Descriptors of the directories walked through, the root first. */
struct trail {
	int fds[MAX_DEPTH];
	int depth;
};

static void trail_close(struct trail *trail)
{
	while (trail->depth > 1)
		close(trail->fds[--trail->depth]);
}

static void trail_up(struct trail *trail)
{
	if (trail->depth > 1)
		close(trail->fds[--trail->depth]);
}

/* 1: `name` is a link, whose target is before the rest now; 0: it is none. */
static int follow_in(struct rest *rest, struct trail *trail, const char *name)
{
	char target[PATH_MAX];
	ssize_t length = readlinkat(trail->fds[trail->depth - 1], name, target, sizeof(target) - 1);
	if (length < 0)
		return errno == EINVAL ? 0 : -errno;
	target[length] = '\0';
	int r = rest_prepend(rest, target);
	if (r < 0)
		return r;
	if (target[0] == '/')
		trail_close(trail);
	return 1;
}

/* Opens one component; O_NOFOLLOW closes the gap between looking and opening. */
static int step_down(struct trail *trail, const char *name)
{
	if (trail->depth == MAX_DEPTH)
		return -ELOOP;
	int fd = openat(trail->fds[trail->depth - 1], name,
	                O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	trail->fds[trail->depth++] = fd;
	return 0;
}

static int open_last(struct trail *trail, const char *name, int flags)
{
	int fd = openat(trail->fds[trail->depth - 1], name, flags | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

static int walk(struct rest *rest, struct trail *trail, int flags)
{
	char name[NAME_MAX + 1];
	while (rest_next(rest, name)) {
		if (strcmp(name, ".") == 0)
			continue;
		if (strcmp(name, "..") == 0) {
			trail_up(trail);
			continue;
		}
		bool last = rest_ended(rest);
		bool as_it_is = last && flags & O_NOFOLLOW;
		int r = as_it_is ? 0 : follow_in(rest, trail, name);
		if (r < 0)
			return r;
		if (r == 1)
			continue;
		if (last)
			return open_last(trail, name, flags);
		r = step_down(trail, name);
		if (r < 0)
			return r;
	}
	return open_last(trail, ".", flags);
}

int hp_walk_open(int root, const char *path, int flags)
{
	struct rest rest;
	int r = rest_init(&rest, path);
	if (r < 0)
		return r;
	struct trail trail = {.fds = {root}, .depth = 1};
	r = walk(&rest, &trail, flags);
	trail_close(&trail);
	return r;
}
