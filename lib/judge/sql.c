// The words of an SQL text. SPDX-License-Identifier: Apache-2.0
#include "judge/sql.h"
#include "base/cleanup.h"
#include "base/text.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

struct lexer {
	const char *at;
	size_t line;
};

static const char *skip_comment(const char *at)
{
	if (at[0] == '-' && at[1] == '-')
		return at + strcspn(at, "\n");
	if (at[0] != '/' || at[1] != '*')
		return at;
	const char *end = strstr(at + 2, "*/");
	return end ? end + 2 : at; // one that does not end is left for the lexer to refuse
}

static void skip_blank(struct lexer *lexer)
{
	for (;;) {
		const char *end = lexer->at + strspn(lexer->at, " \t\r\n\f");
		end = skip_comment(end);
		if (end == lexer->at)
			return;
		for (; lexer->at < end; lexer->at++)
			lexer->line += *lexer->at == '\n';
	}
}

static bool is_word_start(char c)
{
	return isalpha((unsigned char)c) || c == '_';
}

static size_t word_length(const char *at)
{
	size_t length = 0;
	while (is_word_start(at[length]) || isdigit((unsigned char)at[length]))
		length++;
	return length;
}

static void read_number(struct hp_sql_token *token)
{
	const char *at = token->at;
	if (at[0] == '0' && (at[1] == 'x' || at[1] == 'X')) {
		token->kind = HP_SQL_BAD;
		token->problem =
		    "hexadecimal numbers are read differently by PostgreSQL: write a decimal one";
		token->length = 2 + word_length(at + 2);
		return;
	}
	token->kind = HP_SQL_NUMBER;
	token->length = strspn(at, "0123456789.");
	size_t tail = word_length(at + token->length);
	if (!tail)
		return;
	token->length += tail;
	token->kind = HP_SQL_BAD;
	token->problem = "not a number";
}

static void read_string(struct hp_sql_token *token)
{
	size_t length = 1;
	for (; token->at[length]; length++) {
		if (token->at[length] != '\'')
			continue;
		if (token->at[length + 1] != '\'')
			break;
		length++;
	}
	bool closed = token->at[length] == '\'';
	token->kind = closed ? HP_SQL_STRING : HP_SQL_BAD;
	token->problem = closed ? NULL : "a string opens here and does not close";
	token->length = length + closed;
}

static void read_symbol(struct hp_sql_token *token)
{
	static const char *const pairs[] = {
	    "||", "<>", "<=", ">=", "!=", "==", "<<", ">>", "->", "::"};
	token->kind = HP_SQL_SYMBOL;
	token->length = 1;
	for (size_t i = 0; i < HP_COUNT(pairs); i++)
		if (strncmp(token->at, pairs[i], 2) == 0)
			token->length = 2;
	if (hp_sql_is(token, "==") || hp_sql_is(token, "->") || hp_sql_is(token, "::")) {
		token->kind = HP_SQL_BAD;
		token->problem = "this operator exists in one of SQLite and PostgreSQL only";
	}
}

static void read_other(struct hp_sql_token *token)
{
	static const struct {
		const char *first, *problem;
	} bad[] = {
	    {"\"", "double quotes: SQLite takes them for a string where no such column exists"},
	    {"`", "backticks are no SQL"},
	    {"[", "brackets are no SQL"},
	    {"?:@$#", "parameters have no value in a rule"},
	    {"\\", "backslashes are no SQL"},
	    {"/*", "a comment opens here and does not close"},
	};
	read_symbol(token);
	if (strchr("+-*/%&|~<>=!(),;.", *token->at) && strncmp(token->at, "/*", 2) != 0)
		return;
	if (token->length == 2 && token->kind == HP_SQL_BAD)
		return;
	token->kind = HP_SQL_BAD;
	token->problem = "this character is no SQL";
	for (size_t i = 0; i < HP_COUNT(bad); i++)
		if (strchr(bad[i].first, *token->at))
			token->problem = bad[i].problem;
}

static struct hp_sql_token next(struct lexer *lexer)
{
	skip_blank(lexer);
	struct hp_sql_token token = {.at = lexer->at, .line = lexer->line};
	char first = *lexer->at;
	if (!first) {
		token.kind = HP_SQL_END;
	} else if (is_word_start(first)) {
		token.kind = HP_SQL_WORD;
		token.length = word_length(lexer->at);
	} else if (isdigit((unsigned char)first)) {
		read_number(&token);
	} else if (first == '\'') {
		read_string(&token);
	} else {
		read_other(&token);
	}
	for (size_t i = 0; i < token.length; i++)
		lexer->line += lexer->at[i] == '\n';
	lexer->at += token.length;
	return token;
}

struct hp_sql_token *hp_sql_tokens(const char *text, size_t *ret_count)
{
	struct lexer lexer = {.at = text, .line = 1};
	struct hp_sql_token *tokens = NULL;
	size_t count = 0, size = 0;
	do {
		if (count == size) {
			size = size ? 2 * size : 256;
			tokens = hp_realloc(tokens, size * sizeof(*tokens));
		}
		tokens[count++] = next(&lexer);
	} while (tokens[count - 1].kind != HP_SQL_END);
	*ret_count = count;
	return tokens;
}

bool hp_sql_is(const struct hp_sql_token *token, const char *word)
{
	return token->kind != HP_SQL_STRING && strlen(word) == token->length &&
	       strncasecmp(token->at, word, token->length) == 0;
}

bool hp_sql_is_one(const struct hp_sql_token *token, const char *const words[])
{
	for (; *words; words++)
		if (hp_sql_is(token, *words))
			return true;
	return false;
}
