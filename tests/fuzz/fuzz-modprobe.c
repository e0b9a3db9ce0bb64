// Fuzz target: modprobe.d and the initramfs generators' files. SPDX-License-Identifier: Apache-2.0
#include "base/text.h"
#include "probe/modprobe.h"
#include "probe/module.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void seen(void *data, const struct hp_directive *directive)
{
	if (directive->line < 1 || !*directive->module || !directive->argument)
		abort();
	*(size_t *)data += strlen(directive->directive);
}

static void bad(void *data, int line, const char *expected)
{
	if (line < 1 || !*expected)
		abort();
	*(size_t *)data += 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = hp_strndup((const char *)data, size), name[32];
	size_t total = 0;
	for (enum hp_module_syntax syntax = HP_MODULES_MODPROBE; syntax <= HP_MODULES_BOOSTER;
	     syntax++)
		hp_modprobe_read(syntax, text, seen, bad, &total);
	hp_module_of_path(text, name, sizeof(name));
	free(text);
	return 0;
}
