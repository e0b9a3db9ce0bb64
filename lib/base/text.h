// Growing text, words and numbers. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A growing string, always terminated once something was added. Zero-initialise; free with
 * hp_text_free. Memory that runs out ends the process: there is nothing better to do. */
struct hp_text {
	char *data; // NULL while empty
	size_t length;
	size_t size;
};

void hp_text_free(struct hp_text *text);
void hp_text_add(struct hp_text *text, const char *data, size_t length);
void hp_text_puts(struct hp_text *text, const char *string);
void hp_text_printf(struct hp_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The string, "" while empty; owned by `text`. */
const char *hp_text_get(const struct hp_text *text);

#define hp_cleanup_text __attribute__((cleanup(hp_text_free)))

void *hp_calloc(size_t count, size_t size);
void *hp_realloc(void *pointer, size_t size);
char *hp_strdup(const char *string);
char *hp_strndup(const char *string, size_t length);
char *hp_asprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Cuts white space at both ends, in place; returns `string`. */
char *hp_trim(char *string);
bool hp_starts_with(const char *string, const char *prefix);
bool hp_ends_with(const char *string, const char *suffix);
/* Whether the list of words, separated by white space, holds `word`. */
bool hp_has_word(const char *list, const char *word);

/* A whole number, decimal or with 0x; the whole string must be one. */
bool hp_parse_u64(const char *string, uint64_t *ret);
bool hp_parse_s64(const char *string, int64_t *ret);
/* A size in bytes with an optional unit K, M, G or T, or KiB and so on; all are powers of 1024. */
bool hp_parse_size(const char *string, int64_t *ret);

/* The next line of a text that is being walked: cuts it at its end and moves `cursor` behind it.
 * NULL at the end. */
char *hp_next_line(char **cursor);
/* The next word (white space between), cut likewise; NULL if there is none. */
char *hp_next_word(char **cursor);
/* The value of the line "KEY<white space>:<white space>VALUE" or "KEY=VALUE" in `text`, copied to
 * `buffer`; whether there is one. */
bool hp_find_value(const char *text, const char *key, char separator, char *buffer, size_t size);

/* How many columns a terminal gives to the UTF-8 string: one a character. */
int hp_text_width(const char *string);

/* Makes the string valid UTF-8 in place: every byte that is not part of a valid sequence, and every
 * control character but tab and newline, becomes '?'. Returns whether anything changed. */
bool hp_utf8_repair(char *string);
/* That, and newlines become blanks: what a stranger wrote must not look like a line of ours. */
void hp_one_line(char *string);

/* Size in bytes for a person: "80 GiB", "256 MiB", "4096 B". */
char *hp_size_text(int64_t bytes);
