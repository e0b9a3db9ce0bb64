// The verdict for a person at a terminal. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli.h"
#include "judge/verdict.h"

#include <stdio.h>

struct hp_verdict_print {
	struct hp_verdict *verdict;
	const struct hp_knowledge *knowledge;
	const char *as_of, *today;
	bool color, all;
};

void hp_print_verdict(const struct hp_verdict_print *what, FILE *to);
