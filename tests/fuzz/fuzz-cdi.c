// Fuzz target: CDI specifications. SPDX-License-Identifier: Apache-2.0
#include "base/text.h"
#include "base/yaml.h"
#include "probe/cdi.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void seen(void *data, const char *path)
{
	const char *version = hp_cdi_driver_version(path);
	*(size_t *)data += version ? strlen(version) : 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hp_error err = {0};
	struct hp_cdi spec;
	json_t *root = NULL;
	size_t total = 0;
	int r = hp_yaml_load("input", (const char *)data, size, &root, &err);
	if ((r == 0) != (root != NULL) || (r < 0 && !err.message[0]))
		abort();
	if (root && !hp_cdi_read(root, &spec, seen, &total) && (!spec.kind || !spec.version))
		abort();
	json_decref(root);
	return 0;
}
