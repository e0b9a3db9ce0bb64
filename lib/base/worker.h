// Work done beside our own, by forked children. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* A child that starts as a copy of the process (pages are shared until written), and memory that
 * both see at the same address. Pointers that were good before the fork are good in that memory
 * too, and so are those into it. */
struct hp_worker;

/* In the child: does the work. 0 if it is done whole. Must not print, nor touch what the parent's
 * other threads may hold. */
typedef int hp_work(void *data, struct hp_worker *worker);

/* Memory of `size` bytes for a child that is to be started; NULL if the system has none. */
struct hp_worker *hp_worker_new(size_t size);
/* Memory that both see, zeroed; NULL if it is full. Before the start, and then for the parent until
 * it tells the child to go on, for the child from then on. */
void *hp_worker_alloc(struct hp_worker *worker, size_t size);
/* Starts the child. Returns whether the system could. */
bool hp_worker_start(struct hp_worker *worker, hp_work *work, void *data);
/* In the child: waits until it is told to go on. False: it never will be. */
bool hp_worker_wait(struct hp_worker *worker);
/* Tells the child to go on. */
void hp_worker_go(struct hp_worker *worker);
/* Waits for the end of its work. Returns whether it did its work: whoever started it does it if
 * not. */
bool hp_worker_done(struct hp_worker *worker);
/* Ends the child if it is still at work; what it left in the memory stays. */
void hp_worker_dismiss(struct hp_worker *worker);
/* The same, and gives the memory back. NULL is fine. */
void hp_worker_free(struct hp_worker *worker);

/* How many processors this process may run on. */
size_t hp_processors(void);
