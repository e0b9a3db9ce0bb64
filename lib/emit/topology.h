// The PCI tree of a host, with what matters of it for handing accelerators over.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "base/table.h"
#include "base/text.h"
#include "judge/verdict.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

enum hp_topology_kind {
	HP_TOPOLOGY_NODE,   // a NUMA node, or what belongs to none
	HP_TOPOLOGY_ROOT,   // a root bus
	HP_TOPOLOGY_PORT,   // a root port, or another bridge right below a root bus
	HP_TOPOLOGY_SWITCH, // the port of a switch towards the root, or a bridge below another
	HP_TOPOLOGY_DOWN,   // a port of a switch towards a device
	HP_TOPOLOGY_ACCELERATOR,
	HP_TOPOLOGY_VF, // a VF of the function above it
	HP_TOPOLOGY_FABRIC,
	HP_TOPOLOGY_NIC,
	HP_TOPOLOGY_NVME,
	HP_TOPOLOGY_OTHER, // any other function
	HP_TOPOLOGY_FOLD,  // functions that nothing hangs on
};

/* What an accelerator is coloured by: its best offer. In the order of worth. */
enum hp_topology_color {
	HP_TOPOLOGY_READY,   // on the path, ready
	HP_TOPOLOGY_NEAR,    // on the path, reachable
	HP_TOPOLOGY_CAUTION, // with caution, ready or reachable
	HP_TOPOLOGY_OPEN,    // path or readiness is unknown
	HP_TOPOLOGY_OFF,     // off the path, or unreachable
	HP_TOPOLOGY_PLAIN,   // nothing is judged
};

enum hp_topology_peers {
	HP_TOPOLOGY_PEERS_UNKNOWN,
	HP_TOPOLOGY_PEERS_REDIRECTED, // all requests of neighbours pass the IOMMU
	HP_TOPOLOGY_PEERS_BYPASS,     // a switch above may let them through below the IOMMU
};

/* Strings are NULL where something is not known, and do not apply to folds of different things. */
struct hp_topology_node {
	enum hp_topology_kind kind;
	const char *address; // of a fold the first; of a root bus "0000:15"
	const char *last;    // of a fold the last, else NULL
	const char *what;    // for a person: "NVIDIA H100 80GB HBM3", "Ethernet", "root port"
	const char *vendor, *device, *driver;
	const char *group; // IOMMU group; of a fold all of them: "34-49"
	const char *link, *link_max;
	const char *acs; // of a port: the controls that are on; without an IOMMU those that it has
	const char *numa_node;
	const char *vgpu; // what VFs of a fold carry: vGPUs by number
	bool group_predicted;
	bool acs_off;      // the kernel turns ACS on with the IOMMU, which is off
	bool link_reduced; // narrower or slower than it could be
	bool open;         // a port of a switch that does not redirect
	enum hp_topology_peers peers;
	enum hp_topology_color color;
	const struct hp_accelerator *accelerator;
	const struct hp_offer *offer; // its best
	size_t count;                 // of functions that it stands for
	size_t parent;                // a node before it, HP_TOPOLOGY_TOP without one
	size_t depth;
};

#define HP_TOPOLOGY_TOP ((size_t)-1)

struct hp_topology {
	const char *host;
	const char *summary;            // what there is, in one line
	const char *iommu;              // state of the IOMMU, and what follows for the groups
	const char *fabric;             // of NVLink, NULL without any
	struct hp_topology_node *nodes; // parents before their children, which follow at once
	size_t count;
	size_t folded; // functions that stand in no row of their own
	struct hp_pool *pool;
};

/* The tree of a host of the verdict; `db` holds its facts and the knowledge. `all`: nothing is
 * folded. */
int hp_topology_new(sqlite3 *db, const struct hp_verdict_host *host, bool all,
                    struct hp_topology **ret, struct hp_error *err);
void hp_topology_free(struct hp_topology *topology);

/* The words of a kind and of a colour. */
const char *hp_topology_kind_name(enum hp_topology_kind kind);
const char *hp_topology_color_title(enum hp_topology_color color);
/* The verdict in words: "qemu-vfio on, reachable (reboot)", a new string; NULL where nothing is
 * judged. */
char *hp_topology_verdict(const struct hp_topology_node *node);
/* "0000:3b:00.0 – 0000:3b:02.1", a new string. */
char *hp_topology_place(const struct hp_topology_node *node);

/* The tree as rows: one a node, those of several hosts in one listing. */
extern const struct hp_column hp_topology_columns[];
extern const size_t hp_topology_column_count;
void hp_topology_add_rows(const struct hp_topology *topology, struct hp_table *table);

/* The tree in Graphviz's language. */
void hp_topology_dot(const struct hp_topology *topology, struct hp_text *to);
/* That, drawn by Graphviz: a new string. -ENOTSUP where there is no Graphviz. */
int hp_topology_svg(const struct hp_topology *topology, char **ret, struct hp_error *err);
