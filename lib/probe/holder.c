// Who holds a device: processes with it open, consoles and drivers; and the VMMs that run.
// SPDX-License-Identifier: Apache-2.0
#include "probe/holder.h"
#include "probe/look.h"
#include "probe/probes.h"

#include "base/cleanup.h"
#include "base/database.h"

#include <errno.h>
#include <string.h>

enum { ANSWER_SIZE = 1 << 20 };

// Names of executables, or their beginnings.
static const struct {
	const char *program, *vmm;
} vmms[] = {
    {"qemu-system-", "qemu"},
    {"qemu-kvm", "qemu"},
    {"kvm", "qemu"}, // Proxmox
    {"cloud-hyperviso", "cloud-hypervisor"},
    {"firecracker", "firecracker"},
    {"crosvm", "crosvm"},
    {"lkvm", "lkvm"},
    {"openvmm", "openvmm"},
    {"rvvm", "rvvm"},
    {"krun", "libkrun"},
};

const char *hp_vmm_of(const char *program)
{
	for (size_t i = 0; i < HP_COUNT(vmms); i++)
		if (hp_starts_with(program, vmms[i].program))
			return vmms[i].vmm;
	return "custom";
}

struct scan {
	struct hp_host *host;
	struct hp_facts *facts;
	struct hp_error *err;
	int result;
	bool denied; // some process could not be looked into
};

/* One process. */
struct process {
	int64_t pid;
	char name[64]; // 'qemu-system-x86[1234]'
	const char *program;
	bool vmm;
	char uuid; // '1', '0' or '?'
	int64_t vfio_devices;
};

static void put_holder(struct scan *scan, const char *address, const char *holder, const char *kind,
                       const char *via)
{
	if (scan->result < 0)
		return;
	struct hp_row row = hp_row_begin(scan->facts, HP_TBL_HOLDER);
	hp_row_text(&row, HP_HOLDER_ADDRESS, address);
	hp_row_text(&row, HP_HOLDER_HOLDER, holder);
	hp_row_text(&row, HP_HOLDER_KIND, kind);
	hp_row_text(&row, HP_HOLDER_VIA, via);
	scan->result = hp_row_put(&row, scan->err);
}

/* Calls put_holder for each address that a query gives for `value`. */
static void put_for_each(struct scan *scan, const char *sql, const char *value, const char *holder,
                         const char *kind, const char *via)
{
	hp_cleanup_statement sqlite3_stmt *statement = NULL;
	if (hp_db_prepare(hp_facts_db(scan->facts), sql, &statement, NULL) < 0)
		return;
	sqlite3_bind_text(statement, 1, hp_facts_host(scan->facts), -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 2, value, -1, SQLITE_STATIC);
	while (hp_db_step(statement, NULL) == 1)
		put_holder(scan, hp_db_text(statement, 0), holder, kind, via);
}

/* The function behind a node of a class: /sys/class/drm/card0/device. */
static void put_for_class(struct scan *scan, const char *class, const char *name,
                          const char *holder, const char *kind, const char *via)
{
	char address[64];
	hp_cleanup_free char *path = hp_asprintf("/sys/class/%s/%s/device", class, name);
	if (hp_host_link_name(scan->host, path, address, sizeof(address)) > 0)
		put_holder(scan, address, holder, kind, via);
}

static const struct {
	const char *prefix;
	const char *sql;   // what addresses stand behind the rest of the path, or
	const char *class; // the class in sysfs that the rest is a name of
} nodes[] = {
    {.prefix = "/dev/nvidia",
     .sql = "SELECT address FROM nvidia_gpu WHERE host = ?1 AND minor = CAST(?2 AS INTEGER)"},
    {.prefix = "/dev/vfio/devices/", .class = "vfio-dev"},
    {.prefix = "/dev/vfio/",
     .sql = "SELECT address FROM pci_function WHERE host = ?1 AND iommu_group = ?2 "
            "AND header_type IS NOT 'bridge'"},
    {.prefix = "/dev/dri/", .class = "drm"},
    {.prefix = "/dev/accel/", .class = "accel"},
};

/* Notes what one descriptor of a process holds. */
static void take_target(struct scan *scan, const struct process *process, const char *target)
{
	const char *kind = process->vmm ? "vmm" : "process";
	for (size_t i = 0; i < HP_COUNT(nodes); i++) {
		if (!hp_starts_with(target, nodes[i].prefix))
			continue;
		const char *rest = target + strlen(nodes[i].prefix);
		uint64_t number;
		if (nodes[i].class)
			put_for_class(scan, nodes[i].class, rest, process->name, kind, target);
		else if (hp_parse_u64(rest, &number)) // not /dev/nvidiactl, /dev/vfio/vfio
			put_for_each(scan, nodes[i].sql, rest, process->name, kind, target);
		return;
	}
}

static void put_vmm(struct scan *scan, const struct process *process)
{
	struct hp_row row = hp_row_begin(scan->facts, HP_TBL_RUNNING_VMM);
	hp_row_number(&row, HP_RUNNING_VMM_PID, process->pid);
	hp_row_text(&row, HP_RUNNING_VMM_PROGRAM, process->program);
	hp_row_text(&row, HP_RUNNING_VMM_VMM, hp_vmm_of(process->program));
	if (process->uuid == '0' || process->uuid == '1')
		hp_row_number(&row, HP_RUNNING_VMM_HAS_UUID, process->uuid == '1');
	hp_row_number(&row, HP_RUNNING_VMM_VFIO_DEVICES, process->vfio_devices);
	int r = hp_row_put(&row, scan->err);
	if (r < 0)
		scan->result = r;
}

/* A line of the answer, taken apart in place: pid, command, program, virtual machines, VFIO
 * devices, -uuid; the devices are left in `rest`. Whether it is one. */
static bool take_process(char *line, struct process *ret, char **rest)
{
	const char *pid = strsep(&line, "\t"), *command = strsep(&line, "\t"),
		   *program = strsep(&line, "\t"), *machines = strsep(&line, "\t"),
		   *devices = strsep(&line, "\t"), *uuid = strsep(&line, "\t");
	int64_t count;
	if (!uuid || !hp_parse_s64(pid, &ret->pid) || !hp_parse_s64(machines, &count) ||
	    !hp_parse_s64(devices, &ret->vfio_devices))
		return false;
	ret->vmm = count > 0;
	ret->uuid = uuid[0];
	ret->program = program;
	snprintf(ret->name, sizeof(ret->name), "%s[%s]", command, pid);
	*rest = line;
	return true;
}

static void take_line(struct scan *scan, char *line)
{
	struct process process = {0};
	char *devices = NULL;
	int64_t denied;
	if (hp_starts_with(line, "denied ") && hp_parse_s64(line + strlen("denied "), &denied))
		scan->denied = denied > 0;
	else if (!take_process(line, &process, &devices))
		return;
	for (const char *device; (device = strsep(&devices, "\t"));)
		take_target(scan, &process, device);
	if (process.vmm)
		put_vmm(scan, &process);
}

/* Whether the host could tell what its processes hold. */
static bool scan_processes(struct scan *scan)
{
	hp_cleanup_free char *answer = hp_realloc(NULL, ANSWER_SIZE);
	ssize_t length = hp_host_ask(scan->host, "descriptors", answer, ANSWER_SIZE);
	if (length < 0 && length != -ENODATA)
		hp_probe_gap(scan->facts, "/proc/*/fd", (int)length);
	char *cursor = answer;
	for (char *line; length > 0 && (line = hp_next_line(&cursor));)
		take_line(scan, line);
	return length >= 0;
}

// == holders without a process

/* The console, where it draws on a framebuffer that lies in a function's BAR. */
static void put_console(struct scan *scan)
{
	static const char sql[] =
	    "SELECT DISTINCT address FROM framebuffer WHERE host = ?1 AND address <> 'none' "
	    "AND ?2 = ?2";
	hp_cleanup_names struct hp_names names = {0};
	hp_host_list(scan->host, "/sys/class/vtconsole", &names);
	for (size_t i = 0; i < names.count; i++) {
		char name[64] = "", bind[8] = "";
		hp_cleanup_free char *directory =
		    hp_asprintf("/sys/class/vtconsole/%s", names.names[i]);
		hp_host_readf(scan->host, name, sizeof(name), "%s/name", directory);
		hp_host_readf(scan->host, bind, sizeof(bind), "%s/bind", directory);
		if (strstr(name, "frame buffer") && strcmp(bind, "1") == 0)
			put_for_each(scan, sql, "", "fbcon", "framebuffer-console", directory);
	}
}

/* nvidia-drm with modesetting keeps its GPUs open for as long as it is loaded. */
static void put_nvidia_drm(struct scan *scan)
{
	static const char sql[] =
	    "SELECT address FROM pci_function WHERE host = ?1 AND driver = ?2";
	static const char path[] = "/sys/module/nvidia_drm/parameters/modeset";
	char modeset[8] = "";
	hp_host_read(scan->host, path, modeset, sizeof(modeset));
	if (hp_look_flag(modeset) == 1)
		put_for_each(scan, sql, "nvidia", "nvidia-drm", "drm", path);
}

/* All that could be asked was asked about the functions that are worth holding. */
static int put_observed(struct scan *scan)
{
	static const char sql[] = "SELECT address FROM pci_function WHERE host = ?1 AND "
				  "(substr(class, 1, 2) IN ('03', '12') OR driver = 'vfio-pci' "
				  "OR class IN ('068000', '0b4000'))";
	hp_cleanup_statement sqlite3_stmt *statement = NULL;
	int r = hp_db_prepare(hp_facts_db(scan->facts), sql, &statement, scan->err);
	if (r < 0)
		return r;
	sqlite3_bind_text(statement, 1, hp_facts_host(scan->facts), -1, SQLITE_STATIC);
	const char *state = scan->denied ? "partial" : "complete";
	while (r == 0 && hp_db_step(statement, NULL) == 1)
		r = hp_facts_observed(scan->facts, HP_TBL_HOLDER, hp_db_text(statement, 0), state,
		                      scan->err);
	return r < 0 ? r : hp_facts_observed(scan->facts, HP_TBL_RUNNING_VMM, "", state, scan->err);
}

/* Root can lack the capability to look into processes (a container), and then being root adds
 * nothing. */
static void put_denied(struct scan *scan)
{
	char uid[16] = "";
	bool root = hp_host_ask(scan->host, "uid", uid, sizeof(uid)) > 0 && strcmp(uid, "0") == 0;
	hp_facts_gap(scan->facts, root ? "privilege" : "permission", "/proc/*/fd",
	             root ? "some processes cannot be looked into without CAP_SYS_PTRACE"
	                  : "only root sees what other users' processes have open");
}

int hp_probe_holder(struct hp_host *host, struct hp_facts *facts,
                    const struct hp_probe_options *options, struct hp_error *err)
{
	(void)options;
	struct scan scan = {.host = host, .facts = facts, .err = err};
	if (!scan_processes(&scan))
		return 0;
	put_console(&scan);
	put_nvidia_drm(&scan);
	if (scan.result < 0)
		return scan.result;
	if (scan.denied)
		put_denied(&scan);
	return put_observed(&scan);
}
