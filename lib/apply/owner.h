// A transaction that holds for as long as a process lives. SPDX-License-Identifier: Apache-2.0
//
// `run` applies a plan, lets a guest run, and undoes the plan. Killed in between, it must leave
// what recovery needs. Two ways were weighed: leaving the transaction open while the guest runs, or
// ending it, with the process that it is for in its head. Open, nothing else could be applied or
// undone on the host, and no second guest started, for as long as the first one runs; so it ends
// like any other, and recovery undoes it once its process is gone.
#pragma once

#include "apply/journal.h"

/* The origin of a transaction that is to hold for as long as this process lives; a new reference.
 * NULL where the host does not tell. */
json_t *hp_owner_origin(struct hp_host *host);
/* Whether the transaction was for a process that is gone. */
bool hp_owner_is_gone(struct hp_host *host, const char *boot, const struct hp_journal *journal);
