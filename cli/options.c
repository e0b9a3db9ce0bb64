// Options are rows: parsing, help, completions and man pages come from them.
// SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "cli.h"
#include "facts/assume.h"
#include "facts/value.h"

#include <errno.h>
#include <string.h>

#define AT(field) offsetof(struct hp_options, field)

const struct hp_option hp_option_rows[] = {
    {.name = "help", .letter = 'h', .help = "show this help", .offset = AT(help)},
    {.name = "root",
     .argument = "DIR",
     .kind = HP_OPTION_LIST,
     .offset = AT(root),
     .help = "look at the host whose files lie below DIR, instead of this one"},
    {.name = "capture",
     .argument = "FILE",
     .kind = HP_OPTION_LIST,
     .offset = AT(capture),
     .help = "look at a recorded host"},
    {.name = "facts",
     .argument = "FILE",
     .kind = HP_OPTION_LIST,
     .offset = AT(facts),
     .help = "judge a host by a file of facts"},
    {.name = "assume",
     .argument = "KEY=VALUE",
     .kind = HP_OPTION_LIST,
     .offset = AT(assume),
     .help = "assume a fact: gpu=10de:2330x8, vmm=NAME@V, driver=V, …; see below"},
    {.name = "require",
     .argument = "SURFACE[:SHARE][,path=on|caution]",
     .kind = HP_OPTION_TEXT,
     .offset = AT(require),
     .help = "exit 3 unless an accelerator can deliver it, 4 if that is not known"},
    {.name = "level",
     .argument = "0|1|2",
     .kind = HP_OPTION_TEXT,
     .offset = AT(level),
     .help = "how far to look: 0 what the kernel has in memory, 1 config space of awake devices, 2 "
             "NVML"},
    {.name = "wake",
     .argument = "BDF",
     .kind = HP_OPTION_LIST,
     .offset = AT(wake),
     .help = "read the config space of this device even if that wakes it"},
    {.name = "prove-kvm",
     .help = "run a tiny guest to prove hardware virtualization",
     .offset = AT(prove_kvm)},
    {.name = "all",
     .letter = 'a',
     .help =
         "everything: all surfaces and shares, passing findings; with --require: each accelerator",
     .offset = AT(all)},
    {.name = "output",
     .letter = 'o',
     .argument = "table|wide|json|yaml|csv",
     .kind = HP_OPTION_TEXT,
     .offset = AT(output),
     .help = "form of the output"},
    {.name = "no-redact",
     .help = "leave serials, UUIDs, addresses and host names as they are",
     .offset = AT(no_redact)},
    {.name = "redaction-key",
     .argument = "FILE",
     .kind = HP_OPTION_TEXT,
     .offset = AT(redaction_key),
     .help = "the key that placeholders are made with"},
    {.name = "as-of",
     .argument = "DATE",
     .kind = HP_OPTION_TEXT,
     .offset = AT(as_of),
     .help = "take the vendors' stance of that day (YYYY-MM-DD)"},
    {.name = "changes-since",
     .argument = "DATE",
     .kind = HP_OPTION_TEXT,
     .offset = AT(changes_since),
     .help = "what widened or narrowed since that day"},
    {.name = "vendor",
     .argument = "VENDOR",
     .kind = HP_OPTION_TEXT,
     .offset = AT(vendor),
     .help = "only this vendor of accelerators, by id or name: 10de, nvidia, …"},
    {.name = "surface",
     .argument = "SURFACE",
     .kind = HP_OPTION_TEXT,
     .offset = AT(surface),
     .help = "only this way of attaching; of run: qemu-vfio (where nobody says), qemu-vgpu, "
             "cloud-hypervisor or container"},
    {.name = "share",
     .argument = "SHARE",
     .kind = HP_OPTION_TEXT,
     .offset = AT(share),
     .help = "only this share; of a plan: the share that is wanted, and its profile: mig:1g.10gb"},
    {.name = "to",
     .argument = "SURFACE[:SHARE]",
     .kind = HP_OPTION_TEXT,
     .offset = AT(to),
     .help = "the way of attaching that is wanted: qemu-vfio, container:mig, …"},
    {.name = "gpu",
     .argument = "BDF",
     .kind = HP_OPTION_LIST,
     .offset = AT(gpu),
     .help = "only these accelerators, by address or index; all that are named"},
    {.name = "isolation",
     .argument = "kernel|vm|confidential",
     .kind = HP_OPTION_TEXT,
     .offset = AT(isolation),
     .help = "what shall stand between tenants, at least"},
    {.name = "slices",
     .argument = "N",
     .kind = HP_OPTION_TEXT,
     .offset = AT(slices),
     .help = "at least so many slices a GPU"},
    {.name = "boot-under",
     .argument = "TIME",
     .kind = HP_OPTION_TEXT,
     .offset = AT(boot_under),
     .help = "the time to a running guest: 500ms, 5s, 2m"},
    {.name = "support",
     .argument = "vendor|any",
     .kind = HP_OPTION_TEXT,
     .offset = AT(support),
     .help = "vendor: only what the device's vendor stands behind"},
    {.name = "vmm",
     .argument = "NAME",
     .kind = HP_OPTION_TEXT,
     .offset = AT(vmm),
     .help = "the program that shall run the guests: qemu, firecracker, …"},
    {.name = "guest-memory",
     .argument = "SIZE",
     .kind = HP_OPTION_TEXT,
     .offset = AT(guest_memory),
     .help = "the guest's memory, 16 GiB where nobody says"},
    {.name = "goal",
     .argument = "FILE",
     .kind = HP_OPTION_LIST,
     .offset = AT(goal),
     .help = "a goal as YAML; without any wish: all of /etc/happypath/goals.d"},
    {.name = "assert",
     .help = "only tell whether the host is there: 0 it is, 3 it is not, 4 nobody can tell",
     .offset = AT(assert_goal)},
    {.name = "name",
     .argument = "NAME",
     .kind = HP_OPTION_TEXT,
     .offset = AT(name),
     .help = "what the guest, container or pod is called"},
    {.name = "image",
     .argument = "IMAGE",
     .kind = HP_OPTION_TEXT,
     .offset = AT(image),
     .help = "the guest's disk, or the container's image"},
    {.name = "kernel",
     .argument = "FILE",
     .kind = HP_OPTION_TEXT,
     .offset = AT(kernel),
     .help = "the guest's kernel, booted without firmware"},
    {.name = "initrd",
     .argument = "FILE",
     .kind = HP_OPTION_TEXT,
     .offset = AT(initrd),
     .help = "the initramfs for --kernel"},
    {.name = "append",
     .argument = "TEXT",
     .kind = HP_OPTION_TEXT,
     .offset = AT(append),
     .help = "the command line for --kernel"},
    {.name = "cpus",
     .argument = "N",
     .kind = HP_OPTION_TEXT,
     .offset = AT(cpus),
     .help = "the guest's processors, 4 where nobody says"},
    {.name = "iommufd",
     .argument = "on|off",
     .kind = HP_OPTION_TEXT,
     .offset = AT(iommufd),
     .help = "VFIO by iommufd, or by groups; else by what the host has"},
    {.name = "apply",
     .help = "walk the steps that are wanting first, and undo them afterwards",
     .offset = AT(apply)},
    {.name = "rounds",
     .argument = "N",
     .kind = HP_OPTION_TEXT,
     .offset = AT(rounds),
     .help = "how often each is measured, 5 where nobody says"},
    {.name = "accel",
     .argument = "kvm|tcg",
     .kind = HP_OPTION_TEXT,
     .offset = AT(accel),
     .help = "on KVM, or under QEMU's emulation; else by whether a guest boots on KVM"},
    {.name = "plot",
     .argument = "FILE",
     .kind = HP_OPTION_TEXT,
     .offset = AT(plot),
     .help = "also draw it: a bar chart as SVG"},
    {.name = "model",
     .argument = "MODEL",
     .kind = HP_OPTION_TEXT,
     .offset = AT(model),
     .help = "only this model: H100, B200, MI300X, …"},
    {.name = "knowledge",
     .argument = "FILE",
     .kind = HP_OPTION_TEXT,
     .offset = AT(knowledge),
     .help = "use this compiled knowledge"},
    {.name = "dry-run",
     .letter = 'n',
     .help = "show exactly what would be written, and change nothing",
     .offset = AT(dry_run)},
    {.name = "yes",
     .letter = 'y',
     .help = "consent to what disrupts the devices that the plan is about",
     .offset = AT(yes)},
    {.name = "allow",
     .argument = "SUBJECT",
     .kind = HP_OPTION_LIST,
     .offset = AT(allow),
     .help = "consent by name: a neighbour in an IOMMU group, what somebody else keeps"},
    {.name = "accept",
     .help = "accept steps that cannot be undone; of recover: leave what cannot be put back",
     .offset = AT(accept)},
    {.name = "wait",
     .argument = "SECONDS",
     .kind = HP_OPTION_TEXT,
     .offset = AT(wait),
     .help = "wait for another happypath that is changing this host"},
    {.name = "boot",
     .help = "also bring about again what does not last; for the service that runs at boot",
     .offset = AT(boot)},
    {.name = "no-color", .help = "no colours", .offset = AT(no_color)},
    {.name = NULL},
};

struct parser {
	const struct hp_command *command;
	char **words; // what is left
	struct hp_options *options;
	struct hp_error *err;
};

static bool takes(const struct hp_command *command, const struct hp_option *option)
{
	return strcmp(option->name, "help") == 0 || strcmp(option->name, "knowledge") == 0 ||
	       hp_has_word(command->options, option->name);
}

static const struct hp_option *find_option(const struct hp_command *command, const char *name,
                                           size_t length, char letter)
{
	for (const struct hp_option *option = hp_option_rows; option->name; option++) {
		bool same = letter ? option->letter == letter
		                   : strlen(option->name) == length &&
		                         strncmp(option->name, name, length) == 0;
		if (same && takes(command, option))
			return option;
	}
	return NULL;
}

static void add_word(struct hp_words *words, const char *word)
{
	words->items = hp_realloc(words->items, (words->count + 1) * sizeof(*words->items));
	words->items[words->count++] = word;
}

/* A list takes further words, where nothing else could want them. */
static void add_words(struct parser *parser, const struct hp_option *option, const char *value,
                      bool joined)
{
	struct hp_words *words = (struct hp_words *)((char *)parser->options + option->offset);
	add_word(words, value);
	bool several = !joined && !parser->command->most && strcmp(option->argument, "FILE") == 0;
	while (several && *parser->words && **parser->words != '-')
		add_word(words, *parser->words++);
}

static int take_option(struct parser *parser, const struct hp_option *option, const char *value)
{
	void *field = (char *)parser->options + option->offset;
	bool joined = value != NULL;
	if (option->kind == HP_OPTION_FLAG) {
		*(bool *)field = true;
		return joined
		           ? hp_fail(parser->err, -EINVAL, "--%s takes no argument", option->name)
		           : 0;
	}
	if (!joined && !*parser->words)
		return hp_fail(parser->err, -EINVAL, "--%s wants %s", option->name,
		               option->argument);
	if (!joined)
		value = *parser->words++;
	if (option->kind == HP_OPTION_TEXT)
		*(const char **)field = value;
	else
		add_words(parser, option, value, joined);
	return 0;
}

static int take_long(struct parser *parser, const char *word)
{
	size_t length = strcspn(word, "=");
	const struct hp_option *option = find_option(parser->command, word, length, 0);
	if (!option)
		return hp_fail(parser->err, -EINVAL, "%s has no option --%.*s",
		               parser->command->name, (int)length, word);
	return take_option(parser, option, word[length] ? word + length + 1 : NULL);
}

static int take_short(struct parser *parser, const char *word)
{
	const struct hp_option *option = find_option(parser->command, NULL, 0, *word);
	if (!option)
		return hp_fail(parser->err, -EINVAL, "%s has no option -%c", parser->command->name,
		               *word);
	return take_option(parser, option, word[1] ? word + 1 : NULL);
}

static int take_words(struct parser *parser)
{
	int code = 0;
	while (!code && *parser->words) {
		const char *word = *parser->words++;
		if (strcmp(word, "--") == 0)
			break;
		if (hp_starts_with(word, "--"))
			code = take_long(parser, word + 2);
		else if (*word == '-' && word[1])
			code = take_short(parser, word + 1);
		else
			add_word(&parser->options->arguments, word);
	}
	while (!code && *parser->words)
		add_word(&parser->options->arguments, *parser->words++);
	return code;
}

static unsigned days_of(unsigned year, unsigned month)
{
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return month == 2 ? 28u + leap : 30u + (month + month / 8) % 2;
}

static bool is_date(const char *text)
{
	static const char shape[] = "dddd-dd-dd";
	for (size_t i = 0; i < sizeof(shape); i++)
		if (shape[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != shape[i])
			return false;
	unsigned year = (unsigned)atoi(text), month = (unsigned)atoi(text + 5),
		 day = (unsigned)atoi(text + 8);
	return month >= 1 && month <= 12 && day >= 1 && day <= days_of(year, month);
}

/* Forms of the verb's own count before the usual ones. */
static int check_output(struct parser *parser)
{
	struct hp_options *options = parser->options;
	const struct hp_command *command = parser->command;
	if (!options->output || command->output_is_file)
		return 0;
	bool usual = hp_format_parse(options->output, &options->format);
	if (!command->forms)
		return usual ? 0
		             : hp_fail(parser->err, -EINVAL,
		                       "-o %s: expected table, wide, json, yaml or csv",
		                       options->output);
	hp_cleanup_free char *words = hp_strdup(command->forms);
	for (char *at = words; *at; at++)
		*at = *at == '|' ? ' ' : *at;
	if (!hp_has_word(words, options->output))
		return hp_fail(parser->err, -EINVAL, "-o %s: expected one of %s", options->output,
		               words);
	options->form = usual ? NULL : options->output;
	return 0;
}

static int check_values(struct parser *parser)
{
	struct hp_options *options = parser->options;
	const struct hp_command *command = parser->command;
	uint64_t level = 1;
	if (options->help)
		return 0;
	int code = check_output(parser);
	if (code)
		return code;
	if (options->level && (!hp_parse_u64(options->level, &level) || level > 2))
		return hp_fail(parser->err, -EINVAL, "--level %s: expected 0, 1 or 2",
		               options->level);
	options->level_number = (int)level;
	if (options->as_of && !is_date(options->as_of))
		return hp_fail(parser->err, -EINVAL, "--as-of %s: expected YYYY-MM-DD",
		               options->as_of);
	if (options->changes_since && !is_date(options->changes_since))
		return hp_fail(parser->err, -EINVAL, "--changes-since %s: expected YYYY-MM-DD",
		               options->changes_since);
	for (size_t i = 0; i < options->wake.count; i++) {
		char address[HP_VALUE_SIZE];
		if (!hp_value_address(options->wake.items[i], address, sizeof(address)))
			return hp_fail(parser->err, -EINVAL,
			               "--wake %s: expected an address such as 0000:3b:00.0",
			               options->wake.items[i]);
	}
	int count = (int)options->arguments.count;
	if (count < command->least)
		return hp_fail(parser->err, -EINVAL, "expected: happypath %s %s", command->name,
		               command->arguments);
	if (count > command->most)
		return hp_fail(parser->err, -EINVAL, "'%s' is one argument too many",
		               options->arguments.items[command->most]);
	return 0;
}

int hp_options_parse(const struct hp_command *command, int argc HP_UNUSED, char **argv,
                     struct hp_options *ret, struct hp_error *err)
{
	struct parser parser = {.command = command, .words = argv, .options = ret, .err = err};
	int code = take_words(&parser);
	return code ? code : check_values(&parser);
}

void hp_words_free(char **words)
{
	for (char **word = words; word && *word; word++)
		free(*word);
	free(words);
}

void hp_options_finish(struct hp_options *options)
{
	free(options->root.items);
	free(options->capture.items);
	free(options->facts.items);
	free(options->assume.items);
	free(options->wake.items);
	free(options->allow.items);
	free(options->gpu.items);
	free(options->goal.items);
	hp_words_free(options->intents);
	hp_words_free(options->goal_files);
	free(options->arguments.items);
}

static void option_help(const struct hp_command *command, const struct hp_option *option, FILE *to)
{
	bool output = strcmp(option->name, "output") == 0, file = output && command->output_is_file;
	const char *argument = file                       ? "FILE"
	                       : output && command->forms ? command->forms
	                                                  : option->argument;
	hp_cleanup_free char *letter =
	    option->letter ? hp_asprintf("-%c, ", option->letter) : hp_strdup("    ");
	fprintf(to, "  %s--%s%s%s\n          %s\n", letter, option->name, argument ? " " : "",
	        argument ? argument : "",
	        file ? "write to this file, not to standard output" : option->help);
}

static void assume_help(FILE *to)
{
	fputs("\nAssumptions (KEY=VALUE):\n", to);
	for (const struct hp_assume_key *key = hp_assume_keys; key->name; key++)
		fprintf(to, "  %s=%s\n          %s\n", key->name, key->value, key->help);
	fputs("  TABLE.COLUMN=VALUE, TABLE[KEY].COLUMN=VALUE\n"
	      "          any fact that docs/facts.md lists: intent.guest_firmware=ovmf\n"
	      "Alone they make a host that does not exist yet; with --root, --capture or --facts "
	      "they\n"
	      "change what was found there.\n",
	      to);
}

void hp_command_help(const struct hp_command *command, FILE *to)
{
	fprintf(to, "happypath %s%s%s [OPTION…]\n%s.\n\n", command->name,
	        *command->arguments ? " " : "", command->arguments, command->summary);
	for (const struct hp_option *option = hp_option_rows; option->name; option++)
		if (takes(command, option))
			option_help(command, option, to);
	if (hp_has_word(command->options, "assume"))
		assume_help(to);
}
