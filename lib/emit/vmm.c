// What the VMMs' formats ask of a host. SPDX-License-Identifier: Apache-2.0
#include "emit/vmm.h"

#include "base/cleanup.h"

#include <string.h>

#define GIB (1LL << 30)
#define MIB (1LL << 20)

// -- versions --

int hp_vmm_has(const struct hp_emit *emit, const char *vmm, const char *feature)
{
	hp_cleanup_free char *sql = hp_asprintf(
	    "SELECT CASE WHEN f.since = 'none' THEN 0 WHEN f.since IS NULL THEN 1"
	    " WHEN v.version_key >= f.since_key THEN 1 WHEN v.version_key < f.since_key THEN 0"
	    " ELSE -1 END FROM vmm_feature f LEFT JOIN (SELECT coalesce((SELECT vmm_version_key"
	    " FROM intent WHERE host = ?1 AND vmm = '%s'), (SELECT version_key FROM software"
	    " WHERE host = ?1 AND name = '%s' AND version NOT IN ('none', 'present')), (SELECT"
	    " release_key FROM kernel WHERE host = ?1 AND '%s' = 'linux')) AS version_key) v WHERE "
	    "f.vmm = '%s' AND f.feature = ?2",
	    vmm, vmm, vmm, vmm);
	return (int)hp_emit_number(emit, sql, feature, -1);
}

char *hp_vmm_since(const struct hp_emit *emit, const char *vmm, const char *feature)
{
	hp_cleanup_free char *sql =
	    hp_asprintf("SELECT since FROM vmm_feature WHERE ?1 IS NOT NULL AND vmm = '%s'"
	                " AND feature = ?2",
	                vmm);
	return hp_emit_text(emit, sql, feature);
}

bool hp_vmm_iommufd(const struct hp_emit *emit, struct hp_emission *to, const char *vmm)
{
	if (!emit->iommufd)
		return false;
	hp_cleanup_free char *since = hp_vmm_since(emit, vmm, "iommufd");
	bool asked = emit->wish->iommufd > 0;
	int has = hp_vmm_has(emit, vmm, "iommufd");
	if (has == 0 && asked)
		hp_note(to, "iommufd was asked for, and is not used: %s",
		        since && strcmp(since, "none") == 0 ? "no release of this VMM has it"
		                                            : "this version has it not");
	if (has == 0)
		return false;
	if (has < 0 && !asked)
		hp_note(to,
		        "the host has iommufd; it is not used, since the version of %s is not "
		        "known (%s has it)",
		        vmm, since ? since : "?");
	else if (has < 0)
		hp_note(to, "iommufd needs %s %s; which version is here is not known", vmm,
		        since ? since : "?");
	return has > 0 || asked;
}

// -- memory --

char *hp_vmm_size(int64_t bytes)
{
	static const char units[] = "TGMK";
	for (size_t i = 0; i < sizeof(units) - 1; i++) {
		int64_t unit = 1LL << (40 - 10 * (int)i);
		if (bytes >= unit && bytes % unit == 0)
			return hp_asprintf("%lld%c", (long long)(bytes / unit), units[i]);
	}
	return hp_asprintf("%lld", (long long)bytes);
}

static int64_t memory_number(const struct hp_emit *emit, const char *column)
{
	hp_cleanup_free char *sql = hp_asprintf("SELECT %s FROM memory WHERE host = ?1", column);
	return hp_emit_number(emit, sql, NULL, -1);
}

/* Numbers of a host come from strangers. */
static int64_t bytes_of(int64_t pages, int64_t page)
{
	return pages < 0 || pages > INT64_MAX / page ? -1 : pages * page;
}

/* Free pages of that size on the host, in bytes; -1: not known. */
static int64_t free_bytes(const struct hp_emit *emit, int64_t page)
{
	if (page == GIB)
		return bytes_of(memory_number(emit, "hugepages_1g_free"), page);
	if (memory_number(emit, "hugepage_bytes") != page)
		return -1;
	return bytes_of(memory_number(emit, "hugepages_free"), page);
}

static int64_t asked_page(const struct hp_emit *emit)
{
	return hp_emit_number(emit,
	                      "SELECT coalesce(guest_page_bytes, CASE hugepages WHEN 1 THEN 2097152"
	                      " WHEN 0 THEN 4096 END) FROM intent WHERE host = ?1",
	                      NULL, -1);
}

static void note_pages(const struct hp_emit *emit, struct hp_emission *to, int64_t page)
{
	hp_cleanup_free char *wanted = hp_size_text(emit->guest_memory);
	hp_cleanup_free char *size = hp_size_text(page);
	int64_t free_now = free_bytes(emit, page);
	if (free_now < 0) {
		hp_note(to, "whether the host has pages of %s for %s free is not known", size,
		        wanted);
		return;
	}
	hp_cleanup_free char *has = hp_size_text(free_now);
	if (free_now < emit->guest_memory)
		hp_note(to, "the guest's %s are to be in pages of %s, of which %s are free", wanted,
		        size, has);
}

int64_t hp_vmm_page_bytes(const struct hp_emit *emit, struct hp_emission *to)
{
	int64_t asked = asked_page(emit);
	if (asked >= 2 * MIB && emit->guest_memory % asked == 0) {
		note_pages(emit, to, asked);
		return asked;
	}
	if (asked > 0)
		return 0;
	static const int64_t sizes[] = {GIB, 2 * MIB};
	for (size_t i = 0; i < HP_COUNT(sizes); i++)
		if (emit->guest_memory % sizes[i] == 0 &&
		    free_bytes(emit, sizes[i]) >= emit->guest_memory)
			return sizes[i];
	hp_note(to, "the guest's memory is in ordinary pages, which takes longest to pin: the host "
	            "has not enough huge pages free, or it is not known");
	return 0;
}

int64_t hp_vmm_node(const struct hp_emit *emit)
{
	int64_t node = -1;
	for (size_t i = 0; i < emit->count; i++) {
		int64_t own = hp_emit_number(
		    emit, "SELECT numa_node FROM accelerator WHERE host = ?1 AND address = ?2",
		    emit->devices[i].accelerator->address, -1);
		if (own < 0 || (i && own != node))
			return -1;
		node = own;
	}
	return node;
}

// -- peers --

/* The generations that are known to take the hint (cloud-hypervisor/cloud-hypervisor:docs/vfio.md);
 * the driver of consumer boards has no peer-to-peer by PCIe. Peers are below one switch: between
 * root ports it is up to the platform, which the host's facts do not tell. */
static char *switch_above(const struct hp_emit *emit, const char *address)
{
	return hp_emit_text(
	    emit,
	    "SELECT p.ancestor FROM accelerator a JOIN pci_ancestor p ON p.host = a.host AND"
	    " p.address = a.address JOIN pci_function f ON f.host = p.host AND"
	    " f.address = p.ancestor WHERE a.host = ?1 AND a.address = ?2 AND a.vendor = '10de'"
	    " AND a.generation IN ('turing', 'ampere', 'ada', 'hopper')"
	    " AND a.segment NOT IN ('consumer', 'mobile') AND f.port_type = 'upstream'"
	    " ORDER BY p.depth DESC LIMIT 1",
	    address);
}

/* Numbers those of the same switch alike, where there are two or more. */
static int number_cliques(char *const *switches, size_t count, int *ret)
{
	int cliques = 0;
	for (size_t i = 0; i < count; i++) {
		bool fresh = ret[i] < 0 && switches[i] && cliques < 16;
		int found = -1;
		for (size_t k = i + 1; fresh && k < count; k++) {
			if (!switches[k] || strcmp(switches[i], switches[k]) != 0)
				continue;
			found = found < 0 ? cliques++ : found;
			ret[i] = ret[k] = found;
		}
	}
	return cliques;
}

int hp_vmm_cliques(const struct hp_emit *emit, struct hp_emission *to, int *ret)
{
	char **switches = hp_calloc(emit->count, sizeof(*switches));
	for (size_t i = 0; i < emit->count; i++) {
		ret[i] = -1;
		if (emit->devices[i].way == HP_WAY_VFIO && !emit->devices[i].accelerator->is_vf)
			switches[i] = switch_above(emit, emit->devices[i].address);
	}
	int cliques = number_cliques(switches, emit->count, ret);
	for (size_t i = 0; i < emit->count; i++)
		free(switches[i]);
	free(switches);
	if (cliques)
		hp_note(to, "GPUs below one PCIe switch are given the same GPUDirect clique: the "
		            "guest's driver then takes for granted that they reach each other");
	return cliques;
}

void hp_vmm_peers_or_iommufd(const struct hp_emit *emit, struct hp_emission *to, bool *iommufd,
                             int *cliques, int *count)
{
	if (!*iommufd || !*count)
		return;
	if (emit->wish->iommufd <= 0) {
		hp_note(to, "VFIO goes by groups: by iommufd no BARs of peers are mapped, which "
		            "GPUDirect cliques need");
		*iommufd = false;
		return;
	}
	hp_note(to, "by iommufd no BARs of peers are mapped: GPUDirect cliques are left out");
	*count = 0;
	for (size_t i = 0; i < emit->count; i++)
		cliques[i] = -1;
}

// -- the window --

/* The guest's addresses are its memory, the hole below 4 GiB, then the window. */
static void note_bits(const struct hp_emit *emit, struct hp_emission *to, int64_t window)
{
	int64_t bits = hp_emit_number(emit,
	                              "SELECT coalesce(i.guest_address_bits,"
	                              " c.physical_address_bits) FROM (SELECT 1)"
	                              " LEFT JOIN intent i ON i.host = ?1"
	                              " LEFT JOIN cpu c ON c.host = ?1",
	                              NULL, -1);
	hp_cleanup_free char *size = hp_size_text(window);
	if (bits > 0 && bits < 62 &&
	    (double)emit->guest_memory + (double)window + 4 * GIB > (double)(1LL << bits))
		hp_note(to,
		        "memory and a window of %s do not fit into %lld address bits: the VMM may "
		        "refuse to start, or leave BARs without an address",
		        size, (long long)bits);
}

/* What a vGPU's BARs are is up to its type: nobody can tell beforehand. */
static int64_t needed_window(const struct hp_emit *emit, struct hp_emission *to)
{
	for (size_t i = 0; i < emit->count; i++)
		if (emit->devices[i].way == HP_WAY_MDEV)
			return -1;
	int64_t window = hp_emit_window(emit);
	if (window >= 0)
		return window;
	window = hp_emit_listed_window(emit);
	if (window >= 0)
		hp_note(to, "the BARs of these devices are not known: the window is for what such "
		            "boards were seen with");
	return window;
}

int64_t hp_vmm_window(const struct hp_emit *emit, struct hp_emission *to)
{
	int64_t asked =
	    hp_emit_number(emit, "SELECT guest_mmio64_bytes FROM intent WHERE host = ?1", NULL, -1);
	int64_t window = asked > 0 ? asked : needed_window(emit, to);
	if (window < 0)
		hp_note(to, "the sizes of the BARs are not known: the 64-bit window is the VMM's "
		            "own (32 GiB on QEMU's q35)");
	else
		note_bits(emit, to, window);
	return window;
}

const char *hp_vmm_disk_format(const char *image)
{
	static const char *const known[][2] = {
	    {".qcow2", "qcow2"}, {".vmdk", "vmdk"}, {".vdi", "vdi"}, {".vhdx", "vhdx"}};
	for (size_t i = 0; i < HP_COUNT(known); i++)
		if (hp_ends_with(image, known[i][0]))
			return known[i][1];
	return "raw";
}

// -- the group --

char hp_vmm_digit(const char *address)
{
	size_t length = strlen(address);
	return length ? address[length - 1] : '0';
}

static bool is_same_slot(const char *a, const char *b)
{
	size_t length = strcspn(a, ".");
	return a[length] && strncmp(a, b, length + 1) == 0;
}

void hp_vmm_siblings(const struct hp_emit_device *device, struct hp_emission *to,
                     struct hp_argv *ret)
{
	hp_cleanup_free char *list = device->companions ? hp_strdup(device->companions) : NULL;
	char *rest = list;
	for (char *one; (one = strsep(&rest, ","));) {
		one += strspn(one, " ");
		size_t length = strcspn(one, " ");
		bool vfio = strstr(one + length, "vfio") || strstr(one + length, "none");
		one[length] = '\0';
		if (is_same_slot(one, device->address))
			hp_argv_add(ret, one);
		else if (!vfio)
			hp_note(
			    to,
			    "%s is in the IOMMU group of %s: it too has to be bound to vfio-pci, "
			    "or to no driver",
			    one, device->address);
	}
}

static void fill(struct hp_vmm_function *function, const struct hp_emit_device *device,
                 const char *sibling)
{
	const char *address = sibling ? sibling : device->address;
	*function = (struct hp_vmm_function){.device = device, .sibling = sibling};
	snprintf(function->address, sizeof(function->address), "%s", address);
	if (!sibling && device->way == HP_WAY_MDEV)
		snprintf(function->path, sizeof(function->path), "/sys/bus/mdev/devices/%s",
		         device->uuid);
	else
		snprintf(function->path, sizeof(function->path), "/sys/bus/pci/devices/%s",
		         address);
	snprintf(function->id, sizeof(function->id), sibling ? "gpu%zu-%c" : "gpu%zu",
	         device->index, hp_vmm_digit(address));
}

struct hp_vmm_function *hp_vmm_functions(const struct hp_emit *emit, struct hp_emission *to,
                                         size_t *ret_count)
{
	struct hp_vmm_function *list = NULL;
	*ret_count = 0;
	for (size_t i = 0; i < emit->count; i++) {
		hp_cleanup_argv struct hp_argv siblings = {0};
		hp_vmm_siblings(&emit->devices[i], to, &siblings);
		list = hp_realloc(list, (*ret_count + 1 + siblings.count) * sizeof(*list));
		fill(&list[(*ret_count)++], &emit->devices[i], NULL);
		for (size_t k = 0; k < siblings.count; k++)
			fill(&list[(*ret_count)++], &emit->devices[i], siblings.words[k]);
	}
	return list;
}

// -- ids --

static char *others_of(const struct hp_emit *emit, const struct hp_vmm_function *functions,
                       size_t count, const char *id)
{
	hp_cleanup_free char *all =
	    hp_emit_text(emit,
	                 "SELECT sorted_list(address) FROM pci_function WHERE host = ?1"
	                 " AND vendor || ':' || device = ?2",
	                 id);
	struct hp_text others = {0};
	char *rest = all;
	for (char *one; (one = strsep(&rest, ","));) {
		bool given = false;
		one += strspn(one, " ");
		for (size_t i = 0; i < count; i++)
			given |= strcmp(functions[i].address, one) == 0;
		if (!given)
			hp_text_printf(&others, "%s%s", others.length ? ", " : "", one);
	}
	return others.data;
}

void hp_vmm_ids(const struct hp_emit *emit, struct hp_emission *to, struct hp_text *ids)
{
	size_t count;
	hp_cleanup_free struct hp_vmm_function *functions = hp_vmm_functions(emit, to, &count);
	for (size_t i = 0; i < count; i++) {
		hp_cleanup_free char *id =
		    hp_emit_text(emit,
		                 "SELECT vendor || ':' || device FROM pci_function WHERE host = ?1 "
		                 "AND address = ?2",
		                 functions[i].address);
		if (!id || functions[i].device->way != HP_WAY_VFIO || strstr(hp_text_get(ids), id))
			continue;
		hp_text_printf(ids, "%s%s", ids->length ? "," : "", id);
		hp_cleanup_free char *others = others_of(emit, functions, count, id);
		if (others)
			hp_note(to,
			        "vfio-pci goes by ids: it takes %s as well, which %s not asked for",
			        others, strchr(others, ',') ? "were" : "was");
	}
}
