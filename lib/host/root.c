// A machine's files below a directory; links stay inside. SPDX-License-Identifier: Apache-2.0
#include "host/backend.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Answers of covers() that were worked out already: few, and asked for often. */
struct hp_coverage {
	size_t count;
	struct {
		char path[64];
		bool covered;
	} rows[64];
};

static int openat2_file(int at, const char *path, int flags, uint64_t resolve)
{
	struct open_how how = {.flags = (unsigned)flags, .resolve = resolve};
	for (int tries = 0; tries < 16; tries++) {
		long fd = syscall(SYS_openat2, at, path, &how, sizeof(how));
		if (fd >= 0)
			return (int)fd;
		if (errno != EAGAIN) // a rename raced with "..": the kernel asks to try again
			break;
	}
	return -errno;
}

/* O_NONBLOCK: a FIFO in place of a file must not hang us. openat2 wants O_PATH without such
 * company. */
static int flags_for(int flags)
{
	return flags | O_CLOEXEC | (flags & O_PATH ? 0 : O_NONBLOCK | O_NOCTTY);
}

static int open_below(struct hp_host *host, const char *path, int flags)
{
	if (host->no_openat2)
		return hp_walk_open(host->root_fd, path, flags_for(flags));
	return openat2_file(host->root_fd, path, flags_for(flags),
	                    RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

static bool covers(struct hp_host *host, const char *path);

/* Absent in a part that the directory does not hold is not absent on the machine. */
static int absence(struct hp_host *host, const char *path, int r)
{
	return (r == -ENOENT || r == -ENOTDIR) && !covers(host, path) ? -ENODATA : r;
}

static int open_path(struct hp_host *host, const char *path, int flags)
{
	int fd = open_below(host, path, flags);
	return fd < 0 ? absence(host, path, fd) : fd;
}

/* One name leads nowhere but to what it names, as long as that is no link: the kernel need not
 * watch each step. */
static int open_entry(struct hp_host *host, struct hp_dir *dir, const char *name, int flags)
{
	if (!strchr(name, '/')) {
		int fd = openat(dir->fd, name, flags_for(flags | O_NOFOLLOW));
		return fd < 0 ? -errno : fd;
	}
	return host->no_openat2 ? -ELOOP
	                        : openat2_file(dir->fd, name, flags_for(flags),
	                                       RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

/* In a directory that is open, a name without links in it needs no walk from the root. */
static int open_in(struct hp_host *host, struct hp_dir *dir, const char *name, int flags)
{
	int fd = open_entry(host, dir, name, flags);
	if (fd != -ELOOP)
		return fd;
	char path[PATH_MAX];
	if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir->path, name) >= sizeof(path))
		return -ENAMETOOLONG;
	return open_below(host, path, flags);
}

static int open_dir(struct hp_host *host, const char *path, struct hp_dir *dir)
{
	int fd = open_path(host, path, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return fd;
	dir->fd = fd;
	dir->whole = -1;
	return 0;
}

static void close_dir(struct hp_dir *dir)
{
	close(dir->fd);
}

/* What is absent in a directory that is whole is absent. Asked once a directory, and only if need
 * be. */
static int absence_in(struct hp_dir *dir, int r)
{
	if ((r != -ENOENT && r != -ENOTDIR) || !*dir->address)
		return r;
	if (dir->whole < 0)
		dir->whole = faccessat(dir->fd, "vendor", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	return dir->whole ? r : -ENODATA;
}

static ssize_t read_file(struct hp_host *host, struct hp_dir *dir, const char *path, char *buffer,
                         size_t size)
{
	hp_cleanup_fd int fd = dir ? absence_in(dir, open_in(host, dir, path, O_RDONLY))
	                           : open_path(host, path, O_RDONLY);
	if (fd < 0)
		return fd;
	if (dir && dir->whole < 0 && (strcmp(path, "vendor") == 0 || strcmp(path, "modalias") == 0))
		dir->whole = 1;
	bool sysfs = hp_starts_with(dir ? dir->path : path, "/sys/");
	return hp_fd_read(fd, buffer, size, !sysfs);
}

static int read_all(struct hp_host *host, const char *path, size_t limit, struct hp_text *ret)
{
	hp_cleanup_fd int fd = open_path(host, path, O_RDONLY);
	return fd < 0 ? fd : hp_fd_read_all(fd, limit, ret);
}

static ssize_t read_link(struct hp_host *host, struct hp_dir *dir, const char *path, char *buffer,
                         size_t size)
{
	if (dir && !strchr(path, '/')) {
		ssize_t length = readlinkat(dir->fd, path, buffer, size);
		return length < 0 ? absence_in(dir, -errno) : length;
	}
	hp_cleanup_fd int fd = dir ? open_in(host, dir, path, O_PATH | O_NOFOLLOW)
	                           : open_path(host, path, O_PATH | O_NOFOLLOW);
	if (fd < 0)
		return fd;
	ssize_t length = readlinkat(fd, "", buffer, size);
	if (length >= 0)
		return length;
	return errno == ENOENT ? -EINVAL : -errno; // readlinkat's word for "this is no link"
}

static int list(struct hp_host *host, struct hp_dir *dir, const char *path, struct hp_names *ret)
{
	int flags = O_RDONLY | O_DIRECTORY;
	hp_cleanup_fd int fd =
	    dir ? open_in(host, dir, *path ? path : ".", flags) : open_path(host, path, flags);
	return fd < 0 ? fd : hp_fd_list(fd, ret);
}

static int stat_file(struct hp_host *host, const char *path, struct hp_stat *ret)
{
	hp_cleanup_fd int fd = open_path(host, path, O_PATH);
	if (fd < 0)
		return fd;
	struct stat st;
	if (fstatat(fd, "", &st, AT_EMPTY_PATH) < 0)
		return -errno;
	*ret = (struct hp_stat){
	    .mode = st.st_mode,
	    .uid = st.st_uid,
	    .gid = st.st_gid,
	    .size = st.st_size,
	    .mtime = st.st_mtime,
	    .mtime_ns = (uint32_t)st.st_mtim.tv_nsec,
	    .inode = st.st_ino,
	    .links = (unsigned)st.st_nlink,
	    .device_major = major(st.st_rdev),
	    .device_minor = minor(st.st_rdev),
	};
	return 0;
}

/* Who may open what is a matter of the machine and its user, not of a copy of its files. */
static int may_open(struct hp_host *host, const char *path)
{
	(void)host, (void)path;
	return -ENODATA;
}

static ssize_t ask(struct hp_host *host, const char *question, char *buffer, size_t size)
{
	char root[32];
	snprintf(root, sizeof(root), "/proc/self/fd/%d", host->root_fd);
	return hp_ask_files(host, root, question, buffer, size);
}

static int run(struct hp_host *host, const char *const argv[], int deadline_ms, size_t limit,
               struct hp_text *ret)
{
	(void)host, (void)argv, (void)deadline_ms, (void)limit, (void)ret;
	return -ENODATA;
}

/* The part of the machine that a path belongs to: its top directory, in /sys the two topmost below
 * it; but who copied one module's directory copied all. */
static size_t part_of(const char *path)
{
	size_t length = 1 + strcspn(path + 1, "/");
	bool sysfs = length == 4 && strncmp(path, "/sys", 4) == 0;
	if (!sysfs || !path[length])
		return length;
	length += 1 + strcspn(path + length + 1, "/");
	if (!path[length] || hp_starts_with(path, "/sys/module/"))
		return length;
	return length + 1 + strcspn(path + length + 1, "/");
}

/* An empty /proc or /dev is a mount point that nothing was mounted on. Parts of /sys can be empty.
 */
static bool holds(struct hp_host *host, const char *part)
{
	hp_cleanup_fd int fd = open_below(host, part, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return false;
	if (hp_starts_with(part, "/sys/"))
		return true;
	struct hp_names names = {0};
	bool any = hp_fd_list(fd, &names) == 0 && names.count;
	hp_names_free(&names);
	return any;
}

/* A copy can hold a function's directory with a few of its files. Every function has a vendor. */
static bool has_whole_function(struct hp_host *host, const char *path)
{
	static const char functions[] = "/sys/bus/pci/devices/";
	if (!hp_starts_with(path, functions))
		return true;
	size_t length = sizeof(functions) - 1;
	length += strcspn(path + length, "/");
	if (!path[length])
		return true;
	char vendor[PATH_MAX];
	if ((size_t)snprintf(vendor, sizeof(vendor), "%.*s/vendor", (int)length, path) >=
	    sizeof(vendor))
		return false;
	int fd = open_below(host, vendor, O_PATH);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool covers_part(struct hp_host *host, const char *path)
{
	char part[64];
	size_t length = part_of(path);
	if (length >= sizeof(part))
		return false;
	memcpy(part, path, length);
	part[length] = '\0';
	struct hp_coverage *known = host->coverage;
	for (size_t i = 0; i < known->count; i++)
		if (strcmp(known->rows[i].path, part) == 0)
			return known->rows[i].covered;
	bool covered = holds(host, part);
	if (known->count < HP_COUNT(known->rows)) {
		memcpy(known->rows[known->count].path, part, length + 1);
		known->rows[known->count++].covered = covered;
	}
	return covered;
}

static bool covers(struct hp_host *host, const char *path)
{
	return *path == '/' && covers_part(host, path) && has_whole_function(host, path);
}

static void close_host(struct hp_host *host)
{
	if (host->root_fd >= 0)
		close(host->root_fd);
	free(host->coverage);
}

static const struct hp_backend root = {
    .open_dir = open_dir,
    .close_dir = close_dir,
    .read = read_file,
    .read_all = read_all,
    .link = read_link,
    .list = list,
    .stat = stat_file,
    .access = may_open,
    .covers = covers,
    .recall = hp_memory_recall,
    .ask = ask,
    .run = run,
    .open = open_below,
    .close = close_host,
};

/* Missing before Linux 5.6; some container runtimes refuse what they do not know with EPERM. */
static bool has_openat2(int fd)
{
	int probe = openat2_file(fd, ".", O_PATH | O_CLOEXEC, RESOLVE_IN_ROOT);
	if (probe >= 0)
		close(probe);
	return probe >= 0;
}

static char *base_name(const char *directory)
{
	char *whole = realpath(directory, NULL);
	const char *slash = whole ? strrchr(whole, '/') : NULL;
	char *name = hp_strdup(slash && slash[1] ? slash + 1 : "root");
	free(whole);
	return name;
}

int hp_host_open_root(const char *directory, const struct hp_host_options *options,
                      struct hp_host **ret, struct hp_error *err)
{
	int fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return hp_fail(err, -errno, "cannot open the root directory %s: %s", directory,
		               strerror(errno));
	hp_cleanup_free char *name = base_name(directory);
	struct hp_host *host = hp_host_new(HP_HOST_ROOT, &root, name, options);
	host->root_fd = fd;
	host->no_openat2 = host->no_openat2 || !has_openat2(fd);
	host->coverage = hp_calloc(1, sizeof(*host->coverage));
	if (!covers(host, "/sys/bus/pci") && !covers(host, "/proc") && !covers(host, "/etc")) {
		hp_host_close(host);
		return hp_fail(
		    err, -EINVAL,
		    "%s is no root of a host: it holds none of /sys/bus/pci, /proc and /etc",
		    directory);
	}
	*ret = host;
	return 0;
}
