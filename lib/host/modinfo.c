// What a kernel module's file says of itself, by libkmod. SPDX-License-Identifier: Apache-2.0
#include "host/backend.h"
#include "host/keep.h"

#include "base/cleanup.h"

#include <errno.h>
#include <libkmod.h>
#include <string.h>

// What is asked; a file has dozens more.
static const char *const keys[] = {"version", "license", "signer", "vermagic"};

static void add_values(const struct kmod_list *values, struct hp_text *ret)
{
	const struct kmod_list *value;
	kmod_list_foreach(value, values)
	{
		const char *key = kmod_module_info_get_key(value);
		for (size_t i = 0; i < HP_COUNT(keys); i++)
			if (strcmp(key, keys[i]) == 0)
				hp_text_printf(ret, "%s=%s\n", key,
				               kmod_module_info_get_value(value));
	}
}

static void silent(void *data, int priority, const char *file, int line, const char *function,
                   const char *format, va_list args)
{
	(void)data, (void)priority, (void)file, (void)line, (void)function, (void)format,
	    (void)args;
}

static int read_info(const char *file, struct hp_text *ret)
{
	static const char *const no_config[] = {NULL};
	struct kmod_ctx *kmod = kmod_new("/", no_config);
	struct kmod_module *module = NULL;
	struct kmod_list *values = NULL;
	if (!kmod)
		return -ENOMEM;
	kmod_set_log_fn(kmod, silent, NULL);
	int r = kmod_module_new_from_path(kmod, file, &module);
	if (r >= 0)
		r = kmod_module_get_info(module, &values);
	if (r >= 0)
		add_values(values, ret);
	kmod_module_info_free_list(values);
	kmod_module_unref(module);
	kmod_unref(kmod);
	return r < 0 ? r : 0;
}

int hp_ask_modinfo(struct hp_host *host, const char *root, const char *path, struct hp_text *ret)
{
	// A compressed module of a hundred megabytes takes its time.
	if (hp_keep_find(host, path, "modinfo", ret))
		return 0;
	// Links are followed here, inside of the host: libkmod knows nothing of its root.
	char resolved[PATH_MAX];
	ssize_t length = hp_host_resolve(host, path, resolved, sizeof(resolved));
	if (length < 0)
		return (int)length;
	hp_cleanup_free char *file = hp_asprintf("%s%s", root, resolved);
	int r = read_info(file, ret);
	if (r == 0)
		hp_keep_store(host, path, "modinfo", ret);
	return r;
}
