// An archive as the kernel unpacks it: Documentation/driver-api/early-userspace/buffer-format.rst.
// SPDX-License-Identifier: Apache-2.0
#include "run/initramfs.h"

#include "guest-init.h"

#include <string.h>
#include <sys/stat.h>

enum { ALIGNMENT = 4 };

static void pad(struct hp_text *text)
{
	while (text->length % ALIGNMENT)
		hp_text_add(text, "", 1);
}

static void add_entry(struct hp_text *text, const char *name, unsigned mode, const void *data,
                      size_t length)
{
	hp_text_printf(text,
	               "070701"
	               "%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx%08x",
	               0, mode, 0, 0, 1, 0, length, 0, 0, 0, 0, strlen(name) + 1, 0);
	hp_text_add(text, name, strlen(name) + 1);
	pad(text);
	hp_text_add(text, data, length);
	pad(text);
}

void hp_initramfs(struct hp_text *ret)
{
	add_entry(ret, "sys", S_IFDIR | 0755, "", 0);
	add_entry(ret, "init", S_IFREG | 0755, guest_init, sizeof(guest_init));
	add_entry(ret, "TRAILER!!!", 0, "", 0);
}
