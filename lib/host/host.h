// The only door to the machine: live, any root, or a capture. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A host to be looked at. All paths are absolute and as on that host ("/sys/bus/pci/devices"), and
 * links are followed inside of it, never out of it. Reads never wake a device: what the level does
 * not allow (DESIGN: 0 what the kernel answers from memory, 1 config space of awake functions, 2
 * NVML) fails with -ECANCELED.
 *
 * What every call returns, besides success:
 *   -ENOENT, -ENOTDIR  absent: a fact       -EACCES, -EPERM  unreadable: a gap
 *   -ECANCELED         not at this level    -ENODATA         a capture or partial root does not say
 *   others             as the kernel says (-EIO, -EINVAL from attributes that do not apply,
 * -ENODEV) A partial root (no /proc, say) cannot tell absent from not recorded: hp_host_covers
 * tells. */
struct hp_host;
struct hp_dir;

enum hp_host_kind {
	HP_HOST_LIVE,
	HP_HOST_ROOT,
	HP_HOST_CAPTURE,
};

struct hp_host_options {
	int level;        // 0, 1 or 2
	bool count_opens; // keep a log of every path opened, for tests
	/* Where config space is remembered for the boot: /run/happypath of a live host if NULL.
	 * Other hosts remember only where this is given. */
	const char *memory;
	bool no_openat2; // roots: do as if the kernel had no openat2, for tests
};

int hp_host_open_live(const struct hp_host_options *options, struct hp_host **ret,
                      struct hp_error *err);
int hp_host_open_root(const char *directory, const struct hp_host_options *options,
                      struct hp_host **ret, struct hp_error *err);
int hp_host_open_capture(const char *file, const struct hp_host_options *options,
                         struct hp_host **ret, struct hp_error *err);
void hp_host_close(struct hp_host *host);

enum hp_host_kind hp_host_kind(const struct hp_host *host);
int hp_host_level(const struct hp_host *host);
/* What the host calls itself: its node name, the directory's or file's base name. Owned by host. */
const char *hp_host_name(const struct hp_host *host);
/* What was wrong in a capture's text, each with its line; those records are left out. Owned by
 * host. */
const struct hp_names *hp_host_complaints(const struct hp_host *host);
/* Whether absence below `path` means absent on the host: true for live hosts and for captures that
 * recorded it, and for a root that holds the top directory of `path` ("/proc"). Where false, absent
 * is unknown. */
bool hp_host_covers(const struct hp_host *host, const char *path);

/* Reads a whole small file into `buffer`, terminated, white space at its end cut. Returns its
 * length. A file that does not fit fails with -EFBIG. Binary files keep their NULs: use the length.
 */
ssize_t hp_host_read(struct hp_host *host, const char *path, char *buffer, size_t size);
ssize_t hp_host_readf(struct hp_host *host, char *buffer, size_t size, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Reads a file of any size up to `limit` bytes (more: -EFBIG) into a growing text. */
int hp_host_read_text(struct hp_host *host, const char *path, size_t limit, struct hp_text *ret);
int hp_host_read_u64(struct hp_host *host, const char *path, uint64_t *ret);
/* The first bytes of a file, as many as fit into `buffer` with a NUL behind them; nothing is cut.
 * For files whose rest is costly to make, as /proc/cpuinfo. Returns how many they are. */
ssize_t hp_host_read_head(struct hp_host *host, const char *path, char *buffer, size_t size);
/* Where a link points, as it is written (not resolved). Returns its length. */
ssize_t hp_host_link(struct hp_host *host, const char *path, char *buffer, size_t size);
/* The base name of where a link points: the driver of …/driver. Returns its length. */
ssize_t hp_host_link_name(struct hp_host *host, const char *path, char *buffer, size_t size);
/* Resolves a path inside the host to one without links: /sys/bus/pci/devices/B →
 * /sys/devices/pci…/B. */
ssize_t hp_host_resolve(struct hp_host *host, const char *path, char *buffer, size_t size);

struct hp_stat {
	mode_t mode;
	uid_t uid;
	gid_t gid;
	int64_t size;
	int64_t mtime;     // seconds
	uint32_t mtime_ns; // and what is over; 0 in captures
	uint64_t inode;
	unsigned links;                      // names that it has; 0: not known, as in captures
	unsigned device_major, device_minor; // of a device node
};

int hp_host_stat(struct hp_host *host, const char *path, struct hp_stat *ret);
/* 1 it exists, 0 it does not (and the host covers it), negative: cannot tell. */
int hp_host_exists(struct hp_host *host, const char *path);

/* Whether `text`, up to `length`, is the address of a PCI function: 0000:3b:00.0. */
bool hp_is_address(const char *text, size_t length);

/* Names in a directory, sorted in byte order, without "." and "..". Free with hp_names_free. */
struct hp_names {
	char **names;
	size_t count;
};

int hp_host_list(struct hp_host *host, const char *path, struct hp_names *ret);
void hp_names_free(struct hp_names *names);

#define hp_cleanup_names __attribute__((cleanup(hp_names_free)))

/* A directory held open, for many reads in it (one PCI device): no path walk for each. `name` has
 * no slash in it, but for "power/runtime_status" and the like, which may go down, never through
 * links. */
int hp_dir_open(struct hp_host *host, const char *path, struct hp_dir **ret);
void hp_dir_close(struct hp_dir *dir);
ssize_t hp_dir_read(struct hp_dir *dir, const char *name, char *buffer, size_t size);
ssize_t hp_dir_link(struct hp_dir *dir, const char *name, char *buffer, size_t size);
ssize_t hp_dir_link_name(struct hp_dir *dir, const char *name, char *buffer, size_t size);

int hp_dir_list(struct hp_dir *dir, struct hp_names *ret);

/* From now on the config space of these functions may be read though they sleep (--wake). The list
 * ends with NULL and must outlive the host. */
void hp_host_wake(struct hp_host *host, const char *const *addresses);

/* Config space of a PCI function. The host itself makes sure that it is awake (power_state D0,
 * runtime_status active, and likewise for all bridges above): else -ECANCELED, and what this boot
 * remembered is the caller's next resort (lib/host/memory.h). Level 1. Returns the bytes read. */
ssize_t hp_host_read_config(struct hp_host *host, const char *address, uint8_t *buffer,
                            size_t size);

/* The same of the function whose directory is open: no path walk. */
ssize_t hp_dir_read_config(struct hp_dir *dir, uint8_t *buffer, size_t size);

/* Runs a program of a live host without a shell, in a child with a deadline, with an empty
 * environment but PATH, and catches up to `limit` bytes of its output. Returns its exit status,
 * -ETIME if the deadline passed (the child is killed), -ENODATA if the host is not live. */
int hp_host_run(struct hp_host *host, const char *const argv[], int deadline_ms, size_t limit,
                struct hp_text *ret_output);
/* The same, but what the program printed is kept for the boot (root's /run/happypath) for as long
 * as the file `witness`, mostly the program itself, stays the same. */
int hp_host_run_remembered(struct hp_host *host, const char *witness, const char *const argv[],
                           int deadline_ms, size_t limit, struct hp_text *ret_output);

/* Answers about the machine that no file gives, so that a capture can hold them too. Questions:
 *   "machine" "release" "nodename"   as uname(2) says      "uid"   effective user
 *   "cpuid.hypervisor"   signature of the hypervisor below, "none" on bare metal (x86)
 *   "cpuid.address-bits" physical address bits (x86)
 *   "limit.memlock"      RLIMIT_MEMLOCK in bytes, "-1" if unlimited
 *   "modinfo FILE"       version=, license=, signer= and vermagic= of a module's file, one a line;
 *                        trees of files answer it too
 *   "descriptors"        processes with devices or virtual machines open, one a line: pid, command,
 *                        program, virtual machines, VFIO devices, whether -uuid is an argument (1,
 *                        0, ?) and the devices, separated by tabs; at last "denied N", the
 *                        processes that could not be looked into. Trees with processes in them
 *                        answer it too
 *   "mappings"           processes that map devices, one a line: pid, command and the devices,
 *                        separated by tabs; at last "denied N"; likewise
 *   "processes"          the commands of all processes, one a line; likewise
 *   "images"             images of a Kubernetes node's running containers that rules speak of, one
 * a line: name with tag, without registry, and the file that says so, separated by a tab; likewise
 *   "selinux FILE"       the type in the file's SELinux label
 *   "time"               when the host was looked at, seconds since 1970
 *
 * Returns the answer's length, -ENODATA where the host cannot tell. */
ssize_t hp_host_ask(struct hp_host *host, const char *question, char *buffer, size_t size);

/* Whether the user that happypath runs as may open a file for reading and writing: 1, 0, -ENOENT,
 * or -ENODATA where the host cannot tell. Opens nothing. */
int hp_host_access(struct hp_host *host, const char *path);

/* The paths opened so far, in order (count_opens); owned by host. */
const struct hp_names *hp_host_opened(const struct hp_host *host);
