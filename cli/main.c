// happypath VERB: finds the verb in commands[] and runs it. SPDX-License-Identifier: Apache-2.0
#include "commands.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{"capture", hp_cmd_capture},
	{"surfaces", hp_cmd_surfaces},
	{0},
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && commands[i].name; i++)
		if (strcmp(commands[i].name, argv[1]) == 0)
			return commands[i].run(argc - 1, argv + 1);
	fputs("happypath VERB: capture, surfaces\n", stderr);
	return HP_EXIT_USAGE;
}
