// A guest watched: by QEMUs that hang, flood, lie and leave others behind.
// SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "run/guest.h"
#include "run/process.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { HANGS_S = 20, GRACE_MS = 10, OTHERS_LIVE_S = 10 };

// -- what stands in for QEMU: this program, started as `--as NAME` --

static void say(int fd, const char *text)
{
	ssize_t ignored = write(fd, text, strlen(text));
	(void)ignored;
}

/* Reads until it was told so. */
static void await_word(int monitor, const char *word)
{
	char text[4096];
	size_t length = 0;
	for (ssize_t got; length < sizeof(text) - 1; length += (size_t)got) {
		got = read(monitor, text + length, sizeof(text) - 1 - length);
		if (got <= 0)
			_exit(99);
		text[length + (size_t)got] = '\0';
		if (strstr(text, word))
			return;
	}
}

static void begin(int monitor)
{
	say(monitor, "{\"QMP\": {}}\n");
	await_word(monitor, "query-status");
	say(monitor, "{\"return\": {}}\n{\"return\": {\"status\": \"prelaunch\"}}\n");
	await_word(monitor, "cont");
}

static int boots(int monitor)
{
	begin(monitor);
	say(1, "Linux version 6.1\nRun /init as init process\nbye\n");
	say(monitor, "{\"event\": \"SHUTDOWN\", \"data\": {\"reason\": \"guest-shutdown\"}}\n");
	return 0;
}

static int closes_its_output(int monitor)
{
	close(1);
	close(2);
	begin(monitor);
	await_word(monitor, "system_powerdown");
	return 0;
}

static int leaves_another(int monitor)
{
	begin(monitor);
	if (fork() == 0)
		sleep(OTHERS_LIVE_S); // with output and monitor
	return 0;
}

static int complains_for_ever(int monitor)
{
	char line[1024];
	(void)monitor;
	memset(line, 'x', sizeof(line));
	for (int i = 0; i < 64 << 10; i++)
		if (write(2, line, sizeof(line)) < 0)
			return 42;
	return 0;
}

static int greets_for_ever(int monitor)
{
	for (int i = 0; i < 50000; i++)
		say(monitor, "{\"QMP\": {}}\n");
	return 0;
}

static int floods(int monitor)
{
	if (fork() == 0)
		for (;;)
			say(1, "and so on\n");
	begin(monitor);
	await_word(monitor, "system_powerdown");
	return 0;
}

static int dies(int monitor)
{
	begin(monitor);
	say(2, "qemu: hardware error\n");
	return 1;
}

static int is_killed(int monitor)
{
	begin(monitor);
	return raise(SIGKILL);
}

static const struct {
	const char *name;
	int (*play)(int monitor);
} fakes[] = {{"boots", boots},
             {"closes-its-output", closes_its_output},
             {"leaves-another", leaves_another},
             {"complains", complains_for_ever},
             {"greets", greets_for_ever},
             {"floods", floods},
             {"dies", dies},
             {"is-killed", is_killed}};

static int play(const char *name, char **argv)
{
	int monitor = -1;
	for (; *argv; argv++)
		if (strstr(*argv, "fd="))
			monitor = atoi(strstr(*argv, "fd=") + 3);
	for (size_t i = 0; i < HP_COUNT(fakes); i++)
		if (strcmp(fakes[i].name, name) == 0)
			_exit(fakes[i].play(monitor));
	return 98;
}

// -- the tests --

struct watched {
	char stages[256];
	bool terminates; // ask it to end once its devices are there
	struct hp_guest_end end;
	struct hp_error error;
};

static void note(void *data, const char *stage, int64_t us)
{
	struct watched *watched = data;
	size_t length = strlen(watched->stages);
	assert_true(us >= 0);
	snprintf(watched->stages + length, sizeof(watched->stages) - length, "%s ", stage);
	if (watched->terminates && strcmp(stage, "devices") == 0)
		kill(getpid(), SIGTERM);
}

static int watch(const char *name, struct watched *watched)
{
	hp_cleanup_argv struct hp_argv argv = {0};
	hp_argv_add(&argv, "/proc/self/exe");
	hp_argv_add(&argv, "--as");
	hp_argv_add(&argv, name);
	const struct hp_guest_options options = {
	    .argv = &argv, .grace_ms = GRACE_MS, .stage = note, .data = watched};
	alarm(HANGS_S);
	int code = hp_guest_run(&options, &watched->end, &watched->error);
	alarm(0);
	return code;
}

static void test_stages(void **state)
{
	struct watched watched = {0};
	(void)state;
	assert_int_equal(watch("boots", &watched), 0);
	assert_string_equal(watched.stages, "devices kernel init ended ");
	assert_string_equal(watched.end.reason, "guest-shutdown");
	assert_int_equal(watched.end.status, 0);
}

static void test_output_closed_is_no_end(void **state)
{
	struct watched watched = {.terminates = true};
	(void)state;
	assert_int_equal(watch("closes-its-output", &watched), 0);
	assert_int_equal(watched.end.signal, SIGTERM);
	assert_string_equal(watched.stages, "devices ended ");
}

static void test_what_it_leaves_behind_is_not_waited_for(void **state)
{
	struct watched watched = {0};
	time_t begun = time(NULL);
	(void)state;
	assert_int_equal(watch("leaves-another", &watched), 0);
	assert_true(time(NULL) - begun < OTHERS_LIVE_S - 2);
}

static void test_complaints_are_bounded(void **state)
{
	struct watched watched = {0};
	(void)state;
	assert_int_equal(watch("complains", &watched), -EIO);
	assert_int_equal(WEXITSTATUS(watched.end.status), 42);
}

static void test_greetings_are_answered_once(void **state)
{
	struct watched watched = {0};
	(void)state;
	assert_int_equal(watch("greets", &watched), 0);
}

/* Nobody takes what the guest prints, and it ends all the same when it is told to. */
static void test_stalled_output(void **state)
{
	struct watched watched = {.terminates = true};
	int ends[2], before = dup(STDOUT_FILENO);
	(void)state;
	assert_int_equal(pipe(ends), 0);
	dup2(ends[1], STDOUT_FILENO);
	int code = watch("floods", &watched);
	dup2(before, STDOUT_FILENO);
	close(before);
	close(ends[0]);
	close(ends[1]);
	assert_int_equal(code, 0);
	assert_int_equal(watched.end.signal, SIGTERM);
}

static void test_why_it_ended(void **state)
{
	struct watched died = {0}, killed = {0};
	(void)state;
	assert_int_equal(watch("dies", &died), -EIO);
	assert_string_equal(died.error.message, "qemu: hardware error");
	assert_int_equal(watch("is-killed", &killed), -EIO);
	assert_string_equal(killed.error.message, "QEMU was ended by signal 9");
}

static void test_no_program(void **state)
{
	hp_cleanup_argv struct hp_argv argv = {0};
	struct watched watched = {0};
	(void)state;
	hp_argv_add(&argv, "/nonexistent/qemu");
	const struct hp_guest_options options = {.argv = &argv, .stage = note, .data = &watched};
	assert_int_equal(hp_guest_run(&options, &watched.end, &watched.error), -ENOENT);
	assert_string_equal(watched.stages, "");
}

/* What happypath's death means to what it started: a signal that it can act on, or its end. */
static int told_when_we_die(int last_signal)
{
	int ends[2], status;
	char said[16] = "";
	assert_int_equal(pipe(ends), 0);
	fflush(NULL);
	pid_t us = fork();
	if (us == 0) {
		char *const argv[] = {
		    (char *)"sh", (char *)"-c",
		    (char *)"trap 'echo told; exit' TERM; echo up; while :; do sleep 0.1; done",
		    NULL};
		const struct hp_process_options how = {.input = -1, .last_signal = last_signal};
		struct hp_process process;
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		close(ends[1]);
		_exit(hp_process_start(argv, &how, &process, NULL) ? 1 : (pause(), 0));
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], said, 3), 3); // it is up
	kill(us, SIGKILL);
	waitpid(us, &status, 0);
	alarm(HANGS_S);
	ssize_t got = read(ends[0], said, sizeof(said)); // 0: all who could say something are gone
	alarm(0);
	close(ends[0]);
	return (int)got;
}

static void test_what_outlives_us(void **state)
{
	(void)state;
	assert_int_equal(told_when_we_die(0), 0);
	assert_int_equal(told_when_we_die(SIGTERM), strlen("told\n"));
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_stages),
	    cmocka_unit_test(test_output_closed_is_no_end),
	    cmocka_unit_test(test_what_it_leaves_behind_is_not_waited_for),
	    cmocka_unit_test(test_complaints_are_bounded),
	    cmocka_unit_test(test_greetings_are_answered_once),
	    cmocka_unit_test(test_stalled_output),
	    cmocka_unit_test(test_why_it_ended),
	    cmocka_unit_test(test_no_program),
	    cmocka_unit_test(test_what_outlives_us),
	};
	if (argc > 2 && strcmp(argv[1], "--as") == 0)
		return play(argv[2], argv + 3);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
