// Tests of the probes of the system around the devices. SPDX-License-Identifier: Apache-2.0
#include "file-tree.h"

#include "host/boot-entry.h"
#include "probe/cpu.h"
#include "probe/kernel-config.h"
#include "probe/kvm-proof.h"
#include "probe/machine.h"
#include "probe/memory.h"
#include "probe/modprobe.h"
#include "probe/module.h"
#include "probe/nvidia.h"
#include "probe/packages.h"
#include "probe/software.h"

#include <unistd.h>

// == machine, processor, memory

static void test_bios_date(void **state)
{
	(void)state;
	static const struct {
		const char *text, *date;
	} rows[] = {{"04/21/2023", "2023-04-21"}, {"12/01/99", "1999-12-01"},
	            {"01/02/06", "2006-01-02"},   {"13/01/2020", NULL},
	            {"4/1/2020 x", NULL},         {"", NULL}};
	for (size_t i = 0; i < HP_COUNT(rows); i++) {
		char date[11];
		bool is_date = hp_bios_date(rows[i].text, date);
		assert_int_equal(is_date, rows[i].date != NULL);
		if (is_date)
			assert_string_equal(date, rows[i].date);
	}
}

static void test_hypervisor(void **state)
{
	(void)state;
	static const struct {
		const char *signature, *vendor, *oem, *hypervisor;
	} rows[] = {
	    {"KVMKVMKVM", "QEMU", "BOCHS ", "kvm"},
	    {"TCGTCGTCGTCG", "QEMU", "BOCHS ", "qemu-tcg"},
	    {"KVMKVMKVM", "", "FIRECK", "firecracker"},
	    {"KVMKVMKVM", "Cloud Hypervisor", "", "cloud-hypervisor"},
	    {"KVMKVMKVM", "Amazon EC2", "AMAZON", "aws-nitro"},
	    {"KVMKVMKVM", "Google", "Google", "gcp"},
	    {"VMwareVMware", "VMware, Inc.", "", "vmware"},
	    {"Microsoft Hv", "Microsoft Corporation", "", "hyper-v"},
	    {"Microsoft Hv", "Dell Inc.", "", "hyper-v"},
	    {"bhyve bhyve ", "", "", "other"},
	    {"", "Dell Inc.", "DELL  ", NULL},
	};
	for (size_t i = 0; i < HP_COUNT(rows); i++) {
		const char *found =
		    hp_hypervisor_of(rows[i].signature, rows[i].vendor, rows[i].oem);
		if (rows[i].hypervisor)
			assert_string_equal(found, rows[i].hypervisor);
		else
			assert_null(found);
	}
}

static void test_machine_of_a_tree(void **state)
{
	(void)state;
	static const struct file files[] = {
	    {"/etc/os-release",
	     "PRETTY_NAME=\"Debian GNU/Linux 12\"\nID=debian\nVERSION_ID='12'\n"},
	    {"/usr/bin/pveversion", ""},
	    {"/sys/class/dmi/id/sys_vendor", "Dell Inc.\n"},
	    {"/sys/class/dmi/id/bios_date", "04/21/2023\n"},
	    {"/proc/cpuinfo", "vendor_id\t: GenuineIntel\nflags\t\t: fpu vmx\n"},
	    {"/proc/1/comm", "systemd\n"},
	    {"/proc/cmdline", "BOOT_IMAGE=/boot/vmlinuz quiet\n"},
	    {"/boot/grub/grub.cfg", ""},
	};
	TREE(tree, files);
	probe(&tree, hp_probe_machine);
	assert_value(&tree, "SELECT distribution FROM machine", "proxmox");
	assert_value(&tree, "SELECT distribution_version FROM machine", NULL);
	assert_value(&tree, "SELECT vendor FROM machine", "Dell Inc.");
	assert_value(&tree, "SELECT product FROM machine", "none");
	assert_value(&tree, "SELECT bios_date FROM machine", "2023-04-21");
	assert_value(&tree, "SELECT hypervisor FROM machine", "none");
	assert_value(&tree, "SELECT init FROM machine", "systemd");
	assert_value(&tree, "SELECT bootloader FROM machine", "grub");
	assert_value(&tree, "SELECT root FROM machine", NULL);
}

static void test_partial_tree_is_unknown(void **state)
{
	(void)state;
	static const struct file files[] = {{"/etc/os-release", "ID=ubuntu\n"}};
	TREE(tree, files);
	probe(&tree, hp_probe_machine);
	probe(&tree, hp_probe_kernel);
	probe(&tree, hp_probe_kvm);
	probe(&tree, hp_probe_cpu);
	probe(&tree, hp_probe_memory);
	probe(&tree, hp_probe_module);
	probe(&tree, hp_probe_nvidia);
	probe(&tree, hp_probe_service);
	assert_value(&tree, "SELECT distribution FROM machine", "ubuntu");
	static const char *const unknown[] = {
	    "SELECT vendor FROM machine",
	    "SELECT hypervisor FROM machine",
	    "SELECT boot_firmware FROM machine",
	    "SELECT release FROM kernel",
	    "SELECT secure_boot FROM kernel",
	    "SELECT module_signing_enforced FROM kernel",
	    "SELECT device FROM kvm",
	    "SELECT module FROM kvm",
	    "SELECT virtualization FROM cpu",
	    "SELECT hugepages_1g_total FROM memory",
	    "SELECT loaded_version FROM nvidia_driver",
	    "SELECT library_version FROM nvidia_driver",
	    "SELECT state FROM module WHERE module = 'nvidia'",
	    "SELECT state FROM service WHERE service = 'docker'",
	};
	for (size_t i = 0; i < HP_COUNT(unknown); i++)
		assert_value(&tree, unknown[i], NULL);
	assert_value(&tree, "SELECT kind FROM gap WHERE what = '/proc'", "unsupported");
}

static void test_cpu(void **state)
{
	(void)state;
	int64_t bits;
	assert_true(hp_cpu_address_bits(
	    "a: b\naddress sizes\t: 39 bits physical, 48 bits virtual\n", &bits));
	assert_int_equal(bits, 39);
	assert_false(hp_cpu_address_bits("address sizes\t: many\n", &bits));
	assert_string_equal(hp_cpu_virtualization("flags\t: fpu svm sse\n"), "svm");
	assert_string_equal(hp_cpu_virtualization("flags\t: fpu vmxnet sse\n"), "none");
	assert_null(hp_cpu_virtualization("Features\t: fp asimd\n"));
}

static void test_memory(void **state)
{
	(void)state;
	int64_t value;
	assert_true(hp_memory_amount("MemTotal:       24684084 kB\n", "MemTotal", &value));
	assert_int_equal(value, 24684084ll * 1024);
	assert_true(hp_memory_amount("HugePages_Total:      12\n", "HugePages_Total", &value));
	assert_int_equal(value, 12);
	assert_false(hp_memory_amount("MemTotal: x kB\n", "MemTotal", &value));
	assert_true(hp_memlock_limit(
	    "Max locked memory         8388608              8388608   bytes\n", &value));
	assert_int_equal(value, 8388608);
	assert_true(
	    hp_memlock_limit("Max locked memory         unlimited  unlimited  bytes\n", &value));
	assert_int_equal(value, -1);
	assert_false(hp_memlock_limit("Max cpu time unlimited\n", &value));
}

// == boot

static void test_grub_defaults(void **state)
{
	(void)state;
	struct hp_grub_defaults defaults = {0};
	hp_grub_defaults_read(&defaults, "# GRUB_CMDLINE_LINUX=\"no\"\n"
	                                 "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet splash\" # why\n"
	                                 "export GRUB_CMDLINE_LINUX='intel_iommu=on'\n"
	                                 "GRUB_CMDLINE_LINUX_RECOVERY=single\n");
	hp_grub_defaults_read(
	    &defaults, "GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT iommu=pt\"\n"
		       "GRUB_CMDLINE_LINUX+=\" vfio-pci.ids=10de:2330\"\n"
		       "GRUB_CMDLINE_LINUX_DEFAULT=\"${GRUB_CMDLINE_LINUX_DEFAULT} nomodeset\"\n");
	hp_cleanup_free char *cmdline = hp_grub_defaults_cmdline(&defaults);
	assert_string_equal(
	    cmdline, "intel_iommu=on vfio-pci.ids=10de:2330 quiet splash iommu=pt nomodeset");
	hp_grub_defaults_free(&defaults);
	assert_null(hp_grub_defaults_cmdline(&defaults));
}

static const char grub_cfg[] =
    "if [ \"${next_entry}\" ] ; then\n"
    "   set default=\"${next_entry}\"\n"
    "else\n"
    "   set default=\"%s\"\n"
    "fi\n"
    "menuentry 'Debian GNU/Linux' --class debian $menuentry_id_option 'gnulinux-simple-1' {\n"
    "	if [ x$grub_platform = xxen ]; then insmod xzio; fi\n"
    "	if true; then {\n"
    "	}\n"
    "	fi\n"
    "	linux	/boot/vmlinuz-6.1.0-40-amd64 root=UUID=1 ro  quiet\n"
    "	initrd	/boot/initrd.img-6.1.0-40-amd64\n"
    "}\n"
    "submenu 'Advanced options' $menuentry_id_option 'gnulinux-advanced-1' {\n"
    "	menuentry 'Debian, with Linux 6.1' $menuentry_id_option 'gnulinux-6.1-advanced-1' {\n"
    "		linux	/boot/vmlinuz-6.1.0-40-amd64 root=UUID=1 ro \"a b\"\n"
    "	}\n"
    "	menuentry 'Debian, with Linux 5.10' $menuentry_id_option 'gnulinux-5.10-advanced-1' {\n"
    "		linux	/boot/vmlinuz-5.10.0-1-amd64 root=UUID=1 ro old\n"
    "	}\n"
    "}\n"
    "menuentry 'UEFI Firmware Settings' {\n"
    "	fwsetup\n"
    "}\n";

static void test_grub_entry(void **state)
{
	(void)state;
	static const struct {
		const char *wanted, *saved, *kernel, *cmdline;
	} rows[] = {
	    {"0", NULL, "/boot/vmlinuz-6.1.0-40-amd64", "root=UUID=1 ro quiet"},
	    {"1>1", NULL, "/boot/vmlinuz-5.10.0-1-amd64", "root=UUID=1 ro old"},
	    {"1", NULL, "/boot/vmlinuz-6.1.0-40-amd64", "root=UUID=1 ro a b"},
	    {"gnulinux-advanced-1>gnulinux-5.10-advanced-1", NULL, "/boot/vmlinuz-5.10.0-1-amd64",
	     "root=UUID=1 ro old"},
	    {"${saved_entry}", "Advanced options>Debian, with Linux 5.10",
	     "/boot/vmlinuz-5.10.0-1-amd64", "root=UUID=1 ro old"},
	    {"${saved_entry}", NULL, "/boot/vmlinuz-6.1.0-40-amd64", "root=UUID=1 ro quiet"},
	    {"2", NULL, NULL, NULL},
	    {"no such entry", NULL, NULL, NULL},
	};
	for (size_t i = 0; i < HP_COUNT(rows); i++) {
		hp_cleanup_boot_entry struct hp_boot_entry entry = {0};
		const char *mark = strstr(grub_cfg, "%s");
		hp_cleanup_free char *text = hp_asprintf("%.*s%s%s", (int)(mark - grub_cfg),
		                                         grub_cfg, rows[i].wanted, mark + 2);
		bool found = hp_grub_default_entry(text, rows[i].saved, &entry);
		assert_int_equal(found, rows[i].kernel != NULL);
		if (!found)
			continue;
		assert_string_equal(entry.kernel, rows[i].kernel);
		assert_string_equal(entry.cmdline, rows[i].cmdline);
	}
}

static void test_other_bootloaders(void **state)
{
	(void)state;
	hp_cleanup_boot_entry struct hp_boot_entry syslinux = {0}, limine = {0}, old = {0},
						   bls = {0};
	assert_true(hp_syslinux_default_entry(
	    "default menu.c32\ntimeout 50\nlabel Safe\n  kernel /bzimage\n"
	    "  append initrd=/bzroot safe\nlabel Unraid OS\n  menu default\n"
	    "  kernel /bzimage\n  append amd_iommu=on initrd=/bzroot\n",
	    &syslinux));
	assert_string_equal(syslinux.cmdline, "amd_iommu=on initrd=/bzroot");
	assert_true(
	    hp_limine_default_entry("timeout: 5\ndefault_entry: 2\n/One\n  protocol: linux\n"
	                            "  path: boot():/vmlinuz-1.0\n  cmdline: one\n/Two\n"
	                            "  path: boot():/vmlinuz-6.12.54\n  cmdline: iommu=pt two\n",
	                            &limine));
	assert_string_equal(limine.cmdline, "iommu=pt two");
	assert_true(hp_limine_default_entry(
	    "TIMEOUT=5\n:Linux\nPROTOCOL=linux\nKERNEL_PATH=boot:///vmlinuz\n"
	    "CMDLINE=root=/dev/sda quiet\n",
	    &old));
	assert_string_equal(old.cmdline, "root=/dev/sda quiet");
	assert_true(
	    hp_bls_entry("title Fedora\nversion 6.8.5-301.fc40.x86_64\nlinux /vmlinuz-6.8.5\n"
	                 "options $kernelopts $tuned_params\noptions iommu=pt\n",
	                 "root=/dev/sda1 ro", &bls));
	assert_string_equal(bls.cmdline, "root=/dev/sda1 ro iommu=pt");
	assert_string_equal(bls.release, "6.8.5-301.fc40.x86_64");
	struct hp_boot_entry none = {0};
	assert_false(hp_syslinux_default_entry("", &none));
	assert_false(hp_limine_default_entry("timeout: 5\n", &none));
	assert_false(hp_bls_entry("efi /shell.efi\n", NULL, &none));
}

/* The host of an incident: options written to the file of a bootloader that does not boot it. */
static void test_wrong_bootloader_configured(void **state)
{
	(void)state;
	static const struct file files[] = {
	    {"/proc/cmdline", "\n"},
	    {"/proc/sys/kernel/osrelease", "6.12.54-Unraid\n"},
	    {"/boot/syslinux/syslinux.cfg", "label Unraid OS\n  menu default\n  kernel /bzimage\n  "
	                                    "append amd_iommu=on vfio-pci.ids=10de:2805\n"},
	    {"/boot/limine.conf",
	     "/Unraid\n  protocol: linux\n  path: boot():/bzimage\n  cmdline: quiet\n"},
	};
	TREE(tree, files);
	probe(&tree, hp_probe_kernel);
	assert_value(&tree, "SELECT cmdline FROM kernel", "none");
	assert_value(&tree, "SELECT cmdline_configured FROM kernel",
	             "amd_iommu=on vfio-pci.ids=10de:2805");
	assert_value(&tree, "SELECT cmdline_configured_file FROM kernel",
	             "/boot/syslinux/syslinux.cfg");
	assert_value(&tree, "SELECT cmdline_next FROM kernel", "quiet");
	assert_value(&tree, "SELECT cmdline_next_file FROM kernel", "/boot/limine.conf");
}

static void test_systemd_boot_next(void **state)
{
	(void)state;
	static const struct file files[] = {
	    {"/proc/cmdline", "root=ZFS=rpool quiet\n"},
	    {"/proc/sys/kernel/osrelease", "6.8.12-4-pve\n"},
	    {"/etc/kernel/cmdline", "root=ZFS=rpool quiet intel_iommu=on\n"},
	    {"/boot/efi/loader/loader.conf", "timeout 3\ndefault proxmox-*\n"},
	    {"/boot/efi/loader/entries/proxmox-6.8.12-4-pve.conf",
	     "title Proxmox\nversion 6.8.12-4-pve\noptions root=ZFS=rpool quiet\nlinux "
	     "/EFI/proxmox/vmlinuz\n"},
	    {"/boot/efi/loader/entries/proxmox-6.11.0-1-pve.conf",
	     "title Proxmox\nversion 6.11.0-1-pve\noptions root=ZFS=rpool new\nlinux "
	     "/EFI/proxmox/vmlinuz\n"},
	};
	TREE(tree, files);
	probe(&tree, hp_probe_kernel);
	assert_value(&tree, "SELECT cmdline_configured_file FROM kernel", "/etc/kernel/cmdline");
	assert_value(&tree, "SELECT cmdline_next FROM kernel", "root=ZFS=rpool new");
	assert_value(&tree, "SELECT next_release FROM kernel", "6.11.0-1-pve");
}

static void test_boot_release(void **state)
{
	(void)state;
	hp_cleanup_free char *release = hp_boot_release("(hd0,gpt2)/vmlinuz-6.8.12-4-pve");
	assert_string_equal(release, "6.8.12-4-pve");
	assert_null(hp_boot_release("/bzimage"));
	assert_null(hp_boot_release("/boot/vmlinuz-linux"));
}

// == kernel

static void test_kernel_config_line(void **state)
{
	(void)state;
	char set[] = "CONFIG_VFIO_PCI=m", unset[] = "# CONFIG_NOVA_CORE is not set",
	     comment[] = "# Linux/x86";
	char *option, *value;
	assert_true(hp_kernel_config_line(set, &option, &value));
	assert_string_equal(option, "CONFIG_VFIO_PCI");
	assert_string_equal(value, "m");
	assert_true(hp_kernel_config_line(unset, &option, &value));
	assert_string_equal(option, "CONFIG_NOVA_CORE");
	assert_string_equal(value, "n");
	assert_false(hp_kernel_config_line(comment, &option, &value));
}

static void test_kernel_of_a_tree(void **state)
{
	(void)state;
	static const struct file files[] = {
	    {"/proc/sys/kernel/osrelease", "6.1.0-40-amd64\n"},
	    {"/proc/cmdline", "BOOT_IMAGE=/vmlinuz-6.1.0-40-amd64 root=/dev/sda1\n"},
	    {"/sys/kernel/security/lockdown", "none [integrity] confidentiality\n"},
	    {"/sys/module/module/parameters/sig_enforce", "Y\n"},
	    {"/sys/firmware/efi/runtime", "0x0\n"},
	    {"/lib/modules/6.1.0-40-amd64/build", "-> /usr/src/gone"},
	    {"/boot/config-6.1.0-40-amd64", "CONFIG_VFIO_PCI=m\n# CONFIG_IOMMUFD is not set\n"},
	};
	TREE(tree, files);
	probe(&tree, hp_probe_kernel);
	probe(&tree, hp_probe_kernel_config);
	assert_value(&tree, "SELECT lockdown FROM kernel", "integrity");
	assert_value(&tree, "SELECT module_signing_enforced FROM kernel", "1");
	assert_value(&tree, "SELECT secure_boot FROM kernel", NULL);
	assert_value(&tree, "SELECT headers_installed FROM kernel", "0");
	assert_value(&tree, "SELECT value FROM kernel_config WHERE option = 'CONFIG_VFIO_PCI'",
	             "m");
	assert_value(&tree, "SELECT value FROM kernel_config WHERE option = 'CONFIG_IOMMUFD'", "n");
	assert_value(&tree, "SELECT value FROM kernel_config WHERE option = 'CONFIG_NOVA_CORE'",
	             "n");
}

// == modules

struct directives {
	struct hp_text seen, bad;
};

static void directive_seen(void *data, const struct hp_directive *directive)
{
	hp_text_printf(&((struct directives *)data)->seen, "%d %s %s [%s]\n", directive->line,
	               directive->directive, directive->module, directive->argument);
}

static void directive_bad(void *data, int line, const char *expected)
{
	hp_text_printf(&((struct directives *)data)->bad, "%d %s\n", line, expected);
}

static void assert_directives(enum hp_module_syntax syntax, const char *text, const char *seen,
                              const char *bad)
{
	struct directives directives = {0};
	hp_modprobe_read(syntax, text, directive_seen, directive_bad, &directives);
	assert_string_equal(hp_text_get(&directives.seen), seen);
	assert_string_equal(hp_text_get(&directives.bad), bad);
	hp_text_free(&directives.seen);
	hp_text_free(&directives.bad);
}

static void test_modprobe(void **state)
{
	(void)state;
	assert_directives(HP_MODULES_MODPROBE,
	                  "# a comment\n"
	                  "\n"
	                  "options vfio-pci ids=10de:2330,10de:22a3 \\\n"
	                  "  disable_vga=1\n"
	                  "blacklist nouveau\n"
	                  "softdep nvidia pre: vfio-pci\n"
	                  "options nvidia\n"
	                  "blacklist\n"
	                  "blacklst nova-core\n"
	                  "alias pci:v[0-9-]*sv* vfio-pci\n",
	                  "3 options vfio_pci [ids=10de:2330,10de:22a3    disable_vga=1]\n"
	                  "5 blacklist nouveau []\n"
	                  "6 softdep nvidia [pre: vfio-pci]\n"
	                  "10 alias pci:v[0-9-]*sv* [vfio-pci]\n",
	                  "7 expected more behind the module's name\n"
	                  "8 expected a module's name\n"
	                  "9 expected options, blacklist, softdep, install, remove or alias\n");
	assert_directives(HP_MODULES_LIST, "# early\nvfio-pci ids=10de:1\n\nvfio\n",
	                  "2 load vfio_pci [ids=10de:1]\n4 load vfio []\n", "");
	assert_directives(HP_MODULES_MKINITCPIO,
	                  "#MODULES=(no)\nMODULES=(vfio_pci vfio)\nHOOKS=(base)\n",
	                  "2 load vfio_pci [vfio_pci vfio]\n", "");
	assert_directives(HP_MODULES_MKINITCPIO,
	                  "MODULES=(\n  vfio-pci # first\n  vfio\n)\nFILES=()\n",
	                  "1 load vfio_pci [vfio_pci vfio]\n", "");
	assert_directives(HP_MODULES_DRACUT,
	                  "force_drivers+=\" vfio vfio-pci \"\nomit_drivers+=\" nouveau \"\n",
	                  "1 load vfio [vfio vfio_pci]\n", "");
	assert_directives(HP_MODULES_BOOSTER,
	                  "compression: zstd\nmodules_force_load: vfio_pci,vfio\n",
	                  "2 load vfio_pci [vfio_pci vfio]\n", "");
	assert_directives(HP_MODULES_MODPROBE, "", "", "");
}

static void test_module_of_path(void **state)
{
	(void)state;
	char name[32];
	assert_true(hp_module_of_path("kernel/drivers/vfio/pci/vfio-pci.ko.xz: kernel/x.ko", name,
	                              sizeof(name)));
	assert_string_equal(name, "vfio_pci");
	assert_true(hp_module_of_path("nvidia.ko", name, sizeof(name)));
	assert_string_equal(name, "nvidia");
	assert_false(hp_module_of_path("kernel/no-module: a.ko", name, sizeof(name)));
	assert_false(hp_module_of_path("", name, sizeof(name)));
}

static void test_modules_of_a_tree(void **state)
{
	(void)state;
	static const struct file files[] = {
	    {"/proc/sys/kernel/osrelease", "6.1.0\n"},
	    {"/proc/modules",
	     "kvm_intel 1 0 - Live 0x0\nkvm 1 1 kvm_intel, Live 0x0\nnvidia 1 5 - Live 0x0\n"},
	    {"/sys/module/kvm_intel/refcnt", "3\n"},
	    {"/sys/module/kvm/refcnt", "4\n"},
	    {"/sys/module/nvidia/version", "570.133.20\n"},
	    {"/sys/module/nvidia/refcnt", "12\n"},
	    {"/sys/module/nvidia/taint", "OE\n"},
	    {"/sys/module/kvm/taint", "\n"},
	    {"/sys/module/module/parameters/sig_enforce", "N\n"},
	    {"/sys/module/nvidia_drm/parameters/modeset", "Y\n"},
	    {"/sys/module/vfio_iommu_type1/parameters/dma_entry_limit", "65535\n"},
	    {"/lib/modules/6.1.0/modules.builtin", "kernel/drivers/vfio/vfio.ko\n"},
	    {"/lib/modules/6.1.0/modules.dep",
	     "kernel/drivers/gpu/drm/nouveau/nouveau.ko: kernel/a.ko\n"},
	    {"/etc/modprobe.d/a.conf", "options vfio-pci ids=10de:2330\nnonsense\n"},
	    {"/etc/modprobe.d/off.conf", "-> /dev/null"},
	    {"/etc/modprobe.d/stray", "blacklist nouveau\n"},
	    {"/etc/modprobe.d/a.conf.bak", "blacklist copied\n"},
	    {"/etc/modeprobe.d/b.conf", "options kvm ignore_msrs=1\nnonsense\n"},
	    {"/usr/lib/modprobe.d/a.conf", "options vfio-pci ids=hidden\n"},
	    {"/usr/lib/modprobe.d/off.conf", "blacklist hidden\n"},
	    {"/etc/initramfs-tools/modules", "vfio-pci\n"},
	};
	TREE(tree, files);
	probe(&tree, hp_probe_module);
	assert_value(&tree, "SELECT state FROM module WHERE module = 'kvm'", "loaded");
	assert_value(&tree, "SELECT state FROM module WHERE module = 'nvidia_drm'", "builtin");
	assert_value(&tree, "SELECT state FROM module WHERE module = 'vfio'", "builtin");
	assert_value(&tree, "SELECT state FROM module WHERE module = 'nouveau'", "available");
	assert_value(&tree, "SELECT state FROM module WHERE module = 'nova_core'", "absent");
	assert_value(&tree, "SELECT version FROM module WHERE module = 'nvidia'", "570.133.20");
	assert_value(&tree, "SELECT refcount FROM module WHERE module = 'nvidia'", "12");
	assert_value(&tree, "SELECT signature_trusted FROM module WHERE module = 'nvidia'", "0");
	assert_value(&tree, "SELECT signature_trusted FROM module WHERE module = 'kvm'", "1");
	assert_value(&tree, "SELECT disk_version FROM module WHERE module = 'nvidia'", "none");
	assert_value(&tree, "SELECT loaded_early FROM module WHERE module = 'vfio_pci'", "1");
	assert_value(&tree, "SELECT loaded_early FROM module WHERE module = 'nvidia'", "0");
	assert_value(&tree, "SELECT value FROM module_parameter WHERE parameter = 'modeset'", "Y");
	assert_value(&tree, "SELECT argument FROM module_directive WHERE directive = 'options'",
	             "ids=10de:2330");
	assert_value(&tree,
	             "SELECT argument FROM module_directive WHERE file = '/etc/modprobe.d/stray'",
	             "blacklist none");
	assert_value(&tree, "SELECT directive FROM module_directive WHERE module = 'kvm'",
	             "ignored");
	assert_value(&tree, "SELECT count(*) FROM module_directive", "4");
	assert_value(&tree, "SELECT what FROM gap WHERE kind = 'malformed'",
	             "/etc/modprobe.d/a.conf:2");
}

/* No /proc/modules: a kernel without modules. What may be part of it unseen stays unknown. */
static void test_kernel_without_modules(void **state)
{
	(void)state;
	static const struct file files[] = {
	    {"/proc/sys/kernel/osrelease", "6.18.44\n"},
	    {"/sys/module/kvm/parameters/ignore_msrs", "N\n"},
	};
	TREE(tree, files);
	probe(&tree, hp_probe_module);
	assert_value(&tree, "SELECT state FROM module WHERE module = 'kvm'", "builtin");
	assert_value(&tree, "SELECT state FROM module WHERE module = 'nvidia'", "absent");
	assert_value(&tree, "SELECT state FROM module WHERE module = 'mdev'", NULL);
}

// == NVIDIA

static void test_nvidia_version(void **state)
{
	(void)state;
	char version[32];
	const char *flavour;
	assert_true(hp_nvidia_version(
	    "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.161.07  Sat Feb 17 "
	    "22:55:48 UTC 2024\nGCC version: gcc 12.2.0\n",
	    version, sizeof(version), &flavour));
	assert_string_equal(version, "535.161.07");
	assert_string_equal(flavour, "proprietary");
	assert_true(hp_nvidia_version(
	    "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.133.20  "
	    "Release Build  (root@h)  \n",
	    version, sizeof(version), &flavour));
	assert_string_equal(version, "570.133.20");
	assert_string_equal(flavour, "open");
	assert_false(
	    hp_nvidia_version("GCC version: 12.2.0\n", version, sizeof(version), &flavour));
	assert_string_equal(hp_nvidia_flavour("Dual MIT/GPL"), "open");
	assert_null(hp_nvidia_flavour("GPL"));
}

static void test_nvidia_of_a_tree(void **state)
{
	(void)state;
	static const struct file files[] = {
	    {"/proc/driver/nvidia/version",
	     "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release Build\n"},
	    {"/proc/driver/nvidia/gpus/0000:3b:00.0/information",
	     "Model: \t\t NVIDIA H100 80GB HBM3\nVideo BIOS: \t 96.00.74.00.01\nDevice Minor: \t "
	     "3\n"},
	    {"/proc/driver/nvidia/gpus/0000:5e:00.0/information",
	     "Model: \t\t NVIDIA H100 80GB HBM3\nVideo BIOS: \t ??.??.??.??.??\nDevice Minor: \t "
	     "4\n"},
	    {"/proc/driver/nvidia/capabilities/gpu3/mig/gi1/ci0/access", ""},
	    {"/proc/driver/nvidia/capabilities/gpu3/mig/gi2/ci0/access", ""},
	    {"/proc/driver/nvidia/capabilities/gpu3/mig/gi2/ci1/access", ""},
	    {"/proc/driver/nvidia/capabilities/mig/config", ""},
	    {"/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1", "-> libnvidia-ml.so.580.95.05"},
	    {"/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.580.95.05", ""},
	    {"/lib/firmware/nvidia/570.1.2/gsp_ga10x.bin", ""},
	    {"/lib/firmware/nvidia/580.95.05/gsp_ga10x.bin", ""},
	    {"/lib/firmware/nvidia/ga102/gsp/x.bin", ""},
	    {"/run/lock/x", ""},
	};
	TREE(tree, files);
	probe(&tree, hp_probe_module);
	probe(&tree, hp_probe_nvidia);
	assert_value(&tree, "SELECT loaded_version FROM nvidia_driver", "580.95.05");
	assert_value(&tree, "SELECT loaded_flavour FROM nvidia_driver", "open");
	assert_value(&tree, "SELECT library_version FROM nvidia_driver", "580.95.05");
	assert_value(&tree, "SELECT firmware_version FROM nvidia_driver", "580.95.05");
	assert_value(&tree, "SELECT in_container FROM nvidia_driver", "0");
	assert_value(&tree, "SELECT gpu_instances FROM nvidia_gpu WHERE minor = 3", "2");
	assert_value(&tree, "SELECT mig_current FROM nvidia_gpu WHERE minor = 3", "enabled");
	assert_value(&tree, "SELECT gpu_instances FROM nvidia_gpu WHERE minor = 4", "0");
	assert_value(&tree, "SELECT mig_current FROM nvidia_gpu WHERE minor = 4", NULL);
	assert_value(&tree, "SELECT vbios FROM nvidia_gpu WHERE minor = 4", NULL);
	assert_value(&tree, "SELECT compute_instances FROM mig_instance WHERE gpu_instance = 2",
	             "2");
}

// == software, services

static void package_seen(void *data, const char *name, const char *version, const char *file)
{
	(void)file;
	hp_text_printf(data, "%s %s\n", name, version);
}

static void test_packages(void **state)
{
	(void)state;
	struct hp_text seen hp_cleanup_text = {0};
	char dpkg[] =
	    "Package: docker-ce\nStatus: install ok installed\nVersion: 5:28.1.1-1\nDescription: "
	    "x\n"
	    " Package: no\n\nPackage: gone\nStatus: deinstall ok config-files\nVersion: 1\n\n"
	    "Package: podman\nStatus: hold ok installed\nArchitecture: amd64\nVersion: 4.3.1\n";
	char apk[] = "C:Q1\nP:qemu\nV:9.1.2-r0\n\nP:broken\n\n",
	     rpm[] = "systemd 257.5-2.fc42\nbroken\n";
	hp_dpkg_read(dpkg, package_seen, &seen);
	hp_apk_read(apk, package_seen, &seen);
	hp_rpm_read(rpm, package_seen, &seen);
	assert_string_equal(
	    hp_text_get(&seen),
	    "docker-ce 5:28.1.1-1\npodman 4.3.1\nqemu 9.1.2-r0\nsystemd 257.5-2.fc42\n");
	hp_cleanup_text struct hp_text held = {0};
	hp_dpkg_held(
	    "Package: a\nStatus: install ok installed\n\nPackage: nvidia-driver\nStatus: hold ok "
	    "installed\nVersion: 1\n\nPackage: b\nPriority: x\nStatus: hold ok installed\n",
	    &held);
	assert_string_equal(hp_text_get(&held), "nvidia-driver b");
	char pacman[] = "nvidia-utils-580.95.05-1", bad[] = "ALPM_DB_VERSION", *version;
	assert_true(hp_pacman_split(pacman, &version));
	assert_string_equal(pacman, "nvidia-utils");
	assert_string_equal(version, "580.95.05-1");
	assert_false(hp_pacman_split(bad, &version));
}

static void test_output_versions(void **state)
{
	(void)state;
	static const struct {
		const char *output, *version;
	} rows[] = {
	    {"QEMU emulator version 9.2.0 (Debian 1:9.2.0+dfsg-5)\n", "9.2.0"},
	    {"cloud-hypervisor v44.0.0\n", "44.0.0"},
	    {"Docker version 27.3.1, build ce12230\n", "27.3.1"},
	    {"containerd containerd.io 1.7.22 7f7fdf5fed64\n", "1.7.22"},
	    {"runsc version release-20240415.0\nspec: 1.1.0\n", "20240415.0"},
	    {"k3s version v1.30.0+k3s1 (abc)\n", "1.30.0+k3s1"},
	    {"Fabric Manager version is : 550.54.14\n", "550.54.14"},
	    {"systemd 252 (252.38-1~deb12u1)\n", "252.38-1~deb12u1"},
	    {"no version at all 5\n", NULL},
	};
	for (size_t i = 0; i < HP_COUNT(rows); i++) {
		char version[64];
		bool found = hp_version_in_output(rows[i].output, version, sizeof(version));
		assert_int_equal(found, rows[i].version != NULL);
		if (found)
			assert_string_equal(version, rows[i].version);
	}
	char month[16];
	assert_true(hp_edk2_version("2022.11-6+deb12u2", month, sizeof(month)));
	assert_string_equal(month, "202211");
	assert_true(hp_edk2_version("edk2-stable202405", month, sizeof(month)));
	assert_string_equal(month, "202405");
	assert_true(hp_edk2_version("20231115-5.fc40", month, sizeof(month)));
	assert_string_equal(month, "202311");
	assert_false(hp_edk2_version("1.0", month, sizeof(month)));
}

#define TASKS "/run/containerd/io.containerd.runtime.v2.task/k8s.io"

static void test_software_of_a_tree(void **state)
{
	(void)state;
	static const struct file files[] = {
	    {"/var/lib/dpkg/status",
	     "Package: nvidia-fabricmanager-580\nStatus: install ok installed\nVersion: "
	     "580.95.05-1\n\n"
	     "Package: docker.io\nStatus: install ok installed\nVersion: 20.10.24\n\n"
	     "Package: docker-ce\nStatus: install ok installed\nVersion: 5:28.1.1-1\n\n"
	     "Package: kubelet\nStatus: install ok installed\nVersion: 1.30.2-1.1\n\n"},
	    {"/usr/local/bin/cloud-hypervisor", ""},
	    {"/usr/src/vendor-reset-0.1.1/dkms.conf", ""},
	    {"/var/lib/kubelet/config.yaml", ""},
	    {"/var/log/pods/gpu-operator_gpu-operator-7_1/x", ""},
	    {"/var/log/pods/kube-system_nvidia-device-plugin-x_1/x", ""},
	    {"/var/log/pods/kubevirt_virt-handler-x_1/x", ""},
	    {TASKS "/1/config.json",
	     "{\"process\":{\"env\":[\"P=secret\",\"X=\\\"io.kubernetes.cri.image-name\\\":"
	     "\\\"a/nvidia/"
	     "gpu-operator:v1\\\"\"]},\"annotations\":{\"io.kubernetes.cri.image-name\":"
	     "\"nvcr.io/nvidia/k8s-device-plugin:v0.17.1\"}}"},
	    {TASKS "/2/config.json", "{\"annotations\":{\"io.kubernetes.cri.image-name\":\"mirror:"
	                             "5000/tenant/model:v3\"}}"},
	    {TASKS "/3/config.json", "{\"annotations\":{\"io.kubernetes.cri.image-name\":"
	                             "\"quay.io/kubevirt/virt-handler@sha256:11\"}}"},
	    {"/run/containers/storage/overlay-containers/4/userdata/config.json",
	     "{\"annotations\": {\n \"io.kubernetes.cri-o.ImageName\": "
	     "\"docker.io/rocm/gpu-operator:v1.4.0@sha256:22\"}}"},
	    {"/usr/share/nvidia/nvswitch/fabricmanager.cfg", "# c\nFABRIC_MODE=1\n"},
	    {"/sys/class/infiniband/mlx5_0/x", ""},
	    {"/opt/x", ""},
	    {"/run/x", ""},
	    {"/snap/x", ""},
	    {"/bin/x", ""},
	    {"/home/x", ""},
	    {"/etc/x", ""},
	};
	TREE(tree, files);
	probe(&tree, hp_probe_software);
	probe(&tree, hp_probe_fabric);
	assert_value(&tree, "SELECT version FROM software WHERE name = 'docker'", "5:28.1.1-1");
	assert_value(&tree, "SELECT version FROM software WHERE name = 'kubernetes'", "1.30.2-1.1");
	assert_value(&tree, "SELECT version FROM software WHERE name = 'cloud-hypervisor'",
	             "present");
	assert_value(&tree, "SELECT version FROM software WHERE name = 'firecracker'", "none");
	assert_value(&tree, "SELECT version FROM software WHERE name = 'vendor-reset'", "0.1.1");
	assert_value(&tree, "SELECT version FROM software WHERE name = 'gpu-operator'", "present");
	assert_value(&tree, "SELECT version FROM software WHERE name = 'device-plugin'", "v0.17.1");
	assert_value(&tree, "SELECT path FROM software WHERE name = 'device-plugin'",
	             TASKS "/1/config.json");
	assert_value(&tree, "SELECT version FROM software WHERE name = 'amd-gpu-operator'",
	             "v1.4.0");
	assert_value(&tree, "SELECT version FROM software WHERE name = 'kubevirt'", "present");
	assert_value(&tree, "SELECT version FROM software WHERE name = 'harvester'", NULL);
	char answer[512];
	assert_true(hp_host_ask(tree.host, "images", answer, sizeof(answer)) > 0);
	assert_string_equal(answer, "nvidia/k8s-device-plugin:v0.17.1\t" TASKS "/1/config.json\n"
	                            "rocm/gpu-operator:v1.4.0\t/run/containers/storage/"
	                            "overlay-containers/4/userdata/config.json");
	assert_value(&tree, "SELECT manager_version FROM fabric", "580.95.05-1");
	assert_value(&tree, "SELECT mode FROM fabric", "1");
	assert_value(&tree, "SELECT infiniband_devices FROM fabric", "1");
}

static void test_services_of_a_tree(void **state)
{
	(void)state;
	static const char unit[] =
	    "[Service]\nExecStart=/x\n\n[Install]\nWantedBy=multi-user.target\n";
	static const struct file files[] = {
	    {"/run/systemd/units/invocation:nvidia-persistenced.service", "-> 0123456789abcdef"},
	    {"/usr/lib/systemd/system/nvidia-persistenced.service", "[Service]\nExecStart=/x\n"},
	    {"/usr/lib/systemd/system/docker.service", unit},
	    {"/usr/lib/systemd/system/libvirtd.service", unit},
	    {"/etc/systemd/system/multi-user.target.wants/libvirtd.service",
	     "-> /usr/lib/systemd/system/libvirtd.service"},
	    {"/etc/systemd/system/nvidia-fabricmanager.service", "-> /dev/null"},
	    {"/etc/systemd/system/display-manager.service",
	     "-> /usr/lib/systemd/system/gdm.service"},
	    {"/usr/lib/systemd/system/gdm.service", unit},
	    {"/run/systemd/units/invocation:gdm.service", "-> 0123456789abcdef"},
	    {"/lib/x", ""},
	};
	TREE(tree, files);
	probe(&tree, hp_probe_service);
	assert_value(&tree, "SELECT state FROM service WHERE service = 'nvidia-persistenced'",
	             "active");
	assert_value(&tree, "SELECT enabled FROM service WHERE service = 'nvidia-persistenced'",
	             "static");
	assert_value(&tree, "SELECT state FROM service WHERE service = 'docker'", "inactive");
	assert_value(&tree, "SELECT enabled FROM service WHERE service = 'docker'", "disabled");
	assert_value(&tree, "SELECT enabled FROM service WHERE service = 'libvirtd'", "enabled");
	assert_value(&tree, "SELECT enabled FROM service WHERE service = 'nvidia-fabricmanager'",
	             "masked");
	assert_value(&tree, "SELECT state FROM service WHERE service = 'display-manager'",
	             "active");
	assert_value(&tree, "SELECT enabled FROM service WHERE service = 'display-manager'",
	             "enabled");
	assert_value(&tree, "SELECT state FROM service WHERE service = 'crio'", "absent");
}

/* A host without systemd tells by its processes. */
static void test_services_without_systemd(void **state)
{
	(void)state;
	static const struct file files[] = {
	    {"/proc/7/comm", "dockerd\n"},
	    {"/proc/7/exe", "-> /usr/bin/dockerd"},
	    {"/proc/8/comm", "nvidia-persiste\n"}, // a thread of the kernel: no program
	    {"/etc/systemd/system/x", ""},
	    {"/usr/lib/systemd/system/libvirtd.service", "[Install]\n"},
	    {"/run/x", ""},
	    {"/lib/x", ""},
	};
	TREE(tree, files);
	probe(&tree, hp_probe_service);
	assert_value(&tree, "SELECT state FROM service WHERE service = 'docker'", "active");
	assert_value(&tree, "SELECT state FROM service WHERE service = 'libvirtd'", "inactive");
	assert_value(&tree, "SELECT state FROM service WHERE service = 'nvidia-persistenced'",
	             "absent");
	assert_value(&tree, "SELECT state FROM service WHERE service = 'display-manager'", NULL);
}

// == KVM

/* What KVM there is decides the word; that it is one of them, and that no process stays, is what
 * holds anywhere. */
static void test_kvm_proof(void **state)
{
	(void)state;
	struct hp_error err = {0};
	if (access("/dev/kvm", R_OK | W_OK) != 0)
		skip();
	const char *proof = hp_kvm_prove(&err);
	assert_non_null(proof);
	assert_true(hp_has_word("hardware software failed", proof));
	assert_true(err.message[0]);
	if (access("/sys/module/kvm_pvm", F_OK) == 0)
		assert_string_equal(proof, "software");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_bios_date),
	    cmocka_unit_test(test_hypervisor),
	    cmocka_unit_test(test_machine_of_a_tree),
	    cmocka_unit_test(test_partial_tree_is_unknown),
	    cmocka_unit_test(test_cpu),
	    cmocka_unit_test(test_memory),
	    cmocka_unit_test(test_grub_defaults),
	    cmocka_unit_test(test_grub_entry),
	    cmocka_unit_test(test_other_bootloaders),
	    cmocka_unit_test(test_wrong_bootloader_configured),
	    cmocka_unit_test(test_systemd_boot_next),
	    cmocka_unit_test(test_boot_release),
	    cmocka_unit_test(test_kernel_config_line),
	    cmocka_unit_test(test_kernel_of_a_tree),
	    cmocka_unit_test(test_modprobe),
	    cmocka_unit_test(test_module_of_path),
	    cmocka_unit_test(test_modules_of_a_tree),
	    cmocka_unit_test(test_kernel_without_modules),
	    cmocka_unit_test(test_nvidia_version),
	    cmocka_unit_test(test_nvidia_of_a_tree),
	    cmocka_unit_test(test_packages),
	    cmocka_unit_test(test_output_versions),
	    cmocka_unit_test(test_software_of_a_tree),
	    cmocka_unit_test(test_services_of_a_tree),
	    cmocka_unit_test(test_services_without_systemd),
	    cmocka_unit_test(test_kvm_proof),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
