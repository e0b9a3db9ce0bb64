// A VMM started by us, which dies with us. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct hp_process {
	pid_t pid;
	int output; // what it prints; -1 if it was not caught
	int errors; // a file of ours with the first of what it said on its standard error; -1
	            // likewise
	int64_t started_us; // before it was started, as hp_clock_us tells
};

struct hp_process_options {
	const int *keep; // descriptors that it gets as they are, ends with -1; may be NULL
	int input;       // its standard input; -1: nothing
	bool catch;      // its output comes to us; else it has ours
	int last_signal; // that it gets when we die; 0: SIGKILL
};

/* Microseconds of a clock that nobody sets. */
int64_t hp_clock_us(void);

/* Starts a program, found along PATH, without a shell. It is killed when we die, however we do,
 * or told to end (`last_signal`) where it is a mere client that passes signals on. */
int hp_process_start(char *const *argv, const struct hp_process_options *options,
                     struct hp_process *ret, struct hp_error *err);
/* Waits for its end at most that long (-1: for good): 1 it ended, with its status as wait(2) tells;
 * 0 not yet. */
int hp_process_wait(struct hp_process *process, int timeout_ms, int *ret_status);
/* A descriptor that poll(2) finds readable once it has ended; -1: the kernel (before 5.3) has none.
 */
int hp_process_end_fd(const struct hp_process *process);
/* Kills it if it runs, and closes all of it. */
void hp_process_finish(struct hp_process *process);
/* The last line that it said on its standard error, to be freed; "" if it said nothing. */
char *hp_process_last_words(const struct hp_process *process);
