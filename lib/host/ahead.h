// Reading ahead: a child reads what its parent will come to. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/host.h"

/* Things are read one after another, and both know them by number and name (a directory's list). A
 * child reads them from the last to the first, through the same door, and keeps what it is answered
 * where both see it; the parent takes them from the first to the last, and where the child was
 * already is answered without asking the machine again. Nobody waits for anybody: what the child
 * did not finish, or did not ask for, the parent reads itself. */

/* Before the child is forked. Returns whether there is memory for it. */
bool hp_ahead_new(struct hp_host *host);
/* In the child: what is read from here on is kept. False: the parent has come so far, or there is
 * no more room. */
bool hp_ahead_begin(struct hp_host *host, size_t thing, const char *name);
/* In the child: the thing was read whole. */
void hp_ahead_end(struct hp_host *host);
/* In the parent: what is read from here on is of that thing. Does nothing where nobody reads
 * ahead. */
void hp_ahead_take(struct hp_host *host, size_t thing, const char *name);
/* In the parent: there are no more things. */
void hp_ahead_finish(struct hp_host *host);
