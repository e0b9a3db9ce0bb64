// happypath capture: record a host as one text file. SPDX-License-Identifier: Apache-2.0
#include "cli.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "base/write.h"
#include "facts/facts.h"
#include "host/capture.h"
#include "probe/kernel-log.h"
#include "probe/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct request {
	const char *output; // NULL: standard output
	const char *root;   // NULL: this machine
	const char *key_file;
	struct hp_host_options host;
	bool redact;
};

static int open_host(const struct request *request, struct hp_host **ret, struct hp_error *err)
{
	if (request->root)
		return hp_host_open_root(request->root, &request->host, ret, err);
	return hp_host_open_live(&request->host, ret, err);
}

/* Everything that the probes look at; their facts are thrown away. */
int hp_record(struct hp_host *host, const struct hp_capture_options *options, struct hp_text *ret,
              struct hp_error *err)
{
	struct hp_facts *facts;
	int r = hp_facts_new(&facts, err);
	if (r < 0)
		return r;
	hp_facts_set_host(facts, hp_host_name(host));
	hp_host_record(host);
	r = hp_probe_all(host, facts, NULL, err);
	hp_capture_extra(host);
	hp_facts_free(facts);
	return r < 0 ? r : hp_capture_write(host, options, ret, err);
}

/* The beginnings of a file: under a name that nobody knows beforehand, lest somebody has put a link
 * there. */
static int open_beside(char *name)
{
	mode_t mask = umask(0);
	umask(mask);
	int fd = mkostemp(name, O_CLOEXEC);
	if (fd >= 0 && fchmod(fd, 0644 & ~mask) == 0)
		return fd;
	int error = errno;
	if (fd >= 0) {
		unlink(name);
		close(fd);
	}
	return -error;
}

/* A file appears whole or not at all. */
static int replace_file(const char *file, const struct hp_text *text)
{
	hp_cleanup_free char *beside = hp_asprintf("%s.XXXXXX", file);
	hp_cleanup_fd int fd = open_beside(beside);
	if (fd < 0)
		return fd;
	int r = hp_write_whole(fd, text->data, text->length);
	if (r == 0 && fsync(fd) < 0 && errno != EINVAL)
		r = -errno;
	if (r == 0 && rename(beside, file) < 0)
		r = -errno;
	if (r < 0)
		unlink(beside);
	return r;
}

/* What is no file (a terminal, a pipe, /dev/stdout) is written to, and stays what it is. */
static int write_file(const char *file, const struct hp_text *text, struct hp_error *err)
{
	struct stat st;
	int r;
	if (stat(file, &st) == 0 && !S_ISREG(st.st_mode)) {
		hp_cleanup_fd int fd = open(file, O_WRONLY | O_NOCTTY | O_CLOEXEC);
		r = fd < 0 ? -errno : hp_write_whole(fd, text->data, text->length);
	} else {
		r = replace_file(file, text);
	}
	return r < 0 ? hp_fail(err, r, "cannot write %s: %s", file, strerror(-r)) : 0;
}

static int put_out(const struct request *request, const struct hp_text *text, struct hp_error *err)
{
	if (request->output)
		return write_file(request->output, text, err);
	int r = hp_write_whole(STDOUT_FILENO, text->data, text->length);
	return r < 0 ? hp_fail(err, r, "cannot write to standard output: %s", strerror(-r)) : 0;
}

static int capture(const struct request *request, struct hp_error *err)
{
	struct hp_host *host;
	int r = open_host(request, &host, err);
	if (r < 0)
		return r;
	const struct hp_capture_options options = {.redact = request->redact,
	                                           .key_file = request->key_file,
	                                           .log_line_matters = hp_kernel_line_matters,
	                                           .program = "happypath " HP_VERSION};
	hp_cleanup_text struct hp_text text = {0};
	r = hp_record(host, &options, &text, err);
	if (r == 0)
		r = put_out(request, &text, err);
	hp_host_close(host);
	return r;
}

int hp_cmd_capture(const struct hp_command *command HP_UNUSED, struct hp_options *options)
{
	struct hp_error error = {0};
	if (options->root.count > 1) {
		hp_say("capture records one host at a time");
		return HP_EXIT_USAGE;
	}
	const struct request request = {
	    .output = options->output && strcmp(options->output, "-") != 0 ? options->output : NULL,
	    .root = options->root.count ? options->root.items[0] : NULL,
	    .key_file = options->redaction_key,
	    .host = {.level = options->level_number},
	    .redact = !options->no_redact,
	};
	return capture(&request, &error) ? hp_give_up(&error) : HP_EXIT_OK;
}
