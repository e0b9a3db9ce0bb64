// The processes of a host, by name. SPDX-License-Identifier: Apache-2.0
#include "probe/processes.h"

#include <stdlib.h>
#include <string.h>

enum { ANSWER_SIZE = 1 << 20 };

void hp_processes_read(struct hp_host *host, struct hp_processes *ret)
{
	*ret = (struct hp_processes){.names = hp_realloc(NULL, ANSWER_SIZE)};
	*ret->names = '\0';
	ret->complete = hp_host_ask(host, "processes", ret->names, ANSWER_SIZE) > 0;
}

void hp_processes_free(struct hp_processes *processes)
{
	free(processes->names);
	*processes = (struct hp_processes){0};
}

bool hp_processes_named(const struct hp_processes *processes, const char *command)
{
	size_t length = strlen(command);
	if (!processes->complete)
		return false;
	for (const char *at = processes->names; (at = strstr(at, command)); at += length)
		if ((at == processes->names || at[-1] == '\n') &&
		    (at[length] == '\n' || !at[length]))
			return true;
	return false;
}
