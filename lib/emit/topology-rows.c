// The tree as rows. SPDX-License-Identifier: Apache-2.0
#include "emit/topology.h"
#include "base/cleanup.h"

#include <stdio.h>

const struct hp_column hp_topology_columns[] = {
    {.name = "host", .help = "host"},
    {.name = "depth", .help = "how deep in the tree", .number = true},
    {.name = "kind", .help = "what it is"},
    {.name = "address", .help = "PCI address, or root bus"},
    {.name = "last", .help = "of several alike the last address"},
    {.name = "count", .help = "how many functions the row stands for", .number = true},
    {.name = "parent", .help = "address of what it hangs on"},
    {.name = "what", .help = "for a person"},
    {.name = "vendor", .help = "vendor id"},
    {.name = "device", .help = "device id"},
    {.name = "driver", .help = "bound driver"},
    {.name = "iommu_group", .help = "IOMMU group, or groups"},
    {.name = "group_predicted", .help = "1: the group that it would have", .number = true},
    {.name = "numa_node", .help = "NUMA node", .number = true},
    {.name = "link", .help = "link as it is"},
    {.name = "link_max", .help = "link as the device could have it"},
    {.name = "acs", .help = "ACS controls that are on; without an IOMMU those that it has"},
    {.name = "peers",
     .help = "whether neighbours' requests pass the IOMMU: redirected, bypass, unknown"},
    {.name = "vgpu", .help = "vGPU type that the VFs carry"},
    {.name = "surface", .help = "its best offer: the surface"},
    {.name = "share", .help = "the share"},
    {.name = "path", .help = "the vendor's stance"},
    {.name = "readiness", .help = "could this host deliver it"},
    {.name = "distance", .help = "the dearest fix that is missing"},
};

const size_t hp_topology_column_count = HP_COUNT(hp_topology_columns);

static const char *peers_word(const struct hp_topology_node *node)
{
	static const char *const words[] = {
	    [HP_TOPOLOGY_PEERS_UNKNOWN] = "unknown",
	    [HP_TOPOLOGY_PEERS_REDIRECTED] = "redirected",
	    [HP_TOPOLOGY_PEERS_BYPASS] = "bypass",
	};
	bool device = node->kind >= HP_TOPOLOGY_ACCELERATOR && node->kind < HP_TOPOLOGY_FOLD;
	return device ? words[node->peers] : NULL;
}

static void add_row(const struct hp_topology *topology, const struct hp_topology_node *node,
                    struct hp_table *table)
{
	const struct hp_offer *offer = node->offer;
	hp_cleanup_free char *depth = hp_asprintf("%zu", node->depth);
	hp_cleanup_free char *count = hp_asprintf("%zu", node->count);
	const char *parent =
	    node->parent == HP_TOPOLOGY_TOP ? NULL : topology->nodes[node->parent].address;
	bool device = node->kind > HP_TOPOLOGY_ROOT && node->kind < HP_TOPOLOGY_FOLD;
	const char *cells[] = {
	    topology->host,
	    depth,
	    hp_topology_kind_name(node->kind),
	    node->address,
	    node->last,
	    count,
	    parent,
	    node->what,
	    node->vendor,
	    node->device,
	    node->driver,
	    node->group,
	    device ? node->group_predicted ? "1" : "0" : NULL,
	    node->numa_node,
	    node->link,
	    node->link_max,
	    node->acs,
	    peers_word(node),
	    node->vgpu,
	    offer ? offer->surface->surface : NULL,
	    offer ? offer->surface->share : NULL,
	    offer ? hp_path_name(offer->path) : NULL,
	    offer ? hp_readiness_name(offer->readiness) : NULL,
	    offer ? hp_distance_name(offer->distance) : NULL,
	};
	_Static_assert(HP_COUNT(cells) == HP_COUNT(hp_topology_columns), "a cell a column");
	hp_table_add(table, cells);
}

void hp_topology_add_rows(const struct hp_topology *topology, struct hp_table *table)
{
	for (size_t i = 0; i < topology->count; i++)
		add_row(topology, &topology->nodes[i], table);
}
