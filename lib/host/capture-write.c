// A capture as text, state first, then what may differ. SPDX-License-Identifier: Apache-2.0
#include "host/backend.h"
#include "host/capture.h"
#include "host/excerpt.h"
#include "host/record.h"
#include "host/recorder.h"
#include "host/redact.h"

#include "base/cleanup.h"

#include <errno.h>
#include <string.h>

#define KEY_FILE "/var/lib/happypath/redaction.key"

static bool is_config(const struct hp_record *record)
{
	return record->kind == HP_RECORD_FILE && record->length >= 64 &&
	       hp_starts_with(record->path, "/sys/") && hp_ends_with(record->path, "/config");
}

/* Text with more than a few characters that cannot be shown is better read as bytes. */
static bool is_text(const struct hp_record *record)
{
	return !is_config(record) &&
	       hp_escape_count(record->data, record->length) * 4 <= record->length;
}

/* One line of content; "\c" where no newline follows it. */
static void put_line(struct hp_text *ret, const char *line, size_t length, bool newline)
{
	hp_escape(ret, line, length, false);
	hp_text_puts(ret, newline ? "\n" : "\\c\n");
}

/* A single short line stands behind the path, more below it. */
static void put_text(const struct hp_record *record, struct hp_text *ret)
{
	const char *at = record->data ? record->data : "";
	const char *end = at + record->length;
	const char *newline = memchr(at, '\n', record->length);
	bool single = at < end && *at != '\n' && (!newline || newline + 1 == end);
	hp_text_puts(ret, single ? " " : "\n");
	while (at < end) {
		newline = memchr(at, '\n', (size_t)(end - at));
		const char *stop = newline ? newline : end;
		if (!single)
			hp_text_puts(ret, "\t");
		put_line(ret, at, (size_t)(stop - at), newline);
		at = newline ? newline + 1 : end;
	}
}

/* Thousands of them: printf would take a fifth of a capture's time. */
static void put_hex(const char *bytes, size_t count, struct hp_text *ret)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < count; i++) {
		unsigned char byte = (unsigned char)bytes[i];
		hp_text_add(ret, (char[]){' ', digits[byte >> 4], digits[byte & 15]}, 3);
	}
	hp_text_puts(ret, "\n");
}

static void put_bytes(const struct hp_record *record, struct hp_text *ret)
{
	static const char zeros[16];
	for (size_t at = 0; at < record->length; at += 16) {
		size_t count = record->length - at < 16 ? record->length - at : 16;
		if (memcmp(record->data + at, zeros, count) == 0)
			continue;
		hp_text_printf(ret, "\t%03zx:", at);
		put_hex(record->data + at, count, ret);
	}
}

static void put_names(const struct hp_record *record, struct hp_text *ret)
{
	hp_text_puts(ret, "\n");
	for (size_t i = 0; i < record->names.count; i++) {
		const char *name = record->names.names[i];
		hp_text_puts(ret, "\t");
		hp_escape(ret, name, strlen(name), true);
		hp_text_puts(ret, "\n");
	}
}

/* Of a BITS record: the spans of the config space, each with its bytes. */
static void put_bits(const struct hp_record *record, struct hp_text *ret)
{
	struct hp_span spans[HP_SPANS];
	size_t count = hp_config_volatile((const uint8_t *)record->data, record->length, spans);
	hp_text_puts(ret, "\n");
	for (size_t i = 0; i < count; i++) {
		hp_text_printf(ret, "\t%03zx:", spans[i].offset);
		put_hex(record->data + spans[i].offset, spans[i].length, ret);
	}
}

static void put_stat(const struct hp_record *record, struct hp_text *ret)
{
	const struct hp_stat *stat = &record->stat;
	hp_text_printf(ret, " %o %u:%u", (unsigned)stat->mode, (unsigned)stat->uid,
	               (unsigned)stat->gid);
	if (stat->device_major || stat->device_minor)
		hp_text_printf(ret, " %u:%u", stat->device_major, stat->device_minor);
	hp_text_puts(ret, "\n");
}

static void put_file(const struct hp_record *record, struct hp_text *ret)
{
	if (is_text(record)) {
		put_text(record, ret);
		return;
	}
	hp_text_printf(ret, " %zu\n", record->length);
	put_bytes(record, ret);
}

static void put_link(const struct hp_record *record, struct hp_text *ret)
{
	hp_text_puts(ret, " ");
	hp_escape(ret, record->data, record->length, true);
	hp_text_puts(ret, "\n");
}

static void put_yes_or_no(const struct hp_record *record, struct hp_text *ret)
{
	hp_text_puts(ret, record->number ? " yes\n" : " no\n");
}

static void put_error(const struct hp_record *record, struct hp_text *ret)
{
	const char *name = strerrorname_np((int)record->number);
	hp_text_printf(ret, " %s\n", name ? name : "EIO");
}

static void put_run(const struct hp_record *record, struct hp_text *ret)
{
	hp_text_printf(ret, " %lld\n", (long long)record->number);
	const char *at = record->data ? record->data : "", *end = at + record->length;
	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		const char *stop = newline ? newline : end;
		hp_text_puts(ret, "\t");
		put_line(ret, at, (size_t)(stop - at), newline);
		at = newline ? newline + 1 : end;
	}
}

static void put_remembered(const struct hp_record *record, struct hp_text *ret)
{
	hp_text_printf(ret, " %lld %zu\n", (long long)record->number, record->length);
	put_bytes(record, ret);
}

static void put_times(const struct hp_record *record, struct hp_text *ret)
{
	hp_text_printf(ret, " %lld %lld %llu\n", (long long)record->stat.size,
	               (long long)record->stat.mtime, (unsigned long long)record->stat.inode);
}

static void put_group(const struct hp_record *record, struct hp_text *ret)
{
	for (size_t i = 1; i < record->names.count; i++)
		hp_text_printf(ret, " %s", record->names.names[i]);
	hp_text_puts(ret, "\n");
}

static void put_nothing(const struct hp_record *record, struct hp_text *ret)
{
	(void)record;
	hp_text_puts(ret, "\n");
}

static void (*const put[HP_RECORD_KINDS])(const struct hp_record *record, struct hp_text *ret) = {
    [HP_RECORD_ABSENT] = put_nothing,    [HP_RECORD_ACCESS] = put_yes_or_no,
    [HP_RECORD_ANSWER] = put_text,       [HP_RECORD_BITS] = put_bits,
    [HP_RECORD_COVERED] = put_yes_or_no, [HP_RECORD_DIR] = put_names,
    [HP_RECORD_FILE] = put_file,         [HP_RECORD_GROUP] = put_group,
    [HP_RECORD_HEAD] = put_text,         [HP_RECORD_LINK] = put_link,
    [HP_RECORD_PRESENT] = put_nothing,   [HP_RECORD_REMEMBERED] = put_remembered,
    [HP_RECORD_RUN] = put_run,           [HP_RECORD_STAT] = put_stat,
    [HP_RECORD_TIMES] = put_times,       [HP_RECORD_UNANSWERED] = put_error,
    [HP_RECORD_UNLISTABLE] = put_error,  [HP_RECORD_UNREADABLE] = put_error,
};

static void put_record(const struct hp_record *record, struct hp_text *ret)
{
	bool hex = record->kind == HP_RECORD_FILE && !is_text(record);
	hp_text_printf(ret, "%s ", hex ? HP_RECORD_HEX_NAME : hp_record_names[record->kind]);
	hp_escape(ret, record->path, strlen(record->path), true);
	put[record->kind](record, ret);
}

void hp_capture_print(const struct hp_capture *capture, const char *head, struct hp_text *ret)
{
	hp_text_puts(ret, head);
	hp_text_puts(ret, "\n[state]\n");
	hp_cleanup_text struct hp_text incidental = {0};
	for (size_t i = 0; i < capture->count; i++) {
		const struct hp_record *record = &capture->records[i];
		put_record(record, hp_incidental(record->kind, record->path) ? &incidental : ret);
	}
	hp_text_puts(ret, "\n[incidental]\n");
	hp_text_add(ret, hp_text_get(&incidental), incidental.length);
	hp_text_printf(ret, "[end] %zu\n", capture->count);
}

/* What happens to each record on its way to the file. */
struct rewrite {
	struct hp_redactor *redactor; // NULL: nothing is hidden
	hp_log_line_matters *log_line_matters;
	struct hp_capture *to;
};

static char *rewritten_path(const struct rewrite *rewrite, const char *path)
{
	return rewrite->redactor ? hp_redact_path(rewrite->redactor, path) : hp_strdup(path);
}

static void rewrite_data(const struct rewrite *rewrite, const struct hp_record *from,
                         struct hp_record *to)
{
	hp_capture_set_data(to, from->data, from->length);
	hp_excerpt_cut(to, rewrite->log_line_matters);
	if (!rewrite->redactor)
		return;
	if (is_config(from) || from->kind == HP_RECORD_REMEMBERED) {
		hp_redact_config(rewrite->redactor, (uint8_t *)to->data, to->length);
		return;
	}
	if (from->kind == HP_RECORD_FILE && !is_text(from))
		return;
	hp_cleanup_text struct hp_text text = {0};
	const char *path = from->kind == HP_RECORD_LINK ? "" : from->path;
	hp_redact_text(rewrite->redactor, path, to->data, to->length, &text);
	hp_capture_set_data(to, hp_text_get(&text), text.length);
}

static void rewrite_names(const struct rewrite *rewrite, const struct hp_record *from,
                          struct hp_record *to)
{
	size_t size = 0;
	for (size_t i = 0; i < from->names.count; i++)
		hp_names_add(&to->names, &size, rewritten_path(rewrite, from->names.names[i]));
	hp_names_sort(&to->names);
}

/* The bits that change by themselves go into a record of their own. */
static void split_config(struct hp_capture *capture, size_t at)
{
	struct hp_record *config = &capture->records[at];
	hp_cleanup_free char *path = hp_strdup(config->path);
	struct hp_record *bits = hp_capture_add(capture, HP_RECORD_BITS, path);
	config = &capture->records[at];
	hp_capture_set_data(bits, config->data, config->length);
	struct hp_span spans[HP_SPANS];
	size_t count = hp_config_volatile((const uint8_t *)config->data, config->length, spans);
	for (size_t i = 0; i < count; i++)
		memset(config->data + spans[i].offset, 0, spans[i].length);
}

static void rewrite_record(const struct rewrite *rewrite, const struct hp_record *from)
{
	hp_cleanup_free char *path = rewritten_path(rewrite, from->path);
	struct hp_record *to = hp_capture_add(rewrite->to, from->kind, path);
	to->number = from->number;
	to->stat = from->stat;
	if (from->data)
		rewrite_data(rewrite, from, to);
	rewrite_names(rewrite, from, to);
	if (is_config(to))
		split_config(rewrite->to, rewrite->to->count - 1);
}

/* "it exists" says nothing where something else stands about it or below it. */
static bool is_needless(const struct hp_capture *capture, size_t at)
{
	const struct hp_record *record = &capture->records[at];
	if (record->kind != HP_RECORD_PRESENT)
		return false;
	if (at && strcmp(capture->records[at - 1].path, record->path) == 0 &&
	    capture->records[at - 1].kind != HP_RECORD_COVERED)
		return true;
	const char *next = at + 1 < capture->count ? capture->records[at + 1].path : "";
	return hp_starts_with(next, record->path) && next[strlen(record->path)] == '/' &&
	       capture->records[at + 1].kind != HP_RECORD_ABSENT &&
	       capture->records[at + 1].kind != HP_RECORD_COVERED;
}

/* The members of an IOMMU group, which stay the same when its number does not. */
struct member {
	char *group, *address;
};

static int by_group(const void *a, const void *b)
{
	const struct member *first = a, *second = b;
	int order = strcmp(first->group, second->group);
	return order ? order : strcmp(first->address, second->address);
}

static bool as_member(const struct hp_record *record, struct member *ret)
{
	static const char ending[] = "/iommu_group";
	if (record->kind != HP_RECORD_LINK || !hp_ends_with(record->path, ending))
		return false;
	size_t end = strlen(record->path) - (sizeof(ending) - 1), start = end;
	while (start && record->path[start - 1] != '/')
		start--;
	if (!hp_is_address(record->path + start, end - start))
		return false;
	const char *slash = strrchr(record->data, '/');
	ret->group = hp_strdup(slash ? slash + 1 : record->data);
	ret->address = hp_strndup(record->path + start, end - start);
	return true;
}

static void add_groups(struct hp_capture *capture)
{
	hp_cleanup_free struct member *members = hp_calloc(capture->count, sizeof(*members));
	size_t count = 0;
	for (size_t i = 0; i < capture->count; i++)
		count += as_member(&capture->records[i], &members[count]);
	qsort(members, count, sizeof(*members), by_group);
	struct hp_record *group = NULL;
	size_t size = 0;
	for (size_t i = 0; i < count; i++) {
		if (!i || strcmp(members[i - 1].group, members[i].group) != 0) {
			group = hp_capture_add(capture, HP_RECORD_GROUP, members[i].address);
			size = 0;
		}
		hp_names_add(&group->names, &size, members[i].address);
	}
	for (size_t i = 0; i < count; i++)
		free(members[i].group);
}

static void drop_needless(struct hp_capture *capture)
{
	hp_cleanup_free bool *needless = hp_calloc(capture->count, sizeof(*needless));
	for (size_t i = 0; i < capture->count; i++)
		needless[i] = is_needless(capture, i);
	size_t kept = 0;
	for (size_t i = 0; i < capture->count; i++) {
		if (needless[i])
			hp_capture_free_record(&capture->records[i]);
		else
			capture->records[kept++] = capture->records[i];
	}
	capture->count = kept;
}

static const char *text_of(const struct hp_capture *capture, enum hp_record_kind kind,
                           const char *path)
{
	const struct hp_record *record = hp_capture_find(capture, kind, path);
	return record && record->data ? record->data : NULL;
}

static void add_host_names(struct hp_redactor *redactor, const struct hp_capture *seen)
{
	static const struct {
		enum hp_record_kind kind;
		const char *path;
	} places[] = {
	    {HP_RECORD_ANSWER, "nodename"},
	    {HP_RECORD_FILE, "/etc/hostname"},
	    {HP_RECORD_FILE, "/proc/sys/kernel/hostname"},
	};
	for (size_t i = 0; i < HP_COUNT(places); i++) {
		const char *name = text_of(seen, places[i].kind, places[i].path);
		if (name)
			hp_redactor_add_host_name(redactor, name);
	}
}

static void put_head(const struct hp_capture *capture, const struct hp_host *host,
                     const struct hp_capture_options *options, struct hp_text *ret)
{
	static const char *const kinds[] = {
	    [HP_HOST_LIVE] = "live", [HP_HOST_ROOT] = "root", [HP_HOST_CAPTURE] = "capture"};
	char day[40] = "";
	time_t now = time(NULL);
	struct tm broken;
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &broken));
	const char *kernel = text_of(capture, HP_RECORD_ANSWER, "release");
	hp_text_printf(ret,
	               "happypath.capture/1\ncreated %s\nby %s\nof %s\nkernel %s\nlevel %d\n"
	               "redacted %s\n",
	               day, options->program, kinds[host->kind], kernel ? kernel : "unknown",
	               host->level, options->redact ? "yes" : "no");
}

int hp_capture_write(struct hp_host *host, const struct hp_capture_options *options,
                     struct hp_text *ret, struct hp_error *err)
{
	if (!host->recorder)
		return hp_fail(err, -EINVAL, "nothing was recorded of %s", host->name);
	struct hp_capture *seen = &host->recorder->capture;
	char answer[256];
	hp_host_ask(host, "nodename", answer, sizeof(answer));
	hp_host_ask(host, "release", answer, sizeof(answer));
	hp_host_ask(host, "time", answer, sizeof(answer));
	hp_capture_seal(seen, NULL);
	struct hp_capture *to = hp_calloc(1, sizeof(*to));
	struct rewrite rewrite = {.to = to, .log_line_matters = options->log_line_matters};
	if (options->redact) {
		int r = hp_redactor_open(options->key_file ? options->key_file : KEY_FILE,
		                         &rewrite.redactor, err);
		if (r < 0)
			return r;
		add_host_names(rewrite.redactor, seen);
	}
	for (size_t i = 0; i < seen->count; i++)
		rewrite_record(&rewrite, &seen->records[i]);
	hp_capture_seal(to, NULL);
	drop_needless(to);
	add_groups(to);
	hp_capture_seal(to, NULL);
	hp_cleanup_text struct hp_text head = {0};
	put_head(to, host, options, &head);
	hp_capture_print(to, hp_text_get(&head), ret);
	hp_capture_free(to);
	hp_redactor_close(rewrite.redactor);
	return 0;
}
