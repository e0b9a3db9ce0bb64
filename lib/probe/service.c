// Services that matter: running, and started at boot; without asking systemd.
// SPDX-License-Identifier: Apache-2.0
#include "probe/look.h"
#include "probe/processes.h"
#include "probe/probes.h"
#include "probe/service.h"

#include "base/cleanup.h"

#include <errno.h>
#include <string.h>

/* `command` is the process's name as the kernel keeps it (15 characters), for hosts without systemd
 * and for services that run in a driver container; NULL where several programs could be meant. */
static const struct service {
	const char *name, *command;
} services[] = {
    {"amdgpu-exporter", NULL},
    {"apt-daily-upgrade", NULL},
    {"containerd", "containerd"},
    {"crio", "crio"},
    {"dcgm", "nv-hostengine"},
    {"dcgm-exporter", "dcgm-exporter"},
    {"display-manager", NULL},
    {"dnf-automatic", NULL},
    {"docker", "dockerd"},
    {"driverctl", NULL},
    {"gdm", "gdm3"},
    {"irqbalance", "irqbalance"},
    {"k3s", "k3s-server"},
    {"k3s-agent", "k3s-agent"},
    {"kubelet", "kubelet"},
    {"libvirtd", "libvirtd"},
    {"lightdm", "lightdm"},
    {"mdevctl", NULL},
    {"nvidia-cdi-refresh", NULL},
    {"nvidia-dcgm", "nv-hostengine"},
    {"nvidia-fabricmanager", "nv-fabricmanage"},
    {"nvidia-gridd", "nvidia-gridd"},
    {"nvidia-imex", "nvidia-imex"},
    {"nvidia-mig-manager", NULL},
    {"nvidia-persistenced", "nvidia-persiste"},
    {"nvidia-powerd", "nvidia-powerd"},
    {"nvidia-vgpu-mgr", "nvidia-vgpu-mgr"},
    {"nvidia-vgpud", "nvidia-vgpud"},
    {"pve-cluster", "pmxcfs"},
    {"rke2-agent", NULL},
    {"rke2-server", NULL},
    {"sddm", "sddm"},
    {"slurmd", "slurmd"},
    {"unattended-upgrades", "unattended-upgr"},
    {"virtqemud", "virtqemud"},
    {"vgpu-assigner", NULL},
};

// The administrator's come first: the first file found is the unit.
static const char *const unit_directories[] = {
    "/etc/systemd/system",     "/run/systemd/system", "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system", "/lib/systemd/system", "/run/current-system/sw/lib/systemd/system",
};

bool hp_unit_installs(const char *text)
{
	return strstr(text, "\n[Install]") || hp_starts_with(text, "[Install]");
}

/* Where the unit's file is: a new string, NULL without one. `ret_seen` becomes false if a place
 * could not be looked at. */
static char *unit_file(struct hp_host *host, const char *service, bool *ret_seen)
{
	char target[256];
	for (size_t i = 0; i < HP_COUNT(unit_directories); i++) {
		char *path = hp_asprintf("%s/%s.service", unit_directories[i], service);
		// Also a link to /dev/null, which no stat through it would tell from the device.
		if (hp_host_link(host, path, target, sizeof(target)) > 0)
			return path;
		int exists = hp_host_exists(host, path);
		if (exists > 0)
			return path;
		*ret_seen = *ret_seen && exists == 0;
		free(path);
	}
	return NULL;
}

/* Names below *.wants and *.requires of the administrator's directory: what starts at boot. */
static void list_wanted(struct hp_host *host, struct hp_text *ret)
{
	static const char *const directories[] = {"/etc/systemd/system",
	                                          "/run/systemd/generator.late"};
	for (size_t i = 0; i < HP_COUNT(directories); i++) {
		hp_cleanup_names struct hp_names names = {0};
		hp_host_list(host, directories[i], &names);
		for (size_t k = 0; k < names.count; k++) {
			hp_cleanup_names struct hp_names links = {0};
			hp_cleanup_free char *path =
			    hp_asprintf("%s/%s", directories[i], names.names[k]);
			if (!hp_ends_with(path, ".wants") && !hp_ends_with(path, ".requires"))
				continue;
			hp_host_list(host, path, &links);
			for (size_t n = 0; n < links.count; n++)
				hp_text_printf(ret, "%s ", links.names[n]);
		}
	}
}

static const char *enabled_state(struct hp_host *host, struct hp_facts *facts, const char *service,
                                 const char *file, const char *wanted)
{
	char target[256];
	hp_cleanup_text struct hp_text text = {0};
	if (hp_host_link(host, file, target, sizeof(target)) > 0) {
		if (strcmp(target, "/dev/null") == 0)
			return "masked";
		// An alias, as display-manager is one: it is there because it was enabled.
		if (hp_starts_with(file, "/etc/systemd/system/") && !strstr(target, service))
			return "enabled";
	}
	hp_cleanup_free char *unit = hp_asprintf("%s.service", service);
	if (hp_has_word(wanted, unit))
		return "enabled";
	if (hp_look_text(host, facts, file, 65536, &text) != HP_LOOK_SEEN)
		return NULL;
	return hp_unit_installs(hp_text_get(&text)) ? "disabled" : "static";
}

/* Whether systemd says that the unit is active: it keeps a link with its invocation for just as
 * long. The cgroup alone would miss those that ran once and remain. 1, 0, or -1 where systemd is
 * not at work. */
static int is_active(struct hp_host *host, const char *service)
{
	char target[256];
	hp_cleanup_free char *link =
	    hp_asprintf("/run/systemd/units/invocation:%s.service", service);
	if (hp_host_link(host, link, target, sizeof(target)) > 0)
		return 1;
	return hp_host_exists(host, "/run/systemd/units") > 0 ? 0 : -1;
}

/* The name that systemd keeps the unit under: an alias, as display-manager is one, is a link to it.
 */
static char *unit_name(struct hp_host *host, const char *file, const char *service)
{
	static const char suffix[] = ".service";
	char target[256];
	if (!file || hp_host_link_name(host, file, target, sizeof(target)) <= 0 ||
	    !hp_ends_with(target, suffix))
		return hp_strdup(service);
	return hp_strndup(target, strlen(target) - strlen(suffix));
}

static const char *running_state(struct hp_host *host, const struct service *service,
                                 const struct hp_processes *processes, const char *file,
                                 bool all_seen)
{
	hp_cleanup_free char *unit = unit_name(host, file, service->name);
	int active = is_active(host, unit);
	bool process = service->command && hp_processes_named(processes, service->command);
	if (active == 1 || process)
		return "active";
	if (active < 0 && (!processes->complete || !service->command))
		return NULL;
	return file ? "inactive" : all_seen ? "absent" : NULL;
}

static int put_service(struct hp_host *host, struct hp_facts *facts, const struct service *service,
                       const char *wanted, const struct hp_processes *processes,
                       struct hp_error *err)
{
	bool all_seen = true;
	hp_cleanup_free char *file = unit_file(host, service->name, &all_seen);
	const char *state = running_state(host, service, processes, file, all_seen);
	if (!state && !file && !all_seen)
		return 0;
	struct hp_row row = hp_row_begin(facts, HP_TBL_SERVICE);
	hp_row_text(&row, HP_SERVICE_SERVICE, service->name);
	hp_row_text(&row, HP_SERVICE_STATE, state);
	if (file)
		hp_row_text(&row, HP_SERVICE_ENABLED,
		            enabled_state(host, facts, service->name, file, wanted));
	else if (all_seen)
		hp_row_text(&row, HP_SERVICE_ENABLED, "absent");
	int r = hp_row_put(&row, err);
	if (r < 0 || !state)
		return r;
	return hp_facts_observed(facts, HP_TBL_SERVICE, service->name, "complete", err);
}

int hp_probe_service(struct hp_host *host, struct hp_facts *facts,
                     const struct hp_probe_options *options, struct hp_error *err)
{
	(void)options;
	hp_cleanup_text struct hp_text wanted = {0};
	hp_cleanup_processes struct hp_processes processes = {0};
	list_wanted(host, &wanted);
	// Only where systemd does not tell: a large host has thousands of processes.
	if (hp_host_exists(host, "/run/systemd/units") <= 0 ||
	    hp_host_exists(host, "/run/nvidia/driver") > 0)
		hp_processes_read(host, &processes);
	int r = 0;
	for (size_t i = 0; r == 0 && i < HP_COUNT(services); i++)
		r = put_service(host, facts, &services[i], hp_text_get(&wanted), &processes, err);
	return r;
}
