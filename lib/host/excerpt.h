// What a capture leaves out of what was seen. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/record.h"

/* Whether a line of the kernel's log can matter. */
typedef bool hp_log_line_matters(const char *message);

/* Leaves out parts of a long file of which few words matter. `matters` NULL: the whole log is kept.
 */
void hp_excerpt_cut(struct hp_record *record, hp_log_line_matters *matters);
