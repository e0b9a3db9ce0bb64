// The machine and its system software. SPDX-License-Identifier: Apache-2.0
#include "probe/look.h"
#include "probe/machine.h"
#include "probe/probes.h"

#include "base/cleanup.h"
#include "host/boot.h"

#include <stdio.h>
#include <string.h>

/* The value of KEY in os-release's syntax: NAME=value, "value" or 'value'. */
static bool os_release_value(const char *text, const char *key, char *buffer, size_t size)
{
	if (!hp_find_value(text, key, '=', buffer, size))
		return false;
	size_t length = strlen(buffer);
	if (length >= 2 && (buffer[0] == '"' || buffer[0] == '\'') &&
	    buffer[length - 1] == buffer[0]) {
		buffer[length - 1] = '\0';
		memmove(buffer, buffer + 1, length - 1);
	}
	return true;
}

// Distributions that keep another's os-release, known by a file of theirs.
static const struct {
	const char *path, *distribution;
} overlays[] = {
    {"/usr/bin/pveversion", "proxmox"},
    {"/etc/unraid-version", "unraid"},
};

static void put_distribution(struct hp_host *host, struct hp_row *row)
{
	hp_cleanup_text struct hp_text text = {0};
	char value[256];
	enum hp_look look = hp_look_text(host, row->facts, "/etc/os-release", 65536, &text);
	const char *release = hp_text_get(&text);
	const char *overlay = NULL;
	for (size_t i = 0; i < HP_COUNT(overlays) && !overlay; i++)
		if (hp_host_exists(host, overlays[i].path) > 0)
			overlay = overlays[i].distribution;
	if (overlay)
		hp_row_text(row, HP_MACHINE_DISTRIBUTION, overlay);
	else if (os_release_value(release, "ID", value, sizeof(value)))
		hp_row_text(row, HP_MACHINE_DISTRIBUTION, value);
	else if (look == HP_LOOK_ABSENT)
		hp_row_text(row, HP_MACHINE_DISTRIBUTION, "none");
	// The version of the distribution below says nothing of the one above.
	if (overlay && strcmp(overlay, "unraid") == 0) {
		char version[256];
		if (hp_look_read(host, row->facts, "/etc/unraid-version", version,
		                 sizeof(version)) == HP_LOOK_SEEN &&
		    os_release_value(version, "version", value, sizeof(value)))
			hp_row_text(row, HP_MACHINE_DISTRIBUTION_VERSION, value);
	} else if (!overlay && os_release_value(release, "VERSION_ID", value, sizeof(value))) {
		hp_row_text(row, HP_MACHINE_DISTRIBUTION_VERSION, value);
	}
	if (os_release_value(release, "PRETTY_NAME", value, sizeof(value)))
		hp_row_text(row, HP_MACHINE_DISTRIBUTION_NAME, value);
}

bool hp_bios_date(const char *text, char ret[11])
{
	int month, day, year, end = 0;
	if (sscanf(text, "%2d/%2d/%4d%n", &month, &day, &year, &end) != 3 || text[end])
		return false;
	if (month < 1 || month > 12 || day < 1 || day > 31)
		return false;
	if (year < 100) // SMBIOS before 2.3 has two digits
		year += year < 80 ? 2000 : 1900;
	if (year < 1980 || year > 9999)
		return false;
	snprintf(ret, 11, "%04d-%02d-%02d", year, month, day);
	return true;
}

static void put_dmi(struct hp_host *host, struct hp_row *row)
{
	static const struct {
		const char *path;
		int column;
	} files[] = {
	    {"/sys/class/dmi/id/sys_vendor", HP_MACHINE_VENDOR},
	    {"/sys/class/dmi/id/product_name", HP_MACHINE_PRODUCT},
	    {"/sys/class/dmi/id/board_name", HP_MACHINE_BOARD},
	    {"/sys/class/dmi/id/bios_version", HP_MACHINE_BIOS_VERSION},
	};
	for (size_t i = 0; i < HP_COUNT(files); i++)
		hp_look_put_file(host, row, files[i].column, files[i].path);
	static const char date_file[] = "/sys/class/dmi/id/bios_date";
	char buffer[64], date[11];
	enum hp_look look = hp_look_read(host, row->facts, date_file, buffer, sizeof(buffer));
	if (look == HP_LOOK_SEEN && hp_bios_date(hp_trim(buffer), date))
		hp_row_text(row, HP_MACHINE_BIOS_DATE, date);
	else
		hp_look_put(row, HP_MACHINE_BIOS_DATE,
		            look == HP_LOOK_ABSENT ? look : HP_LOOK_UNKNOWN, NULL, "none");
}

// == what the host itself runs under

static const struct {
	const char *vendor, *hypervisor;
} dmi_hypervisors[] = {
    {"QEMU", "kvm"},
    {"VMware", "vmware"},
    {"Microsoft Corporation", "hyper-v"},
    {"Xen", "xen"},
    {"Cloud Hypervisor", "cloud-hypervisor"},
    {"Amazon EC2", "aws-nitro"},
    {"Google", "gcp"},
};

// https://www.kernel.org/doc/html/latest/virt/kvm/x86/cpuid.html and each hypervisor's own leaf
static const struct {
	const char *signature, *hypervisor;
} signatures[] = {
    {"KVMKVMKVM", "kvm"},       {"Linux KVM Hv", "kvm"},     {"TCGTCGTCGTCG", "qemu-tcg"},
    {"VMwareVMware", "vmware"}, {"Microsoft Hv", "hyper-v"}, {"XenVMMXenVMM", "xen"},
};

const char *hp_hypervisor_of(const char *signature, const char *dmi_vendor, const char *acpi_oem)
{
	const char *by_signature = NULL, *by_dmi = NULL;
	for (size_t i = 0; i < HP_COUNT(signatures); i++)
		if (strcmp(signature, signatures[i].signature) == 0)
			by_signature = signatures[i].hypervisor;
	for (size_t i = 0; i < HP_COUNT(dmi_hypervisors); i++)
		if (hp_starts_with(dmi_vendor, dmi_hypervisors[i].vendor))
			by_dmi = dmi_hypervisors[i].hypervisor;
	if (hp_starts_with(acpi_oem, "FIRECK"))
		return "firecracker";
	// KVM is what many stand on: the firmware's word is the finer one.
	if (by_dmi && (!by_signature || strcmp(by_signature, "kvm") == 0))
		return by_dmi;
	if (by_signature)
		return by_signature;
	return *signature ? "other" : NULL;
}

/* SMBIOS type 0, second byte of the characteristics' extension, bit 4 (DSP0134, 7.1.2.2): the
 * machine is virtual. NVIDIA's driver looks there where there is no CPUID. */
static void put_smbios_virtual(struct hp_host *host, struct hp_row *row)
{
	enum { EXTENSION = 0x13, VIRTUAL = 1 << 4 };
	char entry[EXTENSION + 2];
	ssize_t length =
	    hp_host_read_head(host, "/sys/firmware/dmi/entries/0-0/raw", entry, sizeof(entry));
	if (length > EXTENSION && entry[0] == 0 && entry[1] > EXTENSION)
		hp_row_number(row, HP_MACHINE_SMBIOS_VIRTUAL, !!(entry[EXTENSION] & VIRTUAL));
}

static void put_hypervisor(struct hp_host *host, struct hp_row *row)
{
	char signature[16], vendor[256] = "", oem[7] = "", acpi[37], cpuinfo[8192], flags[8192];
	bool asked = hp_host_ask(host, "cpuid.hypervisor", signature, sizeof(signature)) >= 0;
	if (asked)
		hp_row_text(row, HP_MACHINE_HYPERVISOR_SIGNATURE, signature);
	hp_host_read(host, "/sys/class/dmi/id/sys_vendor", vendor, sizeof(vendor));
	// Every ACPI table names its maker at byte 10. Only root may read it: no gap, it is a
	// detail.
	ssize_t length =
	    hp_host_read_head(host, "/sys/firmware/acpi/tables/APIC", acpi, sizeof(acpi));
	if (length >= 16)
		memcpy(oem, acpi + 10, 6);
	bool has_flags = hp_host_read_head(host, "/proc/cpuinfo", cpuinfo, sizeof(cpuinfo)) > 0 &&
	                 hp_find_value(cpuinfo, "flags", ':', flags, sizeof(flags));
	const char *found = hp_hypervisor_of(asked ? signature : "", vendor, oem);
	if ((asked && strcmp(signature, "none") == 0) ||
	    (has_flags && !hp_has_word(flags, "hypervisor")))
		found = "none";
	else if (!found && has_flags)
		found = "other";
	hp_row_text(row, HP_MACHINE_HYPERVISOR, found);
}

// == how it was booted, and what runs it

/* Which container happypath itself runs in, and with what privilege: of a copied tree that says
 * nothing. */
static void put_container(struct hp_host *host, struct hp_row *row)
{
	static const struct {
		const char *path, *container;
	} marks[] = {
	    {"/var/run/secrets/kubernetes.io", "kubernetes"},
	    {"/.dockerenv", "docker"},
	    {"/run/.containerenv", "podman"},
	    {"/run/systemd/container", "other"},
	};
	char uid[16];
	if (hp_host_ask(host, "uid", uid, sizeof(uid)) <= 0)
		return; // a tree of files, or a capture of one
	const char *container = "none";
	for (size_t i = HP_COUNT(marks); i-- > 0;)
		if (hp_host_exists(host, marks[i].path) > 0)
			container = marks[i].container;
	hp_row_text(row, HP_MACHINE_CONTAINER, container);
	hp_row_number(row, HP_MACHINE_ROOT, strcmp(uid, "0") == 0);
}

static void put_init(struct hp_host *host, struct hp_row *row)
{
	static const struct {
		const char *command, *init;
	} inits[] = {
	    {"systemd", "systemd"},
	    {"openrc-init", "openrc"},
	    {"runit", "runit"},
	    {"busybox", "busybox"},
	};
	char command[64];
	if (hp_look_read(host, row->facts, "/proc/1/comm", command, sizeof(command)) !=
	    HP_LOOK_SEEN)
		return;
	const char *init = hp_host_exists(host, "/run/openrc") > 0 ? "openrc" : "other";
	for (size_t i = 0; i < HP_COUNT(inits); i++)
		if (strcmp(command, inits[i].command) == 0)
			init = inits[i].init;
	hp_row_text(row, HP_MACHINE_INIT, init);
}

static void put_selinux(struct hp_host *host, struct hp_row *row)
{
	char enforce[16];
	enum hp_look look =
	    hp_look_read(host, row->facts, "/sys/fs/selinux/enforce", enforce, sizeof(enforce));
	if (look == HP_LOOK_SEEN)
		hp_row_text(row, HP_MACHINE_SELINUX,
		            strcmp(enforce, "1") == 0 ? "enforcing" : "permissive");
	else if (look == HP_LOOK_ABSENT)
		hp_row_text(row, HP_MACHINE_SELINUX,
		            hp_host_exists(host, "/etc/selinux/config") > 0 ? "disabled" : "none");
}

static void put_cgroup_version(struct hp_host *host, struct hp_row *row)
{
	int unified = hp_host_exists(host, "/sys/fs/cgroup/cgroup.controllers");
	if (unified > 0)
		hp_row_number(row, HP_MACHINE_CGROUP_VERSION, 2);
	else if (unified == 0 && hp_host_exists(host, "/sys/fs/cgroup/devices") > 0)
		hp_row_number(row, HP_MACHINE_CGROUP_VERSION, 1);
}

static void put_architecture(struct hp_host *host, struct hp_row *row)
{
	char architecture[64];
	// A tree without its machine says it since Linux 6.1.
	if (hp_host_ask(host, "machine", architecture, sizeof(architecture)) > 0 ||
	    hp_host_read(host, "/proc/sys/kernel/arch", architecture, sizeof(architecture)) > 0)
		hp_row_text(row, HP_MACHINE_ARCHITECTURE, architecture);
}

int hp_probe_machine(struct hp_host *host, struct hp_facts *facts,
                     const struct hp_probe_options *options, struct hp_error *err)
{
	(void)options;
	struct hp_row row = hp_row_begin(facts, HP_TBL_MACHINE);
	put_architecture(host, &row);
	put_distribution(host, &row);
	put_dmi(host, &row);
	put_hypervisor(host, &row);
	put_smbios_virtual(host, &row);
	put_container(host, &row);
	hp_look_put_file(host, &row, HP_MACHINE_BOOT_ID, "/proc/sys/kernel/random/boot_id");
	enum hp_look efi = hp_look_exists(host, facts, "/sys/firmware/efi");
	// A machine with a device tree was booted by neither, unless it shows EFI.
	bool device_tree = hp_host_exists(host, "/sys/firmware/devicetree") > 0;
	hp_look_put(&row, HP_MACHINE_BOOT_FIRMWARE, efi, "uefi", device_tree ? NULL : "bios");
	hp_row_text(&row, HP_MACHINE_BOOTLOADER, hp_bootloader(host));
	put_init(host, &row);
	put_selinux(host, &row);
	put_cgroup_version(host, &row);
	int r = hp_row_put(&row, err);
	return r < 0 ? r : hp_look_observed(host, facts, HP_TBL_MACHINE, "/etc", err);
}
