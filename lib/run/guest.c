// A guest of QEMU's: its monitor, its console, its stages. SPDX-License-Identifier: Apache-2.0
#include "run/guest.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "base/write.h"
#include "run/initramfs.h"
#include "run/process.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum {
	LOOK_MS = 5,       // how exact the times of pinning and BARs are
	QUIT_MS = 5000,    // for QEMU to end that was told to
	ASK_END_MS = 200,  // whether it has ended, where no descriptor tells
	DRAIN_READS = 256, // of what it left in the pipe: who else holds that may write for ever
	LINE_LIMIT = 4096, // of the console's, to look for marks in
	MONITOR_LIMIT = 1 << 20,
};

enum stage {
	PINNED,
	BARS,
	DEVICES,
	KERNEL,
	INIT,
	STAGES,
};

static const char *const stage_names[] = {[PINNED] = "pinned",
                                          [BARS] = "BARs",
                                          [DEVICES] = "devices",
                                          [KERNEL] = "kernel",
                                          [INIT] = "init"};

/* What a console shows, by who writes it. */
static const struct {
	enum stage stage;
	const char *text;
} marks[] = {
    {KERNEL, "Linux version "}, // init/version.c
    {INIT, " as init process"}, // init/main.c
    {INIT, "systemd[1]: "},     // systemd on the console
    {INIT, HP_INIT_BEGIN},
};

struct guest {
	const struct hp_guest_options *options;
	struct hp_guest_end *end;
	struct hp_process process;
	int monitor, signals, ended;
	struct hp_text said, line; // what monitor and console began to say
	bool seen[STAGES];
	bool greeted;    // by the monitor
	bool stalled;    // nobody takes what we print
	int asked;       // how often it was asked to end
	int64_t quit_us; // when to ask again, 0: not
};

static void reach(struct guest *guest, enum stage stage)
{
	if (guest->seen[stage])
		return;
	guest->seen[stage] = true;
	guest->options->stage(guest->options->data, stage_names[stage],
	                      hp_clock_us() - guest->process.started_us);
}

// -- the monitor --

static void ask(struct guest *guest, const char *command)
{
	hp_cleanup_free char *text = hp_asprintf("{\"execute\": \"%s\"}\n", command);
	/* Who does not read its commands shall not keep us from ending it. */
	send(guest->monitor, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void take_event(struct guest *guest, const char *event, const json_t *data)
{
	const char *reason = json_string_value(json_object_get(data, "reason"));
	if (strcmp(event, "SHUTDOWN") == 0 && reason)
		snprintf(guest->end->reason, sizeof(guest->end->reason), "%s", reason);
	else if (strcmp(event, "GUEST_PANICKED") == 0)
		guest->end->panicked = true;
}

/* The monitor may greet before the devices are there, but runs no command before. */
static void take_answer(struct guest *guest, const char *line)
{
	json_t *answer = json_loads(line, 0, NULL);
	const char *event = json_string_value(json_object_get(answer, "event"));
	const json_t *result = json_object_get(answer, "return");
	if (event)
		take_event(guest, event, json_object_get(answer, "data"));
	else if (json_object_get(answer, "QMP") && !guest->greeted) {
		guest->greeted = true;
		ask(guest, "qmp_capabilities");
		ask(guest, "query-status");
	} else if (json_object_get(result, "status") && !guest->seen[DEVICES]) {
		reach(guest, DEVICES);
		ask(guest, "cont");
	}
	json_decref(answer);
}

static void read_monitor(struct guest *guest)
{
	char buffer[4096];
	ssize_t got = recv(guest->monitor, buffer, sizeof(buffer), MSG_DONTWAIT);
	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0 || guest->said.length > MONITOR_LIMIT) {
		close(guest->monitor);
		guest->monitor = -1;
		return;
	}
	for (ssize_t i = 0; i < got; i++) {
		if (buffer[i] != '\n') {
			hp_text_add(&guest->said, &buffer[i], 1);
			continue;
		}
		take_answer(guest, hp_text_get(&guest->said));
		hp_text_free(&guest->said);
	}
}

// -- the console --

static void look_for_marks(struct guest *guest)
{
	for (size_t i = 0; i < HP_COUNT(marks); i++)
		if (strstr(guest->line.data, marks[i].text))
			reach(guest, marks[i].stage);
}

static void close_console(struct guest *guest)
{
	close(guest->process.output);
	guest->process.output = -1;
}

/* A pipe that takes anything takes as much as is read here. */
static bool is_taken(void)
{
	struct pollfd shown = {.fd = STDOUT_FILENO, .events = POLLOUT};
	return poll(&shown, 1, 0) != 0;
}

static void read_console(struct guest *guest)
{
	char buffer[PIPE_BUF];
	guest->stalled = !is_taken();
	if (guest->stalled)
		return;
	ssize_t got = read(guest->process.output, buffer, sizeof(buffer));
	if (got <= 0) {
		close_console(guest);
		return;
	}
	hp_write_whole(STDOUT_FILENO, buffer, (size_t)got);
	for (ssize_t i = 0; i < got; i++) {
		hp_text_add(&guest->line, &buffer[i], 1);
		if (buffer[i] != '\n' && guest->line.length < LINE_LIMIT)
			continue;
		look_for_marks(guest);
		hp_text_free(&guest->line);
	}
}

/* What it said last, when it has ended. */
static void drain_console(struct guest *guest)
{
	struct pollfd left = {.fd = guest->process.output, .events = POLLIN};
	for (int i = 0; i < DRAIN_READS && !guest->stalled && guest->process.output >= 0 &&
	                poll(&left, 1, 0) > 0;
	     i++)
		read_console(guest);
}

// -- what the kernel counts --

static int64_t kilobytes(const char *text, const char *key)
{
	char value[64];
	int64_t number = 0;
	if (!hp_find_value(text, key, ':', value, sizeof(value)))
		return 0;
	value[strcspn(value, " ")] = '\0';
	return hp_parse_s64(value, &number) ? number : 0;
}

static void read_process(const struct guest *guest, const char *name, struct hp_text *ret)
{
	hp_cleanup_free char *path = hp_asprintf("/proc/%d/%s", (int)guest->process.pid, name);
	hp_cleanup_file FILE *file = fopen(path, "re");
	char chunk[4096];
	for (size_t got; file && (got = fread(chunk, 1, sizeof(chunk), file)) > 0;)
		hp_text_add(ret, chunk, got);
}

static void look_at_process(struct guest *guest)
{
	hp_cleanup_text struct hp_text status = {0}, maps = {0};
	if (!guest->seen[PINNED]) {
		read_process(guest, "status", &status);
		const char *text = hp_text_get(&status);
		int64_t locked = kilobytes(text, "VmLck") + kilobytes(text, "VmPin");
		if (locked << 10 >= guest->options->pinned_memory)
			reach(guest, PINNED);
	}
	if (!guest->seen[BARS]) {
		read_process(guest, "maps", &maps);
		if (strstr(hp_text_get(&maps), "[vfio-device]"))
			reach(guest, BARS);
	}
}

static bool looks(const struct guest *guest)
{
	return guest->options->pinned_memory &&
	       !(guest->seen[DEVICES] || (guest->seen[PINNED] && guest->seen[BARS]));
}

// -- ending --

static void end(struct guest *guest)
{
	static const char *const words[] = {"system_powerdown", "quit"};
	int64_t now = hp_clock_us();
	if (guest->asked < (int)HP_COUNT(words) && guest->monitor >= 0)
		ask(guest, words[guest->asked]);
	else
		kill(guest->process.pid, SIGKILL);
	guest->quit_us = now + (guest->asked ? QUIT_MS : guest->options->grace_ms) * 1000LL;
	guest->asked++;
}

static void read_signal(struct guest *guest)
{
	struct signalfd_siginfo signal;
	if (read(guest->signals, &signal, sizeof(signal)) != sizeof(signal))
		return;
	guest->end->signal = (int)signal.ssi_signo;
	end(guest);
}

// -- all --

static int timeout_of(const struct guest *guest)
{
	int64_t left = guest->quit_us ? (guest->quit_us - hp_clock_us()) / 1000 : -1;
	if (guest->quit_us && left < 0)
		left = 0;
	if (guest->ended < 0 && (left < 0 || left > ASK_END_MS))
		left = ASK_END_MS;
	return looks(guest) ? LOOK_MS : (int)left;
}

static void take_turn(struct guest *guest)
{
	struct pollfd ready[] = {
	    {.fd = guest->stalled ? -1 : guest->process.output, .events = POLLIN},
	    {.fd = guest->stalled ? STDOUT_FILENO : -1, .events = POLLOUT},
	    {.fd = guest->monitor, .events = POLLIN},
	    {.fd = guest->signals, .events = POLLIN},
	    {.fd = guest->ended, .events = POLLIN}};
	poll(ready, HP_COUNT(ready), timeout_of(guest));
	if (looks(guest))
		look_at_process(guest);
	if (ready[2].revents)
		read_monitor(guest);
	if (ready[3].revents)
		read_signal(guest);
	if (guest->quit_us && hp_clock_us() >= guest->quit_us)
		end(guest);
	if (ready[0].revents || ready[1].revents)
		read_console(guest);
}

/* Its end is its own, not that of its output: it may close that, or leave it to others. */
static void watch(struct guest *guest)
{
	guest->ended = hp_process_end_fd(&guest->process);
	while (!hp_process_wait(&guest->process, 0, &guest->end->status))
		take_turn(guest);
	if (guest->ended >= 0)
		close(guest->ended);
	if (guest->monitor >= 0)
		read_monitor(guest);
	drain_console(guest);
}

static int catch_signals(sigset_t *ret_before)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, ret_before);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int start(struct guest *guest, int other, struct hp_error *err)
{
	const int keep[] = {other, -1};
	const struct hp_process_options how = {.keep = keep, .input = STDIN_FILENO, .catch = true};
	struct hp_argv *argv = guest->options->argv;
	hp_argv_add(argv, "-S");
	hp_argv_add(argv, "-chardev");
	hp_argv_addf(argv, "socket,id=monitor0,fd=%d", other);
	hp_argv_add(argv, "-mon");
	hp_argv_add(argv, "chardev=monitor0,mode=control");
	return hp_process_start(argv->words, &how, &guest->process, err);
}

/* Why it ended, where nobody asked it to. */
static int tell_why(const struct guest *guest, struct hp_error *err)
{
	int status = guest->end->status;
	hp_cleanup_free char *words = hp_process_last_words(&guest->process);
	if (WIFSIGNALED(status))
		return hp_fail(err, -EIO, "QEMU was ended by signal %d%s%s", WTERMSIG(status),
		               *words ? ": " : "", words);
	if (*words)
		return hp_fail(err, -EIO, "%s", words);
	return hp_fail(err, -EIO, "QEMU %s with status %d, and did not say why",
	               guest->seen[DEVICES] ? "ended" : "did not start, it ended",
	               WEXITSTATUS(status));
}

/* QEMU sets the terminal, and cannot set it back where it is killed. */
static int run(struct guest *guest, int other, struct hp_error *err)
{
	struct termios before;
	bool terminal = tcgetattr(STDIN_FILENO, &before) == 0;
	int flags = fcntl(STDIN_FILENO, F_GETFL);
	int code = start(guest, other, err);
	close(other);
	if (code)
		return code;
	watch(guest);
	guest->options->stage(guest->options->data, "ended",
	                      hp_clock_us() - guest->process.started_us);
	if (terminal)
		tcsetattr(STDIN_FILENO, TCSANOW, &before);
	if (flags >= 0)
		fcntl(STDIN_FILENO, F_SETFL, flags);
	if (guest->end->status && !guest->end->signal)
		code = tell_why(guest, err);
	hp_process_finish(&guest->process);
	return code;
}

int hp_guest_run(const struct hp_guest_options *options, struct hp_guest_end *ret,
                 struct hp_error *err)
{
	int pair[2];
	sigset_t before;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return hp_fail(err, -errno, "no socket for QEMU's monitor: %s", strerror(errno));
	*ret = (struct hp_guest_end){0};
	struct guest guest = {
	    .options = options, .end = ret, .monitor = pair[0], .signals = catch_signals(&before)};
	int code = run(&guest, pair[1], err);
	if (guest.monitor >= 0)
		close(guest.monitor);
	close(guest.signals);
	sigprocmask(SIG_SETMASK, &before, NULL);
	hp_text_free(&guest.said);
	hp_text_free(&guest.line);
	return code;
}
