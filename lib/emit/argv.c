// Words of a command line, and how a shell is told them. SPDX-License-Identifier: Apache-2.0
#include "emit/argv.h"

#include "base/cleanup.h"

#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

void hp_argv_free(struct hp_argv *argv)
{
	for (size_t i = 0; i < argv->count; i++)
		free(argv->words[i]);
	free(argv->words);
	*argv = (struct hp_argv){0};
}

static void take(struct hp_argv *argv, char *word)
{
	argv->words = hp_realloc(argv->words, (argv->count + 2) * sizeof(*argv->words));
	argv->words[argv->count++] = word;
	argv->words[argv->count] = NULL;
}

void hp_argv_add(struct hp_argv *argv, const char *word)
{
	take(argv, hp_strdup(word));
}

void hp_argv_addf(struct hp_argv *argv, const char *format, ...)
{
	struct hp_text text = {0};
	char *word = NULL;
	va_list arguments;
	va_start(arguments, format);
	int length = vasprintf(&word, format, arguments);
	va_end(arguments);
	hp_text_puts(&text, length < 0 ? "" : word);
	free(word);
	take(argv, text.data ? text.data : hp_strdup(""));
}

static bool is_plain(const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789@%+=:,./_-";
	return *word && word[strspn(word, plain)] == '\0';
}

void hp_shell_word(struct hp_text *text, const char *word)
{
	if (is_plain(word)) {
		hp_text_puts(text, word);
		return;
	}
	hp_text_puts(text, "'");
	for (const char *at = word; *at;) {
		size_t length = strcspn(at, "'");
		hp_text_add(text, at, length);
		at += length;
		if (*at)
			hp_text_puts(text, "'\\''");
		at += *at != '\0';
	}
	hp_text_puts(text, "'");
}

void hp_argv_text(struct hp_text *text, const struct hp_argv *argv)
{
	for (size_t i = 0; i < argv->count; i++) {
		if (i)
			hp_text_puts(text, argv->words[i][0] == '-' ? " \\\n\t" : " ");
		hp_shell_word(text, argv->words[i]);
	}
	hp_text_puts(text, "\n");
}

/* One word: plain, in quotes, or pieces of both. Returns what is behind it. */
static const char *read_word(const char *at, struct hp_argv *ret)
{
	hp_cleanup_text struct hp_text word = {0};
	bool quoted = false;
	for (; *at && (quoted || !strchr(" \t\n", *at)); at++) {
		if (*at == '\'')
			quoted = !quoted;
		else if (*at == '\\' && !quoted && at[1])
			hp_text_add(&word, ++at, 1);
		else
			hp_text_add(&word, at, 1);
	}
	hp_argv_add(ret, hp_text_get(&word));
	return at;
}

void hp_argv_read(const char *text, struct hp_argv *ret)
{
	for (const char *at = text; *at;) {
		if (strchr(" \t\n", *at))
			at++;
		else if (at[0] == '\\' && at[1] == '\n')
			at += 2;
		else
			at = read_word(at, ret);
	}
}
