// Fuzz target: TOML, apt's lists, the output of programs. SPDX-License-Identifier: Apache-2.0
#include "base/text.h"
#include "probe/apt-conf.h"
#include "probe/packages.h"
#include "probe/software.h"
#include "probe/toml.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void seen(void *data, const char *path, const char *value)
{
	*(size_t *)data += strlen(path) + strlen(value);
}

static void bad(void *data, int line, const char *expected)
{
	if (line < 1 || !*expected)
		abort();
	*(size_t *)data += 1;
}

static void package(void *data, const char *name, const char *version, const char *file)
{
	*(size_t *)data += strlen(name) + strlen(version) + strlen(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = hp_strndup((const char *)data, size), version[32], *rest;
	struct hp_text list = {0};
	size_t total = 0;
	hp_toml_read(text, seen, bad, &total);
	hp_apt_list(text, "Package-Blacklist", &list);
	hp_text_free(&list);
	hp_version_in_output(text, version, sizeof(version));
	hp_edk2_version(text, version, sizeof(version));
	void (*const readers[])(char *, hp_package_seen *, void *) = {hp_dpkg_read, hp_apk_read,
	                                                              hp_rpm_read};
	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
		char *copy = hp_strdup(text);
		readers[i](copy, package, &total);
		free(copy);
	}
	hp_pacman_split(text, &rest);
	free(text);
	return 0;
}
