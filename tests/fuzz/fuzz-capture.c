// Fuzz target: captures, read, asked, and written again. SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "host/capture.h"
#include "host/memory.h"

#include <stdint.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const paths[] = {
    "/sys/bus/pci/devices",
    "/sys/bus/pci/devices/0000:01:00.0",
    "/sys/bus/pci/devices/0000:01:00.0/vendor",
    "/sys/bus/pci/devices/0000:01:00.0/iommu_group",
    "/sys/module/nvidia",
    "/proc/cmdline",
    "/dev/kvm",
    "/",
};

static void ask(struct hp_host *host)
{
	char buffer[PATH_MAX];
	struct hp_text text = {0};
	for (size_t i = 0; i < HP_COUNT(paths); i++) {
		struct hp_stat st;
		struct hp_names names = {0};
		hp_host_read(host, paths[i], buffer, sizeof(buffer));
		hp_host_read_text(host, paths[i], 4096, &text);
		hp_host_link(host, paths[i], buffer, sizeof(buffer));
		hp_host_resolve(host, paths[i], buffer, sizeof(buffer));
		hp_host_stat(host, paths[i], &st);
		hp_host_exists(host, paths[i]);
		hp_host_covers(host, paths[i]);
		hp_host_access(host, paths[i]);
		if (hp_host_list(host, paths[i], &names) == 0)
			hp_names_free(&names);
	}
	uint8_t config[4096];
	int64_t age;
	hp_host_config(host, "0000:01:00.0", config, sizeof(config), &age);
	hp_host_config(host, "0000:02:00.0", config, sizeof(config), &age);
	hp_host_ask(host, "machine", buffer, sizeof(buffer));
	hp_host_run(host, (const char *[]){"qemu-system-x86_64", "--version", NULL}, 1, 4096,
	            &text);
	hp_text_free(&text);
}

/* What was read and is written again must be readable. */
static void write_again(struct hp_host *host)
{
	struct hp_text text = {0};
	struct hp_capture_options options = {
	    .redact = true, .key_file = "/nowhere/key", .program = "fuzz"};
	if (hp_capture_write(host, &options, &text, NULL) < 0)
		__builtin_trap();
	struct hp_host *again;
	if (hp_host_open_capture_text("again", text.data, text.length, &(struct hp_host_options){0},
	                              &again, NULL) < 0 ||
	    hp_host_complaints(again)->count)
		__builtin_trap();
	hp_host_close(again);
	hp_text_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hp_host *host;
	const struct hp_host_options options = {.level = 1};
	if (hp_host_open_capture_text("fuzz", (const char *)data, size, &options, &host, NULL) < 0)
		return 0;
	hp_host_record(host);
	ask(host);
	hp_capture_extra(host);
	write_again(host);
	hp_host_close(host);
	return 0;
}
