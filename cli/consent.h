// What the command line consents to. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "apply/apply.h"
#include "cli.h"

/* Subjects by name; short forms of PCI addresses are made whole. */
struct hp_consent {
	const char **allow; // named by --allow
	const char **own;   // that the plan is for
	char **whole;       // what of both was made whole
	size_t count;
};

/* Both end with NULL, `own` too, which may itself be NULL. */
void hp_consent_take(struct hp_consent *consent, const struct hp_words *allow,
                     const char *const *own);
void hp_consent_free(struct hp_consent *consent);
