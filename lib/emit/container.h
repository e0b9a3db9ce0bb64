// What all container engines are told alike. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "emit/emit.h"

/* The wish's image, or one that shows the device: for NVIDIA any, since the toolkit brings
 * nvidia-smi. */
const char *hp_emit_image(const struct hp_emit *emit, struct hp_emission *to);
/* The word with each `sign` twice, where that is how a format spells it. A new string. */
char *hp_emit_doubled(const char *word, char sign);
/* Whether it is one word of letters, digits, '-', '_', '.' and ':': what a format without quotes
 * can hold. Facts come from strangers. */
bool hp_emit_is_word(const char *text);
/* What the sharing of the device asks, as notes. Whether the engine can do it: else it is refused.
 */
bool hp_emit_container_share(const struct hp_emit *emit, struct hp_emission *to);
/* Whether the program on this host is older than that version: 1, 0, -1 where its version is not
 * known. */
int hp_emit_is_before(const struct hp_emit *emit, const char *program, const char *version);
