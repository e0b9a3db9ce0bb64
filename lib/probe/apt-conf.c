// Reading lists in apt's configuration. SPDX-License-Identifier: Apache-2.0
#include "probe/apt-conf.h"

#include "base/cleanup.h"

#include <string.h>

/* The text without its comments; strings keep what looks like one. */
static char *without_comments(const char *text)
{
	hp_cleanup_text struct hp_text kept = {0};
	bool quoted = false;
	while (*text) {
		bool line = !quoted && (hp_starts_with(text, "//") || *text == '#');
		if (line) {
			text += strcspn(text, "\n");
		} else if (!quoted && hp_starts_with(text, "/*")) {
			const char *end = strstr(text + 2, "*/");
			text = end ? end + 2 : text + strlen(text);
		} else {
			quoted = *text == '"' ? !quoted : quoted && *text != '\n';
			hp_text_add(&kept, text++, 1);
		}
	}
	return hp_strdup(hp_text_get(&kept));
}

/* Adds the quoted words from `text` up to `end`. */
static void add_words(const char *text, const char *end, struct hp_text *ret)
{
	for (const char *open; (open = memchr(text, '"', (size_t)(end - text)));) {
		const char *close = memchr(open + 1, '"', (size_t)(end - open - 1));
		if (!close)
			return;
		hp_text_printf(ret, "%s%.*s", ret->length ? " " : "", (int)(close - open - 1),
		               open + 1);
		text = close + 1;
	}
}

bool hp_apt_list(const char *text, const char *name, struct hp_text *ret)
{
	hp_cleanup_free char *plain = without_comments(text);
	bool found = false;
	for (const char *at = plain; (at = strcasestr(at, name));) {
		at += strlen(name);
		const char *value = at + strspn(at, " \t\r\n:");
		bool block = *value == '{';
		if (!block && *value != '"')
			continue;
		add_words(value, value + strcspn(value, block ? "}" : ";"), ret);
		found = true;
	}
	return found;
}
