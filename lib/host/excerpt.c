// What a capture leaves out of what was seen. SPDX-License-Identifier: Apache-2.0
#include "host/excerpt.h"

#include "base/cleanup.h"
#include "host/backend.h"

#include <string.h>

typedef bool keep_line(hp_log_line_matters *matters, const char *line, size_t length, bool first);

static void keep_lines(hp_log_line_matters *matters, struct hp_record *record, keep_line *keep)
{
	hp_cleanup_text struct hp_text text = {0};
	const char *start = record->data, *end = start + record->length;
	for (const char *line = start; line < end;) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		const char *next = newline ? newline + 1 : end;
		if (keep(matters, line, (size_t)(next - line), line == start))
			hp_text_add(&text, line, (size_t)(next - line));
		line = next;
	}
	hp_capture_set_data(record, hp_text_get(&text), text.length);
}

/* Packages: name, state and version; empty lines part them. */
static bool keep_package(hp_log_line_matters *matters, const char *line, size_t length, bool first)
{
	(void)matters, (void)length, (void)first;
	return *line == '\n' || hp_starts_with(line, "Package:") ||
	       hp_starts_with(line, "Status:") || hp_starts_with(line, "Version:");
}

static void cut_packages(hp_log_line_matters *matters, struct hp_record *record)
{
	keep_lines(matters, record, keep_package);
}

/* The log is full of names and addresses; and its first line tells whether its beginning is there.
 */
static bool keep_log(hp_log_line_matters *matters, const char *line, size_t length, bool first)
{
	hp_cleanup_free char *copy = hp_strndup(line, length);
	return first || matters(copy);
}

static void cut_log(hp_log_line_matters *matters, struct hp_record *record)
{
	if (matters)
		keep_lines(matters, record, keep_log);
}

/* Users and groups: name, password's place and number; no full names, homes and members. */
static void cut_users(hp_log_line_matters *matters, struct hp_record *record)
{
	(void)matters;
	hp_cleanup_text struct hp_text text = {0};
	int colons = 0;
	for (size_t i = 0; i < record->length; i++) {
		char c = record->data[i];
		if (c == '\n')
			colons = 0;
		if (colons < 3)
			hp_text_add(&text, &c, 1);
		colons += c == ':';
	}
	hp_capture_set_data(record, hp_text_get(&text), text.length);
}

static const struct {
	const char *path;
	void (*cut)(hp_log_line_matters *matters, struct hp_record *record);
} cuts[] = {
    {"/dev/kmsg", cut_log},      {"/etc/group", cut_users},
    {"/etc/passwd", cut_users},  {"/var/lib/dpkg/status", cut_packages},
    {"/var/log/dmesg", cut_log},
};

void hp_excerpt_cut(struct hp_record *record, hp_log_line_matters *matters)
{
	for (size_t i = 0; i < HP_COUNT(cuts); i++)
		if (record->kind == HP_RECORD_FILE && strcmp(cuts[i].path, record->path) == 0)
			cuts[i].cut(matters, record);
}
