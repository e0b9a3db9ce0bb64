// Secrets become placeholders of the same syntax. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "base/text.h"

#include <stddef.h>
#include <stdint.h>

/* Serials, UUIDs, GUIDs, MACs, IP addresses, host names, passwords and arguments that are on no
 * list. The same secret becomes the same placeholder wherever it stands, by a hash under a key that
 * stays on the host. PCI addresses, ids, group numbers and versions are no secrets. */
struct hp_redactor;

/* `key_file`: where the key is kept, made if it is not there yet. If it can be neither read nor
 * made (no root), the key is made for this once. */
int hp_redactor_open(const char *key_file, struct hp_redactor **ret, struct hp_error *err);
void hp_redactor_close(struct hp_redactor *redactor);
/* One more name of this host to be hidden; such names as "localhost" are not. */
void hp_redactor_add_host_name(struct hp_redactor *redactor, const char *name);

/* Text that stands in the file `path` of the host, or was said about it; "" is any text. */
void hp_redact_text(const struct hp_redactor *redactor, const char *path, const char *data,
                    size_t length, struct hp_text *ret);
/* A path: UUIDs of mediated devices and the like. A new string. */
char *hp_redact_path(const struct hp_redactor *redactor, const char *path);
/* The config space of a PCI function, in place. */
void hp_redact_config(const struct hp_redactor *redactor, uint8_t *bytes, size_t size);

/* SipHash-2-4 (Aumasson, Bernstein: "SipHash: a fast short-input PRF", 2012), for the test of it.
 */
uint64_t hp_siphash(const uint8_t key[16], const uint8_t *data, size_t length);
