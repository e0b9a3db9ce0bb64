// Asking NVIDIA's management library, in a child that may die. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "facts/facts.h"

#include <jansson.h>

/* Loads `library`, initialises it once, and asks it all that is wanted, in a child with a deadline.
 * The answer is an object: {"driver": text, "cc_mode": text, "gpus": [{"address", "mig_current",
 * …}]}, with what could not be asked left out. -ENOENT without the library, -ETIME past the
 * deadline, else -EIO. */
int hp_nvml_ask(const char *library, int deadline_ms, json_t **ret, struct hp_error *err);

/* Writes an answer into the facts of the current host. */
int hp_nvml_put(struct hp_facts *facts, const json_t *answer, struct hp_error *err);
