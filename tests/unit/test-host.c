// The door: live, root, levels, sleeping devices, programs. SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "host/host.h"
#include "host/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* A directory to build a machine's tree in. */
struct tree {
	char path[64];
};

static void make_parents(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, 0755);
		*slash = '/';
	}
}

static void put(const struct tree *tree, const char *path, const char *content)
{
	hp_cleanup_free char *whole = hp_asprintf("%s%s", tree->path, path);
	make_parents(whole);
	FILE *file = fopen(whole, "w");
	assert_non_null(file);
	fputs(content, file);
	fclose(file);
}

static void put_link(const struct tree *tree, const char *path, const char *target)
{
	hp_cleanup_free char *whole = hp_asprintf("%s%s", tree->path, path);
	make_parents(whole);
	assert_int_equal(symlink(target, whole), 0);
}

static void put_function(const struct tree *tree, const char *directory, const char *power_state,
                         const char *runtime_status)
{
	const char *address = strrchr(directory, '/') + 1;
	const struct {
		const char *name, *value;
	} files[] = {{"vendor", "0x10de\n"},        {"class", "0x030200\n"},
	             {"config", "\xde\x10 config"}, {"rom", "rom"},
	             {"resource0", "bar"},          {"current_link_speed", "16.0 GT/s PCIe\n"},
	             {"power_state", power_state},  {"power/runtime_status", runtime_status}};
	for (size_t i = 0; i < HP_COUNT(files); i++) {
		hp_cleanup_free char *path = hp_asprintf("/sys%s/%s", directory, files[i].name);
		put(tree, path, files[i].value);
	}
	hp_cleanup_free char *link = hp_asprintf("/sys/bus/pci/devices/%s", address);
	hp_cleanup_free char *target = hp_asprintf("../../..%s", directory);
	put_link(tree, link, target);
}

#define AWAKE          "0000:01:00.0"
#define ASLEEP         "0000:02:00.0"
#define BELOW_SLEEPER  "0000:03:00.0"
#define NO_POWER       "0000:00:1f.0"
#define SLEEPING_PORT  "0000:00:03.0"
#define VFIO_SUSPENDED "0000:04:00.0"

static int make_tree(void **state)
{
	struct tree *tree = calloc(1, sizeof(*tree));
	strcpy(tree->path, "/tmp/happypath-host-XXXXXX");
	assert_non_null(mkdtemp(tree->path));
	put_function(tree, "/devices/pci0000:00/0000:00:01.0", "D0\n", "active\n");
	put_function(tree, "/devices/pci0000:00/0000:00:01.0/" AWAKE, "D0\n", "active\n");
	put_function(tree, "/devices/pci0000:00/0000:00:02.0", "D0\n", "active\n");
	put_function(tree, "/devices/pci0000:00/0000:00:02.0/" ASLEEP, "D3hot\n", "suspended\n");
	put_function(tree, "/devices/pci0000:00/" SLEEPING_PORT, "D3hot\n", "suspended\n");
	put_function(tree, "/devices/pci0000:00/" SLEEPING_PORT "/" BELOW_SLEEPER, "D0\n",
	             "active\n");
	put_function(tree, "/devices/pci0000:00/" NO_POWER, "unknown\n", "unsupported\n");
	put_function(tree, "/devices/pci0000:00/" VFIO_SUSPENDED, "D0\n", "suspended\n");
	*state = tree;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static int remove_tree(void **state)
{
	struct tree *tree = *state;
	nftw(tree->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(tree);
	return 0;
}

static struct hp_host *open_tree(const struct tree *tree, int level, bool no_openat2)
{
	struct hp_host_options options = {
	    .level = level, .count_opens = true, .no_openat2 = no_openat2};
	struct hp_host *host;
	struct hp_error err = {0};
	if (hp_host_open_root(tree->path, &options, &host, &err) < 0)
		fail_msg("%s", err.message);
	return host;
}

static size_t opened(struct hp_host *host, const char *pattern)
{
	size_t count = 0;
	const struct hp_names *paths = hp_host_opened(host);
	for (size_t i = 0; i < paths->count; i++)
		count += fnmatch(pattern, paths->names[i], 0) == 0;
	return count;
}

static void test_reads_live(void **state)
{
	(void)state;
	struct hp_host *host;
	char text[256];
	assert_int_equal(hp_host_open_live(&(struct hp_host_options){.level = 0}, &host, NULL), 0);
	assert_int_equal(hp_host_kind(host), HP_HOST_LIVE);
	assert_true(hp_host_read(host, "/proc/sys/kernel/osrelease", text, sizeof(text)) > 0);
	assert_null(strchr(text, '\n'));
	assert_int_equal(hp_host_read(host, "/proc/no-such-file", text, sizeof(text)), -ENOENT);
	assert_int_equal(hp_host_read(host, "/proc/cpuinfo", text, 16), -EFBIG);
	struct hp_text whole = {0};
	assert_int_equal(hp_host_read_text(host, "/proc/cpuinfo", 1 << 24, &whole), 0);
	assert_true(whole.length > 16);
	hp_text_free(&whole);
	assert_int_equal(hp_host_exists(host, "/proc/self"), 1);
	assert_int_equal(hp_host_exists(host, "/no-such-file"), 0);
	assert_true(hp_host_covers(host, "/anything"));
	assert_true(hp_host_ask(host, "machine", text, sizeof(text)) > 0);
	assert_int_equal(hp_host_ask(host, "no such question", text, sizeof(text)), -ENODATA);
	hp_host_close(host);
}

static void test_live_lists_sorted(void **state)
{
	(void)state;
	struct hp_host *host;
	hp_cleanup_names struct hp_names names = {0};
	assert_int_equal(hp_host_open_live(&(struct hp_host_options){.level = 0}, &host, NULL), 0);
	assert_int_equal(hp_host_list(host, "/proc", &names), 0);
	assert_true(names.count > 10);
	for (size_t i = 1; i < names.count; i++)
		assert_true(strcmp(names.names[i - 1], names.names[i]) < 0);
	hp_host_close(host);
}

static void test_root_reads_and_lists(void **state)
{
	struct tree *tree = *state;
	struct hp_host *host = open_tree(tree, 0, false);
	char text[64];
	uint64_t vendor;
	assert_int_equal(
	    hp_host_read(host, "/sys/bus/pci/devices/" AWAKE "/vendor", text, sizeof(text)), 6);
	assert_string_equal(text, "0x10de");
	assert_int_equal(hp_host_read_u64(host, "/sys/bus/pci/devices/" AWAKE "/vendor", &vendor),
	                 0);
	assert_int_equal(vendor, 0x10de);
	char path[PATH_MAX];
	assert_true(hp_host_resolve(host, "/sys/bus/pci/devices/" AWAKE, path, sizeof(path)) > 0);
	assert_string_equal(path, "/sys/devices/pci0000:00/0000:00:01.0/" AWAKE);
	assert_true(hp_host_link_name(host, "/sys/bus/pci/devices/" AWAKE, text, sizeof(text)) > 0);
	assert_string_equal(text, AWAKE);
	hp_cleanup_names struct hp_names names = {0};
	assert_int_equal(hp_host_list(host, "/sys/bus/pci/devices", &names), 0);
	assert_int_equal(names.count, 8);
	assert_string_equal(names.names[0], "0000:00:01.0");
	hp_host_close(host);
}

/* An absolute link, and one that climbs, lead inside the root; with and without openat2. */
static void escapes(const struct tree *tree, bool no_openat2)
{
	struct hp_host *host = open_tree(tree, 0, no_openat2);
	char text[64];
	assert_true(hp_host_read(host, "/etc/absolute", text, sizeof(text)) > 0);
	assert_string_equal(text, "inside");
	assert_true(hp_host_read(host, "/etc/climbing", text, sizeof(text)) > 0);
	assert_string_equal(text, "inside");
	assert_true(hp_host_read(host, "/etc/through/hostname", text, sizeof(text)) > 0);
	assert_string_equal(text, "inside");
	assert_int_equal(hp_host_read(host, "/etc/loop", text, sizeof(text)), -ELOOP);
	assert_int_equal(hp_host_read(host, "/etc/outside", text, sizeof(text)), -ENOENT);
	assert_true(hp_host_link(host, "/etc/absolute", text, sizeof(text)) > 0);
	assert_string_equal(text, "/etc/hostname");
	assert_int_equal(hp_host_link(host, "/etc/hostname", text, sizeof(text)), -EINVAL);
	struct hp_stat st;
	assert_int_equal(hp_host_stat(host, "/etc/climbing", &st), 0);
	assert_true(S_ISREG(st.mode));
	assert_int_equal(st.size, 7);
	struct hp_dir *dir;
	assert_int_equal(hp_dir_open(host, "/etc", &dir), 0);
	assert_true(hp_dir_read(dir, "absolute", text, sizeof(text)) > 0);
	assert_string_equal(text, "inside");
	assert_int_equal(hp_dir_read(dir, "../etc/hostname", text, sizeof(text)), -EINVAL);
	assert_int_equal(hp_dir_read(dir, "/etc/hostname", text, sizeof(text)), -EINVAL);
	hp_dir_close(dir);
	hp_host_close(host);
}

static void test_links_stay_inside(void **state)
{
	struct tree *tree = *state;
	hp_cleanup_free char *secret = hp_asprintf("%s.outside", tree->path);
	FILE *file = fopen(secret, "w");
	fputs("outside\n", file);
	fclose(file);
	hp_cleanup_free char *climb = hp_asprintf("../../../../../../%s.outside", tree->path);
	put(tree, "/etc/hostname", "inside\n");
	put_link(tree, "/etc/absolute", "/etc/hostname");
	put_link(tree, "/etc/climbing", "../../../../../../../../etc/hostname");
	put_link(tree, "/etc/through", "/etc/../../etc");
	put_link(tree, "/etc/loop", "loop");
	put_link(tree, "/etc/outside", climb);
	escapes(tree, false);
	escapes(tree, true);
	unlink(secret);
}

static void test_partial_root_does_not_say(void **state)
{
	struct tree *tree = *state;
	struct hp_host *host = open_tree(tree, 0, false);
	char text[64];
	hp_cleanup_free char *empty = hp_asprintf("%s/dev", tree->path);
	assert_int_equal(mkdir(empty, 0755), 0);
	assert_false(hp_host_covers(host, "/proc/cmdline"));
	assert_false(hp_host_covers(host, "/dev/kvm"));
	assert_false(hp_host_covers(host, "/sys/module/nvidia"));
	assert_true(hp_host_covers(host, "/sys/bus/pci/devices/" AWAKE "/driver"));
	assert_int_equal(hp_host_read(host, "/proc/cmdline", text, sizeof(text)), -ENODATA);
	assert_int_equal(hp_host_exists(host, "/sys/module/nvidia"), -ENODATA);
	assert_int_equal(hp_host_read(host, "/sys/bus/pci/devices/" AWAKE "/numa_node", text, 64),
	                 -ENOENT);
	put(tree, "/sys/bus/pci/devices/0000:26:00.4/nvidia/current_vgpu_type", "0\n");
	struct hp_dir *dir;
	assert_int_equal(hp_dir_open(host, "/sys/bus/pci/devices/0000:26:00.4", &dir), 0);
	assert_int_equal(hp_dir_read(dir, "nvidia/current_vgpu_type", text, sizeof(text)), 1);
	assert_int_equal(hp_dir_link_name(dir, "driver", text, sizeof(text)), -ENODATA);
	hp_dir_close(dir);
	assert_int_equal(hp_host_link(host, "/sys/bus/pci/devices/0000:26:00.4/driver", text, 64),
	                 -ENODATA);
	hp_host_close(host);
}

static void test_no_host_at_all(void **state)
{
	(void)state;
	struct tree tree = {.path = "/tmp/happypath-host-XXXXXX"};
	assert_non_null(mkdtemp(tree.path));
	struct hp_host *host;
	struct hp_error err = {0};
	struct hp_host_options options = {0};
	assert_int_equal(hp_host_open_root(tree.path, &options, &host, &err), -EINVAL);
	assert_non_null(strstr(err.message, tree.path));
	rmdir(tree.path);
	assert_int_equal(hp_host_open_root(tree.path, &options, &host, &err), -ENOENT);
}

/* Every way to a file that reaches the device. */
static const char *const disturbing[] = {
    "/sys/bus/pci/devices/" AWAKE "/config",
    "/sys/bus/pci/devices/" AWAKE "/rom",
    "/sys/bus/pci/devices/" AWAKE "/resource0",
    "/sys/bus/pci/devices/" AWAKE "/current_link_speed",
    "/sys/bus/pci/devices/" AWAKE "/power/../config",
    "/sys/bus/pci/devices/" AWAKE "/./config",
    "/sys/bus/pci/devices/" AWAKE "/anything-new",
    "/sys/devices/pci0000:00/0000:00:01.0/" AWAKE "/config",
    "/sys/kernel/iommu_groups/1/devices/" AWAKE "/config",
    "/sys/class/drm/card0/device/config",
    "/sys/class/drm/card0/device/current_link_speed",
    "/sys/class/hwmon/hwmon0/temp1_input",
    "/proc/bus/pci/01/00.0",
    "/proc/self/fd/3",
    "/proc/1/root/dev/nvidia0",
    "/dev/nvidia0",
};

static void test_level_0_keeps_off(void **state)
{
	struct hp_host *host = open_tree(*state, 0, false);
	char text[64];
	for (size_t i = 0; i < HP_COUNT(disturbing); i++)
		assert_int_equal(hp_host_read(host, disturbing[i], text, sizeof(text)), -ECANCELED);
	struct hp_dir *dir;
	assert_int_equal(hp_dir_open(host, "/sys/bus/pci/devices/" AWAKE, &dir), 0);
	assert_int_equal(hp_dir_read(dir, "config", text, sizeof(text)), -ECANCELED);
	assert_int_equal(hp_dir_read(dir, "current_link_speed", text, sizeof(text)), -ECANCELED);
	assert_int_equal(hp_dir_read(dir, "subsystem/devices/" AWAKE "/config", text, 64),
	                 -ECANCELED);
	assert_int_equal(hp_dir_read(dir, "vendor", text, sizeof(text)), 6);
	assert_int_equal(hp_dir_read(dir, "power/runtime_status", text, sizeof(text)), 6);
	hp_dir_close(dir);
	uint8_t config[64];
	assert_int_equal(hp_host_read_config(host, AWAKE, config, sizeof(config)), -ECANCELED);
	assert_int_equal(hp_host_opened(host)->count, 3);
	hp_host_close(host);
}

static void test_level_1_keeps_off_what_is_never_read(void **state)
{
	struct hp_host *host = open_tree(*state, 2, false);
	char text[64];
	for (size_t i = 0; i < HP_COUNT(disturbing); i++) {
		bool link =
		    strstr(disturbing[i], "current_link_speed") && strstr(disturbing[i], AWAKE);
		bool config = strstr(disturbing[i], AWAKE "/config");
		if (!link && !config)
			assert_int_equal(hp_host_read(host, disturbing[i], text, sizeof(text)),
			                 -ECANCELED);
	}
	assert_int_equal(opened(host, "*/rom") + opened(host, "*/resource*"), 0);
	hp_host_close(host);
}

static void test_sleepers_are_left_alone(void **state)
{
	static const struct {
		const char *address;
		bool read;
	} functions[] = {
	    {AWAKE, true},           {"0000:00:01.0", true}, {NO_POWER, true},
	    {ASLEEP, false},         {SLEEPING_PORT, false}, {BELOW_SLEEPER, false},
	    {VFIO_SUSPENDED, false},
	};
	struct hp_host *host = open_tree(*state, 1, false);
	for (size_t i = 0; i < HP_COUNT(functions); i++) {
		uint8_t config[64];
		char link[64];
		ssize_t r = hp_host_read_config(host, functions[i].address, config, sizeof(config));
		assert_int_equal(r, functions[i].read ? 9 : -ECANCELED);
		r = hp_host_readf(host, link, sizeof(link),
		                  "/sys/bus/pci/devices/%s/current_link_speed",
		                  functions[i].address);
		assert_int_equal(r, functions[i].read ? 14 : -ECANCELED);
	}
	assert_int_equal(opened(host, "*/config"), 3);
	assert_int_equal(
	    opened(host, "*/" ASLEEP "/config") + opened(host, "*/" BELOW_SLEEPER "/config"), 0);
	hp_host_close(host);
}

static void test_wakes_on_purpose(void **state)
{
	struct hp_host *host = open_tree(*state, 1, false);
	static const char *const addresses[] = {BELOW_SLEEPER, NULL};
	uint8_t config[64];
	hp_host_wake(host, addresses);
	assert_int_equal(hp_host_read_config(host, BELOW_SLEEPER, config, sizeof(config)), 9);
	assert_int_equal(hp_host_read_config(host, ASLEEP, config, sizeof(config)), -ECANCELED);
	hp_host_close(host);
}

/* A GPU that was seen awake, and sleeps when it is looked at again. */
static struct hp_host *open_remembering(const struct tree *tree, const char *memory)
{
	struct hp_host_options options = {.level = 1, .memory = memory, .count_opens = true};
	struct hp_host *host;
	assert_int_equal(hp_host_open_root(tree->path, &options, &host, NULL), 0);
	return host;
}

static void put_config(const struct tree *tree, const char *runtime_status)
{
	char config[256] = "\xde\x10\x30\x23 and so on";
	hp_cleanup_free char *path =
	    hp_asprintf("%s/sys/devices/pci0000:00/0000:00:01.0/" AWAKE "/config", tree->path);
	FILE *file = fopen(path, "w");
	assert_int_equal(fwrite(config, 1, sizeof(config), file), sizeof(config));
	fclose(file);
	put(tree, "/sys/devices/pci0000:00/0000:00:01.0/" AWAKE "/device", "0x2330\n");
	put(tree, "/sys/devices/pci0000:00/0000:00:01.0/" AWAKE "/power/runtime_status",
	    runtime_status);
}

static void test_remembers_for_the_boot(void **state)
{
	struct tree *tree = *state;
	hp_cleanup_free char *memory = hp_asprintf("%s/memory", tree->path);
	uint8_t config[256];
	int64_t age = -1;
	put(tree, "/proc/sys/kernel/random/boot_id", "5f1c6a52-0000-4000-8000-000000000001\n");
	put_config(tree, "active\n");
	struct hp_host *host = open_remembering(tree, memory);
	assert_int_equal(hp_host_config(host, AWAKE, config, sizeof(config), &age), 256);
	assert_int_equal(age, 0);
	hp_host_close(host);

	put_config(tree, "suspended\n");
	host = open_remembering(tree, memory);
	assert_int_equal(hp_host_config(host, AWAKE, config, sizeof(config), &age), 256);
	assert_true(age > 0);
	assert_int_equal(config[3], 0x23);
	assert_int_equal(opened(host, "*/config"), 0);
	assert_int_equal(hp_host_config(host, ASLEEP, config, sizeof(config), &age), -ECANCELED);
	hp_host_close(host);

	/* Another device in its place, another boot, a file that others may write: none is
	 * believed. */
	put(tree, "/sys/devices/pci0000:00/0000:00:01.0/" AWAKE "/device", "0x20b0\n");
	host = open_remembering(tree, memory);
	assert_int_equal(hp_host_config(host, AWAKE, config, sizeof(config), &age), -ECANCELED);
	hp_host_close(host);
	put(tree, "/sys/devices/pci0000:00/0000:00:01.0/" AWAKE "/device", "0x2330\n");
	hp_cleanup_free char *file =
	    hp_asprintf("%s/config-5f1c6a52-0000-4000-8000-000000000001", memory);
	struct stat st;
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(chmod(file, 0666), 0);
	host = open_remembering(tree, memory);
	assert_int_equal(hp_host_config(host, AWAKE, config, sizeof(config), &age), -ECANCELED);
	hp_host_close(host);
	assert_int_equal(chmod(file, 0600), 0);
	assert_int_equal(truncate(file, st.st_size - 1), 0);
	host = open_remembering(tree, memory);
	assert_int_equal(hp_host_config(host, AWAKE, config, sizeof(config), &age), -ECANCELED);
	hp_host_close(host);
	put(tree, "/proc/sys/kernel/random/boot_id", "5f1c6a52-0000-4000-8000-000000000002\n");
	host = open_remembering(tree, memory);
	assert_int_equal(hp_host_config(host, AWAKE, config, sizeof(config), &age), -ECANCELED);
	hp_host_close(host);
}

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void test_runs_programs(void **state)
{
	(void)state;
	struct hp_host *host;
	assert_int_equal(hp_host_open_live(&(struct hp_host_options){0}, &host, NULL), 0);
	setenv("HAPPYPATH_SECRET", "must not be seen", 1);
	int leaked = open("/dev/null", O_RDONLY); // not close-on-exec, on purpose
	hp_cleanup_text struct hp_text environment = {0}, fds = {0}, some = {0};
	assert_int_equal(hp_host_run(host, (const char *[]){"env", NULL}, 5000, 4096, &environment),
	                 0);
	assert_null(strstr(hp_text_get(&environment), "SECRET"));
	assert_non_null(strstr(hp_text_get(&environment), "PATH="));
	const char *const list[] = {"ls", "/proc/self/fd", NULL};
	assert_int_equal(hp_host_run(host, list, 5000, 4096, &fds), 0);
	assert_string_equal(hp_text_get(&fds), "0\n1\n2\n3\n"); // 3 is the directory that ls reads
	assert_int_equal(hp_host_run(host, (const char *[]){"yes", NULL}, 200, 10, &some), -ETIME);
	assert_int_equal(hp_host_run(host, (const char *[]){"seq", "99999", NULL}, 5000, 10, &some),
	                 0);
	assert_int_equal(some.length, 10);
	assert_int_equal(hp_host_run(host, (const char *[]){"false", NULL}, 5000, 10, &some), 1);
	assert_int_equal(hp_host_run(host, (const char *[]){"/no/such", NULL}, 5000, 10, &some),
	                 -ENOENT);
	close(leaked);
	hp_host_close(host);
}

/* Neither a program that sleeps, nor one that closes its output and stays, nor its children outlive
 * the deadline. */
static void test_deadline_kills(void **state)
{
	(void)state;
	struct hp_host *host;
	assert_int_equal(hp_host_open_live(&(struct hp_host_options){0}, &host, NULL), 0);
	hp_cleanup_text struct hp_text text = {0};
	static const char *const scripts[] = {"sleep 30", "exec >&-; sleep 30",
	                                      "sleep 30 & sleep 30"};
	for (size_t i = 0; i < HP_COUNT(scripts); i++) {
		int64_t start = now_ms();
		const char *const argv[] = {"sh", "-c", scripts[i], NULL};
		assert_int_equal(hp_host_run(host, argv, 100, 4096, &text), -ETIME);
		assert_true(now_ms() - start < 5000);
	}
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); // no child is left
	hp_host_close(host);
}

static void test_no_programs_of_a_root(void **state)
{
	struct hp_host *host = open_tree(*state, 1, false);
	struct hp_text text = {0};
	assert_int_equal(hp_host_run(host, (const char *[]){"true", NULL}, 100, 10, &text),
	                 -ENODATA);
	assert_int_equal(hp_host_access(host, "/dev/kvm"), -ENODATA);
	hp_host_close(host);
}

int main(void)
{
#define WITH_TREE(test) cmocka_unit_test_setup_teardown(test, make_tree, remove_tree)
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_reads_live),
	    cmocka_unit_test(test_live_lists_sorted),
	    WITH_TREE(test_root_reads_and_lists),
	    WITH_TREE(test_links_stay_inside),
	    WITH_TREE(test_partial_root_does_not_say),
	    cmocka_unit_test(test_no_host_at_all),
	    WITH_TREE(test_level_0_keeps_off),
	    WITH_TREE(test_level_1_keeps_off_what_is_never_read),
	    WITH_TREE(test_sleepers_are_left_alone),
	    WITH_TREE(test_wakes_on_purpose),
	    WITH_TREE(test_remembers_for_the_boot),
	    cmocka_unit_test(test_runs_programs),
	    cmocka_unit_test(test_deadline_kills),
	    WITH_TREE(test_no_programs_of_a_root),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
