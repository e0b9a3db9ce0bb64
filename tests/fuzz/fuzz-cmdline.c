// Fuzz target: kernel command lines, and versions. SPDX-License-Identifier: Apache-2.0
#include "base/text.h"
#include "base/version.h"
#include "facts/cmdline.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void option(void *data, const char *name, const char *value)
{
	*(size_t *)data += strlen(name) + (value ? strlen(value) : 0);
	if (strchr(name, '-'))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = hp_strndup((const char *)data, size);
	size_t total = 0;
	hp_cmdline_parse(text, option, &total);
	if (total > size)
		abort();
	free(hp_version_key(text));
	hp_utf8_repair(text);
	if (hp_utf8_repair(text)) // once repaired, nothing is left to repair
		abort();
	free(text);
	return 0;
}
