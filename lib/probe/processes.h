// The processes of a host, by name. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/host.h"

struct hp_process {
	int64_t pid;
	char command[32];
};

struct hp_processes {
	struct hp_process *rows; // in no order
	size_t count;
	bool complete; // /proc was there
};

/* Reads them; what ended meanwhile is left out. */
void hp_processes_read(struct hp_host *host, struct hp_processes *ret);
void hp_processes_free(struct hp_processes *processes);
/* Whether one of that name runs. */
bool hp_processes_named(const struct hp_processes *processes, const char *command);

#define hp_cleanup_processes __attribute__((cleanup(hp_processes_free)))
