// This machine, by plain absolute paths, without openat2. SPDX-License-Identifier: Apache-2.0
#include "host/backend.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

#define MEMORY_DIRECTORY "/run/happypath"

/* O_NONBLOCK: a FIFO in place of a file must not hang us, and /dev/kmsg shall end. */
static int open_file(struct hp_dir *dir, const char *path, int flags)
{
	int fd = openat(dir ? dir->fd : AT_FDCWD, path,
	                flags | O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	return fd < 0 ? -errno : fd;
}

static int open_dir(struct hp_host *host, const char *path, struct hp_dir *dir)
{
	(void)host;
	int fd = open_file(NULL, path, O_DIRECTORY);
	if (fd < 0)
		return fd;
	dir->fd = fd;
	return 0;
}

static void close_dir(struct hp_dir *dir)
{
	close(dir->fd);
}

static ssize_t read_file(struct hp_host *host, struct hp_dir *dir, const char *path, char *buffer,
                         size_t size)
{
	(void)host;
	hp_cleanup_fd int fd = open_file(dir, path, 0);
	if (fd < 0)
		return fd;
	bool sysfs = hp_starts_with(dir ? dir->path : path, "/sys/");
	return hp_fd_read(fd, buffer, size, !sysfs);
}

static int read_all(struct hp_host *host, const char *path, size_t limit, struct hp_text *ret)
{
	(void)host;
	hp_cleanup_fd int fd = open_file(NULL, path, 0);
	return fd < 0 ? fd : hp_fd_read_all(fd, limit, ret);
}

static ssize_t read_link(struct hp_host *host, struct hp_dir *dir, const char *path, char *buffer,
                         size_t size)
{
	(void)host;
	ssize_t length = readlinkat(dir ? dir->fd : AT_FDCWD, path, buffer, size);
	return length < 0 ? -errno : length;
}

static int list(struct hp_host *host, struct hp_dir *dir, const char *path, struct hp_names *ret)
{
	(void)host;
	hp_cleanup_fd int fd = open_file(dir, dir && !*path ? "." : path, O_DIRECTORY);
	return fd < 0 ? fd : hp_fd_list(fd, ret);
}

static int stat_file(struct hp_host *host, const char *path, struct hp_stat *ret)
{
	(void)host;
	struct stat st;
	if (stat(path, &st) < 0)
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

static int may_open(struct hp_host *host, const char *path)
{
	(void)host;
	if (faccessat(AT_FDCWD, path, R_OK | W_OK, AT_EACCESS) == 0)
		return 1;
	return errno == EACCES || errno == EPERM || errno == EROFS ? 0 : -errno;
}

static bool covers(struct hp_host *host, const char *path)
{
	(void)host, (void)path;
	return true;
}

static int open_change(struct hp_host *host, const char *path, int flags)
{
	(void)host;
	int fd = open(path, flags | O_CLOEXEC | O_NOCTTY);
	return fd < 0 ? -errno : fd;
}

static void close_host(struct hp_host *host)
{
	(void)host;
}

static const struct hp_backend live = {
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
    .ask = hp_ask_live,
    .run = hp_run_live,
    .open = open_change,
    .close = close_host,
};

int hp_host_open_live(const struct hp_host_options *options, struct hp_host **ret,
                      struct hp_error *err)
{
	struct utsname name;
	if (uname(&name) < 0)
		return hp_fail(err, -errno, "cannot tell this machine's name: %s", strerror(errno));
	struct hp_host_options all = *options;
	if (!all.memory)
		all.memory = MEMORY_DIRECTORY;
	*ret = hp_host_new(HP_HOST_LIVE, &live, name.nodename, &all);
	return 0;
}
