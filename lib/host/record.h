// What a capture is made of: records of paths. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/host.h"

/* In the order in which they stand in the file where they have the same path. The names are the
 * file's words (record.c). */
enum hp_record_kind {
	HP_RECORD_ABSENT,     // the path does not exist
	HP_RECORD_ACCESS,     // whether the user may open it: number
	HP_RECORD_ANSWER,     // path is a question to hp_host_ask, data its answer
	HP_RECORD_BITS,       // what changes by itself in a config space: laid over its FILE
	HP_RECORD_COVERED,    // whether absence means absent: number
	HP_RECORD_DIR,        // names in it, all of them
	HP_RECORD_FILE,       // data
	HP_RECORD_GROUP,      // members of an IOMMU group: for people and for comparing
	HP_RECORD_HEAD,       // data: the beginning of a file that did not fit whoever read it
	HP_RECORD_LINK,       // data: where it points
	HP_RECORD_PRESENT,    // it exists, and no more is known
	HP_RECORD_REMEMBERED, // path is a PCI address, data its config space, number its age in
	                      // seconds
	HP_RECORD_RUN,   // path is a command line, number its exit status or errno, data its output
	HP_RECORD_STAT,  // mode, owner, device of stat
	HP_RECORD_TIMES, // size, time, inode of stat
	HP_RECORD_UNANSWERED, // a question to hp_host_ask; number: errno
	HP_RECORD_UNLISTABLE, // number: errno
	HP_RECORD_UNREADABLE, // number: errno
	HP_RECORD_KINDS,
};

struct hp_record {
	enum hp_record_kind kind;
	char *path;
	char *data; // not terminated by `length`, but a NUL follows always
	size_t length;
	int64_t number;
	struct hp_names names;
	struct hp_stat stat;
	size_t line; // where it was read, or the order in which it was noted
};

struct hp_capture {
	const char *name; // of its file, while it is parsed
	struct hp_record *records;
	size_t count, size;
	struct hp_names complaints; // what was wrong in the file, with its line
	size_t complaints_size;
};

/* The file's word for each kind. A FILE that is no text is written as "hex". */
extern const char *const hp_record_names[HP_RECORD_KINDS];
#define HP_RECORD_HEX_NAME "hex"

/* Adds a record and hands it out to be filled; `path` is copied. */
struct hp_record *hp_capture_add(struct hp_capture *capture, enum hp_record_kind kind,
                                 const char *path);
void hp_capture_pop(struct hp_capture *capture); // the last one added
void hp_capture_set_data(struct hp_record *record, const char *data, size_t length);
/* Sorts; of records of one kind and path the first stays. `duplicate` (may be NULL) is told the
 * others. */
void hp_capture_seal(struct hp_capture *capture,
                     void (*duplicate)(struct hp_capture *capture, const struct hp_record *first,
                                       const struct hp_record *second));
/* Sealed captures only. NULL if there is none. */
const struct hp_record *hp_capture_find(const struct hp_capture *capture, enum hp_record_kind kind,
                                        const char *path);
/* Whether anything is recorded of the path itself that shows that it exists, or of a path below it.
 */
bool hp_capture_knows(const struct hp_capture *capture, const char *path);
void hp_capture_free_record(struct hp_record *record); // what it holds
void hp_capture_free_records(struct hp_capture *capture);
void hp_capture_free(struct hp_capture *capture);
void hp_capture_complain(struct hp_capture *capture, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* capture-read.c: 0, or why it is no capture at all. Records that are wrong are left out and
 * complained of. */
int hp_capture_parse(struct hp_capture *capture, const char *name, const char *text, size_t length,
                     struct hp_error *err);

/* capture-write.c */
void hp_capture_print(const struct hp_capture *capture, const char *head, struct hp_text *ret);

/* escape.c. Text that stays readable: backslash, control characters, what is no UTF-8 (and in words
 * spaces) become \xHH. */
void hp_escape(struct hp_text *ret, const char *data, size_t length, bool word);
/* How many bytes of `data` would be escaped. */
size_t hp_escape_count(const char *data, size_t length);
/* In place; the new length, or -1 if it is not escaped rightly. */
ssize_t hp_unescape(char *text, size_t length);

/* incidental.c: why what is recorded of a path may differ between two looks, NULL if it is state.
 */
const char *hp_incidental(enum hp_record_kind kind, const char *path);

/* config-space.c: runs of bytes in the config space of a function, as {offset, length}. */
struct hp_span {
	size_t offset, length;
	const char *why;
};

#define HP_SPANS 64
/* What changes by itself: status, error logs, message addresses. */
size_t hp_config_volatile(const uint8_t *bytes, size_t size, struct hp_span spans[HP_SPANS]);
/* What names this very piece: the Device Serial Number. */
size_t hp_config_secret(const uint8_t *bytes, size_t size, struct hp_span spans[HP_SPANS]);
