// Files as states of steps. SPDX-License-Identifier: Apache-2.0
#include "step/kinds.h"

#include <errno.h>
#include <string.h>

int hp_file_state(const struct hp_file *file, const char *path, json_t **ret, struct hp_error *err)
{
	if (!file->content) {
		*ret = json_pack("{s:i}", "missing", (int)file->missing);
		return 0;
	}
	/* A NUL would end it wherever it is edited: what follows would be lost. */
	bool text = !memchr(file->content, '\0', file->length);
	json_t *content = text ? json_stringn(file->content, file->length) : NULL;
	if (!content)
		return hp_fail(err, -EILSEQ, "%s is no UTF-8 text", path);
	*ret = json_pack("{s:o, s:i, s:i, s:i}", "content", content, "mode", (int)file->mode, "uid",
	                 (int)file->uid, "gid", (int)file->gid);
	return 0;
}

static unsigned number(const json_t *state, const char *name)
{
	return (unsigned)json_integer_value(json_object_get(state, name));
}

bool hp_state_has_file(const json_t *state)
{
	return json_is_string(json_object_get(state, "content"));
}

void hp_state_file(const json_t *state, struct hp_file *ret)
{
	const json_t *content = json_object_get(state, "content");
	*ret = (struct hp_file){.missing = number(state, "missing")};
	if (!json_is_string(content))
		return;
	ret->content = hp_strndup(json_string_value(content), json_string_length(content));
	ret->length = json_string_length(content);
	ret->mode = number(state, "mode");
	ret->uid = number(state, "uid");
	ret->gid = number(state, "gid");
}
