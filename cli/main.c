// happypath VERB: finds the verb in hp_commands[] and runs it. SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "base/heap.h"
#include "cli.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define HOSTS "root capture facts assume level wake prove-kvm"
#define GOAL  "to gpu isolation slices share support vmm boot-under guest-memory goal"

const struct hp_command hp_commands[] = {
    {.name = "check",
     .arguments = "",
     .run = hp_cmd_check,
     .options = HOSTS " require all output as-of no-color",
     .summary = "Judge each way of attaching each accelerator: on the happy path, ready, how far, "
                "and why"},
    {.name = "capture",
     .arguments = "",
     .run = hp_cmd_capture,
     .output_is_file = true,
     .options = "root level output no-redact redaction-key",
     .summary = "Record this host, or one below a directory, as one redacted text file"},
    {.name = "plan",
     .arguments = "",
     .run = hp_cmd_plan,
     .options = GOAL " " HOSTS " assert output all as-of no-color",
     .summary =
         "Find the way to a surface, or to what is needed: offers, their price, and the steps"},
    {.name = "emit",
     .arguments = "[FORMAT[:FORM]]",
     .run = hp_cmd_emit,
     .most = 1,
     .options = "to share gpu guest-memory cpus iommufd name image kernel initrd append " HOSTS
                " output as-of",
     .summary = "Write configuration that hands the devices over: for QEMU, libvirt, CDI, "
                "Kubernetes, …; without a format: list them"},
    {.name = "report",
     .arguments = "",
     .run = hp_cmd_report,
     .forms = "html|junit|json",
     .options = HOSTS " require all output as-of",
     .summary = "Write the verdict with its evidence as one HTML page, or as JUnit test cases"},
    {.name = "topology",
     .arguments = "",
     .run = hp_cmd_topology,
     .forms = "table|wide|json|yaml|csv|svg|dot",
     .options = HOSTS " output all as-of no-color",
     .summary = "Show the PCI tree with groups, ACS and links, each accelerator coloured by its "
                "best offer"},
    {.name = "surfaces",
     .arguments = "",
     .run = hp_cmd_surfaces,
     .options = "output as-of changes-since vendor surface share model",
     .summary = "Show the dated matrix: the vendors' stance on each way of attaching"},
    {.name = "apply",
     .arguments = "PLAN",
     .run = hp_cmd_apply,
     .least = 1,
     .most = 1,
     .options = "dry-run yes allow accept wait output",
     .summary = "Walk the steps of a plan file (- is standard input): all of them, or none"},
    {.name = "undo",
     .arguments = "[ID]",
     .run = hp_cmd_undo,
     .most = 1,
     .options = "dry-run allow wait output",
     .summary = "Undo the last transaction, or the one named"},
    {.name = "recover",
     .arguments = "",
     .run = hp_cmd_recover,
     .options = "boot accept wait output",
     .summary = "Put right what a crash or power loss left, and go on after a reboot"},
    {.name = "history",
     .arguments = "[ID]",
     .run = hp_cmd_history,
     .most = 1,
     .options = "output",
     .summary = "Show what was applied and undone"},
    {.name = "explain",
     .arguments = "ID",
     .run = hp_cmd_explain,
     .least = 1,
     .most = 1,
     .options = HOSTS " output as-of no-color",
     .summary = "Explain a rule, a fix, a surface or one share of it (qemu-vfio:whole), an "
                "accelerator (by "
                "address) or a finding (rule@subject)"},
    {.name = "facts",
     .arguments = "[TABLE…]",
     .run = hp_cmd_facts,
     .most = 99,
     .options = HOSTS " output all",
     .summary = "Show what was found; -o json is a file for --facts"},
    {.name = "diff",
     .arguments = "BEFORE [AFTER]",
     .run = hp_cmd_diff,
     .least = 1,
     .most = 2,
     .options = "level output all",
     .summary = "Show what differs between two hosts, or between a host then and this one now"},
    {.name = "run",
     .arguments = "",
     .run = hp_cmd_run,
     .options = "gpu surface share image kernel initrd append guest-memory cpus name apply yes "
                "allow dry-run",
     .summary = "Start the workload with the device here and now, and put the host back "
                "afterwards"},
    {.name = "bench",
     .arguments = "boot",
     .run = hp_cmd_bench,
     .least = 1,
     .most = 1,
     .options = "kernel rounds accel plot output",
     .summary = "Measure how long each installed VMM takes to a guest's init, side by side"},
    {.name = "rules",
     .arguments = "",
     .run = hp_cmd_rules,
     .options = "output",
     .summary = "List the rules"},
    {.name = "query",
     .arguments = "SQL",
     .run = hp_cmd_query,
     .least = 1,
     .most = 1,
     .options = HOSTS " output",
     .summary = "Select from the facts and the matrices"},
    {.name = NULL},
};

void hp_say(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	char *message = NULL;
	if (vasprintf(&message, format, args) >= 0) {
		hp_one_line(message); // it may quote a host or a stranger's file
		fprintf(stderr, "happypath: %s\n", message);
		free(message);
	}
	va_end(args);
}

int hp_give_up(const struct hp_error *error)
{
	hp_say("%s", error->message);
	return error->code == HP_MISUSE ? HP_EXIT_USAGE : HP_EXIT_FAILED;
}

const char *hp_today(void)
{
	static char today[sizeof("YYYY-MM-DD")];
	time_t now = time(NULL);
	struct tm tm;
	strftime(today, sizeof(today), "%Y-%m-%d", gmtime_r(&now, &tm));
	return today;
}

const char *hp_as_of(const struct hp_options *options)
{
	return options->as_of ? options->as_of : hp_today();
}

char *hp_cache_place(void)
{
	const char *given = getenv("HAPPYPATH_CACHE"), *cache = getenv("XDG_CACHE_HOME");
	const char *home = getenv("HOME");
	if (given)
		return hp_strdup(given);
	if (geteuid() == 0 || !(cache || home))
		return hp_strdup("/var/cache/happypath");
	return cache ? hp_asprintf("%s/happypath", cache)
	             : hp_asprintf("%s/.cache/happypath", home);
}

const struct hp_command *hp_command_find(const char *name)
{
	for (const struct hp_command *command = hp_commands; command->name; command++)
		if (strcmp(command->name, name) == 0)
			return command;
	return NULL;
}

static void help(FILE *to)
{
	fprintf(to, "happypath judges each accelerator of a host and each way of attaching it to a "
	            "workload.\n\n"
	            "usage: happypath [VERB] [OPTION…]\n\n");
	for (const struct hp_command *command = hp_commands; command->name; command++)
		fprintf(to, "  %-10s %s\n", command->name, command->summary);
	fprintf(to,
	        "\nWithout a verb: check. 'happypath VERB --help' tells the options of a verb,\n"
	        "'happypath --version' the version.\n");
}

/* How many single edits lie between two words: for "did you mean". */
static size_t edits(const char *a, const char *b)
{
	enum { LONGEST = 24 };
	size_t columns = strlen(b), row[LONGEST + 1];
	if (strlen(a) > LONGEST || columns > LONGEST)
		return LONGEST;
	for (size_t j = 0; j <= columns; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t corner = row[0]++;
		for (size_t j = 1; j <= columns; j++) {
			size_t change = corner + (a[i - 1] != b[j - 1]);
			corner = row[j];
			size_t grow = row[j] + 1, shrink = row[j - 1] + 1;
			row[j] = change < grow ? change : grow;
			row[j] = shrink < row[j] ? shrink : row[j];
		}
	}
	return row[columns];
}

static int unknown_verb(const char *name)
{
	const struct hp_command *nearest = hp_commands;
	for (const struct hp_command *command = hp_commands; command->name; command++)
		if (edits(name, command->name) < edits(name, nearest->name))
			nearest = command;
	bool near = edits(name, nearest->name) <= 3;
	hp_say("there is no verb '%s'%s%s%s; see happypath --help", name,
	       near ? " (did you mean '" : "", near ? nearest->name : "", near ? "'?)" : "");
	return HP_EXIT_USAGE;
}

static int help_about(const char *name)
{
	const struct hp_command *command = name ? hp_command_find(name) : NULL;
	if (name && !command)
		return unknown_verb(name);
	if (command)
		hp_command_help(command, stdout);
	else
		help(stdout);
	return HP_EXIT_OK;
}

static int run(const struct hp_command *command, int argc, char **argv)
{
	struct hp_error error = {0};
	struct hp_options options = {0};
	int code;
	if (hp_options_parse(command, argc, argv, &options, &error)) {
		hp_say("%s; see happypath %s --help", error.message, command->name);
		code = HP_EXIT_USAGE;
	} else if (options.help) {
		hp_command_help(command, stdout);
		code = HP_EXIT_OK;
	} else {
		code = command->run(command, &options);
	}
	hp_options_finish(&options);
	return code;
}

static int answer(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "check";
	if (strcmp(verb, "--version") == 0 || strcmp(verb, "-V") == 0) {
		printf("happypath %s\n", HP_VERSION);
		return HP_EXIT_OK;
	}
	if (strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0 || strcmp(verb, "help") == 0)
		return help_about(argc > 2 ? argv[2] : NULL);
	/* Options right away mean the default verb. */
	if (*verb == '-')
		return run(hp_commands, argc - 1, argv + 1);
	const struct hp_command *command = hp_command_find(verb);
	if (!command)
		return unknown_verb(verb);
	return run(command, argc - 2, argc > 1 ? argv + 2 : argv + argc);
}

/* An answer that nobody got is none. */
static int finish(int code)
{
	if (!fflush(stdout) && !ferror(stdout))
		return code;
	if (errno != EPIPE) // who closes a pipe has read enough
		hp_say("cannot write the output");
	return code ? code : HP_EXIT_FAILED;
}

/* A file of ours shall not take the place of one that we were not given: what is said would end in
 * it, a journal say. What stands there instead cannot be read or written either. */
static void fill_standard_files(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

int main(int argc, char **argv)
{
	fill_standard_files();
	signal(SIGCHLD, SIG_DFL); // whoever started us may not want to know of its children
	/* One thread, no locks, its own heap: a fifth of the time to judge. */
	hp_heap_for_sqlite();
	return finish(answer(argc, argv));
}
