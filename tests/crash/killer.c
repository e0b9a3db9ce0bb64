// Kills happypath before the N-th call that changes something: a preload library for the crash
// tests, which enumerate every N. SPDX-License-Identifier: Apache-2.0
//
// CRASH_WHO is parent (the process that was started) or child (those that it forked), CRASH_AT the
// number of the call, CRASH_COUNTS a file of counters that all of them map, since a child's count
// must not begin anew in the next. Once a process was killed, CRASH_COUNTS.fired is there. Programs
// of others that happypath runs are left alone.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum who { PARENT, CHILD, ROLES };

struct counts {
	atomic_int calls[ROLES];
};

static struct {
	struct counts *counts;
	pid_t parent;
	enum who who;
	int at;
} crash;

__attribute__((constructor)) static void begin(void)
{
	const char *file = getenv("CRASH_COUNTS"), *who = getenv("CRASH_WHO");
	const char *at = getenv("CRASH_AT");
	if (!file || !who || !at || strcmp(program_invocation_short_name, "happypath") != 0)
		return;
	int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, sizeof(struct counts)) < 0)
		abort();
	void *map = mmap(NULL, sizeof(struct counts), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		abort();
	close(fd);
	crash.parent = getpid();
	crash.who = strcmp(who, "child") == 0 ? CHILD : PARENT;
	crash.at = atoi(at);
	crash.counts = map;
}

static void note_fired(void)
{
	char name[256];
	snprintf(name, sizeof(name), "%s.fired", getenv("CRASH_COUNTS"));
	close(open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

// Counts one call, and does not come back from the one that was asked for.
static void count(void)
{
	enum who who = getpid() == crash.parent ? PARENT : CHILD;
	if (!crash.counts)
		return;
	int calls = atomic_fetch_add(&crash.counts->calls[who], 1) + 1;
	if (who != crash.who || calls != crash.at)
		return;
	note_fired();
	kill(getpid(), SIGKILL);
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define WRAP(type, name, parameters, arguments)                                                    \
	type name parameters                                                                       \
	{                                                                                          \
		count();                                                                           \
		return NEXT(name) arguments;                                                       \
	}

// What is written to the terminal changes nothing.
ssize_t write(int fd, const void *data, size_t length)
{
	if (fd > STDERR_FILENO)
		count();
	return NEXT(write)(fd, data, length);
}

WRAP(ssize_t, pwrite64, (int fd, const void *data, size_t length, off64_t offset),
     (fd, data, length, offset))
WRAP(int, fsync, (int fd), (fd))
WRAP(int, fdatasync, (int fd), (fd))
WRAP(int, ftruncate64, (int fd, off64_t length), (fd, length))
WRAP(int, fallocate64, (int fd, int mode, off64_t from, off64_t length), (fd, mode, from, length))
WRAP(int, rename, (const char *from, const char *to), (from, to))
WRAP(int, renameat, (int a, const char *from, int b, const char *to), (a, from, b, to))
WRAP(int, renameat2, (int a, const char *from, int b, const char *to, unsigned flags),
     (a, from, b, to, flags))
WRAP(int, link, (const char *from, const char *to), (from, to))
WRAP(int, unlink, (const char *name), (name))
WRAP(int, unlinkat, (int fd, const char *name, int flags), (fd, name, flags))
WRAP(int, mkdir, (const char *name, mode_t mode), (name, mode))
WRAP(int, mkdirat, (int fd, const char *name, mode_t mode), (fd, name, mode))
WRAP(int, fchmod, (int fd, mode_t mode), (fd, mode))
WRAP(int, fchown, (int fd, uid_t user, gid_t group), (fd, user, group))
WRAP(int, execvpe, (const char *file, char *const argv[], char *const envp[]), (file, argv, envp))
WRAP(pid_t, fork, (void), ())
