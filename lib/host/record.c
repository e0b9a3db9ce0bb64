// The records of a capture, sorted and found. SPDX-License-Identifier: Apache-2.0
#include "host/record.h"

#include "base/cleanup.h"
#include "host/backend.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *const hp_record_names[HP_RECORD_KINDS] = {
    [HP_RECORD_ABSENT] = "absent",
    [HP_RECORD_ACCESS] = "access",
    [HP_RECORD_ANSWER] = "answer",
    [HP_RECORD_BITS] = "bits",
    [HP_RECORD_COVERED] = "covered",
    [HP_RECORD_DIR] = "dir",
    [HP_RECORD_FILE] = "file",
    [HP_RECORD_GROUP] = "group",
    [HP_RECORD_HEAD] = "head",
    [HP_RECORD_LINK] = "link",
    [HP_RECORD_PRESENT] = "present",
    [HP_RECORD_REMEMBERED] = "remembered",
    [HP_RECORD_RUN] = "run",
    [HP_RECORD_STAT] = "stat",
    [HP_RECORD_TIMES] = "times",
    [HP_RECORD_UNANSWERED] = "unanswered",
    [HP_RECORD_UNLISTABLE] = "unlistable",
    [HP_RECORD_UNREADABLE] = "unreadable",
};

struct hp_record *hp_capture_add(struct hp_capture *capture, enum hp_record_kind kind,
                                 const char *path)
{
	if (capture->count == capture->size) {
		capture->size = capture->size ? 2 * capture->size : 256;
		capture->records =
		    hp_realloc(capture->records, capture->size * sizeof(*capture->records));
	}
	struct hp_record *record = &capture->records[capture->count];
	*record =
	    (struct hp_record){.kind = kind, .path = hp_strdup(path), .line = capture->count++};
	return record;
}

void hp_capture_set_data(struct hp_record *record, const char *data, size_t length)
{
	free(record->data);
	record->data = hp_calloc(1, length + 1);
	record->length = length;
	if (length)
		memcpy(record->data, data, length);
}

void hp_capture_free_record(struct hp_record *record)
{
	free(record->path);
	free(record->data);
	hp_names_free(&record->names);
}

void hp_capture_pop(struct hp_capture *capture)
{
	hp_capture_free_record(&capture->records[--capture->count]);
}

static int compare(const struct hp_record *a, const char *path, enum hp_record_kind kind)
{
	int order = strcmp(a->path, path);
	return order ? order : (int)a->kind - (int)kind;
}

static int by_path(const void *a, const void *b)
{
	const struct hp_record *first = a, *second = b;
	int order = compare(first, second->path, second->kind);
	return order ? order : (first->line > second->line) - (first->line < second->line);
}

static void swap(struct hp_record *a, struct hp_record *b)
{
	struct hp_record kept = *a;
	*a = *b;
	*b = kept;
}

void hp_capture_seal(struct hp_capture *capture,
                     void (*duplicate)(struct hp_capture *capture, const struct hp_record *first,
                                       const struct hp_record *second))
{
	if (!capture->count)
		return;
	qsort(capture->records, capture->count, sizeof(*capture->records), by_path);
	size_t kept = 0;
	for (size_t i = 1; i < capture->count; i++) {
		struct hp_record *last = &capture->records[kept], *next = &capture->records[i];
		if (compare(last, next->path, next->kind) != 0) {
			capture->records[++kept] = *next;
			continue;
		}
		if (duplicate)
			duplicate(capture, last, next);
		else if (next->kind == HP_RECORD_HEAD && next->length > last->length)
			swap(last, next); // the longer one says more
		hp_capture_free_record(next);
	}
	capture->count = kept + 1;
}

/* The first record that does not come before this one. */
static size_t place_of(const struct hp_capture *capture, enum hp_record_kind kind, const char *path)
{
	size_t low = 0, high = capture->count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (compare(&capture->records[middle], path, kind) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct hp_record *hp_capture_find(const struct hp_capture *capture, enum hp_record_kind kind,
                                        const char *path)
{
	size_t at = place_of(capture, kind, path);
	if (at == capture->count || compare(&capture->records[at], path, kind) != 0)
		return NULL;
	return &capture->records[at];
}

static bool shows_existence(const struct hp_record *record)
{
	switch (record->kind) {
	case HP_RECORD_ABSENT:
	case HP_RECORD_COVERED:
	case HP_RECORD_ANSWER:
	case HP_RECORD_UNANSWERED:
	case HP_RECORD_RUN:
	case HP_RECORD_GROUP:
	case HP_RECORD_REMEMBERED:
		return false;
	default:
		return true;
	}
}

bool hp_capture_knows(const struct hp_capture *capture, const char *path)
{
	for (size_t at = place_of(capture, 0, path); at < capture->count; at++) {
		if (strcmp(capture->records[at].path, path) != 0)
			break;
		if (shows_existence(&capture->records[at]))
			return true;
	}
	hp_cleanup_free char *below = hp_asprintf("%s/", strcmp(path, "/") == 0 ? "" : path);
	for (size_t at = place_of(capture, 0, below); at < capture->count; at++) {
		if (!hp_starts_with(capture->records[at].path, below))
			break;
		if (shows_existence(&capture->records[at]))
			return true;
	}
	return false;
}

void hp_capture_complain(struct hp_capture *capture, const char *format, ...)
{
	char message[HP_ERROR_SIZE];
	va_list args;
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	hp_names_add(&capture->complaints, &capture->complaints_size, hp_strdup(message));
}

void hp_capture_free_records(struct hp_capture *capture)
{
	for (size_t i = 0; i < capture->count; i++)
		hp_capture_free_record(&capture->records[i]);
	free(capture->records);
	hp_names_free(&capture->complaints);
}

void hp_capture_free(struct hp_capture *capture)
{
	if (!capture)
		return;
	hp_capture_free_records(capture);
	free(capture);
}
