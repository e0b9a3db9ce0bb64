// What lib/host shares inside: host, ops table, directories. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/change.h"
#include "host/host.h"

#include <limits.h>
#include <time.h>

#define HP_ADDRESS_SIZE 20 // "10000:e1:00.0" and a good deal more

struct hp_capture;
struct hp_memory;
struct hp_recorder;
struct hp_node;

struct hp_dir {
	struct hp_host *host;
	char *path;                    // as it was asked for, without a slash at its end
	char address[HP_ADDRESS_SIZE]; // of the PCI function that it is, "" if it is none
	int fd;                        // live and root
	int whole; // root: 1 it holds all of a function, 0 a few files, -1 not known yet
	const struct hp_node *node; // capture
};

/* One way to look at a machine. Paths are absolute where `dir` is NULL, else relative to it. All
 * return negative errnos as host.h tells; levels, logging and trimming are not theirs. */
struct hp_backend {
	int (*open_dir)(struct hp_host *host, const char *path, struct hp_dir *dir);
	void (*close_dir)(struct hp_dir *dir);
	/* Up to `size` bytes from the file's start; fewer mean that it ended. */
	ssize_t (*read)(struct hp_host *host, struct hp_dir *dir, const char *path, char *buffer,
	                size_t size);
	int (*read_all)(struct hp_host *host, const char *path, size_t limit, struct hp_text *ret);
	/* Not terminated; `size` bytes mean that it did not fit. */
	ssize_t (*link)(struct hp_host *host, struct hp_dir *dir, const char *path, char *buffer,
	                size_t size);
	int (*list)(struct hp_host *host, struct hp_dir *dir, const char *path,
	            struct hp_names *ret);
	int (*stat)(struct hp_host *host, const char *path, struct hp_stat *ret);
	/* As hp_host_exists; NULL: what stat says. */
	int (*exists)(struct hp_host *host, const char *path);
	int (*access)(struct hp_host *host, const char *path);
	bool (*covers)(struct hp_host *host, const char *path);
	ssize_t (*recall)(struct hp_host *host, const char *address, uint8_t *buffer, size_t size,
	                  int64_t *ret_age);
	ssize_t (*ask)(struct hp_host *host, const char *question, char *buffer, size_t size);
	int (*run)(struct hp_host *host, const char *const argv[], int deadline_ms, size_t limit,
	           struct hp_text *ret);
	/* change.c: a descriptor to change things through. NULL: this cannot be changed. */
	int (*open)(struct hp_host *host, const char *path, int flags);
	void (*close)(struct hp_host *host);
};

#define HP_POWERS 2 // attributes that tell whether a function sleeps

enum hp_answer {
	HP_ASK, // not known; 0, so that nothing is known of what was never asked
	HP_YES,
	HP_NO,
};

/* Whether a PCI function is awake, each of its attributes and it with all bridges above. */
struct hp_awake {
	char address[HP_ADDRESS_SIZE];
	char bridge[HP_ADDRESS_SIZE]; // the one above, if `above` says that there is one
	unsigned char parts[HP_POWERS], above, whole; // enum hp_answer
	time_t when;                                  // CLOCK_MONOTONIC
};

struct hp_host {
	const struct hp_backend *backend;
	enum hp_host_kind kind;
	int level;
	char *name;
	bool log;
	struct hp_names opened;
	size_t opened_size;
	const char *const *wake; // owned by the caller of hp_host_wake
	struct hp_memory *remembered;
	char *memory;                 // directory of what this boot remembers, NULL for none
	struct hp_awake *awake;       // places that addresses are hashed into
	int root_fd;                  // root
	bool no_openat2;              // root: the kernel lacks it, walk by hand
	struct hp_coverage *coverage; // root
	struct hp_capture *capture;
	struct hp_recorder *recorder;
	hp_change_told *told; // rehearsed if not NULL
	void *told_data;
	int lock; // inherited by children that change things, -1 for none
};

struct hp_host *hp_host_new(enum hp_host_kind kind, const struct hp_backend *backend,
                            const char *name, const struct hp_host_options *options);
void hp_host_log(struct hp_host *host, struct hp_dir *dir, const char *path);

/* files.c: what live and root share, told the descriptor of an open file. */
ssize_t hp_fd_read(int fd, char *buffer, size_t size, bool whole);
int hp_fd_read_all(int fd, size_t limit, struct hp_text *ret);
int hp_fd_list(int fd, struct hp_names *ret);
void hp_names_add(struct hp_names *names, size_t *size, char *name); // takes the name over
void hp_names_sort(struct hp_names *names);

/* policy.c: 0 if the level allows reading it now, else -ECANCELED. */
int hp_policy(struct hp_host *host, struct hp_dir *dir, const char *path);
/* What a caller read anyway need not be read again to know whether a function is awake. */
void hp_policy_note(struct hp_host *host, const struct hp_dir *dir, const char *name,
                    const char *value, ssize_t length);
void hp_policy_note_link(struct hp_host *host, const struct hp_dir *dir, const char *path,
                         const char *target);
bool hp_host_awake(struct hp_host *host, const char *address);

/* memory.c */
ssize_t hp_memory_recall(struct hp_host *host, const char *address, uint8_t *buffer, size_t size,
                         int64_t *ret_age);
void hp_memory_close(struct hp_host *host);

/* recorder.c: a program's command line as one word. */
char *hp_command_line(const char *const argv[]);

/* ask.c, run.c: the live machine's answers. */
ssize_t hp_ask_live(struct hp_host *host, const char *question, char *buffer, size_t size);
/* Questions about files, which any tree of them can answer; `root` goes before its paths. */
ssize_t hp_ask_files(struct hp_host *host, const char *root, const char *question, char *buffer,
                     size_t size);
int hp_ask_descriptors(const char *root, struct hp_text *ret);
int hp_ask_mappings(const char *root, struct hp_text *ret);
int hp_ask_processes(const char *root, struct hp_text *ret);
int hp_ask_images(struct hp_host *host, struct hp_text *ret);
int hp_ask_modinfo(struct hp_host *host, const char *root, const char *path, struct hp_text *ret);
int hp_run_live(struct hp_host *host, const char *const argv[], int deadline_ms, size_t limit,
                struct hp_text *ret);
/* Runs a program that changes things: it outlives us, with the host's lock, if we are killed. */
int hp_run_change(struct hp_host *host, const char *const argv[], int deadline_ms, size_t limit,
                  struct hp_text *ret);
/* In a child: keeps standard output, the host's lock if `lock` is one, and nothing else. */
void hp_child_keep(int output, int errors, int lock);
int64_t hp_now_ms(void); // of a clock that only goes forward

/* walk.c: a path without links, by asking for one link after another; `seen` (may be NULL) is told
 * each. */
typedef ssize_t hp_read_link(void *data, const char *path, char *buffer, size_t size);
typedef void hp_seen_link(void *data, const char *path, const char *target);
ssize_t hp_walk(const char *path, bool follow_last, hp_read_link *read_link, hp_seen_link *seen,
                void *data, char *buffer, size_t size);
/* Opens below `root` without ever leaving it, where the kernel has no openat2. */
int hp_walk_open(int root, const char *path, int flags);
