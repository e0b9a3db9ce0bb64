// What the files of lib/step share: the kinds' names, states as JSON.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/change.h"
#include "step/step.h"

/* One file each; a new kind is declared here and gets its row in kinds.c. */
extern const struct hp_kind hp_kind_file;
extern const struct hp_kind hp_kind_kernel_cmdline;
extern const struct hp_kind hp_kind_modprobe;
extern const struct hp_kind hp_kind_modules_load;
extern const struct hp_kind hp_kind_initramfs;
extern const struct hp_kind hp_kind_unit;
extern const struct hp_kind hp_kind_mig;
extern const struct hp_kind hp_kind_persistence;
extern const struct hp_kind hp_kind_cdi;
extern const struct hp_kind hp_kind_runtime;
extern const struct hp_kind hp_kind_module;
extern const struct hp_kind hp_kind_hugepages;
extern const struct hp_kind hp_kind_sriov;
extern const struct hp_kind hp_kind_vgpu_type;
extern const struct hp_kind hp_kind_mdev;
extern const struct hp_kind hp_kind_driver;

/* The state of a subject that is not there (a new reference), and whether one is that. */
json_t *hp_absent(void);
bool hp_is_absent(const json_t *state);
/* A member that is a string, "" where there is none of that name; owned by `state`. */
const char *hp_state_text(const json_t *state, const char *member);
/* A string, or JSON null where `text` is empty or NULL (a new reference). */
json_t *hp_text_or_null(const char *text);
/* Copies of a state may go to places that change them. Never NULL. */
json_t *hp_state_copy(const json_t *state);

/* Reads what may be absent: 1 read, 0 absent, negative: cannot be told, with `err` naming it. */
int hp_step_read(struct hp_host *host, const char *path, char *buffer, size_t size,
                 struct hp_error *err);
/* The same for the base name of a link. */
int hp_step_link_name(struct hp_host *host, const char *path, char *buffer, size_t size,
                      struct hp_error *err);
/* 0, or the failure that a subject is no PCI address. */
int hp_step_check_address(const char *subject, struct hp_error *err);

/* A file as a state: {"content", "mode", "uid", "gid"}, or {"missing": N} where there is none (N
 * directories above it are missing too). -EILSEQ: no text. And back; `ret` is freed with
 * hp_file_free. */
int hp_file_state(const struct hp_file *file, const char *path, json_t **ret, struct hp_error *err);
void hp_state_file(const json_t *state, struct hp_file *ret);
/* Whether the state is that of a file which is there. */
bool hp_state_has_file(const json_t *state);

/* Deadline of a write that the kernel may block. */
enum { HP_STEP_DEADLINE_MS = 10000 };
