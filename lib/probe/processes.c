// The processes of a host, by name. SPDX-License-Identifier: Apache-2.0
#include "probe/processes.h"

#include "base/cleanup.h"

#include <string.h>

void hp_processes_read(struct hp_host *host, struct hp_processes *ret)
{
	hp_cleanup_names struct hp_names names = {0};
	*ret = (struct hp_processes){0};
	// A copied tree has no processes, whatever of /proc it holds.
	if (hp_host_list(host, "/proc", &names) < 0 || hp_host_exists(host, "/proc/1/comm") <= 0)
		return;
	ret->complete = true;
	ret->rows = hp_calloc(names.count, sizeof(*ret->rows));
	for (size_t i = 0; i < names.count; i++) {
		struct hp_process *process = &ret->rows[ret->count];
		if (hp_parse_s64(names.names[i], &process->pid) &&
		    hp_host_readf(host, process->command, sizeof(process->command), "/proc/%s/comm",
		                  names.names[i]) > 0)
			ret->count++;
	}
}

void hp_processes_free(struct hp_processes *processes)
{
	free(processes->rows);
	*processes = (struct hp_processes){0};
}

bool hp_processes_named(const struct hp_processes *processes, const char *command)
{
	for (size_t i = 0; i < processes->count; i++)
		if (strcmp(processes->rows[i].command, command) == 0)
			return true;
	return false;
}
