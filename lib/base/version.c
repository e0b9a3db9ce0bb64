// Versions as keys that sort. SPDX-License-Identifier: Apache-2.0
#include "base/version.h"
#include "base/text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* '!' < '+' < '.': a pre-release sorts before its release, a release before what extends it. */
#define PRE  "!"
#define END  "+"
#define NEXT "."

#define WIDTH 10 // digits of a part; longer numbers are cut at the front of it, dates fit

static const char *start_of_number(const char *version)
{
	const char *colon = strchr(version, ':');
	if (colon && strspn(version, "0123456789") == (size_t)(colon - version))
		version = colon + 1;
	while (*version && !isdigit((unsigned char)*version))
		version++;
	return version;
}

static void add_part(struct hp_text *key, const char *digits, size_t length)
{
	while (length > 1 && *digits == '0') {
		digits++;
		length--;
	}
	for (size_t i = length; i < WIDTH; i++)
		hp_text_puts(key, "0");
	hp_text_add(key, digits, length);
}

static const char *pre_release(const char *at)
{
	static const char *const marks[] = {"alpha", "beta", "pre", "rc"};
	at += strspn(at, "-~._");
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		size_t length = strlen(marks[i]);
		if (strncasecmp(at, marks[i], length) == 0)
			return at + length + strspn(at + length, ".-");
	}
	return NULL;
}

char *hp_version_key(const char *version)
{
	const char *at = start_of_number(version);
	if (!*at)
		return NULL;
	struct hp_text key = {0};
	size_t significant = 0; // length of the key up to its last part that is not zero
	for (bool first = true;; first = false) {
		size_t length = strspn(at, "0123456789");
		if (!first)
			hp_text_puts(&key, NEXT);
		add_part(&key, at, length);
		if (first || strspn(at, "0") != length)
			significant = key.length;
		at += length;
		if (at[0] != '.' || !isdigit((unsigned char)at[1]))
			break;
		at++;
	}
	key.length = significant;
	key.data[key.length] = '\0';
	const char *pre = pre_release(at);
	if (pre) {
		hp_text_puts(&key, PRE);
		add_part(&key, pre, strspn(pre, "0123456789"));
	}
	hp_text_puts(&key, END);
	return key.data;
}
