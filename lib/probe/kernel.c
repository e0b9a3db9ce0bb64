// The running kernel, how it was started and what starts next. SPDX-License-Identifier: Apache-2.0
#include "probe/bootloader.h"
#include "probe/look.h"
#include "probe/probes.h"

#include "base/cleanup.h"

#include <errno.h>
#include <string.h>

#define EFIVARS "/sys/firmware/efi/efivars"

static void put_lockdown(struct hp_host *host, struct hp_row *row)
{
	static const char path[] = "/sys/kernel/security/lockdown";
	char text[64];
	hp_cleanup_names struct hp_names names = {0};
	enum hp_look look = hp_look_read(host, row->facts, path, text, sizeof(text));
	char *open = strchr(text, '['), *close = open ? strchr(open, ']') : NULL;
	if (look == HP_LOOK_SEEN && close) {
		*close = '\0';
		hp_row_text(row, HP_KERNEL_LOCKDOWN, open + 1);
	} else if (look == HP_LOOK_SEEN) {
		hp_facts_gap(row->facts, "malformed", path, "expected one word in brackets");
	} else if (look == HP_LOOK_ABSENT) {
		// An empty directory means that securityfs is not mounted, which tells nothing.
		if (hp_host_list(host, "/sys/kernel/security", &names) >= 0 && names.count > 0)
			hp_row_text(row, HP_KERNEL_LOCKDOWN, "none");
	}
}

static void put_secure_boot(struct hp_host *host, struct hp_row *row)
{
	static const char path[] = EFIVARS "/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
	char raw[16];
	if (hp_host_exists(host, "/sys/firmware/efi") == 0) {
		hp_row_text(row, HP_KERNEL_SECURE_BOOT, "unsupported");
		return;
	}
	// Four bytes of attributes go before the value.
	ssize_t length = hp_host_read(host, path, raw, sizeof(raw));
	hp_cleanup_names struct hp_names names = {0};
	if (length >= 5)
		hp_row_text(row, HP_KERNEL_SECURE_BOOT, raw[4] == 1 ? "on" : "off");
	else if (length >= 0)
		hp_row_text(row, HP_KERNEL_SECURE_BOOT,
		            "off"); // white space at the end was cut: not 1
	else if (length == -ENOENT && hp_host_list(host, EFIVARS, &names) >= 0 && names.count > 0)
		hp_row_text(row, HP_KERNEL_SECURE_BOOT, "unsupported");
	else
		hp_look_result(host, row->facts, path, length);
}

/* Sets the command line; returns it in `buffer`, NULL if it is unknown. */
static const char *put_cmdline(struct hp_host *host, struct hp_row *row, char *buffer, size_t size)
{
	enum hp_look look = hp_look_read(host, row->facts, "/proc/cmdline", buffer, size);
	if (look != HP_LOOK_SEEN)
		return NULL;
	hp_row_text(row, HP_KERNEL_CMDLINE, *buffer ? buffer : "none");
	return buffer;
}

static void put_headers(struct hp_host *host, struct hp_row *row, const char *release)
{
	hp_cleanup_free char *path = hp_asprintf("/lib/modules/%s/build", release);
	enum hp_look look = hp_look_exists(host, row->facts, path);
	if (look != HP_LOOK_UNKNOWN)
		hp_row_number(row, HP_KERNEL_HEADERS_INSTALLED, look == HP_LOOK_SEEN);
}

int hp_probe_kernel(struct hp_host *host, struct hp_facts *facts,
                    const struct hp_probe_options *options, struct hp_error *err)
{
	(void)options;
	static const int64_t no = 0;
	char release[256], cmdline[8192];
	struct hp_row row = hp_row_begin(facts, HP_TBL_KERNEL);
	enum hp_look look =
	    hp_look_read(host, facts, "/proc/sys/kernel/osrelease", release, sizeof(release));
	hp_look_put(&row, HP_KERNEL_RELEASE, look, release, NULL);
	if (look == HP_LOOK_SEEN)
		put_headers(host, &row, release);
	char build[1024];
	look = hp_look_read(host, facts, "/proc/version", build, sizeof(build));
	hp_look_put(&row, HP_KERNEL_BUILD, look, build, NULL);
	put_lockdown(host, &row);
	put_secure_boot(host, &row);
	// Without the parameter the kernel was built without module signatures.
	hp_look_put_flag(host, &row, HP_KERNEL_MODULE_SIGNING_ENFORCED,
	                 "/sys/module/module/parameters/sig_enforce", &no);
	hp_look_put_number(host, &row, HP_KERNEL_TAINT, "/proc/sys/kernel/tainted", NULL);
	hp_bootloader_put(host, &row, put_cmdline(host, &row, cmdline, sizeof(cmdline)));
	int r = hp_row_put(&row, err);
	return r < 0 ? r : hp_look_observed(host, facts, HP_TBL_KERNEL, "/proc", err);
}
