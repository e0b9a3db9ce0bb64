// Lines of the kernel's log that can matter. SPDX-License-Identifier: Apache-2.0
#include "probe/kernel-log.h"
#include "probe/look.h"
#include "probe/probes.h"

#include "base/cleanup.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { LOG_LIMIT = 32 << 20, LINES_LIMIT = 20000 };

// Coarse: what a line means is said by the matrix kernel_message_pattern, which holds against
// these.
static const char *const words[] = {
    "1:1",
    "AMD-Vi",
    "AER",
    "BAR",
    "D3cold",
    "DMAR",
    "EL2",
    "FLR",
    "GSP",
    "GPU",
    "IOMMU",
    "IRQ remap",
    "Interrupt remap",
    "NVRM",
    "NVSwitch",
    "NV_WARN",
    "Nothing to do",
    "RLIMIT_MEMLOCK",
    "RMRR",
    "SEV",
    "SMU",
    "SR-IOV",
    "Secure boot",
    "TDX",
    "VF",
    "VMX",
    "Xid",
    "amdgpu",
    "bus number",
    "driver interface version",
    "efifb",
    "gim",
    "header type",
    "i915",
    "interrupt remap",
    "iommu",
    "is rejected",
    "key was rejected",
    "Required key",
    "kvm",
    "lockdown",
    "module verification",
    "mtrr",
    "nouveau",
    "nova",
    "nvidia",
    "not ready",
    "power state",
    "reset",
    "simple-framebuffer",
    "simpledrm",
    "smmu",
    "vendor-reset",
    "version magic",
    "vfio",
    "vgpu",
    "x2apic",
    "xe 0000",
    "NVIDIA",
    "NVDEC0",
    "InitAdapter",
    "rm_init_adapter",
    "UUID from",
    "stuck in D3",
    "out of D3",
    "GVT-g",
    "IO_PAGE_FAULT",
    "BIOS is broken",
    "blocked for more",
    "driver release",
};

bool hp_kernel_line_matters(const char *message)
{
	for (size_t i = 0; i < HP_COUNT(words); i++)
		if (strstr(message, words[i]))
			return true;
	return false;
}

/* Splits a record's head off: the message, or NULL for a property. */
static char *record_message(char *line, uint64_t *ret_sequence)
{
	unsigned long long sequence;
	if (*line == ' ')
		return NULL;
	char *message = strchr(line, ';');
	if (!message || sscanf(line, "%*u,%llu,", &sequence) != 1)
		return NULL;
	*ret_sequence = sequence;
	return message + 1;
}

/* dmesg's line without its time, which may be missing. */
static char *dmesg_message(char *line)
{
	if (*line != '[')
		return line;
	char *end = strstr(line, "] ");
	return end ? end + 2 : line;
}

uint64_t hp_kernel_log_read(char *text, hp_kernel_line *seen, void *data)
{
	unsigned priority;
	unsigned long long number;
	bool records = sscanf(text, "%u,%llu,", &priority, &number) == 2;
	uint64_t first = 0, sequence = 0;
	uint64_t index = 0;
	for (char *line; (line = hp_next_line(&text));) {
		char *message = records ? record_message(line, &sequence) : dmesg_message(line);
		if (!message)
			continue;
		if (!index)
			first = sequence;
		seen(data, records ? sequence - first : index, message);
		index++;
	}
	return first;
}

struct writing {
	struct hp_facts *facts;
	struct hp_error *err;
	uint64_t last; // place of the last line
	int result;
};

static void put_line(void *data, uint64_t position, const char *message)
{
	struct writing *writing = data;
	writing->last = position;
	if (writing->result < 0 || position >= LINES_LIMIT || !hp_kernel_line_matters(message))
		return;
	struct hp_row row = hp_row_begin(writing->facts, HP_TBL_KERNEL_MESSAGE);
	hp_row_number(&row, HP_KERNEL_MESSAGE_POSITION, (int64_t)position);
	hp_row_text(&row, HP_KERNEL_MESSAGE_MESSAGE, message);
	writing->result = hp_row_put(&row, writing->err);
}

int hp_probe_kernel_log(struct hp_host *host, struct hp_facts *facts,
                        const struct hp_probe_options *options, struct hp_error *err)
{
	(void)options;
	static const char *const places[] = {"/dev/kmsg", "/var/log/dmesg"};
	bool live = hp_host_kind(host) == HP_HOST_LIVE;
	for (size_t i = 0; i < HP_COUNT(places); i++) {
		hp_cleanup_text struct hp_text text = {0};
		struct writing writing = {.facts = facts, .err = err};
		// The file of a live host is of its last boot, or of some earlier one.
		if (live && i > 0)
			break;
		if (hp_look_text(host, facts, places[i], LOG_LIMIT, &text) != HP_LOOK_SEEN ||
		    !text.data)
			continue;
		bool whole = hp_kernel_log_read(text.data, put_line, &writing) == 0;
		if (writing.result < 0)
			return writing.result;
		return hp_facts_observed(
		    facts, HP_TBL_KERNEL_MESSAGE, "",
		    whole && writing.last < LINES_LIMIT ? "complete" : "partial", err);
	}
	return 0;
}
