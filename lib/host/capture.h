// Recording a host as one text file. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/host.h"

/* From now on everything that is looked at on this host is noted: files, links, directories, what
 * is absent or unreadable, answers and programs' outputs. A capture of it then judges as the host
 * does. */
void hp_host_record(struct hp_host *host);

/* Looks at what no probe reads, but a capture should hold: all that a step could change. */
void hp_capture_extra(struct hp_host *host);

struct hp_capture_options {
	bool redact;
	const char *key_file; // NULL: /var/lib/happypath/redaction.key
	const char *program;  // name and version, for the head
	/* Which lines of the kernel's log are kept (and its first); NULL: all of them. */
	bool (*log_line_matters)(const char *line);
};

/* Writes what was recorded as happypath.capture/1 (docs/capture.md) to the end of `ret`. */
int hp_capture_write(struct hp_host *host, const struct hp_capture_options *options,
                     struct hp_text *ret, struct hp_error *err);

/* Opens a capture that is in memory; `name` is what errors call it. As hp_host_open_capture else.
 */
int hp_host_open_capture_text(const char *name, const char *text, size_t length,
                              const struct hp_host_options *options, struct hp_host **ret,
                              struct hp_error *err);
