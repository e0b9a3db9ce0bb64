// A program run without a shell, with a deadline. SPDX-License-Identifier: Apache-2.0
#include "host/backend.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOT_STARTED 127 // exit status of a child that could not exec, as shells have it

/* All that a --version needs. PATH: a fixed one, lest the caller's directories be searched. */
static char *const environment[] = {
    (char *)"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    (char *)"LC_ALL=C",
    NULL,
};

/* Every descriptor from `first` on: our own are opened close-on-exec, the caller's need not be. */
static void close_others(unsigned first)
{
#ifdef SYS_close_range
	if (syscall(SYS_close_range, first, ~0u, 0) == 0)
		return;
#endif
	for (unsigned fd = first; fd < 1024; fd++) // before Linux 5.9
		close((int)fd);
}

static void default_signals(void)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
}

/* Whoever was started without one of the standard descriptors has others in their places. */
static int above_standard(int fd)
{
	return fd >= 0 && fd <= 2 ? fcntl(fd, F_DUPFD, 3) : fd;
}

void hp_child_keep(int output, int errors, int lock)
{
	enum { LOCK = 3 };
	output = above_standard(output);
	errors = above_standard(errors);
	lock = above_standard(lock);
	int null = open("/dev/null", O_RDWR);
	if (null < 0 || dup2(null, 0) < 0 || dup2(output, 1) < 0 ||
	    dup2(errors < 0 ? null : errors, 2) < 0)
		_exit(NOT_STARTED);
	if (lock >= 0 && lock != LOCK && dup2(lock, LOCK) < 0)
		_exit(NOT_STARTED);
	if (lock == LOCK)
		fcntl(LOCK, F_SETFD, 0);
	close_others(lock >= 0 ? LOCK + 1 : LOCK);
}

/* How a program is run. */
struct how {
	int deadline_ms;
	size_t limit;
	bool changes; // it changes things: it goes on without us, and its errors are wanted
	int lock;
};

__attribute__((noreturn)) static void child(const char *const argv[], const struct how *how,
                                            int output)
{
	setpgid(0, 0); // its children die with it
	if (!how->changes)
		prctl(PR_SET_PDEATHSIG, SIGKILL); // and it with us
	default_signals();
	hp_child_keep(output, how->changes ? output : -1, how->lock);
	execvpe(argv[0], (char *const *)argv, environment);
	_exit(NOT_STARTED);
}

int64_t hp_now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Reads until the end, the limit or the deadline: 0, or -ETIME. What is over the limit is dropped,
 * but read, lest the child block. */
static int collect(int fd, int64_t deadline, size_t limit, struct hp_text *ret)
{
	char chunk[4096];
	for (;;) {
		int64_t left = deadline - hp_now_ms();
		if (left <= 0)
			return -ETIME;
		struct pollfd wait = {.fd = fd, .events = POLLIN};
		if (poll(&wait, 1, (int)left) <= 0)
			continue;
		ssize_t r = read(fd, chunk, sizeof(chunk));
		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return 0;
		size_t room = limit - ret->length;
		hp_text_add(ret, chunk, (size_t)r < room ? (size_t)r : room);
	}
}

/* The child's exit status, or -ETIME if it did not end in time (it closed its output and went on).
 */
static int reap(pid_t pid, int64_t deadline)
{
	int status;
	for (;;) {
		pid_t r = waitpid(pid, &status, WNOHANG);
		if (r == pid)
			return WIFEXITED(status) ? WEXITSTATUS(status) : -EIO;
		if (r < 0 && errno != EINTR)
			return -errno;
		if (hp_now_ms() >= deadline)
			return -ETIME;
		poll(NULL, 0, 1);
	}
}

/* Ends what passed its deadline. What the kernel holds in a write cannot be killed: after a second
 * it is left to itself (-ETIME), if it is one that may outlive us. */
static int end_late(pid_t pid, const struct how *how)
{
	kill(pid, SIGKILL);
	if (how->changes)
		return reap(pid, hp_now_ms() + 1000) == -ETIME ? -ETIME : -ETIMEDOUT;
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return -ETIME;
}

static int finish(pid_t pid, int fd, const struct how *how, int64_t deadline, struct hp_text *ret)
{
	int r = collect(fd, deadline, how->limit, ret);
	if (r == 0)
		r = reap(pid, deadline);
	kill(-pid, SIGKILL); // also what it left behind
	if (r == -ETIME)
		r = end_late(pid, how);
	return r == NOT_STARTED ? -ENOENT : r;
}

static int run(const char *const argv[], const struct how *how, struct hp_text *ret)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	int64_t deadline = hp_now_ms() + how->deadline_ms;
	pid_t pid = fork();
	if (pid == 0)
		child(argv, how, ends[1]);
	int error = errno;
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return -error;
	}
	setpgid(pid, pid); // whoever is first; the other fails harmlessly
	hp_cleanup_text struct hp_text output = {0};
	int r = finish(pid, ends[0], how, deadline, &output);
	close(ends[0]);
	if (r >= 0)
		hp_text_add(ret, hp_text_get(&output), output.length);
	return r;
}

int hp_run_live(struct hp_host *host, const char *const argv[], int deadline_ms, size_t limit,
                struct hp_text *ret)
{
	(void)host;
	const struct how how = {.deadline_ms = deadline_ms, .limit = limit, .lock = -1};
	return run(argv, &how, ret);
}

int hp_run_change(struct hp_host *host, const char *const argv[], int deadline_ms, size_t limit,
                  struct hp_text *ret)
{
	const struct how how = {
	    .deadline_ms = deadline_ms, .limit = limit, .changes = true, .lock = host->lock};
	return run(argv, &how, ret);
}
