// happypath bench boot: how long each installed VMM takes to a guest's init, side by side.
// SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "base/database.h"
#include "cli.h"
#include "probe/kvm-proof.h"
#include "run/bench.h"
#include "run/vmlinux.h"

#include <string.h>
#include <sys/utsname.h>

enum {
	MEMORY = 512 << 20,
	ROUNDS = 5,
	MOST_ROUNDS = 1000,
	DEADLINE_MS = 120000,
	TRIAL_MS = 20000,
};

static const struct hp_column columns[] = {
    {.name = "vmm", .help = "program that runs the guest"},
    {.name = "shape", .help = "how it is asked for one"},
    {.name = "median_ms", .help = "milliseconds from its exec to the guest's init", .number = true},
    {.name = "ratio", .help = "against QEMU's default"},
    {.name = "rounds_ms", .help = "the single rounds", .wide = true},
    {.name = "kvm_estimate", .help = "what the rates on record say, for KVM"},
    {.name = "entry", .help = "pvh: unpacked before; bzimage: the guest unpacked it"},
    {.name = "functions", .help = "PCI functions that the guest found", .number = true},
    {.name = "bridges", .help = "root ports and bridges of those", .number = true},
    {.name = "classes", .help = "their classes", .wide = true},
    {.name = "how", .help = "kvm or emulation"},
    {.name = "note", .help = "why there is no figure", .wraps = true},
    {.name = "about", .help = "what the shape is", .wide = true},
    {.name = "estimate_source", .help = "where the estimate is from", .wide = true},
};

struct bench {
	const struct hp_options *options;
	struct hp_boot_setup setup;
	char *kernel, *vmlinux, *cache;
	uint64_t rounds;
	struct hp_session session;
	struct hp_boot *boots;
};

// -- the kernel --

static char *find_kernel(void)
{
	struct utsname name;
	if (uname(&name) < 0)
		return NULL;
	const char *const forms[] = {"/boot/vmlinuz-%s", "/usr/lib/modules/%s/vmlinuz",
	                             "/boot/vmlinuz", "/vmlinuz"};
	for (size_t i = 0; i < HP_COUNT(forms); i++) {
		hp_cleanup_text struct hp_text path = {0};
		const char *at = strstr(forms[i], "%s");
		hp_text_add(&path, forms[i], at ? (size_t)(at - forms[i]) : strlen(forms[i]));
		if (at)
			hp_text_printf(&path, "%s%s", name.release, at + 2);
		if (access(hp_text_get(&path), R_OK) == 0)
			return hp_strdup(hp_text_get(&path));
	}
	return NULL;
}

static int take_kernel(struct bench *bench, struct hp_error *err)
{
	const char *given = bench->options->kernel;
	bench->kernel = given ? hp_strdup(given) : find_kernel();
	if (!bench->kernel)
		return hp_fail(err, HP_MISUSE,
		               "this host has no readable kernel in /boot: --kernel FILE");
	bench->cache = hp_cache_place();
	int code = hp_vmlinux_find(bench->kernel, bench->cache, &bench->vmlinux, err);
	bench->setup.kernel = bench->kernel;
	bench->setup.vmlinux = bench->vmlinux;
	return code;
}

// -- KVM or not --

/* A guest of ours says what a proof of KVM's interface cannot: that a kernel boots. */
static bool boots_on_kvm(const struct bench *bench, struct hp_error *why)
{
	struct hp_boot_setup trial = bench->setup;
	struct hp_boot_given given;
	int64_t took;
	const struct hp_boot_shape *shape = hp_boot_shapes;
	while (!shape->emulates || !strstr(shape->words, "{vmlinux}"))
		shape++;
	trial.emulated = false;
	trial.deadline_ms = TRIAL_MS;
	return hp_boot_once(shape, &trial, &took, &given, why) == 0;
}

static int choose_accel(struct bench *bench, struct hp_error *err)
{
	const char *accel = bench->options->accel;
	struct hp_error why = {0};
	if (accel && strcmp(accel, "kvm") != 0 && strcmp(accel, "tcg") != 0)
		return hp_fail(err, HP_MISUSE, "--accel '%s': expected kvm or tcg", accel);
	bench->setup.emulated = accel && strcmp(accel, "tcg") == 0;
	if (accel)
		return 0;
	const char *proof = hp_kvm_prove(&why);
	if (!proof || strcmp(proof, "hardware") != 0 || !boots_on_kvm(bench, &why)) {
		bench->setup.emulated = true;
		hp_say("KVM does not run guests on this processor (%s): measured under emulation, "
		       "which says nothing of times on KVM",
		       *why.message ? why.message : "it was not tried");
	}
	return 0;
}

static const char *how_words(const struct bench *bench)
{
	return bench->setup.emulated ? "under emulation (QEMU's TCG)" : "on KVM";
}

// -- the estimate --

/* The first term of the time to a running guest; what is measured here is that. */
static void estimate(struct bench *bench, const char *vmm, char **ret, char **ret_source)
{
	hp_cleanup_statement sqlite3_stmt *row = NULL;
	hp_cleanup_free char *class = hp_asprintf("@%s", vmm);
	if (hp_db_prepare(hp_facts_db(bench->session.facts),
	                  "SELECT low_us, high_us, source FROM boot_rate WHERE term = "
	                  "'vmm-and-kernel-start' AND variant = '' AND surface IN (?1, ?2)",
	                  &row, NULL))
		return;
	sqlite3_bind_text(row, 1, vmm, -1, SQLITE_STATIC);
	sqlite3_bind_text(row, 2, class, -1, SQLITE_STATIC);
	if (hp_db_step(row, NULL) != 1)
		return;
	bool open = sqlite3_column_type(row, 1) == SQLITE_NULL;
	double low = (double)sqlite3_column_int64(row, 0) / 1e6;
	double high = (double)sqlite3_column_int64(row, 1) / 1e6;
	*ret = open ? hp_asprintf("from %.3f s", low) : hp_asprintf("%.3f to %.3f s", low, high);
	*ret_source = hp_strdup(hp_db_text(row, 2));
}

// -- output --

static char *rounds_text(const struct hp_boot *boot)
{
	struct hp_text text = {0};
	for (size_t i = 0; i < boot->rounds; i++)
		hp_text_printf(&text, "%s%lld", i ? " " : "", (long long)boot->rounds_us[i] / 1000);
	return text.data ? text.data : hp_strdup("");
}

static void add_row(struct bench *bench, struct hp_table *table, const struct hp_boot *boot)
{
	static const char *const entries[] = {"pvh", "bzimage"};
	const struct hp_boot_given *given = &boot->given;
	int64_t median = hp_boot_median(boot), first = hp_boot_median(&bench->boots[0]);
	hp_cleanup_free char *expected = NULL, *source = NULL, *rounds = rounds_text(boot);
	char milliseconds[32], ratio[32], functions[16], bridges[16];
	bool known = median >= 0;
	snprintf(milliseconds, sizeof(milliseconds), "%lld", (long long)median / 1000);
	snprintf(ratio, sizeof(ratio), "%.2f", (double)median / (double)first);
	snprintf(functions, sizeof(functions), "%d", given->functions);
	snprintf(bridges, sizeof(bridges), "%d", given->bridges);
	estimate(bench, boot->shape->vmm, &expected, &source);
	const char *entry = known && given->unpacked >= 0 ? entries[given->unpacked] : NULL;
	hp_table_add(table, (const char *[]){boot->shape->vmm, boot->shape->name,
	                                     known ? milliseconds : NULL,
	                                     known && first > 0 ? ratio : NULL, rounds, expected,
	                                     entry, known ? functions : NULL,
	                                     known ? bridges : NULL, known ? given->classes : NULL,
	                                     bench->setup.emulated ? "emulation" : "kvm",
	                                     boot->failed, boot->shape->about, source});
}

static int print(struct bench *bench, struct hp_error *err)
{
	struct hp_table *table = hp_table_new(columns, HP_COUNT(columns));
	for (size_t i = 0; i < hp_boot_shape_count; i++)
		add_row(bench, table, &bench->boots[i]);
	int code = hp_table_print(table, bench->options->format, "happypath.boots/1", "boots",
	                          stdout, err);
	hp_table_free(table);
	return code;
}

static int write_plot(struct bench *bench, const char *setup, struct hp_error *err)
{
	const char *name = bench->options->plot;
	hp_cleanup_free char *svg = NULL;
	hp_cleanup_free char *title =
	    hp_asprintf("From exec to the guest's init, %s", how_words(bench));
	int code = hp_boot_plot(bench->boots, title, setup, &svg, err);
	if (code)
		return code;
	FILE *file = fopen(name, "we");
	if (!file)
		return hp_fail(err, -errno, "--plot %s: %s", name, strerror(errno));
	bool wrote = fputs(svg, file) >= 0;
	if (fclose(file) != 0 || !wrote)
		return hp_fail(err, -EIO, "--plot %s: cannot be written", name);
	return 0;
}

static void tell_round(void *data, size_t round)
{
	const struct bench *bench = data;
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "round %zu of %llu\n", round + 1,
		        (unsigned long long)bench->rounds);
}

static int measure(struct bench *bench, struct hp_error *err)
{
	bench->boots = hp_boot_all(&bench->setup, bench->rounds, tell_round, bench);
	const char *slash = strrchr(bench->kernel, '/');
	hp_cleanup_free char *setup =
	    hp_asprintf("%s, one initramfs, one processor, %lld MiB, medians of %llu rounds",
	                slash ? slash + 1 : bench->kernel, (long long)(bench->setup.memory >> 20),
	                (unsigned long long)bench->rounds);
	hp_say("measured %s: %s", how_words(bench), setup);
	int code = print(bench, err);
	if (!code && bench->options->plot)
		code = write_plot(bench, setup, err);
	for (size_t i = 0; !code && i < hp_boot_shape_count; i++)
		if (bench->boots[i].rounds)
			return HP_EXIT_OK;
	return code ? code : HP_EXIT_CANNOT_TELL;
}

int hp_cmd_bench(const struct hp_command *command HP_UNUSED, struct hp_options *options)
{
	struct hp_error error = {0};
	struct bench bench = {.options = options,
	                      .rounds = ROUNDS,
	                      .setup = {.memory = MEMORY, .deadline_ms = DEADLINE_MS}};
	int code = 0;
	if (strcmp(options->arguments.items[0], "boot") != 0)
		code = hp_fail(&error, HP_MISUSE, "bench '%s': expected boot",
		               options->arguments.items[0]);
	else if (options->rounds && (!hp_parse_u64(options->rounds, &bench.rounds) ||
	                             !bench.rounds || bench.rounds > MOST_ROUNDS))
		code = hp_fail(&error, HP_MISUSE, "--rounds '%s': expected a number from 1 to %d",
		               options->rounds, MOST_ROUNDS);
	if (!code)
		code = hp_session_open_knowledge(options, &bench.session, &error);
	if (!code)
		code = take_kernel(&bench, &error);
	if (!code)
		code = choose_accel(&bench, &error);
	if (!code)
		code = measure(&bench, &error);
	hp_boots_free(bench.boots);
	hp_session_close(&bench.session);
	free(bench.kernel);
	free(bench.vmlinux);
	free(bench.cache);
	return code < 0 ? hp_give_up(&error) : code;
}
