// A VMM started by us. SPDX-License-Identifier: Apache-2.0
#include "run/process.h"

#include "base/cleanup.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { NOT_STARTED = 127, ERRORS_LIMIT = 64 << 10 };

int64_t hp_clock_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* What the child needs to know. */
struct start {
	char *const *argv;
	const struct hp_process_options *options;
	int output, errors, failed;
	pid_t parent;
};

static void default_signals(void)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
}

__attribute__((noreturn)) static void leave(const struct start *start)
{
	int code = errno;
	ssize_t ignored = write(start->failed, &code, sizeof(code));
	(void)ignored;
	_exit(NOT_STARTED);
}

/* Nothing of the VMM's shall outlive us: what it holds could not be given back. */
__attribute__((noreturn)) static void become(const struct start *start)
{
	int last = start->options->last_signal;
	prctl(PR_SET_PDEATHSIG, last ? last : SIGKILL);
	if (getppid() != start->parent)
		_exit(NOT_STARTED);
	if (start->options->input < 0)
		setpgid(0, 0); // what a terminal's keys mean is for us to decide
	default_signals();
	int input = start->options->input;
	int null = input < 0 ? open("/dev/null", O_RDONLY | O_CLOEXEC) : input;
	if (dup2(null, STDIN_FILENO) < 0)
		leave(start);
	if (start->options->catch &&
	    (dup2(start->output, STDOUT_FILENO) < 0 || dup2(start->errors, STDERR_FILENO) < 0))
		leave(start);
	for (const int *keep = start->options->keep; keep && *keep >= 0; keep++)
		fcntl(*keep, F_SETFD, 0);
	execvp(start->argv[0], start->argv);
	leave(start);
}

/* The pipe closes when the program begins. */
static int await_start(int failed, const char *name, struct hp_error *err)
{
	int code = 0;
	ssize_t got = read(failed, &code, sizeof(code));
	if (got != sizeof(code))
		return 0;
	return hp_fail(err, -code, "%s cannot be started: %s", name, strerror(code));
}

static int start_with(struct start *start, int failed, struct hp_process *ret, struct hp_error *err)
{
	ret->started_us = hp_clock_us();
	ret->pid = fork();
	if (ret->pid == 0)
		become(start);
	close(start->failed);
	if (ret->pid < 0)
		return hp_fail(err, -errno, "%s cannot be started: %s", start->argv[0],
		               strerror(errno));
	int code = await_start(failed, start->argv[0], err);
	if (code)
		waitpid(ret->pid, NULL, 0);
	if (code)
		ret->pid = -1;
	return code;
}

/* What it may say there is bounded: a VMM that complains for hours must not eat the host's memory.
 */
static int errors_file(void)
{
	int fd = memfd_create("errors", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd >= 0 && (ftruncate(fd, ERRORS_LIMIT) < 0 ||
	                fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) < 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

int hp_process_start(char *const *argv, const struct hp_process_options *options,
                     struct hp_process *ret, struct hp_error *err)
{
	int output[2] = {-1, -1}, failed[2] = {-1, -1};
	struct start start = {.argv = argv, .options = options, .errors = -1, .parent = getpid()};
	*ret = (struct hp_process){.pid = -1, .output = -1, .errors = -1};
	if (pipe2(failed, O_CLOEXEC) < 0 || (options->catch && pipe2(output, O_CLOEXEC) < 0))
		return hp_fail(err, -errno, "no pipe: %s", strerror(errno));
	if (options->catch)
		ret->errors = start.errors = errors_file();
	ret->output = output[0];
	start.output = output[1];
	start.failed = failed[1];
	int code = start_with(&start, failed[0], ret, err);
	close(failed[0]);
	if (output[1] >= 0)
		close(output[1]);
	if (code)
		hp_process_finish(ret);
	return code;
}

int hp_process_end_fd(const struct hp_process *process)
{
	return (int)syscall(SYS_pidfd_open, process->pid, 0);
}

static void await_end(const struct hp_process *process, int timeout_ms)
{
	hp_cleanup_fd int end = hp_process_end_fd(process);
	struct pollfd poll_end = {.fd = end, .events = POLLIN};
	if (end >= 0)
		poll(&poll_end, 1, timeout_ms);
	else
		usleep(10000);
}

int hp_process_wait(struct hp_process *process, int timeout_ms, int *ret_status)
{
	if (process->pid < 0)
		return 1;
	if (timeout_ms)
		await_end(process, timeout_ms);
	pid_t ended = waitpid(process->pid, ret_status, timeout_ms < 0 ? 0 : WNOHANG);
	if (ended != process->pid)
		return 0;
	process->pid = -1;
	return 1;
}

void hp_process_finish(struct hp_process *process)
{
	int status;
	if (process->pid > 0) {
		kill(process->pid, SIGKILL);
		waitpid(process->pid, &status, 0);
	}
	if (process->output >= 0)
		close(process->output);
	if (process->errors >= 0)
		close(process->errors);
	*process = (struct hp_process){.pid = -1, .output = -1, .errors = -1};
}

char *hp_process_last_words(const struct hp_process *process)
{
	char buffer[4096];
	/* The place in the file is shared with whoever wrote it. */
	off_t end = process->errors < 0 ? 0 : lseek(process->errors, 0, SEEK_CUR);
	off_t from = end > (off_t)sizeof(buffer) - 1 ? end - (off_t)sizeof(buffer) + 1 : 0;
	ssize_t length = end > 0 ? pread(process->errors, buffer, sizeof(buffer) - 1, from) : 0;
	buffer[length > 0 ? length : 0] = '\0';
	char *text = hp_trim(buffer), *line = strrchr(text, '\n');
	char *words = hp_strdup(line ? line + 1 : text);
	hp_one_line(words);
	return words;
}
