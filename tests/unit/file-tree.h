// A host made of files, for tests of probes. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/cleanup.h"
#include "base/database.h"
#include "base/text.h"
#include "facts/facts.h"
#include "host/host.h"
#include "probe/probes.h"

#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

struct file {
	const char *path, *content; // content "-> TARGET" makes a link, NULL a directory
};

struct tree {
	char directory[64];
	struct hp_host *host;
	struct hp_facts *facts;
};

static inline void make_parents(const char *path)
{
	hp_cleanup_free char *copy = hp_strdup(path);
	for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(copy, 0755);
		*slash = '/';
	}
}

static inline void make_file(const char *root, const struct file *file)
{
	hp_cleanup_free char *path = hp_asprintf("%s%s", root, file->path);
	make_parents(path);
	if (!file->content) {
		mkdir(path, 0755);
	} else if (hp_starts_with(file->content, "-> ")) {
		assert_int_equal(symlink(file->content + 3, path), 0);
	} else {
		hp_cleanup_file FILE *stream = fopen(path, "w");
		assert_non_null(stream);
		fputs(file->content, stream);
	}
}

static inline struct tree make_tree(const struct file *files, size_t count)
{
	struct tree tree = {.directory = "/tmp/happypath-tree-XXXXXX"};
	const struct hp_host_options options = {.level = 1};
	assert_non_null(mkdtemp(tree.directory));
	for (size_t i = 0; i < count; i++)
		make_file(tree.directory, &files[i]);
	assert_int_equal(hp_host_open_root(tree.directory, &options, &tree.host, NULL), 0);
	assert_int_equal(hp_facts_new(&tree.facts, NULL), 0);
	hp_facts_set_host(tree.facts, "tree");
	return tree;
}

static inline int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st, (void)kind, (void)ftw;
	return remove(path);
}

static inline void free_tree(struct tree *tree)
{
	hp_facts_free(tree->facts);
	hp_host_close(tree->host);
	nftw(tree->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void probe(struct tree *tree, hp_probe_run *run)
{
	static const struct hp_probe_options options = {0};
	struct hp_error err = {0};
	int r = run(tree->host, tree->facts, &options, &err);
	if (r != 0)
		fail_msg("%s", err.message);
}

/* Asserts what a query of one value gives; NULL: nothing, or unknown. */
static inline void assert_value(struct tree *tree, const char *sql, const char *expected)
{
	hp_cleanup_statement sqlite3_stmt *statement = NULL;
	struct hp_error err = {0};
	if (hp_db_prepare(hp_facts_db(tree->facts), sql, &statement, &err) < 0)
		fail_msg("%s", err.message);
	const char *value = hp_db_step(statement, NULL) == 1 ? hp_db_text(statement, 0) : NULL;
	if (expected && value)
		assert_string_equal(value, expected);
	else if (expected || value)
		fail_msg("%s gave %s, not %s", sql, value ? value : "nothing",
		         expected ? expected : "nothing");
}

#define TREE(name, files)                                                                          \
	struct tree name __attribute__((cleanup(free_tree))) = make_tree(files, HP_COUNT(files))
