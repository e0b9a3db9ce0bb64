// Parsing a kernel command line. SPDX-License-Identifier: Apache-2.0
#include "facts/cmdline.h"
#include "base/cleanup.h"
#include "base/text.h"

#include <ctype.h>
#include <string.h>

/* Length of the next option: up to white space outside of quotes. */
static size_t span(const char *at)
{
	bool quoted = false;
	size_t length = 0;
	for (; at[length] && (quoted || !isspace((unsigned char)at[length])); length++)
		quoted ^= at[length] == '"';
	return length;
}

static void unquote(char *text)
{
	size_t length = strlen(text);
	if (length && text[length - 1] == '"')
		text[--length] = '\0';
	if (text[0] == '"')
		memmove(text, text + 1, length);
}

static void give(char *argument, hp_cmdline_option *option, void *data)
{
	/* A quote in front holds name and value together: "name=a b". */
	if (argument[0] == '"')
		unquote(argument);
	char *value = strchr(argument, '=');
	if (value) {
		*value++ = '\0';
		unquote(value);
	}
	for (char *c = argument; *c; c++)
		*c = *c == '-' ? '_' : *c;
	if (*argument)
		option(data, argument, value);
}

void hp_cmdline_parse(const char *text, hp_cmdline_option *option, void *data)
{
	for (;;) {
		while (isspace((unsigned char)*text))
			text++;
		size_t length = span(text);
		if (!length || (length == 2 && strncmp(text, "--", 2) == 0))
			return;
		hp_cleanup_free char *argument = hp_strndup(text, length);
		give(argument, option, data);
		text += length;
	}
}
