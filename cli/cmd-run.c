// happypath run: the workload with the device, here and now, and the host as before afterwards.
// SPDX-License-Identifier: Apache-2.0
#include "apply/apply.h"
#include "apply/owner.h"
#include "base/cleanup.h"
#include "cli.h"
#include "consent.h"
#include "emit/argv.h"
#include "emit/emit.h"
#include "emit/qemu.h"
#include "paint.h"
#include "plan/plan.h"
#include "print-plan.h"
#include "run/guest.h"
#include "run/process.h"
#include "run/vmlinux.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

enum {
	GRACE_MS = 30000,
	LOOK_MS = 200,
	UNDO_WAIT_MS = 120000, // for another happypath that is changing the host just then
};

/* What starts a surface: a format's command. The first of a surface whose program is there. */
static const struct way {
	const char *surface, *format, *variant, *program;
	int last_signal;       // a client's container outlives it, unless it is told to end
	const char *injection; // how the command asks for the device, where it is a container's
} ways[] = {
    {"qemu-vfio", "qemu", "argv", "qemu-system-x86_64", SIGKILL, NULL},
    {"qemu-vgpu", "qemu", "argv", "qemu-system-x86_64", SIGKILL, NULL},
    {"cloud-hypervisor", "cloud-hypervisor", "argv", "cloud-hypervisor", SIGKILL, NULL},
    {"container", "podman", "run", "podman", SIGTERM, "cdi"},
    {"container", "docker", "run", "docker", SIGTERM, NULL},
};

struct run {
	struct hp_options *options;
	const struct way *way;
	struct hp_planned planned;
	struct hp_host *host; // that is changed
	struct hp_apply_options how;
	char id[40]; // of what was applied, "" if nothing was
	char lock[512];
	char *vmlinux, *cache;
	struct hp_consent consent;
	int64_t memory; // that VFIO locks
};

static void tell_stage(void *data HP_UNUSED, const char *stage, int64_t us)
{
	hp_say("%8.3f s  %s", (double)us / 1e6, stage);
}

// -- what is asked for --

static bool is_installed(const char *program)
{
	const char *path = getenv("PATH");
	hp_cleanup_free char *copy = hp_strdup(path ? path : "/usr/local/bin:/usr/bin:/bin");
	char *rest = copy;
	for (char *folder; (folder = strsep(&rest, ":"));) {
		hp_cleanup_free char *file = hp_asprintf("%s/%s", folder, program);
		if (*folder && access(file, X_OK) == 0)
			return true;
	}
	return false;
}

/* A container uses the driver as it is: what the driver alone tells decides, and asking it wakes
 * nothing that the container would not. */
static void ask_for_container(struct hp_options *options, const struct way *way)
{
	enum { ASK_THE_DRIVER = 2 };
	options->injection = way->injection;
	if (strcmp(way->surface, "container") == 0)
		options->level_number = ASK_THE_DRIVER;
}

static int choose_way(struct run *run, struct hp_error *err)
{
	const char *surface = run->options->surface ? run->options->surface : "qemu-vfio";
	for (size_t i = 0; i < HP_COUNT(ways); i++)
		if (strcmp(ways[i].surface, surface) == 0 &&
		    (!run->way || !is_installed(run->way->program)))
			run->way = &ways[i];
	if (!run->way)
		return hp_fail(err, HP_MISUSE,
		               "--surface '%s' cannot be run: expected qemu-vfio, qemu-vgpu, "
		               "cloud-hypervisor or container",
		               surface);
	if (!hp_emitter_find(run->way->format))
		return hp_fail(err, HP_MISUSE, "--surface %s: no format %s is known", surface,
		               run->way->format);
	run->options->to = surface;
	ask_for_container(run->options, run->way);
	if (!run->options->gpu.count)
		return hp_fail(err, HP_MISUSE, "which device? --gpu BDF");
	if (strcmp(surface, "container") == 0 && !run->options->image)
		return hp_fail(err, HP_MISUSE, "which container? --image IMAGE");
	if (!run->options->image && !run->options->kernel)
		return hp_fail(err, HP_MISUSE, "what shall it boot? --image DISK or --kernel FILE");
	return 0;
}

/* What is not there is said before anything is changed for it. An image may be named by a protocol,
 * a container's is no file. */
static int check_files(const struct run *run, struct hp_error *err)
{
	const struct hp_options *options = run->options;
	const char *image = options->image && !strchr(options->image, ':') ? options->image : NULL;
	const char *const files[] = {image, options->kernel, options->initrd};
	if (strcmp(run->way->surface, "container") == 0)
		return 0;
	for (size_t i = 0; i < HP_COUNT(files); i++)
		if (files[i] && access(files[i], R_OK) < 0)
			return hp_fail(err, -errno, "%s: %s", files[i], strerror(errno));
	return 0;
}

static int check_cpus(const struct run *run, struct hp_error *err)
{
	enum { MOST = 4096 };
	const char *cpus = run->options->cpus;
	int64_t number;
	if (!cpus || (hp_parse_s64(cpus, &number) && number >= 1 && number <= MOST))
		return 0;
	return hp_fail(err, HP_MISUSE, "--cpus '%s': expected a number from 1 to %d", cpus, MOST);
}

static int check_program(const struct run *run, struct hp_error *err)
{
	if (run->options->dry_run || is_installed(run->way->program))
		return 0;
	return hp_fail(err, -ENOENT, "%s is not installed", run->way->program);
}

// -- readiness --

static void print_plan(const struct run *run)
{
	struct hp_plan_print what = {.plan = run->planned.plan,
	                             .goal = &run->planned.goal.goal,
	                             .knowledge = run->planned.session.knowledge};
	struct hp_paint paint = {.to = stderr, .width = hp_terminal_width(stderr)};
	hp_print_plan(&what, &paint);
}

/* 0: it is ready, or --apply can make it so. */
static int check_plan(const struct run *run, bool applied)
{
	const struct hp_plan *plan = run->planned.plan;
	if (plan->there)
		return 0;
	print_plan(run);
	if (applied)
		hp_say("not ready after all steps were walked");
	else if (plan->met != HP_WISH_BROKEN && plan->reboot)
		hp_say("steps need a reboot: happypath plan and apply lead there");
	else if (plan->met != HP_WISH_BROKEN && plan->steps.count && run->options->apply)
		return 0;
	else if (plan->steps.count)
		hp_say("not ready: --apply walks these steps, and undoes them afterwards");
	else
		hp_say("not ready, and no step of happypath's leads there");
	return plan->met == HP_WISH_UNKNOWN ? HP_EXIT_CANNOT_TELL : HP_EXIT_NOT_MET;
}

// -- there and back --

static void note_change(void *data HP_UNUSED, enum hp_change_what what HP_UNUSED, const char *path,
                        const char *text)
{
	hp_say("would change %s: %s", path, text);
}

static void say_applied(const struct hp_applied *applied, const struct hp_error *error)
{
	for (size_t i = 0; i < applied->obstacles.count; i++)
		hp_say("%s: %s", applied->obstacles.items[i].subject,
		       applied->obstacles.items[i].text);
	for (size_t i = 0; i < applied->notes.count; i++)
		hp_say("%s", applied->notes.names[i]);
	if (*error->message)
		hp_say("%s", error->message);
}

static int exit_of(enum hp_outcome outcome)
{
	static const int codes[] = {[HP_OUTCOME_NOTHING] = HP_EXIT_OK,
	                            [HP_OUTCOME_DONE] = HP_EXIT_OK,
	                            [HP_OUTCOME_REBOOT] = HP_EXIT_REBOOT,
	                            [HP_OUTCOME_ROLLED_BACK] = HP_EXIT_ROLLED_BACK,
	                            [HP_OUTCOME_INCOMPLETE] = HP_EXIT_INCOMPLETE,
	                            [HP_OUTCOME_REFUSED] = HP_EXIT_NOT_MET};
	return codes[outcome];
}

static int apply(struct run *run)
{
	struct hp_error error = {0};
	struct hp_applied applied = {0};
	int64_t begun = hp_clock_us();
	run->how.origin = hp_owner_origin(run->host);
	int code = hp_apply(run->host, &run->planned.plan->steps, &run->how, &applied, &error);
	say_applied(&applied, &error);
	if (code == 0)
		snprintf(run->id, sizeof(run->id), "%s", applied.id);
	int status = code == -EBUSY ? HP_EXIT_LOCKED
	             : code < 0     ? HP_EXIT_FAILED
	                            : exit_of(applied.outcome);
	if (status == HP_EXIT_OK && *run->id)
		tell_stage(NULL, "bound: every step was read back", hp_clock_us() - begun);
	else
		*run->id = '\0'; // nothing of it stands, or recovery knows
	hp_applied_free(&applied);
	json_decref(run->how.origin);
	run->how.origin = NULL;
	return status;
}

static int undo(struct run *run)
{
	struct hp_error error = {0};
	struct hp_applied applied = {0};
	if (!*run->id)
		return HP_EXIT_OK;
	run->how.wait_ms = UNDO_WAIT_MS;
	int code = hp_undo_transaction(run->host, run->id, &run->how, &applied, &error);
	say_applied(&applied, &error);
	bool undone = code == 0 &&
	              (applied.outcome == HP_OUTCOME_DONE || applied.outcome == HP_OUTCOME_NOTHING);
	hp_say("%s: %s", run->id,
	       undone ? "undone; the host is as it was" : "not undone: happypath recover");
	hp_applied_free(&applied);
	return undone ? HP_EXIT_OK : HP_EXIT_INCOMPLETE;
}

// -- the command --

static void take_kernel(struct run *run, struct hp_emit_wish *wish)
{
	struct hp_error error = {0};
	if (!wish->kernel || strcmp(run->way->surface, "container") == 0)
		return;
	run->cache = hp_cache_place();
	if (hp_vmlinux_find(wish->kernel, run->cache, &run->vmlinux, &error)) {
		hp_say("%s: the guest unpacks its kernel itself", error.message);
		return;
	}
	wish->kernel = run->vmlinux;
	hp_say("the kernel is entered by PVH, without KASLR: %s", run->vmlinux);
}

static void take_wish(struct run *run, struct hp_emit_wish *wish)
{
	const struct hp_options *options = run->options;
	const struct hp_goal *goal = &run->planned.goal.goal;
	*wish = HP_EMIT_WISH_NONE;
	wish->surface = goal->surface;
	wish->share = goal->share;
	wish->profile = goal->profile;
	wish->gpus = goal->gpus;
	wish->guest_memory = goal->guest_memory;
	wish->variant = run->way->variant;
	wish->name = options->name;
	wish->image = options->image;
	wish->kernel = options->kernel;
	wish->initrd = options->initrd;
	wish->append = options->append;
	if (options->cpus)
		hp_parse_s64(options->cpus, &wish->cpus);
	take_kernel(run, wish);
}

static void say_emission(const struct hp_emission *emission)
{
	size_t i;
	json_t *note;
	const char *reason = json_string_value(json_object_get(emission->refusal, "reason"));
	if (reason)
		hp_say("%s is refused: %s", emission->request.emitter->name, reason);
	json_array_foreach(emission->notes, i, note) hp_say("note: %s", json_string_value(note));
}

static int make_argv(struct run *run, struct hp_argv *ret, struct hp_error *err)
{
	struct hp_emit_wish wish;
	struct hp_emission emission;
	size_t count;
	take_wish(run, &wish);
	int code = hp_emit(hp_facts_db(run->planned.session.facts),
	                   hp_verdict_hosts(run->planned.verdict, &count),
	                   hp_emitter_find(run->way->format), &wish, &emission, err);
	if (code)
		return code;
	say_emission(&emission);
	hp_argv_read(hp_text_get(&emission.text), ret);
	if (emission.request.count && emission.request.devices[0].way == HP_WAY_VFIO)
		run->memory = emission.request.guest_memory;
	code = emission.refusal ? HP_EXIT_NOT_MET : 0;
	hp_emission_finish(&emission);
	return code;
}

// -- running --

static int run_qemu(struct run *run, struct hp_argv *argv, struct hp_error *err)
{
	const struct hp_guest_options how = {
	    .argv = argv, .pinned_memory = run->memory, .grace_ms = GRACE_MS, .stage = tell_stage};
	struct hp_guest_end end;
	int code = hp_guest_run(&how, &end, err);
	if (code)
		return code;
	if (*end.reason)
		hp_say("the guest ended: %s", end.reason);
	return end.status || end.panicked ? HP_EXIT_FAILED : HP_EXIT_OK;
}

static int status_of(int status)
{
	enum { SIGNALLED = 128 };
	return WIFEXITED(status) ? WEXITSTATUS(status) : SIGNALLED + WTERMSIG(status);
}

/* What comes to us goes to it. */
static int run_program(const struct way *way, struct hp_argv *argv, const sigset_t *held,
                       struct hp_error *err)
{
	const struct hp_process_options how = {.input = STDIN_FILENO,
	                                       .last_signal = way->last_signal};
	const struct timespec look = {.tv_nsec = LOOK_MS * 1000000L};
	struct hp_process process;
	int status = 0, code = hp_process_start(argv->words, &how, &process, err);
	if (code)
		return code;
	while (!hp_process_wait(&process, 0, &status)) {
		int number = sigtimedwait(held, NULL, &look);
		if (number > 0 && number != SIGCHLD)
			kill(process.pid, number);
	}
	hp_process_finish(&process);
	return status_of(status);
}

static int run_argv(struct run *run, struct hp_argv *argv, const sigset_t *held,
                    struct hp_error *err)
{
	hp_cleanup_text struct hp_text text = {0};
	if (run->options->dry_run) {
		hp_argv_text(&text, argv);
		fputs(hp_text_get(&text), stdout);
		return HP_EXIT_OK;
	}
	return strcmp(run->way->format, "qemu") == 0 ? run_qemu(run, argv, err)
	                                             : run_program(run->way, argv, held, err);
}

// -- all --

static int look_again(struct run *run, struct hp_error *err)
{
	hp_planned_close(&run->planned);
	int code = hp_planned_open(run->options, NULL, &run->planned, err);
	return code ? code : check_plan(run, true);
}

static int prepare(struct run *run, struct hp_error *err)
{
	int code = hp_planned_open(run->options, NULL, &run->planned, err);
	if (!code)
		code = check_plan(run, false);
	if (code || run->planned.plan->there)
		return code;
	code = apply(run);
	if (code || run->options->dry_run)
		return code;
	return look_again(run, err);
}

static int go(struct run *run, const sigset_t *held, struct hp_error *err)
{
	hp_cleanup_argv struct hp_argv argv = {0};
	int code = prepare(run, err);
	if (!code)
		code = make_argv(run, &argv, err);
	return code ? code : run_argv(run, &argv, held, err);
}

static void hold_signals(sigset_t *ret)
{
	sigemptyset(ret);
	sigaddset(ret, SIGINT);
	sigaddset(ret, SIGTERM);
	sigaddset(ret, SIGHUP);
	sigaddset(ret, SIGCHLD);
	sigprocmask(SIG_BLOCK, ret, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static int begin(struct run *run, struct hp_error *err)
{
	const struct hp_host_options how = {.level = 2};
	const char *state = getenv("HAPPYPATH_STATE");
	hp_cleanup_free const char **own = hp_calloc(run->options->gpu.count + 1, sizeof(*own));
	for (size_t i = 0; i < run->options->gpu.count; i++)
		own[i] = run->options->gpu.items[i];
	hp_consent_take(&run->consent, &run->options->allow, own);
	run->how = (struct hp_apply_options){.dry_run = run->options->dry_run,
	                                     .told = note_change,
	                                     .yes = run->options->yes,
	                                     .allow = run->consent.allow,
	                                     .own = run->consent.own};
	if (state) {
		snprintf(run->lock, sizeof(run->lock), "%s/lock", state);
		run->how.state = state;
		run->how.lock = run->lock;
	}
	return hp_host_open_live(&how, &run->host, err);
}

int hp_cmd_run(const struct hp_command *command HP_UNUSED, struct hp_options *options)
{
	struct hp_error error = {0};
	struct run run = {.options = options};
	sigset_t held;
	hold_signals(&held);
	int code = choose_way(&run, &error);
	if (!code)
		code = check_cpus(&run, &error);
	if (!code)
		code = check_files(&run, &error);
	if (!code)
		code = check_program(&run, &error);
	if (!code)
		code = begin(&run, &error);
	if (!code)
		code = go(&run, &held, &error);
	if (code < 0)
		code = hp_give_up(&error);
	int undone = undo(&run);
	hp_planned_close(&run.planned);
	hp_host_close(run.host);
	hp_consent_free(&run.consent);
	free(run.vmlinux);
	free(run.cache);
	return undone ? undone : code;
}
