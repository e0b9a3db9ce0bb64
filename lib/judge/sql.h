// The words of an SQL text, with their lines. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum hp_sql_kind {
	HP_SQL_END,
	HP_SQL_WORD,   // keyword or name
	HP_SQL_NUMBER, // digits, with a fraction or exponent
	HP_SQL_STRING, // 'text', quotes included
	HP_SQL_SYMBOL, // operators and punctuation: ( ) , ; . = <> || …
	HP_SQL_BAD,    // what no rule may hold; `problem` says why
};

struct hp_sql_token {
	enum hp_sql_kind kind;
	const char *at; // into the text
	size_t length;
	size_t line; // from 1
	const char *problem;
};

/* Cuts the text into tokens, the last of which is HP_SQL_END; comments and white space are dropped.
 * The caller frees the array; the tokens point into `text`. */
struct hp_sql_token *hp_sql_tokens(const char *text, size_t *ret_count);

/* Whether the token is that keyword, in any case, or that symbol. */
bool hp_sql_is(const struct hp_sql_token *token, const char *word);
/* Whether it is one of a list that ends with NULL. */
bool hp_sql_is_one(const struct hp_sql_token *token, const char *const words[]);
