// happypath explain: why, by what evidence and source, and what to do. SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "cli.h"

int hp_cmd_explain(const struct hp_command *command HP_UNUSED, struct hp_options *options HP_UNUSED)
{
	return HP_EXIT_FAILED;
}
