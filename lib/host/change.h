// Changing the machine: the other half of the door. Only lib/step goes through it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/host.h"

/* Every call here changes the host or, while it is rehearsed, only tells what it would do. Captures
 * refuse (-EROFS); a root directory takes files, not attributes' meaning. Paths are absolute, links
 * are followed inside of the host only. Errors name the path and what the kernel said. */

/* A change as it is told to whoever rehearses, or watches. */
enum hp_change_what {
	HP_CHANGE_WRITE,   // `text` goes to the attribute `path`
	HP_CHANGE_REPLACE, // the file `path` becomes `text`
	HP_CHANGE_REMOVE,  // the file `path` goes
	HP_CHANGE_RUN,     // `text` is a command line
};

typedef void hp_change_told(void *data, enum hp_change_what what, const char *path,
                            const char *text);

/* From now on changes are told and not made (`--dry-run`); NULL ends it. */
void hp_host_rehearse(struct hp_host *host, hp_change_told *told, void *data);
bool hp_host_rehearsing(const struct hp_host *host);

/* The descriptor (the lock's) that children inherit, and no other: a child that the kernel blocks
 * outlives us, and may finish its write later; as long as it lives the lock is held. -1: none. */
void hp_host_inherit(struct hp_host *host, int lock);

/* Writes an attribute with one write(2), in a child of its own. 0; -errno as the kernel said it;
 * -ETIME where the deadline passed: the child is left alone (it cannot be killed while the kernel
 * holds it), and the write may still happen. A write that the kernel takes is no proof: read back.
 */
int hp_host_write(struct hp_host *host, const char *path, const char *value, int deadline_ms,
                  struct hp_error *err);

/* A file as steps keep it. `content` NULL: there is no such file. */
struct hp_file {
	char *content;
	size_t length;
	unsigned mode; // permission bits
	unsigned uid, gid;
	unsigned missing; // of an absent file: how many of the directories above it are absent too
};

void hp_file_free(struct hp_file *file);
#define hp_cleanup_file_state __attribute__((cleanup(hp_file_free)))

/* Reads a plain file of at most 1 MiB with mode and owner, on every host (a capture that did not
 * record mode and owner says 0644 root). Absent is 0 with `content` NULL. Links at the end of the
 * path are refused (-ELOOP): replacing one would change what it is. */
int hp_host_read_file(struct hp_host *host, const char *path, struct hp_file *ret,
                      struct hp_error *err);
/* Makes the file be so: written beside it (.NAME.happypath), fsynced, renamed over it, its
 * directory fsynced; or removed, with as many directories above it as were `missing`, if they are
 * empty. Missing directories are made (0755). What a crash left beside it goes. */
int hp_host_replace_file(struct hp_host *host, const char *path, const struct hp_file *file,
                         struct hp_error *err);

/* Takes away what a crash left beside a file that is as it shall be. */
void hp_host_tidy_file(struct hp_host *host, const char *path);

/* Runs a program that changes the host, without a shell, as hp_host_run does, but it outlives us if
 * we are killed, holding the lock, and what it says on its standard error is caught too. The exit
 * status (0 while rehearsed), or a negative errno: -ETIMEDOUT where it was killed at its deadline,
 * -ETIME where the kernel holds it so that it could not be, -ENODATA where the host is not live. */
int hp_host_change_run(struct hp_host *host, const char *const argv[], int deadline_ms,
                       struct hp_text *ret_output);
