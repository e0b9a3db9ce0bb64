// Errors: a small struct that the caller owns; nothing to release.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdarg.h>

#define HP_ERROR_SIZE 1024

/* Every function that can fail returns 0 or a negative errno and, where it takes one, fills `err`
 * (which may be NULL) with a sentence that names what failed, and the file and line if there is
 * one. */
struct hp_error {
	int code;                    // negative errno, 0 if nothing failed
	char message[HP_ERROR_SIZE]; // one line, no newline at its end
};

/* Records a failure and returns `code`, so that failing is one line: return hp_fail(err, -EIO,
 * "…"). */
int hp_fail(struct hp_error *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts a noun before the message that is there: "plan gpu0: cannot open …". Returns the error's
 * code. */
int hp_wrap(struct hp_error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));
