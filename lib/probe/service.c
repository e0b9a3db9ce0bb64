// Services that matter: running, and started at boot; without asking systemd.
// SPDX-License-Identifier: Apache-2.0
#include "probe/look.h"
#include "probe/processes.h"
#include "probe/probes.h"

#include "base/cleanup.h"
#include "host/unit.h"

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

struct scan {
	struct hp_host *host;
	struct hp_facts *facts;
	struct hp_error *err;
	unsigned places;    // of units
	bool systemd;       // tells what is active
	const char *wanted; // units that start at boot
	struct hp_processes processes;
};

static const char *running_state(struct scan *scan, const struct service *service, const char *file,
                                 bool all_seen)
{
	const struct hp_processes *processes = &scan->processes;
	hp_cleanup_free char *unit = hp_asprintf("%s.service", service->name);
	hp_cleanup_free char *kept = hp_unit_name(scan->host, file, unit);
	int active = scan->systemd ? hp_unit_active(scan->host, kept) : -1;
	bool process = service->command && hp_processes_named(processes, service->command);
	if (active == 1 || process)
		return "active";
	if (active < 0 && (!processes->complete || !service->command))
		return NULL;
	return file ? "inactive" : all_seen ? "absent" : NULL;
}

/* Whether the unit starts at boot; NULL, and a gap, if its file cannot be read. */
static const char *enabled_state(struct scan *scan, const char *unit, const char *file)
{
	int code = 0;
	const char *state = hp_unit_enabled(scan->host, unit, file, scan->wanted, &code);
	if (!state)
		hp_look_result(scan->host, scan->facts, file, code);
	return state;
}

static int put_service(struct scan *scan, const struct service *service)
{
	bool all_seen = true;
	hp_cleanup_free char *unit = hp_asprintf("%s.service", service->name);
	hp_cleanup_free char *file = hp_unit_file(scan->host, scan->places, unit, &all_seen);
	const char *state = running_state(scan, service, file, all_seen);
	if (!state && !file && !all_seen)
		return 0;
	struct hp_row row = hp_row_begin(scan->facts, HP_TBL_SERVICE);
	hp_row_text(&row, HP_SERVICE_SERVICE, service->name);
	hp_row_text(&row, HP_SERVICE_STATE, state);
	if (file)
		hp_row_text(&row, HP_SERVICE_ENABLED, enabled_state(scan, unit, file));
	else if (all_seen)
		hp_row_text(&row, HP_SERVICE_ENABLED, "absent");
	int r = hp_row_put(&row, scan->err);
	if (r < 0 || !state)
		return r;
	return hp_facts_observed(scan->facts, HP_TBL_SERVICE, service->name, "complete", scan->err);
}

int hp_probe_service(struct hp_host *host, struct hp_facts *facts,
                     const struct hp_probe_options *options HP_UNUSED, struct hp_error *err)
{
	hp_cleanup_text struct hp_text wanted = {0};
	struct scan scan = {.host = host, .facts = facts, .err = err};
	hp_units_wanted(host, &wanted);
	scan.wanted = hp_text_get(&wanted);
	scan.places = hp_unit_places(host);
	int units = hp_host_exists(host, "/run/systemd/units");
	bool copy = hp_host_kind(host) == HP_HOST_ROOT;
	scan.systemd = units != 0 && !(copy && units == -ENODATA);
	// Only where systemd does not tell: a large host has thousands of processes.
	if (units <= 0 || hp_host_exists(host, "/run/nvidia/driver") > 0)
		hp_processes_read(host, &scan.processes);
	int r = 0;
	for (size_t i = 0; r == 0 && i < HP_COUNT(services); i++)
		r = put_service(&scan, &services[i]);
	hp_processes_free(&scan.processes);
	return r;
}
