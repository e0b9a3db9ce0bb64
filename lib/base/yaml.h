// Reading YAML as JSON. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"

#include <jansson.h>
#include <stddef.h>

/* Reads one YAML document (JSON is one) into *ret, a new reference. Scalars that are not quoted
 * become numbers and truth values as JSON knows them, and null; keys become text; of equal keys the
 * last one counts. `name` is what errors call the text, with the line. -EOPNOTSUPP where happypath
 * was built without libfyaml. */
int hp_yaml_load(const char *name, const char *text, size_t length, json_t **ret,
                 struct hp_error *err);
