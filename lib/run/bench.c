// Boots measured side by side. SPDX-License-Identifier: Apache-2.0
#include "run/bench.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "base/write.h"
#include "emit/argv.h"
#include "run/initramfs.h"
#include "run/process.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LINE_LIMIT = 4096 }; // of a console's, to look for marks in

#define APPEND  "console=ttyS0 quiet panic=-1"
#define MACHINE "-m {memory}M -accel {accel} -cpu {cpu} -display none -no-reboot "
#define GUEST   " -initrd {initrd} -append {append}"

/* The tuned shape is what emit and run give a guest (lib/emit/qemu-shape.c), its device's root port
 * included. */
const struct hp_boot_shape hp_boot_shapes[] = {
    {.vmm = "qemu",
     .name = "default",
     .program = "qemu-system-x86_64",
     .emulates = true,
     .words = "-machine q35 " MACHINE "-serial stdio -kernel {kernel}" GUEST,
     .about = "q35 with its default devices, SeaBIOS, a bzImage"},
    {.vmm = "qemu",
     .name = "tuned",
     .program = "qemu-system-x86_64",
     .emulates = true,
     .words =
         "-machine q35,memory-backend=ram0 -object memory-backend-memfd,id=ram0,size={memory}M "
         "-nodefaults -no-user-config " MACHINE
         "-chardev stdio,id=console0,signal=off -device isa-serial,chardev=console0 "
         "-device pcie-root-port,id=port0,bus=pcie.0,addr=2.0,chassis=1,slot=1 "
         "-bios qboot.rom -kernel {vmlinux}" GUEST,
     .about = "q35 without default devices, one root port, qboot, a vmlinux by PVH"},
    {.vmm = "qemu",
     .name = "microvm",
     .program = "qemu-system-x86_64",
     .emulates = true,
     .words = "-machine microvm,acpi=off -nodefaults -no-user-config " MACHINE
              "-serial stdio -kernel {vmlinux}" GUEST,
     // With ACPI the kernel finds no clock under emulation that it could calibrate by.
     .about = "QEMU's machine without PCI and ACPI, qboot, a vmlinux by PVH"},
    {.vmm = "cloud-hypervisor",
     .name = "default",
     .program = "cloud-hypervisor",
     .words = "--memory size={memory}M --cpus boot=1 --serial tty --console off "
              "--kernel {vmlinux} --initramfs {initrd} --cmdline {append}",
     .about = "a vmlinux by PVH"},
    {.vmm = "firecracker",
     .name = "default",
     .program = "firecracker",
     .words = "--no-api --config-file {config}",
     .about = "a vmlinux, no PCI"},
    {.vmm = "crosvm",
     .name = "default",
     .program = "crosvm",
     .words = "run --disable-sandbox --mem {memory} --cpus 1 "
              "--serial type=stdout,hardware=serial,console,num=1 --initrd {initrd} "
              "--params {append} {vmlinux}",
     .about = "a vmlinux"},
};
const size_t hp_boot_shape_count = HP_COUNT(hp_boot_shapes);

// -- the command line --

/* A file that only its descriptor names: nothing is left behind. */
static int make_file(const char *name, const struct hp_text *content)
{
	int fd = memfd_create(name, MFD_CLOEXEC);
	if (fd >= 0 && hp_write_whole(fd, content->data, content->length) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

struct place {
	const char *name;
	char value[512];
};

static const char *value_of(const struct place *places, const char *name, size_t length)
{
	for (; places->name; places++)
		if (strlen(places->name) == length && strncmp(places->name, name, length) == 0)
			return places->value;
	return "";
}

static void add_filled(struct hp_argv *argv, const char *word, const struct place *places)
{
	hp_cleanup_text struct hp_text text = {0};
	while (*word) {
		size_t plain = strcspn(word, "{"), name = strcspn(word + plain, "}");
		hp_text_add(&text, word, plain);
		word += plain;
		if (!*word)
			break;
		hp_text_puts(&text, value_of(places, word + 1, name - 1));
		word += name + 1;
	}
	hp_argv_add(argv, hp_text_get(&text));
}

static void fill_in(const struct hp_boot_shape *shape, const struct place *places,
                    struct hp_argv *ret)
{
	hp_cleanup_free char *words = hp_strdup(shape->words);
	char *rest = words;
	hp_argv_add(ret, shape->program);
	for (char *word; (word = hp_next_word(&rest));)
		add_filled(ret, word, places);
}

static void make_config(const struct hp_boot_setup *setup, int initrd, struct hp_text *ret)
{
	hp_text_printf(ret,
	               "{\"boot-source\": {\"kernel_image_path\": \"%s\", \"initrd_path\": "
	               "\"/proc/self/fd/%d\", \"boot_args\": \"" APPEND "\"}, \"drives\": [], "
	               "\"machine-config\": {\"vcpu_count\": 1, \"mem_size_mib\": %lld}}",
	               setup->vmlinux, initrd, (long long)(setup->memory >> 20));
}

// -- one boot --

struct watch {
	struct hp_process *process;
	struct hp_boot_given *given;
	struct hp_text line;
	int64_t took_us; // -1: init was not there yet
	bool ended;
};

static void take_function(struct hp_boot_given *given, const char *class)
{
	given->functions++;
	given->bridges += hp_starts_with(class, "0x0604");
	size_t length = strlen(given->classes);
	if (length + 8 < sizeof(given->classes) && strlen(class) >= 8)
		snprintf(given->classes + length, sizeof(given->classes) - length, "%s%.6s",
		         length ? " " : "", class + 2);
}

/* A console may say something in front of what we look for. */
static void take_line(struct watch *watch, int64_t now)
{
	const char *line = hp_text_get(&watch->line), *at;
	struct hp_boot_given *given = watch->given;
	if (strstr(line, HP_INIT_BEGIN) && watch->took_us < 0)
		watch->took_us = now - watch->process->started_us;
	if ((at = strstr(line, HP_INIT_UNPACKED)))
		given->unpacked = at[strlen(HP_INIT_UNPACKED)] == '1';
	if ((at = strstr(line, HP_INIT_PCI)) && (at = strstr(at, " 0x")))
		take_function(given, at + 1);
	watch->ended = watch->ended || strstr(line, HP_INIT_END);
}

static void take_output(struct watch *watch, const char *data, size_t length)
{
	int64_t now = hp_clock_us();
	for (size_t i = 0; i < length; i++) {
		hp_text_add(&watch->line, &data[i], 1);
		if (data[i] != '\n' && watch->line.length < LINE_LIMIT)
			continue;
		take_line(watch, now);
		hp_text_free(&watch->line);
	}
}

static int watch_boot(struct watch *watch, int deadline_ms, struct hp_error *err)
{
	const char *program = "the guest";
	int64_t end = watch->process->started_us + (int64_t)deadline_ms * 1000;
	while (!watch->ended) {
		char buffer[4096];
		struct pollfd ready = {.fd = watch->process->output, .events = POLLIN};
		int64_t left = (end - hp_clock_us()) / 1000;
		if (left <= 0)
			return hp_fail(err, -ETIME, "%s was not at its init within %d s", program,
			               deadline_ms / 1000);
		if (poll(&ready, 1, (int)left) <= 0)
			continue;
		ssize_t got = read(watch->process->output, buffer, sizeof(buffer));
		if (got <= 0)
			return hp_fail(err, -EIO, "the VMM ended before the guest's init");
		take_output(watch, buffer, (size_t)got);
	}
	return 0;
}

static int boot(char *const *argv, const int *keep, int deadline_ms, int64_t *ret_us,
                struct hp_boot_given *ret_given, struct hp_error *err)
{
	const struct hp_process_options how = {.keep = keep, .input = -1, .catch = true};
	struct hp_process process;
	struct hp_boot_given given = {.unpacked = -1};
	struct watch watch = {.process = &process, .given = &given, .took_us = -1};
	int code = hp_process_start(argv, &how, &process, err);
	if (code)
		return code;
	code = watch_boot(&watch, deadline_ms, err);
	hp_cleanup_free char *words = hp_process_last_words(&process);
	if (code && *words)
		hp_fail(err, code, "%s", words);
	hp_process_finish(&process);
	hp_text_free(&watch.line);
	if (code)
		return code;
	*ret_us = watch.took_us;
	*ret_given = given;
	return 0;
}

int hp_boot_once(const struct hp_boot_shape *shape, const struct hp_boot_setup *setup,
                 int64_t *ret_us, struct hp_boot_given *ret_given, struct hp_error *err)
{
	hp_cleanup_text struct hp_text archive = {0}, config = {0};
	hp_cleanup_argv struct hp_argv argv = {0};
	hp_initramfs(&archive);
	hp_cleanup_fd int initrd = make_file("initrd", &archive);
	make_config(setup, initrd, &config);
	hp_cleanup_fd int file = make_file("config", &config);
	if (initrd < 0 || file < 0)
		return hp_fail(err, -errno, "no file in memory: %s", strerror(errno));
	struct place places[] = {{.name = "kernel"}, {.name = "vmlinux"}, {.name = "initrd"},
	                         {.name = "config"}, {.name = "memory"},  {.name = "accel"},
	                         {.name = "cpu"},    {.name = "append"},  {.name = NULL}};
	enum { SIZE = sizeof(places[0].value) };
	snprintf(places[0].value, SIZE, "%s", setup->kernel);
	snprintf(places[1].value, SIZE, "%s", setup->vmlinux);
	snprintf(places[2].value, SIZE, "/proc/self/fd/%d", initrd);
	snprintf(places[3].value, SIZE, "/proc/self/fd/%d", file);
	snprintf(places[4].value, SIZE, "%lld", (long long)(setup->memory >> 20));
	snprintf(places[5].value, SIZE, "%s", setup->emulated ? "tcg,thread=multi" : "kvm");
	snprintf(places[6].value, SIZE, "%s", setup->emulated ? "max" : "host");
	snprintf(places[7].value, SIZE, "%s", APPEND);
	fill_in(shape, places, &argv);
	const int keep[] = {initrd, file, -1};
	return boot(argv.words, keep, setup->deadline_ms, ret_us, ret_given, err);
}

// -- all --

bool hp_boot_is_installed(const struct hp_boot_shape *shape)
{
	const char *path = getenv("PATH");
	hp_cleanup_free char *copy = hp_strdup(path ? path : "/usr/local/bin:/usr/bin:/bin");
	char *rest = copy;
	for (char *folder; (folder = strsep(&rest, ":"));) {
		hp_cleanup_free char *file = hp_asprintf("%s/%s", folder, shape->program);
		if (*folder && access(file, X_OK) == 0)
			return true;
	}
	return false;
}

static void begin(struct hp_boot *boot, const struct hp_boot_setup *setup, size_t rounds)
{
	boot->installed = hp_boot_is_installed(boot->shape);
	boot->rounds_us = hp_calloc(rounds, sizeof(*boot->rounds_us));
	if (!boot->installed)
		boot->failed = hp_asprintf("%s is not installed", boot->shape->program);
	else if (setup->emulated && !boot->shape->emulates)
		boot->failed = hp_strdup("it runs on KVM alone");
}

static void measure(struct hp_boot *boot, const struct hp_boot_setup *setup)
{
	struct hp_error error = {0};
	int64_t took;
	if (boot->failed)
		return;
	if (hp_boot_once(boot->shape, setup, &took, &boot->given, &error))
		boot->failed = hp_strdup(error.message);
	else
		boot->rounds_us[boot->rounds++] = took;
}

struct hp_boot *hp_boot_all(const struct hp_boot_setup *setup, size_t rounds,
                            void (*round)(void *data, size_t round), void *data)
{
	struct hp_boot *boots = hp_calloc(hp_boot_shape_count, sizeof(*boots));
	for (size_t i = 0; i < hp_boot_shape_count; i++) {
		boots[i].shape = &hp_boot_shapes[i];
		begin(&boots[i], setup, rounds);
	}
	for (size_t n = 0; n < rounds; n++) {
		if (round)
			round(data, n);
		for (size_t i = 0; i < hp_boot_shape_count; i++)
			measure(&boots[i], setup);
	}
	return boots;
}

void hp_boots_free(struct hp_boot *boots)
{
	for (size_t i = 0; boots && i < hp_boot_shape_count; i++) {
		free(boots[i].rounds_us);
		free(boots[i].failed);
	}
	free(boots);
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

int64_t hp_boot_median(const struct hp_boot *boot)
{
	size_t count = boot->rounds;
	if (!count)
		return -1;
	hp_cleanup_free int64_t *sorted = hp_calloc(count, sizeof(*sorted));
	memcpy(sorted, boot->rounds_us, count * sizeof(*sorted));
	qsort(sorted, count, sizeof(*sorted), by_size);
	return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
}
