// The kernel's command line on every distribution's tree. SPDX-License-Identifier: Apache-2.0
#include "kinds.h"

#include "base/cleanup.h"
#include "host/boot.h"
#include "step/cmdline.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct hp_kind *const kind = &hp_kind_kernel_cmdline;

/* grub.cfg as 10_linux writes it: one entry, and one for recovery without the default's words. */
static void build_grub_cfg(struct world *world, const char *path)
{
	hp_cleanup_free char *configured = hp_grub_configured(world->host);
	hp_cleanup_free char *text = hp_asprintf(
	    "set default=\"0\"\nmenuentry 'Linux' --id a {\n\tlinux /boot/vmlinuz-6.12.1 "
	    "root=UUID=1 ro %s\n}\n",
	    configured ? configured : "");
	tree_put(&world->tree, path, text);
}

static int programs(struct world *world, const char *const argv[], struct hp_text *output)
{
	if (strcmp(argv[0], "update-grub") == 0)
		build_grub_cfg(world, "/boot/grub/grub.cfg");
	else if (strcmp(argv[0], "grub2-mkconfig") == 0)
		build_grub_cfg(world, argv[2]);
	else if (strcmp(argv[0], "grub2-editenv") == 0)
		tree_put(&world->tree, argv[1],
		         hp_has_word(argv[3], "amd_iommu=on")
		             ? "# GRUB Environment Block\nsaved_entry=e-4.18.0\n"
		               "kernelopts=root=/dev/sda1 ro amd_iommu=on\n####"
		             : "# GRUB Environment Block\nsaved_entry=e-4.18.0\n"
		               "kernelopts=root=/dev/sda1 ro\n####");
	else if (strcmp(argv[0], "proxmox-boot-tool") != 0)
		return hp_text_puts(output, "no such thing\n"), 1;
	return 0;
}

#define GRUB_CFG(words)                                                                            \
	"set default=\"0\"\nmenuentry 'Linux' --id a {\n\tlinux /boot/vmlinuz-6.12.1 root=UUID=1 " \
	"ro " words "\n}\n"

static const struct entry debian[] = {
    {"/proc/cmdline", "BOOT_IMAGE=/boot/vmlinuz-6.12.1 root=UUID=1 ro quiet\n"},
    {"/etc/os-release", "ID=debian\n"},
    {"/etc/default/grub", "# Mine.\nGRUB_DEFAULT=0\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n"
                          "GRUB_CMDLINE_LINUX=\"\" # all entries\n"},
    {"/boot/grub/grub.cfg", GRUB_CFG("quiet")},
    {"/usr/sbin/update-grub", ""},
    {NULL, NULL},
};

static void test_debian(void **state HP_UNUSED)
{
	struct world world;
	world_make(&world, debian, programs);
	assert_rehearsed(&world, kind, "kernel", "+intel_iommu=on +iommu=pt",
	                 "replace /etc/default/grub.d/happypath.cfg\n" HP_EDIT_HEAD
	                 "GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT intel_iommu=on "
	                 "iommu=pt\"\nrun update-grub\n");
	there_and_back(&world, kind, "kernel", "+intel_iommu=on +iommu=pt",
	               "kernel-cmdline kernel: root=UUID=1 ro quiet -> root=UUID=1 ro quiet "
	               "intel_iommu=on iommu=pt",
	               "update-grub\n");
	// One after the other, in the same file; and one of them taken away again.
	go(&world, kind, "kernel", "+intel_iommu=on");
	go(&world, kind, "kernel", "+iommu=pt");
	assert_file(&world, "/boot/grub/grub.cfg", GRUB_CFG("quiet intel_iommu=on iommu=pt"));
	go(&world, kind, "kernel", "-intel_iommu");
	assert_file(&world, "/etc/default/grub.d/happypath.cfg",
	            HP_EDIT_HEAD
	            "GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT iommu=pt\"\n");
	go(&world, kind, "kernel", "-iommu=pt");
	assert_int_equal(hp_host_exists(world.host, "/etc/default/grub.d/happypath.cfg"), 0);
	assert_file(&world, "/boot/grub/grub.cfg", GRUB_CFG("quiet"));
	world_free(&world);
}

/* "-KEY +KEY=V" sets KEY to V alone; what stands there already is left where it stands. */
static void test_keys_are_set(void **state HP_UNUSED)
{
	struct world world;
	world_make(&world, debian, programs);
	tree_put(&world.tree, "/etc/default/grub",
	         "GRUB_CMDLINE_LINUX_DEFAULT=\"iommu=pt quiet\"\n");
	programs(&world, (const char *const[]){"update-grub", NULL}, NULL);
	assert_rehearsed(&world, kind, "", "-iommu +iommu=pt", "");
	assert_rehearsed(&world, kind, "", "-iommu +iommu=soft",
	                 "replace /etc/default/grub\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n"
	                 "replace /etc/default/grub.d/happypath.cfg\n" HP_EDIT_HEAD
	                 "GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT "
	                 "iommu=soft\"\nrun update-grub\n");
	world_free(&world);
}

static void test_words_of_others_are_taken_away(void **state HP_UNUSED)
{
	struct world world;
	world_make(&world, debian, programs);
	world_put(&world, "/etc/default/grub",
	          "# Mine: iommu=off was for the old board\n"
	          "GRUB_CMDLINE_LINUX_DEFAULT='iommu=off  quiet   amd_iommu=off'  # why\n"
	          "GRUB_CMDLINE_LINUX=pcie_acs_override=downstream\n"
	          "GRUB_CMDLINE_LINUX_RECOVERY=\"iommu=off\"\n",
	          0640);
	world_put(&world, "/etc/default/grub.d/50-cloud.cfg",
	          "GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT console=ttyS0 "
	          "iommu=off\"\n",
	          0644);
	programs(&world, (const char *const[]){"update-grub", NULL}, NULL);
	there_and_back(&world, kind, "kernel", "-iommu -amd_iommu=off -pcie_acs_override +iommu=pt",
	               "kernel-cmdline kernel: root=UUID=1 ro pcie_acs_override=downstream "
	               "iommu=off quiet amd_iommu=off console=ttyS0 iommu=off -> root=UUID=1 ro "
	               "quiet console=ttyS0 iommu=pt",
	               "update-grub\n");
	go(&world, kind, "kernel", "-iommu=off -amd_iommu -pcie_acs_override");
	assert_file(&world, "/etc/default/grub",
	            "# Mine: iommu=off was for the old board\n"
	            "GRUB_CMDLINE_LINUX_DEFAULT='quiet'  # why\n"
	            "GRUB_CMDLINE_LINUX=\n"
	            "GRUB_CMDLINE_LINUX_RECOVERY=\"iommu=off\"\n");
	struct hp_stat stat;
	assert_int_equal(hp_host_stat(world.host, "/etc/default/grub", &stat), 0);
	assert_int_equal(stat.mode & 07777, 0640);
	world_free(&world);
}

/* What was asked for and not built comes along, and undo says that it cannot go again. */
static void test_grub_cfg_older_than_its_files(void **state HP_UNUSED)
{
	struct world world;
	hp_cleanup_text struct hp_text note = {0};
	struct hp_error err;
	world_make(&world, debian, programs);
	world_put(&world, "/etc/default/grub", "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet splash\"\n",
	          0644);
	json_t *before = read_state(&world, kind, "kernel");
	go(&world, kind, "kernel", "+iommu=pt");
	assert_file(&world, "/boot/grub/grub.cfg", GRUB_CFG("quiet splash iommu=pt"));
	json_t *there = read_state(&world, kind, "kernel");
	assert_false(kind->same("kernel", before, there, NULL));
	assert_int_equal(kind->write(world.host, "kernel", there, before, &err), 0);
	json_t *back = read_state(&world, kind, "kernel");
	assert_true(kind->same("kernel", before, back, &note));
	assert_string_equal(hp_text_get(&note),
	                    "the bootloader's configuration was built anew: the next boot's words "
	                    "differ from those before in order, in what had been asked for "
	                    "already, in what nobody asked for, or in how they name the root "
	                    "file system\n");
	json_decref(before);
	json_decref(there);
	json_decref(back);
	world_free(&world);
}

/* An image is built where its root file system has another name than on the host that it boots. */
static void test_root_is_found_anew(void **state HP_UNUSED)
{
	struct world world;
	struct hp_error err;
	world_make(&world, debian, programs);
	world_put(&world, "/boot/grub/grub.cfg",
	          "menuentry 'Linux' --id a {\n\tlinux /boot/vmlinuz-6.12.1 root=/dev/vda1 ro "
	          "quiet\n}\n",
	          0600);
	json_t *before = read_state(&world, kind, "kernel");
	go(&world, kind, "kernel", "+iommu=pt");
	assert_file(&world, "/boot/grub/grub.cfg", GRUB_CFG("quiet iommu=pt"));
	json_t *there = read_state(&world, kind, "kernel");
	assert_false(kind->same("kernel", before, there, NULL));
	assert_int_equal(kind->write(world.host, "kernel", there, before, &err), 0);
	json_t *back = read_state(&world, kind, "kernel");
	assert_true(kind->same("kernel", before, back, NULL));
	json_decref(before);
	json_decref(there);
	json_decref(back);
	world_free(&world);
}

/* A generator that says 0 and writes nothing is found out by reading back. */
static int lazy(struct world *world HP_UNUSED, const char *const argv[] HP_UNUSED,
                struct hp_text *output HP_UNUSED)
{
	return 0;
}

static void test_grub_cfg_must_have_it(void **state HP_UNUSED)
{
	struct world world;
	struct hp_error err;
	hp_cleanup_free char *refusal = NULL;
	world_make(&world, debian, lazy);
	json_t *before = read_state(&world, kind, "kernel");
	json_t *after = want(&world, kind, "kernel", "+iommu=pt", &refusal);
	assert_int_equal(kind->write(world.host, "kernel", before, after, &err), 0);
	json_t *found = read_state(&world, kind, "kernel");
	assert_false(json_equal(found, after));
	assert_false(kind->same("kernel", after, found, NULL));
	json_decref(found);
	world.programs = NULL;
	assert_int_equal(kind->write(world.host, "kernel", before, after, &err), -ENOENT);
	assert_string_equal(err.message, "cannot run update-grub: there is no such program; "
	                                 "package grub2-common has it");
	json_decref(before);
	json_decref(after);
	world_free(&world);
}

static void test_grub_is_a_shell_script(void **state HP_UNUSED)
{
	struct world world;
	world_make(&world, debian, programs);
	world_put(&world, "/etc/default/grub.d/zz.cfg", "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n",
	          0644);
	assert_refused(&world, kind, "kernel", "+iommu=pt",
	               "iommu=pt would have no effect: /etc/default/grub.d/zz.cfg is read after "
	               "/etc/default/grub.d/happypath.cfg and sets the variable anew, without "
	               "$GRUB_CMDLINE_LINUX_DEFAULT in it");
	world_free(&world);
}

#define UNSAFE(word)                                                                               \
	"kernel-cmdline: '" word "': quotes, what shells and GRUB's scripts read as more than a "  \
	"letter, and what is not ASCII cannot be written safely, as in '+intel_iommu=on "          \
	"-pcie_acs_override'"

static void test_words(void **state HP_UNUSED)
{
	static const struct {
		const char *word, *message;
	} cases[] = {
	    {"iommu=pt", "kernel-cmdline: 'iommu=pt': expected '+' or '-' before it, as in "
	                 "'+intel_iommu=on -pcie_acs_override'"},
	    {"", "kernel-cmdline: expected words such as '+intel_iommu=on -pcie_acs_override'"},
	    {"+", "kernel-cmdline: '+': expected an option, as in '+intel_iommu=on "
	          "-pcie_acs_override'"},
	    {"-root", "kernel-cmdline: '-root': without its root file system the host does not "
	              "boot, as in '+intel_iommu=on -pcie_acs_override'"},
	    {"+a=$(b)", UNSAFE("+a=$(b)")},
	    {"+pci=disable_acs_redir=1:0.0;2:0.0", UNSAFE("+pci=disable_acs_redir=1:0.0;2:0.0")},
	    {"+a|b", UNSAFE("+a|b")},
	    {"+#a", "kernel-cmdline: '+#a': it would begin a comment, as in '+intel_iommu=on "
	            "-pcie_acs_override'"},
	};
	struct world world;
	world_make(&world, debian, programs);
	for (size_t i = 0; i < HP_COUNT(cases); i++)
		assert_refused(&world, kind, "kernel", cases[i].word, cases[i].message);
	world_free(&world);
}

static const struct entry suse[] = {
    {"/proc/cmdline", "BOOT_IMAGE=/boot/vmlinuz-6.12.1 root=UUID=1 ro\n"},
    {"/etc/os-release", "ID=\"sles\"\n"},
    {"/etc/default/grub", "GRUB_CMDLINE_LINUX_DEFAULT=\"splash=silent\"\n"},
    {"/boot/grub2/grub.cfg", GRUB_CFG("splash=silent")},
    {NULL, NULL},
};

static void test_suse_has_no_drop_ins(void **state HP_UNUSED)
{
	struct world world;
	world_make(&world, suse, programs);
	assert_rehearsed(&world, kind, "kernel", "+iommu=pt",
	                 "replace /etc/default/grub\nGRUB_CMDLINE_LINUX_DEFAULT=\"splash=silent "
	                 "iommu=pt\"\nrun grub2-mkconfig -o /boot/grub2/grub.cfg\n");
	there_and_back(&world, kind, "kernel", "+iommu=pt", NULL,
	               "grub2-mkconfig -o /boot/grub2/grub.cfg\n");
	world_free(&world);
}

#define ENTRY(version, options)                                                                    \
	"title Rocky Linux\nversion " version "\nlinux /vmlinuz-" version                          \
	"\ninitrd /initramfs-" version ".img\noptions " options "\ngrub_users $grub_users\n"

static const struct entry rocky[] = {
    {"/proc/cmdline", "BOOT_IMAGE=(hd0,gpt2)/vmlinuz-5.14.0-2 root=/dev/sda1 ro\n"},
    {"/etc/os-release", "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n"},
    {"/etc/default/grub", "GRUB_CMDLINE_LINUX=\"crashkernel=1G\"\nGRUB_ENABLE_BLSCFG=true\n"},
    {"/etc/kernel/cmdline", "root=/dev/sda1 ro crashkernel=1G\n"},
    {"/boot/grub2/grub.cfg", "insmod blscfg\nblscfg\n"},
    {"/boot/grub2/grubenv", "# GRUB Environment Block\nsaved_entry=m-5.14.0-2\n####"},
    {"/boot/loader/entries/m-5.14.0-1.conf",
     ENTRY("5.14.0-1", "root=/dev/sda1 ro crashkernel=1G $tuned_params")},
    {"/boot/loader/entries/m-5.14.0-2.conf",
     ENTRY("5.14.0-2", "root=/dev/sda1 ro crashkernel=1G $tuned_params")},
    {"/boot/loader/entries/m-0-rescue.conf", ENTRY("0-rescue", "root=/dev/sda1 ro")},
    {NULL, NULL},
};

static void test_rocky(void **state HP_UNUSED)
{
	struct world world;
	world_make(&world, rocky, programs);
	there_and_back(&world, kind, "kernel", "+intel_iommu=on",
	               "kernel-cmdline kernel: root=/dev/sda1 ro crashkernel=1G $tuned_params -> "
	               "root=/dev/sda1 ro crashkernel=1G $tuned_params intel_iommu=on",
	               "");
	there_and_back(&world, kind, "kernel", "-crashkernel +crashkernel=2G", NULL, "");
	go(&world, kind, "kernel", "+intel_iommu=on");
	assert_file(
	    &world, "/boot/loader/entries/m-5.14.0-1.conf",
	    ENTRY("5.14.0-1", "root=/dev/sda1 ro crashkernel=1G $tuned_params intel_iommu=on"));
	assert_file(&world, "/boot/loader/entries/m-0-rescue.conf",
	            ENTRY("0-rescue", "root=/dev/sda1 ro intel_iommu=on"));
	assert_file(&world, "/etc/kernel/cmdline",
	            "root=/dev/sda1 ro crashkernel=1G intel_iommu=on\n");
	assert_file(&world, "/etc/default/grub",
	            "GRUB_CMDLINE_LINUX=\"crashkernel=1G intel_iommu=on\"\n"
	            "GRUB_ENABLE_BLSCFG=true\n");
	// A kernel that is installed meanwhile has the words, and is no other state.
	json_t *with_two = read_state(&world, kind, "kernel");
	tree_put(
	    &world.tree, "/boot/loader/entries/m-5.14.0-3.conf",
	    ENTRY("5.14.0-3", "root=/dev/sda1 ro crashkernel=1G $tuned_params intel_iommu=on"));
	tree_put(&world.tree, "/boot/grub2/grubenv", "saved_entry=m-5.14.0-3\n");
	json_t *with_three = read_state(&world, kind, "kernel");
	assert_true(json_equal(with_two, with_three));
	json_decref(with_two);
	json_decref(with_three);
	world_free(&world);
}

/* An entry that somebody made between there and back has words of its own. */
static void test_entries_of_others_stay(void **state HP_UNUSED)
{
	static const char memtest[] = ENTRY("memtest", "root=/dev/sdb1 ro single");
	struct world world;
	struct hp_error err = {0};
	world_make(&world, rocky, programs);
	json_t *before = read_state(&world, kind, "kernel");
	go(&world, kind, "kernel", "+intel_iommu=on");
	json_t *after = read_state(&world, kind, "kernel");
	tree_put(&world.tree, "/boot/loader/entries/m-memtest.conf", memtest);
	assert_int_equal(kind->write(world.host, "kernel", after, before, &err), 0);
	assert_file(&world, "/boot/loader/entries/m-memtest.conf", memtest);
	assert_file(&world, "/boot/loader/entries/m-5.14.0-1.conf",
	            ENTRY("5.14.0-1", "root=/dev/sda1 ro crashkernel=1G $tuned_params"));
	json_decref(after);
	json_decref(before);
	world_free(&world);
}

/* A plan may name any file: this kind writes its own alone. */
static void test_files_of_others_stay(void **state HP_UNUSED)
{
	struct world world;
	struct hp_error err = {0};
	world_make(&world, debian, programs);
	json_t *before = read_state(&world, kind, "kernel");
	json_t *after = hp_state_copy(before);
	json_object_set_new(
	    json_object_get(after, "files"), "/etc/cron.d/x",
	    json_pack("{s:s, s:i, s:i, s:i}", "content", "x", "mode", 0644, "uid", 0, "gid", 0));
	assert_int_equal(kind->write(world.host, "kernel", before, after, &err), -EINVAL);
	assert_int_equal(hp_host_exists(world.host, "/etc/cron.d/x"), 0);
	assert_non_null(strstr(err.message, "/etc/cron.d/x is no file of a bootloader's words"));
	json_decref(after);
	json_decref(before);
	world_free(&world);
}

static const struct entry rhel_8[] = {
    {"/etc/os-release", "ID=\"rhel\"\n"},
    {"/proc/cmdline", "BOOT_IMAGE=(hd0,gpt2)/vmlinuz-4.18.0 root=/dev/sda1 ro\n"},
    {"/boot/grub2/grub.cfg", "blscfg\n"},
    {"/boot/efi/EFI/redhat/grubenv", "# GRUB Environment Block\nsaved_entry=e-4.18.0\n"
                                     "kernelopts=root=/dev/sda1 ro\n####"},
    {"/boot/grub2/grubenv", "-> ../efi/EFI/redhat/grubenv"},
    {"/boot/loader/entries/e-4.18.0.conf", ENTRY("4.18.0", "$kernelopts $tuned_params")},
    {NULL, NULL},
};

static void test_rhel_8_keeps_words_in_grubenv(void **state HP_UNUSED)
{
	struct world world;
	world_make(&world, rhel_8, programs);
	there_and_back(&world, kind, "kernel", "+amd_iommu=on",
	               "kernel-cmdline kernel: $kernelopts $tuned_params ($kernelopts: "
	               "root=/dev/sda1 ro) -> $kernelopts $tuned_params ($kernelopts: "
	               "root=/dev/sda1 ro amd_iommu=on)",
	               "grub2-editenv /boot/efi/EFI/redhat/grubenv set kernelopts=root=/dev/sda1 "
	               "ro amd_iommu=on\n");
	world_free(&world);
}

static const struct entry systemd_boot[] = {
    {"/proc/cmdline", "root=UUID=1 rw\n"},
    {"/etc/os-release", "ID=arch\n"},
    {"/etc/kernel/cmdline", "# words for every kernel\nroot=UUID=1 rw\n"},
    {"/efi/loader/loader.conf", "timeout 3\n"},
    {"/efi/loader/entries/m-6.12.1-arch1.conf",
     "title Arch\nversion 6.12.1-arch1\nlinux /m/6.12.1-arch1/linux\noptions    root=UUID=1 rw\n"},
    {"/efi/loader/entries/windows.conf", "title W\nefi /EFI/w.efi\noptions x\n"},
    {NULL, NULL},
};

static void test_systemd_boot(void **state HP_UNUSED)
{
	struct world world;
	world_make(&world, systemd_boot, programs);
	assert_rehearsed(&world, kind, "kernel", "+iommu=pt",
	                 "replace /etc/kernel/cmdline\n# words for every kernel\nroot=UUID=1 rw "
	                 "iommu=pt\nreplace /efi/loader/entries/m-6.12.1-arch1.conf\ntitle "
	                 "Arch\nversion 6.12.1-arch1\nlinux /m/6.12.1-arch1/linux\noptions    "
	                 "root=UUID=1 rw iommu=pt\n");
	there_and_back(&world, kind, "kernel", "+iommu=pt +vfio-pci.ids=10de:2330", NULL, "");
	world_free(&world);
}

static const struct entry proxmox[] = {
    {"/proc/cmdline", "initrd=\\EFI\\proxmox\\6.8.12-4-pve\\initrd root=ZFS=rpool boot=zfs\n"},
    {"/etc/kernel/proxmox-boot-uuids", "ABCD-EF01\n"},
    {"/etc/kernel/cmdline", "root=ZFS=rpool/ROOT/pve-1 boot=zfs\n"},
    {NULL, NULL},
};

static void test_proxmox(void **state HP_UNUSED)
{
	struct world world;
	world_make(&world, proxmox, programs);
	there_and_back(&world, kind, "kernel", "+iommu=pt",
	               "kernel-cmdline kernel: root=ZFS=rpool/ROOT/pve-1 boot=zfs -> "
	               "root=ZFS=rpool/ROOT/pve-1 boot=zfs iommu=pt",
	               "proxmox-boot-tool refresh\n");
	world_free(&world);
}

static const struct entry proxmox_grub[] = {
    {"/proc/cmdline", "BOOT_IMAGE=/vmlinuz-6.8.12-4-pve root=ZFS=rpool\n"},
    {"/etc/kernel/proxmox-boot-uuids", "ABCD-EF01\n"},
    {"/etc/default/grub", "GRUB_CMDLINE_LINUX_DEFAULT=quiet\n"},
    {"/usr/sbin/update-grub", ""},
    {"/boot/grub/grub.cfg", GRUB_CFG("stale")},
    {NULL, NULL},
};

static void test_proxmox_with_grub(void **state HP_UNUSED)
{
	struct world world;
	world_make(&world, proxmox_grub, programs);
	there_and_back(&world, kind, "kernel", "+iommu=pt -quiet",
	               "kernel-cmdline kernel: quiet -> iommu=pt", "proxmox-boot-tool refresh\n");
	world_free(&world);
}

static void test_refusals_say_what_to_use(void **state HP_UNUSED)
{
	static const struct {
		struct entry mark;
		const char *message;
	} cases[] = {
	    {{"/run/ostree-booted", ""},
	     "kernel-cmdline: ostree keeps the boot entries; use: rpm-ostree kargs "
	     "--delete-if-present=nomodeset --append-if-missing=intel_iommu=on "
	     "--append-if-missing=iommu=pt"},
	    {{"/etc/NIXOS", ""},
	     "kernel-cmdline: NixOS makes the boot entries from its configuration; use: "
	     "boot.kernelParams = [ \"intel_iommu=on\" \"iommu=pt\" ]; in configuration.nix, "
	     "\"nomodeset\" taken out of boot.kernelParams, then nixos-rebuild boot"},
	    {{"/etc/os-release", "ID=talos\n"},
	     "kernel-cmdline: Talos has no files to edit; use: machine.install.extraKernelArgs: "
	     "[-nomodeset, intel_iommu=on, iommu=pt] in the machine's configuration, then "
	     "talosctl upgrade"},
	    {{"/etc/os-release", "ID=flatcar\n"},
	     "kernel-cmdline: Flatcar is read-only; use: set linux_append=\"intel_iommu=on "
	     "iommu=pt\" in /oem/grub.cfg, without nomodeset"},
	    {{"/etc/os-release", "ID=\"bottlerocket\"\n"},
	     "kernel-cmdline: Bottlerocket is read-only; use: [settings.boot.kernel-parameters] "
	     "in its user data: \"intel_iommu\" = [\"on\"] \"iommu\" = [\"pt\"], without "
	     "nomodeset"},
	    {{"/etc/os-release", "ID=ubuntu-core\n"},
	     "kernel-cmdline: Ubuntu Core is read-only; use: snap set system "
	     "system.kernel.append=\"intel_iommu=on iommu=pt\", without nomodeset"},
	    {{"/usr/sbin/transactional-update", ""},
	     "kernel-cmdline: the system is changed by transactional-update; use: intel_iommu=on "
	     "added, iommu=pt added, nomodeset taken away in GRUB_CMDLINE_LINUX_DEFAULT of "
	     "/etc/default/grub, then transactional-update grub.cfg"},
	    {{"/boot/extlinux/extlinux.conf", "label a\n"},
	     "kernel-cmdline: happypath does not write extlinux.conf; use: intel_iommu=on added, "
	     "iommu=pt added, nomodeset taken away in the APPEND line of the default label of its "
	     "configuration"},
	    {{"/etc/hostname", "x"},
	     "kernel-cmdline: nothing here tells how this host boots: add the words where its "
	     "bootloader reads them"},
	};
	for (size_t i = 0; i < HP_COUNT(cases); i++) {
		struct world world;
		const struct entry entries[] = {{"/proc/cmdline", "BOOT_IMAGE=/vmlinuz ro\n"},
		                                {"/etc/hostname", "x\n"},
		                                cases[i].mark,
		                                {NULL, NULL}};
		world_make(&world, entries, programs);
		assert_refused(&world, kind, "kernel", "+intel_iommu=on +iommu=pt -nomodeset",
		               cases[i].message);
		world_free(&world);
	}
}

static void test_obstacles(void **state HP_UNUSED)
{
	struct world world;
	world_make(&world, debian, programs);
	world_put(&world, "/etc/default/grub",
	          "\n# Ansible managed: do not edit\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n", 0644);
	world_put(&world, "/proc/mounts", "/dev/sda1 / ext4 rw,relatime 0 0\n", 0644);
	assert_obstacles(&world, kind, "kernel", "+iommu=pt", "");
	world_put(&world, "/boot/grub/grub.cfg", GRUB_CFG("quiet console=ttyS1 $vt_handoff"), 0600);
	assert_obstacles(&world, kind, "kernel", "+iommu=pt",
	                 "consent kernel: the bootloader's configuration has console=ttyS1, which "
	                 "none of the files asks for that it is made from: built anew, it will be "
	                 "without\n");
	world_put(&world, "/boot/grub/grub.cfg", GRUB_CFG("quiet"), 0600);
	assert_obstacles(
	    &world, kind, "kernel", "-quiet",
	    "owner /etc/default/grub: Ansible keeps /etc/default/grub, as line 2 says: "
	    "# Ansible managed: do not edit\n");

	hp_cleanup_free char *name = hp_asprintf("%s/etc/default/grub", world.tree.path);
	hp_cleanup_free char *other = hp_asprintf("%s/etc/default/of-somebody", world.tree.path);
	world_put(&world, "/etc/default/grub", "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n", 0644);
	assert_int_equal(link(name, other), 0);
	assert_obstacles(
	    &world, kind, "kernel", "-quiet",
	    "owner /etc/default/grub: /etc/default/grub is one of 2 names of a file (hard "
	    "links): the others would keep what is in it now, for good\n");
	assert_int_equal(unlink(other), 0);
	world_put(&world, "/proc/mounts",
	          "/dev/sda1 / ext4 rw 0 0\noverlay /etc overlay ro,relatime 0 0\n", 0644);
	assert_obstacles(&world, kind, "kernel", "+iommu=pt",
	                 "broken /etc/default/grub.d/happypath.cfg: "
	                 "/etc/default/grub.d/happypath.cfg cannot be written: overlay is mounted "
	                 "read-only at /etc\n");
	world_free(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_debian),
	    cmocka_unit_test(test_keys_are_set),
	    cmocka_unit_test(test_words_of_others_are_taken_away),
	    cmocka_unit_test(test_grub_cfg_older_than_its_files),
	    cmocka_unit_test(test_root_is_found_anew),
	    cmocka_unit_test(test_grub_cfg_must_have_it),
	    cmocka_unit_test(test_grub_is_a_shell_script),
	    cmocka_unit_test(test_words),
	    cmocka_unit_test(test_suse_has_no_drop_ins),
	    cmocka_unit_test(test_rocky),
	    cmocka_unit_test(test_entries_of_others_stay),
	    cmocka_unit_test(test_files_of_others_stay),
	    cmocka_unit_test(test_rhel_8_keeps_words_in_grubenv),
	    cmocka_unit_test(test_systemd_boot),
	    cmocka_unit_test(test_proxmox),
	    cmocka_unit_test(test_proxmox_with_grub),
	    cmocka_unit_test(test_refusals_say_what_to_use),
	    cmocka_unit_test(test_obstacles),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
