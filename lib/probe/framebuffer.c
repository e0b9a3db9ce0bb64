// Framebuffers that firmware or a driver set up, and whose BAR they lie in.
// SPDX-License-Identifier: Apache-2.0
#include "probe/pci.h"
#include "probe/probes.h"

#include "base/cleanup.h"
#include "base/database.h"
#include "base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PLATFORM "/sys/bus/platform/devices"
#define GRAPHICS "/sys/class/graphics"
#define IOMEM    "/proc/iomem"

struct scan {
	struct hp_host *host;
	struct hp_facts *facts;
	struct hp_error *err;
	struct hp_text iomem; // read when the first framebuffer of the firmware is met
};

/* What the firmware left, by the name of the device that the kernel makes of it. Names in
 * /proc/iomem are the driver's or, before one took it, the kernel's own. */
static const struct firmware {
	const char *device, *driver;
	const char *regions[4];
} firmware[] = {
    {"efi-framebuffer.0", "efifb", {"efifb", "efi-framebuffer.0", "BOOTFB"}},
    {"simple-framebuffer.0",
     "simplefb",
     {"simplefb", "simpledrm", "simple-framebuffer.0", "BOOTFB"}},
    {"vesa-framebuffer.0", "vesafb", {"vesafb", "vesa-framebuffer.0", "BOOTFB"}},
};

static bool is_region(const struct firmware *f, const char *name)
{
	for (size_t i = 0; i < HP_COUNT(f->regions) && f->regions[i]; i++)
		if (!strcmp(f->regions[i], name))
			return true;
	return false;
}

/* Finds "  e0000000-e0ffffff : efifb". Without privilege all numbers are 0. */
static bool find_region(struct scan *scan, const struct firmware *f, uint64_t *start, uint64_t *end)
{
	char name[64];
	for (const char *at = hp_text_get(&scan->iomem); at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (sscanf(at, " %" SCNx64 "-%" SCNx64 " : %63[^\n]", start, end, name) == 3 &&
		    is_region(f, name))
			return *end > *start && *end <= INT64_MAX;
	}
	return false;
}

static int read_iomem(struct scan *scan)
{
	if (scan->iomem.data)
		return 0;
	int r = hp_host_read_text(scan->host, IOMEM, 4 * 1024 * 1024, &scan->iomem);
	if (r < 0 && r != -ENOENT)
		return hp_probe_gap(scan->facts, IOMEM, r);
	return 0;
}

/* The function whose BAR holds the address; 'none' if the BARs of all functions are known and none
 * does. */
static int put_function(struct scan *scan, struct hp_row *row, uint64_t start)
{
	sqlite3_stmt *statement hp_cleanup_statement = NULL;
	int r = hp_db_prepare(
	    hp_facts_db(scan->facts),
	    "SELECT coalesce((SELECT address FROM pci_bar WHERE host = ?1 AND kind = 'bar' AND "
	    "assigned = 1 AND io = 0 AND start_address <= ?2 AND ?2 < start_address + size_bytes "
	    "ORDER BY address LIMIT 1), (SELECT 'none' WHERE NOT EXISTS (SELECT 1 FROM "
	    "pci_function f "
	    "LEFT JOIN observed o ON o.host = f.host AND o.tbl = 'pci_bar' AND o.subject = "
	    "f.address "
	    "WHERE f.host = ?1 AND (f.class IS NULL OR substr(f.class, 1, 2) = '03') AND o.state "
	    "IS NOT 'complete')))",
	    &statement, scan->err);
	if (r < 0)
		return r;
	sqlite3_bind_text(statement, 1, hp_facts_host(scan->facts), -1, SQLITE_STATIC);
	sqlite3_bind_int64(statement, 2, (int64_t)start);
	r = hp_db_step(statement, scan->err);
	if (r > 0)
		hp_row_text(row, HP_FRAMEBUFFER_ADDRESS, hp_db_text(statement, 0));
	return r < 0 ? r : 0;
}

/* simplefb and simpledrm are drivers of one name; only the latter makes a DRM device. */
static const char *firmware_driver(struct scan *scan, const struct firmware *f)
{
	char path[128], name[64];
	snprintf(path, sizeof(path), PLATFORM "/%s/driver", f->device);
	if (hp_host_link_name(scan->host, path, name, sizeof(name)) < 0)
		return "none";
	snprintf(path, sizeof(path), PLATFORM "/%s/drm", f->device);
	return hp_host_exists(scan->host, path) == 1 ? "simpledrm" : f->driver;
}

static int probe_firmware(struct scan *scan, const struct firmware *f)
{
	char path[128];
	uint64_t start, end;
	snprintf(path, sizeof(path), PLATFORM "/%s", f->device);
	if (hp_host_exists(scan->host, path) != 1)
		return 0;
	int r = read_iomem(scan);
	struct hp_row row = hp_row_begin(scan->facts, HP_TBL_FRAMEBUFFER);
	hp_row_text(&row, HP_FRAMEBUFFER_NAME, f->device);
	hp_row_text(&row, HP_FRAMEBUFFER_DRIVER, firmware_driver(scan, f));
	if (r == 0 && find_region(scan, f, &start, &end)) {
		hp_row_number(&row, HP_FRAMEBUFFER_START_ADDRESS, (int64_t)start);
		hp_row_number(&row, HP_FRAMEBUFFER_END_ADDRESS, (int64_t)end);
		r = put_function(scan, &row, start);
	}
	return r < 0 ? r : hp_row_put(&row, scan->err);
}

/* A framebuffer that a driver made on a PCI function; those of the firmware are on the platform
 * bus. */
static int probe_driver(struct scan *scan, const char *name)
{
	char path[128], where[512], driver[64], address[HP_ADDRESS_SIZE];
	snprintf(path, sizeof(path), GRAPHICS "/%s", name);
	bool found = false;
	if (!hp_starts_with(name, "fb") || !strcmp(name, "fbcon") ||
	    hp_host_link(scan->host, path, where, sizeof(where)) < 0)
		return 0;
	for (int skip = 1; skip <= 3 && !found; skip++)
		found = hp_pci_address_in(where, skip, address, sizeof(address));
	if (!found)
		return 0;
	struct hp_row row = hp_row_begin(scan->facts, HP_TBL_FRAMEBUFFER);
	hp_row_text(&row, HP_FRAMEBUFFER_NAME, name);
	hp_row_text(&row, HP_FRAMEBUFFER_ADDRESS, address);
	snprintf(path, sizeof(path), GRAPHICS "/%s/device/driver", name);
	if (hp_host_link_name(scan->host, path, driver, sizeof(driver)) > 0)
		hp_row_text(&row, HP_FRAMEBUFFER_DRIVER, driver);
	int r =
	    hp_facts_origin(scan->facts, HP_TBL_FRAMEBUFFER, name, "address", GRAPHICS, scan->err);
	return r < 0 ? r : hp_row_put(&row, scan->err);
}

static int probe_drivers(struct scan *scan)
{
	struct hp_names names hp_cleanup_names = {0};
	int r = hp_host_list(scan->host, GRAPHICS, &names);
	bool known = r == 0 || r == -ENOENT;
	r = 0;
	for (size_t i = 0; r == 0 && i < names.count; i++)
		r = probe_driver(scan, names.names[i]);
	bool platform = hp_host_exists(scan->host, PLATFORM) >= 0;
	if (r < 0 || !known || !platform)
		return r;
	return hp_facts_observed(scan->facts, HP_TBL_FRAMEBUFFER, "", "complete", scan->err);
}

int hp_probe_framebuffer(struct hp_host *host, struct hp_facts *facts,
                         const struct hp_probe_options *options HP_UNUSED, struct hp_error *err)
{
	struct scan scan = {.host = host, .facts = facts, .err = err};
	int r = 0;
	for (size_t i = 0; r == 0 && i < HP_COUNT(firmware); i++)
		r = probe_firmware(&scan, &firmware[i]);
	if (r == 0)
		r = probe_drivers(&scan);
	hp_text_free(&scan.iomem);
	return r;
}
