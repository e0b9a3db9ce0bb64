// Whether a verdict meets what somebody requires of it. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "judge/verdict.h"

#include <stdbool.h>

struct hp_requirement {
	char *surface, *share; // share NULL: any
	bool has_path;
	enum hp_path path; // the worst that will do
};

/* From the best to the worst. */
enum hp_answer { HP_ANSWER_MET, HP_ANSWER_UNKNOWN, HP_ANSWER_NOT_MET };

/* Parses SURFACE[:SHARE][,path=on|caution]. */
int hp_requirement_parse(const char *text, struct hp_requirement *ret, struct hp_error *err);
void hp_requirement_free(struct hp_requirement *requirement);

/* The best of the offers that are meant. */
enum hp_answer hp_requirement_accelerator(const struct hp_requirement *requirement,
                                          const struct hp_accelerator *accelerator);
/* Any accelerator of the host, or `each`. Where none was seen because PCI was not, that cannot be
 * told. */
enum hp_answer hp_requirement_host(const struct hp_requirement *requirement,
                                   const struct hp_verdict_host *host, bool each);
enum hp_answer hp_requirement_verdict(const struct hp_requirement *requirement,
                                      const struct hp_verdict *verdict, bool each);
