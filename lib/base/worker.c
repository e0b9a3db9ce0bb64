// Work done beside our own, by forked children. SPDX-License-Identifier: Apache-2.0
#include "base/worker.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ALIGN = 16 };

/* Stands at the beginning of the shared memory; the result follows. */
struct hp_worker {
	size_t size, used; // of the whole mapping
	pid_t child;       // the parent's; 0 once it was waited for
	bool whole;        // the child's last word
};

static size_t aligned(size_t size)
{
	return (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

struct hp_worker *hp_worker_start(hp_work *work, void *data, size_t size)
{
	size += aligned(sizeof(struct hp_worker));
	struct hp_worker *worker = mmap(NULL, size, PROT_READ | PROT_WRITE,
	                                MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (worker == MAP_FAILED)
		return NULL;
	worker->size = size;
	worker->used = aligned(sizeof(*worker));
	pid_t child = fork();
	if (child == 0) {
		worker->whole = work(data, worker) == 0;
		_exit(0);
	}
	worker->child = child;
	if (child > 0)
		return worker;
	munmap(worker, size);
	return NULL;
}

void *hp_worker_alloc(struct hp_worker *worker, size_t size)
{
	if (aligned(size) > worker->size - worker->used)
		return NULL;
	void *at = (uint8_t *)worker + worker->used;
	worker->used += aligned(size);
	return at;
}

static void wait_for(struct hp_worker *worker)
{
	int status;
	while (worker->child && waitpid(worker->child, &status, 0) < 0 && errno == EINTR)
		continue;
	worker->child = 0;
}

void *hp_worker_result(struct hp_worker *worker)
{
	wait_for(worker);
	return worker->whole ? (uint8_t *)worker + aligned(sizeof(*worker)) : NULL;
}

void hp_worker_free(struct hp_worker *worker)
{
	if (!worker)
		return;
	if (worker->child)
		kill(worker->child, SIGKILL);
	wait_for(worker);
	munmap(worker, worker->size);
}

size_t hp_processors(void)
{
	cpu_set_t set;
	return sched_getaffinity(0, sizeof(set), &set) == 0 ? (size_t)CPU_COUNT(&set) : 1;
}
