// The knowledge on a connection: matrices to read, rules to run.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "facts/facts.h"
#include "judge/fence.h"
#include "judge/words.h"

#include <sqlite3.h>
#include <stddef.h>
#include <sys/types.h>

struct hp_fix {
	const char *id, *kind, *title, *undo;
	const char *sql; // the SELECT of its steps' view, "" without one
	const char *file;
	size_t line; // of the view
	enum hp_distance distance;
};

struct hp_rule {
	const char *id, *title, *applies, *resolution, *reference;
	const char *needs; // what must be among the facts for it to have any row, see needs.h
	const char *minds; // the same for a row that is no pass; '': it may always have one
	const char *sql;   // the SELECT of its view
	const char *file;  // below the knowledge directory, or a drop-in's path
	size_t line;
	enum hp_impact impact;
	const struct hp_fix *fixes; // cheapest first
	size_t fix_count;
};

struct hp_knowledge;

struct hp_knowledge_options {
	const char *file;      // the compiled knowledge; NULL: beside the program, where it is
	                       // installed, or in the build
	const char *drop_ins;  // NULL: /etc/happypath/knowledge.d; "": none
	uid_t owner;           // who but root may own drop-ins
	hp_complain *complain; // what was refused of the drop-ins; the rest counts
	void *data;
};

/* Attaches the knowledge to a connection of facts as the schema "knowledge", read only, with the
 * drop-ins laid over it. `options` may be NULL. Close it before the connection, and when no
 * statement reads it any more. */
int hp_knowledge_open(sqlite3 *db, const struct hp_knowledge_options *options,
                      struct hp_knowledge **ret, struct hp_error *err);
void hp_knowledge_close(struct hp_knowledge *knowledge);

/* Whether it would be the compiled file as it is, with nothing laid over it: two processes that
 * open it, and find the same mark, have the same. */
bool hp_knowledge_is_one_file(const struct hp_knowledge_options *options);
/* Tells the compiled file from any other, and from what was in its place before. */
struct hp_knowledge_mark {
	uint64_t device, inode, size;
	int64_t seconds, nanoseconds; // when it was written
};
struct hp_knowledge_mark hp_knowledge_mark(const struct hp_knowledge *knowledge);

/* The file it came from, its version, and the day up to which its sources were read (YYYY-MM-DD, ""
 * if it does not say). */
const char *hp_knowledge_file(const struct hp_knowledge *knowledge);
const char *hp_knowledge_version(const struct hp_knowledge *knowledge);
const char *hp_knowledge_as_of(const struct hp_knowledge *knowledge);

/* The rules, by id. */
const struct hp_rule *hp_knowledge_rules(const struct hp_knowledge *knowledge, size_t *ret_count);
/* The rule of that id, or NULL. */
const struct hp_rule *hp_knowledge_rule(const struct hp_knowledge *knowledge, const char *id);

sqlite3 *hp_knowledge_db(const struct hp_knowledge *knowledge);
struct hp_fence *hp_knowledge_fence(const struct hp_knowledge *knowledge);
