// The hosts and accelerators that are judged. SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "base/database.h"
#include "base/text.h"
#include "judge/parts.h"

#include <stdlib.h>
#include <string.h>

static int read_names(sqlite3 *db, struct hp_pool *pool, struct hp_verdict_host **ret,
                      size_t *ret_count, struct hp_error *err)
{
	hp_cleanup_statement sqlite3_stmt *query = NULL;
	int code = hp_db_prepare(
	    db,
	    "SELECT s.host, coalesce(m.root, -1), s.pci_seen,"
	    " CASE WHEN s.guest = 1 THEN m.hypervisor END,"
	    " nullif(trim(coalesce(nullif(m.vendor, 'none'), '') || ' '"
	    " || coalesce(nullif(m.product, 'none'), '')), '')"
	    " FROM host_summary s LEFT JOIN machine m ON m.host = s.host ORDER BY s.host",
	    &query, err);
	size_t most = (size_t)hp_db_number(db, "SELECT count(*) FROM host_summary", 0);
	*ret = hp_pool_alloc(pool, (most + 1) * sizeof(**ret));
	while (!code && (code = hp_db_step(query, err)) == 1) {
		(*ret)[(*ret_count)++] = (struct hp_verdict_host){
		    .name = hp_pool_strdup(pool, hp_db_text(query, 0)),
		    .root = sqlite3_column_int(query, 1),
		    .pci_seen = sqlite3_column_int(query, 2),
		    .hypervisor = hp_pool_strdup(pool, hp_db_text(query, 3)),
		    .machine = hp_pool_strdup(pool, hp_db_text(query, 4)),
		};
		code = 0;
	}
	return code;
}

static struct hp_accelerator accelerator_of(struct hp_pool *pool, sqlite3_stmt *row)
{
	return (struct hp_accelerator){
	    .address = hp_pool_strdup(pool, hp_db_text(row, 0)),
	    .parent = hp_pool_strdup(pool, hp_db_text(row, 1)),
	    .is_vf = sqlite3_column_int(row, 2),
	    .vendor = hp_pool_strdup(pool, hp_db_text(row, 3)),
	    .device = hp_pool_strdup(pool, hp_db_text(row, 4)),
	    .subsystem = hp_pool_strdup(pool, hp_db_text(row, 5)),
	    .kind = hp_pool_strdup(pool, hp_db_text(row, 6)),
	    .name = hp_pool_strdup(pool, hp_db_text(row, 7)),
	    .model = hp_pool_strdup(pool, hp_db_text(row, 8)),
	    .iommu_group = hp_pool_strdup(pool, hp_db_text(row, 9)),
	    .driver = hp_pool_strdup(pool, hp_db_text(row, 10)),
	    .group_predicted = sqlite3_column_int(row, 11),
	};
}

static int read_accelerators(sqlite3 *db, struct hp_pool *pool, struct hp_verdict_host *host,
                             struct hp_error *err)
{
	hp_cleanup_statement sqlite3_stmt *query = NULL;
	size_t size = 0;
	int code = hp_db_prepare(db,
	                         "SELECT address, nullif(parent, 'none'), is_vf, vendor, device,"
	                         " subsystem_vendor || ':' || subsystem_device, kind, name, model,"
	                         " nullif(iommu_group, 'none'), driver,"
	                         " iommu_group_origin = 'predicted' FROM accelerator"
	                         " WHERE host = ?1 ORDER BY address",
	                         &query, err);
	if (code)
		return code;
	sqlite3_bind_text(query, 1, host->name, -1, SQLITE_STATIC);
	struct hp_accelerator *rows = NULL;
	while ((code = hp_db_step(query, err)) == 1) {
		if (host->accelerator_count == size) {
			size = size ? 2 * size : 64;
			rows = hp_realloc(rows, size * sizeof(*rows));
		}
		rows[host->accelerator_count++] = accelerator_of(pool, query);
	}
	host->accelerators = hp_pool_alloc(pool, (host->accelerator_count + 1) * sizeof(*rows));
	if (rows)
		memcpy(host->accelerators, rows, host->accelerator_count * sizeof(*rows));
	free(rows);
	return code;
}

/* What a host says of itself may be any bytes. */
static const char *clean(struct hp_pool *pool, const char *text)
{
	char *copy = hp_pool_strdup(pool, text ? text : "");
	hp_one_line(copy);
	return copy;
}

static int read_gaps(sqlite3 *db, struct hp_pool *pool, struct hp_verdict_host *host,
                     struct hp_error *err)
{
	hp_cleanup_statement sqlite3_stmt *query = NULL;
	int code = hp_db_prepare(
	    db, "SELECT what, why, kind, count(*) OVER () FROM gap WHERE host = ?1 ORDER BY what",
	    &query, err);
	if (code)
		return code;
	sqlite3_bind_text(query, 1, host->name, -1, SQLITE_STATIC);
	while ((code = hp_db_step(query, err)) == 1) {
		if (!host->gaps)
			host->gaps = hp_pool_alloc(pool, (size_t)sqlite3_column_int64(query, 3) *
			                                     sizeof(*host->gaps));
		host->gaps[host->gap_count++] = (struct hp_gap){
		    .what = clean(pool, hp_db_text(query, 0)),
		    .why = clean(pool, hp_db_text(query, 1)),
		    .kind = hp_pool_strdup(pool, hp_db_text(query, 2)),
		};
	}
	return code;
}

int hp_hosts_read(struct hp_facts *facts, struct hp_pool *pool, struct hp_verdict_host **ret,
                  size_t *ret_count, struct hp_error *err)
{
	sqlite3 *db = hp_facts_db(facts);
	int code = read_names(db, pool, ret, ret_count, err);
	for (size_t i = 0; !code && i < *ret_count; i++)
		code = read_accelerators(db, pool, &(*ret)[i], err);
	for (size_t i = 0; !code && i < *ret_count; i++)
		code = read_gaps(db, pool, &(*ret)[i], err);
	return code;
}

/* What the host does with its accelerators now, by what runs on it. */
static const char in_use_sql[] =
    "SELECT CASE v.vmm WHEN 'qemu' THEN 'qemu-vfio' WHEN 'lkvm' THEN 'kvmtool' WHEN 'custom' THEN "
    "'custom-vmm'"
    " ELSE v.vmm END, NULL, 0 FROM running_vmm v WHERE v.host = ?1 AND v.vfio_devices > 0"
    " UNION SELECT 'qemu-vgpu', NULL, 0 FROM mdev WHERE host = ?1"
    " UNION SELECT 'qemu-vgpu', NULL, 0 FROM accelerator a JOIN pci_function f ON f.host = a.host"
    "  AND f.address = a.address WHERE a.host = ?1 AND a.is_vf = 1 AND f.vgpu_type_current <> "
    "'none'"
    " UNION SELECT 'kubernetes', NULL, 0 FROM kubernetes_node WHERE host = ?1 AND kubelet = "
    "'running'"
    " UNION SELECT 'container', NULL, 0 FROM service WHERE host = ?1 AND state = 'active'"
    "  AND service IN ('docker', 'podman', 'containerd', 'crio')"
    " UNION SELECT surface, share, share IS NOT NULL FROM intent WHERE host = ?1 AND surface IS "
    "NOT NULL"
    " UNION SELECT vmm, share, 0 FROM intent WHERE host = ?1 AND vmm IS NOT NULL";

/* `share` NULL: all of the surface. */
static void mark_surface(struct hp_verdict_host *host, const char *surface, const char *share,
                         bool wanted)
{
	for (size_t i = 0; i < host->accelerator_count; i++)
		for (size_t o = 0; o < host->accelerators[i].offer_count; o++) {
			struct hp_offer *offer = &host->accelerators[i].offers[o];
			if (strcmp(offer->surface->surface, surface) != 0 ||
			    (share && strcmp(offer->surface->share, share) != 0))
				continue;
			offer->in_use = true;
			offer->wanted |= wanted;
		}
}

int hp_host_mark_in_use(sqlite3 *db, struct hp_verdict_host *host, struct hp_error *err)
{
	hp_cleanup_statement sqlite3_stmt *query = NULL;
	int code = hp_db_prepare(db, in_use_sql, &query, err);
	if (code)
		return code;
	sqlite3_bind_text(query, 1, host->name, -1, SQLITE_STATIC);
	while ((code = hp_db_step(query, err)) == 1)
		mark_surface(host, hp_db_text(query, 0), hp_db_text(query, 1),
		             sqlite3_column_int(query, 2));
	return code;
}
