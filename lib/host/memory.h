// What this boot remembers of config space. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/host.h"

/* Config space of a PCI function: read now if it is awake (*ret_age is 0 then), else what this boot
 * read of it before (its age in seconds), else -ECANCELED. Capabilities do not change during a
 * boot, and the hosts that are best prepared, with idle GPUs on vfio-pci, would else be the least
 * known. Root only: it is kept in /run/happypath/config-BOOTID, and written when the host is
 * closed. Returns the bytes given. */
ssize_t hp_host_config(struct hp_host *host, const char *address, uint8_t *buffer, size_t size,
                       int64_t *ret_age);
/* The same of the function whose directory is open. */
ssize_t hp_dir_config(struct hp_dir *dir, uint8_t *buffer, size_t size, int64_t *ret_age);
/* Whether what is read of it is remembered at all. */
bool hp_host_remembers(const struct hp_host *host);
/* Remembers what another process has just read of it. */
void hp_host_remember(struct hp_host *host, const char *address, const uint8_t *bytes, size_t size);
