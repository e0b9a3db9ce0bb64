// Kinds that change files and services, there and back. SPDX-License-Identifier: Apache-2.0
#include "kinds.h"

#include "base/cleanup.h"
#include "host/capture.h"

#include "step/edit.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static const struct entry plain[] = {
    {"/etc/hostname", "there\n"},
    {"/proc/cmdline", "ro\n"},
    {NULL, NULL},
};

// == modprobe.d

#define NVIDIA "# The site's own.\n\nblacklist nouveau\noptions nvidia NVreg_A=1   NVreg_B=2\n"

static void test_modprobe(void **state HP_UNUSED)
{
	static const struct hp_kind *const kind = &hp_kind_modprobe;
	struct world world;
	world_make(&world, plain, NULL);
	there_and_back(&world, kind, "happypath.conf", "blacklist nouveau; blacklist nova_core",
	               "modprobe happypath.conf: no file -> blacklist nouveau; blacklist nova_core",
	               "");
	world_put(&world, "/etc/modprobe.d/nvidia.conf", NVIDIA, 0600);
	there_and_back(&world, kind, "nvidia.conf", "options nvidia NVreg_B=3", NULL, "");
	there_and_back(&world, kind, "nvidia.conf", "-blacklist nouveau", NULL, "");
	assert_rehearsed(&world, kind, "nvidia.conf",
	                 "options nvidia NVreg_B=3; -options nvidia NVreg_A; -blacklist   nouveau",
	                 "replace /etc/modprobe.d/nvidia.conf\n# The site's own.\n\noptions nvidia "
	                 "NVreg_B=3\n");
	// A line too many is no reason to write.
	assert_rehearsed(&world, kind, "nvidia.conf", "blacklist nouveau", "");
	go(&world, kind, "happypath.conf", "blacklist nova_core");
	go(&world, kind, "happypath.conf", "-blacklist nova_core");
	assert_int_equal(hp_host_exists(world.host, "/etc/modprobe.d/happypath.conf"), 0);
	assert_refused(
	    &world, kind, "happypath.conf", "nouveau",
	    "modprobe happypath.conf: 'nouveau': expected a line of modprobe.d, such as "
	    "'blacklist nouveau' or 'options nvidia NVreg_DeviceFileMode=0666', with '-' "
	    "before it to take it away");
	struct hp_error err;
	json_t *none = NULL;
	assert_int_equal(kind->read(world.host, "../shadow.conf", &none, &err), -EINVAL);
	world_free(&world);
}

static void test_modprobe_that_another_file_overrules(void **state HP_UNUSED)
{
	struct world world;
	world_make(&world, plain, NULL);
	tree_put(&world.tree, "/usr/lib/modprobe.d/aaa.conf",
	         "options vfio-pci disable_idle_d3=0\n");
	tree_put(&world.tree, "/usr/lib/modprobe.d/zzz.conf",
	         "options vfio-pci disable_idle_d3=0\n");
	assert_obstacles(
	    &world, &hp_kind_modprobe, "happypath.conf", "options vfio_pci disable_idle_d3=1",
	    "broken /usr/lib/modprobe.d/zzz.conf: /usr/lib/modprobe.d/zzz.conf is read "
	    "after happypath.conf and sets disable_idle_d3=0\n");
	world_free(&world);
}

// == initramfs

static const struct entry debian[] = {
    {"/etc/hostname", "there\n"},
    {"/usr/sbin/update-initramfs", ""},
    {"/usr/sbin/mkinitramfs", ""},
    {"/etc/initramfs-tools/modules", "# List of modules\n"},
    {"/boot/initrd.img-6.1.0-1", "old"},
    {"/boot/initrd.img-6.1.0-2", "new"},
    {"/boot/initrd.img-6.1.0-1.old-dkms", "not one"},
    {"/boot/initrd.img-6.1.0-2.new", "of a build that was killed"},
    {NULL, NULL},
};

/* Builders leave the image newer than all that they copied; listers know what is in it. */
static int initramfs_programs(struct world *world, const char *const argv[], struct hp_text *output)
{
	if (strcmp(argv[0], "lsinitramfs") == 0 || strcmp(argv[0], "lsinitrd") == 0)
		return hp_text_puts(output,
		                    "usr/lib/modules/x/kernel/drivers/vfio/pci/vfio-pci.ko.xz\n"),
		       0;
	bool debians = strcmp(argv[0], "update-initramfs") == 0;
	hp_cleanup_free char *image =
	    debians ? hp_asprintf("%s/boot/initrd.img-%s", world->tree.path, argv[3])
		    : hp_asprintf("%s%s", world->tree.path, argv[2]);
	const struct timespec later[2] = {{.tv_sec = time(NULL) + 5}, {.tv_sec = time(NULL) + 5}};
	return utimensat(AT_FDCWD, image, later, 0) < 0 ? 1 : 0;
}

static void set_time(struct world *world, const char *path, time_t when)
{
	hp_cleanup_free char *whole = hp_asprintf("%s%s", world->tree.path, path);
	const struct timespec times[2] = {{.tv_sec = when}, {.tv_sec = when}};
	assert_int_equal(utimensat(AT_FDCWD, whole, times, 0), 0);
}

static void make_old(struct world *world, const char *path)
{
	set_time(world, path, 1000);
}

static void make_debian(struct world *world)
{
	static const char *const paths[] = {"/etc/initramfs-tools/modules", "/etc/initramfs-tools"};
	world_make(world, debian, initramfs_programs);
	for (size_t i = 0; i < HP_COUNT(paths); i++)
		make_old(world, paths[i]);
}

static void test_initramfs_tools(void **state HP_UNUSED)
{
	static const struct hp_kind *const kind = &hp_kind_initramfs;
	struct world world;
	make_debian(&world);
	there_and_back(&world, kind, "all", "with vfio-pci vfio",
	               "initramfs all: /etc/initramfs-tools/modules: nothing but comments -> "
	               "/etc/initramfs-tools/modules: vfio-pci; vfio, built from it",
	               "update-initramfs -u -k 6.1.0-1\nupdate-initramfs -u -k 6.1.0-2\n");
	there_and_back(&world, kind, "6.1.0-2", "with vfio-pci", NULL,
	               "update-initramfs -u -k 6.1.0-2\n");
	assert_refused(&world, kind, "6.6.6", "rebuilt",
	               "there is no initramfs of kernel 6.6.6 in /boot");
	world_free(&world);
}

static void test_initramfs_rebuilt_if_older(void **state HP_UNUSED)
{
	static const struct hp_kind *const kind = &hp_kind_initramfs;
	struct world world;
	make_debian(&world);
	go(&world, kind, "all", "rebuilt");
	assert_string_equal(hp_text_get(&world.ran), "");
	make_old(&world, "/boot/initrd.img-6.1.0-1");
	assert_rehearsed(&world, kind, "all", "rebuilt", "run update-initramfs -u -k 6.1.0-1\n");
	go(&world, kind, "all", "rebuilt");
	assert_string_equal(hp_text_get(&world.ran), "update-initramfs -u -k 6.1.0-1\n");
	world_free(&world);
}

/* A builder that does nothing leaves the image old, and that is found out. */
static int no_builder(struct world *world HP_UNUSED, const char *const argv[] HP_UNUSED,
                      struct hp_text *output HP_UNUSED)
{
	return 0;
}

static void test_initramfs_must_be_built(void **state HP_UNUSED)
{
	static const struct hp_kind *const kind = &hp_kind_initramfs;
	struct world world;
	struct hp_error err;
	hp_cleanup_free char *refusal = NULL;
	make_debian(&world);
	world.programs = no_builder;
	make_old(&world, "/boot/initrd.img-6.1.0-1");
	json_t *before = read_state(&world, kind, "all");
	json_t *after = want(&world, kind, "all", "rebuilt", &refusal);
	assert_int_equal(kind->write(world.host, "all", before, after, &err), 0);
	json_t *found = read_state(&world, kind, "all");
	assert_false(kind->same("all", after, found, NULL));
	json_decref(before);
	json_decref(after);
	json_decref(found);
	world_free(&world);
}

/* An image holds a copy of modprobe.d: it follows there and back, if it holds the module. */
static void test_initramfs_follows_modprobe(void **state HP_UNUSED)
{
	struct world world;
	make_debian(&world);
	assert_rehearsed(&world, &hp_kind_modprobe, "happypath.conf", "blacklist vfio-pci",
	                 "replace /etc/modprobe.d/happypath.conf\n" HP_EDIT_HEAD
	                 "blacklist vfio-pci\nrun update-initramfs -u -k 6.1.0-1\nrun "
	                 "update-initramfs -u -k 6.1.0-2\n");
	there_and_back(&world, &hp_kind_modprobe, "happypath.conf", "softdep nvidia pre: vfio-pci",
	               NULL, "update-initramfs -u -k 6.1.0-1\nupdate-initramfs -u -k 6.1.0-2\n");
	hp_text_free(&world.ran);
	go(&world, &hp_kind_modprobe, "happypath.conf", "options vfio_iommu_type1 a=1");
	assert_string_equal(hp_text_get(&world.ran), "");
	world_free(&world);
}

static const struct entry fedora[] = {
    {"/etc/hostname", "there\n"},
    {"/usr/bin/dracut", ""},
    {"/boot/initramfs-6.11.4-301.fc41.x86_64.img", "one"},
    {"/boot/initramfs-0-rescue-abc.img", "not one"},
    {"/boot/initramfs-6.11.4-301.fc41.x86_64kdump.img", "not one"},
    {NULL, NULL},
};

static void test_dracut(void **state HP_UNUSED)
{
	static const struct hp_kind *const kind = &hp_kind_initramfs;
	struct world world;
	world_make(&world, fedora, initramfs_programs);
	assert_rehearsed(&world, kind, "all", "with vfio-pci",
	                 "replace /etc/dracut.conf.d/happypath.conf\n" HP_EDIT_HEAD
	                 "force_drivers+=\" vfio-pci \"\nrun dracut --force "
	                 "/boot/initramfs-6.11.4-301.fc41.x86_64.img 6.11.4-301.fc41.x86_64\n");
	there_and_back(&world, kind, "all", "with vfio-pci", NULL,
	               "dracut --force /boot/initramfs-6.11.4-301.fc41.x86_64.img "
	               "6.11.4-301.fc41.x86_64\n");
	world_free(&world);
}

// == modules-load.d, files of others

static void test_modules_load(void **state HP_UNUSED)
{
	static const struct hp_kind *const kind = &hp_kind_modules_load;
	struct world world;
	world_make(&world, plain, NULL);
	assert_rehearsed(&world, kind, "happypath.conf", "vfio-pci vfio_iommu_type1",
	                 "replace /etc/modules-load.d/happypath.conf\n" HP_EDIT_HEAD
	                 "vfio-pci\nvfio_iommu_type1\n");
	there_and_back(&world, kind, "happypath.conf", "vfio-pci", NULL, "");
	go(&world, kind, "happypath.conf", "vfio-pci");
	assert_rehearsed(&world, kind, "happypath.conf", "-vfio-pci",
	                 "remove /etc/modules-load.d/happypath.conf\n");
	assert_refused(&world, kind, "happypath.conf", "a/b",
	               "modules-load happypath.conf: 'a/b': expected names of modules, with '-' "
	               "before those to take away");
	world_free(&world);
}

#define TOOLKIT                                                                                    \
	"# /etc/nvidia-container-runtime/config.toml\n[nvidia-container-cli]\n  #no-cgroups = "    \
	"false\n\n[other]\nno-cgroups-at-all = 1"

static void test_file(void **state HP_UNUSED)
{
	static const char path[] = "/etc/nvidia-container-runtime/config.toml";
	struct world world;
	world_make(&world, plain, NULL);
	world_put(&world, path, TOOLKIT, 0640);
	there_and_back(&world, &hp_kind_file, path, "set no-cgroups = true", NULL, "");
	assert_rehearsed(&world, &hp_kind_file, path, "set no-cgroups = true",
	                 "replace /etc/nvidia-container-runtime/config.toml\n"
	                 "# /etc/nvidia-container-runtime/config.toml\n[nvidia-container-cli]\n  "
	                 "no-cgroups = true\n\n[other]\nno-cgroups-at-all = 1\n");
	assert_refused(
	    &world, &hp_kind_file, path, "set x = 1",
	    "/etc/nvidia-container-runtime/config.toml has no line that sets x, commented "
	    "out or not");
	// A line that sets it goes before one that is commented out.
	tree_put(&world.tree, path, "#a = 1\na = 2\n");
	assert_rehearsed(&world, &hp_kind_file, path, "set a = 3",
	                 "replace /etc/nvidia-container-runtime/config.toml\n#a = 1\na = 3\n");
	there_and_back(&world, &hp_kind_file, "/etc/security/limits.d/happypath.conf",
	               "line @kvm - memlock unlimited",
	               "file /etc/security/limits.d/happypath.conf: no file -> @kvm - memlock "
	               "unlimited",
	               "");
	struct hp_error err;
	json_t *none = NULL;
	assert_int_equal(hp_kind_file.read(world.host, "/etc/shadow", &none, &err), -EINVAL);
	assert_int_equal(
	    hp_kind_file.read(world.host, "/etc/security/limits.d/../../shadow.conf", &none, &err),
	    -EINVAL);
	world_free(&world);
}

static void test_no_link_is_replaced(void **state HP_UNUSED)
{
	struct world world;
	struct hp_error err;
	json_t *none = NULL;
	world_make(&world, plain, NULL);
	tree_put_link(&world.tree, "/etc/modprobe.d/happypath.conf", "/etc/hostname");
	assert_int_equal(hp_kind_modprobe.read(world.host, "happypath.conf", &none, &err), -ELOOP);
	world_free(&world);
}

// == units

#define UNIT  "[Unit]\n[Service]\n[Install]\nWantedBy=multi-user.target\n"
#define RUNS  "/run/systemd/units/invocation:"
#define WANTS "/etc/systemd/system/multi-user.target.wants/"

static const struct entry units[] = {
    {"/etc/hostname", "there\n"},
    {"/run/systemd/units/x", ""},
    {"/lib/x", ""},
    {"/usr/lib/systemd/system/docker.service", UNIT},
    {WANTS "docker.service", "-> /usr/lib/systemd/system/docker.service"},
    {RUNS "docker.service", "-> 0123"},
    {RUNS "docker.socket", "-> 0456"},
    {RUNS "job.service", "-> 0789"},
    {"/usr/lib/systemd/system/nvidia-persistenced.service", UNIT},
    {"/usr/lib/systemd/system/helper.service", "[Service]\n"},
    {"/etc/systemd/system/masked.service", "-> /dev/null"},
    {"/usr/lib/systemd/system/masked.service", UNIT},
    {"/sys/fs/cgroup/system.slice/docker-1a.scope/cgroup.procs", ""},
    {"/sys/fs/cgroup/system.slice/docker-2b.scope/cgroup.procs", ""},
    {"/sys/fs/cgroup/system.slice/docker.service/cgroup.procs", ""},
    {NULL, NULL},
};

static int units_programs(struct world *world, const char *const argv[], struct hp_text *output)
{
	if (strcmp(argv[0], "systemctl") != 0)
		return -ENOENT;
	if (strcmp(argv[1], "show") == 0)
		return hp_text_puts(output, "RequiredBy=job.service idle.service\nBoundBy=\n"), 0;
	const char *unit = argv[3];
	hp_cleanup_free char *runs = hp_asprintf("%s" RUNS "%s", world->tree.path, unit);
	hp_cleanup_free char *wants = hp_asprintf("%s" WANTS "%s", world->tree.path, unit);
	hp_cleanup_free char *mask =
	    hp_asprintf("%s/etc/systemd/system/%s", world->tree.path, unit);
	hp_cleanup_free char *file = hp_asprintf("/usr/lib/systemd/system/%s", unit);
	const struct {
		const char *verb, *path, *target;
	} verbs[] = {
	    {"start", runs, "0123"},  {"stop", runs, NULL},        {"enable", wants, file},
	    {"disable", wants, NULL}, {"mask", mask, "/dev/null"}, {"unmask", mask, NULL},
	};
	for (size_t i = 0; i < HP_COUNT(verbs); i++)
		if (strcmp(argv[1], verbs[i].verb) == 0)
			return (verbs[i].target ? symlink(verbs[i].target, verbs[i].path)
			                        : unlink(verbs[i].path))
			           ? 1
			           : 0;
	return 1;
}

static void test_unit(void **state HP_UNUSED)
{
	static const struct hp_kind *const kind = &hp_kind_unit;
	struct world world;
	world_make(&world, units, units_programs);
	there_and_back(&world, kind, "nvidia-persistenced", "running enabled",
	               "unit nvidia-persistenced: stopped, disabled -> running, enabled",
	               "systemctl enable -- nvidia-persistenced.service\nsystemctl start -- "
	               "nvidia-persistenced.service\n");
	there_and_back(&world, kind, "docker.service", "stopped masked",
	               "unit docker.service: running, enabled -> stopped, masked",
	               "systemctl stop -- docker.service\nsystemctl mask -- docker.service\n");
	there_and_back(&world, kind, "masked", "enabled running", NULL,
	               "systemctl unmask -- masked.service\nsystemctl enable -- "
	               "masked.service\nsystemctl start -- masked.service\n");
	assert_rehearsed(&world, kind, "docker", "running", "");
	assert_refused(
	    &world, kind, "helper", "enabled",
	    "unit helper.service cannot be enabled: it has no [Install], others start it");
	assert_refused(&world, kind, "masked", "running",
	               "unit masked.service is masked and cannot run: ask for 'enabled running'");
	assert_refused(
	    &world, kind, "nvidia-fabricmanager", "running",
	    "there is no unit nvidia-fabricmanager.service: install nvidia-fabricmanager "
	    "of the driver's version");
	assert_refused(
	    &world, kind, "docker", "restarted",
	    "unit docker.service: 'restarted': expected 'running', 'stopped', 'enabled', "
	    "'disabled' or 'masked'");
	assert_obstacles(&world, kind, "docker", "stopped",
	                 "consent docker.service: docker.service: 2 containers end with it\n"
	                 "consent job.service: job.service needs docker.service and stops with it\n"
	                 "owner docker.socket: docker.socket starts docker.service again when "
	                 "somebody calls\n");
	assert_obstacles(&world, kind, "docker", "disabled", "");
	world_free(&world);
}

// == what nvidia-ctk makes

#define SPECIFICATION                                                                              \
	"cdiVersion: 0.5.0\ndevices:\n- containerEdits: {}\n  name: \"0\"\n"                       \
	"containerEdits: {}\n"
#define DAEMON "{\"live-restore\": true, \"runtimes\": {\"nvidia\": {}}}\n"

static int toolkit(struct world *world HP_UNUSED, const char *const argv[], struct hp_text *output)
{
	if (strcmp(argv[0], "systemctl") == 0)
		return 0;
	assert_string_equal(argv[0], "nvidia-ctk");
	if (strcmp(argv[1], "cdi") == 0)
		return hp_text_puts(output, SPECIFICATION), 0;
	if (strcmp(argv[3], "--runtime=containerd") == 0)
		return hp_text_puts(output, "version = 2\n[plugins.\"a\".containerd]\n"
		                            "[plugins.\"a\".runtimes.nvidia]\n"),
		       0;
	assert_string_equal(argv[3], "--runtime=docker");
	assert_string_equal(argv[4], "--config=/etc/docker/daemon.json");
	assert_string_equal(argv[5], "--dry-run");
	return hp_text_puts(output, DAEMON), 0;
}

static void test_cdi(void **state HP_UNUSED)
{
	static const char path[] = "/etc/cdi/nvidia.yaml";
	struct world world;
	world_make(&world, plain, toolkit);
	assert_rehearsed(&world, &hp_kind_cdi, path, "generated",
	                 "replace /etc/cdi/nvidia.yaml\n" SPECIFICATION);
	there_and_back(&world, &hp_kind_cdi, path, "generated",
	               "cdi /etc/cdi/nvidia.yaml: no file -> 1 devices", "");
	world_put(&world, path, "broken: [\n", 0644);
	there_and_back(&world, &hp_kind_cdi, path, "absent", NULL, "");
	world.programs = NULL;
	assert_refused(&world, &hp_kind_cdi, path, "generated",
	               "cannot run nvidia-ctk: there is no such program; package "
	               "nvidia-container-toolkit has it");
	world_free(&world);
}

static void test_runtime(void **state HP_UNUSED)
{
	struct world world;
	world_make(&world, units, toolkit);
	world_put(&world, "/etc/docker/daemon.json", "{\"runtimes\": {}}", 0600);
	assert_obstacles(&world, &hp_kind_runtime, "docker", "nvidia",
	                 "consent docker.service: docker.service: 2 containers end with it\n");
	there_and_back(
	    &world, &hp_kind_runtime, "docker", "nvidia",
	    "runtime docker: configured without the runtime nvidia -> configured with the "
	    "runtime nvidia",
	    "systemctl try-restart -- docker.service\n");
	world_put(&world, "/etc/docker/daemon.json", "{\"live-restore\": true}", 0600);
	assert_obstacles(&world, &hp_kind_runtime, "docker", "nvidia", "");
	world_put(&world, "/etc/docker/daemon.json", "{\"debug\": true}", 0600);
	assert_refused(
	    &world, &hp_kind_runtime, "docker", "nvidia",
	    "nvidia-ctk runtime configure --dry-run does not print the whole file, but a "
	    "drop-in: run nvidia-ctk runtime configure --runtime=docker");
	assert_refused(&world, &hp_kind_runtime, "docker", "cdi",
	               "nvidia-ctk runtime configure --cdi.enabled: expected a configuration with "
	               "CDI on; before toolkit 1.14.5 it set another option");
	world_put(&world, "/etc/containerd/config.toml",
	          "# mine\n[plugins]\n  [plugins.'a'.containerd] # here\n", 0644);
	assert_refused(
	    &world, &hp_kind_runtime, "containerd", "nvidia",
	    "nvidia-ctk runtime configure --dry-run does not print the whole file, but a "
	    "drop-in: run nvidia-ctk runtime configure --runtime=containerd");
	world_put(&world, "/etc/containerd/config.toml",
	          "# mine\n  [plugins.'a'.containerd] # here\n", 0644);
	there_and_back(&world, &hp_kind_runtime, "containerd", "nvidia", NULL,
	               ""); // it does not run
	tree_put_link(&world.tree, RUNS "containerd.service", "0123");
	there_and_back(&world, &hp_kind_runtime, "containerd", "nvidia", NULL,
	               "systemctl try-restart -- containerd.service\n");
	assert_refused(&world, &hp_kind_runtime, "docker", "gpus",
	               "runtime docker: 'gpus': expected 'nvidia', 'default' or 'cdi'");
	world_free(&world);
}

// == what nvidia-smi sets, and a GPU that it sets it on

#define GPU "0000:3b:00.0"

struct gpu {
	bool persistence, mig, pending, needs_reset;
	char layout[128]; // "PROFILE:START PROFILE:START"
};

static struct gpu gpu;

static void print_instances(struct hp_text *output, bool compute)
{
	char copy[sizeof(gpu.layout)];
	snprintf(copy, sizeof(copy), "%s", gpu.layout);
	char *cursor = copy;
	int id = 7;
	hp_text_puts(output, "| GPU   Name             Profile  Instance   Placement  |\n");
	for (char *word; (word = hp_next_word(&cursor)); id++) {
		char *start = strchr(word, ':');
		*start++ = '\0';
		if (compute)
			hp_text_printf(output,
			               "|   0     %d       MIG %s       0     0      0:1   |\n", id,
			               word);
		else
			hp_text_printf(output,
			               "|   0  MIG %s          19       %d          %s:1     |\n",
			               word, id, start);
	}
}

static int create(const char *layout)
{
	char copy[sizeof(gpu.layout)];
	hp_cleanup_text struct hp_text made = {0};
	snprintf(copy, sizeof(copy), "%s", layout);
	char *at = copy;
	int place = 0;
	for (char *word; (word = strsep(&at, ",")); place++)
		if (strchr(word, ':'))
			hp_text_printf(&made, "%s ", word);
		else
			hp_text_printf(&made, "%s:%d ", word, place);
	snprintf(gpu.layout, sizeof(gpu.layout), "%s", hp_text_get(&made));
	return 0;
}

static int smi(struct world *world HP_UNUSED, const char *const argv[], struct hp_text *output)
{
	assert_string_equal(argv[0], "nvidia-smi");
	bool mig = strcmp(argv[1], "mig") == 0;
	assert_string_equal(argv[mig ? 3 : 2], GPU);
	const char *what = argv[mig ? 4 : 3], *value = argv[mig ? 5 : 4];
	if (hp_starts_with(what, "--query-gpu=persistence"))
		hp_text_puts(output, gpu.persistence ? "Enabled\n" : "Disabled\n");
	else if (hp_starts_with(what, "--query-gpu=mig"))
		hp_text_printf(output, "%s, %s\n", gpu.mig ? "Enabled" : "Disabled",
		               gpu.pending ? "Enabled" : "Disabled");
	else if (strcmp(what, "-pm") == 0)
		gpu.persistence = strcmp(value, "1") == 0;
	else if (strcmp(what, "-mig") == 0)
		gpu.pending = strcmp(value, "1") == 0,
		gpu.mig = gpu.needs_reset ? gpu.mig : gpu.pending;
	else if (strcmp(what, "--gpu-reset") == 0)
		gpu.mig = gpu.pending;
	else if (strcmp(what, "-lgi") == 0 || strcmp(what, "-lci") == 0)
		return *gpu.layout ? print_instances(output, what[2] == 'c'), 0 : 6;
	else if (strcmp(what, "-dgi") == 0)
		*gpu.layout = '\0';
	else if (strcmp(what, "-cgi") == 0)
		return create(value);
	else
		assert_string_equal(what, "-dci");
	return 0;
}

static void test_persistence(void **state HP_UNUSED)
{
	struct world world;
	world_make(&world, plain, smi);
	gpu = (struct gpu){0};
	json_t *off = read_state(&world, &hp_kind_persistence, GPU);
	go(&world, &hp_kind_persistence, GPU, "on");
	assert_true(gpu.persistence);
	assert_string_equal(hp_text_get(&world.ran), "nvidia-smi -i " GPU " -pm 1\n");
	struct hp_error err;
	assert_int_equal(hp_kind_persistence.write(world.host, GPU, off, off, &err), 0);
	assert_false(gpu.persistence);
	json_decref(off);
	world_free(&world);
}

static void test_mig(void **state HP_UNUSED)
{
	static const struct hp_kind *const kind = &hp_kind_mig;
	struct world world;
	struct hp_error err;
	hp_cleanup_text struct hp_text told = {0};
	world_make(&world, plain, smi);
	gpu = (struct gpu){.needs_reset = true};
	json_t *off = read_state(&world, kind, GPU);
	go(&world, kind, GPU, "3g.40gb 2x1g.10gb");
	assert_string_equal(hp_text_get(&world.ran),
	                    "nvidia-smi -i " GPU " -mig 1\nnvidia-smi -i " GPU " --gpu-reset\n"
	                    "nvidia-smi mig -i " GPU " -cgi 3g.40gb,1g.10gb,1g.10gb -C\n");
	json_t *mixed = read_state(&world, kind, GPU);
	kind->tell(GPU, mixed, &told);
	assert_string_equal(hp_text_get(&told), "MIG on: 1x3g.40gb, 2x1g.10gb");
	// The same layout again is nothing to do; another one is, and back come places too.
	hp_text_free(&world.ran);
	go(&world, kind, GPU, "2x1g.10gb 3g.40gb");
	assert_string_equal(hp_text_get(&world.ran), "");
	snprintf(gpu.layout, sizeof(gpu.layout), "1g.10gb:3 3g.40gb:4 ");
	json_t *placed = read_state(&world, kind, GPU);
	go(&world, kind, GPU, "7g.80gb");
	assert_string_equal(gpu.layout, "7g.80gb:0 ");
	assert_int_equal(kind->write(world.host, GPU, mixed, placed, &err), 0);
	assert_string_equal(gpu.layout, "1g.10gb:3 3g.40gb:4 ");
	json_decref(placed);
	assert_int_equal(kind->write(world.host, GPU, mixed, off, &err), 0);
	assert_false(gpu.mig);
	json_t *back = read_state(&world, kind, GPU);
	assert_true(json_equal(back, off));
	assert_refused(&world, kind, GPU, "many",
	               "mig " GPU ": 'many': expected 'on', 'off' or a layout such as '3g.40gb "
	               "3g.40gb' or '7x1g.10gb'");
	json_decref(off);
	json_decref(mixed);
	json_decref(back);
	world_free(&world);
}

// == captures

static const struct entry whole_host[] = {
    {"/proc/cmdline", "BOOT_IMAGE=/vmlinuz-6.1.0-1 root=/dev/sda1 ro\n"},
    {"/etc/hostname", "there\n"},
    {"/etc/default/grub", "GRUB_CMDLINE_LINUX_DEFAULT=quiet\n"},
    {"/etc/default/grub.d/happypath.cfg", "GRUB_CMDLINE_LINUX=iommu=pt\n"},
    {"/usr/sbin/update-grub", ""},
    {"/boot/grub/grub.cfg",
     "menuentry 'L' {\nlinux /vmlinuz-6.1.0-1 root=/dev/sda1 ro iommu=pt quiet\n}\n"},
    {"/etc/modprobe.d/happypath.conf", "blacklist nouveau\n"},
    {"/etc/modules-load.d/happypath.conf", "vfio-pci\n"},
    {"/etc/initramfs-tools/modules", "vfio\n"},
    {"/usr/sbin/update-initramfs", ""},
    {"/usr/sbin/mkinitramfs", ""},
    {"/boot/initrd.img-6.1.0-1", "image"},
    {"/etc/security/limits.d/happypath.conf", "@kvm - memlock unlimited\n"},
    {"/etc/nvidia-container-runtime/config.toml", "no-cgroups = true\n"},
    {"/etc/udev/rules.d/70-happypath.rules", "SUBSYSTEM==\"vfio\", MODE=\"0660\"\n"},
    {"/etc/cdi/nvidia.yaml", SPECIFICATION},
    {"/etc/docker/daemon.json", DAEMON},
    {"/usr/lib/systemd/system/strange.service", UNIT},
    {"/etc/systemd/system/strange.service", "-> /dev/null"},
    {WANTS "strange.service", "-> /usr/lib/systemd/system/strange.service"},
    {RUNS "strange.service", "-> 0123"},
    {NULL, NULL},
};

static const struct {
	const struct hp_kind *kind;
	const char *subject, *path; // a file that the state must hold, with its mode
} owned[] = {
    {&hp_kind_kernel_cmdline, "", "/etc/default/grub"},
    {&hp_kind_kernel_cmdline, "", "/etc/default/grub.d/happypath.cfg"},
    {&hp_kind_modprobe, "happypath.conf", "/etc/modprobe.d/happypath.conf"},
    {&hp_kind_modprobe, "absent.conf", NULL},
    {&hp_kind_modules_load, "happypath.conf", "/etc/modules-load.d/happypath.conf"},
    {&hp_kind_initramfs, "all", "/etc/initramfs-tools/modules"},
    {&hp_kind_file, "/etc/security/limits.d/happypath.conf",
     "/etc/security/limits.d/happypath.conf"},
    {&hp_kind_file, "/etc/nvidia-container-runtime/config.toml",
     "/etc/nvidia-container-runtime/config.toml"},
    {&hp_kind_file, "/etc/udev/rules.d/70-happypath.rules", "/etc/udev/rules.d/70-happypath.rules"},
    {&hp_kind_cdi, "/etc/cdi/nvidia.yaml", "/etc/cdi/nvidia.yaml"},
    {&hp_kind_runtime, "docker", "/etc/docker/daemon.json"},
    {&hp_kind_unit, "strange", NULL},
};

static struct hp_host *capture_of(struct world *world, struct hp_host *recorded)
{
	static const struct hp_capture_options plainly = {.program = "test"};
	static const struct hp_host_options options = {.level = 2};
	struct hp_text text = {0};
	struct hp_error err;
	struct hp_host *capture = NULL;
	(void)world;
	hp_capture_extra(recorded);
	assert_int_equal(hp_capture_write(recorded, &plainly, &text, &err), 0);
	if (hp_host_open_capture_text("capture", text.data, text.length, &options, &capture, &err) <
	    0)
		fail_msg("%s", err.message);
	hp_text_free(&text);
	return capture;
}

/* All that these kinds may own is in a capture, with modes; the kinds read the same from it. */
static void test_captures_hold_what_kinds_own(void **state HP_UNUSED)
{
	static const struct hp_host_options options = {.level = 2};
	struct world world;
	struct hp_host *recorded = NULL;
	struct hp_error err;
	world_make(&world, whole_host, NULL);
	for (size_t i = 0; i < HP_COUNT(owned); i++) {
		hp_cleanup_free char *path = hp_asprintf(
		    "%s%s", world.tree.path, owned[i].path ? owned[i].path : "/etc/hostname");
		assert_int_equal(chmod(path, 0640), 0);
	}
	set_time(&world, "/boot/initrd.img-6.1.0-1", time(NULL) + 5); // captures know seconds alone
	assert_int_equal(hp_host_open_root(world.tree.path, &options, &recorded, NULL), 0);
	hp_host_record(recorded);
	struct hp_host *capture = capture_of(&world, recorded);
	for (size_t i = 0; i < HP_COUNT(owned); i++) {
		json_t *is = read_state(&world, owned[i].kind, owned[i].subject), *held = NULL;
		if (owned[i].kind->read(capture, owned[i].subject, &held, &err) < 0)
			fail_msg("%s: %s", owned[i].kind->name, err.message);
		hp_cleanup_free char *here = json_dumps(is, JSON_ENCODE_ANY | JSON_SORT_KEYS);
		hp_cleanup_free char *there = json_dumps(held, JSON_ENCODE_ANY | JSON_SORT_KEYS);
		assert_string_equal(there, here);
		if (owned[i].path)
			assert_non_null(strstr(there, "\"mode\": 416"));
		json_decref(is);
		json_decref(held);
	}
	json_t *unit = read_state(&world, &hp_kind_unit, "strange");
	hp_cleanup_free char *dump = json_dumps(unit, JSON_SORT_KEYS);
	assert_string_equal(dump,
	                    "{\"active\": \"active\", \"enabled\": \"masked\", \"wanted\": true}");
	json_decref(unit);
	hp_host_close(capture);
	hp_host_close(recorded);
	world_free(&world);
}

static void walk_nonsense(struct world *world, const struct hp_kind *kind, const char *subject,
                          json_t *before, json_t *after)
{
	struct hp_error err = {0};
	struct hp_obstacles found = {0};
	hp_cleanup_text struct hp_text told = {0};
	if (kind->obstacles)
		kind->obstacles(world->host, subject, before, after, &found, &err);
	if (json_is_object(before)) // strings and null have words of their own
		kind->tell(subject, before, &told);
	if (kind->same && json_is_object(before) && json_is_object(after))
		kind->same(subject, before, after, &told);
	kind->write(world->host, subject, before, after, &err);
	hp_obstacles_free(&found);
}

/* Plans and journals are files: whatever stands in a state, a kind must not fall over it. */
static void test_states_that_make_no_sense(void **state HP_UNUSED)
{
	static const struct entry tree[] = {
	    {"/proc/modules", "vfio 1 0 - Live 0\n"},
	    {"/etc/default/grub", "GRUB_CMDLINE_LINUX=\"\"\n"},
	    {"/boot/grub/grub.cfg", "set default=0\n"},
	    {"/sys/bus/pci/devices/0000:01:00.0/vendor", "0x10de\n"},
	    {"/sys/bus/pci/devices/0000:01:00.0/sriov_numvfs", "0\n"},
	    {NULL, NULL},
	};
	static const char *const values[] = {
	    "1",
	    "null",
	    "true",
	    "\"x\"",
	    "[\"x\", 1, null]",
	    "{\"x\": 1}",
	    "{\"x\": {\"x\": []}}",
	    "-1e300",
	};
	static const char *const members[] = {
	    "content",    "mode",   "driver",     "override", "power", "vfs",       "functions",
	    "parent",     "type",   "definition", "loaded",   "with",  "pages",     "active",
	    "enabled",    "wanted", "loader",     "files",    "next",  "others",    "kernelopts",
	    "configured", "tool",   "path",       "file",     "stale", "instances",
	};
	static const char *const subjects[] = {
	    "0000:01:00.0",
	    "vfio",
	    "x.conf",
	    "2048kB",
	    "",
	    "all",
	    "docker",
	    "/etc/cdi/x.json",
	    "/etc/apt/preferences.d/x",
	    "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001",
	};
	struct world world;
	world_make(&world, tree, NULL);
	for (size_t i = 0; i < HP_COUNT(values); i++) {
		json_t *value = json_loads(values[i], JSON_DECODE_ANY, NULL);
		json_t *object = json_object();
		assert_non_null(value);
		for (size_t j = 0; j < HP_COUNT(members); j++)
			json_object_set(object, members[j], value);
		json_object_set_new(object, "loader", json_string(i % 2 ? "grub" : "boot entries"));
		json_object_set_new(object, "tool", json_string("dracut"));
		for (size_t k = 0; k < hp_kind_count * HP_COUNT(subjects); k++) {
			const struct hp_kind *kind = hp_kinds[k / HP_COUNT(subjects)];
			const char *subject = subjects[k % HP_COUNT(subjects)];
			walk_nonsense(&world, kind, subject, value, object);
			walk_nonsense(&world, kind, subject, object, value);
			walk_nonsense(&world, kind, subject, object, object);
		}
		json_decref(object);
		json_decref(value);
	}
	world_free(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_modprobe),
	    cmocka_unit_test(test_modprobe_that_another_file_overrules),
	    cmocka_unit_test(test_initramfs_tools),
	    cmocka_unit_test(test_initramfs_rebuilt_if_older),
	    cmocka_unit_test(test_initramfs_must_be_built),
	    cmocka_unit_test(test_initramfs_follows_modprobe),
	    cmocka_unit_test(test_dracut),
	    cmocka_unit_test(test_modules_load),
	    cmocka_unit_test(test_file),
	    cmocka_unit_test(test_no_link_is_replaced),
	    cmocka_unit_test(test_unit),
	    cmocka_unit_test(test_cdi),
	    cmocka_unit_test(test_runtime),
	    cmocka_unit_test(test_persistence),
	    cmocka_unit_test(test_mig),
	    cmocka_unit_test(test_states_that_make_no_sense),
	    cmocka_unit_test(test_captures_hold_what_kinds_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
