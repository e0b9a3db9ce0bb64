// Work done beside our own, by forked children. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>

/* A child that starts as a copy of the process (pages are shared until written) and leaves its
 * result in memory that both see. Pointers that were good before the fork are good in the result
 * too, and so are those into it. */
struct hp_worker;

/* In the child: does the work and puts its result. 0 if the result is whole. Must not print, nor
 * touch what the parent's other threads may hold. */
typedef int hp_work(void *data, struct hp_worker *worker);

/* Starts a child whose result may have `size` bytes; NULL if the system cannot. */
struct hp_worker *hp_worker_start(hp_work *work, void *data, size_t size);
/* In the child: memory in the result, zeroed; NULL if it is full. */
void *hp_worker_alloc(struct hp_worker *worker, size_t size);
/* Waits; the beginning of the result, which is where the first allocation was, or NULL if the child
 * did not finish its work: whoever started it does it then. */
void *hp_worker_result(struct hp_worker *worker);
/* Ends the child if it is still at work, and gives its result's memory back. NULL is fine. */
void hp_worker_free(struct hp_worker *worker);

/* How many processors this process may run on. */
size_t hp_processors(void);
