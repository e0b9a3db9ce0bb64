// What the parts of emitting hand each other; nobody else's business.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "emit/emit.h"

/* A copy of the string that the emission owns; NULL stays NULL. */
const char *hp_emit_keep(struct hp_emission *emission, const char *string);

/* devices.c: one device for each accelerator whose offer of `surface` was chosen. Refuses where
 * there is nothing to hand over. */
int hp_emit_find_devices(struct hp_emission *emission, struct hp_error *err);
