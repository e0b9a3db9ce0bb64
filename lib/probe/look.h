// Looking for one thing on the host, with absent, unreadable and unknown kept apart.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "facts/facts.h"
#include "host/host.h"

/* What became of a look. Why it ended as unknown is written down as a gap by the look itself. */
enum hp_look {
	HP_LOOK_UNKNOWN,
	HP_LOOK_ABSENT, // it is not there, and the host would show it if it were
	HP_LOOK_SEEN,
};

/* Classifies what a call of host.h returned for `path`, and writes the gap. */
enum hp_look hp_look_result(struct hp_host *host, struct hp_facts *facts, const char *path,
                            ssize_t code);

/* A small file; `buffer` is "" unless it was seen. */
enum hp_look hp_look_read(struct hp_host *host, struct hp_facts *facts, const char *path,
                          char *buffer, size_t size);
/* A file of up to `limit` bytes. */
enum hp_look hp_look_text(struct hp_host *host, struct hp_facts *facts, const char *path,
                          size_t limit, struct hp_text *ret);
enum hp_look hp_look_list(struct hp_host *host, struct hp_facts *facts, const char *path,
                          struct hp_names *ret);
enum hp_look hp_look_exists(struct hp_host *host, struct hp_facts *facts, const char *path);

/* Sets a text column: the value if seen, `absent` (may be NULL) if absent; else leaves it unknown.
 */
void hp_look_put(struct hp_row *row, int column, enum hp_look look, const char *value,
                 const char *absent);
/* Sets a text column from a small file, 'none' if it is absent or empty. */
void hp_look_put_file(struct hp_host *host, struct hp_row *row, int column, const char *path);
/* Sets a number column from a file that holds one; with `absent` where there is no file. */
void hp_look_put_number(struct hp_host *host, struct hp_row *row, int column, const char *path,
                        const int64_t *absent);
/* Sets a flag from a file that says Y, N, 1 or 0; with `absent` where there is no file. */
void hp_look_put_flag(struct hp_host *host, struct hp_row *row, int column, const char *path,
                      const int64_t *absent);

/* Notes a table of one row a host as observed, if the host shows `source`, where most of it comes
 * from. */
int hp_look_observed(struct hp_host *host, struct hp_facts *facts, enum hp_tbl table,
                     const char *source, struct hp_error *err);

/* What a flag says: 1 for Y, y, 1, on; 0 for N, n, 0, off; -1 for anything else. */
int hp_look_flag(const char *text);
