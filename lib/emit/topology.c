// The tree of a host: read, judged, folded. SPDX-License-Identifier: Apache-2.0
#include "emit/topology.h"
#include "base/cleanup.h"
#include "base/database.h"
#include "base/pool.h"
#include "judge/digest.h"

#include <string.h>

/* A PCI function as the facts have it. */
struct function {
	const char *address, *vendor, *device, *class, *driver, *parent, *physical_function, *group,
	    *numa_node, *link_speed, *link_speed_max, *port_type, *header_type, *acs, *vendor_name,
	    *fabric, *vgpu_type, *accelerator_name;
	long long link_width, link_width_max; // -1: unknown
	const struct hp_accelerator *accelerator;
	size_t above;       // the bridge above it, or the PF of a VF; HP_TOPOLOGY_TOP on a root bus
	size_t first_below; // its children, a list by `next`
	size_t next;
	bool group_predicted;
	bool matters; // it, or something below it
	enum hp_topology_kind kind;
};

struct builder {
	const struct hp_verdict_host *host;
	struct hp_topology *topology;
	struct hp_pool *pool;
	struct function *functions;
	size_t count, size;
	size_t node_size;
	bool all, iommu_off;
};

// -- words --

static const char *const kind_names[] = {
    [HP_TOPOLOGY_NODE] = "numa-node", [HP_TOPOLOGY_ROOT] = "root-bus",
    [HP_TOPOLOGY_PORT] = "root-port", [HP_TOPOLOGY_SWITCH] = "switch",
    [HP_TOPOLOGY_DOWN] = "port",      [HP_TOPOLOGY_ACCELERATOR] = "accelerator",
    [HP_TOPOLOGY_VF] = "vf",          [HP_TOPOLOGY_FABRIC] = "fabric",
    [HP_TOPOLOGY_NIC] = "nic",        [HP_TOPOLOGY_NVME] = "nvme",
    [HP_TOPOLOGY_OTHER] = "other",    [HP_TOPOLOGY_FOLD] = "folded",
};

const char *hp_topology_kind_name(enum hp_topology_kind kind)
{
	return kind_names[kind];
}

static const char *const color_titles[] = {
    [HP_TOPOLOGY_READY] = "on the path, ready",
    [HP_TOPOLOGY_NEAR] = "on the path, reachable",
    [HP_TOPOLOGY_CAUTION] = "caution, ready or reachable",
    [HP_TOPOLOGY_OPEN] = "not known",
    [HP_TOPOLOGY_OFF] = "off the path, or unreachable",
    [HP_TOPOLOGY_PLAIN] = "not judged",
};

const char *hp_topology_color_title(enum hp_topology_color color)
{
	return color_titles[color];
}

/* What a class says of a function, the more digits the better. */
static const struct {
	const char *prefix, *words;
} classes[] = {
    {"0104", "RAID"},
    {"0106", "SATA"},
    {"0107", "SAS"},
    {"0108", "NVMe"},
    {"01", "storage"},
    {"0200", "Ethernet"},
    {"0207", "InfiniBand"},
    {"02", "network"},
    {"0300", "VGA"},
    {"03", "display"},
    {"0403", "audio"},
    {"04", "multimedia"},
    {"0580", "memory"},
    {"0600", "host bridge"},
    {"0601", "ISA bridge"},
    {"0604", "PCI bridge"},
    {"0680", "bridge"},
    {"0700", "serial"},
    {"0805", "SD host"},
    {"08", "system"},
    {"0c03", "USB"},
    {"0c05", "SMBus"},
    {"0c", "serial bus"},
    {"1101", "performance counters"},
    {"12", "processing accelerator"},
    {"05", "memory"},
    {"06", "bridge"},
    {"07", "communication"},
};

static const char *class_words(const char *class)
{
	for (size_t i = 0; class && i < HP_COUNT(classes); i++)
		if (hp_starts_with(class, classes[i].prefix))
			return classes[i].words;
	return "device";
}

static bool has_class(const struct function *function, const char *prefix)
{
	return function->class && hp_starts_with(function->class, prefix);
}

static bool is(const char *text, const char *word)
{
	return text && strcmp(text, word) == 0;
}

/* What is known and not none. */
static const char *some(const char *text)
{
	return is(text, "none") ? NULL : text;
}

// -- reading --

static const char functions_sql[] =
    "SELECT f.address, f.vendor, f.device, f.class, f.driver, f.parent, f.physical_function,"
    " f.iommu_group, CAST(f.numa_node AS TEXT), f.link_speed, f.link_speed_max, f.port_type,"
    " f.header_type, CASE WHEN i.state = 'off' THEN f.acs_capable ELSE f.acs_enabled END, v.name,"
    " (SELECT d.name FROM fabric_device d WHERE d.vendor = f.vendor"
    "  AND f.device BETWEEN d.device_first AND d.device_last), f.vgpu_type_current,"
    " coalesce(f.link_width, -1), coalesce(f.link_width_max, -1),"
    " coalesce(f.iommu_group_origin, '') = 'predicted'"
    " FROM pci_function f LEFT JOIN vendor v ON v.vendor = f.vendor"
    " LEFT JOIN iommu i ON i.host = f.host WHERE f.host = ?1 ORDER BY f.address";

static void read_function(struct builder *builder, sqlite3_stmt *row)
{
	if (builder->count == builder->size) {
		builder->size = builder->size ? 2 * builder->size : 256;
		builder->functions =
		    hp_realloc(builder->functions, builder->size * sizeof(*builder->functions));
	}
	struct function *function = &builder->functions[builder->count++];
	*function = (struct function){.above = HP_TOPOLOGY_TOP,
	                              .first_below = HP_TOPOLOGY_TOP,
	                              .next = HP_TOPOLOGY_TOP,
	                              .link_width = sqlite3_column_int64(row, 17),
	                              .link_width_max = sqlite3_column_int64(row, 18),
	                              .group_predicted = sqlite3_column_int(row, 19)};
	const char **texts[] = {
	    &function->address,
	    &function->vendor,
	    &function->device,
	    &function->class,
	    &function->driver,
	    &function->parent,
	    &function->physical_function,
	    &function->group,
	    &function->numa_node,
	    &function->link_speed,
	    &function->link_speed_max,
	    &function->port_type,
	    &function->header_type,
	    &function->acs,
	    &function->vendor_name,
	    &function->fabric,
	    &function->vgpu_type,
	};
	for (size_t i = 0; i < HP_COUNT(texts); i++)
		*texts[i] = hp_pool_strdup(builder->pool, hp_db_text(row, (int)i));
}

static int by_address(const void *key, const void *item)
{
	return strcmp(key, ((const struct function *)item)->address);
}

static size_t find(const struct builder *builder, const char *address)
{
	const struct function *found = address && builder->count
	                                   ? bsearch(address, builder->functions, builder->count,
	                                             sizeof(*builder->functions), by_address)
	                                   : NULL;
	return found ? (size_t)(found - builder->functions) : HP_TOPOLOGY_TOP;
}

static int read_functions(struct builder *builder, sqlite3 *db, struct hp_error *err)
{
	hp_cleanup_statement sqlite3_stmt *rows = NULL;
	int code = hp_db_prepare(db, functions_sql, &rows, err);
	if (code)
		return code;
	sqlite3_bind_text(rows, 1, builder->host->name, -1, SQLITE_STATIC);
	while ((code = hp_db_step(rows, err)) == 1)
		read_function(builder, rows);
	for (size_t i = 0; i < builder->host->accelerator_count; i++) {
		size_t at = find(builder, builder->host->accelerators[i].address);
		if (at != HP_TOPOLOGY_TOP)
			builder->functions[at].accelerator = &builder->host->accelerators[i];
	}
	return code;
}

// -- what is what --

enum { DEEPEST = 64 }; // a bus number has a byte: no honest tree is deeper, and no circle ends

static size_t above(const struct builder *builder, const struct function *function)
{
	size_t at = find(builder, some(function->physical_function));
	return at == HP_TOPOLOGY_TOP ? find(builder, some(function->parent)) : at;
}

static bool is_rooted(const struct builder *builder, size_t at)
{
	size_t steps = 0;
	while (at != HP_TOPOLOGY_TOP && steps++ < DEEPEST)
		at = builder->functions[at].above;
	return at == HP_TOPOLOGY_TOP;
}

static void hang(struct builder *builder)
{
	struct function *functions = builder->functions;
	for (size_t i = 0; i < builder->count; i++)
		functions[i].above = above(builder, &functions[i]);
	for (size_t i = 0; i < builder->count; i++)
		if (!is_rooted(builder, i))
			functions[i].above = HP_TOPOLOGY_TOP;
	for (size_t i = builder->count; i-- > 0;) {
		if (functions[i].above == HP_TOPOLOGY_TOP)
			continue;
		functions[i].next = functions[functions[i].above].first_below;
		functions[functions[i].above].first_below = i;
	}
}

static bool is_bridge(const struct builder *builder, size_t at)
{
	const struct function *function = &builder->functions[at];
	size_t below = function->first_below;
	return is(function->header_type, "bridge") || has_class(function, "0604") ||
	       (below != HP_TOPOLOGY_TOP && !some(builder->functions[below].physical_function));
}

static enum hp_topology_kind bridge_kind(const struct builder *builder,
                                         const struct function *function)
{
	if (is(function->port_type, "downstream"))
		return HP_TOPOLOGY_DOWN;
	if (function->above == HP_TOPOLOGY_TOP)
		return HP_TOPOLOGY_PORT;
	/* Where config space was not read: a bridge below one that is no port of a switch. */
	return !function->port_type &&
	               builder->functions[function->above].kind == HP_TOPOLOGY_SWITCH
	           ? HP_TOPOLOGY_DOWN
	           : HP_TOPOLOGY_SWITCH;
}

static enum hp_topology_kind kind_of(const struct builder *builder, size_t at)
{
	const struct function *function = &builder->functions[at];
	if (function->above != HP_TOPOLOGY_TOP && some(function->physical_function))
		return HP_TOPOLOGY_VF;
	if (function->accelerator)
		return HP_TOPOLOGY_ACCELERATOR;
	if (function->fabric)
		return HP_TOPOLOGY_FABRIC;
	if (is_bridge(builder, at))
		return bridge_kind(builder, function);
	if (has_class(function, "02"))
		return HP_TOPOLOGY_NIC;
	return has_class(function, "0108") ? HP_TOPOLOGY_NVME : HP_TOPOLOGY_OTHER;
}

static bool is_port(enum hp_topology_kind kind)
{
	return kind == HP_TOPOLOGY_PORT || kind == HP_TOPOLOGY_SWITCH || kind == HP_TOPOLOGY_DOWN;
}

/* Others in the group of an accelerator go where it goes. */
static bool shares_group(const struct builder *builder, const struct function *function)
{
	const char *group = some(function->group);
	for (size_t i = 0; group && i < builder->host->accelerator_count; i++)
		if (is(builder->host->accelerators[i].iommu_group, group))
			return true;
	return false;
}

static bool matters(const struct builder *builder, const struct function *function)
{
	if (builder->all)
		return true;
	if (is_port(function->kind))
		return false; // by what is below it
	return function->kind != HP_TOPOLOGY_OTHER || shares_group(builder, function);
}

static void set_kind(struct builder *builder, size_t at)
{
	struct function *function = &builder->functions[at];
	function->kind = kind_of(builder, at);
	function->matters = matters(builder, function);
	for (size_t i = function->first_below; i != HP_TOPOLOGY_TOP;
	     i = builder->functions[i].next) {
		set_kind(builder, i);
		function->matters |= builder->functions[i].matters;
	}
}

// -- who reaches whom --

/* Of a port of a switch with neighbours: 1 it sends their requests up to the IOMMU, 0 it may not,
 * -1 unknown; -2 if it is no such port. As the rule peer-bypasses-iommu sees it. */
static int redirects(const struct builder *builder, size_t at)
{
	const struct function *port = &builder->functions[at];
	if (port->above == HP_TOPOLOGY_TOP ||
	    (port->port_type && !is(port->port_type, "downstream")))
		return -2;
	size_t ports = 0;
	for (size_t i = builder->functions[port->above].first_below; i != HP_TOPOLOGY_TOP;
	     i = builder->functions[i].next)
		ports++;
	if (ports < 2)
		return -2;
	if (!port->port_type || !port->acs)
		return -1;
	hp_cleanup_free char *words = hp_strdup(port->acs);
	for (char *at_ = words; *at_; at_++)
		*at_ = *at_ == '+' ? ' ' : *at_;
	return hp_has_word(words, "RR") && hp_has_word(words, "CR");
}

static enum hp_topology_peers peers_of(const struct builder *builder, size_t at)
{
	const struct function *function = &builder->functions[at];
	bool unsure = false;
	size_t top = at;
	for (size_t above = function->above; above != HP_TOPOLOGY_TOP;
	     above = builder->functions[above].above) {
		int redirect =
		    is_port(builder->functions[above].kind) ? redirects(builder, above) : -2;
		if (redirect == 0)
			return HP_TOPOLOGY_PEERS_BYPASS;
		unsure |= redirect == -1;
		top = above;
	}
	bool rooted = is(builder->functions[top].parent, "none");
	return rooted && !unsure ? HP_TOPOLOGY_PEERS_REDIRECTED : HP_TOPOLOGY_PEERS_UNKNOWN;
}

// -- verdicts --

static enum hp_topology_color color_of(const struct hp_offer *offer)
{
	if (offer->path == HP_PATH_OFF || offer->readiness == HP_READINESS_UNREACHABLE)
		return HP_TOPOLOGY_OFF;
	if (offer->path == HP_PATH_UNKNOWN || offer->readiness == HP_READINESS_UNKNOWN)
		return HP_TOPOLOGY_OPEN;
	if (offer->path == HP_PATH_CAUTION)
		return HP_TOPOLOGY_CAUTION;
	return offer->readiness == HP_READINESS_READY ? HP_TOPOLOGY_READY : HP_TOPOLOGY_NEAR;
}

static bool is_better(const struct hp_offer *offer, const struct hp_offer *best)
{
	if (!best)
		return true;
	enum hp_topology_color a = color_of(offer), b = color_of(best);
	return a != b ? a < b : hp_offer_goodness(offer) < hp_offer_goodness(best);
}

/* The best of those in use, else of the nine surfaces on a system that is probed, else of all. */
static const struct hp_offer *best_offer(const struct hp_accelerator *accelerator)
{
	for (int round = 0; round < 3; round++) {
		const struct hp_offer *best = NULL;
		for (size_t i = 0; i < accelerator->offer_count; i++) {
			const struct hp_offer *offer = &accelerator->offers[i];
			bool asked = round == 0 ? offer->in_use
			             : round == 1
			                 ? offer->surface->first_nine && offer->surface->probed
			                 : true;
			if (asked && is_better(offer, best))
				best = offer;
		}
		if (best)
			return best;
	}
	return NULL;
}

char *hp_topology_verdict(const struct hp_topology_node *node)
{
	const struct hp_offer *offer = node->offer;
	if (!offer)
		return NULL;
	bool way = offer->distance != HP_DISTANCE_NONE;
	return hp_asprintf("%s%s%s: path %s, %s%s%s%s", offer->surface->surface,
	                   is(offer->surface->share, "whole") ? "" : ":",
	                   is(offer->surface->share, "whole") ? "" : offer->surface->share,
	                   hp_path_name(offer->path), hp_readiness_name(offer->readiness),
	                   way ? " (" : "", way ? hp_distance_name(offer->distance) : "",
	                   way ? ")" : "");
}

// -- nodes --

static struct hp_topology_node *add_node(struct builder *builder, enum hp_topology_kind kind,
                                         size_t parent)
{
	struct hp_topology *topology = builder->topology;
	if (topology->count == builder->node_size) {
		builder->node_size = builder->node_size ? 2 * builder->node_size : 64;
		topology->nodes =
		    hp_realloc(topology->nodes, builder->node_size * sizeof(*topology->nodes));
	}
	struct hp_topology_node *node = &topology->nodes[topology->count++];
	size_t depth = parent == HP_TOPOLOGY_TOP ? 0 : topology->nodes[parent].depth + 1;
	*node = (struct hp_topology_node){
	    .kind = kind, .parent = parent, .depth = depth, .count = 1, .color = HP_TOPOLOGY_PLAIN};
	return node;
}

/* "32.0 GT/s x16" */
static const char *link_words(struct builder *builder, const char *speed, long long width)
{
	if (!some(speed) || width <= 0 || hp_starts_with(speed, "Unknown"))
		return NULL;
	size_t length = strcspn(speed, "P"); // "32.0 GT/s PCIe"
	while (length && speed[length - 1] == ' ')
		length--;
	return hp_pool_printf(builder->pool, "%.*s x%lld", (int)length, speed, width);
}

static const char *what_of(struct builder *builder, const struct function *function)
{
	static const struct {
		const char *type, *words;
	} ports[] = {
	    {"root-port", "root port"},
	    {"upstream", "switch"},
	    {"downstream", "switch port"},
	    {"pcie-to-pci", "PCIe-to-PCI bridge"},
	    {"pci-to-pcie", "PCI-to-PCIe bridge"},
	};
	if (function->fabric)
		return function->fabric;
	if (function->accelerator && function->accelerator->name)
		return function->accelerator->name;
	for (size_t i = 0; i < HP_COUNT(ports); i++)
		if (is(function->port_type, ports[i].type) && is_port(function->kind))
			return ports[i].words;
	const char *class = is_port(function->kind) ? "PCI bridge" : class_words(function->class);
	return function->vendor_name
	           ? hp_pool_printf(builder->pool, "%s %s", function->vendor_name, class)
	           : class;
}

static void describe(struct builder *builder, size_t at, struct hp_topology_node *node)
{
	const struct function *function = &builder->functions[at];
	node->address = function->address;
	node->what = what_of(builder, function);
	node->vendor = function->vendor;
	node->device = function->device;
	node->driver = function->driver;
	node->group = function->group;
	node->group_predicted = function->group_predicted;
	node->numa_node = function->numa_node;
	node->link = link_words(builder, function->link_speed, function->link_width);
	node->link_max = link_words(builder, function->link_speed_max, function->link_width_max);
	node->link_reduced =
	    node->link && node->link_max && strcmp(node->link, node->link_max) != 0;
	node->acs = is_port(function->kind) ? function->acs : NULL;
	node->acs_off = builder->iommu_off && some(node->acs);
	node->open = is_port(function->kind) && redirects(builder, at) == 0;
	node->peers = is_port(function->kind) ? HP_TOPOLOGY_PEERS_UNKNOWN : peers_of(builder, at);
	node->accelerator = function->accelerator;
	node->offer = node->accelerator ? best_offer(node->accelerator) : NULL;
	node->color = node->offer ? color_of(node->offer) : HP_TOPOLOGY_PLAIN;
}

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_slot(const char *a, const char *b)
{
	size_t slot = strcspn(a, ".");
	return strcspn(b, ".") == slot && strncmp(a, b, slot) == 0;
}

static const char *vgpu_of(const struct function *function)
{
	return some(function->vgpu_type);
}

/* Functions that one row can stand for: VFs of one PF, ports of one card, that are alike. */
static bool foldable(const struct builder *builder, const struct function *a,
                     const struct function *b)
{
	if (a->kind != b->kind || is_port(a->kind) || a->kind == HP_TOPOLOGY_ACCELERATOR ||
	    builder->all || a->first_below != HP_TOPOLOGY_TOP ||
	    b->first_below != HP_TOPOLOGY_TOP || a->matters != b->matters)
		return false;
	bool alike = same(a->vendor, b->vendor) && same(a->device, b->device) &&
	             same(a->driver, b->driver) && same(vgpu_of(a), vgpu_of(b));
	if (a->kind == HP_TOPOLOGY_VF && a->accelerator && b->accelerator &&
	    (a->accelerator->offer_count || b->accelerator->offer_count))
		return false;
	return alike && (a->kind == HP_TOPOLOGY_VF || same_slot(a->address, b->address));
}

static int by_number(const void *a, const void *b)
{
	const long *left = a, *right = b;
	return (*left > *right) - (*left < *right);
}

/* Numbers as "34-49, 51". */
static const char *ranges(struct builder *builder, long *numbers, size_t count)
{
	hp_cleanup_text struct hp_text text = {0};
	qsort(numbers, count, sizeof(*numbers), by_number);
	for (size_t i = 0, last; i < count; i = last + 1) {
		for (last = i; last + 1 < count && numbers[last + 1] - numbers[last] <= 1;)
			last++;
		hp_text_printf(&text, "%s%ld", i ? ", " : "", numbers[i]);
		if (numbers[last] != numbers[i])
			hp_text_printf(&text, "-%ld", numbers[last]);
	}
	return hp_pool_strdup(builder->pool, text.data);
}

/* Folds the siblings behind `first` that are alike into its node; marks them as done. */
static void fold_alike(struct builder *builder, size_t first, struct hp_topology_node *node,
                       bool *done)
{
	const struct function *function = &builder->functions[first];
	hp_cleanup_free long *groups = hp_calloc(builder->count + 1, sizeof(*groups));
	size_t known = 0;
	for (size_t i = first; i != HP_TOPOLOGY_TOP; i = builder->functions[i].next) {
		const struct function *other = &builder->functions[i];
		if (i != first && (done[i] || !foldable(builder, function, other)))
			continue;
		done[i] = true;
		if (i != first) {
			node->count++;
			node->last = other->address;
		}
		char *end;
		long group = some(other->group) ? strtol(other->group, &end, 10) : -1;
		if (group >= 0 && !*end)
			groups[known++] = group;
	}
	if (known == node->count && node->count > 1)
		node->group = ranges(builder, groups, known);
	else if (node->count > 1 && known)
		node->group = NULL;
	if (node->kind == HP_TOPOLOGY_VF)
		node->vgpu = vgpu_of(function);
	builder->topology->folded += node->count - 1;
}

static void add_fold(struct builder *builder, size_t functions, size_t parent)
{
	if (!functions)
		return;
	struct hp_topology_node *node = add_node(builder, HP_TOPOLOGY_FOLD, parent);
	node->count = functions;
	node->what = functions == 1 ? "other function" : "other functions";
	builder->topology->folded += functions;
}

static size_t count_below(const struct builder *builder, size_t at)
{
	size_t count = 1;
	for (size_t i = builder->functions[at].first_below; i != HP_TOPOLOGY_TOP;
	     i = builder->functions[i].next)
		count += count_below(builder, i);
	return count;
}

static void add_list(struct builder *builder, size_t first, size_t parent, bool *done);

static void add_function(struct builder *builder, size_t at, size_t parent, bool *done)
{
	struct hp_topology_node *node = add_node(builder, builder->functions[at].kind, parent);
	size_t number = builder->topology->count - 1;
	describe(builder, at, node);
	fold_alike(builder, at, node, done);
	add_list(builder, builder->functions[at].first_below, number, done);
}

/* The functions of a list that matter, and the rest as one. */
static void add_list(struct builder *builder, size_t first, size_t parent, bool *done)
{
	size_t rest = 0;
	for (size_t i = first; i != HP_TOPOLOGY_TOP; i = builder->functions[i].next) {
		if (done[i])
			continue;
		if (builder->functions[i].matters)
			add_function(builder, i, parent, done);
		else
			rest += count_below(builder, i);
	}
	add_fold(builder, rest, parent);
}

// -- from the top --

/* The bus of a function: "0000:15". */
static bool on_bus(const struct function *function, const char *bus)
{
	return hp_starts_with(function->address, bus) && function->address[strlen(bus)] == ':';
}

static bool on_top(const struct function *function)
{
	return function->above == HP_TOPOLOGY_TOP;
}

/* The NUMA node of a root bus is that of the first function on it which has one. */
static const char *node_of_bus(const struct builder *builder, const char *bus)
{
	const char *node = NULL;
	for (size_t i = 0; i < builder->count; i++) {
		const struct function *function = &builder->functions[i];
		if (on_top(function) && on_bus(function, bus) && function->numa_node &&
		    (!node || strcmp(node, "-1") == 0))
			node = function->numa_node;
	}
	return node ? node : "";
}

struct bus {
	const char *name, *node;
	bool matters;
};

static size_t find_buses(struct builder *builder, struct bus *buses)
{
	size_t count = 0;
	for (size_t i = 0; i < builder->count; i++) {
		const struct function *function = &builder->functions[i];
		if (!on_top(function))
			continue;
		size_t length = strcspn(function->address, ":");
		length += function->address[length]
		              ? 1 + strcspn(function->address + length + 1, ":")
		              : 0;
		const char *name =
		    hp_pool_printf(builder->pool, "%.*s", (int)length, function->address);
		if (!count || strcmp(buses[count - 1].name, name) != 0)
			buses[count++] =
			    (struct bus){.name = name, .node = node_of_bus(builder, name)};
		buses[count - 1].matters |= function->matters;
	}
	return count;
}

/* Those of no node, or none known, come last. */
static int by_node(const void *a, const void *b)
{
	const struct bus *left = a, *right = b;
	bool a_none = !*left->node || *left->node == '-',
	     b_none = !*right->node || *right->node == '-';
	if (a_none != b_none)
		return a_none - b_none;
	long difference = strtol(left->node, NULL, 10) - strtol(right->node, NULL, 10);
	int order = (difference > 0) - (difference < 0);
	order = order ? order : strcmp(left->node, right->node);
	return order ? order : strcmp(left->name, right->name);
}

/* Adds a root bus; what of it is not shown is counted. */
static size_t add_bus(struct builder *builder, const struct bus *bus, size_t parent, bool *done)
{
	size_t rest = 0, number = builder->topology->count;
	if (bus->matters) {
		struct hp_topology_node *node = add_node(builder, HP_TOPOLOGY_ROOT, parent);
		node->address = bus->name;
		node->what = "root bus";
		node->numa_node = *bus->node ? bus->node : NULL;
	}
	for (size_t i = 0; i < builder->count; i++) {
		const struct function *function = &builder->functions[i];
		if (!on_top(function) || !on_bus(function, bus->name) || done[i])
			continue;
		if (function->matters)
			add_function(builder, i, number, done);
		else
			rest += count_below(builder, i);
	}
	return rest;
}

static void add_buses(struct builder *builder)
{
	hp_cleanup_free struct bus *buses = hp_calloc(builder->count + 1, sizeof(*buses));
	hp_cleanup_free bool *done = hp_calloc(builder->count + 1, sizeof(*done));
	size_t count = find_buses(builder, buses), next;
	qsort(buses, count, sizeof(*buses), by_node);
	for (size_t i = 0; i < count; i = next) {
		size_t parent = builder->topology->count, rest = 0;
		struct hp_topology_node *node =
		    add_node(builder, HP_TOPOLOGY_NODE, HP_TOPOLOGY_TOP);
		node->numa_node = *buses[i].node ? buses[i].node : NULL;
		node->what = !*buses[i].node ? "NUMA node not known"
		             : is(buses[i].node, "-1")
		                 ? "no NUMA node"
		                 : hp_pool_printf(builder->pool, "NUMA node %s", buses[i].node);
		for (next = i; next < count && same(buses[next].node, buses[i].node); next++)
			rest += add_bus(builder, &buses[next], parent, done);
		add_fold(builder, rest, parent);
	}
}

// -- the host in a line --

static void add_count(struct hp_text *text, size_t count, const char *one, const char *many)
{
	if (count)
		hp_text_printf(text, "%s%zu %s", text->length ? ", " : "", count,
		               count == 1 ? one : many);
}

static const char *summarize(struct builder *builder)
{
	size_t counts[HP_TOPOLOGY_FOLD + 1] = {0};
	for (size_t i = 0; i < builder->count; i++)
		counts[builder->functions[i].kind]++;
	hp_cleanup_text struct hp_text text = {0};
	add_count(&text, counts[HP_TOPOLOGY_ACCELERATOR], "accelerator", "accelerators");
	add_count(&text, counts[HP_TOPOLOGY_VF], "VF", "VFs");
	add_count(&text, counts[HP_TOPOLOGY_FABRIC], "NVSwitch", "NVSwitches");
	add_count(&text, counts[HP_TOPOLOGY_NIC], "NIC", "NICs");
	add_count(&text, counts[HP_TOPOLOGY_NVME], "NVMe", "NVMe");
	add_count(&text, builder->count, "PCI function", "PCI functions");
	if (!builder->host->pci_seen)
		hp_text_puts(&text, text.length ? " (PCI was not seen whole)" : "PCI was not seen");
	return hp_pool_strdup(builder->pool, hp_text_get(&text));
}

static char *ask(sqlite3 *db, const char *sql, const char *host)
{
	hp_cleanup_statement sqlite3_stmt *row = NULL;
	if (hp_db_prepare(db, sql, &row, NULL))
		return NULL;
	sqlite3_bind_text(row, 1, host, -1, SQLITE_STATIC);
	const char *text = hp_db_step(row, NULL) == 1 ? hp_db_text(row, 0) : NULL;
	return text ? hp_strdup(text) : NULL;
}

static const char *iommu_words(struct builder *builder, sqlite3 *db)
{
	hp_cleanup_free char *state =
	    ask(db, "SELECT state FROM iommu WHERE host = ?1", builder->host->name);
	builder->iommu_off = is(state, "off");
	bool predicted = false;
	for (size_t i = 0; i < builder->count; i++)
		predicted |= builder->functions[i].group_predicted;
	return hp_pool_printf(builder->pool, "IOMMU %s%s", state ? state : "not seen",
	                      predicted ? ": groups are predicted" : "");
}

/* What the facts and the models say of NVLink. Which link leads where is in no fact. */
static const char fabric_sql[] =
    "SELECT CASE WHEN s.nvswitches > 0 OR b.boards > 0 THEN"
    " 'accelerators on NVSwitch boards, by model: ' || CAST(b.boards AS TEXT)"
    " || '; NVSwitch functions seen: ' || CAST(s.nvswitches AS TEXT)"
    " || coalesce('; Fabric Manager ' || f.manager_version, '')"
    " || coalesce(' in mode ' || f.mode, '')"
    " || coalesce('; GPUs registered: '"
    " || (SELECT CAST(COUNT(CASE WHEN g.fabric_state = 'completed' THEN 1 END) AS TEXT) || ' of '"
    " || CAST(COUNT(g.fabric_state) AS TEXT) FROM nvidia_gpu g WHERE g.host = s.host"
    " HAVING COUNT(g.fabric_state) > 0), '') END"
    " FROM host_summary s"
    " JOIN (SELECT COUNT(*) AS boards FROM accelerator WHERE host = ?1 AND nvswitch = 'yes'"
    " AND is_vf = 0) b"
    " LEFT JOIN fabric f ON f.host = s.host WHERE s.host = ?1";

static const char *fabric_words(struct builder *builder, sqlite3 *db)
{
	hp_cleanup_free char *words = ask(db, fabric_sql, builder->host->name);
	return words ? hp_pool_printf(builder->pool,
	                              "NVLink: %s. Which links lead where is not among the facts.",
	                              words)
	             : NULL;
}

int hp_topology_new(sqlite3 *db, const struct hp_verdict_host *host, bool all,
                    struct hp_topology **ret, struct hp_error *err)
{
	struct hp_topology *topology = hp_calloc(1, sizeof(*topology));
	topology->pool = hp_pool_new();
	struct builder builder = {
	    .host = host, .topology = topology, .pool = topology->pool, .all = all};
	int code = read_functions(&builder, db, err);
	if (!code) {
		hang(&builder);
		for (size_t i = 0; i < builder.count; i++)
			if (on_top(&builder.functions[i]))
				set_kind(&builder, i);
		topology->host = hp_pool_strdup(topology->pool, host->name);
		topology->iommu = iommu_words(&builder, db);
		topology->fabric = fabric_words(&builder, db);
		topology->summary = summarize(&builder);
		add_buses(&builder);
		*ret = topology;
	} else {
		hp_topology_free(topology);
	}
	free(builder.functions);
	return code;
}

void hp_topology_free(struct hp_topology *topology)
{
	if (!topology)
		return;
	free(topology->nodes);
	hp_pool_free(topology->pool);
	free(topology);
}

char *hp_topology_place(const struct hp_topology_node *node)
{
	if (!node->address)
		return hp_strdup("");
	return node->last ? hp_asprintf("%s … %s", node->address, node->last)
	                  : hp_strdup(node->address);
}
