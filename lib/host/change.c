// Changing the machine: attributes, files, programs. SPDX-License-Identifier: Apache-2.0
#include "host/change.h"
#include "host/backend.h"

#include "base/cleanup.h"
#include "base/write.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define MAX_FILE   (1u << 20)
#define MAX_OUTPUT 65536

void hp_host_rehearse(struct hp_host *host, hp_change_told *told, void *data)
{
	host->told = told;
	host->told_data = data;
}

bool hp_host_rehearsing(const struct hp_host *host)
{
	return host->told != NULL;
}

void hp_host_inherit(struct hp_host *host, int lock)
{
	host->lock = lock;
}

/* Whether a change was only told. */
static bool tell(struct hp_host *host, enum hp_change_what what, const char *path, const char *text)
{
	if (host->told)
		host->told(host->told_data, what, path, text);
	return host->told != NULL;
}

static int open_change(struct hp_host *host, const char *path, int flags)
{
	return host->backend->open ? host->backend->open(host, path, flags) : -EROFS;
}

/* In the child: one write(2), since each is one command to the kernel. 0 or a negative errno. */
static int write_once(struct hp_host *host, const char *path, const char *value)
{
	int fd = open_change(host, path, O_WRONLY | O_TRUNC);
	if (fd < 0)
		return fd;
	ssize_t length = (ssize_t)strlen(value), r = write(fd, value, (size_t)length);
	if (r < 0)
		return -errno;
	return r == length ? 0 : -EIO;
}

__attribute__((noreturn)) static void write_child(struct hp_host *host, const char *path,
                                                  const char *value, int answer)
{
	/* The root's descriptor goes with the others: the file is opened before. */
	int lock = host->lock;
	setpgid(0, 0); // the terminal's Ctrl-C is for the parent, which then finishes
	if (host->kind == HP_HOST_LIVE)
		hp_child_keep(answer, -1, lock);
	int r = write_once(host, path, value);
	int to = host->kind == HP_HOST_LIVE ? 1 : answer;
	_exit(write(to, &r, sizeof(r)) == sizeof(r) ? 0 : 1);
}

/* What the child says: 0 or a negative errno, -ETIME where it says nothing in time. */
static int wait_for(pid_t pid, int answer, int deadline_ms)
{
	int r = -EIO; // the child was killed: nobody knows what it wrote
	int64_t deadline = hp_now_ms() + deadline_ms;
	for (;;) {
		int64_t left = deadline - hp_now_ms();
		struct pollfd wait = {.fd = answer, .events = POLLIN};
		int ready = poll(&wait, 1, left > 0 ? (int)left : 0);
		if (ready == 0)
			return -ETIME;
		if (ready > 0)
			break;
	}
	if (read(answer, &r, sizeof(r)) != sizeof(r))
		r = -EIO;
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return r;
}

static int write_in_child(struct hp_host *host, const char *path, const char *value,
                          int deadline_ms, pid_t *ret_pid)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	hp_cleanup_fd int answer = ends[0];
	*ret_pid = fork();
	if (*ret_pid == 0)
		write_child(host, path, value, ends[1]);
	int error = errno;
	close(ends[1]);
	return *ret_pid < 0 ? -error : wait_for(*ret_pid, answer, deadline_ms);
}

int hp_host_write(struct hp_host *host, const char *path, const char *value, int deadline_ms,
                  struct hp_error *err)
{
	pid_t pid = 0;
	if (tell(host, HP_CHANGE_WRITE, path, value))
		return 0;
	int r = host->backend->open ? write_in_child(host, path, value, deadline_ms, &pid) : -EROFS;
	int shown = (int)strcspn(value, "\n");
	if (r == -ETIME)
		return hp_fail(err, r,
		               "the kernel holds the write of '%.*s' to %s, in process %d, for "
		               "more than %d ms: it may still happen",
		               shown, value, path, (int)pid, deadline_ms);
	return r < 0 ? hp_fail(err, r, "cannot write '%.*s' to %s: %s", shown, value, path,
	                       strerror(-r))
	             : 0;
}

void hp_file_free(struct hp_file *file)
{
	free(file->content);
	*file = (struct hp_file){0};
}

/* How many directories above `path` are absent. */
static unsigned missing_above(struct hp_host *host, const char *path)
{
	hp_cleanup_free char *above = hp_strdup(path);
	unsigned missing = 0;
	for (;;) {
		char *slash = strrchr(above, '/');
		if (!slash || slash == above)
			return missing;
		*slash = '\0';
		if (hp_host_exists(host, above) != 0)
			return missing;
		missing++;
	}
}

static int cannot_read(const char *path, int r, struct hp_error *err)
{
	return hp_fail(err, r, "cannot read %s: %s", path,
	               r == -ENODATA ? "not recorded" : strerror(-r));
}

/* Mode and owner; what was never recorded is as most files are. */
static int read_owner(struct hp_host *host, const char *path, struct hp_file *ret)
{
	struct hp_stat stat = {.mode = S_IFREG | 0644};
	int r = hp_host_stat(host, path, &stat);
	if (r < 0 && !(r == -ENODATA && host->kind == HP_HOST_CAPTURE))
		return r;
	if (!S_ISREG(stat.mode))
		return -EINVAL;
	ret->mode = stat.mode & 07777;
	ret->uid = stat.uid;
	ret->gid = stat.gid;
	return 0;
}

int hp_host_read_file(struct hp_host *host, const char *path, struct hp_file *ret,
                      struct hp_error *err)
{
	char target[PATH_MAX];
	hp_cleanup_text struct hp_text text = {0};
	if (hp_host_link(host, path, target, sizeof(target)) >= 0)
		return hp_fail(err, -ELOOP,
		               "%s is a link to %s: what is kept there is not happypath's to "
		               "replace",
		               path, target);
	struct hp_file file = {0};
	int r = hp_host_read_text(host, path, MAX_FILE, &text);
	if (r == -ENOENT || r == -ENOTDIR) {
		*ret = (struct hp_file){.missing = missing_above(host, path)};
		return 0;
	}
	if (r == 0)
		r = read_owner(host, path, &file);
	if (r < 0)
		return cannot_read(path, r, err);
	file.content = hp_strndup(hp_text_get(&text), text.length);
	file.length = text.length;
	*ret = file;
	return 0;
}

/* The directory of `path`, made if need be. A descriptor. */
static int open_above(struct hp_host *host, const char *path, bool make)
{
	const char *slash = strrchr(path, '/');
	hp_cleanup_free char *above = hp_strndup(path, (size_t)(slash - path));
	const char *name = *above ? above : "/";
	int fd = open_change(host, name, O_RDONLY | O_DIRECTORY);
	if (fd != -ENOENT || !make || !*above)
		return fd;
	hp_cleanup_fd int higher = open_above(host, above, true);
	if (higher < 0)
		return higher;
	if (mkdirat(higher, strrchr(above, '/') + 1, 0755) < 0 && errno != EEXIST)
		return -errno;
	if (fsync(higher) < 0)
		return -errno;
	return open_change(host, name, O_RDONLY | O_DIRECTORY);
}

/* What hangs on a file besides mode and owner (SELinux's label, ACLs) goes over to the one that
 * takes its place, as far as the kernel lets it: without its label a daemon could not read it. */
static void copy_labels(int directory, const char *name, int to)
{
	char names[4096], value[4096];
	hp_cleanup_fd int from =
	    openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	ssize_t length = from < 0 ? 0 : flistxattr(from, names, sizeof(names));
	for (const char *at = names; length > 0 && at < names + length; at += strlen(at) + 1) {
		bool of_content = hp_has_word("security.ima security.evm", at);
		ssize_t size = of_content ? -1 : fgetxattr(from, at, value, sizeof(value));
		if (size >= 0)
			fsetxattr(to, at, value, (size_t)size, 0);
	}
}

/* The new file under its name for the time being, safe on its disk. */
static int write_beside(int directory, const char *name, const char *beside,
                        const struct hp_file *file)
{
	hp_cleanup_fd int fd =
	    openat(directory, beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int r = hp_write_whole(fd, file->content, file->length);
	if (r == 0)
		copy_labels(directory, name, fd);
	if (r == 0 && fchown(fd, file->uid, file->gid) < 0)
		r = -errno;
	if (r == 0 && fchmod(fd, file->mode) < 0)
		r = -errno;
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	return r;
}

static int put(int directory, const char *name, const char *beside, const struct hp_file *file)
{
	int r = write_beside(directory, name, beside, file);
	if (r == 0 && renameat(directory, beside, directory, name) < 0)
		r = -errno;
	if (r < 0)
		unlinkat(directory, beside, 0);
	return r;
}

/* Directories that were made for the file go with it, where nobody else put anything there. */
static void remove_above(struct hp_host *host, const char *path, unsigned count)
{
	hp_cleanup_free char *above = hp_strdup(path);
	for (; count; count--) {
		*strrchr(above, '/') = '\0';
		hp_cleanup_fd int higher = open_above(host, above, false);
		if (higher == -ENOENT) // a crash made the uppermost alone
			continue;
		if (higher < 0 || (unlinkat(higher, strrchr(above, '/') + 1, AT_REMOVEDIR) < 0 &&
		                   errno != ENOENT))
			return;
		fsync(higher);
	}
}

static int take_away(int directory, const char *name)
{
	return unlinkat(directory, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

static int replace(struct hp_host *host, const char *path, const struct hp_file *file)
{
	const char *name = strrchr(path, '/') + 1;
	hp_cleanup_free char *beside = hp_asprintf(".%s.happypath", name);
	hp_cleanup_fd int directory = open_above(host, path, file->content != NULL);
	if (directory == -ENOENT && !file->content)
		remove_above(host, path, file->missing);
	if (directory < 0)
		return directory == -ENOENT && !file->content ? 0 : directory;
	take_away(directory, beside); // what a crash left
	int r = file->content ? put(directory, name, beside, file) : take_away(directory, name);
	if (r == 0 && fsync(directory) < 0)
		r = -errno;
	if (r == 0 && !file->content)
		remove_above(host, path, file->missing);
	return r;
}

void hp_host_tidy_file(struct hp_host *host, const char *path)
{
	hp_cleanup_free char *beside = hp_asprintf(".%s.happypath", strrchr(path, '/') + 1);
	hp_cleanup_fd int directory = host->told ? -1 : open_above(host, path, false);
	if (directory >= 0 && take_away(directory, beside) == 0)
		fsync(directory);
}

int hp_host_replace_file(struct hp_host *host, const char *path, const struct hp_file *file,
                         struct hp_error *err)
{
	if (*path != '/' || !path[1] || hp_ends_with(path, "/"))
		return hp_fail(err, -EINVAL, "'%s' is no absolute path of a file", path);
	if (tell(host, file->content ? HP_CHANGE_REPLACE : HP_CHANGE_REMOVE, path,
	         file->content ? file->content : ""))
		return 0;
	int r = replace(host, path, file);
	return r < 0 ? hp_fail(err, r, "cannot %s %s: %s", file->content ? "write" : "remove", path,
	                       strerror(-r))
	             : 0;
}

int hp_host_change_run(struct hp_host *host, const char *const argv[], int deadline_ms,
                       struct hp_text *ret_output)
{
	hp_cleanup_free char *line = hp_command_line(argv);
	if (tell(host, HP_CHANGE_RUN, argv[0], line))
		return 0;
	if (host->kind != HP_HOST_LIVE)
		return -ENODATA;
	return hp_run_change(host, argv, deadline_ms, MAX_OUTPUT, ret_output);
}
