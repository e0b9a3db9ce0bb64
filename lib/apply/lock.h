// One happypath changes a host at a time. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"

#define HP_LOCK_FILE "/run/lock/happypath.lock"

/* Takes the lock, waiting up to `wait_ms`: a descriptor, which children that change things inherit,
 * so that it is held for as long as one of them lives. -EBUSY: held by another, which `err` names.
 */
int hp_lock_take(const char *file, int wait_ms, struct hp_error *err);
