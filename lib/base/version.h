// Versions as keys that sort. SPDX-License-Identifier: Apache-2.0
#pragma once

/* The key of a version: text that sorts in byte order as the versions do. It is made of the first
 * dotted run of numbers, after an epoch ("1:") or a leading letter ("v26", "R580"), with zeros at
 * its end dropped ("6.8.0" equals "6.8"), and of a pre-release mark right behind it (-rc2, ~beta1),
 * which sorts before the release. What follows (build, distribution) does not count:
 * "6.8.0-39-generic" equals "6.8". Returns a new string, or NULL if `version` holds no number. */
char *hp_version_key(const char *version);
