// What a kernel module's file says of itself, by modinfo. SPDX-License-Identifier: Apache-2.0
#include "host/backend.h"
#include "host/keep.h"

#include "base/cleanup.h"

#include <errno.h>
#include <string.h>

enum {
	DEADLINE = 10000, // a compressed module of a hundred megabytes takes its time
	LIMIT = 1 << 20,  // thousands of aliases
};

// What is asked; a file has dozens more.
static const char *const keys[] = {"version", "license", "signer", "vermagic"};

/* "license:        GPL v2" becomes "license=GPL v2". */
static void add_value(char *line, struct hp_text *ret)
{
	char *value = strchr(line, ':');
	if (!value)
		return;
	*value++ = '\0';
	for (size_t i = 0; i < HP_COUNT(keys); i++)
		if (strcmp(line, keys[i]) == 0)
			hp_text_printf(ret, "%s=%s\n", line, hp_trim(value));
}

/* The program, not libkmod: to load that with all that it loads would take every run as long as
 * this takes once. */
static int read_info(struct hp_host *host, const char *file, struct hp_text *ret)
{
	const char *const argv[] = {"modinfo", "--", file, NULL};
	hp_cleanup_text struct hp_text output = {0};
	int status = hp_run_live(host, argv, DEADLINE, LIMIT, &output);
	if (status == -ENOENT)
		return -EOPNOTSUPP; // there is no modinfo
	if (status != 0)
		return status < 0 ? status : -EINVAL;
	char *rest = output.data;
	for (char *line; (line = strsep(&rest, "\n"));)
		add_value(line, ret);
	return 0;
}

int hp_ask_modinfo(struct hp_host *host, const char *root, const char *path, struct hp_text *ret)
{
	if (hp_keep_find(host, path, "modinfo", ret))
		return 0;
	// Links are followed here, inside of the host: modinfo knows nothing of its root.
	char resolved[PATH_MAX];
	ssize_t length = hp_host_resolve(host, path, resolved, sizeof(resolved));
	if (length < 0)
		return (int)length;
	static const char self[] = "/proc/self/";
	bool of_self = hp_starts_with(root, self); // of us, not of the child
	hp_cleanup_free char *file =
	    of_self ? hp_asprintf("/proc/%d/%s%s", (int)getpid(), root + strlen(self), resolved)
		    : hp_asprintf("%s%s", root, resolved);
	int r = read_info(host, file, ret);
	if (r == 0)
		hp_keep_store(host, path, "modinfo", ret);
	return r;
}
