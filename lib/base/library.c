// Libraries opened at need. SPDX-License-Identifier: Apache-2.0
#include "base/library.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

int hp_library_open(const char *file, const struct hp_symbol *symbols, size_t count, void *into,
                    struct hp_error *err)
{
	void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (!library)
		return hp_fail(err, -ENOTSUP, "%s cannot be opened: %s", file, dlerror());
	for (size_t i = 0; i < count; i++) {
		void *address = dlsym(library, symbols[i].name);
		if (!address)
			return hp_fail(err, -ENOTSUP, "%s has no %s", file, symbols[i].name);
		memcpy((char *)into + symbols[i].offset, &address, sizeof(address));
	}
	return 0;
}
