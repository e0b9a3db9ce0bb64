// Cloud Hypervisor: its command line, and the VmConfig of its REST API.
// SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "emit/argv.h"
#include "emit/emitters.h"
#include "emit/vmm.h"

#include <errno.h>
#include <string.h>

#define VMM         "cloud-hypervisor"
#define PER_SEGMENT 24 // of the 32 slots of a segment's bus; the rest is for its own devices
#define MOST_BITS   46 // its default for the guest's address bits

/* What both forms say. */
struct shape {
	const struct hp_emit *emit;
	struct hp_emission *to;
	char *firmware;
	int64_t page, bits;
	struct hp_vmm_function *functions;
	size_t count;
	int *cliques;
	bool iommufd, no_p2p, viommu;
	int segments; // beside segment 0
};

static int64_t intent_number(const struct hp_emit *emit, const char *column)
{
	hp_cleanup_free char *sql = hp_asprintf("SELECT %s FROM intent WHERE host = ?1", column);
	return hp_emit_number(emit, sql, NULL, -1);
}

/* iommufd maps the BARs of peers from Linux 6.19; before, vfio_p2p_dma=off is needed, and excludes
 * cliques. */
static void settle_iommufd(struct shape *shape, int cliques)
{
	bool peers = hp_vmm_has(shape->emit, "linux", "iommufd-p2p") == 1;
	shape->iommufd = hp_vmm_iommufd(shape->emit, shape->to, VMM);
	if (!peers)
		hp_vmm_peers_or_iommufd(shape->emit, shape->to, &shape->iommufd, shape->cliques,
		                        &cliques);
	shape->no_p2p = shape->iommufd && !peers;
}

static void settle_cliques(struct shape *shape)
{
	const struct hp_emit *emit = shape->emit;
	int count = hp_vmm_cliques(emit, shape->to, shape->cliques);
	int has = hp_vmm_has(emit, VMM, "gpudirect-clique");
	if (count && has == 0) {
		hp_note(shape->to, "this version has no GPUDirect cliques");
		count = 0;
	} else if (count && has < 0) {
		hp_note(shape->to, "x_nv_gpudirect_clique needs version 39.0; which one is here is "
		                   "not known");
	}
	for (size_t i = 0; !count && i < emit->count; i++)
		shape->cliques[i] = -1;
	settle_iommufd(shape, count);
}

static void settle_segments(struct shape *shape)
{
	size_t count = shape->emit->count;
	if (count <= PER_SEGMENT)
		return;
	shape->segments = (int)((count - 1) / PER_SEGMENT);
	if (hp_vmm_has(shape->emit, VMM, "pci-segments") == 0)
		hp_refuse(shape->to, NULL,
		          "%zu devices need PCI segments, which this version has "
		          "not",
		          count);
}

/* It places BARs itself, in what the guest's address bits leave above its memory. */
static void note_limits(const struct shape *shape)
{
	const struct hp_emit *emit = shape->emit;
	int64_t window = hp_emit_window(emit);
	if (window < 0)
		window = hp_emit_listed_window(emit);
	int64_t bits = shape->bits > 0 ? shape->bits : MOST_BITS;
	if (window < 0)
		hp_note(shape->to, "the sizes of the BARs are not known: whether they fit above "
		                   "the guest's memory cannot be told");
	else if (bits < 62 && emit->guest_memory + window > 1LL << bits)
		hp_note(shape->to,
		        "memory and BARs do not fit into %lld address bits: "
		        "max_phys_bits says how many there are",
		        (long long)bits);
	if (hp_vmm_has(emit, VMM, "root-port") != 1)
		hp_note(shape->to, "Cloud Hypervisor has no PCIe root ports: the devices stand on "
		                   "the guest's root bus");
	if (hp_vmm_has(emit, VMM, "prefetchable-bar") == 0)
		hp_note(shape->to,
		        "before version 26.0 BARs lose their prefetchable flag in the guest");
}

static void settle(struct shape *shape)
{
	const struct hp_emit *emit = shape->emit;
	const struct hp_emit_wish *wish = emit->wish;
	shape->cliques = hp_calloc(emit->count, sizeof(*shape->cliques));
	shape->functions = hp_vmm_functions(emit, shape->to, &shape->count);
	shape->page = hp_vmm_page_bytes(emit, shape->to);
	shape->bits = intent_number(emit, "guest_address_bits");
	shape->viommu = intent_number(emit, "viommu") == 1;
	settle_cliques(shape);
	settle_segments(shape);
	note_limits(shape);
	if (wish->image && !wish->kernel) {
		shape->firmware = hp_strdup("CLOUDHV.fd");
		hp_note(shape->to, "CLOUDHV.fd is its EDK2 firmware, from the releases of "
		                   "cloud-hypervisor/edk2: give the path where it lies");
	}
	if (!wish->image && !wish->kernel)
		hp_note(shape->to, "nothing is booted yet: --kernel or --image says what");
}

static const char *command_line(const struct hp_emit *emit)
{
	return emit->wish->append ? emit->wish->append : "console=ttyS0";
}

// -- the command line --

/* Its option parser splits at commas outside of quotes. */
static void add_path(struct hp_text *word, const char *key, const char *path)
{
	const char *quote = strpbrk(path, ",=[]") ? "\"" : "";
	hp_text_printf(word, "%s=%s%s%s", key, quote, path, quote);
}

static void add_boot(const struct shape *shape, struct hp_argv *argv)
{
	const struct hp_emit_wish *wish = shape->emit->wish;
	const struct {
		const char *option, *value;
	} words[] = {
	    {"--firmware", shape->firmware},
	    {"--kernel", wish->kernel},
	    {"--initramfs", wish->kernel ? wish->initrd : NULL},
	    {"--cmdline", wish->kernel ? command_line(shape->emit) : NULL},
	};
	for (size_t i = 0; i < HP_COUNT(words); i++) {
		if (!words[i].value)
			continue;
		hp_argv_add(argv, words[i].option);
		hp_argv_add(argv, words[i].value);
	}
	if (!wish->image)
		return;
	hp_cleanup_text struct hp_text disk = {0};
	add_path(&disk, "path", wish->image);
	hp_argv_add(argv, "--disk");
	hp_argv_add(argv, hp_text_get(&disk));
}

static void add_memory(const struct shape *shape, struct hp_argv *argv)
{
	hp_cleanup_free char *size = hp_vmm_size(shape->emit->guest_memory);
	hp_argv_add(argv, "--memory");
	if (!shape->page) {
		hp_argv_addf(argv, "size=%s", size);
		return;
	}
	hp_cleanup_free char *page = hp_vmm_size(shape->page);
	hp_argv_addf(argv, "size=%s,hugepages=on,hugepage_size=%s", size, page);
}

static void add_platform(const struct shape *shape, struct hp_argv *argv)
{
	hp_cleanup_text struct hp_text word = {0};
	if (shape->segments)
		hp_text_printf(&word, ",num_pci_segments=%d", shape->segments + 1);
	if (shape->iommufd)
		hp_text_puts(&word, ",iommufd=on");
	if (shape->no_p2p)
		hp_text_puts(&word, ",vfio_p2p_dma=off");
	if (!word.length)
		return;
	hp_argv_add(argv, "--platform");
	hp_argv_add(argv, word.data + 1);
}

static void add_device(const struct shape *shape, const struct hp_vmm_function *function,
                       struct hp_argv *argv)
{
	size_t index = function->device->index;
	hp_cleanup_text struct hp_text word = {0};
	hp_text_printf(&word, "path=%s,id=%s", function->path, function->id);
	if (shape->viommu)
		hp_text_puts(&word, ",iommu=on");
	if (shape->segments)
		hp_text_printf(&word, ",pci_segment=%zu", index / PER_SEGMENT);
	if (!function->sibling && shape->cliques[index] >= 0)
		hp_text_printf(&word, ",x_nv_gpudirect_clique=%d", shape->cliques[index]);
	hp_argv_add(argv, hp_text_get(&word));
}

static void add_cpus(const struct shape *shape, struct hp_argv *argv)
{
	hp_argv_add(argv, "--cpus");
	if (shape->bits > 0)
		hp_argv_addf(argv, "boot=%lld,max_phys_bits=%lld", (long long)shape->emit->cpus,
		             (long long)shape->bits);
	else
		hp_argv_addf(argv, "boot=%lld", (long long)shape->emit->cpus);
}

static void emit_argv(const struct shape *shape)
{
	static const char *const console[] = {"--serial", "tty", "--console", "off", "--device"};
	hp_cleanup_argv struct hp_argv argv = {0};
	hp_argv_add(&argv, VMM);
	add_cpus(shape, &argv);
	add_memory(shape, &argv);
	add_boot(shape, &argv);
	add_platform(shape, &argv);
	for (size_t i = 0; i < HP_COUNT(console); i++)
		hp_argv_add(&argv, console[i]);
	for (size_t i = 0; i < shape->count; i++)
		add_device(shape, &shape->functions[i], &argv);
	hp_argv_text(&shape->to->text, &argv);
}

// -- the API --

static json_t *memory_json(const struct shape *shape)
{
	json_t *memory = json_pack("{s:I}", "size", (json_int_t)shape->emit->guest_memory);
	if (!shape->page)
		return memory;
	json_object_set_new(memory, "hugepages", json_true());
	json_object_set_new(memory, "hugepage_size", json_integer(shape->page));
	return memory;
}

static json_t *payload_json(const struct shape *shape)
{
	const struct hp_emit_wish *wish = shape->emit->wish;
	json_t *payload = json_object();
	if (shape->firmware)
		json_object_set_new(payload, "firmware", json_string(shape->firmware));
	if (!wish->kernel)
		return payload;
	json_object_set_new(payload, "kernel", json_string(wish->kernel));
	json_object_set_new(payload, "cmdline", json_string(command_line(shape->emit)));
	if (wish->initrd)
		json_object_set_new(payload, "initramfs", json_string(wish->initrd));
	return payload;
}

static json_t *device_json(const struct shape *shape, const struct hp_vmm_function *function)
{
	size_t index = function->device->index;
	json_t *device = json_pack("{s:s, s:s}", "path", function->path, "id", function->id);
	if (shape->viommu)
		json_object_set_new(device, "iommu", json_true());
	if (shape->segments)
		json_object_set_new(device, "pci_segment",
		                    json_integer((json_int_t)(index / PER_SEGMENT)));
	if (!function->sibling && shape->cliques[index] >= 0)
		json_object_set_new(device, "x_nv_gpudirect_clique",
		                    json_integer(shape->cliques[index]));
	return device;
}

static json_t *platform_json(const struct shape *shape)
{
	json_t *platform = json_object();
	if (shape->segments)
		json_object_set_new(platform, "num_pci_segments",
		                    json_integer(shape->segments + 1));
	if (shape->iommufd)
		json_object_set_new(platform, "iommufd", json_true());
	if (shape->no_p2p)
		json_object_set_new(platform, "vfio_p2p_dma", json_false());
	return platform;
}

static json_t *cpus_json(const struct shape *shape)
{
	json_int_t count = shape->emit->cpus;
	json_t *cpus = json_pack("{s:I, s:I}", "boot_vcpus", count, "max_vcpus", count);
	if (shape->bits > 0)
		json_object_set_new(cpus, "max_phys_bits", json_integer(shape->bits));
	return cpus;
}

static json_t *config_json(const struct shape *shape)
{
	json_t *devices = json_array(), *platform = platform_json(shape);
	for (size_t i = 0; i < shape->count; i++)
		json_array_append_new(devices, device_json(shape, &shape->functions[i]));
	json_t *config =
	    json_pack("{s:o, s:o, s:o, s:{s:s}, s:{s:s}, s:o}", "cpus", cpus_json(shape), "memory",
	              memory_json(shape), "payload", payload_json(shape), "serial", "mode", "Tty",
	              "console", "mode", "Off", "devices", devices);
	if (shape->emit->wish->image)
		json_object_set_new(config, "disks",
		                    json_pack("[{s:s}]", "path", shape->emit->wish->image));
	if (json_object_size(platform))
		json_object_set(config, "platform", platform);
	json_decref(platform);
	return config;
}

int hp_emit_cloud_hypervisor(const struct hp_emit *emit, struct hp_emission *to,
                             struct hp_error *err)
{
	struct shape shape = {.emit = emit, .to = to};
	settle(&shape);
	if (!to->refusal && strcmp(emit->variant, "json") == 0)
		to->document = config_json(&shape);
	else if (!to->refusal)
		emit_argv(&shape);
	bool failed = !to->refusal && strcmp(emit->variant, "json") == 0 && !to->document;
	free(shape.cliques);
	free(shape.firmware);
	free(shape.functions);
	return failed ? hp_fail(err, -EINVAL, "a path or an argument is no valid text") : 0;
}
