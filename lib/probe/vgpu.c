// How the host offers vGPUs: mode of each PF and VF, types that can be made.
// SPDX-License-Identifier: Apache-2.0
#include "probe/pci.h"
#include "probe/probes.h"

#include "base/cleanup.h"
#include "base/database.h"
#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MDEV_BUS "/sys/class/mdev_bus"
#define DEVICES  "/sys/bus/pci/devices"

/* A PCI function that could carry vGPUs, or be one. */
struct function {
	char address[HP_ADDRESS_SIZE];
	char pf[HP_ADDRESS_SIZE]; // the PF of a VF, "" if it is none or that is not known
	char witness[96];         // what shows the mode
	bool identified;          // its vendor is known
	bool asked;               // it was seen whole: a mode that is not shown is not there
	long long vfs;            // VFs that it has, -1 unknown
	size_t vfs_seen;
	const char *mode;
};

struct scan {
	struct hp_host *host;
	struct hp_facts *facts;
	struct hp_error *err;
	struct function *functions;
	size_t count;
	struct hp_names parents; // of mediated devices
	bool parents_known;
};

static void copy(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from && strcmp(from, "none") ? from : "");
}

static struct function *find(struct scan *scan, const char *address)
{
	for (size_t i = 0; *address && i < scan->count; i++)
		if (!strcmp(scan->functions[i].address, address))
			return &scan->functions[i];
	return NULL;
}

/* GPUs and other accelerators, and what is not known not to be one. */
static int load_functions(struct scan *scan)
{
	sqlite3_stmt *statement hp_cleanup_statement = NULL;
	int r =
	    hp_db_prepare(hp_facts_db(scan->facts),
	                  "SELECT address, physical_function, coalesce(sriov_numvfs, -1), vendor "
	                  "FROM pci_function WHERE host = ?1 AND (class IS NULL OR "
	                  "substr(class, 1, 2) IN ('03', '0b', '12')) ORDER BY address",
	                  &statement, scan->err);
	if (r < 0)
		return r;
	sqlite3_bind_text(statement, 1, hp_facts_host(scan->facts), -1, SQLITE_STATIC);
	while ((r = hp_db_step(statement, scan->err)) > 0) {
		scan->functions =
		    hp_realloc(scan->functions, (scan->count + 1) * sizeof(*scan->functions));
		struct function *f = &scan->functions[scan->count++];
		*f = (struct function){.vfs = sqlite3_column_int64(statement, 2)};
		copy(f->address, sizeof(f->address), hp_db_text(statement, 0));
		copy(f->pf, sizeof(f->pf), hp_db_text(statement, 1));
		f->identified = hp_db_text(statement, 3);
		f->asked = hp_db_text(statement, 1) && f->identified;
	}
	return r;
}

/* Parents of mediated devices: as their class lists them, and as living devices show them. */
static void mark_parent(struct scan *scan, const char *address, const char *directory,
                        const char *name)
{
	struct function *f = find(scan, address);
	if (!f || f->mode)
		return;
	f->mode = *f->pf ? "sriov-mdev" : "mdev";
	snprintf(f->witness, sizeof(f->witness), "%s/%s", directory, name);
}

static int mark_living(struct scan *scan)
{
	sqlite3_stmt *statement hp_cleanup_statement = NULL;
	int r =
	    hp_db_prepare(hp_facts_db(scan->facts),
	                  "SELECT parent, min(uuid) FROM mdev WHERE host = ?1 AND parent IS NOT "
	                  "NULL GROUP BY parent ORDER BY parent",
	                  &statement, scan->err);
	if (r < 0)
		return r;
	sqlite3_bind_text(statement, 1, hp_facts_host(scan->facts), -1, SQLITE_STATIC);
	while ((r = hp_db_step(statement, scan->err)) > 0)
		mark_parent(scan, hp_db_text(statement, 0), "/sys/bus/mdev/devices",
		            hp_db_text(statement, 1));
	return r;
}

static int mark_parents(struct scan *scan)
{
	int r = hp_host_list(scan->host, MDEV_BUS, &scan->parents);
	scan->parents_known = r == 0 || r == -ENOENT;
	for (size_t i = 0; i < scan->parents.count; i++)
		mark_parent(scan, scan->parents.names[i], MDEV_BUS, scan->parents.names[i]);
	return mark_living(scan);
}

static int set_column(struct scan *scan, const char *sql, const char *address, const char *value)
{
	sqlite3_stmt *statement hp_cleanup_statement = NULL;
	int r = hp_db_prepare(hp_facts_db(scan->facts), sql, &statement, scan->err);
	if (r < 0)
		return r;
	sqlite3_bind_text(statement, 1, hp_facts_host(scan->facts), -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 2, address, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 3, value, -1, SQLITE_STATIC);
	r = hp_db_step(statement, scan->err);
	return r < 0 ? r : 0;
}

/* Where a copy of sysfs lacks the vendor, the directory that its driver made tells it. */
static int put_vendor(struct scan *scan, const struct function *f)
{
	int r =
	    set_column(scan, "UPDATE pci_function SET vendor = ?3 WHERE host = ?1 AND address = ?2",
	               f->address, "10de");
	return r < 0 ? r
	             : hp_facts_origin(scan->facts, HP_TBL_PCI_FUNCTION, f->address, "vendor",
	                               f->witness, scan->err);
}

/* In vendor-VFIO mode each VF has a directory of the driver's own, with the type that it is set to.
 */
static int read_vendor(struct scan *scan, struct function *f)
{
	char current[64];
	ssize_t length = hp_host_readf(scan->host, current, sizeof(current),
	                               DEVICES "/%s/nvidia/current_vgpu_type", f->address);
	f->asked &= length >= 0 || length == -ENOENT;
	if (length < 0)
		return 0;
	f->mode = "vendor-vfio";
	snprintf(f->witness, sizeof(f->witness), DEVICES "/%s/nvidia/current_vgpu_type",
	         f->address);
	hp_utf8_repair(current);
	int r = set_column(scan,
	                   "UPDATE pci_function SET vgpu_type_current = ?3 "
	                   "WHERE host = ?1 AND address = ?2",
	                   f->address, strcmp(current, "0") ? current : "none");
	return r < 0 || f->identified ? r : put_vendor(scan, f);
}

/* A PF offers what its VFs show; VFs that show nothing share the mode of their PF. */
static void spread(struct scan *scan)
{
	for (size_t i = 0; i < scan->count; i++) {
		struct function *vf = &scan->functions[i], *pf = find(scan, vf->pf);
		if (!pf)
			continue;
		pf->vfs_seen++;
		pf->asked &= vf->asked;
		if (vf->mode && !pf->mode) {
			pf->mode = vf->mode;
			snprintf(pf->witness, sizeof(pf->witness), "%s", vf->witness);
		}
	}
}

static const char *settle_mode(struct scan *scan, struct function *f)
{
	const struct function *pf = find(scan, f->pf);
	if (f->mode)
		return f->mode;
	if (pf && pf->mode) {
		snprintf(f->witness, sizeof(f->witness), "%s", pf->witness);
		return pf->mode;
	}
	bool all_vfs = f->vfs >= 0 ? (size_t)f->vfs == f->vfs_seen : *f->pf != '\0';
	return f->asked && scan->parents_known && all_vfs ? "none" : NULL;
}

static int put_mode(struct scan *scan, struct function *f)
{
	const char *mode = settle_mode(scan, f);
	if (!mode)
		return 0;
	int r = set_column(
	    scan, "UPDATE pci_function SET vgpu_mode = ?3 WHERE host = ?1 AND address = ?2",
	    f->address, mode);
	if (r < 0 || !*f->witness)
		return r;
	return hp_facts_origin(scan->facts, HP_TBL_PCI_FUNCTION, f->address, "vgpu_mode",
	                       f->witness, scan->err);
}

static void put_type_file(struct scan *scan, struct hp_row *row, int column, const char *directory,
                          const char *type, const char *file)
{
	char value[128];
	ssize_t length =
	    hp_host_readf(scan->host, value, sizeof(value), "%s/%s/%s", directory, type, file);
	int64_t number;
	if (length < 0)
		return;
	hp_utf8_repair(value);
	if (column != HP_VGPU_TYPE_AVAILABLE)
		hp_row_text(row, column, value);
	else if (hp_parse_s64(value, &number))
		hp_row_number(row, column, number);
}

static int put_mdev_types(struct scan *scan, const char *address)
{
	char directory[96];
	struct hp_names types hp_cleanup_names = {0};
	snprintf(directory, sizeof(directory), MDEV_BUS "/%s/mdev_supported_types", address);
	int r = hp_host_list(scan->host, directory, &types);
	if (r < 0)
		return 0;
	for (size_t i = 0; r == 0 && i < types.count; i++) {
		const char *type = types.names[i];
		struct hp_row row = hp_row_begin(scan->facts, HP_TBL_VGPU_TYPE);
		hp_row_text(&row, HP_VGPU_TYPE_ADDRESS, address);
		hp_row_text(&row, HP_VGPU_TYPE_TYPE, type);
		put_type_file(scan, &row, HP_VGPU_TYPE_NAME, directory, type, "name");
		put_type_file(scan, &row, HP_VGPU_TYPE_AVAILABLE, directory, type,
		              "available_instances");
		put_type_file(scan, &row, HP_VGPU_TYPE_DEVICE_API, directory, type, "device_api");
		r = hp_row_put(&row, scan->err);
	}
	return r < 0 ? r
	             : hp_facts_observed(scan->facts, HP_TBL_VGPU_TYPE, address, "complete",
	                                 scan->err);
}

/* A line "1148  : NVIDIA L40S-2Q" is a type that can be made on this VF now; "ID : vGPU Name" heads
 * them. */
static int put_creatable_line(struct scan *scan, const char *address, char *line)
{
	char *name = strchr(line, ':');
	uint64_t id;
	if (name)
		*name++ = '\0';
	char *type = hp_trim(line);
	if (!name || !hp_parse_u64(type, &id))
		return 0;
	struct hp_row row = hp_row_begin(scan->facts, HP_TBL_VGPU_TYPE);
	hp_row_text(&row, HP_VGPU_TYPE_ADDRESS, address);
	hp_row_text(&row, HP_VGPU_TYPE_TYPE, type);
	hp_row_text(&row, HP_VGPU_TYPE_NAME, hp_trim(name));
	hp_row_number(&row, HP_VGPU_TYPE_AVAILABLE, 1);
	int r = hp_row_put(&row, scan->err);
	char source[96];
	snprintf(source, sizeof(source), DEVICES "/%s/nvidia/creatable_vgpu_types", address);
	return r < 0
	           ? r
	           : hp_facts_origin(scan->facts, HP_TBL_VGPU_TYPE, address, "", source, scan->err);
}

static int put_creatable_types(struct scan *scan, const char *address)
{
	char path[96];
	struct hp_text text hp_cleanup_text = {0};
	snprintf(path, sizeof(path), DEVICES "/%s/nvidia/creatable_vgpu_types", address);
	int r = hp_host_read_text(scan->host, path, 64 * 1024, &text);
	if (r < 0)
		return 0;
	if (text.data)
		hp_utf8_repair(text.data);
	char *state, *line = text.data ? strtok_r(text.data, "\n", &state) : NULL;
	for (r = 0; r == 0 && line; line = strtok_r(NULL, "\n", &state))
		r = put_creatable_line(scan, address, line);
	return r < 0 ? r
	             : hp_facts_observed(scan->facts, HP_TBL_VGPU_TYPE, address, "complete",
	                                 scan->err);
}

static int probe_all(struct scan *scan)
{
	int r = load_functions(scan);
	if (r == 0)
		r = mark_parents(scan);
	for (size_t i = 0; r == 0 && i < scan->count; i++)
		r = read_vendor(scan, &scan->functions[i]);
	spread(scan);
	for (size_t i = 0; r == 0 && i < scan->count; i++)
		r = put_mode(scan, &scan->functions[i]);
	for (size_t i = 0; r == 0 && i < scan->parents.count; i++)
		if (hp_is_pci_address(scan->parents.names[i]))
			r = put_mdev_types(scan, scan->parents.names[i]);
	for (size_t i = 0; r == 0 && i < scan->count; i++)
		if (scan->functions[i].mode && !strcmp(scan->functions[i].mode, "vendor-vfio"))
			r = put_creatable_types(scan, scan->functions[i].address);
	return r;
}

int hp_probe_vgpu(struct hp_host *host, struct hp_facts *facts,
                  const struct hp_probe_options *options HP_UNUSED, struct hp_error *err)
{
	struct scan scan = {.host = host, .facts = facts, .err = err};
	int r = probe_all(&scan);
	hp_names_free(&scan.parents);
	free(scan.functions);
	return r;
}
