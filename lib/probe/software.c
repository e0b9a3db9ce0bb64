// Programs that matter, with their versions. SPDX-License-Identifier: Apache-2.0
#include "probe/look.h"
#include "probe/packages.h"
#include "probe/probes.h"
#include "probe/software.h"

#include "base/cleanup.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

enum { RUN_DEADLINE_MS = 2000, OUTPUT_LIMIT = 16384, ANSWER_SIZE = 1 << 16 };

/* A program: how packages call it, where its binary is, how that tells its version. Lists of words,
 * the best first. A package that ends in '*' is the prefix of versioned ones. */
struct program {
	const char *name;
	const char *packages; // "" if none
	const char *binaries; // "" if it has none
	const char *argument; // NULL: the binary must not be run, or cannot tell
};

#define NIX "/run/current-system/sw/bin/" // where NixOS keeps what others have in /usr/bin

static const struct program programs[] = {
    {"qemu",
     "qemu-system-x86 pve-qemu-kvm qemu-kvm-core qemu-kvm qemu-system-x86-core "
     "qemu-base qemu-system-x86_64",
     "/usr/bin/qemu-system-x86_64 /usr/local/bin/qemu-system-x86_64 "
     "/usr/libexec/qemu-kvm /usr/bin/qemu-system-aarch64 " NIX "qemu-system-x86_64",
     "--version"},
    {"cloud-hypervisor", "cloud-hypervisor",
     "/usr/bin/cloud-hypervisor /usr/local/bin/cloud-hypervisor " NIX "cloud-hypervisor "
     "/opt/kata/bin/cloud-hypervisor",
     "--version"},
    {"firecracker", "firecracker",
     "/usr/bin/firecracker /usr/local/bin/firecracker " NIX "firecracker "
     "/opt/kata/bin/firecracker",
     "--version"},
    {"crosvm", "crosvm", "/usr/bin/crosvm /usr/local/bin/crosvm", "version"},
    {"lkvm", "kvmtool", "/usr/bin/lkvm /usr/local/bin/lkvm /usr/bin/kvmtool", "version"},
    {"libkrun", "libkrun libkrun1 libkrun-dev",
     "/usr/lib64/libkrun.so.1 /usr/lib/libkrun.so.1 /usr/local/lib64/libkrun.so.1", NULL},
    {"kata", "kata-containers kata-containers-static kata-runtime",
     "/usr/bin/kata-runtime /opt/kata/bin/kata-runtime /usr/local/bin/kata-runtime", "--version"},
    {"libvirt", "libvirt-daemon libvirt-daemon-common libvirt",
     "/usr/sbin/libvirtd /usr/sbin/virtqemud " NIX "libvirtd", "--version"},
    {"openvmm", "openvmm", "/usr/bin/openvmm /usr/local/bin/openvmm", NULL},
    {"rvvm", "rvvm", "/usr/bin/rvvm /usr/local/bin/rvvm", NULL},
    {"edk2", "ovmf edk2-ovmf pve-edk2-firmware-ovmf pve-edk2-firmware",
     "/usr/share/OVMF/OVMF_CODE.fd /usr/share/OVMF/OVMF_CODE_4M.fd "
     "/usr/share/edk2/ovmf/OVMF_CODE.fd /usr/share/edk2/x64/OVMF_CODE.4m.fd",
     NULL},
    {"systemd", "systemd", "/usr/bin/systemctl /bin/systemctl " NIX "systemctl", "--version"},
    {"docker", "docker-ce docker.io moby-engine docker docker-engine",
     "/usr/bin/dockerd /usr/local/bin/dockerd " NIX "dockerd /snap/bin/docker", "--version"},
    {"podman", "podman", "/usr/bin/podman /usr/local/bin/podman " NIX "podman", "--version"},
    {"containerd", "containerd.io containerd",
     "/usr/bin/containerd /usr/local/bin/containerd " NIX "containerd "
     "/var/lib/rancher/rke2/bin/containerd "
     "/var/lib/rancher/k3s/data/current/bin/containerd",
     "--version"},
    {"crio", "cri-o crio", "/usr/bin/crio /usr/local/bin/crio", "--version"},
    {"runc", "runc", "/usr/bin/runc /usr/sbin/runc /usr/local/sbin/runc /usr/local/bin/runc",
     "--version"},
    {"crun", "crun", "/usr/bin/crun /usr/local/bin/crun", "--version"},
    {"runsc", "runsc", "/usr/bin/runsc /usr/local/bin/runsc", "--version"},
    {"nvidia-container-toolkit", "nvidia-container-toolkit",
     "/usr/bin/nvidia-ctk /usr/local/nvidia/toolkit/nvidia-ctk "
     "/usr/local/bin/nvidia-ctk " NIX "nvidia-ctk",
     "--version"},
    {"libnvidia-container", "libnvidia-container1 libnvidia-container",
     "/usr/bin/nvidia-container-cli /usr/local/nvidia/toolkit/nvidia-container-cli", "--version"},
    // Even `nvidia-smi --version` starts NVML: never run here.
    {"nvidia-smi", "nvidia-smi nvidia-utils nvidia-driver-cuda nvidia-utils-*",
     "/usr/bin/nvidia-smi /run/nvidia/driver/usr/bin/nvidia-smi " NIX "nvidia-smi "
     "/usr/local/bin/nvidia-smi",
     NULL},
    {"nvidia-fs", "nvidia-fs-dkms nvidia-fs", "", NULL},
    {"nvidia-modprobe", "nvidia-modprobe", "/usr/bin/nvidia-modprobe", NULL},
    {"nvidia-fabricmanager", "nvidia-fabricmanager nvidia-fabric-manager nvidia-fabricmanager-*",
     "/usr/bin/nv-fabricmanager /run/nvidia/driver/usr/bin/nv-fabricmanager", "--version"},
    {"kubernetes", "kubelet kubernetes-node",
     "/usr/bin/kubelet /usr/local/bin/kubelet /var/lib/rancher/rke2/bin/kubelet "
     "/usr/local/bin/k3s",
     "--version"},
    {"kubelet", "kubelet kubernetes-node",
     "/usr/bin/kubelet /usr/local/bin/kubelet /var/lib/rancher/rke2/bin/kubelet "
     "/usr/local/bin/k3s",
     "--version"},
    {"incus", "incus", "/usr/libexec/incus/incusd /usr/bin/incusd /opt/incus/bin/incusd", NULL},
    {"mdevctl", "mdevctl", "/usr/sbin/mdevctl /usr/bin/mdevctl", "--version"},
    {"driverctl", "driverctl", "/usr/sbin/driverctl /sbin/driverctl", NULL},
    {"proxmox-ve", "proxmox-ve pve-manager", "/usr/bin/pveversion", NULL},
    {"openstack-nova", "nova-compute openstack-nova-compute python3-nova", "/usr/bin/nova-compute",
     NULL},
    {"i915-sriov-dkms", "i915-sriov-dkms", "", NULL},
    {"vendor-reset", "vendor-reset vendor-reset-dkms vendor-reset-dkms-git", "", NULL},
    {"gim", "gim gim-dkms", "", NULL},
    {"intel-i915-dkms", "intel-i915-dkms", "", NULL},
    {"xrt", "xrt xrt-base", "/opt/xilinx/xrt/bin/xbutil", NULL},
    {"nvlsm", "nvlsm", "/opt/nvidia/nvlsm/sbin/nvlsm", NULL},
    {"selinux-policy", "selinux-policy selinux-policy-targeted selinux-policy-default", "", NULL},
    {"mig-parted", "nvidia-mig-manager nvidia-mig-parted",
     "/usr/bin/nvidia-mig-parted /usr/local/bin/nvidia-mig-parted", "--version"},
    {"openshell", "openshell", "/usr/bin/openshell /usr/local/bin/openshell", NULL},
    {"vgpu-unlock", "vgpu-unlock vgpu_unlock",
     "/opt/vgpu_unlock/vgpu_unlock "
     "/opt/vgpu_unlock-rs/target/release/libvgpu_unlock_rs.so "
     "/etc/vgpu_unlock/profile_override.toml",
     NULL},
    {"unraid", "", "/etc/unraid-version", NULL},
};

/* Sources of modules that are built on the host: /usr/src/NAME-VERSION. */
static const char *const dkms_sources[] = {"i915-sriov-dkms", "vendor-reset", "gim",
                                           "intel-i915-dkms", "xrt"};

/* What shows as pods of this node: the directory's name in /var/log/pods is NAMESPACE_POD_UID; the
 * image of a running one tells the version. */
static const struct {
	const char *name, *pattern, *image; // "": none is known
} pods[] = {
    {"amd-device-plugin", "", "rocm/k8s-device-plugin"},
    {"amd-gpu-operator", "", "rocm/gpu-operator"},
    {"device-plugin", "nvidia-device-plugin", "nvidia/k8s-device-plugin"},
    {"dra-driver-nvidia-gpu", "nvidia-dra-driver-gpu", "k8s-dra-driver-gpu"},
    {"gpu-operator", "gpu-operator_", "nvidia/gpu-operator"},
    {"harvester", "harvester-system_harvester", ""},
    {"intel-gpu-plugin", "", "intel/intel-gpu-plugin"},
    {"kubevirt", "_virt-handler-", "virt-handler"},
    {"kubevirt-gpu-device-plugin", "", "kubevirt-gpu-device-plugin"},
    {"mig-parted", "nvidia-mig-manager", "k8s-mig-manager"},
    {"vgpu-device-manager", "nvidia-vgpu-device-manager", "vgpu-device-manager"},
};

bool hp_version_in_output(const char *output, char *buffer, size_t size)
{
	for (const char *at = output; *at; at++) {
		if (!isdigit((unsigned char)*at) || (at > output && isdigit((unsigned char)at[-1])))
			continue;
		size_t digits = strspn(at, "0123456789");
		size_t length = strcspn(at, " \t\r\n,;()[]\"'");
		if (at[digits] != '.' || !isdigit((unsigned char)at[digits + 1]) || length >= size)
			continue;
		snprintf(buffer, size, "%.*s", (int)length, at);
		return true;
	}
	return false;
}

bool hp_edk2_version(const char *version, char *buffer, size_t size)
{
	// Neither the 2 in the name nor an epoch is a year.
	const char *year = version;
	while (*year && strspn(year, "0123456789") < 4)
		year++;
	if (!hp_starts_with(year, "20"))
		return false;
	size_t digits = strspn(year, "0123456789");
	const char *month = year[4] == '.' ? year + 5 : year + 4;
	if ((digits < 6 && digits != 4) || strspn(month, "0123456789") < 2)
		return false;
	snprintf(buffer, size, "%.4s%.2s", year, month);
	return true;
}

/* What was found of each program. */
struct found {
	char *version[HP_COUNT(programs)];
	char *path[HP_COUNT(programs)];
	int rank[HP_COUNT(programs)]; // which of its packages it was, the least counts
};

/* A package that some program comes in. */
struct package {
	char *name;
	size_t program;
	int rank;
};

/* All of them, sorted by name; the prefixes, of which there are few, apart. */
struct packages {
	struct package exact[128], prefix[16];
	size_t exact_count, prefix_count;
	struct found *found;
};

static int by_package_name(const void *a, const void *b)
{
	return strcmp(((const struct package *)a)->name, ((const struct package *)b)->name);
}

static void add_package(struct packages *packages, const char *word, size_t program, int rank)
{
	size_t length = strlen(word);
	bool prefix = word[length - 1] == '*';
	struct package package = {hp_strndup(word, length - prefix), program, rank};
	if (prefix && packages->prefix_count < HP_COUNT(packages->prefix))
		packages->prefix[packages->prefix_count++] = package;
	else if (!prefix && packages->exact_count < HP_COUNT(packages->exact))
		packages->exact[packages->exact_count++] = package;
}

static void packages_init(struct packages *packages, struct found *found)
{
	*packages = (struct packages){.found = found};
	for (size_t i = 0; i < HP_COUNT(programs); i++) {
		hp_cleanup_free char *words = hp_strdup(programs[i].packages);
		char *cursor = words;
		int rank = 0;
		for (char *word; (word = hp_next_word(&cursor)); rank++)
			add_package(packages, word, i, rank);
	}
	qsort(packages->exact, packages->exact_count, sizeof(packages->exact[0]), by_package_name);
}

static void packages_finish(struct packages *packages)
{
	for (size_t i = 0; i < packages->exact_count; i++)
		free(packages->exact[i].name);
	for (size_t i = 0; i < packages->prefix_count; i++)
		free(packages->prefix[i].name);
}

static void take_package(struct found *found, const struct package *package, const char *name,
                         const char *version, const char *file)
{
	size_t i = package->program;
	if (found->version[i] && found->rank[i] <= package->rank)
		return;
	free(found->version[i]);
	free(found->path[i]);
	found->version[i] = hp_strdup(version);
	hp_utf8_repair(found->version[i]);
	found->path[i] = hp_asprintf("%s (%s)", file, name);
	found->rank[i] = package->rank;
}

static void package_seen(void *data, const char *name, const char *version, const char *file)
{
	struct packages *packages = data;
	const struct package key = {.name = (char *)name};
	const struct package *end = packages->exact + packages->exact_count;
	const struct package *match = bsearch(&key, packages->exact, packages->exact_count,
	                                      sizeof(packages->exact[0]), by_package_name);
	// One package can be two programs' (kubelet is also what tells the version of Kubernetes).
	while (match && match > packages->exact && strcmp(match[-1].name, name) == 0)
		match--;
	for (; match && match < end && strcmp(match->name, name) == 0; match++)
		take_package(packages->found, match, name, version, file);
	for (size_t i = 0; i < packages->prefix_count; i++)
		if (hp_starts_with(name, packages->prefix[i].name))
			take_package(packages->found, &packages->prefix[i], name, version, file);
}

/* Only what root alone can change is run. */
static bool may_run(struct hp_host *host, const char *path)
{
	struct hp_stat st;
	return hp_host_stat(host, path, &st) == 0 && st.uid == 0 && (st.mode & 022) == 0 &&
	       (st.mode & 0111);
}

static char *version_by_running(struct hp_host *host, struct hp_facts *facts, const char *path,
                                const char *argument)
{
	const char *const argv[] = {path, argument, NULL};
	hp_cleanup_text struct hp_text output = {0};
	char version[128];
	if (hp_host_kind(host) != HP_HOST_LIVE || !may_run(host, path))
		return NULL;
	int r = hp_host_run_remembered(host, path, argv, RUN_DEADLINE_MS, OUTPUT_LIMIT, &output);
	if (r == -ETIME)
		hp_facts_gap(facts, "deadline", path, "no answer to %s within %d s", argument,
		             RUN_DEADLINE_MS / 1000);
	if (r != 0 || !hp_version_in_output(hp_text_get(&output), version, sizeof(version)))
		return NULL;
	return hp_strdup(version);
}

/* Looks for the binary of a program that is in no package database. Returns whether all places
 * could be looked at. */
static bool find_binary(struct hp_host *host, struct hp_facts *facts, struct found *found, size_t i)
{
	bool all_seen = true;
	hp_cleanup_free char *paths = hp_strdup(programs[i].binaries);
	char *cursor = paths;
	for (char *path; (path = hp_next_word(&cursor));) {
		int exists = hp_host_exists(host, path);
		all_seen = all_seen && exists >= 0;
		if (exists <= 0)
			continue;
		found->path[i] = hp_strdup(path);
		if (programs[i].argument)
			found->version[i] =
			    version_by_running(host, facts, path, programs[i].argument);
		if (!found->version[i])
			found->version[i] = hp_strdup("present");
		return true;
	}
	return all_seen;
}

static int put_program(struct hp_facts *facts, const char *name, const char *version,
                       const char *path, struct hp_error *err)
{
	struct hp_row row = hp_row_begin(facts, HP_TBL_SOFTWARE);
	hp_row_text(&row, HP_SOFTWARE_NAME, name);
	hp_row_text(&row, HP_SOFTWARE_VERSION, version);
	hp_row_text(&row, HP_SOFTWARE_PATH, path);
	int r = hp_row_put(&row, err);
	return r < 0 ? r : hp_facts_observed(facts, HP_TBL_SOFTWARE, name, "complete", err);
}

/* Modules built from /usr/src without a package. */
static void find_sources(struct hp_host *host, struct found *found)
{
	hp_cleanup_names struct hp_names names = {0};
	if (hp_host_list(host, "/usr/src", &names) < 0)
		return;
	for (size_t n = 0; n < names.count; n++)
		for (size_t s = 0; s < HP_COUNT(dkms_sources); s++) {
			size_t length = strlen(dkms_sources[s]);
			if (!hp_starts_with(names.names[n], dkms_sources[s]) ||
			    names.names[n][length] != '-' ||
			    !isdigit((unsigned char)names.names[n][length + 1]))
				continue;
			for (size_t i = 0; i < HP_COUNT(programs); i++) {
				if (strcmp(programs[i].name, dkms_sources[s]) != 0 ||
				    found->version[i])
					continue;
				found->version[i] = hp_strdup(names.names[n] + length + 1);
				found->path[i] = hp_asprintf("/usr/src/%s", names.names[n]);
			}
		}
}

/* A program's version as rules compare it. */
static const char *settled_version(const struct program *program, const char *version, char *buffer,
                                   size_t size)
{
	if (version && strcmp(program->name, "edk2") == 0 && hp_edk2_version(version, buffer, size))
		return buffer;
	return version;
}

static int put_programs(struct hp_host *host, struct hp_facts *facts, struct hp_error *err)
{
	struct found found = {0};
	struct packages packages;
	packages_init(&packages, &found);
	bool databases = hp_packages_walk(host, facts, package_seen, &packages);
	packages_finish(&packages);
	find_sources(host, &found);
	int r = 0;
	for (size_t i = 0; i < HP_COUNT(programs); i++) {
		char buffer[32];
		bool all_seen = true;
		if (!found.version[i])
			all_seen = find_binary(host, facts, &found, i);
		// A program with no binary to look for shows in the databases alone.
		if (!*programs[i].binaries)
			all_seen = databases;
		const char *version =
		    settled_version(&programs[i], found.version[i], buffer, sizeof(buffer));
		if (!version && all_seen)
			version = "none";
		if (r == 0 && version)
			r = put_program(facts, programs[i].name, version, found.path[i], err);
		free(found.version[i]);
		free(found.path[i]);
	}
	return r;
}

/* The tag and the bundle's file of an image, from the answer to "images". */
static bool find_image(char *answer, const char *image, char tag[64], char **ret_path)
{
	size_t length = strlen(image);
	for (char *line = answer; length && *line;
	     line += strcspn(line, "\n"), line += *line == '\n') {
		int path = 0;
		if (strncmp(line, image, length) != 0 || line[length] != ':' ||
		    sscanf(line + length, ":%63[^\t\n]\t%n", tag, &path) != 1 || !path ||
		    !tag[strcspn(tag, "0123456789")])
			continue;
		line += length + (size_t)path;
		*ret_path = hp_strndup(line, strcspn(line, "\n"));
		return true;
	}
	return false;
}

/* The first directory of a pod whose name holds the pattern. */
static char *find_pod(const struct hp_names *names, const char *pattern)
{
	for (size_t n = 0; *pattern && n < names->count; n++)
		if (strstr(names->names[n], pattern))
			return hp_asprintf("/var/log/pods/%s", names->names[n]);
	return NULL;
}

/* Programs that run as pods here. A host without a kubelet has none. */
static int put_pods(struct hp_host *host, struct hp_facts *facts, struct hp_error *err)
{
	hp_cleanup_names struct hp_names names = {0};
	hp_cleanup_free char *answer = hp_calloc(1, ANSWER_SIZE);
	bool no_kubelet = hp_host_exists(host, "/var/lib/kubelet") == 0;
	enum hp_look look =
	    no_kubelet ? HP_LOOK_ABSENT : hp_look_list(host, facts, "/var/log/pods", &names);
	if (no_kubelet || hp_host_ask(host, "images", answer, ANSWER_SIZE) < 0)
		*answer = '\0';
	int r = 0;
	for (size_t i = 0; r == 0 && i < HP_COUNT(pods); i++) {
		char version[64] = "present";
		hp_cleanup_free char *path = NULL;
		if (!find_image(answer, pods[i].image, version, &path))
			path = find_pod(&names, pods[i].pattern);
		// The mig-manager may be a package of the host too: that row says more.
		if (path)
			r = put_program(facts, pods[i].name, version, path, err);
		else if (look == HP_LOOK_ABSENT && no_kubelet &&
		         strcmp(pods[i].name, "mig-parted") != 0)
			r = put_program(facts, pods[i].name, "none", NULL, err);
	}
	return r;
}

int hp_probe_software(struct hp_host *host, struct hp_facts *facts,
                      const struct hp_probe_options *options, struct hp_error *err)
{
	(void)options;
	int r = put_programs(host, facts, err);
	return r < 0 ? r : put_pods(host, facts, err);
}
