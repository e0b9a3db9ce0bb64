// Who is hurt when a service stops. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "step/step.h"

/* Adds as CONSENT what stops with the unit, or is cut off while it restarts. */
void hp_unit_hurts(struct hp_host *host, const char *unit, bool restarts, struct hp_obstacles *ret);
