// A kernel that a VMM enters at once, by PVH. SPDX-License-Identifier: Apache-2.0
//
// What distributions install (bzImage) unpacks itself first, which takes longer than all the rest
// of a boot, and then chooses where it lies. A VMM that is given the unpacked kernel (vmlinux)
// enters it where its note XEN_ELFNOTE_PHYS32_ENTRY says, without KASLR.
#pragma once

#include "base/error.h"
#include "base/text.h"

#include <stddef.h>
#include <stdint.h>

/* The vmlinux in a bzImage; errors begin with `name`. -EINVAL: it is none, or it is damaged. */
int hp_vmlinux_unpack(const char *name, const char *data, size_t length, struct hp_text *ret,
                      struct hp_error *err);
/* Where PVH enters a vmlinux. -EINVAL: it is no 64-bit kernel for x86; -ENOTSUP: it has no such
 * entry. */
int hp_vmlinux_entry(const char *name, const char *data, size_t length, uint32_t *ret,
                     struct hp_error *err);

/* The path, to be freed, of a vmlinux with a PVH entry for the kernel `file`: itself if it is one,
 * else what was unpacked of it into the directory `cache` (made if need be), now or before. */
int hp_vmlinux_find(const char *file, const char *cache, char **ret, struct hp_error *err);
