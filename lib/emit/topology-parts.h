// What the parts of the tree's making hand each other; nobody else's business.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/pool.h"
#include "emit/topology.h"

#include <sqlite3.h>
#include <string.h>

/* A PCI function as the facts have it. */
struct hp_topology_function {
	const char *address, *vendor, *device, *class, *driver, *parent, *physical_function, *group,
	    *numa_node, *link_speed, *link_speed_max, *port_type, *header_type, *acs, *vendor_name,
	    *fabric, *vgpu_type;
	long long link_width, link_width_max; // -1: unknown
	const struct hp_accelerator *accelerator;
	size_t above;       // the bridge above it, or the PF of a VF; HP_TOPOLOGY_TOP on a root bus
	size_t first_below; // its children, a list by `next`
	size_t next;
	bool group_predicted;
	bool matters; // it, or something below it
	enum hp_topology_kind kind;
};

/* All functions of a host, by address. */
struct hp_topology_tree {
	const struct hp_verdict_host *host;
	struct hp_pool *pool; // of all texts
	struct hp_topology_function *functions;
	size_t count, size;
	bool all; // every function matters
};

/* Reads the functions of tree->host, hangs each below the one above it and tells what it is; the
 * caller gives host, pool and all, and frees functions. */
int hp_topology_tree_read(struct hp_topology_tree *tree, sqlite3 *db, struct hp_error *err);

/* Of a port of a switch with neighbours: 1 it sends their requests up to the IOMMU, 0 it may not,
 * -1 unknown; -2 if it is no such port. As the rule peer-bypasses-iommu sees it. */
int hp_topology_redirects(const struct hp_topology_tree *tree, size_t at);
/* Whether requests of a function to its neighbours pass the IOMMU. */
enum hp_topology_peers hp_topology_peers(const struct hp_topology_tree *tree, size_t at);

/* What a function is, for a person; of tree->pool, or static. */
const char *hp_topology_what(const struct hp_topology_tree *tree,
                             const struct hp_topology_function *function);

static inline bool hp_topology_is_port(enum hp_topology_kind kind)
{
	return kind == HP_TOPOLOGY_PORT || kind == HP_TOPOLOGY_SWITCH || kind == HP_TOPOLOGY_DOWN;
}

static inline bool hp_topology_on_top(const struct hp_topology_function *function)
{
	return function->above == HP_TOPOLOGY_TOP;
}

static inline bool hp_topology_is(const char *text, const char *word)
{
	return text && strcmp(text, word) == 0;
}

/* What is known and not none. */
static inline const char *hp_topology_some(const char *text)
{
	return hp_topology_is(text, "none") ? NULL : text;
}
