// A plan for a person at a terminal. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "paint.h"
#include "plan/plan.h"

struct hp_plan_print {
	const struct hp_plan *plan;
	const struct hp_goal *goal;
	const struct hp_knowledge *knowledge;
	bool all; // every offer that was weighed
};

void hp_print_plan(const struct hp_plan_print *what, const struct hp_paint *paint);
