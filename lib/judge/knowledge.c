// The knowledge on a connection. SPDX-License-Identifier: Apache-2.0
#include "judge/knowledge.h"
#include "base/cleanup.h"
#include "base/database.h"
#include "base/pool.h"
#include "base/text.h"
#include "judge/load.h"
#include "judge/packed.h"
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
	struct hp_knowledge_mark mark;
	struct hp_pool *pool; // of rules and fixes
	struct hp_packed packed;
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
	knowledge->mark =
	    (struct hp_knowledge_mark){stat.st_dev, stat.st_ino, (uint64_t)stat.st_size,
	                               stat.st_mtim.tv_sec, stat.st_mtim.tv_nsec};
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
	return code < 0 ? code : hp_packed_write(knowledge->db, err);
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

static const char *drop_ins_of(const struct hp_knowledge_options *options)
{
	return options->drop_ins ? options->drop_ins : DROP_INS;
}

bool hp_knowledge_is_one_file(const struct hp_knowledge_options *options)
{
	const char *drop_ins = drop_ins_of(options);
	return !*drop_ins || access(drop_ins, F_OK);
}

struct hp_knowledge_mark hp_knowledge_mark(const struct hp_knowledge *knowledge)
{
	return knowledge->mark;
}

static int open_all(struct hp_knowledge *knowledge, const struct hp_knowledge_options *options,
                    struct hp_error *err)
{
	const char *drop_ins = drop_ins_of(options);
	bool lay = !hp_knowledge_is_one_file(options);
	knowledge->file = options->file ? hp_strdup(options->file) : find_file();
	int code = map_file(knowledge, err);
	if (!code)
		code = attach(knowledge, lay, err);
	if (!code && lay)
		code = lay_over(knowledge, drop_ins, options, err);
	if (!code)
		code = read_info(knowledge, err);
	if (!code)
		code = hp_packed_read(knowledge->db, knowledge->pool, &knowledge->packed, err);
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
	*ret_count = knowledge->packed.rule_count;
	return knowledge->packed.rules;
}

static int by_id(const void *id, const void *rule)
{
	return strcmp(id, ((const struct hp_rule *)rule)->id);
}

const struct hp_rule *hp_knowledge_rule(const struct hp_knowledge *knowledge, const char *id)
{
	return bsearch(id, knowledge->packed.rules, knowledge->packed.rule_count,
	               sizeof(*knowledge->packed.rules), by_id);
}

sqlite3 *hp_knowledge_db(const struct hp_knowledge *knowledge)
{
	return knowledge->db;
}

struct hp_fence *hp_knowledge_fence(const struct hp_knowledge *knowledge)
{
	return knowledge->fence;
}
