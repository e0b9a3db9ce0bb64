// The processes of a host, by name. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/host.h"

struct hp_processes {
	char *names;   // the commands, one a line
	bool complete; // the host could tell
};

/* Asks for them. The names are the kernel's: at most 15 characters. */
void hp_processes_read(struct hp_host *host, struct hp_processes *ret);
void hp_processes_free(struct hp_processes *processes);
/* Whether one of that name runs. */
bool hp_processes_named(const struct hp_processes *processes, const char *command);

#define hp_cleanup_processes __attribute__((cleanup(hp_processes_free)))
