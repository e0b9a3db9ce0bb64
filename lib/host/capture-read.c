// Reading a capture, which anybody may have written. SPDX-License-Identifier: Apache-2.0
#include "host/record.h"

#include "base/cleanup.h"
#include "host/backend.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SCHEMA     "happypath.capture/"
#define MAX_BINARY (1u << 20) // of one file
#define MAX_BINARIES                                                                               \
	(64u << 20) // of all: zeros are not written, so a short line can stand for many
#define MAX_COMPLAINTS 100

struct reader {
	struct hp_capture *capture;
	const char *name;
	char *at, *end; // of what is still to be read
	size_t line;
	/* The record being read. Its body are the lines below it that begin with a tab. */
	const struct row *row;
	size_t row_line; // where it began: what complaints name
	struct hp_text text;
	size_t names_size;
	bool closed; // no body may follow (any more)
	size_t binaries;
};

struct row {
	const char *word;
	enum hp_record_kind kind;
	bool plain_path; // the word behind the kind is no path
	/* What follows the path on its line; whether it is right. */
	bool (*head)(struct reader *reader, struct hp_record *record, char *rest);
	/* One line below it, without its tab; NULL: it has none. */
	bool (*body)(struct reader *reader, struct hp_record *record, char *line, size_t length);
	bool (*finish)(struct reader *reader, struct hp_record *record);
};

__attribute__((format(printf, 2, 3))) static void complain(struct reader *reader,
                                                           const char *format, ...)
{
	size_t count = reader->capture->complaints.count;
	if (count > MAX_COMPLAINTS)
		return;
	char message[512];
	va_list args;
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	hp_utf8_repair(message);
	if (count == MAX_COMPLAINTS)
		hp_capture_complain(reader->capture, "%s: more lines are wrong", reader->name);
	else
		hp_capture_complain(reader->capture, "%s:%zu: %s", reader->name,
		                    reader->row ? reader->row_line : reader->line, message);
}

/* Cuts the next word off `*rest`. */
static char *next_word(char **rest)
{
	char *word = *rest;
	char *space = strchr(word, ' ');
	*rest = space ? space + 1 : word + strlen(word);
	if (space)
		*space = '\0';
	return word;
}

/* A word as it was before it was escaped; NUL bytes have no place in one. */
static bool unescape_word(char *word)
{
	ssize_t length = hp_unescape(word, strlen(word));
	return length > 0 && strlen(word) == (size_t)length;
}

static bool is_path(const char *path)
{
	if (*path != '/' || strlen(path) >= PATH_MAX)
		return false;
	if (!path[1])
		return true;
	for (const char *at = path; *at; at += strcspn(at, "/")) {
		at++;
		size_t length = strcspn(at, "/");
		bool dots =
		    (length == 1 && at[0] == '.') || (length == 2 && at[0] == '.' && at[1] == '.');
		if (!length || dots || length > NAME_MAX)
			return false;
	}
	return true;
}

static bool no_more(struct reader *reader, struct hp_record *record, char *rest)
{
	(void)reader, (void)record;
	return !*rest;
}

static bool yes_or_no(struct reader *reader, struct hp_record *record, char *rest)
{
	(void)reader;
	record->number = strcmp(rest, "yes") == 0;
	return record->number || strcmp(rest, "no") == 0;
}

/* A line of text: "\c" at its end says that no newline follows it, and so that it is the last. */
static bool add_line(struct reader *reader, char *line, size_t length)
{
	size_t slashes = 0;
	bool c = length && line[length - 1] == 'c';
	while (c && slashes + 1 < length && line[length - 2 - slashes] == '\\')
		slashes++;
	if (slashes % 2)
		length -= 2;
	ssize_t plain = hp_unescape(line, length);
	if (plain < 0)
		return false;
	hp_text_add(&reader->text, line, (size_t)plain);
	reader->closed = slashes % 2;
	if (!reader->closed)
		hp_text_add(&reader->text, "\n", 1);
	return true;
}

static bool value(struct reader *reader, struct hp_record *record, char *rest)
{
	(void)record;
	if (!*rest)
		return true;
	bool right = add_line(reader, rest, strlen(rest));
	reader->closed = true;
	return right;
}

static bool add_text(struct reader *reader, struct hp_record *record, char *line, size_t length)
{
	(void)record;
	return add_line(reader, line, length);
}

static bool take_text(struct reader *reader, struct hp_record *record)
{
	hp_capture_set_data(record, hp_text_get(&reader->text), reader->text.length);
	return true;
}

static bool status(struct reader *reader, struct hp_record *record, char *rest)
{
	(void)reader;
	return hp_parse_s64(rest, &record->number) && record->number >= -4095 &&
	       record->number <= 255;
}

static bool link_target(struct reader *reader, struct hp_record *record, char *rest)
{
	(void)reader;
	if (!unescape_word(rest) || strlen(rest) >= PATH_MAX)
		return false;
	hp_capture_set_data(record, rest, strlen(rest));
	return true;
}

static bool add_name(struct reader *reader, struct hp_record *record, char *line, size_t length)
{
	(void)length;
	if (!unescape_word(line) || strchr(line, '/') || strlen(line) > NAME_MAX ||
	    strcmp(line, ".") == 0 || strcmp(line, "..") == 0)
		return false;
	hp_names_add(&record->names, &reader->names_size, hp_strdup(line));
	return true;
}

static bool take_names(struct reader *reader, struct hp_record *record)
{
	(void)reader;
	hp_names_sort(&record->names);
	for (size_t i = 1; i < record->names.count; i++)
		if (strcmp(record->names.names[i - 1], record->names.names[i]) == 0)
			return false;
	return true;
}

static bool binary_size(struct reader *reader, struct hp_record *record, const char *size)
{
	uint64_t bytes;
	if (!hp_parse_u64(size, &bytes) || bytes > MAX_BINARY ||
	    reader->binaries + bytes > MAX_BINARIES)
		return false;
	reader->binaries += bytes;
	free(record->data);
	record->data = hp_calloc(1, bytes + 1);
	record->length = bytes;
	return true;
}

static bool binary(struct reader *reader, struct hp_record *record, char *rest)
{
	return binary_size(reader, record, rest);
}

static bool remembered(struct reader *reader, struct hp_record *record, char *rest)
{
	const char *age = next_word(&rest);
	return hp_is_address(record->path, strlen(record->path)) &&
	       hp_parse_s64(age, &record->number) && record->number > 0 &&
	       binary_size(reader, record, rest);
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "1a0: de 10": the next byte of such a line, or -1 at its end, or -2. */
static int next_byte(const char **at)
{
	if (!**at)
		return -1;
	const char *text = *at;
	if (text[0] != ' ' || nibble(text[1]) < 0 || nibble(text[2]) < 0)
		return -2;
	*at += 3;
	return nibble(text[1]) << 4 | nibble(text[2]);
}

static bool offset_of(const char **at, size_t *ret)
{
	size_t offset = 0;
	const char *text = *at;
	for (; nibble(*text) >= 0; text++) {
		if (text - *at > 7)
			return false;
		offset = offset << 4 | (size_t)nibble(*text);
	}
	if (text == *at || *text != ':')
		return false;
	*at = text + 1;
	*ret = offset;
	return true;
}

static bool add_bytes(struct reader *reader, struct hp_record *record, char *line, size_t length)
{
	(void)reader, (void)length;
	const char *at = line;
	size_t offset;
	if (!offset_of(&at, &offset))
		return false;
	int byte;
	for (; (byte = next_byte(&at)) >= 0; offset++) {
		if (offset >= record->length)
			return false;
		record->data[offset] = (char)byte;
	}
	return byte == -1;
}

/* Bits are kept as {offset, byte}, three bytes each, until all records are there. */
static bool add_bits(struct reader *reader, struct hp_record *record, char *line, size_t length)
{
	(void)record, (void)length;
	const char *at = line;
	size_t offset;
	if (!offset_of(&at, &offset))
		return false;
	int byte;
	for (; (byte = next_byte(&at)) >= 0; offset++) {
		if (offset > 0xfff)
			return false;
		const char triple[] = {(char)(offset >> 8), (char)offset, (char)byte};
		hp_text_add(&reader->text, triple, sizeof(triple));
	}
	return byte == -1;
}

static bool error_name(struct reader *reader, struct hp_record *record, char *rest)
{
	(void)reader;
	for (int code = 1; code < 134; code++) {
		const char *name = strerrorname_np(code);
		if (!name || strcmp(name, rest) != 0)
			continue;
		record->number = code;
		return true;
	}
	return false;
}

static bool pair(const char *text, unsigned *first, unsigned *second)
{
	hp_cleanup_free char *copy = hp_strdup(text);
	char *colon = strchr(copy, ':');
	uint64_t a, b;
	if (!colon)
		return false;
	*colon = '\0';
	if (!hp_parse_u64(copy, &a) || !hp_parse_u64(colon + 1, &b) || a > UINT32_MAX ||
	    b > UINT32_MAX)
		return false;
	*first = (unsigned)a;
	*second = (unsigned)b;
	return true;
}

/* "100644 0:0", and for device nodes "195:0". */
static bool stat_head(struct reader *reader, struct hp_record *record, char *rest)
{
	(void)reader;
	char *mode = next_word(&rest), *owner = next_word(&rest), *end;
	unsigned uid, gid;
	record->stat.mode = (mode_t)strtoul(mode, &end, 8);
	if (end == mode || *end || !pair(owner, &uid, &gid))
		return false;
	record->stat.uid = uid;
	record->stat.gid = gid;
	return !*rest || pair(rest, &record->stat.device_major, &record->stat.device_minor);
}

static bool times_head(struct reader *reader, struct hp_record *record, char *rest)
{
	(void)reader;
	const char *size = next_word(&rest), *time = next_word(&rest);
	return hp_parse_s64(size, &record->stat.size) && hp_parse_s64(time, &record->stat.mtime) &&
	       hp_parse_u64(rest, &record->stat.inode);
}

static bool group_members(struct reader *reader, struct hp_record *record, char *rest)
{
	(void)reader, (void)record;
	while (*rest)
		if (!*next_word(&rest))
			return false;
	return true;
}

static const struct row rows[] = {
    {.word = "absent", .kind = HP_RECORD_ABSENT, .head = no_more},
    {.word = "access", .kind = HP_RECORD_ACCESS, .head = yes_or_no},
    {.word = "answer",
     .kind = HP_RECORD_ANSWER,
     .plain_path = true,
     .head = value,
     .body = add_text,
     .finish = take_text},
    {.word = "bits",
     .kind = HP_RECORD_BITS,
     .head = no_more,
     .body = add_bits,
     .finish = take_text},
    {.word = "covered", .kind = HP_RECORD_COVERED, .head = yes_or_no},
    {.word = "dir", .kind = HP_RECORD_DIR, .head = no_more, .body = add_name, .finish = take_names},
    {.word = "file", .kind = HP_RECORD_FILE, .head = value, .body = add_text, .finish = take_text},
    {.word = "group", .kind = HP_RECORD_GROUP, .plain_path = true, .head = group_members},
    {.word = "head", .kind = HP_RECORD_HEAD, .head = value, .body = add_text, .finish = take_text},
    {.word = "hex", .kind = HP_RECORD_FILE, .head = binary, .body = add_bytes},
    {.word = "link", .kind = HP_RECORD_LINK, .head = link_target},
    {.word = "present", .kind = HP_RECORD_PRESENT, .head = no_more},
    {.word = "remembered",
     .kind = HP_RECORD_REMEMBERED,
     .plain_path = true,
     .head = remembered,
     .body = add_bytes},
    {.word = "run",
     .kind = HP_RECORD_RUN,
     .plain_path = true,
     .head = status,
     .body = add_text,
     .finish = take_text},
    {.word = "stat", .kind = HP_RECORD_STAT, .head = stat_head},
    {.word = "times", .kind = HP_RECORD_TIMES, .head = times_head},
    {.word = "unanswered", .kind = HP_RECORD_UNANSWERED, .plain_path = true, .head = error_name},
    {.word = "unlistable", .kind = HP_RECORD_UNLISTABLE, .head = error_name},
    {.word = "unreadable", .kind = HP_RECORD_UNREADABLE, .head = error_name},
};

static const struct row *find_row(const char *word)
{
	for (size_t i = 0; i < HP_COUNT(rows); i++)
		if (strcmp(rows[i].word, word) == 0)
			return &rows[i];
	return NULL;
}

/* Takes the last record back: it was wrong, or nobody knows whether it is whole. */
static void drop(struct reader *reader)
{
	hp_capture_pop(reader->capture);
	reader->row = NULL;
}

static struct hp_record *current(struct reader *reader)
{
	return &reader->capture->records[reader->capture->count - 1];
}

static void finish_record(struct reader *reader)
{
	const struct row *row = reader->row;
	if (row && row->finish && !row->finish(reader, current(reader))) {
		complain(reader, "this %s record is not right; it is left out", row->word);
		drop(reader);
	}
	reader->row = NULL;
	reader->closed = false;
	reader->text.length = 0;
	reader->names_size = 0;
}

static void begin_record(struct reader *reader, char *line)
{
	char *rest = line;
	const char *word = next_word(&rest);
	const struct row *row = find_row(word);
	if (!row) {
		complain(reader, "expected a kind of record, found '%.40s'", word);
		return;
	}
	char *path = next_word(&rest);
	if (!unescape_word(path) || (!row->plain_path && !is_path(path))) {
		complain(reader, "expected %s behind '%s', found '%.200s'",
		         row->plain_path ? "a word" : "an absolute path without dots", word, path);
		return;
	}
	struct hp_record *record = hp_capture_add(reader->capture, row->kind, path);
	record->line = reader->line;
	reader->row = row;
	reader->row_line = reader->line;
	if (row->head(reader, record, rest))
		return;
	complain(reader, "what follows '%s %.200s' is not right; the record is left out", word,
	         path);
	drop(reader);
}

static void read_body(struct reader *reader, char *line, size_t length)
{
	const struct row *row = reader->row;
	if (!row) // of a record that was left out
		return;
	if (row->body && !reader->closed && row->body(reader, current(reader), line, length))
		return;
	complain(reader, "line %zu does not belong to this %s record, which is left out",
	         reader->line, row->word);
	drop(reader);
}

/* The next line, terminated, without its newline. A NUL byte would hide the rest of it. */
static char *next_line(struct reader *reader, size_t *ret_length)
{
	if (reader->at >= reader->end)
		return NULL;
	char *line = reader->at;
	char *newline = memchr(line, '\n', (size_t)(reader->end - line));
	char *stop = newline ? newline : reader->end;
	*stop = '\0';
	reader->at = stop + 1;
	reader->line++;
	*ret_length = (size_t)(stop - line);
	return line;
}

static bool ends_here(const char *line, uint64_t *ret_count)
{
	return hp_starts_with(line, "[end] ") && hp_parse_u64(line + 6, ret_count);
}

static void read_line(struct reader *reader, char *line, size_t length)
{
	if (strlen(line) != length) {
		finish_record(reader);
		complain(reader, "a NUL byte");
		return;
	}
	if (*line == '\t') {
		read_body(reader, line + 1, length - 1);
		return;
	}
	finish_record(reader);
	bool part = strcmp(line, "[state]") == 0 || strcmp(line, "[incidental]") == 0;
	if (length && *line != '#' && !part)
		begin_record(reader, line);
}

static int read_schema(struct reader *reader, struct hp_error *err)
{
	size_t length;
	const char *line = next_line(reader, &length);
	if (!line || !hp_starts_with(line, SCHEMA))
		return hp_fail(err, -EINVAL, "%s:1: expected %s1: this is no capture", reader->name,
		               SCHEMA);
	if (strcmp(line + sizeof(SCHEMA) - 1, "1") != 0)
		return hp_fail(err, -EINVAL, "%s:1: %.60s: only version 1 is known here",
		               reader->name, line);
	return 0;
}

/* The lines before the first part: "created 2026-…", for people. */
static bool skip_head(struct reader *reader)
{
	char *line;
	size_t length;
	while ((line = next_line(reader, &length)))
		if (*line == '[')
			return true;
	return false;
}

static void read_records(struct reader *reader)
{
	char *line;
	size_t length;
	uint64_t count;
	while ((line = next_line(reader, &length))) {
		if (!ends_here(line, &count)) {
			read_line(reader, line, length);
			continue;
		}
		finish_record(reader);
		if (count != reader->capture->count + reader->capture->complaints.count)
			complain(reader, "%llu records were written, %zu are here",
			         (unsigned long long)count, reader->capture->count);
		return;
	}
	if (reader->row)
		drop(reader);
	complain(reader, "the capture is cut off: no [end] line; its last record is left out");
}

static void complain_of_duplicate(struct hp_capture *capture, const struct hp_record *first,
                                  const struct hp_record *second)
{
	if (capture->complaints.count < MAX_COMPLAINTS)
		hp_capture_complain(
		    capture, "%s:%zu: %s %.200s is on line %zu already; this one is left out",
		    capture->name, second->line, hp_record_names[second->kind], second->path,
		    first->line);
}

static void lay_over(struct hp_capture *capture)
{
	for (size_t i = 0; i < capture->count; i++) {
		const struct hp_record *bits = &capture->records[i];
		if (bits->kind != HP_RECORD_BITS)
			continue;
		const struct hp_record *file = hp_capture_find(capture, HP_RECORD_FILE, bits->path);
		for (size_t at = 0; file && at + 2 < bits->length; at += 3) {
			const uint8_t *triple = (const uint8_t *)bits->data + at;
			size_t offset = (size_t)triple[0] << 8 | triple[1];
			if (offset < file->length)
				file->data[offset] = (char)triple[2];
		}
	}
}

int hp_capture_parse(struct hp_capture *capture, const char *name, const char *text, size_t length,
                     struct hp_error *err)
{
	hp_cleanup_free char *copy = hp_calloc(1, length + 1);
	memcpy(copy, text, length);
	capture->name = name;
	struct reader reader = {.capture = capture, .name = name, .at = copy, .end = copy + length};
	int r = read_schema(&reader, err);
	if (r < 0)
		return r;
	if (!skip_head(&reader))
		return hp_fail(err, -EINVAL, "%s:%zu: the capture is cut off before its first part",
		               name, reader.line);
	read_records(&reader);
	hp_text_free(&reader.text);
	hp_capture_seal(capture, complain_of_duplicate);
	lay_over(capture);
	capture->name = NULL; // the caller's
	return 0;
}
