// Growing text, words and numbers. SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *hp_calloc(size_t count, size_t size)
{
	void *memory = calloc(count ? count : 1, size ? size : 1);
	if (!memory)
		abort();
	return memory;
}

void *hp_realloc(void *pointer, size_t size)
{
	void *memory = realloc(pointer, size ? size : 1);
	if (!memory)
		abort();
	return memory;
}

char *hp_strndup(const char *string, size_t length)
{
	char *copy = strndup(string, length);
	if (!copy)
		abort();
	return copy;
}

char *hp_strdup(const char *string)
{
	return hp_strndup(string, strlen(string));
}

char *hp_asprintf(const char *format, ...)
{
	char *string = NULL;
	va_list args;
	va_start(args, format);
	int length = vasprintf(&string, format, args);
	va_end(args);
	if (length < 0)
		abort();
	return string;
}

void hp_text_free(struct hp_text *text)
{
	free(text->data);
	*text = (struct hp_text){0};
}

static void reserve(struct hp_text *text, size_t more)
{
	size_t need = text->length + more + 1;
	if (need <= text->size)
		return;
	size_t size = text->size ? text->size : 64;
	while (size < need)
		size *= 2;
	text->data = hp_realloc(text->data, size);
	text->size = size;
}

void hp_text_add(struct hp_text *text, const char *data, size_t length)
{
	reserve(text, length);
	if (length)
		memcpy(text->data + text->length, data, length);
	text->length += length;
	text->data[text->length] = '\0';
}

void hp_text_puts(struct hp_text *text, const char *string)
{
	hp_text_add(text, string, strlen(string));
}

void hp_text_printf(struct hp_text *text, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	char *string = NULL;
	int length = vasprintf(&string, format, args);
	va_end(args);
	if (length < 0)
		abort();
	hp_text_add(text, string, (size_t)length);
	free(string);
}

const char *hp_text_get(const struct hp_text *text)
{
	return text->data ? text->data : "";
}

char *hp_trim(char *string)
{
	size_t start = strspn(string, " \t\r\n");
	size_t length = strlen(string + start);
	while (length && isspace((unsigned char)string[start + length - 1]))
		length--;
	memmove(string, string + start, length);
	string[length] = '\0';
	return string;
}

bool hp_starts_with(const char *string, const char *prefix)
{
	return strncmp(string, prefix, strlen(prefix)) == 0;
}

bool hp_ends_with(const char *string, const char *suffix)
{
	size_t length = strlen(string), tail = strlen(suffix);
	return length >= tail && strcmp(string + length - tail, suffix) == 0;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

/* By hand: the lists are short, and it is asked thousands of times. */
bool hp_has_word(const char *list, const char *word)
{
	for (const char *at = list; *word && *at;) {
		size_t same = 0;
		while (word[same] && at[same] == word[same])
			same++;
		if (!word[same] && (!at[same] || is_space(at[same])))
			return true;
		while (*at && !is_space(*at))
			at++;
		while (is_space(*at))
			at++;
	}
	return false;
}

bool hp_parse_u64(const char *string, uint64_t *ret)
{
	if (!isdigit((unsigned char)*string))
		return false;
	int base = string[0] == '0' && (string[1] == 'x' || string[1] == 'X') ? 16 : 10;
	char *end;
	errno = 0;
	unsigned long long value = strtoull(string, &end, base);
	if (errno || end == string || *end)
		return false;
	*ret = value;
	return true;
}

bool hp_parse_s64(const char *string, int64_t *ret)
{
	bool negative = *string == '-';
	uint64_t value;
	if (!hp_parse_u64(string + negative, &value) || value > INT64_MAX)
		return false;
	*ret = negative ? -(int64_t)value : (int64_t)value;
	return true;
}

bool hp_parse_size(const char *string, int64_t *ret)
{
	size_t digits = strspn(string, "0123456789");
	char *number = hp_strndup(string, digits);
	uint64_t value;
	bool good = hp_parse_u64(number, &value);
	free(number);
	const char *unit = string + digits + (string[digits] == ' ');
	unsigned shift = 0;
	if (*unit) {
		static const char letters[] = "KMGT";
		const char *letter = strchr(letters, toupper((unsigned char)*unit));
		good = good && letter &&
		       (!unit[1] || strcmp(unit + 1, "iB") == 0 || strcmp(unit + 1, "B") == 0);
		shift = letter ? 10 * (unsigned)(letter - letters + 1) : 0;
	}
	if (!good || value > (uint64_t)INT64_MAX >> shift)
		return false;
	*ret = (int64_t)(value << shift);
	return true;
}

/* Length of the valid UTF-8 sequence at `s`, 0 if there is none. (RFC 3629, section 4.) */
static size_t sequence(const unsigned char *s)
{
	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		return (s[1] & 0xc0) == 0x80 ? 2 : 0;
	if ((s[0] & 0xf0) == 0xe0) {
		if ((s[1] & 0xc0) != 0x80 || (s[2] & 0xc0) != 0x80)
			return 0;
		bool overlong = s[0] == 0xe0 && s[1] < 0xa0;
		bool surrogate = s[0] == 0xed && s[1] > 0x9f;
		bool none = s[0] == 0xef && s[1] == 0xbf && s[2] > 0xbd; // U+FFFE, U+FFFF
		return overlong || surrogate || none ? 0 : 3;
	}
	if (s[0] >= 0xf0 && s[0] <= 0xf4) {
		if ((s[1] & 0xc0) != 0x80 || (s[2] & 0xc0) != 0x80 || (s[3] & 0xc0) != 0x80)
			return 0;
		bool overlong = s[0] == 0xf0 && s[1] < 0x90;
		bool beyond = s[0] == 0xf4 && s[1] > 0x8f;
		return overlong || beyond ? 0 : 4;
	}
	return 0;
}

bool hp_utf8_repair(char *string)
{
	bool changed = false;
	for (unsigned char *s = (unsigned char *)string; *s;) {
		size_t length = sequence(s);
		bool control =
		    (length == 1 && ((*s < 0x20 && *s != '\t' && *s != '\n') || *s == 0x7f)) ||
		    (length == 2 && s[0] == 0xc2 &&
		     s[1] < 0xa0); // C1: U+009B begins an escape, too
		if (!length || control) {
			*s++ = '?';
			changed = true;
			continue;
		}
		s += length;
	}
	return changed;
}

void hp_one_line(char *string)
{
	hp_utf8_repair(string);
	for (char *at = string; *at; at++)
		*at = *at == '\n' ? ' ' : *at;
}

char *hp_size_text(int64_t bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
	size_t unit = 0;
	int64_t value = bytes;
	while (value >= 1024 && value % 1024 == 0 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		value /= 1024;
		unit++;
	}
	return hp_asprintf("%lld %s", (long long)value, units[unit]);
}

int hp_text_width(const char *string)
{
	int width = 0;
	for (; *string; string++)
		width += ((unsigned char)*string & 0xc0) != 0x80;
	return width;
}

char *hp_next_line(char **cursor)
{
	char *line = *cursor;
	if (!line || !*line)
		return NULL;
	char *end = strchrnul(line, '\n');
	*cursor = *end ? end + 1 : end;
	*end = '\0';
	return line;
}

char *hp_next_word(char **cursor)
{
	char *word = *cursor + strspn(*cursor, " \t\r\n");
	if (!*word)
		return NULL;
	char *end = word + strcspn(word, " \t\r\n");
	*cursor = *end ? end + 1 : end;
	*end = '\0';
	return word;
}

bool hp_find_value(const char *text, const char *key, char separator, char *buffer, size_t size)
{
	size_t length = strlen(key);
	for (const char *line = text; *line; line = strchrnul(line, '\n'), line += *line == '\n') {
		line += strspn(line, " \t");
		if (strncmp(line, key, length) != 0)
			continue;
		const char *value = line + length + strspn(line + length, " \t");
		if (*value++ != separator)
			continue;
		value += strspn(value, " \t");
		snprintf(buffer, size, "%.*s", (int)strcspn(value, "\r\n"), value);
		hp_trim(buffer);
		return true;
	}
	return false;
}
