// Values of facts as people write them. SPDX-License-Identifier: Apache-2.0
#include "facts/value.h"
#include "base/cleanup.h"
#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

bool hp_value_address(const char *text, char *buffer, size_t size)
{
	unsigned domain = 0, bus, device, function;
	int end = 0;
	bool full = sscanf(text, "%8x:%2x:%2x.%1x%n", &domain, &bus, &device, &function, &end) == 4 &&
		    !text[end];
	if (!full) {
		domain = 0;
		end = 0;
		if (sscanf(text, "%2x:%2x.%1x%n", &bus, &device, &function, &end) != 3 || text[end])
			return false;
	}
	snprintf(buffer, size, "%04x:%02x:%02x.%x", domain, bus, device, function);
	return device < 32 && function < 8;
}

/* An id of `digits` hex digits in lower case; a class of 4 digits gets its last two. */
static bool normal_hex(const char *text, size_t digits, char *buffer)
{
	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
		text += 2;
	size_t length = strlen(text);
	bool short_class = digits == 6 && length == 4;
	if (strspn(text, "0123456789abcdefABCDEF") != length || (length != digits && !short_class))
		return false;
	snprintf(buffer, HP_VALUE_SIZE, "%.6s%s", text, short_class ? "00" : "");
	for (char *c = buffer; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return true;
}

static bool in_domain(const char *domain, const char *value)
{
	size_t length = strlen(value);
	for (const char *at = domain; *at; at += strcspn(at, "|"), at += *at == '|')
		if (strcspn(at, "|") == length && strncmp(at, value, length) == 0)
			return true;
	return false;
}

int hp_value_text(const struct hp_column_def *column, const char *text, char *buffer, const char **ret,
		  struct hp_error *err)
{
	const char *domain = column->domain;
	bool none = strcmp(text, "none") == 0;
	*ret = text;
	if (strcmp(domain, "address") == 0 && !none) {
		if (!hp_value_address(text, buffer, HP_VALUE_SIZE))
			return hp_fail(err, -EINVAL, "\"%s\" is no PCI address; expected one like 0000:01:00.0", text);
		*ret = buffer;
	} else if (hp_starts_with(domain, "hex") && !none) {
		size_t digits = (size_t)(domain[3] - '0');
		if (!normal_hex(text, digits, buffer))
			return hp_fail(err, -EINVAL, "\"%s\" is no id; expected %zu hex digits", text, digits);
		*ret = buffer;
	} else if (strchr(domain, '|') && !in_domain(domain, text)) {
		return hp_fail(err, -EINVAL, "\"%s\" is not one of: %s", text, domain);
	}
	return 0;
}

static bool flag(const char *text, int64_t *ret)
{
	static const char *const words[][2] = {
		{"0", "1"}, {"no", "yes"}, {"off", "on"}, {"false", "true"}};
	for (size_t i = 0; i < HP_COUNT(words); i++)
		for (int value = 0; value < 2; value++)
			if (strcmp(text, words[i][value]) == 0) {
				*ret = value;
				return true;
			}
	return false;
}

int hp_value_number(const struct hp_column_def *column, const char *text, int64_t *ret, struct hp_error *err)
{
	if (strcmp(column->domain, "0|1") == 0)
		return flag(text, ret) ? 0 : hp_fail(err, -EINVAL, "\"%s\": expected 0 or 1", text);
	if (hp_parse_s64(text, ret))
		return 0;
	if (hp_ends_with(column->name, "_bytes") && hp_parse_size(text, ret))
		return 0;
	return hp_fail(err, -EINVAL, "\"%s\": expected a whole number%s", text,
		       hp_ends_with(column->name, "_bytes") ? ", or a size such as 512G" : "");
}
