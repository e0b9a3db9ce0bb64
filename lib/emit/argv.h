// Words of a command line, and how a shell is told them. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/text.h"

#include <stddef.h>

/* Ends with NULL once a word was added. Zero-initialise; free with hp_argv_free. */
struct hp_argv {
	char **words;
	size_t count;
};

void hp_argv_free(struct hp_argv *argv);
void hp_argv_add(struct hp_argv *argv, const char *word);
void hp_argv_addf(struct hp_argv *argv, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#define hp_cleanup_argv __attribute__((cleanup(hp_argv_free)))

/* A word as the shell reads it back, in quotes where it needs them: names come from strangers. */
void hp_shell_word(struct hp_text *text, const char *word);
/* The words of a command that hp_argv_text wrote. */
void hp_argv_read(const char *text, struct hp_argv *ret);
/* The command, one option a line. */
void hp_argv_text(struct hp_text *text, const struct hp_argv *argv);
