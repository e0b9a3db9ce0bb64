// The PCI functions of a host as a tree: what each is, and who reaches whom.
// SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "base/database.h"
#include "emit/topology-parts.h"

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

static bool has_class(const struct hp_topology_function *function, const char *prefix)
{
	return function->class && hp_starts_with(function->class, prefix);
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

static void read_function(struct hp_topology_tree *tree, sqlite3_stmt *row)
{
	if (tree->count == tree->size) {
		tree->size = tree->size ? 2 * tree->size : 256;
		tree->functions =
		    hp_realloc(tree->functions, tree->size * sizeof(*tree->functions));
	}
	struct hp_topology_function *function = &tree->functions[tree->count++];
	*function = (struct hp_topology_function){.above = HP_TOPOLOGY_TOP,
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
		*texts[i] = hp_pool_strdup(tree->pool, hp_db_text(row, (int)i));
}

static int by_address(const void *key, const void *item)
{
	return strcmp(key, ((const struct hp_topology_function *)item)->address);
}

static size_t find(const struct hp_topology_tree *tree, const char *address)
{
	const struct hp_topology_function *found =
	    address && tree->count ? bsearch(address, tree->functions, tree->count,
	                                     sizeof(*tree->functions), by_address)
				   : NULL;
	return found ? (size_t)(found - tree->functions) : HP_TOPOLOGY_TOP;
}

static int read_functions(struct hp_topology_tree *tree, sqlite3 *db, struct hp_error *err)
{
	hp_cleanup_statement sqlite3_stmt *rows = NULL;
	int code = hp_db_prepare(db, functions_sql, &rows, err);
	if (code)
		return code;
	sqlite3_bind_text(rows, 1, tree->host->name, -1, SQLITE_STATIC);
	while ((code = hp_db_step(rows, err)) == 1)
		read_function(tree, rows);
	for (size_t i = 0; i < tree->host->accelerator_count; i++) {
		size_t at = find(tree, tree->host->accelerators[i].address);
		if (at != HP_TOPOLOGY_TOP)
			tree->functions[at].accelerator = &tree->host->accelerators[i];
	}
	return code;
}

// -- what is what --

enum { DEEPEST = 64 }; // a bus number has a byte: no honest tree is deeper, and no circle ends

static size_t above(const struct hp_topology_tree *tree,
                    const struct hp_topology_function *function)
{
	size_t at = find(tree, hp_topology_some(function->physical_function));
	return at == HP_TOPOLOGY_TOP ? find(tree, hp_topology_some(function->parent)) : at;
}

static bool is_rooted(const struct hp_topology_tree *tree, size_t at)
{
	size_t steps = 0;
	while (at != HP_TOPOLOGY_TOP && steps++ < DEEPEST)
		at = tree->functions[at].above;
	return at == HP_TOPOLOGY_TOP;
}

static void hang(struct hp_topology_tree *tree)
{
	struct hp_topology_function *functions = tree->functions;
	for (size_t i = 0; i < tree->count; i++)
		functions[i].above = above(tree, &functions[i]);
	for (size_t i = 0; i < tree->count; i++)
		if (!is_rooted(tree, i))
			functions[i].above = HP_TOPOLOGY_TOP;
	for (size_t i = tree->count; i-- > 0;) {
		if (functions[i].above == HP_TOPOLOGY_TOP)
			continue;
		functions[i].next = functions[functions[i].above].first_below;
		functions[functions[i].above].first_below = i;
	}
}

static bool is_bridge(const struct hp_topology_tree *tree, size_t at)
{
	const struct hp_topology_function *function = &tree->functions[at];
	size_t below = function->first_below;
	return hp_topology_is(function->header_type, "bridge") || has_class(function, "0604") ||
	       (below != HP_TOPOLOGY_TOP &&
	        !hp_topology_some(tree->functions[below].physical_function));
}

static enum hp_topology_kind bridge_kind(const struct hp_topology_tree *tree,
                                         const struct hp_topology_function *function)
{
	if (hp_topology_is(function->port_type, "downstream"))
		return HP_TOPOLOGY_DOWN;
	if (function->above == HP_TOPOLOGY_TOP)
		return HP_TOPOLOGY_PORT;
	/* Where config space was not read: a bridge below one that is no port of a switch. */
	return !function->port_type && tree->functions[function->above].kind == HP_TOPOLOGY_SWITCH
	           ? HP_TOPOLOGY_DOWN
	           : HP_TOPOLOGY_SWITCH;
}

static enum hp_topology_kind kind_of(const struct hp_topology_tree *tree, size_t at)
{
	const struct hp_topology_function *function = &tree->functions[at];
	if (function->above != HP_TOPOLOGY_TOP && hp_topology_some(function->physical_function))
		return HP_TOPOLOGY_VF;
	if (function->accelerator)
		return HP_TOPOLOGY_ACCELERATOR;
	if (function->fabric)
		return HP_TOPOLOGY_FABRIC;
	if (is_bridge(tree, at))
		return bridge_kind(tree, function);
	if (has_class(function, "02"))
		return HP_TOPOLOGY_NIC;
	return has_class(function, "0108") ? HP_TOPOLOGY_NVME : HP_TOPOLOGY_OTHER;
}

/* Others in the group of an accelerator go where it goes. */
static bool shares_group(const struct hp_topology_tree *tree,
                         const struct hp_topology_function *function)
{
	const char *group = hp_topology_some(function->group);
	for (size_t i = 0; group && i < tree->host->accelerator_count; i++)
		if (hp_topology_is(tree->host->accelerators[i].iommu_group, group))
			return true;
	return false;
}

static bool matters(const struct hp_topology_tree *tree,
                    const struct hp_topology_function *function)
{
	if (tree->all)
		return true;
	if (hp_topology_is_port(function->kind))
		return false; // by what is below it
	return function->kind != HP_TOPOLOGY_OTHER || shares_group(tree, function);
}

static void set_kind(struct hp_topology_tree *tree, size_t at)
{
	struct hp_topology_function *function = &tree->functions[at];
	function->kind = kind_of(tree, at);
	function->matters = matters(tree, function);
	for (size_t i = function->first_below; i != HP_TOPOLOGY_TOP; i = tree->functions[i].next) {
		set_kind(tree, i);
		function->matters |= tree->functions[i].matters;
	}
}

// -- who reaches whom --

int hp_topology_redirects(const struct hp_topology_tree *tree, size_t at)
{
	const struct hp_topology_function *port = &tree->functions[at];
	if (port->above == HP_TOPOLOGY_TOP ||
	    (port->port_type && !hp_topology_is(port->port_type, "downstream")))
		return -2;
	size_t ports = 0;
	for (size_t i = tree->functions[port->above].first_below; i != HP_TOPOLOGY_TOP;
	     i = tree->functions[i].next)
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

enum hp_topology_peers hp_topology_peers(const struct hp_topology_tree *tree, size_t at)
{
	const struct hp_topology_function *function = &tree->functions[at];
	bool unsure = false;
	size_t top = at;
	for (size_t above = function->above; above != HP_TOPOLOGY_TOP;
	     above = tree->functions[above].above) {
		int redirect = hp_topology_is_port(tree->functions[above].kind)
		                   ? hp_topology_redirects(tree, above)
		                   : -2;
		if (redirect == 0)
			return HP_TOPOLOGY_PEERS_BYPASS;
		unsure |= redirect == -1;
		top = above;
	}
	bool rooted = hp_topology_is(tree->functions[top].parent, "none");
	return rooted && !unsure ? HP_TOPOLOGY_PEERS_REDIRECTED : HP_TOPOLOGY_PEERS_UNKNOWN;
}

const char *hp_topology_what(const struct hp_topology_tree *tree,
                             const struct hp_topology_function *function)
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
		if (hp_topology_is(function->port_type, ports[i].type) &&
		    hp_topology_is_port(function->kind))
			return ports[i].words;
	const char *class =
	    hp_topology_is_port(function->kind) ? "PCI bridge" : class_words(function->class);
	return function->vendor_name
	           ? hp_pool_printf(tree->pool, "%s %s", function->vendor_name, class)
	           : class;
}

int hp_topology_tree_read(struct hp_topology_tree *tree, sqlite3 *db, struct hp_error *err)
{
	int code = read_functions(tree, db, err);
	if (code)
		return code;
	hang(tree);
	for (size_t i = 0; i < tree->count; i++)
		if (hp_topology_on_top(&tree->functions[i]))
			set_kind(tree, i);
	return 0;
}
