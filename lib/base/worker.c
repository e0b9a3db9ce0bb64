// Work done beside our own, by forked children. SPDX-License-Identifier: Apache-2.0
#include "base/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ALIGN = 16, END_MS = 1000 };

/* Stands at the beginning of the shared memory. */
struct hp_worker {
	size_t size, used; // of the whole mapping
	int go[2];         // a pipe: a byte says go on, its end that nobody is left to say it
	int done[2];       // likewise, that the work is done: its process takes a while to end
	pid_t child;       // 0 before it was started, and once it was waited for
	bool whole;        // the child's last word
};

static size_t aligned(size_t size)
{
	return (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

static void close_both(const int pipe[2])
{
	close(pipe[0]);
	close(pipe[1]);
}

struct hp_worker *hp_worker_new(size_t size)
{
	int go[2], done[2];
	size += aligned(sizeof(struct hp_worker));
	struct hp_worker *worker = mmap(NULL, size, PROT_READ | PROT_WRITE,
	                                MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (worker == MAP_FAILED)
		return NULL;
	if (pipe2(go, O_CLOEXEC)) {
		munmap(worker, size);
		return NULL;
	}
	if (pipe2(done, O_CLOEXEC)) {
		close_both(go);
		munmap(worker, size);
		return NULL;
	}
	*worker = (struct hp_worker){.size = size,
	                             .used = aligned(sizeof(*worker)),
	                             .go = {go[0], go[1]},
	                             .done = {done[0], done[1]}};
	return worker;
}

void *hp_worker_alloc(struct hp_worker *worker, size_t size)
{
	if (aligned(size) > worker->size - worker->used)
		return NULL;
	void *at = (uint8_t *)worker + worker->used;
	worker->used += aligned(size);
	return at;
}

static void say(int fd)
{
	while (write(fd, "", 1) < 0 && errno == EINTR)
		continue;
}

/* False: the pipe has ended. */
static bool hear(int fd)
{
	char byte;
	ssize_t length;
	while ((length = read(fd, &byte, 1)) < 0 && errno == EINTR)
		continue;
	return length == 1;
}

bool hp_worker_start(struct hp_worker *worker, hp_work *work, void *data)
{
	int done = worker->done[1]; // which we forget, where both see it
	pid_t child = fork();
	if (child == 0) {
		close(worker->go[1]);
		worker->whole = work(data, worker) == 0;
		say(done);
		_exit(0);
	}
	worker->child = child > 0 ? child : 0;
	close(done); // so that the pipe ends with the child
	worker->done[1] = -1;
	return child > 0;
}

bool hp_worker_wait(struct hp_worker *worker)
{
	return hear(worker->go[0]);
}

void hp_worker_go(struct hp_worker *worker)
{
	/* The other end is open as long as ours is: a child that is gone breaks no pipe. */
	say(worker->go[1]);
}

bool hp_worker_done(struct hp_worker *worker)
{
	return worker->child && hear(worker->done[0]) && worker->whole;
}

/* Whether its end of the pipe is closed, as that of a process that was killed is at once, unless
 * the kernel holds it before a file that never answers: that takes our end to be rid of. */
static bool has_ended(struct hp_worker *worker)
{
	struct pollfd done = {.fd = worker->done[0], .events = POLLIN};
	char byte;
	int r;
	do
		r = poll(&done, 1, END_MS);
	while ((r < 0 && errno == EINTR) || (r > 0 && read(done.fd, &byte, 1) > 0));
	return r > 0;
}

void hp_worker_dismiss(struct hp_worker *worker)
{
	if (!worker->child)
		return;
	kill(worker->child, SIGKILL);
	if (has_ended(worker))
		while (waitpid(worker->child, NULL, 0) < 0 && errno == EINTR)
			continue;
	worker->child = 0;
}

void hp_worker_free(struct hp_worker *worker)
{
	if (!worker)
		return;
	hp_worker_dismiss(worker);
	close_both(worker->go);
	close(worker->done[0]);
	if (worker->done[1] >= 0)
		close(worker->done[1]);
	munmap(worker, worker->size);
}

size_t hp_processors(void)
{
	cpu_set_t set;
	return sched_getaffinity(0, sizeof(set), &set) == 0 ? (size_t)CPU_COUNT(&set) : 1;
}
