// What of a verdict a person is shown first: accelerators judged alike together, offers judged
// alike as one row. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "judge/verdict.h"

#include <stdbool.h>
#include <stddef.h>

/* The offers of a surface that are judged alike. */
struct hp_digest_row {
	const struct hp_offer *offer; // the first of them
	char shares[96];
	bool asked; // in use here, or wanted
};

/* The smaller the better: what the vendor stands behind, then what this host can do. */
int hp_offer_goodness(const struct hp_offer *offer);

/* The rows of an accelerator, those asked for first; `all`: of all surfaces, each share on its own.
 * `rows` has room for as many as there are offers; returns how many there are. */
size_t hp_digest_rows(const struct hp_accelerator *accelerator, bool all,
                      struct hp_digest_row *rows);
/* What matters of a row, said once: a new string. */
char *hp_digest_words(const struct hp_digest_row *rows, size_t count, size_t at);
/* What nobody asked for and cannot be had: it is grey, not red. */
bool hp_digest_is_grey(const struct hp_digest_row *row);
/* The distance, "-" while it is open. */
const char *hp_digest_distance(const struct hp_offer *offer);

/* The accelerators that are judged as the one at `first` is, itself included, unless an earlier
 * call had it: then none. `done` and `group` have room for as many as the host has; `done` starts
 * false.
 */
size_t hp_digest_group(const struct hp_verdict_host *host, size_t first, bool *done,
                       const struct hp_accelerator **group);
/* "8 × NVIDIA H100 80GB HBM3 [10de:2330]": a new string. */
char *hp_digest_title(const struct hp_accelerator *accelerator, size_t count);
/* "HOST: 8 accelerators and 3 VFs": a new string. */
char *hp_digest_host(const struct hp_verdict_host *host);
/* What to do about what fails, and why: a new string. */
char *hp_digest_failure(const struct hp_finding *finding);
