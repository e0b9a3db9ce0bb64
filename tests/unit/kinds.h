// Kinds of steps walked there and back on trees of files, with programs that are told instead of
// run. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tree.h"

#include "base/text.h"
#include "step/kinds.h"

#include <stdbool.h>

/* What a program does to the tree; the exit status, or a negative errno. */
struct world;
typedef int program(struct world *world, const char *const argv[], struct hp_text *output);

struct world {
	struct tree tree;
	struct hp_host *host;
	program *programs;  // NULL: none is there
	struct hp_text ran; // command lines, one a line
};

struct entry {
	const char *path, *content; // "-> TARGET" is a link
};

/* Ends with a row of NULLs. `programs` may be NULL. */
void world_make(struct world *world, const struct entry *entries, program *programs);
void world_free(struct world *world);
void world_put(struct world *world, const char *path, const char *content, unsigned mode);
/* The content, mode and owner of every file, in order; a new string. */
char *world_snapshot(const struct world *world);
void assert_file(const struct world *world, const char *path, const char *content);

json_t *read_state(struct world *world, const struct hp_kind *kind, const char *subject);
/* What a word asks for, and the message where it is refused; one of them is NULL. */
json_t *want(struct world *world, const struct hp_kind *kind, const char *subject, const char *word,
             char **ret_refusal);
void assert_refused(struct world *world, const struct hp_kind *kind, const char *subject,
                    const char *word, const char *message);
/* The obstacles, one a line: "owner PATH: TEXT". */
void assert_obstacles(struct world *world, const struct hp_kind *kind, const char *subject,
                      const char *word, const char *expected);
/* What writing would tell while it is rehearsed. */
void assert_rehearsed(struct world *world, const struct hp_kind *kind, const char *subject,
                      const char *word, const char *expected);
/* Writes what the word asks for, and asserts that reading back gives it. */
void go(struct world *world, const struct hp_kind *kind, const char *subject, const char *word);
/* The same and back again: the tree is what it was. The step in words must be `told`, the programs
 * run on the way there `ran`, where they are not NULL. */
void there_and_back(struct world *world, const struct hp_kind *kind, const char *subject,
                    const char *word, const char *told, const char *ran);
