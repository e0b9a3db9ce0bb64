// The tree of a host: judged, folded. SPDX-License-Identifier: Apache-2.0
#include "emit/topology.h"
#include "base/cleanup.h"
#include "base/database.h"
#include "emit/topology-parts.h"
#include "judge/digest.h"

struct builder {
	struct hp_topology *topology;
	struct hp_topology_tree tree;
	size_t node_size;
	bool iommu_off;
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
	return hp_asprintf(
	    "%s%s%s: path %s, %s%s%s%s", offer->surface->surface,
	    hp_topology_is(offer->surface->share, "whole") ? "" : ":",
	    hp_topology_is(offer->surface->share, "whole") ? "" : offer->surface->share,
	    hp_path_name(offer->path), hp_readiness_name(offer->readiness), way ? " (" : "",
	    way ? hp_distance_name(offer->distance) : "", way ? ")" : "");
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
	if (!hp_topology_some(speed) || width <= 0 || hp_starts_with(speed, "Unknown"))
		return NULL;
	size_t length = strcspn(speed, "P"); // "32.0 GT/s PCIe"
	while (length && speed[length - 1] == ' ')
		length--;
	return hp_pool_printf(builder->tree.pool, "%.*s x%lld", (int)length, speed, width);
}

static void describe(struct builder *builder, size_t at, struct hp_topology_node *node)
{
	const struct hp_topology_function *function = &builder->tree.functions[at];
	node->address = function->address;
	node->what = hp_topology_what(&builder->tree, function);
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
	node->acs = hp_topology_is_port(function->kind) ? function->acs : NULL;
	node->acs_off = builder->iommu_off && hp_topology_some(node->acs);
	node->open =
	    hp_topology_is_port(function->kind) && hp_topology_redirects(&builder->tree, at) == 0;
	node->peers = hp_topology_is_port(function->kind) ? HP_TOPOLOGY_PEERS_UNKNOWN
	                                                  : hp_topology_peers(&builder->tree, at);
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

static const char *vgpu_of(const struct hp_topology_function *function)
{
	return hp_topology_some(function->vgpu_type);
}

/* Functions that one row can stand for: VFs of one PF, ports of one card, that are alike. */
static bool foldable(const struct builder *builder, const struct hp_topology_function *a,
                     const struct hp_topology_function *b)
{
	if (a->kind != b->kind || hp_topology_is_port(a->kind) ||
	    a->kind == HP_TOPOLOGY_ACCELERATOR || builder->tree.all ||
	    a->first_below != HP_TOPOLOGY_TOP || b->first_below != HP_TOPOLOGY_TOP ||
	    a->matters != b->matters)
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
	return hp_pool_strdup(builder->tree.pool, text.data);
}

/* Folds the siblings behind `first` that are alike into its node; marks them as done. */
static void fold_alike(struct builder *builder, size_t first, struct hp_topology_node *node,
                       bool *done)
{
	const struct hp_topology_function *function = &builder->tree.functions[first];
	hp_cleanup_free long *groups = hp_calloc(builder->tree.count + 1, sizeof(*groups));
	size_t known = 0;
	for (size_t i = first; i != HP_TOPOLOGY_TOP; i = builder->tree.functions[i].next) {
		const struct hp_topology_function *other = &builder->tree.functions[i];
		if (i != first && (done[i] || !foldable(builder, function, other)))
			continue;
		done[i] = true;
		if (i != first) {
			node->count++;
			node->last = other->address;
		}
		char *end;
		long group = hp_topology_some(other->group) ? strtol(other->group, &end, 10) : -1;
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
	for (size_t i = builder->tree.functions[at].first_below; i != HP_TOPOLOGY_TOP;
	     i = builder->tree.functions[i].next)
		count += count_below(builder, i);
	return count;
}

static void add_list(struct builder *builder, size_t first, size_t parent, bool *done);

static void add_function(struct builder *builder, size_t at, size_t parent, bool *done)
{
	struct hp_topology_node *node = add_node(builder, builder->tree.functions[at].kind, parent);
	size_t number = builder->topology->count - 1;
	describe(builder, at, node);
	fold_alike(builder, at, node, done);
	add_list(builder, builder->tree.functions[at].first_below, number, done);
}

/* The functions of a list that matter, and the rest as one. */
static void add_list(struct builder *builder, size_t first, size_t parent, bool *done)
{
	size_t rest = 0;
	for (size_t i = first; i != HP_TOPOLOGY_TOP; i = builder->tree.functions[i].next) {
		if (done[i])
			continue;
		if (builder->tree.functions[i].matters)
			add_function(builder, i, parent, done);
		else
			rest += count_below(builder, i);
	}
	add_fold(builder, rest, parent);
}

// -- from the top --

/* The bus of a function: "0000:15". */
static bool on_bus(const struct hp_topology_function *function, const char *bus)
{
	return hp_starts_with(function->address, bus) && function->address[strlen(bus)] == ':';
}

/* The NUMA node of a root bus is that of the first function on it which has one. */
static const char *node_of_bus(const struct builder *builder, const char *bus)
{
	const char *node = NULL;
	for (size_t i = 0; i < builder->tree.count; i++) {
		const struct hp_topology_function *function = &builder->tree.functions[i];
		if (hp_topology_on_top(function) && on_bus(function, bus) && function->numa_node &&
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
	for (size_t i = 0; i < builder->tree.count; i++) {
		const struct hp_topology_function *function = &builder->tree.functions[i];
		if (!hp_topology_on_top(function))
			continue;
		size_t length = strcspn(function->address, ":");
		length += function->address[length]
		              ? 1 + strcspn(function->address + length + 1, ":")
		              : 0;
		const char *name =
		    hp_pool_printf(builder->tree.pool, "%.*s", (int)length, function->address);
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
	for (size_t i = 0; i < builder->tree.count; i++) {
		const struct hp_topology_function *function = &builder->tree.functions[i];
		if (!hp_topology_on_top(function) || !on_bus(function, bus->name) || done[i])
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
	hp_cleanup_free struct bus *buses = hp_calloc(builder->tree.count + 1, sizeof(*buses));
	hp_cleanup_free bool *done = hp_calloc(builder->tree.count + 1, sizeof(*done));
	size_t count = find_buses(builder, buses), next;
	qsort(buses, count, sizeof(*buses), by_node);
	for (size_t i = 0; i < count; i = next) {
		size_t parent = builder->topology->count, rest = 0;
		struct hp_topology_node *node =
		    add_node(builder, HP_TOPOLOGY_NODE, HP_TOPOLOGY_TOP);
		node->numa_node = *buses[i].node ? buses[i].node : NULL;
		node->what =
		    !*buses[i].node ? "NUMA node not known"
		    : hp_topology_is(buses[i].node, "-1")
			? "no NUMA node"
			: hp_pool_printf(builder->tree.pool, "NUMA node %s", buses[i].node);
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
	for (size_t i = 0; i < builder->tree.count; i++)
		counts[builder->tree.functions[i].kind]++;
	hp_cleanup_text struct hp_text text = {0};
	add_count(&text, counts[HP_TOPOLOGY_ACCELERATOR], "accelerator", "accelerators");
	add_count(&text, counts[HP_TOPOLOGY_VF], "VF", "VFs");
	add_count(&text, counts[HP_TOPOLOGY_FABRIC], "NVSwitch", "NVSwitches");
	add_count(&text, counts[HP_TOPOLOGY_NIC], "NIC", "NICs");
	add_count(&text, counts[HP_TOPOLOGY_NVME], "NVMe", "NVMe");
	add_count(&text, builder->tree.count, "PCI function", "PCI functions");
	if (!builder->tree.host->pci_seen)
		hp_text_puts(&text, text.length ? " (PCI was not seen whole)" : "PCI was not seen");
	return hp_pool_strdup(builder->tree.pool, hp_text_get(&text));
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
	    ask(db, "SELECT state FROM iommu WHERE host = ?1", builder->tree.host->name);
	builder->iommu_off = hp_topology_is(state, "off");
	bool predicted = false;
	for (size_t i = 0; i < builder->tree.count; i++)
		predicted |= builder->tree.functions[i].group_predicted;
	return hp_pool_printf(builder->tree.pool, "IOMMU %s%s", state ? state : "not seen",
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
	hp_cleanup_free char *words = ask(db, fabric_sql, builder->tree.host->name);
	return words ? hp_pool_printf(builder->tree.pool,
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
	    .topology = topology,
	    .tree = {.host = host, .pool = topology->pool, .all = all},
	};
	int code = hp_topology_tree_read(&builder.tree, db, err);
	if (!code) {
		topology->host = hp_pool_strdup(topology->pool, host->name);
		topology->iommu = iommu_words(&builder, db);
		topology->fabric = fabric_words(&builder, db);
		topology->summary = summarize(&builder);
		add_buses(&builder);
		*ret = topology;
	} else {
		hp_topology_free(topology);
	}
	free(builder.tree.functions);
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
