// The shape of a guest of QEMU's that a device is handed to. SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "emit/qemu.h"
#include "emit/vmm.h"

#include <string.h>

#define GIB            (1LL << 30)
#define MIB            (1LL << 20)
#define DEFAULT_WINDOW (32 * GIB) // of q35, and of OVMF releases that do not go by the CPU's bits

/* What differs by architecture. */
static const struct machine {
	const char *architecture, *program, *type, *cpu, *bits, *console, *firmware;
	const char *window; // object whose property pci-hole64-size is the 64-bit window
} machines[] = {
    {"x86_64", "qemu-system-x86_64", "q35", "host", "host-phys-bits=on", "isa-serial",
     "/usr/share/OVMF/OVMF_CODE_4M.fd", "q35-pcihost"},
    {"aarch64", "qemu-system-aarch64", "virt,gic-version=host", "host", NULL, NULL,
     "/usr/share/AAVMF/AAVMF_CODE.fd", NULL},
};

struct shape {
	const struct hp_emit *emit;
	struct hp_emission *to;
	struct hp_qemu *qemu;
	const struct machine *machine;
	bool iommufd;
};

static const struct machine *find_machine(const struct hp_emit *emit, struct hp_emission *to)
{
	hp_cleanup_free char *architecture =
	    hp_emit_text(emit, "SELECT architecture FROM machine WHERE host = ?1", NULL);
	for (size_t i = 0; i < HP_COUNT(machines); i++)
		if (architecture && strcmp(machines[i].architecture, architecture) == 0)
			return &machines[i];
	if (architecture) {
		hp_refuse(to, NULL, "no machine for %s is written by happypath", architecture);
		return NULL;
	}
	hp_note(to, "the host's architecture is not known: this is for x86_64");
	return &machines[0];
}

// -- the machine --

static void add_plain(struct shape *shape, const char *name, const char *value)
{
	hp_qemu_add(shape->qemu, name);
	if (value)
		hp_qemu_set(shape->qemu, NULL, "%s", value);
}

static void add_cpu(struct shape *shape)
{
	const struct machine *machine = shape->machine;
	int64_t bits = hp_emit_number(
	    shape->emit, "SELECT guest_address_bits FROM intent WHERE host = ?1", NULL, -1);
	hp_qemu_add(shape->qemu, "cpu");
	hp_qemu_set(shape->qemu, NULL, "%s", machine->cpu);
	if (machine->bits && bits > 0)
		hp_qemu_set(shape->qemu, "phys-bits", "%lld", (long long)bits);
	else if (machine->bits)
		hp_qemu_set(shape->qemu, NULL, "%s", machine->bits);
	hp_qemu_add(shape->qemu, "smp");
	hp_qemu_set(shape->qemu, NULL, "%lld", (long long)shape->emit->cpus);
}

/* Memory of a descriptor needs no mount of hugetlbfs. Near the devices if these are near each
 * other; preferred, not bound: a guest that is slower is better than none. */
static void add_memory(struct shape *shape)
{
	struct hp_qemu *qemu = shape->qemu;
	hp_cleanup_free char *size = hp_vmm_size(shape->emit->guest_memory);
	int64_t page = hp_vmm_page_bytes(shape->emit, shape->to), node = hp_vmm_node(shape->emit);
	hp_qemu_add(qemu, "m");
	hp_qemu_set(qemu, NULL, "%s", size);
	hp_qemu_add(qemu, "object");
	hp_qemu_set(qemu, NULL, "memory-backend-memfd");
	hp_qemu_set(qemu, "id", "ram0");
	hp_qemu_set(qemu, "size", "%s", size);
	if (page) {
		hp_cleanup_free char *page_size = hp_vmm_size(page);
		hp_qemu_set(qemu, "hugetlb", "on");
		hp_qemu_set(qemu, "hugetlbsize", "%s", page_size);
	}
	if (node >= 0) {
		hp_qemu_set(qemu, "host-nodes", "%lld", (long long)node);
		hp_qemu_set(qemu, "policy", "preferred");
	}
}

static void add_machine(struct shape *shape)
{
	struct hp_qemu *qemu = shape->qemu;
	hp_qemu_add(qemu, "name");
	hp_qemu_set(qemu, "guest", "%s", shape->emit->name);
	hp_qemu_add(qemu, "machine");
	hp_cleanup_free char *words = hp_strdup(shape->machine->type);
	char *rest = words;
	hp_qemu_set(qemu, NULL, "%s", strsep(&rest, ","));
	for (char *more; (more = strsep(&rest, ","));) {
		char *key = strsep(&more, "=");
		hp_qemu_set(qemu, key, "%s", more);
	}
	hp_qemu_set(qemu, "memory-backend", "ram0");
	hp_qemu_add(qemu, "accel");
	hp_qemu_set(qemu, NULL, "kvm");
	add_cpu(shape);
	add_memory(shape);
	add_plain(shape, "nodefaults", NULL);
	add_plain(shape, "no-user-config", NULL);
	add_plain(shape, "display", "none");
}

static void add_console(struct shape *shape)
{
	struct hp_qemu *qemu = shape->qemu;
	hp_qemu_add(qemu, "chardev");
	hp_qemu_set(qemu, NULL, "stdio");
	hp_qemu_set(qemu, "id", "console0");
	hp_qemu_set(qemu, "signal", "off");
	hp_qemu_add(qemu, shape->machine->console ? "device" : "serial");
	if (shape->machine->console) {
		hp_qemu_set(qemu, NULL, "%s", shape->machine->console);
		hp_qemu_set(qemu, "chardev", "console0");
	} else {
		hp_qemu_set(qemu, NULL, "chardev:console0");
	}
}

// -- what it boots --

static void add_disk(struct shape *shape)
{
	struct hp_qemu *qemu = shape->qemu;
	const char *image = shape->emit->wish->image;
	if (!image)
		return;
	hp_qemu_add(qemu, "drive");
	hp_qemu_set(qemu, "if", "none");
	hp_qemu_set(qemu, "id", "disk0");
	// What stands before a colon is a protocol to QEMU, unless a slash comes first.
	hp_qemu_set(qemu, "file", "%s%s", *image == '/' ? "" : "./", image);
	hp_qemu_set(qemu, "format", "%s", hp_vmm_disk_format(image));
	hp_qemu_add(qemu, "device");
	hp_qemu_set(qemu, NULL, "virtio-blk-pci");
	hp_qemu_set(qemu, "drive", "disk0");
	hp_qemu_set(qemu, "bus", "pcie.0");
}

static void add_kernel(struct shape *shape)
{
	const struct hp_emit_wish *wish = shape->emit->wish;
	if (!wish->kernel)
		return;
	add_plain(shape, "kernel", wish->kernel);
	if (wish->initrd)
		add_plain(shape, "initrd", wish->initrd);
	add_plain(shape, "append", wish->append ? wish->append : "console=ttyS0");
	if (shape->machine->window)
		hp_note(
		    shape->to,
		    "an uncompressed kernel (vmlinux) is entered at once by PVH, without KASLR; "
		    "a bzImage decompresses itself first");
}

/* A kernel of one's own places BARs itself: the least firmware does. A disk needs one that boots
 * it, and that places large BARs. */
static char *choose_firmware(const struct shape *shape)
{
	char *asked =
	    hp_emit_text(shape->emit, "SELECT guest_firmware FROM intent WHERE host = ?1", NULL);
	const struct hp_emit_wish *wish = shape->emit->wish;
	if (asked)
		return asked;
	return wish->image && !wish->kernel             ? hp_strdup("ovmf")
	       : wish->kernel && shape->machine->window ? hp_strdup("qboot")
	                                                : hp_strdup("none");
}

static void add_ovmf(struct shape *shape)
{
	struct hp_qemu *qemu = shape->qemu;
	hp_qemu_add(qemu, "drive");
	hp_qemu_set(qemu, "if", "pflash");
	hp_qemu_set(qemu, "unit", "0");
	hp_qemu_set(qemu, "format", "raw");
	hp_qemu_set(qemu, "readonly", "on");
	hp_qemu_set(qemu, "file", "%s", shape->machine->firmware);
	hp_note(shape->to,
	        "the firmware is at %s on Debian and Ubuntu; its variables last as long as the "
	        "guest, unless a copy of its VARS file is given as unit=1",
	        shape->machine->firmware);
}

// -- the window --

static void add_window(struct shape *shape, const char *firmware)
{
	struct hp_qemu *qemu = shape->qemu;
	int64_t window = hp_vmm_window(shape->emit, shape->to);
	if (window <= DEFAULT_WINDOW)
		return;
	if (!shape->machine->window) {
		if (window > 512 * GIB)
			hp_note(shape->to, "the BARs need a 64-bit window beyond the 512 GiB that "
			                   "QEMU's machine virt has");
		return;
	}
	hp_cleanup_free char *size = hp_vmm_size(window);
	hp_qemu_add(qemu, "global");
	hp_qemu_set(qemu, "driver", "%s", shape->machine->window);
	hp_qemu_set(qemu, "property", "pci-hole64-size");
	hp_qemu_set(qemu, "value", "%s", size);
	if (strcmp(firmware, "ovmf") != 0)
		return;
	hp_qemu_add(qemu, "fw_cfg");
	hp_qemu_set(qemu, "name", "opt/ovmf/X-PciMmio64Mb");
	hp_qemu_set(qemu, "string", "%lld", (long long)(window / MIB));
}

static void add_boot(struct shape *shape)
{
	hp_cleanup_free char *firmware = choose_firmware(shape);
	if (strcmp(firmware, "ovmf") == 0)
		add_ovmf(shape);
	else if (strcmp(firmware, "qboot") == 0)
		add_plain(shape, "bios", "qboot.rom");
	add_kernel(shape);
	add_disk(shape);
	if (!shape->emit->wish->kernel && !shape->emit->wish->image)
		hp_note(shape->to, "nothing is booted yet: --kernel or --image says what");
	add_window(shape, firmware);
}

// -- the devices --

/* Eight ports a slot of pcie.0, from slot 2: so there is room for as many as any board has. */
static void add_port(struct shape *shape, size_t index)
{
	struct hp_qemu *qemu = shape->qemu;
	hp_qemu_add(qemu, "device");
	hp_qemu_set(qemu, NULL, "pcie-root-port");
	hp_qemu_set(qemu, "id", "port%zu", index);
	hp_qemu_set(qemu, "bus", "pcie.0");
	hp_qemu_set(qemu, "addr", "%zx.%zu", 2 + index / 8, index % 8);
	if (index % 8 == 0 && shape->emit->count > index + 1)
		hp_qemu_set(qemu, "multifunction", "on");
	hp_qemu_set(qemu, "chassis", "%zu", index + 1);
	hp_qemu_set(qemu, "slot", "%zu", index + 1);
}

static void set_source(struct shape *shape, const struct hp_emit_device *device)
{
	if (device->way == HP_WAY_MDEV)
		hp_qemu_set(shape->qemu, "sysfsdev", "/sys/bus/mdev/devices/%s", device->uuid);
	else
		hp_qemu_set(shape->qemu, "host", "%s", device->address);
	if (shape->iommufd)
		hp_qemu_set(shape->qemu, "iommufd", "iommufd0");
}

static void add_companion(struct shape *shape, const struct hp_emit_device *device,
                          const char *address)
{
	struct hp_qemu *qemu = shape->qemu;
	hp_qemu_add(qemu, "device");
	hp_qemu_set(qemu, NULL, "vfio-pci");
	hp_qemu_set(qemu, "id", "gpu%zu-%c", device->index, hp_vmm_digit(address));
	hp_qemu_set(qemu, "bus", "port%zu", device->index);
	hp_qemu_set(qemu, "addr", "0.%c", hp_vmm_digit(address));
	hp_qemu_set(qemu, "host", "%s", address);
	if (shape->iommufd)
		hp_qemu_set(qemu, "iommufd", "iommufd0");
}

static void add_device(struct shape *shape, const struct hp_emit_device *device, int clique)
{
	struct hp_qemu *qemu = shape->qemu;
	hp_cleanup_argv struct hp_argv siblings = {0};
	hp_vmm_siblings(device, shape->to, &siblings);
	add_port(shape, device->index);
	hp_qemu_add(qemu, "device");
	hp_qemu_set(qemu, NULL, "vfio-pci");
	hp_qemu_set(qemu, "id", "gpu%zu", device->index);
	hp_qemu_set(qemu, "bus", "port%zu", device->index);
	if (siblings.count) {
		hp_qemu_set(qemu, "addr", "0.%c", hp_vmm_digit(device->address));
		hp_qemu_set(qemu, "multifunction", "on");
	}
	set_source(shape, device);
	if (clique >= 0)
		hp_qemu_set(qemu, "x-nv-gpudirect-clique", "%d", clique);
	for (size_t i = 0; i < siblings.count; i++)
		add_companion(shape, device, siblings.words[i]);
}

static void add_devices(struct shape *shape)
{
	const struct hp_emit *emit = shape->emit;
	hp_cleanup_free int *cliques = hp_calloc(emit->count, sizeof(*cliques));
	int count = hp_vmm_cliques(emit, shape->to, cliques);
	shape->iommufd = hp_vmm_iommufd(emit, shape->to, "qemu");
	hp_vmm_peers_or_iommufd(emit, shape->to, &shape->iommufd, cliques, &count);
	if (shape->iommufd) {
		hp_qemu_add(shape->qemu, "object");
		hp_qemu_set(shape->qemu, NULL, "iommufd");
		hp_qemu_set(shape->qemu, "id", "iommufd0");
	}
	for (size_t i = 0; i < emit->count; i++)
		add_device(shape, &emit->devices[i], cliques[i]);
}

/* NVIDIA's vGPU manager reads the guest's UUID from QEMU's arguments. */
static void add_uuid(struct shape *shape)
{
	bool vgpu = false;
	for (size_t i = 0; i < shape->emit->count; i++)
		vgpu |= shape->emit->devices[i].way != HP_WAY_VFIO;
	char uuid[37];
	hp_emit_uuid(shape->emit, shape->emit->name, uuid);
	if (vgpu)
		add_plain(shape, "uuid", uuid);
}

void hp_qemu_shape(const struct hp_emit *emit, struct hp_emission *to, struct hp_qemu *ret)
{
	struct shape shape = {.emit = emit, .to = to, .qemu = ret};
	shape.machine = find_machine(emit, to);
	if (!shape.machine)
		return;
	if (emit->guest_memory % MIB) {
		hp_refuse(to, NULL, "the guest's memory is no multiple of 1 MiB");
		return;
	}
	ret->program = shape.machine->program;
	add_machine(&shape);
	add_uuid(&shape);
	add_boot(&shape);
	add_console(&shape);
	add_devices(&shape);
}
