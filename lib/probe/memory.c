// Memory, its nodes and hugepages, and the limit on locking it. SPDX-License-Identifier: Apache-2.0
#include "probe/look.h"
#include "probe/memory.h"
#include "probe/probes.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

bool hp_memory_amount(const char *text, const char *key, int64_t *ret)
{
	char value[64];
	long long number;
	char unit[4] = "";
	if (!hp_find_value(text, key, ':', value, sizeof(value)) ||
	    sscanf(value, "%lld %3s", &number, unit) < 1 || number < 0 || number > INT64_MAX / 1024)
		return false;
	*ret = strcmp(unit, "kB") == 0 ? number * 1024 : number;
	return true;
}

static void put_amount(struct hp_row *row, int column, const char *text, const char *key)
{
	int64_t amount;
	if (hp_memory_amount(text, key, &amount))
		hp_row_number(row, column, amount);
}

bool hp_memlock_limit(const char *limits, int64_t *ret)
{
	static const char name[] = "Max locked memory";
	const char *line = strstr(limits, name);
	char soft[32];
	if (!line || sscanf(line + strlen(name), "%31s", soft) != 1)
		return false;
	if (strcmp(soft, "unlimited") == 0)
		*ret = -1;
	else if (!hp_parse_s64(soft, ret))
		return false;
	return true;
}

/* Whether the process has CAP_IPC_LOCK: the kernel then ignores RLIMIT_MEMLOCK when VFIO pins
 * memory. */
static bool ignores_memlock(const char *status)
{
	char text[32];
	unsigned long long capabilities;
	return hp_find_value(status, "CapEff", ':', text, sizeof(text)) &&
	       sscanf(text, "%llx", &capabilities) == 1 && (capabilities & 1ull << 14);
}

static void put_memlock(struct hp_host *host, struct hp_row *row)
{
	char limits[4096], status[4096];
	int64_t limit;
	if (hp_look_read(host, row->facts, "/proc/self/limits", limits, sizeof(limits)) !=
	        HP_LOOK_SEEN ||
	    !hp_memlock_limit(limits, &limit))
		return;
	bool ignored = hp_host_read(host, "/proc/self/status", status, sizeof(status)) > 0 &&
	               ignores_memlock(status);
	hp_row_number(row, HP_MEMORY_MEMLOCK_BYTES, ignored ? -1 : limit);
	hp_row_text(row, HP_MEMORY_MEMLOCK_OF, ignored ? "self, with CAP_IPC_LOCK" : "self");
}

static int put_memory(struct hp_host *host, struct hp_facts *facts, struct hp_error *err)
{
#define HUGE_1G "/sys/kernel/mm/hugepages/hugepages-1048576kB"
	char text[8192];
	struct hp_row row = hp_row_begin(facts, HP_TBL_MEMORY);
	static const int64_t none = 0;
	hp_look_read(host, facts, "/proc/meminfo", text, sizeof(text));
	put_amount(&row, HP_MEMORY_TOTAL_BYTES, text, "MemTotal");
	put_amount(&row, HP_MEMORY_AVAILABLE_BYTES, text, "MemAvailable");
	put_amount(&row, HP_MEMORY_HUGEPAGE_BYTES, text, "Hugepagesize");
	put_amount(&row, HP_MEMORY_HUGEPAGES_TOTAL, text, "HugePages_Total");
	put_amount(&row, HP_MEMORY_HUGEPAGES_FREE, text, "HugePages_Free");
	hp_look_put_number(host, &row, HP_MEMORY_HUGEPAGES_1G_TOTAL, HUGE_1G "/nr_hugepages",
	                   &none);
	hp_look_put_number(host, &row, HP_MEMORY_HUGEPAGES_1G_FREE, HUGE_1G "/free_hugepages",
	                   &none);
	put_memlock(host, &row);
	hp_look_put_number(host, &row, HP_MEMORY_OVERCOMMIT, "/proc/sys/vm/overcommit_memory",
	                   NULL);
	int r = hp_row_put(&row, err);
	return r < 0 ? r : hp_look_observed(host, facts, HP_TBL_MEMORY, "/proc", err);
}

/* Amounts of a node's meminfo, whose lines begin with "Node 0 ". */
static void put_node_amount(struct hp_row *row, int column, const char *text, int64_t node,
                            const char *key)
{
	hp_cleanup_free char *full = hp_asprintf("Node %lld %s", (long long)node, key);
	put_amount(row, column, text, full);
}

static int put_node(struct hp_host *host, struct hp_facts *facts, int64_t node,
                    struct hp_error *err)
{
	static const struct {
		const char *file;
		int column;
	} files[] = {
	    {"hugepages-2048kB/nr_hugepages", HP_MEMORY_NODE_HUGEPAGES_2M_TOTAL},
	    {"hugepages-2048kB/free_hugepages", HP_MEMORY_NODE_HUGEPAGES_2M_FREE},
	    {"hugepages-1048576kB/nr_hugepages", HP_MEMORY_NODE_HUGEPAGES_1G_TOTAL},
	    {"hugepages-1048576kB/free_hugepages", HP_MEMORY_NODE_HUGEPAGES_1G_FREE},
	};
	static const int64_t none = 0;
	char text[8192];
	struct hp_row row = hp_row_begin(facts, HP_TBL_MEMORY_NODE);
	hp_cleanup_free char *path =
	    hp_asprintf("/sys/devices/system/node/node%lld/meminfo", (long long)node);
	hp_row_number(&row, HP_MEMORY_NODE_NODE, node);
	hp_look_read(host, facts, path, text, sizeof(text));
	put_node_amount(&row, HP_MEMORY_NODE_TOTAL_BYTES, text, node, "MemTotal");
	put_node_amount(&row, HP_MEMORY_NODE_FREE_BYTES, text, node, "MemFree");
	for (size_t i = 0; i < HP_COUNT(files); i++) {
		hp_cleanup_free char *file =
		    hp_asprintf("/sys/devices/system/node/node%lld/hugepages/%s", (long long)node,
		                files[i].file);
		hp_look_put_number(host, &row, files[i].column, file, &none);
	}
	return hp_row_put(&row, err);
}

static int put_nodes(struct hp_host *host, struct hp_facts *facts, struct hp_error *err)
{
	hp_cleanup_names struct hp_names names = {0};
	int64_t node;
	if (hp_look_list(host, facts, "/sys/devices/system/node", &names) == HP_LOOK_UNKNOWN)
		return 0;
	for (size_t i = 0; i < names.count; i++) {
		if (!hp_starts_with(names.names[i], "node") ||
		    !hp_parse_s64(names.names[i] + strlen("node"), &node))
			continue;
		int r = put_node(host, facts, node, err);
		if (r < 0)
			return r;
	}
	return hp_facts_observed(facts, HP_TBL_MEMORY_NODE, "", "complete", err);
}

int hp_probe_memory(struct hp_host *host, struct hp_facts *facts,
                    const struct hp_probe_options *options, struct hp_error *err)
{
	(void)options;
	int r = put_memory(host, facts, err);
	return r < 0 ? r : put_nodes(host, facts, err);
}
