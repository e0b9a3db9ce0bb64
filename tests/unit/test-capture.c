// Captures: what goes in comes out, secrets do not, and nothing in one is trusted.
// SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "facts/facts.h"
#include "host/capture.h"
#include "host/memory.h"
#include "host/redact.h"
#include "probe/probe.h"

#include <errno.h>
#include <fnmatch.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#define A2_TREE                                                                                    \
	"../shared/hosts/dl360g9-a2-vgpu.tar.xz" // beside the source tree, where there is one

struct tree {
	char path[64];
	char key[80];
};

static void put_bytes(const struct tree *tree, const char *path, const void *bytes, size_t length)
{
	hp_cleanup_free char *whole = hp_asprintf("%s%s", tree->path, path);
	for (char *slash = strchr(whole + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(whole, 0755);
		*slash = '/';
	}
	FILE *file = fopen(whole, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, length, file), length);
	fclose(file);
}

static void put(const struct tree *tree, const char *path, const char *content)
{
	put_bytes(tree, path, content, strlen(content));
}

static void put_link(const struct tree *tree, const char *path, const char *target)
{
	hp_cleanup_free char *whole = hp_asprintf("%s%s", tree->path, path);
	assert_int_equal(symlink(target, whole), 0);
}

#define GPU     "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0"
#define GPU_BUS "/sys/bus/pci/devices/0000:01:00.0"

/* A config space with a Device Serial Number at 0x100. */
static void put_config(const struct tree *tree)
{
	uint8_t config[4096] = {0xde, 0x10, 0x30, 0x23, 0x06, 0x01, 0x10, 0x00};
	static const uint8_t serial[] = {0x03, 0x00, 0x01, 0x00, 0xde, 0xad,
	                                 0xbe, 0xef, 0x01, 0x02, 0x03, 0x04};
	memcpy(config + 0x100, serial, sizeof(serial));
	put_bytes(tree, GPU "/config", config, sizeof(config));
}

static int make_tree(void **state)
{
	struct tree *tree = calloc(1, sizeof(*tree));
	strcpy(tree->path, "/tmp/happypath-capture-XXXXXX");
	assert_non_null(mkdtemp(tree->path));
	snprintf(tree->key, sizeof(tree->key), "%s/redaction.key", tree->path);
	put(tree, GPU "/vendor", "0x10de\n");
	put(tree, GPU "/device", "0x2330\n");
	put(tree, GPU "/power_state", "D0\n");
	put(tree, GPU "/power/runtime_status", "active\n");
	put(tree, GPU "/driver_override", "");
	put(tree, GPU "/resource", "0x0 0x0 0x0\n0x1 0x2 0x3\n");
	put_config(tree);
	put(tree, "/sys/bus/pci/devices/unused", "");
	put(tree, "/sys/devices/pci0000:00/0000:00:01.0/vendor", "0x8086\n");
	put_link(tree, "/sys/bus/pci/devices/0000:00:01.0",
	         "../../../devices/pci0000:00/0000:00:01.0");
	put_link(tree, GPU_BUS, "../../../devices/pci0000:00/0000:00:01.0/0000:01:00.0");
	put(tree, "/sys/kernel/iommu_groups/7/type", "DMA\n");
	put_link(tree, GPU "/iommu_group", "../../../../kernel/iommu_groups/7");
	put(tree, "/proc/cmdline",
	    "quiet iommu=pt intel_iommu=on secret=hunter2 "
	    "root=UUID=0a1b2c3d-1111-2222-3333-444455556666\n");
	put(tree, "/proc/version", "Linux version 6.1\n");
	put(tree, "/etc/odd", "no newline");
	put_bytes(tree, "/etc/binary", "\0\1\2\3\xff\xfe", 6);
	put(tree, "/etc/unicode \xc3\xa9",
	    "caf\xc3\xa9 \\ back\\slash \n\n  two\ttabs  \n\x1b[31m\xff\n");
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

static const struct hp_host_options level_1 = {.level = 1, .count_opens = true};

static struct hp_host *open_root(const char *path)
{
	struct hp_host *host;
	struct hp_error err = {0};
	if (hp_host_open_root(path, &level_1, &host, &err) < 0)
		fail_msg("%s", err.message);
	return host;
}

static char *write_capture(struct hp_host *host, const struct tree *tree, bool redact)
{
	struct hp_capture_options options = {
	    .redact = redact, .key_file = tree->key, .program = "test"};
	struct hp_text text = {0};
	struct hp_error err = {0};
	if (hp_capture_write(host, &options, &text, &err) < 0)
		fail_msg("%s", err.message);
	return text.data;
}

static struct hp_host *open_text(const char *text)
{
	struct hp_host *host;
	struct hp_error err = {0};
	if (hp_host_open_capture_text("test.capture", text, strlen(text), &level_1, &host, &err) <
	    0)
		fail_msg("%s", err.message);
	return host;
}

/* All kinds of questions; the answers as text. */
static void interrogate(struct hp_host *host, struct hp_text *ret)
{
	static const char *const files[] = {
	    GPU_BUS "/vendor",
	    GPU "/device",
	    GPU_BUS "/driver_override",
	    GPU_BUS "/resource",
	    GPU_BUS "/reset_method",
	    "/proc/cmdline",
	    "/proc/none",
	    "/etc/odd",
	    "/etc/binary",
	    "/etc/unicode \xc3\xa9",
	    "/sys/module/nvidia/version",
	    "/dev/null",
	    "/usr/lib/os-release",
	    "/sys/kernel/iommu_groups/7/type",
	    "/etc",
	    "/etc/odd/below",
	};
	char buffer[1024];
	for (size_t i = 0; i < HP_COUNT(files); i++) {
		ssize_t r = hp_host_read(host, files[i], buffer, sizeof(buffer));
		hp_text_printf(ret, "read %s %zd: ", files[i], r);
		hp_text_add(ret, buffer, r > 0 ? (size_t)r : 0);
		struct hp_text whole = {0};
		int code = hp_host_read_text(host, files[i], 1 << 20, &whole);
		hp_text_printf(ret, "\nwhole %d %zu: ", code, whole.length);
		hp_text_add(ret, hp_text_get(&whole), whole.length);
		hp_text_free(&whole);
		struct hp_stat st = {0};
		code = hp_host_stat(host, files[i], &st);
		hp_text_printf(ret, "\nstat %d %o %u %lld %lld exists %d covers %d\n", code,
		               st.mode, st.uid, (long long)st.size, (long long)st.mtime,
		               hp_host_exists(host, files[i]), hp_host_covers(host, files[i]));
	}
	static const char *const links[] = {GPU_BUS, GPU_BUS "/iommu_group", GPU_BUS "/driver",
	                                    "/etc/odd"};
	for (size_t i = 0; i < HP_COUNT(links); i++) {
		ssize_t r = hp_host_link(host, links[i], buffer, sizeof(buffer));
		hp_text_printf(ret, "link %s %zd %s\n", links[i], r, r > 0 ? buffer : "");
		r = hp_host_resolve(host, links[i], buffer, sizeof(buffer));
		hp_text_printf(ret, "resolved %zd %s\n", r, r > 0 ? buffer : "");
	}
	static const char *const directories[] = {"/sys/bus/pci/devices", "/etc", "/none",
	                                          "/proc/version"};
	for (size_t i = 0; i < HP_COUNT(directories); i++) {
		hp_cleanup_names struct hp_names names = {0};
		hp_text_printf(ret, "list %s %d\n", directories[i],
		               hp_host_list(host, directories[i], &names));
		for (size_t n = 0; n < names.count; n++)
			hp_text_printf(ret, "  %s\n", names.names[n]);
	}
	struct hp_dir *dir;
	assert_int_equal(hp_dir_open(host, GPU_BUS, &dir), 0);
	hp_text_printf(ret, "dir %zd\n", hp_dir_read(dir, "vendor", buffer, sizeof(buffer)));
	hp_text_printf(ret, "dir %zd\n", hp_dir_read(dir, "class", buffer, sizeof(buffer)));
	hp_text_printf(ret, "dir %zd\n",
	               hp_dir_link_name(dir, "iommu_group", buffer, sizeof(buffer)));
	hp_text_printf(ret, "dir %zd\n", hp_dir_link_name(dir, "driver", buffer, sizeof(buffer)));
	hp_dir_close(dir);
	hp_text_printf(ret, "no dir %d\n", hp_dir_open(host, "/none", &dir));
	uint8_t config[4096];
	int64_t age = -1;
	ssize_t r = hp_host_config(host, "0000:01:00.0", config, sizeof(config), &age);
	hp_text_printf(ret, "config %zd age %lld:", r, (long long)age);
	for (ssize_t i = 0; i < r; i++)
		hp_text_printf(ret, " %02x", config[i]);
	hp_text_printf(ret, "\nask %zd run %d\n", hp_host_ask(host, "uid", buffer, sizeof(buffer)),
	               hp_host_run(host, (const char *[]){"true", NULL}, 1000, 10, ret));
}

static void test_answers_as_its_host(void **state)
{
	struct tree *tree = *state;
	struct hp_host *host = open_root(tree->path);
	hp_cleanup_text struct hp_text before = {0}, after = {0};
	hp_host_record(host);
	interrogate(host, &before);
	hp_cleanup_free char *text = write_capture(host, tree, false);
	hp_host_close(host);
	struct hp_host *capture = open_text(text);
	assert_int_equal(hp_host_complaints(capture)->count, 0);
	assert_int_equal(hp_host_kind(capture), HP_HOST_CAPTURE);
	assert_string_equal(hp_host_name(capture), "test");
	interrogate(capture, &after);
	assert_string_equal(hp_text_get(&before), hp_text_get(&after));

	/* A capture of the capture is the same, but for its head. */
	hp_host_close(capture);
	capture = open_text(text);
	hp_host_record(capture);
	hp_text_free(&after);
	interrogate(capture, &after);
	hp_cleanup_free char *again = write_capture(capture, tree, false);
	assert_string_equal(strstr(text, "[state]"), strstr(again, "[state]"));
	hp_host_close(capture);
}

static void test_is_sorted_and_in_two_parts(void **state)
{
	struct tree *tree = *state;
	struct hp_host *host = open_root(tree->path);
	hp_cleanup_text struct hp_text answers = {0};
	hp_host_record(host);
	interrogate(host, &answers);
	hp_capture_extra(host);
	hp_cleanup_free char *text = write_capture(host, tree, true);
	hp_host_close(host);
	const char *incidental = strstr(text, "\n[incidental]\n");
	assert_non_null(incidental);
	assert_true(strstr(text, "\nfile " GPU "/driver_override") < incidental);
	assert_true(strstr(text, "\ngroup 0000:01:00.0\n") < incidental);
	assert_true(strstr(text, "\nlink " GPU "/iommu_group ") > incidental);
	assert_true(strstr(text, "\nfile " GPU "/power/runtime_status active") > incidental);
	assert_true(strstr(text, "\nbits " GPU "/config\n\t006: 10 00\n") > incidental);
	assert_non_null(strstr(text, "\n\t000: de 10 30 23 06 01 00 00 00"));
}

static void test_records_programs_and_answers(void **state)
{
	struct tree *tree = *state;
	struct hp_host *host;
	char before[64], after[64];
	assert_int_equal(hp_host_open_live(&level_1, &host, NULL), 0);
	hp_host_record(host);
	hp_cleanup_text struct hp_text seen = {0}, said = {0};
	const char *const argv[] = {"echo", "two words", "back\\slash", NULL};
	assert_int_equal(hp_host_run(host, argv, 5000, 4096, &seen), 0);
	assert_int_equal(hp_host_run(host, (const char *[]){"/no/such", NULL}, 5000, 4096, &seen),
	                 -ENOENT);
	hp_host_run(host, (const char *[]){"sh", "--version", NULL}, 5000, 4096, &seen);
	assert_true(hp_host_ask(host, "machine", before, sizeof(before)) > 0);
	assert_int_equal(hp_host_access(host, "/dev/null"), 1);
	assert_int_equal(hp_host_access(host, "/no/such"), -ENOENT);
	hp_cleanup_free char *text = write_capture(host, tree, true);
	hp_host_close(host);
	const char *incidental = strstr(text, "\n[incidental]\n");
	assert_non_null(incidental);
	assert_null(strstr(incidental, "\nrun echo"));
	assert_non_null(strstr(incidental, "\nrun sh\\x20--version "));
	struct hp_host *capture = open_text(text);
	assert_int_equal(hp_host_run(capture, argv, 5000, 4096, &said), 0);
	assert_string_equal(hp_text_get(&said), "two words back\\slash\n");
	assert_int_equal(hp_host_run(capture, (const char *[]){"/no/such", NULL}, 1, 1, &said),
	                 -ENOENT);
	assert_int_equal(hp_host_run(capture, (const char *[]){"never-run", NULL}, 1, 1, &said),
	                 -ENODATA);
	assert_true(hp_host_ask(capture, "machine", after, sizeof(after)) > 0);
	assert_string_equal(before, after);
	assert_int_equal(hp_host_access(capture, "/dev/null"), 1);
	assert_int_equal(hp_host_access(capture, "/no/such"), -ENOENT);
	assert_int_equal(hp_host_access(capture, "/dev/kvm"), -ENODATA);
	hp_host_close(capture);
}

static void test_remembered_config_is_recorded(void **state)
{
	struct tree *tree = *state;
	hp_cleanup_free char *memory = hp_asprintf("%s/memory", tree->path);
	struct hp_host_options options = {.level = 1, .memory = memory};
	uint8_t config[4096];
	int64_t age = 0;
	put(tree, "/proc/sys/kernel/random/boot_id", "5f1c6a52-0000-4000-8000-000000000001\n");
	struct hp_host *host;
	assert_int_equal(hp_host_open_root(tree->path, &options, &host, NULL), 0);
	assert_int_equal(hp_host_config(host, "0000:01:00.0", config, sizeof(config), &age), 4096);
	hp_host_close(host);
	put(tree, GPU "/power/runtime_status", "suspended\n");
	assert_int_equal(hp_host_open_root(tree->path, &options, &host, NULL), 0);
	hp_host_record(host);
	assert_int_equal(hp_host_config(host, "0000:01:00.0", config, sizeof(config), &age), 4096);
	hp_cleanup_free char *text = write_capture(host, tree, true);
	hp_host_close(host);
	struct hp_host *capture = open_text(text);
	age = 0;
	memset(config, 0, sizeof(config));
	assert_int_equal(hp_host_config(capture, "0000:01:00.0", config, sizeof(config), &age),
	                 4096);
	assert_true(age > 0);
	assert_int_equal(config[2], 0x30);
	assert_null(strstr(text, "de ad be ef"));
	hp_host_close(capture);
}

static bool matters(const char *line)
{
	return strstr(line, "nvidia") != NULL;
}

static void test_leaves_out_what_nobody_needs(void **state)
{
	struct tree *tree = *state;
	put(tree, "/etc/passwd",
	    "root:x:0:0:root:/root:/bin/sh\nal:x:1000:1000:Al Smith:/home/al:/bin/sh\n");
	put(tree, "/var/log/dmesg", "[0] first\n[1] nvidia: loaded\n[2] Smith logged in\n");
	put(tree, "/var/lib/dpkg/status",
	    "Package: qemu\nStatus: ok\nMaintainer: Smith\nVersion: 1\n\n");
	struct hp_host *host = open_root(tree->path);
	hp_host_record(host);
	static const char *const files[] = {"/etc/passwd", "/var/log/dmesg",
	                                    "/var/lib/dpkg/status"};
	char buffer[1024];
	for (size_t i = 0; i < HP_COUNT(files); i++)
		assert_true(hp_host_read(host, files[i], buffer, sizeof(buffer)) > 0);
	struct hp_capture_options options = {.program = "test", .log_line_matters = matters};
	hp_cleanup_text struct hp_text text = {0};
	assert_int_equal(hp_capture_write(host, &options, &text, NULL), 0);
	hp_host_close(host);
	assert_null(strstr(text.data, "Smith"));
	assert_non_null(strstr(text.data, "\nfile /etc/passwd\n\troot:x:0:\n\tal:x:1000:\n"));
	assert_non_null(strstr(text.data, "\n\t[0] first\n\t[1] nvidia: loaded\n"));
	assert_non_null(strstr(text.data, "\n\tPackage: qemu\n\tStatus: ok\n\tVersion: 1\n"));
}

// -- redaction --

static char *redact(const struct hp_redactor *redactor, const char *path, const char *text)
{
	struct hp_text out = {0};
	hp_redact_text(redactor, path, text, strlen(text), &out);
	assert_int_equal(out.length, strlen(text));
	return out.data;
}

static void test_hides_secrets(void **state)
{
	struct tree *tree = *state;
	static const struct {
		const char *path, *text, *secret;
	} rows[] = {
	    {"", "uuid 0a1b2c3d-1111-2222-3333-444455556666.", "0a1b2c3d"},
	    {"", "GPU-0a1b2c3d-1111-2222-3333-444455556666", "444455556666"},
	    {"", "eth0: link 52:54:00:aB:cd:Ef up", "52:54:00"},
	    {"", "guid 0002:c903:00ab:cdef", "c903"},
	    {"", "addr fe80::5054:ff:fe12:3456/64", "fe12"},
	    {"/dev/kmsg", "server 192.168.17.203 timed out", "192.168"},
	    {"/dev/kmsg", "Serial Number  : 1234567890ABC", "1234567890"},
	    {"/dev/kmsg", "tiger9.example.org: hello", "tiger9"},
	    {"/dev/kmsg", "usb 1-1: SerialNumber: 0A99CC", "0A99CC"},
	    {"/sys/class/dmi/id/product_serial", "J1X2Y3Z\n", "J1X2Y3Z"},
	    {"/etc/machine-id", "0123456789abcdef0123456789abcdef\n", "0123456789abcdef"},
	    {"/etc/containerd/config.toml", "password = \"pa55word\"", "pa55word"},
	    {"/etc/containerd/config.toml", "host https://registry.corp.example/v2", "corp"},
	    {"/etc/apt/apt.conf.d/proxy", "Proxy \"http://me:hunter2@proxy.corp.example:3128/\";",
	     "hunter2"},
	    {"/proc/cmdline", "quiet iommu=pt mysecret=hunter2 -- foo", "hunter2"},
	    {"/etc/default/grub", "GRUB_CMDLINE_LINUX=\"iommu=pt luks=abcdefg\"", "abcdefg"},
	    {"/proc/12/cmdline", "qemu -name tiger -spice password=abc", "tiger"},
	};
	struct hp_redactor *redactor;
	assert_int_equal(hp_redactor_open(tree->key, &redactor, NULL), 0);
	hp_redactor_add_host_name(redactor, "tiger9.example.org\n");
	for (size_t i = 0; i < HP_COUNT(rows); i++) {
		hp_cleanup_free char *out = redact(redactor, rows[i].path, rows[i].text);
		if (strcmp(rows[i].path, "/proc/12/cmdline") != 0 && strstr(out, rows[i].secret))
			fail_msg("'%s' shows '%s'", out, rows[i].secret);
	}
	struct hp_text process = {0};
	static const char argv[] = "qemu\0-name\0tiger\0-device\0vfio-pci,host=01:00.0\0-m\0"
				   "4096";
	hp_redact_text(redactor, "/proc/12/cmdline", argv, sizeof(argv), &process);
	assert_int_equal(process.length, sizeof(argv));
	assert_memory_equal(process.data, "qemu\0-name\0", 11);
	assert_memory_not_equal(process.data + 11, "tiger", 5);
	assert_memory_equal(process.data + 17,
	                    "-device\0vfio-pci,host=01:00.0\0-m\0"
	                    "4096",
	                    38);
	hp_text_free(&process);
	hp_redactor_close(redactor);
}

static void test_leaves_what_is_no_secret(void **state)
{
	struct tree *tree = *state;
	static const struct {
		const char *path, *text;
	} rows[] = {
	    {"", "pci 0000:08:00.0: [10de:25b6] type 00 class 0x030200"},
	    {"", "vfio-pci 0000:3b:00.1: enabling device (0000 -> 0002)"},
	    {"/proc/cmdline",
	     "BOOT_IMAGE=/vmlinuz-6.1.0 ro quiet intel_iommu=on iommu=pt vfio-pci.ids=10de:2330"},
	    {"/proc/driver/nvidia/version", "NVRM version: 580.65.06  Release Build"},
	    {"/etc/os-release", "VERSION_ID=\"12.4.1.0\""},
	    {"/var/lib/dpkg/status", "Version: 6.8.0.39"},
	    {"/sys/class/dmi/id/bios_version", "2.19.1.14"},
	    {"", "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"},
	    {"", "local_cpus ffffffff,ffffffff,00000000"},
	    {"", "0x0000039000000000 0x00000393ffffffff 0x000000000014220c"},
	    {"", "listening on 127.0.0.1 and ::1"},
	    {"", "at 12:34:56 on 2026-11-22"},
	    {"/dev/kmsg", "Serial: 8250/16550 driver, 4 ports"},
	    {"/proc/cmdline", "quiet psi=1 nohz_full=2-7 nvproxy.enable=y"},
	};
	struct hp_redactor *redactor;
	assert_int_equal(hp_redactor_open(tree->key, &redactor, NULL), 0);
	for (size_t i = 0; i < HP_COUNT(rows); i++) {
		hp_cleanup_free char *out = redact(redactor, rows[i].path, rows[i].text);
		assert_string_equal(out, rows[i].text);
	}
	hp_redactor_close(redactor);
}

static void test_placeholders_are_stable(void **state)
{
	struct tree *tree = *state;
	struct hp_redactor *first, *second, *other;
	static const char uuid[] = "0a1b2c3d-1111-2222-3333-444455556666";
	assert_int_equal(hp_redactor_open(tree->key, &first, NULL), 0);
	assert_int_equal(hp_redactor_open(tree->key, &second, NULL), 0);
	hp_cleanup_free char *elsewhere = hp_asprintf("%s/other.key", tree->path);
	assert_int_equal(hp_redactor_open(elsewhere, &other, NULL), 0);
	hp_cleanup_free char *a = redact(first, "/a", uuid), *b = redact(second, "/b", uuid),
			     *c = redact(other, "/a", uuid), *path = hp_redact_path(first, uuid);
	assert_string_equal(a, b);
	assert_string_equal(a, path);
	assert_string_not_equal(a, c);
	assert_int_equal(strspn(a, "0123456789abcdef-"), 36);
	struct stat st;
	assert_int_equal(stat(tree->key, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	hp_redactor_close(first);
	hp_redactor_close(second);
	hp_redactor_close(other);
}

/* The paper's test vector: key 00 … 0f, message 00 … 0e. */
static void test_siphash(void **state)
{
	(void)state;
	uint8_t key[16], message[15];
	for (uint8_t i = 0; i < 16; i++)
		key[i] = i;
	memcpy(message, key, sizeof(message));
	assert_true(hp_siphash(key, message, sizeof(message)) == 0xa129ca6149be45e5);
}

static void test_capture_shows_no_secret(void **state)
{
	struct tree *tree = *state;
	struct hp_host *host = open_root(tree->path);
	hp_cleanup_text struct hp_text answers = {0};
	hp_host_record(host);
	interrogate(host, &answers);
	hp_cleanup_free char *text = write_capture(host, tree, true);
	hp_host_close(host);
	assert_null(strstr(text, "hunter2"));
	assert_null(strstr(text, "0a1b2c3d"));
	assert_null(strstr(text, "de ad be ef"));
	assert_non_null(strstr(text, "iommu=pt intel_iommu=on"));
	assert_non_null(strstr(text, "\nredacted yes\n"));
}

static char *facts_of(struct hp_host *host, bool record)
{
	struct hp_facts *facts;
	assert_int_equal(hp_facts_new(&facts, NULL), 0);
	hp_facts_set_host(facts, "h");
	if (record)
		hp_host_record(host);
	struct hp_error err = {0};
	if (hp_probe_all(host, facts, NULL, &err) < 0)
		fail_msg("%s", err.message);
	json_t *json = hp_facts_export(facts, "h", &err);
	char *text = json_dumps(json, JSON_INDENT(1) | JSON_SORT_KEYS);
	json_decref(json);
	hp_facts_free(facts);
	return text;
}

// -- hostile captures --

#define HEAD "happypath.capture/1\nname x\n[state]\n"
#define GOOD "file /proc/good yes\n"

static void test_wrong_records_are_left_out(void **state)
{
	(void)state;
	static const struct {
		const char *record, *complaint;
	} rows[] = {
	    {"file ../etc/passwd x\n", "expected an absolute path"},
	    {"file /etc/../passwd x\n", "expected an absolute path"},
	    {"file /etc//passwd x\n", "expected an absolute path"},
	    {"file /etc/\\x00 x\n", "expected an absolute path"},
	    {"file /etc/\xff x\n", "expected an absolute path"},
	    {"file /etc/a \xff\n", "is not right"},
	    {"file /etc/a \\q\n", "is not right"},
	    {"file /etc/a one\n\ttwo\n", "does not belong"},
	    {"link /etc/a \n", "is not right"},
	    {"hex /etc/a 99999999999999\n", "is not right"},
	    {"hex /etc/a -1\n", "is not right"},
	    {"hex /etc/a 16\n\tfff: 00\n", "does not belong"},
	    {"hex /etc/a 16\n\t000: 0\n", "does not belong"},
	    {"bits /etc/a\n\tfffffffff: 00\n", "does not belong"},
	    {"dir /etc/a\n\tb/c\n", "does not belong"},
	    {"dir /etc/a\n\t..\n", "does not belong"},
	    {"dir /etc/a\n\tb\n\tb\n", "is not right"},
	    {"stat /etc/a 9999 0:0\n", "is not right"},
	    {"times /etc/a 1 2\n", "is not right"},
	    {"unreadable /etc/a EWHAT\n", "is not right"},
	    {"remembered /etc/a 1 64\n", "is not right"},
	    {"covered /etc/a maybe\n", "is not right"},
	    {"absent /etc/a b\n", "is not right"},
	    {"bogus /etc/a\n", "expected a kind of record"},
	    {"file /proc/good no\n", "is on line"},
	};
	for (size_t i = 0; i < HP_COUNT(rows); i++) {
		hp_cleanup_free char *text =
		    hp_asprintf(HEAD GOOD "%sfile /proc/last yes\n[end] 3\n", rows[i].record);
		struct hp_host *host = open_text(text);
		const struct hp_names *complaints = hp_host_complaints(host);
		char buffer[16];
		assert_true(complaints->count >= 1);
		if (!strstr(complaints->names[0], rows[i].complaint))
			fail_msg("%s: '%s'", rows[i].record, complaints->names[0]);
		assert_non_null(strstr(complaints->names[0], ":5:"));
		assert_int_equal(hp_host_read(host, "/proc/good", buffer, sizeof(buffer)), 3);
		assert_int_equal(hp_host_read(host, "/proc/last", buffer, sizeof(buffer)), 3);
		assert_int_equal(hp_host_read(host, "/etc/a", buffer, sizeof(buffer)), -ENODATA);
		hp_host_close(host);
	}
}

static void test_complaints_become_gaps(void **state)
{
	(void)state;
	struct hp_host *host = open_text(HEAD "bogus /x\n[end] 1\n");
	hp_cleanup_free char *facts = facts_of(host, false);
	assert_non_null(strstr(facts, "test.capture:4"));
	assert_non_null(strstr(facts, "malformed"));
	hp_host_close(host);
}

/* What was cut off may have lost its end: "0x1" of "0x10de" must not be believed. */
static void test_truncated(void **state)
{
	(void)state;
	static const char whole[] = HEAD GOOD "file /proc/last yes\n[end] 2\n";
	for (size_t length = 0; length < sizeof(whole) - 2; length++) {
		struct hp_host *host;
		struct hp_error err = {0};
		int r = hp_host_open_capture_text("cut", whole, length, &level_1, &host, &err);
		if (r < 0) {
			assert_non_null(strstr(err.message, "cut:"));
			continue;
		}
		char buffer[16];
		assert_true(hp_host_complaints(host)->count >= 1);
		ssize_t read = hp_host_read(host, "/proc/last", buffer, sizeof(buffer));
		assert_true(read == -ENODATA ||
		            (read == 3 && length > strlen(HEAD GOOD "file /proc/last yes")));
		hp_host_close(host);
	}
}

static void test_no_capture_at_all(void **state)
{
	(void)state;
	static const char *const texts[] = {"", "hello\n",
	                                    "happypath.capture/2\n[state]\n[end] 0\n",
	                                    "happypath.capture/1\nno part\n"};
	for (size_t i = 0; i < HP_COUNT(texts); i++) {
		struct hp_host *host;
		struct hp_error err = {0};
		assert_int_equal(hp_host_open_capture_text("x.capture", texts[i], strlen(texts[i]),
		                                           &level_1, &host, &err),
		                 -EINVAL);
		assert_non_null(strstr(err.message, "x.capture:"));
	}
	struct hp_host *host;
	struct hp_error err = {0};
	assert_int_equal(hp_host_open_capture("/no/such.capture", &level_1, &host, &err), -ENOENT);
}

static void test_links_stay_inside(void **state)
{
	(void)state;
	struct hp_host *host = open_text(HEAD "file /etc/passwd inside\n"
	                                      "link /a ../../../../etc/passwd\n"
	                                      "link /loop /loop\n"
	                                      "link /ping /pong/x\n"
	                                      "link /pong /ping/x\n"
	                                      "[end] 5\n");
	char buffer[PATH_MAX];
	assert_int_equal(hp_host_complaints(host)->count, 0);
	assert_int_equal(hp_host_read(host, "/a", buffer, sizeof(buffer)), 6);
	assert_string_equal(buffer, "inside");
	assert_int_equal(hp_host_read(host, "/loop", buffer, sizeof(buffer)), -ELOOP);
	assert_int_equal(hp_host_read(host, "/ping", buffer, sizeof(buffer)), -ELOOP);
	assert_int_equal(hp_host_resolve(host, "/ping/x", buffer, sizeof(buffer)), -ELOOP);
	hp_host_close(host);
}

static void test_what_is_not_recorded_is_unknown(void **state)
{
	(void)state;
	struct hp_host *host =
	    open_text(HEAD "dir /sys/module\n\tkvm\n\tvfio\nabsent /proc/driver\n"
	                   "covered /dev/kvm yes\nunreadable /proc/keys EACCES\n[end] 4\n");
	char buffer[64];
	assert_int_equal(hp_host_read(host, "/sys/module/nvidia/version", buffer, 64), -ENOENT);
	assert_int_equal(hp_host_read(host, "/sys/module/kvm/version", buffer, 64), -ENODATA);
	assert_int_equal(hp_host_read(host, "/proc/driver/nvidia/version", buffer, 64), -ENOENT);
	assert_int_equal(hp_host_read(host, "/proc/cpuinfo", buffer, 64), -ENODATA);
	assert_int_equal(hp_host_read(host, "/proc/keys", buffer, 64), -EACCES);
	assert_true(hp_host_covers(host, "/sys/module/nvidia"));
	assert_true(hp_host_covers(host, "/dev/kvm"));
	assert_false(hp_host_covers(host, "/dev/vfio"));
	assert_int_equal(hp_host_exists(host, "/sys/module/kvm"), -ENODATA);
	hp_host_close(host);
}

// -- a real host --

/* In memory: the archive has thousands of small files. */
static char a2[] = "/dev/shm/happypath-a2-XXXXXX";
static bool a2_is_there;

static int unpack_a2(void **state)
{
	(void)state;
	hp_cleanup_free char *archive = hp_asprintf("%s/%s", SOURCE_ROOT, A2_TREE);
	if (access(archive, R_OK) < 0 || !mkdtemp(a2))
		return 0;
	hp_cleanup_free char *command = hp_asprintf("tar xJf %s -C %s", archive, a2);
	a2_is_there = system(command) == 0;
	return 0;
}

static int remove_a2(void **state)
{
	(void)state;
	nftw(a2, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return 0;
}

static size_t opened(struct hp_host *host, const char *pattern)
{
	size_t count = 0;
	const struct hp_names *paths = hp_host_opened(host);
	for (size_t i = 0; i < paths->count; i++)
		count += fnmatch(pattern, paths->names[i], 0) == 0;
	return count;
}

static void test_a2_capture_gives_the_same_facts(void **state)
{
	struct tree *tree = *state;
	if (!a2_is_there)
		skip();
	struct hp_host *host = open_root(a2);
	hp_cleanup_free char *before = facts_of(host, true);
	hp_cleanup_free char *text = write_capture(host, tree, false);
	hp_host_close(host);
	struct hp_host *capture = open_text(text);
	assert_int_equal(hp_host_complaints(capture)->count, 0);
	hp_cleanup_free char *after = facts_of(capture, false);
	assert_string_equal(before, after);
	hp_host_close(capture);
}

/* 204 of its functions are awake below awake bridges, 22 sleep. */
static void test_a2_is_not_disturbed(void **state)
{
	(void)state;
	if (!a2_is_there)
		skip();
	struct hp_host *host = open_root(a2);
	free(facts_of(host, false));
	hp_cleanup_names struct hp_names functions = {0};
	assert_int_equal(hp_host_list(host, "/sys/bus/pci/devices", &functions), 0);
	assert_int_equal(functions.count, 226);
	for (size_t i = 0; i < functions.count; i++) {
		char status[32];
		hp_host_readf(host, status, sizeof(status),
		              "/sys/bus/pci/devices/%s/power/runtime_status", functions.names[i]);
		if (strcmp(status, "active") == 0)
			continue;
		hp_cleanup_free char *config = hp_asprintf("*/%s/config", functions.names[i]);
		hp_cleanup_free char *link = hp_asprintf("*/%s/*_link_*", functions.names[i]);
		assert_int_equal(opened(host, config) + opened(host, link), 0);
	}
	assert_true(opened(host, "*/config") > 150);
	assert_int_equal(opened(host, "*/rom") + opened(host, "*/resource[0-9]*"), 0);
	hp_host_close(host);

	const struct hp_host_options level_0 = {.level = 0, .count_opens = true};
	assert_int_equal(hp_host_open_root(a2, &level_0, &host, NULL), 0);
	free(facts_of(host, false));
	assert_true(opened(host, "/sys/bus/pci/devices/*") > 226);
	assert_int_equal(opened(host, "*/config") + opened(host, "*_link_*") +
	                     opened(host, "*/rom") + opened(host, "*/resource[0-9]*"),
	                 0);
	hp_host_close(host);
}

/* Nobody's capture of this machine: no key can be kept, much cannot be read, and it works all the
 * same. */
static void test_unprivileged(void **state)
{
	(void)state;
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		struct hp_host *host;
		struct hp_text text = {0};
		const struct hp_capture_options options = {.redact = true, .program = "test"};
		if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
			_exit(2);
		if (hp_host_open_live(&level_1, &host, NULL) < 0)
			_exit(3);
		free(facts_of(host, true));
		hp_capture_extra(host);
		if (hp_capture_write(host, &options, &text, NULL) < 0)
			_exit(4);
		hp_host_close(host);
		if (hp_host_open_capture_text("own", text.data, text.length, &level_1, &host,
		                              NULL) < 0)
			_exit(5);
		const struct hp_names *complaints = hp_host_complaints(host);
		for (size_t i = 0; i < complaints->count; i++)
			fprintf(stderr, "%s\n", complaints->names[i]);
		_exit(complaints->count ? 6 : 0);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int main(void)
{
#define WITH_TREE(test) cmocka_unit_test_setup_teardown(test, make_tree, remove_tree)
	const struct CMUnitTest tests[] = {
	    WITH_TREE(test_answers_as_its_host),
	    WITH_TREE(test_is_sorted_and_in_two_parts),
	    WITH_TREE(test_records_programs_and_answers),
	    WITH_TREE(test_remembered_config_is_recorded),
	    WITH_TREE(test_leaves_out_what_nobody_needs),
	    WITH_TREE(test_hides_secrets),
	    WITH_TREE(test_leaves_what_is_no_secret),
	    WITH_TREE(test_placeholders_are_stable),
	    cmocka_unit_test(test_siphash),
	    WITH_TREE(test_capture_shows_no_secret),
	    cmocka_unit_test(test_wrong_records_are_left_out),
	    cmocka_unit_test(test_complaints_become_gaps),
	    cmocka_unit_test(test_truncated),
	    cmocka_unit_test(test_no_capture_at_all),
	    cmocka_unit_test(test_links_stay_inside),
	    cmocka_unit_test(test_what_is_not_recorded_is_unknown),
	    WITH_TREE(test_a2_capture_gives_the_same_facts),
	    cmocka_unit_test(test_a2_is_not_disturbed),
	    cmocka_unit_test(test_unprivileged),
	};
	return cmocka_run_group_tests(tests, unpack_a2, remove_a2);
}
