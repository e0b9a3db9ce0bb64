// Work done beside our own, by forked children. SPDX-License-Identifier: Apache-2.0
#include "base/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ALIGN = 16 };

/* Stands at the beginning of the shared memory. */
struct hp_worker {
	size_t size, used; // of the whole mapping
	int go[2];         // a pipe: a byte says go on, its end that nobody is left to say it
	pid_t child;       // 0 before it was started, and once it was waited for
	bool whole;        // the child's last word
};

static size_t aligned(size_t size)
{
	return (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

struct hp_worker *hp_worker_new(size_t size)
{
	int go[2];
	size += aligned(sizeof(struct hp_worker));
	struct hp_worker *worker = mmap(NULL, size, PROT_READ | PROT_WRITE,
	                                MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (worker == MAP_FAILED)
		return NULL;
	if (pipe2(go, O_CLOEXEC)) {
		munmap(worker, size);
		return NULL;
	}
	*worker = (struct hp_worker){
	    .size = size, .used = aligned(sizeof(*worker)), .go = {go[0], go[1]}};
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

bool hp_worker_start(struct hp_worker *worker, hp_work *work, void *data)
{
	pid_t child = fork();
	if (child == 0) {
		close(worker->go[1]);
		worker->whole = work(data, worker) == 0;
		_exit(0);
	}
	worker->child = child > 0 ? child : 0;
	return child > 0;
}

bool hp_worker_wait(struct hp_worker *worker)
{
	char byte;
	ssize_t length;
	while ((length = read(worker->go[0], &byte, 1)) < 0 && errno == EINTR)
		continue;
	return length == 1;
}

void hp_worker_go(struct hp_worker *worker)
{
	/* The other end is open as long as ours is: a child that is gone breaks no pipe. */
	while (write(worker->go[1], "", 1) < 0 && errno == EINTR)
		continue;
}

static void wait_for(struct hp_worker *worker)
{
	int status;
	while (worker->child && waitpid(worker->child, &status, 0) < 0 && errno == EINTR)
		continue;
	worker->child = 0;
}

bool hp_worker_done(struct hp_worker *worker)
{
	wait_for(worker);
	return worker->whole;
}

void hp_worker_free(struct hp_worker *worker)
{
	if (!worker)
		return;
	if (worker->child)
		kill(worker->child, SIGKILL);
	wait_for(worker);
	close(worker->go[0]);
	close(worker->go[1]);
	munmap(worker, worker->size);
}

size_t hp_processors(void)
{
	cpu_set_t set;
	return sched_getaffinity(0, sizeof(set), &set) == 0 ? (size_t)CPU_COUNT(&set) : 1;
}
