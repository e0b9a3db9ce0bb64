// Arguments that may be shown, and those that may not. SPDX-License-Identifier: Apache-2.0
#include "host/arguments.h"

#include "base/cleanup.h"

#include <ctype.h>
#include <fnmatch.h>
#include <string.h>

/* Options of the kernel that say what it does with devices, memory and modules. Dashes stand as
 * underscores. Whatever is not here may be a secret (systemd and init read the command line too).
 */
static const char *const kernel_options[] = {
    "acpi*",
    "amd_iommu*",
    "amd_pstate*",
    "amdgpu*",
    "apic*",
    "apparmor",
    "arm_smmu*",
    "ast*",
    "audit",
    "BOOT_IMAGE",
    "initrd",
    "cgroup*",
    "clocksource",
    "cma*",
    "console",
    "consoleblank",
    "cpuidle*",
    "crashkernel",
    "debug",
    "default_hugepagesz",
    "disable_mtrr_cleanup",
    "drm*",
    "earlyprintk",
    "edd",
    "efi*",
    "enforcing",
    "fbcon*",
    "fips",
    "hugepages*",
    "hugepagesz",
    "i915*",
    "idle",
    "init",
    "initcall_*",
    "intel_idle*",
    "intel_iommu*",
    "intel_pstate*",
    "intremap*",
    "iomem",
    "iommu*",
    "irqaffinity",
    "irqpoll",
    "isolcpus",
    "kaslr",
    "kvm*",
    "lockdown",
    "loglevel",
    "lsm",
    "max_loop",
    "maxcpus",
    "mem",
    "memmap",
    "mem_encrypt",
    "mitigations",
    "module*",
    "modprobe*",
    "mgag200*",
    "msi*",
    "nofb",
    "noacpi",
    "noapic",
    "noexec",
    "nohpet",
    "nohz*",
    "nokaslr",
    "nolapic",
    "nomodeset",
    "nomodule",
    "nomsi",
    "noresume",
    "nosmt",
    "nouveau*",
    "nova_core*",
    "nowatchdog",
    "nox2apic",
    "nr_cpus",
    "numa*",
    "nvidia*",
    "nvme*",
    "nvme_core*",
    "panic",
    "pci*",
    "pcie*",
    "plymouth*",
    "preempt",
    "processor*",
    "quiet",
    "radeon*",
    "rcu*",
    "rcupdate*",
    "rd_driver_*",
    "rd.driver.*",
    "rd.modules_load*",
    "rdblacklist",
    "ro",
    "root",
    "rootfstype",
    "rootdelay",
    "rootflags",
    "rootwait",
    "rw",
    "secureboot*",
    "security",
    "selinux",
    "simpledrm*",
    "skew_tick",
    "splash",
    "swiotlb",
    "systemd.unified_cgroup_hierarchy",
    "systemd.legacy_systemd_cgroup_controller",
    "thp*",
    "transparent_hugepage*",
    "tsc",
    "udev.log*",
    "uvm*",
    "vesafb*",
    "vfio*",
    "vga",
    "video",
    "virtio*",
    "vt.*",
    "x2apic*",
    "xe*",
    "xen*",
    "single",
    "emergency",
    "nosplash",
    "vt.handoff",
    "threadirqs",
    "tsx",
    "spectre_v2*",
    "l1tf",
    "mds",
    "random.trust_cpu",
    "net.ifnames",
    "biosdevname",
    "zswap*",
    "zfs*",
    "raid",
    "reboot",
};

/* Words that boot entries begin their lines with. Only such lines hold arguments there. */
static const char *const entry_words[] = {
    "options", "linux",  "linuxefi", "linux16", "kernel",         "append",
    "APPEND",  "KERNEL", "cmdline",  "CMDLINE", "kernel_cmdline",
};

enum shape {
	ARGUMENTS, // all of it
	ENTRIES,   // lines that begin with one of entry_words, or set GRUB_CMDLINE_…
	PROCESS,   // words that end with NUL bytes
};

static const struct {
	const char *path;
	enum shape shape;
} places[] = {
    {"/proc/cmdline", ARGUMENTS},
    {"/etc/kernel/cmdline", ARGUMENTS},
    {"/boot/cmdline.txt", ARGUMENTS},
    {"/boot/firmware/cmdline.txt", ARGUMENTS},
    {"/proc/[0-9]*/cmdline", PROCESS},
    {"/etc/default/grub*", ENTRIES},
    {"/etc/default/limine", ENTRIES},
    {"/boot/*", ENTRIES},
    {"/efi/*", ENTRIES},
};

static bool is_shown(const char *name, size_t length)
{
	hp_cleanup_free char *option = hp_strndup(name, length);
	for (char *at = option; *at; at++)
		if (*at == '-')
			*at = '_';
	for (size_t i = 0; i < HP_COUNT(kernel_options); i++)
		if (fnmatch(kernel_options[i], option, 0) == 0)
			return true;
	return false;
}

static bool is_entry_word(const char *word, size_t length)
{
	for (size_t i = 0; i < HP_COUNT(entry_words); i++)
		if (strlen(entry_words[i]) == length && memcmp(entry_words[i], word, length) == 0)
			return true;
	return length >= 12 && memcmp(word, "GRUB_CMDLINE", 12) == 0;
}

/* Values that name a device or are a number or a switch tell nothing about their owner. */
static bool is_harmless(const char *word, size_t length)
{
	hp_cleanup_free char *value = hp_strndup(word, length);
	static const char *const patterns[] = {
	    "on",
	    "off",
	    "yes",
	    "no",
	    "y",
	    "n",
	    "auto",
	    "none",
	    "true",
	    "false",
	    "vfio-pci*",
	    "*sysfsdev=/sys/*",
	    "/sys/bus/pci/devices/*",
	    "/dev/vfio/*",
	    "/dev/nvidia*",
	    "[0-9a-f]*:[0-9a-f][0-9a-f].[0-7]",
	};
	for (size_t i = 0; i < HP_COUNT(patterns); i++)
		if (fnmatch(patterns[i], value, 0) == 0)
			return true;
	return strspn(value, "0123456789") == length && length <= 5; // longer ones may be a secret
}

struct hide {
	const struct hp_redactor *redactor;
	hp_put_secret *put;
	struct hp_text *ret;
};

/* How long the word before a device's identity is: "UUID=" of "UUID=0c2e…". */
static size_t label_length(const char *word, size_t length)
{
	static const char *const labels[] = {"UUID=", "PARTUUID=", "LABEL=", "PARTLABEL="};
	for (size_t i = 0; i < HP_COUNT(labels); i++) {
		size_t size = strlen(labels[i]);
		if (length > size && memcmp(word, labels[i], size) == 0)
			return size;
	}
	return 0;
}

/* One option of the kernel: its name stays if it has a value, the value where the list allows it.
 * Paths and variables of the boot loader stay. */
static void hide_option(const struct hide *hide, const char *word, size_t length)
{
	const char *equals = memchr(word, '=', length);
	size_t name = equals ? (size_t)(equals - word) : length;
	if (*word == '/' || *word == '$' || *word == '(' || is_shown(word, name)) {
		hp_text_add(hide->ret, word, length);
		return;
	}
	size_t kept = equals ? name + 1 : 0;
	kept += label_length(word + kept, length - kept);
	if (kept && is_harmless(word + kept, length - kept))
		kept = length;
	hp_text_add(hide->ret, word, kept);
	hide->put(hide->redactor, word + kept, length - kept, hide->ret);
}

static void hide_options(const struct hide *hide, const char *text, size_t length)
{
	for (size_t at = 0; at < length;) {
		size_t stop = at;
		while (stop < length && !isspace((unsigned char)text[stop]) &&
		       !strchr("\"'", text[stop]))
			stop++;
		if (stop > at)
			hide_option(hide, text + at, stop - at);
		if (stop < length)
			hp_text_add(hide->ret, text + stop, 1);
		at = stop + 1;
	}
}

/* The line's first word, whatever it is, stays. */
static void hide_entry(const struct hide *hide, const char *line, size_t length)
{
	size_t start = 0, stop;
	while (start < length && isspace((unsigned char)line[start]))
		start++;
	for (stop = start; stop < length && !isspace((unsigned char)line[stop]) &&
	                   line[stop] != '=' && line[stop] != ':';)
		stop++;
	size_t kept = is_entry_word(line + start, stop - start) ? stop : length;
	if (kept < length)
		kept++; // the '='
	hp_text_add(hide->ret, line, kept);
	hide_options(hide, line + kept, length - kept);
}

static void hide_entries(const struct hide *hide, const char *text, size_t length)
{
	for (size_t at = 0; at < length;) {
		const char *newline = memchr(text + at, '\n', length - at);
		size_t stop = newline ? (size_t)(newline - text) : length;
		hide_entry(hide, text + at, stop - at);
		if (newline)
			hp_text_puts(hide->ret, "\n");
		at = stop + 1;
	}
}

/* The program and the names of options stay, and values that are harmless. */
static void hide_process(const struct hide *hide, const char *text, size_t length)
{
	for (size_t at = 0; at < length;) {
		size_t size = strnlen(text + at, length - at);
		const char *word = text + at;
		const char *equals = memchr(word, '=', size);
		size_t kept = 0;
		if (!at || is_harmless(word, size))
			kept = size;
		else if (*word == '-')
			kept = equals ? (size_t)(equals - word) + 1 : size;
		hp_text_add(hide->ret, word, kept);
		hide->put(hide->redactor, word + kept, size - kept, hide->ret);
		if (at + size < length)
			hp_text_add(hide->ret, "", 1);
		at += size + 1;
	}
}

bool hp_redact_arguments(const struct hp_redactor *redactor, const char *path, const char *data,
                         size_t length, hp_put_secret *put, struct hp_text *ret)
{
	const struct hide hide = {.redactor = redactor, .put = put, .ret = ret};
	static void (*const shapes[])(const struct hide *hide, const char *text, size_t length) = {
	    [ARGUMENTS] = hide_options, [ENTRIES] = hide_entries, [PROCESS] = hide_process};
	for (size_t i = 0; i < HP_COUNT(places); i++) {
		if (fnmatch(places[i].path, path, 0) != 0)
			continue;
		shapes[places[i].shape](&hide, data, length);
		return true;
	}
	return false;
}
