// Huge pages, of a NUMA node or of the host. SPDX-License-Identifier: Apache-2.0
//
// Subject: "2048kB", "node0:1048576kB". Words: "512" (so many pages), "16G" (pages for so many
// bytes), either with ">=" before it (at least). State: {"pages": N}.
#include "step/kinds.h"

#include "base/cleanup.h"
#include "host/change.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MINUTE_MS = 60000 }; // gigabytes are cleared

struct pool {
	char directory[128];
	char node[16]; // "" for the whole host
	int64_t size;  // bytes of a page
};

static int parse_subject(const char *subject, struct pool *ret, struct hp_error *err)
{
	unsigned long node, size;
	int end = 0, host_end = 0;
	*ret = (struct pool){0};
	if (sscanf(subject, "node%lu:%lukB%n", &node, &size, &end) == 2 && !subject[end] && end) {
		snprintf(ret->node, sizeof(ret->node), "node%lu", node);
		snprintf(ret->directory, sizeof(ret->directory),
		         "/sys/devices/system/node/node%lu/hugepages/hugepages-%lukB", node, size);
	} else if (sscanf(subject, "%lukB%n", &size, &host_end) == 1 && host_end &&
	           !subject[host_end]) {
		snprintf(ret->directory, sizeof(ret->directory),
		         "/sys/kernel/mm/hugepages/hugepages-%lukB", size);
	} else {
		return hp_fail(err, -EINVAL,
		               "'%s' are no huge pages, such as 2048kB or node0:1048576kB",
		               subject);
	}
	ret->size = (int64_t)size * 1024;
	return 0;
}

static int read_hugepages(struct hp_host *host, const char *subject, json_t **ret,
                          struct hp_error *err)
{
	struct pool pool;
	char path[160], value[32];
	int64_t pages;
	int r = parse_subject(subject, &pool, err);
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "%s/nr_hugepages", pool.directory);
	r = hp_step_read(host, path, value, sizeof(value), err);
	if (r < 0)
		return r;
	if (r > 0 && !hp_parse_s64(value, &pages))
		return hp_fail(err, -EINVAL, "%s: '%s' is no number", path, value);
	*ret = r ? json_pack("{s:I}", "pages", (json_int_t)pages) : hp_absent();
	return 0;
}

/* "512" pages, "16G" of memory, with or without ">=" before it. */
static bool parse_word(const char *word, int64_t page, bool *ret_least, int64_t *ret_pages)
{
	*ret_least = hp_starts_with(word, ">=");
	word += *ret_least ? 2 : 0;
	size_t length = strlen(word);
	if (!length || !isdigit((unsigned char)*word) || !hp_parse_size(word, ret_pages))
		return false;
	if (!isdigit((unsigned char)word[length - 1]))
		*ret_pages = (*ret_pages + page - 1) / page;
	return *ret_pages >= 0;
}

static int want_hugepages(struct hp_host *host HP_UNUSED, const char *subject, const char *word,
                          const json_t *before, json_t **ret, struct hp_error *err)
{
	struct pool pool;
	int64_t pages, now = json_integer_value(json_object_get(before, "pages"));
	bool least;
	int r = parse_subject(subject, &pool, err);
	if (r < 0)
		return r;
	if (!parse_word(word, pool.size, &least, &pages))
		return hp_fail(err, -EINVAL,
		               "hugepages %s: '%s': expected a number of pages or a size such as "
		               "16G, perhaps with >= before it",
		               subject, word);
	if (least && pages < now)
		pages = now;
	*ret = json_pack("{s:I}", "pages", (json_int_t)pages);
	return 0;
}

/* A line of /proc/meminfo, or of a node's, in bytes; -1 where it is not known. */
static int64_t memory(struct hp_host *host, const struct pool *pool)
{
	char path[64] = "/proc/meminfo";
	hp_cleanup_text struct hp_text text = {0};
	if (*pool->node)
		snprintf(path, sizeof(path), "/sys/devices/system/node/%s/meminfo", pool->node);
	if (hp_host_read_text(host, path, 65536, &text) < 0)
		return -1;
	const char *name = *pool->node ? "MemFree:" : "MemAvailable:";
	const char *line = strstr(hp_text_get(&text), name);
	int64_t kilobytes;
	if (!line || sscanf(line + strlen(name), " %" SCNd64, &kilobytes) != 1)
		return -1;
	return kilobytes * 1024;
}

static void check_more(struct hp_host *host, const char *subject, const struct pool *pool,
                       int64_t more, struct hp_obstacles *ret)
{
	int64_t left = memory(host, pool);
	if (left < 0 || more <= left / pool->size)
		return;
	hp_cleanup_free char *size = hp_size_text(left);
	hp_obstacles_add(ret, HP_OBSTACLE_BROKEN, subject,
	                 "%" PRId64 " more huge pages of %" PRId64 " kB do not fit: %s are free",
	                 more, pool->size / 1024, size);
}

static void check_fewer(struct hp_host *host, const char *subject, const struct pool *pool,
                        int64_t before, int64_t after, struct hp_obstacles *ret)
{
	char path[160];
	uint64_t idle;
	snprintf(path, sizeof(path), "%s/free_hugepages", pool->directory);
	if (hp_host_read_u64(host, path, &idle) < 0 || before - (int64_t)idle <= after)
		return;
	hp_obstacles_add(ret, HP_OBSTACLE_HOLDER, subject, "%" PRId64 " huge pages are in use",
	                 before - (int64_t)idle);
}

static int hugepages_obstacles(struct hp_host *host, const char *subject, const json_t *before,
                               const json_t *after, struct hp_obstacles *ret, struct hp_error *err)
{
	struct pool pool;
	int64_t from = json_integer_value(json_object_get(before, "pages"));
	int64_t to = json_integer_value(json_object_get(after, "pages"));
	int r = parse_subject(subject, &pool, err);
	if (r < 0)
		return r;
	if (hp_is_absent(before))
		hp_obstacles_add(ret, HP_OBSTACLE_BROKEN, subject, "%s is not there",
		                 pool.directory);
	else if (to > from)
		check_more(host, subject, &pool, to - from, ret);
	else
		check_fewer(host, subject, &pool, from, to, ret);
	return 0;
}

static int write_hugepages(struct hp_host *host, const char *subject,
                           const json_t *before HP_UNUSED, const json_t *after,
                           struct hp_error *err)
{
	struct pool pool;
	char path[160], value[32];
	int r = parse_subject(subject, &pool, err);
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "%s/nr_hugepages", pool.directory);
	snprintf(value, sizeof(value), "%" JSON_INTEGER_FORMAT,
	         json_integer_value(json_object_get(after, "pages")));
	return hp_host_write(host, path, value, MINUTE_MS, err);
}

static void tell_hugepages(const char *subject HP_UNUSED, const json_t *state, struct hp_text *ret)
{
	hp_text_printf(ret, "%" JSON_INTEGER_FORMAT " pages",
	               json_integer_value(json_object_get(state, "pages")));
}

const struct hp_kind hp_kind_hugepages = {
    .name = "hugepages",
    .help = "huge pages of one size, of a NUMA node or of the host",
    .effect = HP_EFFECT_NOW,
    .undo = HP_UNDO_EXACT,
    .read = read_hugepages,
    .want = want_hugepages,
    .obstacles = hugepages_obstacles,
    .write = write_hugepages,
    .tell = tell_hugepages,
};
