// A directory to build a machine's tree in, for tests. SPDX-License-Identifier: Apache-2.0
#include "tree.h"

#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void give_up(const char *what)
{
	perror(what);
	abort();
}

void tree_make(struct tree *tree)
{
	/* In memory, where fsync costs nothing. */
	bool shm = access("/dev/shm", W_OK) == 0;
	snprintf(tree->path, sizeof(tree->path), "%s/happypath-tree-XXXXXX",
	         shm ? "/dev/shm" : "/tmp");
	if (!mkdtemp(tree->path))
		give_up("mkdtemp");
}

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
	(void)stat, (void)type, (void)ftw;
	return remove(path);
}

void tree_remove(struct tree *tree)
{
	nftw(tree->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void place(const struct tree *tree, const char *path, char *whole, size_t size)
{
	snprintf(whole, size, "%s%s", tree->path, path);
	for (char *slash = strchr(whole + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(whole, 0755);
		*slash = '/';
	}
}

void tree_put_bytes(const struct tree *tree, const char *path, const void *bytes, size_t size)
{
	char whole[512];
	place(tree, path, whole, sizeof(whole));
	FILE *file = fopen(whole, "w");
	if (!file || fwrite(bytes, 1, size, file) != size || fclose(file))
		give_up(whole);
}

void tree_put(const struct tree *tree, const char *path, const char *content)
{
	tree_put_bytes(tree, path, content, strlen(content));
}

void tree_put_link(const struct tree *tree, const char *path, const char *target)
{
	char whole[512];
	place(tree, path, whole, sizeof(whole));
	if (symlink(target, whole))
		give_up(whole);
}
