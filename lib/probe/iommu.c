// The IOMMU: units, groups, and what VFIO shows of them. SPDX-License-Identifier: Apache-2.0
#include "probe/owner.h"
#include "probe/probes.h"

#include "base/cleanup.h"
#include "base/database.h"
#include "base/text.h"
#include "facts/cmdline.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define GROUPS "/sys/kernel/iommu_groups"
#define UNITS  "/sys/class/iommu"
#define TABLES "/sys/firmware/acpi/tables"
#define IRQS   "/sys/kernel/irq"
#define VFIO   "/dev/vfio"

struct scan {
	struct hp_host *host;
	struct hp_facts *facts;
	struct hp_error *err;
	struct hp_row row;      // of table iommu
	struct hp_names groups; // that the kernel shows
	int groups_listed;      // what listing them returned
	struct hp_names nodes;  // in /dev/vfio
	bool nodes_known;
	bool identity, translated; // default domains that groups were seen to have
};

/* 'present', 'none', or nothing where that cannot be told. */
static void put_presence(struct scan *scan, int column, const char *path)
{
	int exists = hp_host_exists(scan->host, path);
	if (exists >= 0)
		hp_row_text(&scan->row, column, exists ? "present" : "none");
}

/* A group that VFIO made up for its unsafe mode is no proof of an IOMMU. */
static bool is_real_group(struct scan *scan, const char *group)
{
	char name[64];
	ssize_t length = hp_host_readf(scan->host, name, sizeof(name), GROUPS "/%s/name", group);
	return length < 0 || strcmp(name, "vfio-noiommu") != 0;
}

/* A directory that was listed, or that the host does not have. */
static bool is_known(int listed)
{
	return listed == 0 || listed == -ENOENT;
}

static void put_state(struct scan *scan)
{
	for (size_t i = 0; i < scan->groups.count; i++)
		if (is_real_group(scan, scan->groups.names[i])) {
			hp_row_text(&scan->row, HP_IOMMU_STATE, "on");
			return;
		}
	if (is_known(scan->groups_listed))
		hp_row_text(&scan->row, HP_IOMMU_STATE, "off");
}

/* == units == */

static const struct {
	const char *prefix, *kind;
} unit_kinds[] = {
    {"dmar", "intel"},     {"ivhd", "amd"},      {"smmu3.", "arm-smmu-v3"},
    {"smmu.", "arm-smmu"}, {"virtio", "virtio"}, {"s390-iommu", "s390"},
};

static const char *unit_kind(const char *name)
{
	for (size_t i = 0; i < HP_COUNT(unit_kinds); i++)
		if (hp_starts_with(name, unit_kinds[i].prefix))
			return unit_kinds[i].kind;
	return "other";
}

/* Intel's capability register holds the widest guest address less one in bits 16 to 21. */
static int intel_address_bits(struct scan *scan, const char *unit)
{
	char text[32];
	uint64_t capability;
	if (hp_host_readf(scan->host, text, sizeof(text), UNITS "/%s/intel-iommu/cap", unit) < 0 ||
	    sscanf(text, "%" SCNx64, &capability) != 1)
		return 0;
	return (int)(capability >> 16 & 0x3f) + 1;
}

static int put_intel_bits(struct scan *scan, const struct hp_names *units)
{
	int least = 0;
	char source[160] = "";
	for (size_t i = 0; i < units->count; i++) {
		int bits = intel_address_bits(scan, units->names[i]);
		if (!bits || (least && bits >= least))
			continue;
		least = bits;
		snprintf(source, sizeof(source), UNITS "/%s/intel-iommu/cap", units->names[i]);
	}
	if (!least)
		return 0;
	hp_row_number(&scan->row, HP_IOMMU_ADDRESS_BITS, least);
	return hp_facts_origin(scan->facts, HP_TBL_IOMMU, "", "address_bits", source, scan->err);
}

/* AMD's table says it for all units: bits 15 to 21 of IVinfo, behind the 36 bytes of an ACPI head.
 */
static int put_amd_bits(struct scan *scan)
{
	enum { IVINFO = 36 };
	uint8_t table[64 * 1024];
	ssize_t length = hp_host_read(scan->host, TABLES "/IVRS", (char *)table, sizeof(table));
	if (length == -EACCES || length == -EPERM)
		return hp_probe_gap(scan->facts, TABLES "/IVRS", (int)length);
	if (length < IVINFO + 4 || memcmp(table, "IVRS", 4) != 0)
		return 0;
	uint32_t info =
	    table[IVINFO] | (uint32_t)table[IVINFO + 1] << 8 | (uint32_t)table[IVINFO + 2] << 16;
	int bits = info >> 15 & 0x7f;
	if (!bits)
		return 0;
	hp_row_number(&scan->row, HP_IOMMU_ADDRESS_BITS, bits);
	return hp_facts_origin(scan->facts, HP_TBL_IOMMU, "", "address_bits", TABLES "/IVRS",
	                       scan->err);
}

static int put_units(struct scan *scan)
{
	struct hp_names units hp_cleanup_names = {0};
	int r = hp_host_list(scan->host, UNITS, &units);
	if (!is_known(r))
		return hp_probe_gap(scan->facts, UNITS, r);
	const char *kind = units.count ? unit_kind(units.names[0]) : "none";
	hp_row_text(&scan->row, HP_IOMMU_KIND, kind);
	hp_row_number(&scan->row, HP_IOMMU_UNITS, (int64_t)units.count);
	if (!strcmp(kind, "intel"))
		return put_intel_bits(scan, &units);
	return strcmp(kind, "amd") ? 0 : put_amd_bits(scan);
}

static int put_firmware_table(struct scan *scan)
{
	static const char *const wanted[] = {"DMAR", "IVRS", "IORT", "VIOT"};
	struct hp_names tables hp_cleanup_names = {0};
	int r = hp_host_list(scan->host, TABLES, &tables);
	if (!is_known(r))
		return hp_probe_gap(scan->facts, TABLES, r);
	const char *found = "none";
	for (size_t i = 0; i < HP_COUNT(wanted) && !strcmp(found, "none"); i++)
		if (hp_probe_has_name(&tables, wanted[i]))
			found = wanted[i];
	hp_row_text(&scan->row, HP_IOMMU_FIRMWARE_TABLE, found);
	return 0;
}

/* == interrupt remapping == */

/* On x86 the kernel names a remapped I/O APIC IR-IO-APIC, and all of them are remapped or none. */
static const char *remapping_by_chip(const char *chip)
{
	if (hp_starts_with(chip, "IR-IO-APIC") || hp_starts_with(chip, "IR-PCI-MSI"))
		return "on";
	return hp_starts_with(chip, "IO-APIC") ? "off" : NULL;
}

/* The I/O APIC's lines have low numbers; machines without one have hundreds of others. */
enum { MOST_IRQS = 32 };

static int put_remapping(struct scan *scan)
{
	struct hp_names irqs hp_cleanup_names = {0};
	char chip[64], source[96];
	if (hp_host_list(scan->host, IRQS, &irqs) < 0)
		return 0;
	for (size_t i = 0; i < irqs.count && i < MOST_IRQS; i++) {
		snprintf(source, sizeof(source), IRQS "/%s/chip_name", irqs.names[i]);
		if (hp_host_read(scan->host, source, chip, sizeof(chip)) < 0)
			continue;
		const char *state = remapping_by_chip(chip);
		if (!state)
			continue;
		hp_row_text(&scan->row, HP_IOMMU_INTERRUPT_REMAPPING, state);
		return hp_facts_origin(scan->facts, HP_TBL_IOMMU, "", "interrupt_remapping", source,
		                       scan->err);
	}
	return 0;
}

/* == groups == */

/* Groups that hold something else than bridges and system peripherals; at level 0 only these are
 * asked for more than their number. */
static int load_interesting(struct scan *scan, struct hp_text *ret)
{
	sqlite3_stmt *statement hp_cleanup_statement = NULL;
	int r =
	    hp_db_prepare(hp_facts_db(scan->facts),
	                  "SELECT DISTINCT iommu_group FROM pci_function WHERE host = ?1 AND "
	                  "iommu_group <> 'none' AND (class IS NULL OR substr(class, 1, 2) IN "
	                  "('02', '03', '04', '0b', '0c', '12') OR substr(class, 1, 4) = '0680')",
	                  &statement, scan->err);
	if (r < 0)
		return r;
	sqlite3_bind_text(statement, 1, hp_facts_host(scan->facts), -1, SQLITE_STATIC);
	while ((r = hp_db_step(statement, scan->err)) > 0)
		hp_text_printf(ret, "%s ", hp_db_text(statement, 0));
	return r;
}

static void put_type(struct scan *scan, struct hp_row *row, const char *group)
{
	char type[32];
	if (hp_host_readf(scan->host, type, sizeof(type), GROUPS "/%s/type", group) <= 0)
		return;
	hp_utf8_repair(type);
	hp_row_text(row, HP_IOMMU_GROUP_TYPE, type);
	scan->identity |= !strcmp(type, "identity");
	scan->translated |= hp_starts_with(type, "DMA");
}

/* Lines "0xSTART 0xEND TYPE". */
static void put_reserved(struct scan *scan, struct hp_row *row, const char *group)
{
	struct hp_text text hp_cleanup_text = {0};
	char path[96], type[32];
	int direct = 0, relaxable = 0;
	snprintf(path, sizeof(path), GROUPS "/%s/reserved_regions", group);
	if (hp_host_read_text(scan->host, path, 64 * 1024, &text) < 0)
		return;
	for (const char *at = hp_text_get(&text); at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (sscanf(at, "%*s %*s %31s", type) != 1)
			continue;
		direct += !strcmp(type, "direct");
		relaxable += !strcmp(type, "direct-relaxable");
	}
	hp_row_number(row, HP_IOMMU_GROUP_RESERVED_DIRECT, direct);
	hp_row_number(row, HP_IOMMU_GROUP_RESERVED_RELAXABLE, relaxable);
}

static void put_node(struct scan *scan, struct hp_row *row, const char *group)
{
	char path[96], text[160];
	struct hp_stat stat;
	if (!hp_probe_has_name(&scan->nodes, group)) {
		hp_row_text(row, HP_IOMMU_GROUP_VFIO_NODE, scan->nodes_known ? "none" : NULL);
		return;
	}
	hp_row_text(row, HP_IOMMU_GROUP_VFIO_NODE, "present");
	snprintf(path, sizeof(path), VFIO "/%s", group);
	if (hp_host_stat(scan->host, path, &stat) < 0)
		return;
	hp_owner_text(scan->host, &stat, text, sizeof(text));
	hp_row_text(row, HP_IOMMU_GROUP_VFIO_NODE_OWNER, text);
	snprintf(text, sizeof(text), "%o", stat.mode & 07777u);
	hp_row_text(row, HP_IOMMU_GROUP_VFIO_NODE_MODE, text);
}

static int put_group(struct scan *scan, const char *group, bool ask)
{
	struct hp_row row = hp_row_begin(scan->facts, HP_TBL_IOMMU_GROUP);
	hp_row_text(&row, HP_IOMMU_GROUP_IOMMU_GROUP, group);
	if (ask) {
		put_type(scan, &row, group);
		put_reserved(scan, &row, group);
	}
	put_node(scan, &row, group);
	return hp_row_put(&row, scan->err);
}

static int put_groups(struct scan *scan)
{
	struct hp_text interesting hp_cleanup_text = {0};
	int r = load_interesting(scan, &interesting);
	bool all = hp_host_level(scan->host) > 0;
	for (size_t i = 0; r == 0 && i < scan->groups.count; i++) {
		const char *group = scan->groups.names[i];
		r = put_group(scan, group, all || hp_has_word(hp_text_get(&interesting), group));
	}
	if (r < 0)
		return r;
	if (!is_known(scan->groups_listed))
		return hp_probe_gap(scan->facts, GROUPS, scan->groups_listed);
	return hp_facts_observed(scan->facts, HP_TBL_IOMMU_GROUP, "", "complete", scan->err);
}

/* == policy == */

/* `data` is an int that holds what was asked for last: 1, 0, or -1. The kernel takes iommu= as a
 * list. */
static void take_option(void *data, const char *name, const char *value)
{
	int *asked = data;
	hp_cleanup_free char *copy = hp_strdup(value ? value : "");
	char *rest = copy, *word;
	bool x86 = !strcmp(name, "iommu"), other = !strcmp(name, "iommu.passthrough");
	while ((x86 || other) && (word = strsep(&rest, ",")))
		if (!strcmp(word, x86 ? "pt" : "1"))
			*asked = 1;
		else if (!strcmp(word, x86 ? "nopt" : "0"))
			*asked = 0;
}

/* Where the command line does not say, the kernel's build decides, which the groups show. */
static int put_passthrough(struct scan *scan)
{
	struct hp_text line hp_cleanup_text = {0};
	int asked = -1;
	hp_host_read_text(scan->host, "/proc/cmdline", 64 * 1024, &line);
	hp_cmdline_parse(hp_text_get(&line), take_option, &asked);
	if (asked >= 0)
		hp_row_number(&scan->row, HP_IOMMU_PASSTHROUGH, asked);
	if (asked >= 0 || (!scan->identity && !scan->translated))
		return 0;
	hp_row_number(&scan->row, HP_IOMMU_PASSTHROUGH, !scan->translated);
	return hp_facts_origin(scan->facts, HP_TBL_IOMMU, "", "passthrough", GROUPS "/*/type",
	                       scan->err);
}

static void put_noiommu(struct scan *scan)
{
	static const char *const path = "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode";
	char value[8];
	ssize_t length = hp_host_read(scan->host, path, value, sizeof(value));
	if (length > 0)
		hp_row_number(&scan->row, HP_IOMMU_NOIOMMU, *value == 'Y' || *value == '1');
	else if (length == -ENOENT)
		hp_row_number(&scan->row, HP_IOMMU_NOIOMMU, 0);
}

static void list(struct scan *scan)
{
	scan->groups_listed = hp_host_list(scan->host, GROUPS, &scan->groups);
	scan->nodes_known = is_known(hp_host_list(scan->host, VFIO, &scan->nodes));
}

static int probe_all(struct scan *scan)
{
	list(scan);
	scan->row = hp_row_begin(scan->facts, HP_TBL_IOMMU);
	put_state(scan);
	put_noiommu(scan);
	put_presence(scan, HP_IOMMU_IOMMUFD, "/dev/iommu");
	put_presence(scan, HP_IOMMU_VFIO_CDEV, VFIO "/devices");
	int r = put_units(scan);
	if (r == 0)
		r = put_firmware_table(scan);
	if (r == 0)
		r = put_remapping(scan);
	if (r == 0)
		r = put_groups(scan);
	if (r == 0)
		r = put_passthrough(scan);
	return r < 0 ? r : hp_row_put(&scan->row, scan->err);
}

int hp_probe_iommu(struct hp_host *host, struct hp_facts *facts,
                   const struct hp_probe_options *options HP_UNUSED, struct hp_error *err)
{
	struct scan scan = {.host = host, .facts = facts, .err = err};
	int r = probe_all(&scan);
	hp_names_free(&scan.groups);
	hp_names_free(&scan.nodes);
	return r;
}
