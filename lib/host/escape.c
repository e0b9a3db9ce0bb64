// Any bytes as text that can be read and compared. SPDX-License-Identifier: Apache-2.0
#include "host/record.h"

#include <string.h>

/* Length of the character at `s` if it may stand as it is: valid UTF-8 (RFC 3629), and no control.
 */
static size_t plain(const unsigned char *s, size_t left)
{
	static const struct {
		unsigned char low, high; // of the first byte
		size_t length;
		unsigned char second_low, second_high;
	} rows[] = {
	    {0xc2, 0xdf, 2, 0x80, 0xbf}, {0xe0, 0xe0, 3, 0xa0, 0xbf}, {0xe1, 0xec, 3, 0x80, 0xbf},
	    {0xed, 0xed, 3, 0x80, 0x9f}, {0xee, 0xef, 3, 0x80, 0xbf}, {0xf0, 0xf0, 4, 0x90, 0xbf},
	    {0xf1, 0xf3, 4, 0x80, 0xbf}, {0xf4, 0xf4, 4, 0x80, 0x8f},
	};
	if (s[0] < 0x80)
		return s[0] == '\t' || (s[0] >= 0x20 && s[0] != 0x7f);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (s[0] < rows[i].low || s[0] > rows[i].high)
			continue;
		if (rows[i].length > left || s[1] < rows[i].second_low ||
		    s[1] > rows[i].second_high)
			return 0;
		for (size_t at = 2; at < rows[i].length; at++)
			if ((s[at] & 0xc0) != 0x80)
				return 0;
		return rows[i].length;
	}
	return 0;
}

size_t hp_escape_count(const char *data, size_t length)
{
	size_t count = 0;
	for (size_t at = 0; at < length;) {
		size_t step = plain((const unsigned char *)data + at, length - at);
		count += step == 0 && data[at] != '\n';
		at += step ? step : 1;
	}
	return count;
}

void hp_escape(struct hp_text *ret, const char *data, size_t length, bool word)
{
	for (size_t at = 0; at < length;) {
		size_t step = plain((const unsigned char *)data + at, length - at);
		bool space = data[at] == ' ' && (word || at + 1 == length); // none at a line's end
		bool tab = data[at] == '\t' && word;
		if (data[at] == '\\')
			hp_text_puts(ret, "\\\\");
		else if (!step || space || tab)
			hp_text_printf(ret, "\\x%02x", (unsigned char)data[at]);
		else
			hp_text_add(ret, data + at, step);
		at += step ? step : 1;
	}
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

ssize_t hp_unescape(char *text, size_t length)
{
	size_t to = 0;
	for (size_t at = 0; at < length; at++) {
		if (text[at] != '\\') {
			size_t step = plain((const unsigned char *)text + at, length - at);
			if (!step)
				return -1;
			memmove(text + to, text + at, step);
			to += step;
			at += step - 1;
			continue;
		}
		if (at + 1 < length && text[at + 1] == '\\') {
			text[to++] = '\\';
			at++;
			continue;
		}
		if (at + 3 >= length || text[at + 1] != 'x' || digit(text[at + 2]) < 0 ||
		    digit(text[at + 3]) < 0)
			return -1;
		text[to++] = (char)(digit(text[at + 2]) << 4 | digit(text[at + 3]));
		at += 3;
	}
	text[to] = '\0';
	return (ssize_t)to;
}
