// Who holds a device: processes with it open, consoles and drivers; and the VMMs that run.
// SPDX-License-Identifier: Apache-2.0
#include "probe/holder.h"
#include "probe/look.h"
#include "probe/probes.h"

#include "base/cleanup.h"
#include "base/database.h"

#include <errno.h>
#include <string.h>

enum { ARGUMENTS_LIMIT = 4 << 20 };

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

bool hp_has_argument(const char *arguments, size_t length, const char *argument)
{
	size_t wanted = strlen(argument);
	for (size_t at = 0; at < length;) {
		size_t size = strnlen(arguments + at, length - at);
		if (size == wanted && memcmp(arguments + at, argument, size) == 0)
			return true;
		at += size + 1;
	}
	return false;
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
	char program[256];
	bool vmm;
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
	hp_cleanup_text struct hp_text arguments = {0};
	hp_cleanup_free char *path = hp_asprintf("/proc/%lld/cmdline", (long long)process->pid);
	struct hp_row row = hp_row_begin(scan->facts, HP_TBL_RUNNING_VMM);
	hp_row_number(&row, HP_RUNNING_VMM_PID, process->pid);
	hp_row_text(&row, HP_RUNNING_VMM_PROGRAM, process->program);
	hp_row_text(&row, HP_RUNNING_VMM_VMM, hp_vmm_of(process->program));
	// Of the arguments nothing is kept but whether -uuid is among them: they hold names and
	// secrets.
	if (hp_host_read_text(scan->host, path, ARGUMENTS_LIMIT, &arguments) >= 0)
		hp_row_number(&row, HP_RUNNING_VMM_HAS_UUID,
		              hp_has_argument(hp_text_get(&arguments), arguments.length, "-uuid"));
	hp_row_number(&row, HP_RUNNING_VMM_VFIO_DEVICES, process->vfio_devices);
	int r = hp_row_put(&row, scan->err);
	if (r < 0)
		scan->result = r;
}

/* Where the descriptors of a process lead. */
static int read_targets(struct scan *scan, const char *directory, struct hp_names *ret)
{
	struct hp_dir *dir = NULL;
	hp_cleanup_names struct hp_names numbers = {0};
	int r = hp_dir_open(scan->host, directory, &dir);
	if (r < 0)
		return r;
	r = hp_dir_list(dir, &numbers);
	ret->names = hp_calloc(numbers.count, sizeof(*ret->names));
	for (size_t i = 0; r == 0 && i < numbers.count; i++) {
		char target[512];
		if (hp_dir_link(dir, numbers.names[i], target, sizeof(target)) > 0)
			ret->names[ret->count++] = hp_strdup(target);
	}
	hp_dir_close(dir);
	return r;
}

static void take_targets(struct scan *scan, struct process *process, const struct hp_names *targets)
{
	for (size_t i = 0; i < targets->count; i++) {
		process->vmm = process->vmm || strcmp(targets->names[i], "anon_inode:kvm-vm") == 0;
		process->vfio_devices += strcmp(targets->names[i], "anon_inode:[vfio-device]") == 0;
	}
	for (size_t i = 0; i < targets->count; i++)
		if (hp_starts_with(targets->names[i], "/dev/"))
			take_target(scan, process, targets->names[i]);
	if (process->vmm)
		put_vmm(scan, process);
}

static void scan_process(struct scan *scan, const char *pid)
{
	struct process process = {0};
	char command[32] = "?", path[512];
	hp_cleanup_names struct hp_names targets = {0};
	hp_cleanup_free char *directory = hp_asprintf("/proc/%s/fd", pid);
	hp_cleanup_free char *exe = hp_asprintf("/proc/%s/exe", pid);
	// Threads of the kernel have no program, and there are many of them.
	ssize_t length = hp_host_link(scan->host, exe, path, sizeof(path));
	if (length == -ENOENT || !hp_parse_s64(pid, &process.pid))
		return;
	int r = length < 0 ? (int)length : read_targets(scan, directory, &targets);
	if (r == -EACCES || r == -EPERM)
		scan->denied = true;
	if (r < 0)
		return;
	char *deleted = strstr(path, " (deleted)");
	if (deleted)
		*deleted = '\0';
	const char *slash = strrchr(path, '/');
	snprintf(process.program, sizeof(process.program), "%.255s", slash ? slash + 1 : path);
	hp_utf8_repair(process.program);
	hp_host_readf(scan->host, command, sizeof(command), "/proc/%s/comm", pid);
	hp_utf8_repair(command);
	snprintf(process.name, sizeof(process.name), "%s[%s]", command, pid);
	take_targets(scan, &process, &targets);
}

static void scan_processes(struct scan *scan)
{
	hp_cleanup_names struct hp_names names = {0};
	if (hp_host_list(scan->host, "/proc", &names) < 0)
		return;
	for (size_t i = 0; scan->result == 0 && i < names.count; i++)
		if (names.names[i][0] >= '1' && names.names[i][0] <= '9')
			scan_process(scan, names.names[i]);
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
	// A copied tree has no processes, whatever of /proc it holds.
	if (hp_host_exists(host, "/proc/1/comm") <= 0)
		return 0;
	scan_processes(&scan);
	put_console(&scan);
	put_nvidia_drm(&scan);
	if (scan.result < 0)
		return scan.result;
	if (scan.denied)
		put_denied(&scan);
	return put_observed(&scan);
}
