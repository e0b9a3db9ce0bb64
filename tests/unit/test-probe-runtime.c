// Tests of the probes of settings, CDI, nodes, holders and the log.
// SPDX-License-Identifier: Apache-2.0
#include "file-tree.h"

#include "base/yaml.h"
#include "probe/apt-conf.h"
#include "probe/cdi.h"
#include "probe/holder.h"
#include "probe/kernel-log.h"
#include "probe/toml.h"

struct directives {
	struct hp_text seen, bad;
};

static void directive_bad(void *data, int line, const char *expected)
{
	hp_text_printf(&((struct directives *)data)->bad, "%d %s\n", line, expected);
}

// == settings

static void toml_seen(void *data, const char *path, const char *value)
{
	hp_text_printf(&((struct directives *)data)->seen, "%s = [%s]\n", path, value);
}

static void assert_toml(const char *text, const char *seen, const char *bad)
{
	struct directives directives = {0};
	hp_toml_read(text, toml_seen, directive_bad, &directives);
	assert_string_equal(hp_text_get(&directives.seen), seen);
	assert_string_equal(hp_text_get(&directives.bad), bad);
	hp_text_free(&directives.seen);
	hp_text_free(&directives.bad);
}

static void test_toml(void **state)
{
	(void)state;
	assert_toml("version = 2 # comment\n"
	            "disabled_plugins = [\"cri\", 'x', # why\n  ]\n"
	            "[plugins.\"io.containerd.grpc.v1.cri\".containerd]\n"
	            "  default_runtime_name = \"nvidia\"\n"
	            "  runtimes = { runc = { path = '/a', n = 1 }, empty = {} }\n"
	            "[[list]]\n"
	            "a.b = \"with \\\"quotes\\\" \\t\"\n"
	            "text = \"\"\"two\nlines\"\"\"\n"
	            "after = true\n",
	            "version = [2]\n"
	            "disabled_plugins = [cri x]\n"
	            "plugins.io.containerd.grpc.v1.cri.containerd.default_runtime_name = [nvidia]\n"
	            "plugins.io.containerd.grpc.v1.cri.containerd.runtimes.runc.path = [/a]\n"
	            "plugins.io.containerd.grpc.v1.cri.containerd.runtimes.runc.n = [1]\n"
	            "list.a.b = [with \"quotes\" \t]\n"
	            "list.text = [two\nlines]\n"
	            "list.after = [true]\n",
	            "");
	assert_toml("good = 1\nno value\nopen = \"x\nstray = 1 2\n[table\nlast = 2\n",
	            "good = [1]\nstray = [1]\nlast = [2]\n",
	            "2 expected = behind the key\n3 expected the quote that ends the string\n"
	            "4 expected the end of the line\n5 expected ] behind the table's name\n");
	assert_toml("a = [[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]\nb = 1\n", "b = [1]\n",
	            "1 expected fewer arrays in one another\n");
}

static void test_apt_list(void **state)
{
	(void)state;
	static const char name[] = "Unattended-Upgrade::Package-Blacklist";
	struct hp_text list hp_cleanup_text = {0};
	assert_true(hp_apt_list(
	    "// Unattended-Upgrade::Package-Blacklist { \"no\"; };\n"
	    "Unattended-Upgrade::Package-Blacklist {\n  // \"vim\";\n  \"nvidia-\";\n"
	    "  \"libnvidia\"; # \"x\"\n};\nunattended-upgrade::package-blacklist:: \"cuda//\";\n"
	    "Unattended-Upgrade::Mail \"root\";\n",
	    name, &list));
	assert_string_equal(hp_text_get(&list), "nvidia- libnvidia cuda//");
	struct hp_text empty hp_cleanup_text = {0};
	assert_true(hp_apt_list("Unattended-Upgrade::Package-Blacklist {\n};\n", name, &empty));
	assert_int_equal(empty.length, 0);
	assert_false(hp_apt_list("APT::Periodic::Update \"1\";\n", name, &empty));
}

static void test_settings_of_a_tree(void **state)
{
	(void)state;
	static const struct file files[] = {
	    {"/etc/docker/daemon.json",
	     "{\"exec-opts\": [\"native.cgroupdriver=systemd\"], \"default-runtime\": \"nvidia\",\n"
	     " \"features\": {\"cdi\": true}, \"live-restore\": false,\n"
	     " \"runtimes\": {\"nvidia\": {\"path\": \"nvidia-container-runtime\", \"args\": []},\n"
	     "  \"runsc\": {\"path\": \"/usr/bin/runsc\", \"runtimeArgs\": "
	     "[\"--nvproxy=true\"]}}}\n"},
	    {"/etc/nvidia-container-runtime/config.toml",
	     "disable-require = false\n[nvidia-container-cli]\nno-cgroups = true\n"
	     "[nvidia-container-runtime]\nmode = \"legacy\"\n"},
	    {"/etc/containerd/config.toml", "version = 2\ndisabled_plugins = [\"cri\"]\nbroken\n"},
	    {"/etc/kata-containers/configuration.toml",
	     "[hypervisor.qemu]\nmachine_type = \"q35\"\npcie_root_port = 2\nhot_plug_vfio = "
	     "\"root-port\"\n"
	     "[runtime]\nvfio_mode = \"guest-kernel\"\n"},
	    {"/etc/libvirt/qemu.conf",
	     "#user = \"no\"\nuser = \"root\"\ncgroup_device_acl = [\n  \"/dev/null\",\n"
	     "  \"/dev/vfio/vfio\"\n]\n"},
	    {"/etc/apt/apt.conf.d/50unattended-upgrades",
	     "Unattended-Upgrade::Package-Blacklist { \"nvidia\"; };\n"},
	    {"/etc/apt/apt.conf.d/52local", "Unattended-Upgrade::Package-Blacklist { };\n"},
	    {"/usr/share/nvidia/nvswitch/fabricmanager.cfg", "#FABRIC_MODE=9\nFABRIC_MODE=0\n"},
	    {"/var/lib/kubelet/config.yaml",
	     "cgroupDriver: cgroupfs\nfeatureGates:\n  DynamicResourceAllocation: true\nkind: x\n"},
	    {"/usr/bin/dockerd", ""},
	    {"/var/lib/dpkg/status", "Package: libcuda1\nStatus: hold ok installed\nVersion: "
	                             "1\n\nPackage: b\nStatus: install ok "
	                             "installed\n"},
	    {"/etc/booster.yaml", ""},
	    {"/usr/lib/systemd/system/nvidia-persistenced.service",
	     "[Service]\nExecStart=/usr/bin/nvidia-persistenced --no-persistence-mode --verbose\n"},
	    {"/lib/x", ""},
	    {"/opt/x", ""},
	    {"/snap/x", ""},
	};
	TREE(tree, files);
	probe(&tree, hp_probe_settings);
	static const struct {
		const char *component, *name, *value;
	} rows[] = {
	    {"docker", "cgroup-driver", "systemd"},
	    {"docker", "default-runtime", "nvidia"},
	    {"docker", "cdi", "true"},
	    {"docker", "runtimes", "nvidia runsc"},
	    {"docker", "runtime-nvidia", "nvidia-container-runtime"},
	    {"docker", "packaging", "engine"},
	    {"runsc", "nvproxy", "true"},
	    {"nvidia-container-runtime", "no-cgroups", "true"},
	    {"nvidia-container-runtime", "mode", "legacy"},
	    {"nvidia-container-runtime", "disable-require", "false"},
	    {"containerd", "disabled_plugins", "cri"},
	    {"containerd", "default_runtime_name", NULL},
	    {"kata", "hypervisor", "qemu"},
	    {"kata", "machine_type", "q35"},
	    {"kata", "pcie_root_port", "2"},
	    {"kata", "vfio_mode", "guest-kernel"},
	    {"libvirt", "user", "root"},
	    {"libvirt", "cgroup_device_acl", "/dev/null /dev/vfio/vfio"},
	    {"unattended-upgrades", "package-blacklist", "nvidia"},
	    {"fabricmanager", "FABRIC_MODE", "0"},
	    {"kubelet", "cgroupDriver", "cgroupfs"},
	    {"kubelet", "feature-gates", "DynamicResourceAllocation=true"},
	    {"nvidia-persistenced", "persistence-mode", "off"},
	    {"initramfs", "generator", "booster"},
	    {"apt", "held", "libcuda1"},
	};
	for (size_t i = 0; i < HP_COUNT(rows); i++) {
		hp_cleanup_free char *sql =
		    hp_asprintf("SELECT value FROM setting WHERE component = '%s' AND name = '%s'",
		                rows[i].component, rows[i].name);
		assert_value(&tree, sql, rows[i].value);
	}
	static const char state_of[] =
	    "SELECT state FROM observed WHERE tbl = 'setting' AND subject = ";
	hp_cleanup_free char *docker = hp_asprintf("%s'docker'", state_of);
	hp_cleanup_free char *containerd = hp_asprintf("%s'containerd'", state_of);
	hp_cleanup_free char *vgpu = hp_asprintf("%s'vgpu-unlock'", state_of);
	assert_value(&tree, docker, "complete");
	assert_value(&tree, containerd, "partial");
	assert_value(&tree, vgpu, "complete");
	assert_value(&tree, "SELECT why FROM gap WHERE what = '/etc/containerd/config.toml:3'",
	             "expected = behind the key");
}

static void test_broken_json_is_a_gap(void **state)
{
	(void)state;
	static const struct file files[] = {{"/etc/docker/daemon.json", "{\n \"a\": ,\n}\n"}};
	TREE(tree, files);
	probe(&tree, hp_probe_settings);
	assert_value(&tree, "SELECT kind FROM gap WHERE what = '/etc/docker/daemon.json:2'",
	             "malformed");
}

// == CDI

static const char cdi_spec[] = "cdiVersion: 0.7.0\n"
			       "kind: nvidia.com/gpu\n"
			       "devices:\n"
			       "- name: \"0\"\n"
			       "  containerEdits:\n"
			       "    deviceNodes:\n"
			       "    - path: /dev/nvidia0\n"
			       "    - path: /dev/dri/card1\n"
			       "      hostPath: /dev/dri/card7\n"
			       "- name: all\n"
			       "  containerEdits:\n"
			       "    deviceNodes: []\n"
			       "containerEdits:\n"
			       "  hooks:\n"
			       "  - hookName: createContainer\n"
			       "    path: /usr/bin/nvidia-ctk\n"
			       "  mounts:\n"
			       "  - hostPath: /usr/lib/libcuda.so.535.161.07\n"
			       "    containerPath: /usr/lib/libcuda.so.535.161.07\n"
			       "  - hostPath: /usr/lib/libnvidia-egl-wayland.so.1.1.10\n"
			       "    containerPath: /x\n";

static void test_cdi(void **state)
{
	(void)state;
	static const struct file files[] = {
	    {"/etc/cdi/nvidia.yaml", cdi_spec},
	    {"/etc/cdi/good.json",
	     "{\"cdiVersion\": \"0.6.0\", \"kind\": \"a/b\", \"devices\": []}\n"},
	    {"/etc/cdi/no-kind.json", "{\"cdiVersion\": \"0.6.0\", \"devices\": []}\n"},
	    {"/etc/cdi/broken.yaml", "cdiVersion: [\n"},
	    {"/etc/cdi/readme.txt", "x"},
	    {"/var/run", "-> /run"},
	    {"/run/cdi/runtime.yaml", "cdiVersion: 0.5.0\nkind: c/d\ndevices:\n- name: x\n"},
	    {"/dev/nvidia0", ""},
	    {"/usr/bin/nvidia-ctk", ""},
	    {"/usr/lib/libcuda.so.535.161.07", ""},
	};
	TREE(tree, files);
	probe(&tree, hp_probe_cdi);
	assert_value(&tree, "SELECT kind FROM cdi_spec WHERE path = '/etc/cdi/good.json'", "a/b");
	assert_value(&tree, "SELECT missing_paths FROM cdi_spec WHERE path = '/etc/cdi/good.json'",
	             "0");
	assert_value(&tree, "SELECT error FROM cdi_spec WHERE path = '/etc/cdi/no-kind.json'",
	             "expected kind");
#ifdef HP_HAVE_FYAML
	static const char sql[] = "SELECT %s FROM cdi_spec WHERE path = '/etc/cdi/nvidia.yaml'";
	static const char *const expected[][2] = {
	    {"kind", "nvidia.com/gpu"},
	    {"cdi_version", "0.7.0"},
	    {"devices", "2"},
	    {"driver_version", "535.161.07"},
	    {"missing_paths", "2"},
	    {"first_missing", "/usr/lib/libnvidia-egl-wayland.so.1.1.10"},
	    {"error", "none"}};
	for (size_t i = 0; i < HP_COUNT(expected); i++) {
		hp_cleanup_free char *query =
		    hp_asprintf("SELECT %s%s", expected[i][0], strstr(sql, "%s") + 2);
		assert_value(&tree, query, expected[i][1]);
	}
	assert_value(&tree, "SELECT kind FROM cdi_spec WHERE path = '/run/cdi/runtime.yaml'",
	             "c/d");
	assert_value(&tree, "SELECT count(*) FROM cdi_spec", "5");
	assert_value(
	    &tree, "SELECT substr(error, 1, 22) FROM cdi_spec WHERE path = '/etc/cdi/broken.yaml'",
	    "/etc/cdi/broken.yaml:2");
#endif
	assert_value(&tree, "SELECT state FROM observed WHERE tbl = 'cdi_spec'", "complete");
}

static void test_cdi_driver_version(void **state)
{
	(void)state;
	assert_string_equal(hp_cdi_driver_version("/usr/lib64/libnvidia-ml.so.580.95.05"),
	                    "580.95.05");
	assert_null(hp_cdi_driver_version("/usr/lib/libnvidia-egl-wayland.so.1.1.10"));
	assert_null(hp_cdi_driver_version("/usr/lib/libcuda.so.1"));
	assert_null(hp_cdi_driver_version("/dev/nvidia0"));
}

#ifdef HP_HAVE_FYAML
static void test_yaml(void **state)
{
	(void)state;
	static const struct {
		const char *yaml, *json;
	} rows[] = {
	    {"a: 1\nb: '1'\nc: true\nd:\ne: ~\nf: 1.5\ng: text here\n",
	     "{\"a\": 1, \"b\": \"1\", \"c\": true, \"d\": null, \"e\": null, \"f\": 1.5, \"g\": "
	     "\"text here\"}"},
	    {"- &x {k: v}\n- *x\n", "[{\"k\": \"v\"}, {\"k\": \"v\"}]"},
	    {"{\"json\": [1, null]}", "{\"json\": [1, null]}"},
	};
	for (size_t i = 0; i < HP_COUNT(rows); i++) {
		json_t *value = NULL;
		struct hp_error err = {0};
		if (hp_yaml_load("x", rows[i].yaml, strlen(rows[i].yaml), &value, &err) != 0)
			fail_msg("%s", err.message);
		hp_cleanup_free char *json = json_dumps(value, 0);
		assert_string_equal(json, rows[i].json);
		json_decref(value);
	}
	json_t *value = NULL;
	struct hp_error err = {0};
	assert_int_equal(hp_yaml_load("file.yaml", "a: b\n c: d\n", 11, &value, &err), -EINVAL);
	assert_true(hp_starts_with(err.message, "file.yaml:"));
}
#endif

// == nodes, Kubernetes, holders, log

static void test_nodes_of_a_tree(void **state)
{
	(void)state;
	static const struct file files[] = {
	    {"/dev/nvidia0", ""},
	    {"/dev/nvidia1", ""},
	    {"/dev/nvidiactl", ""},
	    {"/dev/char/1:3", ""},
	    {"/dev/dri/renderD128", ""},
	    {"/sys/class/drm/renderD128/device", "-> ../../../0000:c1:00.0"},
	    {"/dev/dri/renderD129", ""},
	    {"/sys/class/drm/renderD129/device", "-> ../../../vkms"},
	    {"/dev/vfio/devices/vfio3", ""},
	    {"/sys/class/vfio-dev/vfio3/device", "-> ../../../0000:3b:00.0"},
	    {"/sys/fs/cgroup/x", ""},
	    {"/run/k3s/containerd/containerd.sock", ""},
	    {"/etc/rancher/k3s/config.yaml", ""},
	    {"/run/systemd/units/invocation:k3s.service", "-> 0123"},
	    {"/var/lib/kubelet/device-plugins/nvidia-gpu.sock", ""},
	};
	TREE(tree, files);
	probe(&tree, hp_probe_service);
	probe(&tree, hp_probe_device_node);
	probe(&tree, hp_probe_kubernetes);
	assert_value(&tree, "SELECT state FROM device_node WHERE path = '/dev/nvidia[0-9]*'",
	             "present");
	assert_value(&tree, "SELECT state FROM device_node WHERE path = '/dev/nvidia1'", "present");
	assert_value(&tree, "SELECT owner FROM device_node WHERE path = '/dev/nvidia1'",
	             "root:root");
	assert_value(&tree, "SELECT state FROM device_node WHERE path = '/dev/char/195:*'", "none");
	assert_value(&tree, "SELECT state FROM device_node WHERE path = '/dev/kfd'", "none");
	assert_value(&tree, "SELECT state FROM device_node WHERE path = '/dev/dri/renderD128'",
	             "present");
	assert_value(&tree, "SELECT address FROM device_node WHERE path = '/dev/dri/renderD128'",
	             "0000:c1:00.0");
	assert_value(&tree, "SELECT address FROM device_node WHERE path = '/dev/dri/renderD129'",
	             "none");
	assert_value(&tree,
	             "SELECT address FROM device_node WHERE path = '/dev/vfio/devices/vfio3'",
	             "0000:3b:00.0");
	assert_value(&tree, "SELECT kubelet FROM kubernetes_node", "running");
	assert_value(&tree, "SELECT flavour FROM kubernetes_node", "k3s");
	assert_value(&tree, "SELECT container_runtime FROM kubernetes_node", "containerd");
	assert_value(&tree, "SELECT device_plugin_socket FROM kubernetes_node", "present");
}

static void test_vmm_names(void **state)
{
	(void)state;
	assert_string_equal(hp_vmm_of("qemu-system-x86_64"), "qemu");
	assert_string_equal(hp_vmm_of("cloud-hypervisor"), "cloud-hypervisor");
	assert_string_equal(hp_vmm_of("my-vmm"), "custom");
}

static void put_function(struct tree *tree, const char *address, const char *driver,
                         const char *group)
{
	struct hp_row row = hp_row_begin(tree->facts, HP_TBL_PCI_FUNCTION);
	hp_row_text(&row, HP_PCI_FUNCTION_ADDRESS, address);
	hp_row_text(&row, HP_PCI_FUNCTION_CLASS, "030200");
	hp_row_text(&row, HP_PCI_FUNCTION_DRIVER, driver);
	hp_row_text(&row, HP_PCI_FUNCTION_IOMMU_GROUP, group);
	assert_int_equal(hp_row_put(&row, NULL), 0);
}

static void test_holders_of_a_tree(void **state)
{
	(void)state;
	static const struct file files[] = {
	    {"/proc/1/comm", "init\n"},
	    {"/proc/1/exe", "-> /sbin/init"},
	    {"/proc/1/fd/0", "-> /dev/null"},
	    {"/proc/2/comm", "kthreadd\n"},
	    {"/proc/40/comm", "qemu-system-x86\n"},
	    {"/proc/40/exe", "-> /usr/bin/qemu-system-x86_64 (deleted)"},
	    {"/proc/40/cmdline", "qemu -uuid-not"},
	    {"/proc/42/comm", "bash\n"},
	    {"/proc/42/exe", "-> /bin/bash"},
	    {"/proc/42/fd/0", "-> /home/somebody/secret"},
	    {"/proc/40/fd/3", "-> anon_inode:kvm-vm"},
	    {"/proc/40/fd/4", "-> /dev/vfio/12"},
	    {"/proc/40/fd/5", "-> anon_inode:[vfio-device]"},
	    {"/proc/40/fd/6", "-> /dev/vfio/vfio"},
	    {"/proc/41/comm", "nvidia-persiste\n"},
	    {"/proc/41/exe", "-> /usr/bin/nvidia-persistenced"},
	    {"/proc/41/fd/3", "-> /dev/nvidia1"},
	    {"/proc/41/fd/4", "-> /dev/nvidiactl"},
	    {"/proc/driver/nvidia/gpus/0000:01:00.0/information", "Device Minor: \t 1\n"},
	    {"/sys/module/nvidia_drm/parameters/modeset", "Y\n"},
	};
	TREE(tree, files);
	put_function(&tree, "0000:01:00.0", "nvidia", "7");
	put_function(&tree, "0000:41:00.0", "vfio-pci", "12");
	probe(&tree, hp_probe_nvidia);
	probe(&tree, hp_probe_holder);
	assert_value(&tree, "SELECT holder FROM holder WHERE address = '0000:41:00.0'",
	             "qemu-system-x86[40]");
	assert_value(&tree, "SELECT kind FROM holder WHERE address = '0000:41:00.0'", "vmm");
	assert_value(&tree, "SELECT via FROM holder WHERE holder = 'nvidia-persiste[41]'",
	             "/dev/nvidia1");
	assert_value(&tree, "SELECT address FROM holder WHERE holder = 'nvidia-drm'",
	             "0000:01:00.0");
	assert_value(&tree, "SELECT count(*) FROM holder", "3");
	char answer[4096];
	assert_true(hp_host_ask(tree.host, "descriptors", answer, sizeof(answer)) > 0);
	assert_null(strstr(answer, "secret"));
	assert_null(strstr(answer, "bash"));
	assert_value(&tree, "SELECT program FROM running_vmm", "qemu-system-x86_64");
	assert_value(&tree, "SELECT vfio_devices FROM running_vmm", "1");
	assert_value(&tree, "SELECT has_uuid FROM running_vmm", "0");
	assert_value(&tree,
	             "SELECT state FROM observed WHERE tbl = 'holder' AND subject = '0000:01:00.0'",
	             "complete");
}

/* The message with its place in the log. */
static void line_seen(void *data, uint64_t position, const char *message)
{
	hp_text_printf(data, "%u %s\n", (unsigned)position, message);
}

static void test_kernel_log(void **state)
{
	(void)state;
	struct hp_text seen hp_cleanup_text = {0};
	char records[] =
	    "6,12,345,-;DMAR: IOMMU enabled\n SUBSYSTEM=pci\n DEVICE=+pci:0000:00:00.0\n"
	    "4,15,346,-;second; part\nnonsense\n";
	char dmesg[] = "[    0.000000] Linux version 6.1\n[   12.345678] NVRM: x\nno time\n";
	assert_int_equal(hp_kernel_log_read(records, line_seen, &seen), 12);
	assert_int_equal(hp_kernel_log_read(dmesg, line_seen, &seen), 0);
	assert_string_equal(
	    hp_text_get(&seen),
	    "0 DMAR: IOMMU enabled\n3 second; part\n0 Linux version 6.1\n1 NVRM: x\n2 no time\n");
	assert_true(hp_kernel_line_matters("vfio-pci 0000:b3:00.0: BAR 1: can't reserve"));
	assert_false(hp_kernel_line_matters("usb 1-1: new high-speed USB device"));
}

static void test_kernel_log_of_a_tree(void **state)
{
	(void)state;
	static const struct file files[] = {
	    {"/etc/os-release", "ID=debian\n"},
	    {"/var/log/dmesg", "[    0.1] usb 1-1: new device\n[    0.2] DMAR: RMRR base: 0x1\n"},
	};
	TREE(tree, files);
	probe(&tree, hp_probe_kernel_log);
	assert_value(&tree, "SELECT message FROM kernel_message", "DMAR: RMRR base: 0x1");
	assert_value(&tree, "SELECT position FROM kernel_message", "1");
	assert_value(&tree, "SELECT state FROM observed WHERE tbl = 'kernel_message'", "complete");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_toml),
	    cmocka_unit_test(test_apt_list),
	    cmocka_unit_test(test_settings_of_a_tree),
	    cmocka_unit_test(test_broken_json_is_a_gap),
	    cmocka_unit_test(test_cdi),
	    cmocka_unit_test(test_cdi_driver_version),
#ifdef HP_HAVE_FYAML
	    cmocka_unit_test(test_yaml),
#endif
	    cmocka_unit_test(test_nodes_of_a_tree),
	    cmocka_unit_test(test_vmm_names),
	    cmocka_unit_test(test_holders_of_a_tree),
	    cmocka_unit_test(test_kernel_log),
	    cmocka_unit_test(test_kernel_log_of_a_tree),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
