// What the readers of knowledge share: where a file is told to be wrong. Nobody else's business.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "judge/fence.h"
#include "judge/load.h"

struct hp_loader {
	sqlite3 *db;
	const struct hp_load_options *options;
	struct hp_fence *fence;
	const char *file; // being read
	int complaints;
};

/* Counts a complaint and tells it; `loader` is a struct hp_loader, so that a fence can call it. */
void hp_loader_complain(void *loader, const char *message);

/* The same, as "FILE:LINE: …" of the file being read. */
void hp_loader_complain_at(struct hp_loader *loader, size_t line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

void hp_loader_complain_error(struct hp_loader *loader, const struct hp_error *error);

/* load-matrix.c: the rows of matrices/`table`.csv into knowledge.`table`. */
void hp_loader_matrix(struct hp_loader *loader, const char *table, const char *text);

/* load-rule.c: where hp_loader_sql stages what a file says. */
int hp_loader_stage(sqlite3 *db, struct hp_error *err);
int hp_loader_unstage(sqlite3 *db, struct hp_error *err);

/* The rules and fixes of one file. `name` is of no matter. */
void hp_loader_sql(struct hp_loader *loader, const char *name, const char *text);

/* What holds between the rows of all files: a fix has its rule, its steps can be prepared. */
void hp_loader_check_fixes(struct hp_loader *loader);
