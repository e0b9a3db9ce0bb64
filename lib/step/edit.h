// Files as kinds edit them, and programs as kinds run them. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "step/kinds.h"

/* The first line of files that are happypath's own. */
#define HP_EDIT_HEAD "# Written by happypath; \"happypath undo\" takes it back.\n"

/* A file as a state (kinds.h). */
int hp_edit_read(struct hp_host *host, const char *path, json_t **ret, struct hp_error *err);
/* Its text, "" where there is no file; owned by `state`. */
const char *hp_edit_content(const json_t *state);
/* The same file with another text (a new reference); one that was not there is root's, 0644. NULL,
 * or nothing but comments of a file that begins with HP_EDIT_HEAD: no file. */
json_t *hp_edit_with(const json_t *state, const char *content);
/* Makes the file be so, unless it is. */
int hp_edit_write(struct hp_host *host, const char *path, const json_t *state,
                  struct hp_error *err);
/* Where the file changes: what was mounted for reading only, and who keeps it by its own words. */
void hp_edit_obstacles(struct hp_host *host, const char *path, const json_t *before,
                       const json_t *after, struct hp_obstacles *ret);
/* "no file", or its lines without comments, shortened. */
void hp_edit_tell(const json_t *state, struct hp_text *ret);

/* Lines are compared word by word. New strings. */
char *hp_lines_with(const char *text, const char *line);    // at the end, unless it stands there
char *hp_lines_without(const char *text, const char *line); // wherever it stands
bool hp_lines_have(const char *text, const char *line);
/* The words of a string, one blank between: a new string. */
char *hp_plain_words(const char *text);

/* Runs a program that changes the host, by an argv that ends with NULL. Where it is not there, the
 * error says which package has it; where it fails, what it said last. */
int hp_step_run(struct hp_host *host, int deadline_ms, const char *package, struct hp_error *err,
                const char *const argv[]);
/* The same for one that only tells something. */
int hp_step_ask(struct hp_host *host, int deadline_ms, const char *package, struct hp_text *ret,
                struct hp_error *err, const char *const argv[]);
