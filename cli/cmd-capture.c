// happypath capture: record a host as one text file. SPDX-License-Identifier: Apache-2.0
#include "commands.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "facts/facts.h"
#include "host/capture.h"
#include "probe/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct request {
	const char *output; // NULL: standard output
	const char *root;   // NULL: this machine
	const char *key_file;
	struct hp_host_options host;
	bool redact;
};

static void print_usage(FILE *to)
{
	fputs("happypath capture [-o FILE] [--root DIR] [--level 0|1|2] [--no-redact]\n"
	      "Records this host, or one whose files are below DIR, as one text file that `check --capture`\n"
	      "judges as the host itself. Serials, UUIDs, addresses, host names and unlisted arguments become\n"
	      "placeholders, the same for the same secret; --no-redact leaves them as they are.\n",
	      to);
}

static bool parse_level(const char *text, int *ret)
{
	if (strlen(text) != 1 || *text < '0' || *text > '2')
		return false;
	*ret = *text - '0';
	return true;
}

/* HP_EXIT_OK to go on, else the exit code; *ret_done where nothing is left to do. */
static int parse(int argc, char **argv, struct request *ret, bool *ret_done)
{
	enum { ROOT = 256, LEVEL, NO_REDACT, KEY_FILE, HELP };
	static const struct option options[] = {
		{"output", required_argument, NULL, 'o'},
		{"root", required_argument, NULL, ROOT},
		{"level", required_argument, NULL, LEVEL},
		{"no-redact", no_argument, NULL, NO_REDACT},
		{"redaction-key", required_argument, NULL, KEY_FILE},
		{"help", no_argument, NULL, HELP},
		{0},
	};
	int option;
	while ((option = getopt_long(argc, argv, "o:", options, NULL)) != -1) {
		if (option == 'o')
			ret->output = strcmp(optarg, "-") == 0 ? NULL : optarg;
		else if (option == ROOT)
			ret->root = optarg;
		else if (option == NO_REDACT)
			ret->redact = false;
		else if (option == KEY_FILE)
			ret->key_file = optarg;
		else if (option == HELP)
			*ret_done = true;
		else if (option != LEVEL || !parse_level(optarg, &ret->host.level))
			return HP_EXIT_USAGE;
	}
	return optind == argc ? HP_EXIT_OK : HP_EXIT_USAGE;
}

static int open_host(const struct request *request, struct hp_host **ret, struct hp_error *err)
{
	if (request->root)
		return hp_host_open_root(request->root, &request->host, ret, err);
	return hp_host_open_live(&request->host, ret, err);
}

/* Everything that the probes look at; their facts are thrown away. */
static int record(struct hp_host *host, struct hp_error *err)
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
	return r;
}

static int write_whole(int fd, const struct hp_text *text)
{
	for (size_t at = 0; at < text->length;) {
		ssize_t r = write(fd, text->data + at, text->length - at);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		at += (size_t)r;
	}
	return 0;
}

/* A file appears whole or not at all. */
static int write_file(const char *file, const struct hp_text *text, struct hp_error *err)
{
	hp_cleanup_free char *temporary = hp_asprintf("%s.tmp", file);
	hp_cleanup_fd int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	int r = fd < 0 ? -errno : write_whole(fd, text);
	if (r == 0 && fsync(fd) < 0 && errno != EINVAL)
		r = -errno;
	if (r == 0 && rename(temporary, file) < 0)
		r = -errno;
	if (r < 0 && fd >= 0)
		unlink(temporary);
	return r < 0 ? hp_fail(err, r, "cannot write %s: %s", file, strerror(-r)) : 0;
}

static int put_out(const struct request *request, const struct hp_text *text, struct hp_error *err)
{
	if (request->output)
		return write_file(request->output, text, err);
	int r = write_whole(STDOUT_FILENO, text);
	return r < 0 ? hp_fail(err, r, "cannot write to standard output: %s", strerror(-r)) : 0;
}

static int capture(const struct request *request, struct hp_error *err)
{
	struct hp_host *host;
	int r = open_host(request, &host, err);
	if (r < 0)
		return r;
	const struct hp_capture_options options = {
		.redact = request->redact, .key_file = request->key_file, .program = "happypath " HP_VERSION};
	hp_cleanup_text struct hp_text text = {0};
	r = record(host, err);
	if (r == 0)
		r = hp_capture_write(host, &options, &text, err);
	if (r == 0)
		r = put_out(request, &text, err);
	hp_host_close(host);
	return r;
}

int hp_cmd_capture(int argc, char **argv)
{
	struct request request = {.host = {.level = 1}, .redact = true};
	struct hp_error err = {0};
	bool done = false;
	int code = parse(argc, argv, &request, &done);
	if (code || done) {
		print_usage(code ? stderr : stdout);
		return code;
	}
	if (capture(&request, &err) == 0)
		return HP_EXIT_OK;
	fprintf(stderr, "happypath capture: %s\n", err.message);
	return HP_EXIT_FAILED;
}
