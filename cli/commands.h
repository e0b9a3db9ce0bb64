// The verbs and their exit codes. SPDX-License-Identifier: Apache-2.0
#pragma once

enum {
	HP_EXIT_OK = 0,
	HP_EXIT_FAILED = 1,
	HP_EXIT_USAGE = 2,
};

int hp_cmd_capture(int argc, char **argv);
int hp_cmd_surfaces(int argc, char **argv);
