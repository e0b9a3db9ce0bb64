// Which processes hold devices and virtual machines, by their descriptors.
// SPDX-License-Identifier: Apache-2.0
//
// An answer of its own instead of reads through the door: what else processes have open, and how
// they were started, is nobody's business and must not get into a capture. Only devices that rules
// speak of leave this file, and of the arguments only whether -uuid is among them.
#include "host/backend.h"

#include "base/cleanup.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ARGUMENTS_LIMIT = 4 << 20 };

/* Devices worth naming the holders of. */
static const char *const devices[] = {"/dev/nvidia", "/dev/vfio/",      "/dev/dri/",
                                      "/dev/accel/", "/dev/kfd",        "/dev/iommu",
                                      "/dev/neuron", "/dev/habanalabs/"};

/* One process, as far as it was looked at. */
struct process {
	int fd; // its directory in /proc
	const char *pid;
	struct hp_text devices; // those it has open, a tab before each
	int machines;           // virtual machines of KVM
	int vfio_devices;
};

static bool is_device(const char *target)
{
	for (size_t i = 0; i < HP_COUNT(devices); i++)
		if (hp_starts_with(target, devices[i]))
			return true;
	return false;
}

/* A text without what separates the fields and lines of the answer. */
static void add_field(struct hp_text *ret, char *field)
{
	hp_utf8_repair(field);
	for (char *at = field; *at; at++)
		if (*at == '\t' || *at == '\n')
			*at = '?';
	hp_text_printf(ret, "\t%s", *field ? field : "?");
}

static void take_descriptor(struct process *process, char *target)
{
	process->machines += strcmp(target, "anon_inode:kvm-vm") == 0;
	process->vfio_devices += strcmp(target, "anon_inode:[vfio-device]") == 0;
	if (is_device(target))
		add_field(&process->devices, target);
}

/* Walks the descriptors: 0, or a negative errno. */
static int take_descriptors(struct process *process)
{
	hp_cleanup_names struct hp_names numbers = {0};
	hp_cleanup_fd int fd =
	    openat(process->fd, "fd", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r = fd < 0 ? -errno : hp_fd_list(fd, &numbers);
	for (size_t i = 0; r == 0 && i < numbers.count; i++) {
		char target[512];
		ssize_t length = readlinkat(fd, numbers.names[i], target, sizeof(target) - 1);
		if (length <= 0)
			continue;
		target[length] = '\0';
		take_descriptor(process, target);
	}
	return r;
}

/* The base name of the program, which may have been deleted since. */
static void add_program(char *path, struct hp_text *ret)
{
	char *deleted = strstr(path, " (deleted)");
	if (deleted)
		*deleted = '\0';
	char *slash = strrchr(path, '/');
	add_field(ret, slash ? slash + 1 : path);
}

static int read_file(struct process *process, const char *name, struct hp_text *ret)
{
	hp_cleanup_fd int fd =
	    openat(process->fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	return fd < 0 ? -errno : hp_fd_read_all(fd, ARGUMENTS_LIMIT, ret);
}

static void add_command(struct process *process, struct hp_text *ret)
{
	hp_cleanup_text struct hp_text command = {0};
	read_file(process, "comm", &command);
	hp_text_puts(&command, "");
	command.data[strcspn(command.data, "\n")] = '\0';
	add_field(ret, command.data);
}

/* Whether -uuid is an argument: 1, 0, or ? where they cannot be read. */
static char has_uuid(struct process *process)
{
	hp_cleanup_text struct hp_text arguments = {0};
	if (read_file(process, "cmdline", &arguments) < 0)
		return '?';
	for (size_t at = 0; at < arguments.length;) {
		size_t length = strnlen(arguments.data + at, arguments.length - at);
		if (length == strlen("-uuid") && memcmp(arguments.data + at, "-uuid", length) == 0)
			return '1';
		at += length + 1;
	}
	return '0';
}

/* Adds a process to the answer if it holds something. Returns whether it could not be looked into.
 */
static bool add_process(int proc, const char *pid, struct hp_text *ret)
{
	char program[512];
	hp_cleanup_fd int fd = openat(proc, pid, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct process process = {.fd = fd, .pid = pid};
	if (fd < 0)
		return false;
	// Threads of the kernel have no program, and there are many of them.
	ssize_t length = readlinkat(fd, "exe", program, sizeof(program) - 1);
	if (length <= 0)
		return errno == EACCES || errno == EPERM;
	program[length] = '\0';
	int r = take_descriptors(&process);
	if (r == 0 && (process.devices.length || process.machines)) {
		hp_text_puts(ret, pid);
		add_command(&process, ret);
		add_program(program, ret);
		hp_text_printf(ret, "\t%d\t%d\t%c%s\n", process.machines, process.vfio_devices,
		               process.machines ? has_uuid(&process) : '?',
		               hp_text_get(&process.devices));
	}
	hp_text_free(&process.devices);
	return r == -EACCES || r == -EPERM;
}

/* The path at the end of a line of /proc/PID/maps, if it is a device's. */
static char *mapped_device(char *line)
{
	char *path = strchr(line, '/');
	char *deleted = path ? strstr(path, " (deleted)") : NULL;
	if (deleted)
		*deleted = '\0';
	return path && is_device(path) ? path : NULL;
}

/* Adds the devices that a process maps, which it may after it closed them. */
static bool add_mappings(int proc, const char *pid, struct hp_text *ret)
{
	hp_cleanup_text struct hp_text maps = {0}, mapped = {0};
	hp_cleanup_fd int fd = openat(proc, pid, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct process process = {.fd = fd, .pid = pid};
	int r = fd < 0 ? fd : read_file(&process, "maps", &maps);
	char *at = maps.data, last[512] = "";
	for (char *line; at && (line = strsep(&at, "\n"));) {
		char *device = mapped_device(line);
		if (!device || strcmp(device, last) == 0)
			continue;
		snprintf(last, sizeof(last), "%s", device);
		add_field(&mapped, device);
	}
	if (mapped.length) {
		hp_text_puts(ret, pid);
		add_command(&process, ret);
		hp_text_printf(ret, "%s\n", hp_text_get(&mapped));
	}
	return r == -EACCES || r == -EPERM;
}

/* Adds the name of a process, unless it is a thread of the kernel, which has no program. */
static bool add_name(int proc, const char *pid, struct hp_text *ret)
{
	char program[2];
	hp_cleanup_text struct hp_text command = {0};
	hp_cleanup_fd int fd = openat(proc, pid, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct process process = {.fd = fd, .pid = pid};
	if (fd < 0 || (readlinkat(fd, "exe", program, sizeof(program)) < 0 && errno != EACCES))
		return false;
	add_command(&process, &command);
	hp_text_printf(ret, "%s\n", hp_text_get(&command) + 1);
	return false;
}

/* Has `add` called for each process; returns how many it says were denied, or a negative errno. */
static int walk(const char *root, bool (*add)(int proc, const char *pid, struct hp_text *ret),
                struct hp_text *ret)
{
	hp_cleanup_names struct hp_names names = {0};
	hp_cleanup_free char *path = hp_asprintf("%s/proc", root);
	hp_cleanup_fd int proc = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r = proc < 0 ? -errno : hp_fd_list(proc, &names), denied = 0, seen = 0;
	for (size_t i = 0; r == 0 && i < names.count; i++) {
		if (!isdigit((unsigned char)names.names[i][0]))
			continue;
		seen++;
		denied += add(proc, names.names[i], ret);
	}
	// A copied tree has no processes, whatever of /proc it holds.
	return r < 0 || !seen ? -ENODATA : denied;
}

int hp_ask_descriptors(const char *root, struct hp_text *ret)
{
	int denied = walk(root, add_process, ret);
	if (denied < 0)
		return denied;
	hp_text_printf(ret, "denied %d\n", denied);
	return 0;
}

int hp_ask_mappings(const char *root, struct hp_text *ret)
{
	int denied = walk(root, add_mappings, ret);
	if (denied < 0)
		return denied;
	hp_text_printf(ret, "denied %d\n", denied);
	return 0;
}

int hp_ask_processes(const char *root, struct hp_text *ret)
{
	int r = walk(root, add_name, ret);
	return r < 0 ? r : 0;
}
