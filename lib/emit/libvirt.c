// libvirt: a domain of the tuned shape, its host devices alone, and mediated devices as node
// devices. SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "base/xml.h"
#include "emit/emitters.h"
#include "emit/vmm.h"

#include <string.h>

#define QEMU_NAMESPACE "http://libvirt.org/schemas/domain/qemu/1.0"
#define GIB            (1LL << 30)
#define DEFAULT_WINDOW (32 * GIB)

struct shape {
	const struct hp_emit *emit;
	struct hp_emission *to;
	struct hp_xml *xml;
	struct hp_vmm_function *functions;
	size_t count;
	int *cliques;
	int clique_count;
	bool iommufd, arm, efi;
	int64_t window, page;
};

// -- host devices --

static void add_address(struct hp_xml *xml, const char *address)
{
	unsigned domain = 0, bus = 0, slot = 0, function = 0;
	sscanf(address, "%x:%x:%x.%x", &domain, &bus, &slot, &function);
	hp_xml_start(xml, "address");
	hp_xml_attributef(xml, "domain", "0x%04x", domain); // beyond 0xffff below VMD
	hp_xml_attributef(xml, "bus", "0x%02x", bus);
	hp_xml_attributef(xml, "slot", "0x%02x", slot);
	hp_xml_attributef(xml, "function", "0x%x", function);
	hp_xml_end_void(xml);
}

static char *driver_of(const struct hp_emit *emit, const char *address)
{
	return hp_emit_text(
	    emit, "SELECT driver FROM pci_function WHERE host = ?1 AND address = ?2", address);
}

/* Managed: libvirt binds it to vfio-pci at the guest's start and gives it back at its end. Never a
 * VF whose vendor's driver speaks VFIO itself; nor what VFIO has already: that is someone's
 * decision. */
static bool is_managed(const struct shape *shape, const struct hp_vmm_function *function)
{
	if (function->device->way == HP_WAY_VENDOR_VFIO)
		hp_note(shape->to,
		        "%s stays with its vendor's driver: libvirt takes such a VF since 9.7.0, "
		        "an older "
		        "one wants it detached from the host",
		        function->address);
	if (function->device->way != HP_WAY_VFIO)
		return false;
	hp_cleanup_free char *driver = driver_of(shape->emit, function->address);
	if (driver && strstr(driver, "vfio"))
		return false;
	if (driver && strcmp(driver, "none") != 0)
		hp_note(shape->to,
		        "libvirt takes %s from %s when the guest starts: nothing may hold it then, "
		        "and it fails where something does",
		        function->address, driver);
	return true;
}

static void add_source(struct hp_xml *xml, const struct hp_vmm_function *function)
{
	hp_xml_start(xml, "source");
	if (function->device->way == HP_WAY_MDEV) {
		hp_xml_start(xml, "address");
		hp_xml_attribute(xml, "uuid", function->device->uuid);
		hp_xml_end_void(xml);
	} else {
		add_address(xml, function->address);
	}
	hp_xml_end(xml);
}

/* Behind the root port of its number; functions of one slot stay together. */
static void add_place(const struct shape *shape, const struct hp_vmm_function *function)
{
	struct hp_xml *xml = shape->xml;
	bool several = false;
	for (size_t i = 0; i < shape->count; i++)
		several |=
		    shape->functions[i].sibling && shape->functions[i].device == function->device;
	hp_xml_start(xml, "address");
	hp_xml_attribute(xml, "type", "pci");
	hp_xml_attribute(xml, "domain", "0x0000");
	hp_xml_attributef(xml, "bus", "0x%02zx", function->device->index + 1);
	hp_xml_attribute(xml, "slot", "0x00");
	hp_xml_attributef(xml, "function", "0x%c", several ? hp_vmm_digit(function->address) : '0');
	hp_xml_attribute(xml, "multifunction", several && !function->sibling ? "on" : NULL);
	hp_xml_end_void(xml);
}

static void add_hostdev(const struct shape *shape, const struct hp_vmm_function *function,
                        bool placed)
{
	struct hp_xml *xml = shape->xml;
	bool mediated = function->device->way == HP_WAY_MDEV;
	hp_xml_start(xml, "hostdev");
	hp_xml_attribute(xml, "mode", "subsystem");
	hp_xml_attribute(xml, "type", mediated ? "mdev" : "pci");
	if (mediated)
		hp_xml_attribute(xml, "model", "vfio-pci");
	else
		hp_xml_attribute(xml, "managed", is_managed(shape, function) ? "yes" : "no");
	if (shape->iommufd && !mediated) {
		hp_xml_start(xml, "driver");
		hp_xml_attribute(xml, "iommufd", "yes");
		hp_xml_end_void(xml);
	}
	add_source(xml, function);
	if (placed) {
		hp_xml_start(xml, "alias");
		hp_xml_attributef(xml, "name", "ua-%s", function->id);
		hp_xml_end_void(xml);
		add_place(shape, function);
	}
	hp_xml_end(xml);
}

// -- the domain --

static void add_number(struct hp_xml *xml, const char *element, const char *unit, int64_t number)
{
	hp_xml_start(xml, element);
	hp_xml_attribute(xml, "unit", unit);
	hp_xml_textf(xml, "%lld", (long long)number);
	hp_xml_end(xml);
}

static void add_memory(const struct shape *shape)
{
	struct hp_xml *xml = shape->xml;
	int64_t node = hp_vmm_node(shape->emit);
	add_number(xml, "memory", "KiB", shape->emit->guest_memory >> 10);
	if (shape->page) {
		hp_xml_start(xml, "memoryBacking");
		hp_xml_start(xml, "hugepages");
		hp_xml_start(xml, "page");
		hp_xml_attributef(xml, "size", "%lld", (long long)(shape->page >> 10));
		hp_xml_attribute(xml, "unit", "KiB");
		hp_xml_end_void(xml);
		hp_xml_end(xml);
		hp_xml_end(xml);
	}
	hp_xml_start(xml, "vcpu");
	hp_xml_textf(xml, "%lld", (long long)shape->emit->cpus);
	hp_xml_end(xml);
	if (node < 0)
		return;
	hp_xml_start(xml, "numatune");
	hp_xml_start(xml, "memory");
	hp_xml_attribute(xml, "mode", "preferred");
	hp_xml_attributef(xml, "nodeset", "%lld", (long long)node);
	hp_xml_end_void(xml);
	hp_xml_end(xml);
}

static void add_os(const struct shape *shape)
{
	struct hp_xml *xml = shape->xml;
	const struct hp_emit_wish *wish = shape->emit->wish;
	hp_xml_start(xml, "os");
	hp_xml_attribute(xml, "firmware", shape->efi ? "efi" : NULL);
	hp_xml_start(xml, "type");
	hp_xml_attribute(xml, "arch", shape->arm ? "aarch64" : "x86_64");
	hp_xml_attribute(xml, "machine", shape->arm ? "virt" : "q35");
	hp_xml_text(xml, "hvm");
	hp_xml_end(xml);
	if (wish->kernel) {
		hp_xml_element(xml, "kernel", wish->kernel);
		if (wish->initrd)
			hp_xml_element(xml, "initrd", wish->initrd);
		hp_xml_element(xml, "cmdline", wish->append ? wish->append : "console=ttyS0");
	}
	hp_xml_end(xml);
	hp_xml_start(xml, "features");
	hp_xml_start(xml, "acpi");
	hp_xml_end_void(xml);
	hp_xml_end(xml);
}

static void add_cpu(const struct shape *shape)
{
	struct hp_xml *xml = shape->xml;
	int64_t bits = hp_emit_number(
	    shape->emit, "SELECT guest_address_bits FROM intent WHERE host = ?1", NULL, -1);
	hp_xml_start(xml, "cpu");
	hp_xml_attribute(xml, "mode", "host-passthrough");
	if (!shape->arm) {
		hp_xml_start(xml, "maxphysaddr");
		hp_xml_attribute(xml, "mode", bits > 0 ? "emulate" : "passthrough");
		if (bits > 0)
			hp_xml_attributef(xml, "bits", "%lld", (long long)bits);
		hp_xml_end_void(xml);
	}
	hp_xml_end(xml);
}

static void add_root(const struct shape *shape)
{
	struct hp_xml *xml = shape->xml;
	hp_xml_start(xml, "controller");
	hp_xml_attribute(xml, "type", "pci");
	hp_xml_attribute(xml, "index", "0");
	hp_xml_attribute(xml, "model", "pcie-root");
	if (shape->window > DEFAULT_WINDOW && !shape->arm)
		add_number(xml, "pcihole64", "KiB", shape->window >> 10);
	hp_xml_end(xml);
}

static void add_port(const struct shape *shape, size_t index)
{
	struct hp_xml *xml = shape->xml;
	hp_xml_start(xml, "controller");
	hp_xml_attribute(xml, "type", "pci");
	hp_xml_attributef(xml, "index", "%zu", index + 1);
	hp_xml_attribute(xml, "model", "pcie-root-port");
	hp_xml_start(xml, "target");
	hp_xml_attributef(xml, "chassis", "%zu", index + 1);
	hp_xml_attributef(xml, "port", "0x%zx", 0x10 + index);
	hp_xml_end_void(xml);
	hp_xml_start(xml, "address");
	hp_xml_attribute(xml, "type", "pci");
	hp_xml_attribute(xml, "domain", "0x0000");
	hp_xml_attribute(xml, "bus", "0x00");
	hp_xml_attributef(xml, "slot", "0x%02zx", 2 + index / 8);
	hp_xml_attributef(xml, "function", "0x%zx", index % 8);
	if (index % 8 == 0 && shape->emit->count > index + 1)
		hp_xml_attribute(xml, "multifunction", "on");
	hp_xml_end_void(xml);
	hp_xml_end(xml);
}

static void add_absent(struct hp_xml *xml, const char *element, const char *type)
{
	hp_xml_start(xml, element);
	hp_xml_attribute(xml, "type", type);
	hp_xml_attribute(xml, "model", "none");
	hp_xml_end_void(xml);
}

static void add_disk(const struct shape *shape)
{
	struct hp_xml *xml = shape->xml;
	const char *image = shape->emit->wish->image;
	if (!image)
		return;
	hp_xml_start(xml, "disk");
	hp_xml_attribute(xml, "type", "file");
	hp_xml_attribute(xml, "device", "disk");
	hp_xml_start(xml, "driver");
	hp_xml_attribute(xml, "name", "qemu");
	hp_xml_attribute(xml, "type", hp_vmm_disk_format(image));
	hp_xml_end_void(xml);
	hp_xml_start(xml, "source");
	hp_xml_attribute(xml, "file", image);
	hp_xml_end_void(xml);
	hp_xml_start(xml, "target");
	hp_xml_attribute(xml, "dev", "vda");
	hp_xml_attribute(xml, "bus", "virtio");
	hp_xml_end_void(xml);
	hp_xml_end(xml);
}

static void add_devices(const struct shape *shape)
{
	struct hp_xml *xml = shape->xml;
	hp_xml_start(xml, "devices");
	add_disk(shape);
	add_root(shape);
	for (size_t i = 0; i < shape->emit->count; i++)
		add_port(shape, i);
	add_absent(xml, "controller", "usb");
	hp_xml_start(xml, "serial");
	hp_xml_attribute(xml, "type", "pty");
	hp_xml_end_void(xml);
	for (size_t i = 0; i < shape->count; i++)
		add_hostdev(shape, &shape->functions[i], true);
	add_absent(xml, "memballoon", NULL);
	hp_xml_end(xml);
}

// -- what libvirt has no words for --

static bool needs_arguments(const struct shape *shape)
{
	return shape->efi && shape->window > DEFAULT_WINDOW && !shape->arm;
}

static void add_argument(struct hp_xml *xml, const char *value)
{
	hp_xml_start(xml, "qemu:arg");
	hp_xml_attribute(xml, "value", value);
	hp_xml_end_void(xml);
}

static void add_override(const struct shape *shape, const struct hp_vmm_function *function)
{
	struct hp_xml *xml = shape->xml;
	int clique = function->sibling ? -1 : shape->cliques[function->device->index];
	if (clique < 0)
		return;
	hp_xml_start(xml, "qemu:device");
	hp_xml_attributef(xml, "alias", "ua-%s", function->id);
	hp_xml_start(xml, "qemu:frontend");
	hp_xml_start(xml, "qemu:property");
	hp_xml_attribute(xml, "name", "x-nv-gpudirect-clique");
	hp_xml_attribute(xml, "type", "unsigned");
	hp_xml_attributef(xml, "value", "%d", clique);
	hp_xml_end_void(xml);
	hp_xml_end(xml);
	hp_xml_end(xml);
}

static void add_extras(const struct shape *shape)
{
	struct hp_xml *xml = shape->xml;
	if (needs_arguments(shape)) {
		hp_cleanup_free char *value = hp_asprintf("name=opt/ovmf/X-PciMmio64Mb,string=%lld",
		                                          (long long)(shape->window >> 20));
		hp_xml_start(xml, "qemu:commandline");
		add_argument(xml, "-fw_cfg");
		add_argument(xml, value);
		hp_xml_end(xml);
	}
	if (!shape->clique_count)
		return;
	hp_xml_start(xml, "qemu:override");
	for (size_t i = 0; i < shape->count; i++)
		add_override(shape, &shape->functions[i]);
	hp_xml_end(xml);
}

static void emit_domain(const struct shape *shape)
{
	struct hp_xml *xml = shape->xml;
	char uuid[37];
	hp_emit_uuid(shape->emit, shape->emit->name, uuid);
	hp_xml_start(xml, "domain");
	hp_xml_attribute(xml, "type", "kvm");
	if (needs_arguments(shape) || shape->clique_count)
		hp_xml_attribute(xml, "xmlns:qemu", QEMU_NAMESPACE);
	hp_xml_element(xml, "name", shape->emit->name);
	hp_xml_element(xml, "uuid", uuid);
	add_memory(shape);
	add_os(shape);
	add_cpu(shape);
	add_devices(shape);
	add_extras(shape);
	hp_xml_end(xml);
}

// -- node devices --

/* libvirt's names of node devices: pci_0000_3b_00_0. */
static char *underscored(char *name)
{
	for (char *at = name; *at; at++)
		if (strchr(":.-", *at))
			*at = '_';
	return name;
}

static void emit_nodedev(const struct shape *shape, const struct hp_emit_device *device)
{
	struct hp_xml *xml = shape->xml;
	hp_cleanup_free char *parent = underscored(hp_asprintf("pci_%s", device->address));
	hp_cleanup_free char *name =
	    underscored(hp_asprintf("mdev_%s_%s", device->uuid, device->address));
	hp_xml_start(xml, "device");
	hp_xml_element(xml, "name", name);
	hp_xml_element(xml, "parent", parent);
	hp_xml_start(xml, "capability");
	hp_xml_attribute(xml, "type", "mdev");
	hp_xml_start(xml, "type");
	hp_xml_attribute(xml, "id", device->type);
	hp_xml_end_void(xml);
	hp_xml_element(xml, "uuid", device->uuid);
	hp_xml_end(xml);
	hp_xml_end(xml);
}

/* One document a device: each is for one call of `virsh nodedev-define`. */
static int check_nodedevs(const struct shape *shape)
{
	for (size_t i = 0; i < shape->emit->count; i++) {
		const struct hp_emit_device *device = &shape->emit->devices[i];
		if (device->way != HP_WAY_MDEV)
			return hp_refuse(shape->to, NULL,
			                 "%s is no mediated device: libvirt finds it by itself",
			                 device->address);
		if (!device->type)
			return hp_refuse(
			    shape->to, NULL,
			    "the type of the mediated device on %s is not known: give it as "
			    "--share vgpu:nvidia-N",
			    device->address);
	}
	return 0;
}

// -- all together --

static char *own_firmware(const struct hp_emit *emit)
{
	return hp_emit_text(emit, "SELECT guest_firmware FROM intent WHERE host = ?1", NULL);
}

static void settle_iommufd(struct shape *shape)
{
	const struct hp_emit *emit = shape->emit;
	shape->iommufd = hp_vmm_iommufd(emit, shape->to, "qemu");
	if (shape->iommufd && hp_vmm_has(emit, "libvirt", "iommufd-per-device") != 1) {
		hp_note(shape->to, "iommufd is not used: libvirt has it since 12.1.0, and here it "
		                   "is older or not known");
		shape->iommufd = false;
	}
	hp_vmm_peers_or_iommufd(emit, shape->to, &shape->iommufd, shape->cliques,
	                        &shape->clique_count);
}

static void settle(struct shape *shape)
{
	const struct hp_emit *emit = shape->emit;
	hp_cleanup_free char *architecture =
	    hp_emit_text(emit, "SELECT architecture FROM machine WHERE host = ?1", NULL);
	hp_cleanup_free char *firmware = own_firmware(emit);
	shape->functions = hp_vmm_functions(emit, shape->to, &shape->count);
	shape->cliques = hp_calloc(emit->count, sizeof(*shape->cliques));
	shape->clique_count = hp_vmm_cliques(emit, shape->to, shape->cliques);
	settle_iommufd(shape);
	shape->arm = architecture && strcmp(architecture, "aarch64") == 0;
	if (!architecture)
		hp_note(shape->to, "the host's architecture is not known: this is for x86_64");
	if (strcmp(emit->variant, "domain") != 0)
		return;
	shape->page = hp_vmm_page_bytes(emit, shape->to);
	shape->window = hp_vmm_window(emit, shape->to);
	shape->efi = firmware ? strcmp(firmware, "ovmf") == 0
	                      : (emit->wish->image && !emit->wish->kernel) || shape->arm;
	if (!emit->wish->kernel && !emit->wish->image)
		hp_note(shape->to, "nothing is booted yet: --kernel or --image says what");
}

static size_t count_documents(const struct shape *shape)
{
	return strcmp(shape->emit->variant, "hostdev") == 0   ? shape->count
	       : strcmp(shape->emit->variant, "nodedev") == 0 ? shape->emit->count
	                                                      : 1;
}

static void fill(const struct shape *shape, size_t index)
{
	if (strcmp(shape->emit->variant, "hostdev") == 0)
		add_hostdev(shape, &shape->functions[index], false);
	else if (strcmp(shape->emit->variant, "nodedev") == 0)
		emit_nodedev(shape, &shape->emit->devices[index]);
	else
		emit_domain(shape);
}

static int write_one(struct shape *shape, size_t index, struct hp_error *err)
{
	hp_cleanup_free char *text = NULL;
	int code = hp_xml_new(true, &shape->xml, err);
	if (code)
		return code;
	fill(shape, index);
	code = hp_xml_finish(shape->xml, &text, err);
	hp_text_puts(&shape->to->text, text ? text : "");
	hp_xml_free(shape->xml);
	return code;
}

int hp_emit_libvirt(const struct hp_emit *emit, struct hp_emission *to, struct hp_error *err)
{
	struct shape shape = {.emit = emit, .to = to};
	int code = 0;
	settle(&shape);
	if (strcmp(emit->variant, "nodedev") == 0)
		check_nodedevs(&shape);
	for (size_t i = 0; !code && !to->refusal && i < count_documents(&shape); i++)
		code = write_one(&shape, i, err);
	free(shape.functions);
	free(shape.cliques);
	return code;
}
