// Units of systemd, as files tell of them. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/host.h"

/* A unit is named with its suffix: docker.service. */

/* The places where units may be that this host has: many are asked for in few places. */
unsigned hp_unit_places(struct hp_host *host);
/* Where the unit's file is: a new string, NULL without one. `ret_seen` becomes false if a place
 * could not be looked at. */
char *hp_unit_file(struct hp_host *host, unsigned places, const char *unit, bool *ret_seen);
/* The name that systemd keeps it under (a new string): an alias, as display-manager is one, is a
 * link to it. `file` may be NULL. */
char *hp_unit_name(struct hp_host *host, const char *file, const char *unit);
/* Adds the names below *.wants and *.requires of the administrator's directory: what starts at
 * boot. */
void hp_units_wanted(struct hp_host *host, struct hp_text *ret);
/* "enabled", "disabled", "static" or "masked", from its file and what hp_units_wanted gave. NULL if
 * the file cannot be read: `ret_code` says why then. */
const char *hp_unit_enabled(struct hp_host *host, const char *unit, const char *file,
                            const char *wanted, int *ret_code);
/* Whether systemd says that the unit is active: it keeps a link with its invocation for just as
 * long. The cgroup alone would miss those that ran once and remain. 1, 0, or -1 where systemd is
 * not at work. */
int hp_unit_active(struct hp_host *host, const char *unit);
/* Whether a unit file has a section that says how to enable it. */
bool hp_unit_installs(const char *text);
