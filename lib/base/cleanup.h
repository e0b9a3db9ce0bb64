// Cleanup bound to scope, and small macros. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define HP_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define HP_UNUSED       __attribute__((unused))
#define HP_MUST_CHECK   __attribute__((warn_unused_result))

static inline void hp_cleanup_free_(void *pointer)
{
	free(*(void **)pointer);
}

static inline void hp_cleanup_fd_(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void hp_cleanup_file_(FILE **file)
{
	if (*file)
		fclose(*file);
}

static inline void hp_cleanup_dir_(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

#define hp_cleanup_free __attribute__((cleanup(hp_cleanup_free_)))
#define hp_cleanup_fd   __attribute__((cleanup(hp_cleanup_fd_)))
#define hp_cleanup_file __attribute__((cleanup(hp_cleanup_file_)))
#define hp_cleanup_dir  __attribute__((cleanup(hp_cleanup_dir_)))

/* Hands a pointer over: returns it and leaves NULL, so that its cleanup does nothing. */
#define hp_steal(pointer)                                                                          \
	({                                                                                         \
		__typeof__(pointer) stolen_ = (pointer);                                           \
		(pointer) = NULL;                                                                  \
		stolen_;                                                                           \
	})
