// Values of facts as people write them. SPDX-License-Identifier: Apache-2.0
#include "facts/value.h"
#include "base/cleanup.h"
#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

bool hp_value_address(const char *text, char *buffer, size_t size)
{
	unsigned domain = 0, bus, device, function;
	int end = 0;
	bool full =
	    sscanf(text, "%8x:%2x:%2x.%1x%n", &domain, &bus, &device, &function, &end) == 4 &&
	    !text[end];
	if (!full) {
		domain = 0;
		end = 0;
		if (sscanf(text, "%2x:%2x.%1x%n", &bus, &device, &function, &end) != 3 || text[end])
			return false;
	}
	snprintf(buffer, size, "%04x:%02x:%02x.%x", domain, bus, device, function);
	return device < 32 && function < 8;
}

/* An id of `digits` hex digits in lower case; a class of 4 digits gets its last two. */
static bool normal_hex(const char *text, size_t digits, char *buffer)
{
	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
		text += 2;
	size_t length = strlen(text);
	bool short_class = digits == 6 && length == 4;
	if (strspn(text, "0123456789abcdefABCDEF") != length || (length != digits && !short_class))
		return false;
	snprintf(buffer, HP_VALUE_SIZE, "%.6s%s", text, short_class ? "00" : "");
	for (char *c = buffer; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return true;
}

/* The word of the domain that `value` is, whatever its case; its length too. */
static const char *find_word(const char *domain, const char *value, size_t *length)
{
	for (const char *at = domain; *at; at += strcspn(at, "|"), at += *at == '|') {
		*length = strcspn(at, "|");
		if (strlen(value) == *length && strncasecmp(at, value, *length) == 0)
			return at;
	}
	return NULL;
}

/* What tickets call it, in any case, and what the rules do. */
struct alias {
	const char *column, *said, *meant;
};

static const struct alias aliases[] = {
    {"surface", "docker", "container"},
    {"surface", "podman", "container"},
    {"surface", "containers", "container"},
    {"surface", "k8s", "kubernetes"},
    {"surface", "k3s", "kubernetes"},
    {"surface", "openshift", "kubernetes"},
    {"surface", "qemu", "qemu-vfio"},
    {"surface", "kvm", "qemu-vfio"},
    {"surface", "vfio", "qemu-vfio"},
    {"surface", "libvirt", "qemu-vfio"},
    {"surface", "unraid", "qemu-vfio"},
    {"surface", "vgpu", "qemu-vgpu"},
    {"surface", "proxmox-ve", "proxmox"},
    {"surface", "pve", "proxmox"},
    {"surface", "esxi", "esxi-passthrough"},
    {"surface", "vmware", "esxi-passthrough"},
    {"surface", "esxi-directpath", "esxi-passthrough"},
    {"surface", "kata-containers", "kata"},
    {"surface", "kata-vfio", "kata"},
    {"surface", "harvester", "kubevirt"},
    {"surface", "microvm", "qemu-microvm"},
    {"surface", "xcp-ng", "xenserver"},
    {"surface", "nova", "openstack"},
    {"share", "full", "whole"},
    {"share", "passthrough", "whole"},
    {"share", "sriov", "vf"},
    {"share", "sr-iov", "vf"},
    {"share", "mdev", "vgpu"},
    {"share", "gvt-g", "vgpu"},
    {"share", "timeslice", "time-slice"},
    {"vmm", "qemu-kvm", "qemu"},
    {"vmm", "clh", "cloud-hypervisor"},
    {"driver", "vfio_pci", "vfio-pci"},
    {"driver", "vfio", "vfio-pci"},
    {"distribution", "arch linux", "arch"},
    {"distribution", "pve", "proxmox"},
    {"distribution", "proxmox ve", "proxmox"},
    {"distribution", "red hat enterprise linux", "rhel"},
    {"distribution", "rocky linux", "rocky"},
    {"name", "qemu-kvm", "qemu"},
    {"name", "pve-qemu-kvm", "qemu"},
    {"name", "qemu-system-x86_64", "qemu"},
    {"name", "ovmf", "edk2"},
    {"name", "edk2-ovmf", "edk2"},
    {"name", "docker-ce", "docker"},
    {"name", "docker.io", "docker"},
    {"name", "docker-engine", "docker"},
    {"name", "cri-o", "crio"},
    {"name", "containerd.io", "containerd"},
    {"name", "kata-containers", "kata"},
    {"name", "kata-runtime", "kata"},
    {"name", "libvirtd", "libvirt"},
    {"name", "nvidia-ctk", "nvidia-container-toolkit"},
    {"name", "above-4g-decoding", "above-4g"},
    {"name", "sr-iov", "sriov"},
    {"name", "vt-d", "vtd"},
    {"name", "amd-vi", "vtd"},
    {"name", "resizable-bar", "rebar"},
    {"component", "nvidia-container-toolkit", "nvidia-container-runtime"},
    {"component", "nvidia-fabricmanager", "fabricmanager"},
    {"component", "kata-containers", "kata"},
    {"component", "cri-o", "crio"},
    {"component", "bios", "firmware"},
    {"component", "uefi", "firmware"},
};

static const char *meant(const char *column, const char *text)
{
	for (size_t i = 0; i < HP_COUNT(aliases); i++)
		if (strcmp(aliases[i].column, column) == 0 &&
		    strcasecmp(aliases[i].said, text) == 0)
			return aliases[i].meant;
	return text;
}

/* Names whose spelling differs from tool to tool: nvidia-drm and nvidia_drm, docker.service and
 * docker. */
static const char *one_spelling(const char *column, const char *text, char *buffer)
{
	if (strlen(text) >= HP_VALUE_SIZE - sizeof("CONFIG_"))
		return text;
	const char *prefix =
	    strcmp(column, "option") == 0 && !hp_starts_with(text, "CONFIG_") ? "CONFIG_" : "";
	snprintf(buffer, HP_VALUE_SIZE, "%s%s", prefix, text);
	if (strcmp(column, "module") == 0)
		for (char *c = buffer; *c; c++)
			*c = *c == '-' ? '_' : *c;
	if (strcmp(column, "service") == 0 && hp_ends_with(buffer, ".service"))
		buffer[strlen(buffer) - strlen(".service")] = 0;
	if (strcmp(column, "surface") == 0 || strcmp(column, "share") == 0 ||
	    strcmp(column, "distribution") == 0)
		for (char *c = buffer; *c; c++)
			*c = (char)tolower((unsigned char)*c);
	return buffer;
}

int hp_value_text(const struct hp_column_def *column, const char *text, char *buffer,
                  const char **ret, struct hp_error *err)
{
	const char *domain = column->domain;
	*ret = text;
	if (strcasecmp(text, "none") == 0) {
		*ret = "none";
		if (!strchr(domain, '|'))
			return 0;
	}
	if (strcmp(domain, "address") == 0) {
		if (!hp_value_address(text, buffer, HP_VALUE_SIZE))
			return hp_fail(err, -EINVAL,
			               "\"%s\" is no PCI address; expected one like 0000:01:00.0",
			               text);
		*ret = buffer;
	} else if (hp_starts_with(domain, "hex")) {
		size_t digits = (size_t)(domain[3] - '0');
		if (!normal_hex(text, digits, buffer))
			return hp_fail(err, -EINVAL, "\"%s\" is no id; expected %zu hex digits",
			               text, digits);
		*ret = buffer;
	} else if (strchr(domain, '|')) {
		size_t length;
		const char *word = find_word(domain, meant(column->name, text), &length);
		if (!word || length >= HP_VALUE_SIZE)
			return hp_fail(err, -EINVAL, "\"%s\" is not one of: %s", text, domain);
		snprintf(buffer, HP_VALUE_SIZE, "%.*s", (int)length, word);
		*ret = buffer;
	} else {
		*ret = one_spelling(column->name, meant(column->name, text), buffer);
	}
	return 0;
}

static bool flag(const char *text, int64_t *ret)
{
	static const char *const words[][2] = {
	    {"0", "1"}, {"no", "yes"}, {"off", "on"}, {"false", "true"}};
	for (size_t i = 0; i < HP_COUNT(words); i++)
		for (int value = 0; value < 2; value++)
			if (strcmp(text, words[i][value]) == 0) {
				*ret = value;
				return true;
			}
	return false;
}

bool hp_value_in_range(const struct hp_column_def *column, int64_t number)
{
	return number >= 0 || (number == -1 && (strcmp(column->name, "numa_node") == 0 ||
	                                        strcmp(column->name, "memlock_bytes") == 0));
}

int hp_value_number(const struct hp_column_def *column, const char *text, int64_t *ret,
                    struct hp_error *err)
{
	if (strcmp(column->domain, "0|1") == 0)
		return flag(text, ret) ? 0 : hp_fail(err, -EINVAL, "\"%s\": expected 0 or 1", text);
	if (hp_parse_s64(text, ret))
		return hp_value_in_range(column, *ret)
		           ? 0
		           : hp_fail(err, -EINVAL, "%s: must not be negative", text);
	if (strcmp(column->name, "memlock_bytes") == 0 && strcasecmp(text, "unlimited") == 0) {
		*ret = -1;
		return 0;
	}
	if (hp_ends_with(column->name, "_bytes") && hp_parse_size(text, ret))
		return 0;
	return hp_fail(err, -EINVAL, "\"%s\": expected a whole number%s", text,
	               hp_ends_with(column->name, "_bytes") ? ", or a size such as 512G" : "");
}
