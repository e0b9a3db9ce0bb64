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

/* Every descriptor but the three: our own are opened close-on-exec, the caller's need not be. */
static void close_others(void)
{
#ifdef SYS_close_range
	if (syscall(SYS_close_range, 3, ~0u, 0) == 0)
		return;
#endif
	for (int fd = 3; fd < 1024; fd++) // before Linux 5.9
		close(fd);
}

static void default_signals(void)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
}

__attribute__((noreturn)) static void child(const char *const argv[], int output)
{
	setpgid(0, 0);                    // its children die with it
	prctl(PR_SET_PDEATHSIG, SIGKILL); // and it with us
	default_signals();
	int null = open("/dev/null", O_RDWR);
	if (null < 0 || dup2(null, 0) < 0 || dup2(output, 1) < 0 || dup2(null, 2) < 0)
		_exit(NOT_STARTED);
	close_others();
	execvpe(argv[0], (char *const *)argv, environment);
	_exit(NOT_STARTED);
}

static int64_t now_ms(void)
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
		int64_t left = deadline - now_ms();
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
		if (now_ms() >= deadline)
			return -ETIME;
		poll(NULL, 0, 1);
	}
}

static int finish(pid_t pid, int fd, int64_t deadline, size_t limit, struct hp_text *ret)
{
	int r = collect(fd, deadline, limit, ret);
	if (r == 0)
		r = reap(pid, deadline);
	kill(-pid, SIGKILL); // also what it left behind
	if (r == -ETIME) {
		kill(pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	return r == NOT_STARTED ? -ENOENT : r;
}

int hp_run_live(struct hp_host *host, const char *const argv[], int deadline_ms, size_t limit,
                struct hp_text *ret)
{
	(void)host;
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	int64_t deadline = now_ms() + deadline_ms;
	pid_t pid = fork();
	if (pid == 0)
		child(argv, ends[1]);
	int error = errno;
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return -error;
	}
	setpgid(pid, pid); // whoever is first; the other fails harmlessly
	hp_cleanup_text struct hp_text output = {0};
	int r = finish(pid, ends[0], deadline, limit, &output);
	close(ends[0]);
	if (r >= 0)
		hp_text_add(ret, hp_text_get(&output), output.length);
	return r;
}
