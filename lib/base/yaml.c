// Reading YAML as JSON. SPDX-License-Identifier: Apache-2.0
#include "base/yaml.h"

#include "base/cleanup.h"
#include "base/text.h"

#include <errno.h>
#include <string.h>

#ifdef HP_HAVE_FYAML

#include <libfyaml.h>

#define MAX_DEPTH 64 // aliases are followed: a document must not unfold for ever
#define MAX_NODES 1000000

struct reading {
	size_t nodes;
	int depth;
};

static json_t *from_node(struct reading *reading, struct fy_node *node);

/* A plain scalar, by the rules of YAML's core schema that JSON shares. */
static json_t *from_plain(const char *text)
{
	json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
	if (value && (json_is_number(value) || json_is_boolean(value) || json_is_null(value)))
		return value;
	json_decref(value);
	return strcmp(text, "~") == 0 || !*text ? json_null() : NULL;
}

static json_t *from_scalar(struct fy_node *node)
{
	size_t length;
	const char *scalar = fy_node_get_scalar(node, &length);
	if (!scalar)
		return json_null();
	hp_cleanup_free char *text = hp_strndup(scalar, length);
	json_t *value = fy_node_get_style(node) == FYNS_PLAIN ? from_plain(text) : NULL;
	hp_utf8_repair(text);
	return value ? value : json_string(text);
}

static json_t *from_sequence(struct reading *reading, struct fy_node *node)
{
	json_t *array = json_array();
	void *at = NULL;
	for (struct fy_node *item; (item = fy_node_sequence_iterate(node, &at));) {
		json_t *value = from_node(reading, item);
		if (!value) {
			json_decref(array);
			return NULL;
		}
		json_array_append_new(array, value);
	}
	return array;
}

static json_t *from_mapping(struct reading *reading, struct fy_node *node)
{
	json_t *object = json_object();
	void *at = NULL;
	for (struct fy_node_pair *pair; (pair = fy_node_mapping_iterate(node, &at));) {
		size_t length = 0;
		const char *scalar = fy_node_get_scalar(fy_node_pair_key(pair), &length);
		json_t *value = scalar ? from_node(reading, fy_node_pair_value(pair)) : NULL;
		if (!value) {
			json_decref(object);
			return NULL;
		}
		hp_cleanup_free char *key = hp_strndup(scalar, length);
		hp_utf8_repair(key);
		json_object_set_new(object, key, value);
	}
	return object;
}

static json_t *from_node(struct reading *reading, struct fy_node *node)
{
	if (!node)
		return json_null();
	if (++reading->nodes > MAX_NODES || reading->depth == MAX_DEPTH)
		return NULL;
	reading->depth++;
	json_t *value = fy_node_is_scalar(node)     ? from_scalar(node)
	                : fy_node_is_sequence(node) ? from_sequence(reading, node)
	                                            : from_mapping(reading, node);
	reading->depth--;
	return value;
}

/* What libfyaml has to say, which it would print: its first error. */
static int fail_with(struct fy_diag *diag, const char *name, struct hp_error *err)
{
	void *at = NULL;
	struct fy_diag_error *error = diag ? fy_diag_errors_iterate(diag, &at) : NULL;
	if (!error)
		return hp_fail(err, -EINVAL, "%s: expected a YAML document", name);
	return hp_fail(err, -EINVAL, "%s:%d: %s", name, error->line, error->msg);
}

static int load(struct fy_diag *diag, const char *name, const char *text, size_t length,
                json_t **ret, struct hp_error *err)
{
	const struct fy_parse_cfg cfg = {.flags = FYPCF_RESOLVE_DOCUMENT | FYPCF_COLLECT_DIAG,
	                                 .diag = diag};
	struct reading reading = {0};
	struct fy_document *document = fy_document_build_from_string(&cfg, text, length);
	if (!document)
		return fail_with(diag, name, err);
	*ret = from_node(&reading, fy_document_root(document));
	fy_document_destroy(document);
	return *ret
	           ? 0
	           : hp_fail(err, -EINVAL, "%s: expected keys that are text, and less depth", name);
}

/* libfyaml 0.7 never returns from a directive that is no UTF-8 (found by fuzzing); YAML must be
 * anyway. */
static bool is_utf8(const char *text, size_t length)
{
	hp_cleanup_free char *copy = hp_strndup(text, length);
	return strlen(copy) == length && !hp_utf8_repair(copy);
}

int hp_yaml_load(const char *name, const char *text, size_t length, json_t **ret,
                 struct hp_error *err)
{
	if (!is_utf8(text, length))
		return hp_fail(err, -EINVAL, "%s: expected UTF-8 without control characters", name);
	struct fy_diag_cfg cfg;
	fy_diag_cfg_default(&cfg);
	cfg.fp = NULL;
	struct fy_diag *diag = fy_diag_create(&cfg);
	if (!diag)
		return hp_fail(err, -ENOMEM, "%s: no memory", name);
	fy_diag_set_collect_errors(diag, true);
	int r = load(diag, name, text, length, ret, err);
	fy_diag_destroy(diag);
	return r;
}

#else

int hp_yaml_load(const char *name, const char *text, size_t length, json_t **ret,
                 struct hp_error *err)
{
	*ret = json_loadb(text, length, 0, NULL);
	if (*ret)
		return 0;
	return hp_fail(err, -EOPNOTSUPP,
	               "%s: happypath was built without libfyaml, which reads YAML", name);
}

#endif
