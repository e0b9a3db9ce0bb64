// The knowledge on a connection. SPDX-License-Identifier: Apache-2.0
#include "judge/knowledge.h"
#include "base/cleanup.h"
#include "base/database.h"
#include "base/pool.h"
#include "base/text.h"
#include "judge/load.h"
#include "judge/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define DROP_INS "/etc/happypath/knowledge.d"

struct hp_knowledge {
	sqlite3 *db;
	struct hp_fence *fence;
	char *file, *version, *as_of;
	void *map; // the file, while it is read in place
	size_t map_size;
	struct hp_pool *pool; // of the strings of rules and fixes
	struct hp_rule *rules;
	size_t rule_count;
	struct hp_fix *fixes;
	size_t fix_count;
};

/* Beside the program (a build, or bin/ and share/ below one prefix), then where it was to be
 * installed, then where it was built. */
static char *find_file(void)
{
	char program[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
	program[length > 0 ? length : 0] = '\0';
	char *slash = strrchr(program, '/');
	if (slash)
		*slash = '\0';
	char *candidates[] = {
	    hp_asprintf("%s/knowledge/knowledge.sqlite", program),
	    hp_asprintf("%s/../share/happypath/knowledge/knowledge.sqlite", program),
	    hp_strdup(HP_KNOWLEDGE_INSTALLED),
	    hp_strdup(HP_KNOWLEDGE_BUILT),
	};
	char *found = NULL;
	for (size_t i = 0; i < HP_COUNT(candidates); i++) {
		if (!found && access(candidates[i], R_OK) == 0)
			found = hp_steal(candidates[i]);
		free(candidates[i]);
	}
	return found ? found : hp_strdup(HP_KNOWLEDGE_INSTALLED);
}

static int map_file(struct hp_knowledge *knowledge, struct hp_error *err)
{
	hp_cleanup_fd int fd = open(knowledge->file, O_RDONLY | O_CLOEXEC);
	struct stat stat;
	if (fd < 0 || fstat(fd, &stat))
		return hp_fail(err, -errno, "knowledge %s: %s", knowledge->file, strerror(errno));
	void *map = stat.st_size > 0
	                ? mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_PRIVATE, fd, 0)
	                : MAP_FAILED;
	if (map == MAP_FAILED)
		return hp_fail(err, -EIO, "knowledge %s: cannot be mapped", knowledge->file);
	knowledge->map = map;
	knowledge->map_size = (size_t)stat.st_size;
	return 0;
}

/* A database in memory whose content is the mapped file, or, to be written, a copy of it. */
static int attach(struct hp_knowledge *knowledge, bool writable, struct hp_error *err)
{
	sqlite3_int64 size = (sqlite3_int64)knowledge->map_size;
	unsigned char *content = knowledge->map;
	unsigned flags = SQLITE_DESERIALIZE_READONLY;
	int code = hp_db_exec(knowledge->db, "ATTACH ':memory:' AS knowledge", err);
	if (code)
		return code;
	if (writable) {
		content = sqlite3_malloc64((sqlite3_uint64)size);
		if (!content)
			return hp_fail(err, -ENOMEM, "knowledge: out of memory");
		memcpy(content, knowledge->map, knowledge->map_size);
		flags = SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE;
	}
	code = sqlite3_deserialize(knowledge->db, "knowledge", content, size, size, flags);
	if (code == SQLITE_OK && !writable) // its pages are read where they are
		hp_db_exec(knowledge->db, "PRAGMA knowledge.mmap_size = 1073741824", NULL);
	if (code == SQLITE_OK &&
	    hp_db_number(knowledge->db, "SELECT EXISTS (SELECT 1 FROM knowledge.matrix_column)", 0))
		return 0;
	return hp_fail(err, -EINVAL, "knowledge %s: no compiled knowledge", knowledge->file);
}

static int lay_over(struct hp_knowledge *knowledge, const char *directory,
                    const struct hp_knowledge_options *options, struct hp_error *err)
{
	struct hp_load_options load = {
	    .replaces = true,
	    .check_owner = true,
	    .owner = options->owner,
	    .complain = options->complain,
	    .data = options->data,
	};
	int code = hp_load_directory(knowledge->db, directory, &load, err);
	return code < 0 ? code : 0;
}

static const char *copy_text(struct hp_knowledge *knowledge, sqlite3_stmt *statement, int column)
{
	const char *text = hp_db_text(statement, column);
	return hp_pool_strdup(knowledge->pool, text ? text : "");
}

static int read_fixes(struct hp_knowledge *knowledge, struct hp_error *err)
{
	hp_cleanup_statement sqlite3_stmt *statement = NULL;
	size_t rule = 0;
	int code = hp_db_prepare(
	    knowledge->db,
	    "SELECT rule, id, kind, distance, title, undo, sql, file, line FROM knowledge.fix"
	    " WHERE rule IN (SELECT id FROM knowledge.rule)"
	    " ORDER BY rule, CASE distance WHEN 'live' THEN 1 WHEN 'drain' THEN 2"
	    "  WHEN 'reload' THEN 3 WHEN 'reboot' THEN 4 WHEN 'firmware' THEN 5 ELSE 6 END, id",
	    &statement, err);
	if (code)
		return code;
	knowledge->fixes = hp_calloc(
	    (size_t)hp_db_number(knowledge->db, "SELECT count(*) + 1 FROM knowledge.fix", 1),
	    sizeof(*knowledge->fixes));
	while ((code = hp_db_step(statement, err)) == 1) {
		const char *of = hp_db_text(statement, 0);
		while (strcmp(knowledge->rules[rule].id, of) != 0)
			rule++;
		struct hp_fix *fix = &knowledge->fixes[knowledge->fix_count++];
		*fix = (struct hp_fix){
		    .id = copy_text(knowledge, statement, 1),
		    .kind = copy_text(knowledge, statement, 2),
		    .distance = (enum hp_distance)hp_distance_parse(hp_db_text(statement, 3)),
		    .title = copy_text(knowledge, statement, 4),
		    .undo = copy_text(knowledge, statement, 5),
		    .sql = copy_text(knowledge, statement, 6),
		    .file = copy_text(knowledge, statement, 7),
		    .line = (size_t)sqlite3_column_int64(statement, 8),
		};
		if (!knowledge->rules[rule].fix_count++)
			knowledge->rules[rule].fixes = fix;
	}
	return code;
}

static int read_rules(struct hp_knowledge *knowledge, struct hp_error *err)
{
	hp_cleanup_statement sqlite3_stmt *statement = NULL;
	int code = hp_db_prepare(
	    knowledge->db,
	    "SELECT id, title, impact, applies, resolution, reference, needs, sql, file, line"
	    " FROM knowledge.rule ORDER BY id",
	    &statement, err);
	if (code)
		return code;
	knowledge->rules = hp_calloc(
	    (size_t)hp_db_number(knowledge->db, "SELECT count(*) + 1 FROM knowledge.rule", 1),
	    sizeof(*knowledge->rules));
	while ((code = hp_db_step(statement, err)) == 1)
		knowledge->rules[knowledge->rule_count++] = (struct hp_rule){
		    .id = copy_text(knowledge, statement, 0),
		    .title = copy_text(knowledge, statement, 1),
		    .impact = (enum hp_impact)hp_impact_parse(hp_db_text(statement, 2)),
		    .applies = copy_text(knowledge, statement, 3),
		    .resolution = copy_text(knowledge, statement, 4),
		    .reference = copy_text(knowledge, statement, 5),
		    .needs = copy_text(knowledge, statement, 6),
		    .sql = copy_text(knowledge, statement, 7),
		    .file = copy_text(knowledge, statement, 8),
		    .line = (size_t)sqlite3_column_int64(statement, 9),
		};
	return code ? code : read_fixes(knowledge, err);
}

static int read_info(struct hp_knowledge *knowledge, struct hp_error *err)
{
	hp_cleanup_statement sqlite3_stmt *statement = NULL;
	int code = hp_db_prepare(
	    knowledge->db, "SELECT version, as_of FROM knowledge.knowledge_info", &statement, err);
	if (code)
		return code;
	bool known = hp_db_step(statement, NULL) == 1;
	knowledge->version = hp_strdup(known ? hp_db_text(statement, 0) : "");
	knowledge->as_of = hp_strdup(known ? hp_db_text(statement, 1) : "");
	return 0;
}

static int open_all(struct hp_knowledge *knowledge, const struct hp_knowledge_options *options,
                    struct hp_error *err)
{
	const char *drop_ins = options->drop_ins ? options->drop_ins : DROP_INS;
	bool lay = *drop_ins && access(drop_ins, F_OK) == 0;
	knowledge->file = options->file ? hp_strdup(options->file) : find_file();
	int code = map_file(knowledge, err);
	if (!code)
		code = attach(knowledge, lay, err);
	if (!code && lay)
		code = lay_over(knowledge, drop_ins, options, err);
	if (!code)
		code = read_info(knowledge, err);
	if (!code)
		code = read_rules(knowledge, err);
	if (!code)
		knowledge->fence = hp_fence_new(knowledge->db);
	return code;
}

int hp_knowledge_open(sqlite3 *db, const struct hp_knowledge_options *options,
                      struct hp_knowledge **ret, struct hp_error *err)
{
	static const struct hp_knowledge_options defaults = {0};
	struct hp_knowledge *knowledge = hp_calloc(1, sizeof(*knowledge));
	knowledge->db = db;
	knowledge->pool = hp_pool_new();
	int code = open_all(knowledge, options ? options : &defaults, err);
	if (code)
		hp_knowledge_close(knowledge);
	else
		*ret = knowledge;
	return code;
}

void hp_knowledge_close(struct hp_knowledge *knowledge)
{
	if (!knowledge)
		return;
	hp_db_exec(knowledge->db, "DETACH knowledge", NULL);
	hp_fence_free(knowledge->fence);
	hp_pool_free(knowledge->pool);
	free(knowledge->rules);
	free(knowledge->fixes);
	if (knowledge->map)
		munmap(knowledge->map, knowledge->map_size);
	free(knowledge->file);
	free(knowledge->version);
	free(knowledge->as_of);
	free(knowledge);
}

const char *hp_knowledge_file(const struct hp_knowledge *knowledge)
{
	return knowledge->file;
}

const char *hp_knowledge_version(const struct hp_knowledge *knowledge)
{
	return knowledge->version;
}

const char *hp_knowledge_as_of(const struct hp_knowledge *knowledge)
{
	return knowledge->as_of;
}

const struct hp_rule *hp_knowledge_rules(const struct hp_knowledge *knowledge, size_t *ret_count)
{
	*ret_count = knowledge->rule_count;
	return knowledge->rules;
}

static int by_id(const void *id, const void *rule)
{
	return strcmp(id, ((const struct hp_rule *)rule)->id);
}

const struct hp_rule *hp_knowledge_rule(const struct hp_knowledge *knowledge, const char *id)
{
	return bsearch(id, knowledge->rules, knowledge->rule_count, sizeof(*knowledge->rules),
	               by_id);
}

sqlite3 *hp_knowledge_db(const struct hp_knowledge *knowledge)
{
	return knowledge->db;
}

struct hp_fence *hp_knowledge_fence(const struct hp_knowledge *knowledge)
{
	return knowledge->fence;
}
