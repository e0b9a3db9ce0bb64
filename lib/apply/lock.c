// The lock. SPDX-License-Identifier: Apache-2.0
#include "apply/lock.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Whoever took it last wrote down who it is. */
static int say_held(int fd, const char *file, struct hp_error *err)
{
	char text[32] = "";
	ssize_t length = pread(fd, text, sizeof(text) - 1, 0);
	int pid = length > 0 ? atoi(text) : 0;
	if (pid > 0 && kill(pid, 0) < 0 && errno == ESRCH)
		return hp_fail(err, -EBUSY,
		               "%s: process %d took it and is gone, but the kernel still holds a "
		               "write of its, or a program that it started still runs: wait for "
		               "that to end",
		               file, pid);
	return hp_fail(err, -EBUSY, "%s: process %d is changing this host", file, pid);
}

/* Signals that are held back until a transaction has ended need not wait where none began. */
static bool is_interrupted(void)
{
	sigset_t pending;
	return sigpending(&pending) == 0 &&
	       (sigismember(&pending, SIGINT) || sigismember(&pending, SIGTERM) ||
	        sigismember(&pending, SIGHUP));
}

static int wait_for(int fd, int wait_ms)
{
	enum { STEP_MS = 50 };
	for (;; wait_ms -= STEP_MS) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (wait_ms <= 0)
			return -EBUSY;
		if (is_interrupted())
			return -EINTR;
		poll(NULL, 0, STEP_MS);
	}
}

/* Whether nobody else can open the file that `fd` is, and so hold its lock. */
static bool is_ours(int fd)
{
	struct stat st;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_nlink > 1)
		return false;
	return (st.st_mode & 077) == 0 || fchmod(fd, 0600) == 0;
}

/* Whether `file` is what somebody else put in its place. */
static bool is_theirs(const char *file)
{
	struct stat st;
	return lstat(file, &st) == 0 &&
	       (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_nlink > 1);
}

/* The directory of locks is everybody's on some distributions: a file that somebody else put there
 * first would keep us out for as long as they like. */
static int open_own(const char *file)
{
	enum { TRIES = 3 };
	for (int i = 1;; i++) {
		int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
		int error = errno;
		if (fd >= 0 && is_ours(fd))
			return fd;
		if (fd >= 0)
			close(fd);
		if (i == TRIES || !is_theirs(file) || remove(file) < 0)
			return fd >= 0 ? -EPERM : -error;
	}
}

int hp_lock_take(const char *file, int wait_ms, struct hp_error *err)
{
	char text[32];
	hp_cleanup_fd int fd = open_own(file);
	if (fd < 0)
		return hp_fail(err, fd, "cannot open the lock %s: %s", file, strerror(-fd));
	int r = wait_for(fd, wait_ms);
	if (r == -EBUSY)
		return say_held(fd, file, err);
	if (r < 0)
		return hp_fail(err, r, "cannot take the lock %s: %s", file, strerror(-r));
	int length = snprintf(text, sizeof(text), "%d\n", (int)getpid());
	if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)length, 0) < 0)
		return hp_fail(err, -errno, "cannot write the lock %s: %s", file, strerror(errno));
	int taken = fd;
	fd = -1;
	return taken;
}
