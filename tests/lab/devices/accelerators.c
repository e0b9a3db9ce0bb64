// Accelerators for virtual hosts: a preload library that gives Debian's stock QEMU 7.2 PCI Express
// functions with the ids, BARs, FLR, MSI-X and VFs of real boards. They do nothing.
// SPDX-License-Identifier: Apache-2.0
//
// Debian builds QEMU with loadable modules, so its symbols can be linked against. Its headers are
// in no package: the few types needed are declared here as QEMU 7.2 lays them out on x86-64, and
// check_layout() compares them with a device that QEMU brings along before the first of ours is
// made.
#define _GNU_SOURCE // dladdr
#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// -- what QEMU 7.2 declares ------------------------------------------------------

struct type_info {
	const char *name, *parent;
	size_t instance_size, instance_align;
	void (*instance_init)(void *), (*instance_post_init)(void *), (*instance_finalize)(void *);
	bool abstract;
	size_t class_size;
	void (*class_init)(void *class, void *data);
	void (*class_base_init)(void *class, void *data);
	const void *class_data;
	const char *const *interfaces;
};

struct access_sizes {
	unsigned min, max;
	bool unaligned;
	void *accepts;
};

struct region_ops {
	uint64_t (*read)(void *opaque, uint64_t offset, unsigned size);
	void (*write)(void *opaque, uint64_t offset, uint64_t value, unsigned size);
	void *read_with_attrs, *write_with_attrs;
	int endianness;
	struct access_sizes valid;
	struct {
		unsigned min, max;
		bool unaligned;
	} impl;
};

// The part of PCIDeviceClass that is PCI's own; what it derives from fills the bytes before it.
struct pci_class {
	char device_class[176];
	void (*realize)(void *device, void **errp);
	void (*exit)(void *device);
	uint32_t (*config_read)(void *device, uint32_t address, int length);
	void (*config_write)(void *device, uint32_t address, uint32_t value, int length);
	uint16_t vendor, device;
	uint8_t revision;
	uint16_t class, subsystem_vendor, subsystem;
};

const char *object_get_typename(void *object);
void *object_class_by_name(const char *name);
size_t object_type_get_instance_size(const char *name);
void *type_register(const struct type_info *info);
void memory_region_init_io(void *region, void *owner, const struct region_ops *ops, void *opaque,
                           const char *name, uint64_t size);
void pci_register_bar(void *device, int number, uint8_t type, void *region);
void pci_default_write_config(void *device, uint32_t address, uint32_t value, int length);
int pcie_endpoint_cap_init(void *device, uint8_t offset);
void pcie_cap_flr_init(void *device);
void pcie_cap_flr_write_config(void *device, uint32_t address, uint32_t value, int length);
void pcie_ari_init(void *device, uint16_t offset, uint16_t next_function);
void pcie_sriov_pf_init(void *device, uint16_t offset, const char *vf_type, uint16_t vf_device,
                        uint16_t initial, uint16_t total, uint16_t first, uint16_t stride);
void pcie_sriov_pf_exit(void *device);
void pcie_sriov_pf_init_vf_bar(void *device, int number, uint8_t type, uint64_t size);
void pcie_sriov_vf_register_bar(void *device, int number, void *region);
int msix_init(void *device, unsigned short vectors, void *table_bar, uint8_t table_bar_number,
              unsigned table_offset, void *pending_bar, uint8_t pending_bar_number,
              unsigned pending_offset, uint8_t capability, void **errp);

// -- the boards ------------------------------------------------------------------

#define KIB(n) ((uint64_t)(n) << 10)
#define MIB(n) ((uint64_t)(n) << 20)
#define GIB(n) ((uint64_t)(n) << 30)

struct board {
	const char *type, *vf_type;
	uint16_t vendor, device;
	uint8_t revision;
	uint16_t class, subsystem_vendor, subsystem;
	uint64_t bar[6]; // sizes; 0 is none
	uint16_t vfs, vf_device;
	uint64_t vf_bar; // the VF's BAR 0
	bool no_vectors; // a VMM hides its MSI-X
};

#define DISPLAY_3D   0x0302
#define DISPLAY_VGA  0x0300
#define PROCESSING   0x1200
#define AUDIO        0x0403
#define BRIDGE_OTHER 0x0680

// Ids as in pci.ids; sizes as those boards have them, except that VFs are small.
static const struct board boards[] = {
    {.type = "h100",
     .vf_type = "h100-vf",
     .vendor = 0x10de,
     .device = 0x2330,
     .revision = 0xa1,
     .class = DISPLAY_3D,
     .subsystem_vendor = 0x10de,
     .subsystem = 0x16c1,
     .bar = {[0] = MIB(16), [2] = GIB(128), [4] = MIB(32)},
     .vfs = 16,
     .vf_device = 0x2330,
     .vf_bar = KIB(256)},
    // The same as VMMs hand it to a guest, without SR-IOV; and as one that hides MSI-X, too.
    {.type = "h100-guest",
     .vendor = 0x10de,
     .device = 0x2330,
     .revision = 0xa1,
     .class = DISPLAY_3D,
     .subsystem_vendor = 0x10de,
     .subsystem = 0x16c1,
     .bar = {[0] = MIB(16), [2] = GIB(128), [4] = MIB(32)}},
    {.type = "h100-guest-without-msix",
     .vendor = 0x10de,
     .device = 0x2330,
     .revision = 0xa1,
     .class = DISPLAY_3D,
     .subsystem_vendor = 0x10de,
     .subsystem = 0x16c1,
     .bar = {[0] = MIB(16), [2] = GIB(128), [4] = MIB(32)},
     .no_vectors = true},
    {.type = "l40s",
     .vf_type = "l40s-vf",
     .vendor = 0x10de,
     .device = 0x26b9,
     .revision = 0xa1,
     .class = DISPLAY_3D,
     .subsystem_vendor = 0x10de,
     .subsystem = 0x1851,
     .bar = {[0] = MIB(16), [2] = GIB(64), [4] = MIB(32)},
     .vfs = 32,
     .vf_device = 0x26b9,
     .vf_bar = KIB(256)},
    {.type = "a2",
     .vf_type = "a2-vf",
     .vendor = 0x10de,
     .device = 0x25b6,
     .revision = 0xa1,
     .class = DISPLAY_3D,
     .subsystem_vendor = 0x10de,
     .subsystem = 0x157e,
     .bar = {[0] = MIB(16), [2] = GIB(16), [4] = MIB(32)},
     .vfs = 16,
     .vf_device = 0x25b6,
     .vf_bar = KIB(256)},
    {.type = "mi300x",
     .vf_type = "mi300x-vf",
     .vendor = 0x1002,
     .device = 0x74a1,
     .class = PROCESSING,
     .subsystem_vendor = 0x1002,
     .subsystem = 0x74a1,
     .bar = {[0] = GIB(256), [2] = MIB(2)},
     .vfs = 8,
     .vf_device = 0x74b5,
     .vf_bar = KIB(256)},
    {.type = "v100",
     .vendor = 0x10de,
     .device = 0x1db4,
     .revision = 0xa1,
     .class = DISPLAY_3D,
     .subsystem_vendor = 0x10de,
     .subsystem = 0x1214,
     .bar = {[0] = MIB(16), [2] = GIB(16), [4] = MIB(32)}},
    {.type = "rtx3090",
     .vendor = 0x10de,
     .device = 0x2204,
     .revision = 0xa1,
     .class = DISPLAY_VGA,
     .subsystem_vendor = 0x10de,
     .subsystem = 0x1454,
     .bar = {[0] = MIB(16), [2] = MIB(256), [4] = MIB(32)}},
    {.type = "rtx3090-audio",
     .vendor = 0x10de,
     .device = 0x1aef,
     .revision = 0xa1,
     .class = AUDIO,
     .subsystem_vendor = 0x10de,
     .subsystem = 0x1454,
     .bar = {[0] = KIB(16)}},
    {.type = "nvswitch",
     .vendor = 0x10de,
     .device = 0x22a3,
     .revision = 0xa1,
     .class = BRIDGE_OTHER,
     .subsystem_vendor = 0x10de,
     .subsystem = 0x1796,
     .bar = {[0] = MIB(32)}},
};
#define BOARDS (sizeof(boards) / sizeof(boards[0]))

static void die(const char *what)
{
	fprintf(stderr, "accelerators: %s; this library knows QEMU 7.2 as Debian 12 builds it\n",
	        what);
	exit(70);
}

static const struct board *board_of(void *device, bool *ret_vf)
{
	const char *type = object_get_typename(device);
	for (size_t i = 0; i < BOARDS; i++) {
		*ret_vf = boards[i].vf_type && strcmp(type, boards[i].vf_type) == 0;
		if (*ret_vf || strcmp(type, boards[i].type) == 0)
			return &boards[i];
	}
	die("asked for a device that is not in the table");
	return NULL;
}

// -- one function ----------------------------------------------------------------

enum { CAPABILITY_EXPRESS = 0x80, CAPABILITY_ARI = 0x100, CAPABILITY_SRIOV = 0x160 };
enum { BAR_MEMORY_64 = 0x04, BAR_PREFETCH = 0x08 };
enum { VECTORS = 4, TABLE = 0x2000, PENDING = 0x3000 };

static uint64_t region_read(void *opaque, uint64_t offset, unsigned size)
{
	(void)opaque, (void)offset, (void)size;
	return 0;
}

static void region_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
	(void)opaque, (void)offset, (void)value, (void)size;
}

enum { LITTLE_ENDIAN_REGION = 2 };
static const struct region_ops region_ops = {
    .read = region_read,
    .write = region_write,
    .endianness = LITTLE_ENDIAN_REGION,
    .valid = {.min = 1, .max = 8},
    .impl = {.min = 1, .max = 8},
};

// QEMU ends before its devices do: nobody frees these.
static void *new_region(void *device, uint64_t size)
{
	void *region = calloc(1, object_type_get_instance_size("memory-region"));
	if (!region)
		die("out of memory");
	memory_region_init_io(region, device, &region_ops, device, "accelerator", size);
	return region;
}

static void add_vectors(void *device, void *region)
{
	if (msix_init(device, VECTORS, region, 0, TABLE, region, 0, PENDING, 0, NULL) < 0)
		die("MSI-X cannot be set up");
}

static void realize_vf(void *device, const struct board *board)
{
	void *region = new_region(device, board->vf_bar);
	pcie_sriov_vf_register_bar(device, 0, region);
	add_vectors(device, region);
}

static void realize_pf(void *device, const struct board *board)
{
	for (int i = 0; i < 6; i++) {
		if (!board->bar[i])
			continue;
		void *region = new_region(device, board->bar[i]);
		pci_register_bar(device, i, BAR_MEMORY_64 | BAR_PREFETCH, region);
		if (i == 0 && !board->no_vectors)
			add_vectors(device, region);
	}
	if (!board->vfs)
		return;
	pcie_sriov_pf_init(device, CAPABILITY_SRIOV, board->vf_type, board->vf_device, board->vfs,
	                   board->vfs, 1, 1);
	pcie_sriov_pf_init_vf_bar(device, 0, BAR_MEMORY_64 | BAR_PREFETCH, board->vf_bar);
}

static void realize(void *device, void **errp)
{
	(void)errp;
	bool vf;
	const struct board *board = board_of(device, &vf);
	if (pcie_endpoint_cap_init(device, CAPABILITY_EXPRESS) < 0)
		die("no PCI Express capability");
	pcie_cap_flr_init(device);
	pcie_ari_init(device, CAPABILITY_ARI, 1);
	(vf ? realize_vf : realize_pf)(device, board);
}

static void unrealize(void *device)
{
	bool vf;
	const struct board *board = board_of(device, &vf);
	if (!vf && board->vfs)
		pcie_sriov_pf_exit(device);
}

static void write_config(void *device, uint32_t address, uint32_t value, int length)
{
	pci_default_write_config(device, address, value, length);
	pcie_cap_flr_write_config(device, address, value, length);
}

// -- their classes ---------------------------------------------------------------

// Two devices of QEMU's own whose ids are known must show them where struct pci_class says, with
// code of QEMU's where it says functions are.
static void check_layout(void)
{
	static const struct {
		const char *type;
		uint16_t vendor, device, class;
	} known[] = {{"edu", 0x1234, 0x11e8, 0x00ff}, {"pci-testdev", 0x1b36, 0x0005, 0x00ff}};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		const struct pci_class *class = object_class_by_name(known[i].type);
		Dl_info info;
		if (!class || class->vendor != known[i].vendor ||
		    class->device != known[i].device || class->class != known[i].class)
			die("PCI classes are laid out otherwise");
		if (!dladdr((void *)class->realize, &info) ||
		    !strstr(info.dli_fname, "qemu-system"))
			die("PCI classes keep realize elsewhere");
	}
	if (object_type_get_instance_size("memory-region") < 128)
		die("memory regions are unknown");
}

static void init_class(void *data, void *board_data)
{
	const struct board *board = board_data;
	struct pci_class *class = data;
	check_layout();
	class->realize = realize;
	class->exit = unrealize;
	class->config_write = write_config;
	class->vendor = board->vendor;
	class->device = board->device;
	class->revision = board->revision;
	class->class = board->class;
	class->subsystem_vendor = board->subsystem_vendor;
	class->subsystem = board->subsystem;
}

static void register_type(const char *name, const struct board *board)
{
	static const char *const interfaces[] = {"pci-express-device", NULL};
	type_register(&(struct type_info){
	    .name = name,
	    .parent = "pci-device",
	    .class_init = init_class,
	    .class_data = board,
	    .interfaces = interfaces,
	});
}

__attribute__((constructor)) static void register_boards(void)
{
	unsetenv("LD_PRELOAD"); // what QEMU starts is not QEMU
	for (size_t i = 0; i < BOARDS; i++) {
		register_type(boards[i].type, &boards[i]);
		if (boards[i].vf_type)
			register_type(boards[i].vf_type, &boards[i]);
	}
}
