// JSON documents, printed as JSON or YAML. SPDX-License-Identifier: Apache-2.0
#include "base/json.h"
#include "base/cleanup.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

static void print_yaml(const json_t *value, int depth, FILE *to);

static bool is_scalar(const json_t *value)
{
	return json_is_object(value)  ? json_object_size(value) == 0
	       : json_is_array(value) ? json_array_size(value) == 0
	                              : true;
}

/* A value behind "key:" or "-": scalars and empty containers on the same line, the rest below. */
static void print_yaml_value(const json_t *value, int depth, FILE *to)
{
	fputc(is_scalar(value) ? ' ' : '\n', to);
	print_yaml(value, depth, to);
}

/* Whether every reader of YAML takes the word for text as it stands. */
static bool is_plain_key(const char *key)
{
	static const char *const taken[] = {"y",   "n",    "yes",  "no",   "on",
	                                    "off", "null", "true", "false"};
	for (size_t i = 0; i < HP_COUNT(taken); i++)
		if (strcasecmp(key, taken[i]) == 0)
			return false;
	if (!isalpha((unsigned char)*key) && *key != '_')
		return false;
	while (isalnum((unsigned char)*key) || *key == '_' || *key == '-')
		key++;
	return !*key;
}

static void print_yaml_key(const char *key, FILE *to)
{
	hp_cleanup_text struct hp_text quoted = {0};
	if (!is_plain_key(key))
		hp_json_string(&quoted, key);
	fprintf(to, "%s:", quoted.data ? quoted.data : key);
}

static void print_yaml_object(const json_t *object, int depth, bool item, FILE *to)
{
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)object, key, value)
	{
		fprintf(to, "%*s", item ? 0 : depth, "");
		print_yaml_key(key, to);
		item = false;
		print_yaml_value(value, json_is_array(value) ? depth : depth + 2, to);
	}
}

static void print_yaml_array(const json_t *array, int depth, FILE *to)
{
	size_t i;
	json_t *value;
	json_array_foreach(array, i, value)
	{
		fprintf(to, "%*s-", depth, "");
		if (json_is_object(value) && json_object_size(value)) {
			fputc(' ', to);
			print_yaml_object(value, depth + 2, true, to);
		} else {
			print_yaml_value(value, depth + 2, to);
		}
	}
}

/* YAML 1.2 is a superset of JSON, so a scalar in JSON's spelling is YAML's too. */
static void print_yaml(const json_t *value, int depth, FILE *to)
{
	if (is_scalar(value)) {
		json_dumpf(value, to, JSON_ENCODE_ANY);
		fputc('\n', to);
	} else if (json_is_object(value)) {
		print_yaml_object(value, depth, false, to);
	} else {
		print_yaml_array(value, depth, to);
	}
}

int hp_json_print(const json_t *document, enum hp_format format, FILE *to, struct hp_error *err)
{
	int failed = 0;
	if (format == HP_FORMAT_YAML)
		print_yaml(document, 0, to);
	else
		failed = json_dumpf(document, to, JSON_INDENT(2) | JSON_PRESERVE_ORDER) ||
		         fputc('\n', to) == EOF;
	return failed && !ferror(to) ? hp_fail(err, -EINVAL, "cannot be said in JSON") : 0;
}

void hp_json_string(struct hp_text *text, const char *string)
{
	if (!string) {
		hp_text_puts(text, "null");
		return;
	}
	hp_text_puts(text, "\"");
	while (*string) {
		size_t plain = 0;
		while ((unsigned char)string[plain] >= ' ' && string[plain] != '"' &&
		       string[plain] != '\\')
			plain++;
		hp_text_add(text, string, plain);
		string += plain;
		if (*string == '"' || *string == '\\')
			hp_text_printf(text, "\\%c", *string++);
		else if (*string)
			hp_text_printf(text, "\\u%04x", (unsigned char)*string++);
	}
	hp_text_puts(text, "\"");
}
