// Looking for one thing on the host, with absent, unreadable and unknown kept apart.
// SPDX-License-Identifier: Apache-2.0
#include "probe/look.h"
#include "probe/probes.h"

#include "base/cleanup.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

// A partial root lacks whole trees: one gap names the tree, not one each of its files.
static void gap_not_recorded(struct hp_facts *facts, const char *path)
{
	size_t length = 1 + strcspn(path + 1, "/");
	hp_cleanup_free char *top = hp_strndup(path, length);
	hp_facts_gap(facts, "unsupported", top, "not in this record of the host, or only in part");
}

enum hp_look hp_look_result(struct hp_host *host, struct hp_facts *facts, const char *path,
                            ssize_t code)
{
	if (code >= 0)
		return HP_LOOK_SEEN;
	bool missing = code == -ENOENT || code == -ENOTDIR;
	if (missing && hp_host_covers(host, path))
		return HP_LOOK_ABSENT;
	if (missing || code == -ENODATA)
		gap_not_recorded(facts, path);
	else
		hp_facts_gap(facts, hp_probe_gap_kind((int)code), path, "%s", strerror((int)-code));
	return HP_LOOK_UNKNOWN;
}

enum hp_look hp_look_read(struct hp_host *host, struct hp_facts *facts, const char *path,
                          char *buffer, size_t size)
{
	ssize_t length = hp_host_read(host, path, buffer, size);
	if (length < 0)
		buffer[0] = '\0';
	hp_utf8_repair(buffer);
	return hp_look_result(host, facts, path, length);
}

enum hp_look hp_look_text(struct hp_host *host, struct hp_facts *facts, const char *path,
                          size_t limit, struct hp_text *ret)
{
	int r = hp_host_read_text(host, path, limit, ret);
	if (r >= 0 && ret->data)
		hp_utf8_repair(ret->data);
	return hp_look_result(host, facts, path, r);
}

enum hp_look hp_look_list(struct hp_host *host, struct hp_facts *facts, const char *path,
                          struct hp_names *ret)
{
	return hp_look_result(host, facts, path, hp_host_list(host, path, ret));
}

enum hp_look hp_look_exists(struct hp_host *host, struct hp_facts *facts, const char *path)
{
	int exists = hp_host_exists(host, path);
	return exists == 0 ? HP_LOOK_ABSENT : hp_look_result(host, facts, path, exists);
}

void hp_look_put(struct hp_row *row, int column, enum hp_look look, const char *value,
                 const char *absent)
{
	if (look == HP_LOOK_SEEN)
		hp_row_text(row, column, value);
	else if (look == HP_LOOK_ABSENT && absent)
		hp_row_text(row, column, absent);
}

void hp_look_put_file(struct hp_host *host, struct hp_row *row, int column, const char *path)
{
	char buffer[4096];
	enum hp_look look = hp_look_read(host, row->facts, path, buffer, sizeof(buffer));
	char *value = hp_trim(buffer);
	hp_look_put(row, column, look, *value ? value : "none", "none");
}

void hp_look_put_number(struct hp_host *host, struct hp_row *row, int column, const char *path,
                        const int64_t *absent)
{
	char buffer[64];
	enum hp_look look = hp_look_read(host, row->facts, path, buffer, sizeof(buffer));
	int64_t number;
	if (look == HP_LOOK_ABSENT && absent)
		hp_row_number(row, column, *absent);
	if (look != HP_LOOK_SEEN)
		return;
	if (hp_parse_s64(hp_trim(buffer), &number))
		hp_row_number(row, column, number);
	else
		hp_facts_gap(row->facts, "malformed", path, "expected a whole number, found '%s'",
		             buffer);
}

int hp_look_observed(struct hp_host *host, struct hp_facts *facts, enum hp_tbl table,
                     const char *source, struct hp_error *err)
{
	if (!hp_host_covers(host, source))
		return 0;
	return hp_facts_observed(facts, table, "", "complete", err);
}

int hp_look_flag(const char *text)
{
	if (strcmp(text, "Y") == 0 || strcmp(text, "y") == 0 || strcmp(text, "1") == 0 ||
	    strcmp(text, "on") == 0)
		return 1;
	if (strcmp(text, "N") == 0 || strcmp(text, "n") == 0 || strcmp(text, "0") == 0 ||
	    strcmp(text, "off") == 0)
		return 0;
	return -1;
}

void hp_look_put_flag(struct hp_host *host, struct hp_row *row, int column, const char *path,
                      const int64_t *absent)
{
	char buffer[64];
	enum hp_look look = hp_look_read(host, row->facts, path, buffer, sizeof(buffer));
	if (look == HP_LOOK_ABSENT && absent)
		hp_row_number(row, column, *absent);
	if (look != HP_LOOK_SEEN)
		return;
	int flag = hp_look_flag(hp_trim(buffer));
	if (flag >= 0)
		hp_row_number(row, column, flag);
	else
		hp_facts_gap(row->facts, "malformed", path, "expected Y or N, found '%s'", buffer);
}
