// Costly answers, kept while their file stays the same. SPDX-License-Identifier: Apache-2.0
#include "host/keep.h"

#include "base/cleanup.h"
#include "host/backend.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEPT_LIMIT = 8 << 20 };

/* The first line of what is kept: what it is about, and the identity of that file. NULL if it is
 * gone. A host that is being recorded answers anew: what is not asked is not recorded. */
static char *identity(struct hp_host *host, const char *witness, const char *what)
{
	struct hp_stat st;
	if (!host->memory || host->recorder || geteuid() != 0 ||
	    hp_host_stat(host, witness, &st) < 0)
		return NULL;
	return hp_asprintf("happypath.kept/1 %s %s %llu %lld %lld\n", witness, what,
	                   (unsigned long long)st.inode, (long long)st.mtime, (long long)st.size);
}

/* FNV-1a of both names: a file's name of any path, without its slashes. */
static char *path_of(struct hp_host *host, const char *witness, const char *what)
{
	uint64_t hash = 14695981039346656037u;
	const char *parts[] = {witness, " ", what};
	for (size_t i = 0; i < HP_COUNT(parts); i++)
		for (const char *at = parts[i]; *at; at++)
			hash = (hash ^ (unsigned char)*at) * 1099511628211u;
	return hp_asprintf("%s/kept-%016llx", host->memory, (unsigned long long)hash);
}

/* Only what root alone can have written is believed. */
static bool trustworthy(int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == 0 &&
	       (st.st_mode & 077) == 0;
}

bool hp_keep_find(struct hp_host *host, const char *witness, const char *what, struct hp_text *ret)
{
	hp_cleanup_free char *head = identity(host, witness, what);
	if (!head)
		return false;
	hp_cleanup_free char *path = path_of(host, witness, what);
	hp_cleanup_text struct hp_text text = {0};
	hp_cleanup_fd int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || !trustworthy(fd) || hp_fd_read_all(fd, KEPT_LIMIT, &text) < 0)
		return false;
	size_t length = strlen(head);
	if (text.length < length || memcmp(text.data, head, length) != 0)
		return false;
	hp_text_add(ret, text.data + length, text.length - length);
	return true;
}

/* What cannot be kept is no error: the next run asks again. */
void hp_keep_store(struct hp_host *host, const char *witness, const char *what,
                   const struct hp_text *text)
{
	hp_cleanup_free char *head = identity(host, witness, what);
	if (!head || (mkdir(host->memory, 0700) < 0 && errno != EEXIST))
		return;
	hp_cleanup_free char *path = path_of(host, witness, what);
	hp_cleanup_free char *temporary = hp_asprintf("%s.%d.tmp", path, (int)getpid());
	hp_cleanup_file FILE *file = NULL;
	int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || !(file = fdopen(fd, "w")))
		return;
	fputs(head, file);
	fwrite(hp_text_get(text), 1, text->length, file);
	if (fflush(file) != 0 || ferror(file) || rename(temporary, path) < 0)
		unlink(temporary);
}

int hp_host_run_remembered(struct hp_host *host, const char *witness, const char *const argv[],
                           int deadline_ms, size_t limit, struct hp_text *ret_output)
{
	hp_cleanup_text struct hp_text what = {0}, output = {0};
	for (size_t i = 0; argv[i]; i++)
		hp_text_printf(&what, "%s%s", i ? " " : "", argv[i]);
	if (hp_keep_find(host, witness, hp_text_get(&what), ret_output))
		return 0;
	int r = hp_host_run(host, argv, deadline_ms, limit, &output);
	if (r == 0)
		hp_keep_store(host, witness, hp_text_get(&what), &output);
	hp_text_add(ret_output, hp_text_get(&output), output.length);
	return r;
}
