// The databases of package managers: pure parsers, and a walk over all that a host has.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "facts/facts.h"
#include "host/host.h"

#include <stdbool.h>

typedef void hp_package_seen(void *data, const char *name, const char *version, const char *file);

/* Calls `seen` for every installed package of dpkg, pacman and apk. Returns whether at least one
 * database was read. */
bool hp_packages_walk(struct hp_host *host, struct hp_facts *facts, hp_package_seen *seen,
                      void *data);

/* The installed packages of /var/lib/dpkg/status, which is changed while it is read. */
void hp_dpkg_read(char *text, hp_package_seen *seen, void *data);
/* The names of packages that are held back (apt-mark hold), separated by blanks; `text` as above.
 */
void hp_dpkg_held(const char *text, struct hp_text *ret);
/* The packages of /lib/apk/db/installed, likewise. */
void hp_apk_read(char *text, hp_package_seen *seen, void *data);
/* Splits a directory's name of /var/lib/pacman/local, NAME-VERSION-RELEASE, in place; whether it is
 * one. */
bool hp_pacman_split(char *name, char **ret_version);
/* A line "NAME VERSION" of `rpm -qa --qf '%{NAME} %{VERSION}\n'`. */
void hp_rpm_read(char *text, hp_package_seen *seen, void *data);
