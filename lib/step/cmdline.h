// The kernel's command line, where each bootloader keeps it. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "step/edit.h"

/* What a word asks for. "+WORD" adds it, "-KEY" takes KEY and KEY=… away, "-KEY=V" just that. */
struct hp_cmdline_change {
	char *words; // what the pointers below point into
	const char **add, **take;
	size_t add_count, take_count;
};

/* The list with the change made, one blank between the words: a new string. */
char *hp_cmdline_changed(const char *list, const struct hp_cmdline_change *change);
/* Whether `word` of a command line is to go. */
bool hp_cmdline_takes(const struct hp_cmdline_change *change, const char *word);

/* One way to keep a command line. States have "loader", "files" {path: file}, "next" (the words of
 * the next boot, null if they cannot be told), and perhaps more. */
struct hp_cmdline_loader {
	const char *name;
	bool (*boots)(struct hp_host *host, const char *bootloader); // this host
	/* Adds its members to a state that has "loader" and an empty "files". */
	int (*read)(struct hp_host *host, json_t *state, struct hp_error *err);
	/* Changes a state that was read. */
	int (*want)(struct hp_host *host, const struct hp_cmdline_change *change, json_t *state,
	            struct hp_error *err);
	/* Brings about what is not in files: those are written before. */
	int (*write)(struct hp_host *host, const json_t *before, const json_t *after,
	             struct hp_error *err);
};

extern const struct hp_cmdline_loader hp_cmdline_bls, hp_cmdline_grub, hp_cmdline_proxmox;

/* Adds a file to a state's files. Those that are not there only where `even_absent`. */
int hp_cmdline_add_file(struct hp_host *host, json_t *state, const char *path, bool even_absent,
                        struct hp_error *err);
void hp_cmdline_set_file(json_t *state, const char *path, const char *content);
const char *hp_cmdline_file(const json_t *state, const char *path); // its text

/* Whether the next boot has what is wanted. Where a tool makes the line of files ("configured"):
 * all that they ask for, and nothing else but what was there and what the root file system is. */
bool hp_cmdline_kept(const json_t *wanted, const json_t *found);

/* cmdline-text.c: how files write command lines. New strings. */

/* /etc/default/grub and its like: takes words out of what is assigned to GRUB_CMDLINE_LINUX and
 * GRUB_CMDLINE_LINUX_DEFAULT, and adds others to the last assignment to `variable`, or to a new
 * one. */
char *hp_grub_text_changed(const char *text, const char *variable,
                           const struct hp_cmdline_change *change, bool add);
/* Whether a text of GRUB's defaults says anything of the command line, but what stood before. */
bool hp_grub_text_says(const char *text);
/* /etc/kernel/cmdline: words, and comments. */
char *hp_plain_text_changed(const char *text, const struct hp_cmdline_change *change);
/* The value of "options" of an entry of the Boot Loader Specification, as it is written; NULL if it
 * is no entry of a Linux kernel. And the entry with another. */
char *hp_bls_options(const char *text);
char *hp_bls_with_options(const char *text, const char *options);

/* cmdline-refused.c: the failure for hosts whose command line happypath cannot write, with the
 * words to use there; 0 where it can. */
int hp_cmdline_refuse(struct hp_host *host, const char *bootloader,
                      const struct hp_cmdline_change *change, struct hp_error *err);
