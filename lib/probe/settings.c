// Settings of programs, from their configuration files. SPDX-License-Identifier: Apache-2.0
#include "probe/apt-conf.h"
#include "probe/look.h"
#include "probe/packages.h"
#include "probe/probes.h"
#include "probe/toml.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fnmatch.h>
#include <jansson.h>
#include <string.h>

enum { FILE_LIMIT = 4 << 20, DATABASE_LIMIT = 64 << 20 };

/* A component's files being read. */
struct reading {
	struct hp_host *host;
	struct hp_facts *facts;
	const char *component;
	const char *file;
	struct hp_error *err;
	int result;
	bool partial;        // some file of it could not be read
	bool looked;         // some file of it was read, or is surely not there
	struct hp_text list; // for lists that several files add to
};

/* Takes what one file says. */
typedef void read_settings(struct reading *reading, char *text);

static void put(struct reading *reading, const char *component, const char *name, const char *value)
{
	if (reading->result < 0)
		return;
	struct hp_row row = hp_row_begin(reading->facts, HP_TBL_SETTING);
	hp_row_text(&row, HP_SETTING_COMPONENT, component);
	hp_row_text(&row, HP_SETTING_NAME, name);
	hp_row_text(&row, HP_SETTING_VALUE, *value ? value : "none");
	hp_row_text(&row, HP_SETTING_FILE, reading->file);
	reading->result = hp_row_put(&row, reading->err);
}

static void put_bad(void *data, int line, const char *expected)
{
	struct reading *reading = data;
	hp_cleanup_free char *what = hp_asprintf("%s:%d", reading->file, line);
	hp_facts_gap(reading->facts, "malformed", what, "%s", expected);
	reading->partial = true;
}

// == TOML

static const struct {
	const char *component; // as in components[]
	const char *path;      // a pattern of the value's path
	const char *name;
} toml_keys[] = {
    {"containerd", "version", "config-version"},
    {"containerd", "disabled_plugins", "disabled_plugins"},
    {"containerd", "*.containerd.default_runtime_name", "default_runtime_name"},
    {"containerd", "*.runtimes.nvidia.options.BinaryName", "runtime-nvidia"},
    {"containerd", "*.enable_cdi", "enable_cdi"},
    {"containerd", "*.runtimes.runc.options.SystemdCgroup", "SystemdCgroup"},
    {"crio", "crio.runtime.default_runtime", "default_runtime"},
    {"crio", "crio.runtime.cgroup_manager", "cgroup_manager"},
    {"nvidia-container-runtime", "nvidia-container-runtime.mode", "mode"},
    {"nvidia-container-runtime", "nvidia-container-cli.no-cgroups", "no-cgroups"},
    {"nvidia-container-runtime", "nvidia-container-cli.root", "root"},
    {"nvidia-container-runtime", "accept-nvidia-visible-devices-envvar-when-unprivileged",
     "accept-nvidia-visible-devices-envvar-when-unprivileged"},
    {"nvidia-container-runtime", "disable-require", "disable-require"},
    {"kata", "hypervisor.*.machine_type", "machine_type"},
    {"kata", "hypervisor.*.pcie_root_port", "pcie_root_port"},
    {"kata", "hypervisor.*.hot_plug_vfio", "hot_plug_vfio"},
    {"kata", "hypervisor.*.cold_plug_vfio", "cold_plug_vfio"},
    {"kata", "hypervisor.*.hotplug_vfio_on_root_bus", "hotplug_vfio_on_root_bus"},
    {"kata", "hypervisor.*.enable_iommu", "enable_iommu"},
    {"kata", "hypervisor.*.default_memory", "default_memory"},
    {"kata", "runtime.vfio_mode", "vfio_mode"},
    {"podman", "engine.cdi_spec_dirs", "cdi_spec_dirs"},
    // libvirt's own format is TOML as far as it goes.
    {"libvirt", "cgroup_device_acl", "cgroup_device_acl"},
    {"libvirt", "user", "user"},
};

/* The hypervisor that Kata is configured for is the name of its table: hypervisor.qemu. */
static void take_kata_hypervisor(struct reading *reading, const char *path)
{
	static const char head[] = "hypervisor.";
	if (!hp_starts_with(path, head))
		return;
	const char *name = path + strlen(head);
	hp_cleanup_free char *hypervisor = hp_strndup(name, strcspn(name, "."));
	put(reading, "kata", "hypervisor", hypervisor);
}

static void take_toml(void *data, const char *path, const char *value)
{
	struct reading *reading = data;
	// What k3s and rke2 generate for the containerd inside of them is containerd's.
	bool embedded =
	    strcmp(reading->component, "k3s") == 0 || strcmp(reading->component, "rke2") == 0;
	const char *component = embedded ? "containerd" : reading->component;
	for (size_t i = 0; i < HP_COUNT(toml_keys); i++)
		if (strcmp(component, toml_keys[i].component) == 0 &&
		    fnmatch(toml_keys[i].path, path, 0) == 0)
			put(reading, reading->component, toml_keys[i].name, value);
	if (strcmp(component, "kata") == 0)
		take_kata_hypervisor(reading, path);
}

static void read_toml(struct reading *reading, char *text)
{
	hp_toml_read(text, take_toml, put_bad, reading);
}

// == KEY=VALUE

static const struct {
	const char *component, *key;
} plain_keys[] = {
    {"fabricmanager", "FABRIC_MODE"},
    {"fabricmanager", "FABRIC_MODE_RESTART"},
    {"fabricmanager", "FM_STAY_RESIDENT_ON_FAILURES"},
    {"nvidia-gridd", "FeatureType"},
    {"nvidia-gridd", "ServerAddress"},
    {"openstack-nova", "enabled_mdev_types"},
};

static void read_plain(struct reading *reading, char *text)
{
	char value[1024];
	for (size_t i = 0; i < HP_COUNT(plain_keys); i++)
		if (strcmp(reading->component, plain_keys[i].component) == 0 &&
		    hp_find_value(text, plain_keys[i].key, '=', value, sizeof(value)))
			put(reading, reading->component, plain_keys[i].key, value);
}

// == Docker's daemon.json

static void put_json(struct reading *reading, const char *name, const json_t *value)
{
	if (json_is_string(value))
		put(reading, reading->component, name, json_string_value(value));
	else if (json_is_boolean(value))
		put(reading, reading->component, name, json_is_true(value) ? "true" : "false");
}

/* The option native.cgroupdriver, in the array exec-opts. */
static void put_cgroup_driver(struct reading *reading, const json_t *options)
{
	static const char head[] = "native.cgroupdriver=";
	size_t i;
	json_t *option;
	json_array_foreach(options, i, option)
	{
		const char *text = json_string_value(option);
		if (text && hp_starts_with(text, head))
			put(reading, reading->component, "cgroup-driver", text + strlen(head));
	}
}

/* gVisor is a runtime among others; its options stand in its arguments. */
static void put_runsc(struct reading *reading, const json_t *arguments)
{
	static const char *const flags[] = {"nvproxy", "nvproxy-allow-unsupported-driver"};
	size_t i;
	json_t *argument;
	json_array_foreach(arguments, i, argument)
	{
		const char *text = json_string_value(argument);
		text = text ? text + strspn(text, "-") : "";
		for (size_t k = 0; k < HP_COUNT(flags); k++) {
			size_t length = strlen(flags[k]);
			if (strcmp(text, flags[k]) == 0)
				put(reading, "runsc", flags[k], "true");
			else if (strncmp(text, flags[k], length) == 0 && text[length] == '=')
				put(reading, "runsc", flags[k], text + length + 1);
		}
	}
}

static void put_runtimes(struct reading *reading, json_t *runtimes)
{
	hp_cleanup_text struct hp_text names = {0};
	const char *name;
	json_t *runtime;
	json_object_foreach(runtimes, name, runtime)
	{
		hp_text_printf(&names, "%s%s", names.length ? " " : "", name);
		if (strcmp(name, "nvidia") == 0)
			put_json(reading, "runtime-nvidia", json_object_get(runtime, "path"));
		if (hp_starts_with(name, "runsc"))
			put_runsc(reading, json_object_get(runtime, "runtimeArgs"));
	}
	put(reading, reading->component, "runtimes", hp_text_get(&names));
}

static void read_docker(struct reading *reading, char *text)
{
	static const char *const keys[] = {"default-runtime", "live-restore", "selinux-enabled"};
	json_error_t error;
	// dockerd takes an empty file for one that is not there.
	if (!*hp_trim(text))
		return;
	json_t *root = json_loads(text, 0, &error);
	if (!root)
		return put_bad(reading, error.line, error.text);
	for (size_t i = 0; i < HP_COUNT(keys); i++)
		put_json(reading, keys[i], json_object_get(root, keys[i]));
	put_json(reading, "cdi", json_object_get(json_object_get(root, "features"), "cdi"));
	put_cgroup_driver(reading, json_object_get(root, "exec-opts"));
	put_runtimes(reading, json_object_get(root, "runtimes"));
	json_decref(root);
}

// == the kubelet's configuration: YAML, of which one key and one flat map are asked

static void read_kubelet(struct reading *reading, char *text)
{
	char driver[64];
	hp_cleanup_text struct hp_text gates = {0};
	if (hp_find_value(text, "cgroupDriver", ':', driver, sizeof(driver)))
		put(reading, reading->component, "cgroupDriver", driver);
	bool inside = false;
	for (char *line; (line = hp_next_line(&text));) {
		bool indented = *line == ' ' || *line == '\t';
		char *colon = strchr(line, ':');
		if (!indented)
			inside = hp_starts_with(line, "featureGates:");
		else if (inside && colon)
			*colon = '\0', hp_text_printf(&gates, "%s%s=%s", gates.length ? " " : "",
			                              hp_trim(line), hp_trim(colon + 1));
	}
	if (gates.length)
		put(reading, reading->component, "feature-gates", hp_text_get(&gates));
}

// == apt, systemd, SELinux, Proxmox

static void read_apt(struct reading *reading, char *text)
{
	if (hp_apt_list(text, "Unattended-Upgrade::Package-Blacklist", &reading->list))
		put(reading, reading->component, "package-blacklist", hp_text_get(&reading->list));
}

static void read_persistenced(struct reading *reading, char *text)
{
	char command[1024];
	if (!hp_find_value(text, "ExecStart", '=', command, sizeof(command)))
		return;
	put(reading, reading->component, "persistence-mode",
	    strstr(command, "--no-persistence-mode") ? "off" : "on");
	put(reading, reading->component, "uvm-persistence-mode",
	    strstr(command, "--uvm-persistence-mode") ? "on" : "off");
}

/* A boolean's file says its current and its pending value: "1 1". */
static void read_selinux(struct reading *reading, char *text)
{
	put(reading, reading->component, "container_use_devices", *text == '1' ? "on" : "off");
}

static void read_mapping(struct reading *reading, char *text)
{
	put(reading, reading->component, "mapping", strstr(text, "path=") ? "true" : "false");
}

static void read_nova(struct reading *reading, char *text)
{
	char spec[1024];
	read_plain(reading, text);
	if (!hp_find_value(text, "device_spec", '=', spec, sizeof(spec)))
		return;
	json_t *root = json_loads(spec, 0, NULL);
	put_json(reading, "device_spec-managed", json_object_get(root, "managed"));
	json_decref(root);
}

/* For files whose being there is the setting. */
static void note_hook(struct reading *reading, char *text)
{
	(void)text;
	put(reading, reading->component, "hooks-dir", reading->file);
}

static void note_template(struct reading *reading, char *text)
{
	(void)text;
	put(reading, reading->component, "containerd-config-template", reading->file);
}

static void note_override(struct reading *reading, char *text)
{
	(void)text;
	put(reading, reading->component, "profile_override", reading->file);
}

/* Where components keep their settings. Files of one component follow one another, those that
 * override others last. A '*' in the last part of a path stands for all files that match, in order.
 */
static const struct {
	const char *component, *path;
	read_settings *read;
} files[] = {
    {"containerd", "/etc/containerd/config.toml", read_toml},
    {"containerd", "/etc/containerd/conf.d/*.toml", read_toml},
    {"crio", "/etc/crio/crio.conf", read_toml},
    {"crio", "/etc/crio/crio.conf.d/*.conf", read_toml},
    {"docker", "/var/snap/docker/current/config/daemon.json", read_docker},
    {"docker", "/etc/docker/daemon.json", read_docker},
    {"fabricmanager", "/usr/share/nvidia/nvswitch/fabricmanager.cfg", read_plain},
    {"fabricmanager", "/etc/nvidia-fabricmanager/fabricmanager.cfg", read_plain},
    {"k3s", "/var/lib/rancher/k3s/agent/etc/containerd/config.toml", read_toml},
    {"k3s", "/var/lib/rancher/k3s/agent/etc/containerd/config.toml.tmpl", note_template},
    {"k3s", "/var/lib/rancher/k3s/agent/etc/containerd/config-v3.toml.tmpl", note_template},
    {"kata", "/usr/share/kata-containers/defaults/configuration.toml", read_toml},
    {"kata", "/usr/share/defaults/kata-containers/configuration.toml", read_toml},
    {"kata", "/opt/kata/share/defaults/kata-containers/configuration.toml", read_toml},
    {"kata", "/etc/kata-containers/configuration.toml", read_toml},
    {"kata", "/etc/kata-containers/config.d/*.toml", read_toml},
    {"kubelet", "/var/lib/kubelet/config.yaml", read_kubelet},
    {"kubelet", "/etc/kubernetes/kubelet/kubelet-config.json", read_kubelet},
    {"libvirt", "/etc/libvirt/qemu.conf", read_toml},
    {"nvidia-container-runtime", "/etc/nvidia-container-runtime/config.toml", read_toml},
    {"nvidia-container-runtime",
     "/usr/local/nvidia/toolkit/.config/nvidia-container-runtime/config.toml", read_toml},
    {"nvidia-gridd", "/etc/nvidia/gridd.conf", read_plain},
    {"nvidia-persistenced", "/lib/systemd/system/nvidia-persistenced.service", read_persistenced},
    {"nvidia-persistenced", "/usr/lib/systemd/system/nvidia-persistenced.service",
     read_persistenced},
    {"nvidia-persistenced", "/etc/systemd/system/nvidia-persistenced.service", read_persistenced},
    {"nvidia-persistenced", "/etc/systemd/system/nvidia-persistenced.service.d/*.conf",
     read_persistenced},
    {"openstack-nova", "/etc/nova/nova.conf", read_nova},
    {"podman", "/usr/share/containers/containers.conf", read_toml},
    {"podman", "/etc/containers/containers.conf", read_toml},
    {"podman", "/etc/containers/containers.conf.d/*.conf", read_toml},
    {"podman", "/usr/share/containers/oci/hooks.d/oci-nvidia-hook.json", note_hook},
    {"podman", "/etc/containers/oci/hooks.d/oci-nvidia-hook.json", note_hook},
    {"proxmox-ve", "/etc/pve/mapping/pci.cfg", read_mapping},
    {"rke2", "/var/lib/rancher/rke2/agent/etc/containerd/config.toml", read_toml},
    {"runsc", "/etc/docker/daemon.json", NULL}, // what put_runsc finds there
    {"selinux", "/sys/fs/selinux/booleans/container_use_devices", read_selinux},
    {"unattended-upgrades", "/etc/apt/apt.conf.d/*", read_apt},
    {"vgpu-unlock", "/etc/vgpu_unlock/profile_override.toml", note_override},
};

static void read_one(struct reading *reading, const char *path, read_settings *read)
{
	hp_cleanup_text struct hp_text text = {0};
	enum hp_look look = hp_look_text(reading->host, reading->facts, path, FILE_LIMIT, &text);
	reading->partial = reading->partial || look == HP_LOOK_UNKNOWN;
	reading->looked = reading->looked || look != HP_LOOK_UNKNOWN;
	reading->file = path;
	hp_text_puts(&text, "");
	if (look == HP_LOOK_SEEN && read)
		read(reading, text.data);
}

static void read_matching(struct reading *reading, const char *pattern, read_settings *read)
{
	hp_cleanup_names struct hp_names names = {0};
	const char *slash = strrchr(pattern, '/');
	hp_cleanup_free char *directory = hp_strndup(pattern, (size_t)(slash - pattern));
	enum hp_look look = hp_look_list(reading->host, reading->facts, directory, &names);
	reading->partial = reading->partial || look == HP_LOOK_UNKNOWN;
	reading->looked = reading->looked || look != HP_LOOK_UNKNOWN;
	for (size_t i = 0; i < names.count; i++) {
		hp_cleanup_free char *path = hp_asprintf("%s/%s", directory, names.names[i]);
		if (fnmatch(slash + 1, names.names[i], FNM_PERIOD) == 0)
			read_one(reading, path, read);
	}
}

/* All files of the component that files[first] begins. Returns where the next one begins, or a
 * negative errno. */
static int read_component(struct hp_host *host, struct hp_facts *facts, size_t first,
                          struct hp_error *err)
{
	struct reading reading = {
	    .host = host, .facts = facts, .component = files[first].component, .err = err};
	size_t i = first;
	for (; i < HP_COUNT(files) && strcmp(files[i].component, files[first].component) == 0; i++)
		if (strchr(files[i].path, '*'))
			read_matching(&reading, files[i].path, files[i].read);
		else
			read_one(&reading, files[i].path, files[i].read);
	if (reading.result == 0 && reading.looked)
		reading.result = hp_facts_observed(facts, HP_TBL_SETTING, reading.component,
		                                   reading.partial ? "partial" : "complete", err);
	hp_text_free(&reading.list);
	return reading.result < 0 ? reading.result : (int)i;
}

// == what shows by being installed

static int put_first(struct hp_host *host, struct hp_facts *facts, const char *component,
                     const char *name, const char *const (*marks)[2], size_t count,
                     struct hp_error *err)
{
	struct reading reading = {.host = host, .facts = facts, .err = err};
	const char *value = NULL;
	for (size_t i = 0; i < count; i++) {
		if (hp_host_exists(host, marks[i][0]) <= 0)
			continue;
		// Two of them: which one is used does not show.
		if (value && strcmp(value, marks[i][1]) != 0)
			return 0;
		value = marks[i][1];
		reading.file = marks[i][0];
	}
	if (value)
		put(&reading, component, name, value);
	return reading.result;
}

static int put_marks(struct hp_host *host, struct hp_facts *facts, struct hp_error *err)
{
	static const char *const initramfs[][2] = {
	    {"/etc/booster.yaml", "booster"},
	    {"/usr/bin/booster", "booster"},
	    {"/usr/bin/mkinitcpio", "mkinitcpio"},
	    {"/usr/sbin/update-initramfs", "initramfs-tools"},
	    {"/usr/bin/dracut", "dracut"},
	};
	static const char *const docker[][2] = {
	    {"/usr/bin/dockerd", "engine"},
	    {"/snap/bin/docker", "snap"},
	    {"/opt/docker-desktop", "desktop"},
	};
	int r =
	    put_first(host, facts, "initramfs", "generator", initramfs, HP_COUNT(initramfs), err);
	return r < 0 ? r
	             : put_first(host, facts, "docker", "packaging", docker, HP_COUNT(docker), err);
}

/* Packages that no upgrade touches. */
static int put_held(struct hp_host *host, struct hp_facts *facts, struct hp_error *err)
{
	static const char path[] = "/var/lib/dpkg/status";
	hp_cleanup_text struct hp_text text = {0}, held = {0};
	struct reading reading = {.host = host, .facts = facts, .file = path, .err = err};
	if (hp_host_read_text(host, path, DATABASE_LIMIT, &text) < 0)
		return 0;
	hp_dpkg_held(hp_text_get(&text), &held);
	if (held.data)
		hp_utf8_repair(held.data);
	put(&reading, "apt", "held", hp_text_get(&held));
	if (reading.result < 0)
		return reading.result;
	return hp_facts_observed(facts, HP_TBL_SETTING, "apt", "complete", err);
}

int hp_probe_settings(struct hp_host *host, struct hp_facts *facts,
                      const struct hp_probe_options *options, struct hp_error *err)
{
	(void)options;
	int r = put_marks(host, facts, err);
	if (r >= 0)
		r = put_held(host, facts, err);
	for (size_t i = 0; r >= 0 && i < HP_COUNT(files); i = (size_t)r)
		r = read_component(host, facts, i, err);
	return r < 0 ? r : 0;
}
