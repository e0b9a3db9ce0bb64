// A goal as words say it: options and YAML files. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "plan/plan.h"

/* A goal that owns its words. */
struct hp_goal_text {
	struct hp_goal goal;
	char **words; // all strings of it, ends with NULL
	size_t word_count;
	const char **gpus;
	size_t gpu_count;
};

/* What a goal can say, in the order of help. Ends with a row without a name. */
struct hp_goal_key {
	const char *name; // of the key of a file and, with dashes before it, of the option
	const char *value;
	const char *help;
};

extern const struct hp_goal_key hp_goal_keys[];

void hp_goal_text_init(struct hp_goal_text *goal);
void hp_goal_text_finish(struct hp_goal_text *goal);
/* Sets one key: "to" "qemu-vfio:whole". The error says what was expected. */
int hp_goal_set(struct hp_goal_text *goal, const char *key, const char *value,
                struct hp_error *err);
/* Whether anything was wished for. */
bool hp_goal_is_empty(const struct hp_goal *goal);
/* Reads a goal file (YAML or JSON); `name` is what errors call it, with the line. */
int hp_goal_read(const char *name, const char *text, size_t length, struct hp_goal_text *ret,
                 struct hp_error *err);
