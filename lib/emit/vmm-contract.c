// What a VMM owes the devices and their drivers: for the maker of one. As text, and as JSON.
// SPDX-License-Identifier: Apache-2.0
//
// Two sources make a row: what knowledge expects of such a board (vmm_contract.csv, the most
// specific row of an item), and what this host shows of this one. Where both speak, the host's word
// stands beside: a board may be set otherwise than others of its model.
#include "base/cleanup.h"
#include "base/database.h"
#include "emit/emitters.h"

#include <string.h>

/* What the host shows of an item: ?2 is the function that is handed over. */
static const struct shown {
	const char *item, *sql, *file;
	bool beside; // not without an expectation: today's driver need not be the one
} shown[] = {
    {.item = "msix",
     .sql = "SELECT CASE WHEN msix_vectors = 0 THEN 'none' ELSE msix_vectors || ' vectors' END"
            " FROM pci_function WHERE host = ?1 AND address = ?2",
     .file = "config"},
    {.item = "intx",
     .sql = "SELECT CASE interrupt_pin WHEN 'none' THEN 'none' ELSE 'pin ' || interrupt_pin END"
            " FROM pci_function WHERE host = ?1 AND address = ?2",
     .file = "config"},
    {.item = "reset",
     .sql = "SELECT reset_methods FROM pci_function WHERE host = ?1 AND address = ?2",
     .file = "reset_method"},
    {.item = "ats",
     .sql = "SELECT CASE ats WHEN 1 THEN 'capability' WHEN 0 THEN 'none' END"
            " FROM pci_function WHERE host = ?1 AND address = ?2",
     .file = "config"},
    {.item = "rom",
     .sql = "SELECT size_text(size_bytes) FROM pci_bar"
            " WHERE host = ?1 AND address = ?2 AND kind = 'rom' AND size_bytes > 0",
     .file = "resource"},
    {.item = "host-driver",
     .sql = "SELECT driver FROM pci_function WHERE host = ?1 AND address = ?2 AND driver <> 'none'",
     .file = "driver",
     .beside = true},
};

// Rows of both kinds have one form: what, why, by whom, and when it was read.
static const char contract_sql[] =
    "SELECT item, value, why, source, checked FROM (SELECT v.*, row_number() OVER ("
    "  PARTITION BY v.item ORDER BY CASE v.match_kind WHEN 'id' THEN 0 WHEN 'model' THEN 1"
    "  WHEN 'generation' THEN 2 ELSE 3 END, v.share = '*', v.vendor = '*') AS place"
    " FROM accelerator a JOIN vmm_contract v ON v.vendor IN (a.vendor, '*')"
    "  AND v.share IN (?3, '*') AND (v.match_kind = 'any'"
    "   OR (v.match_kind = 'id' AND v.match_value = a.device)"
    "   OR (v.match_kind = 'model' AND v.match_value = a.model)"
    "   OR (v.match_kind = 'generation' AND v.match_value = a.generation))"
    " WHERE a.host = ?1 AND a.address = ?2) WHERE place = 1 ORDER BY value <> 'required', item";

/* The board's own BARs where they were seen, else those that such boards are known to have. A size
 * that the kernel forgot is looked up, too. */
static const char bar_sql[] =
    "SELECT b.bar, coalesce(b.size_bytes, k.size_bytes), b.bits64, b.prefetchable,"
    " '/sys/bus/pci/devices/' || b.address || '/resource'"
    " FROM pci_bar b LEFT JOIN pci_function f ON f.host = b.host AND f.address = b.address"
    " LEFT JOIN device_bar k ON k.vendor = f.vendor AND k.device = f.device AND k.bar = b.bar"
    " WHERE b.host = ?1 AND b.address = ?2 AND b.kind = 'bar' AND b.io IS NOT 1"
    " AND b.size_bytes IS NOT 0"
    " UNION ALL"
    " SELECT k.bar, k.size_bytes, k.bits64, k.prefetchable, k.source FROM accelerator a"
    " JOIN device_bar k ON k.vendor = a.vendor AND k.device = a.device"
    " WHERE a.host = ?1 AND a.address = ?2 AND a.is_vf = 0 AND NOT EXISTS (SELECT 1 FROM pci_bar b"
    "  WHERE b.host = a.host AND b.address = a.address AND b.kind = 'bar') ORDER BY 1";

static int prepare(const struct hp_emit *emit, const char *sql, const char *address,
                   const char *share, sqlite3_stmt **ret, struct hp_error *err)
{
	int code = hp_db_prepare(emit->db, sql, ret, err);
	if (code)
		return code;
	sqlite3_bind_text(*ret, 1, emit->host->name, -1, SQLITE_STATIC);
	sqlite3_bind_text(*ret, 2, address, -1, SQLITE_STATIC);
	if (share)
		sqlite3_bind_text(*ret, 3, share, -1, SQLITE_STATIC);
	return 0;
}

static json_t *flag(sqlite3_stmt *row, int column)
{
	bool unknown = sqlite3_column_type(row, column) == SQLITE_NULL;
	return unknown ? json_null() : json_boolean(sqlite3_column_int(row, column));
}

static json_t *number(sqlite3_stmt *row, int column)
{
	bool unknown = sqlite3_column_type(row, column) == SQLITE_NULL;
	return unknown ? json_null() : json_integer(sqlite3_column_int64(row, column));
}

/* Which function's memory the guest maps; an mdev has what its driver makes of it. */
static json_t *bars_of(const struct hp_emit *emit, const struct hp_emit_device *device,
                       struct hp_error *err)
{
	json_t *bars = json_array();
	if (device->way == HP_WAY_MDEV || !device->address)
		return bars;
	sqlite3_stmt *row hp_cleanup_statement = NULL;
	int code = prepare(emit, bar_sql, device->address, NULL, &row, err);
	while (!code && (code = hp_db_step(row, err)) == 1) {
		json_t *bar = sqlite3_column_int(row, 0) < 0 ? json_null() : number(row, 0);
		json_array_append_new(bars, json_pack("{so so so so ss}", "bar", bar, "size_bytes",
		                                      number(row, 1), "bits64", flag(row, 2),
		                                      "prefetchable", flag(row, 3), "source",
		                                      hp_db_text(row, 4)));
		code = 0;
	}
	return bars;
}

static json_t *find_item(json_t *items, const char *item, bool add)
{
	size_t i;
	json_t *row;
	json_array_foreach(items, i, row)
	{
		if (!strcmp(json_string_value(json_object_get(row, "item")), item))
			return row;
	}
	if (!add)
		return NULL;
	row = json_pack("{ss}", "item", item);
	json_array_append_new(items, row);
	return row;
}

static json_t *items_of(const struct hp_emit *emit, const struct hp_emit_device *device,
                        struct hp_error *err)
{
	json_t *items = json_array();
	sqlite3_stmt *row hp_cleanup_statement = NULL;
	int code = prepare(emit, contract_sql, device->accelerator->address,
	                   device->offer->surface->share, &row, err);
	while (!code && (code = hp_db_step(row, err)) == 1) {
		json_array_append_new(
		    items, json_pack("{ss ss ss ss ss}", "item", hp_db_text(row, 0), "value",
		                     hp_db_text(row, 1), "why", hp_db_text(row, 2), "source",
		                     hp_db_text(row, 3), "checked", hp_db_text(row, 4)));
		code = 0;
	}
	for (size_t i = 0; device->address && i < HP_COUNT(shown); i++) {
		hp_cleanup_free char *seen = hp_emit_text(emit, shown[i].sql, device->address);
		json_t *item = seen ? find_item(items, shown[i].item, !shown[i].beside) : NULL;
		if (!item)
			continue;
		json_object_set_new(item, "here", json_string(seen));
		json_object_set_new(
		    item, "here_source",
		    json_sprintf("/sys/bus/pci/devices/%s/%s", device->address, shown[i].file));
	}
	if (device->companions)
		json_object_set_new(find_item(items, "companions", true), "here",
		                    json_string(device->companions));
	return items;
}

static json_t *device_document(const struct hp_emit *emit, const struct hp_emit_device *device,
                               struct hp_error *err)
{
	static const char *const ways[] = {[HP_WAY_VFIO] = "vfio",
	                                   [HP_WAY_MDEV] = "mdev",
	                                   [HP_WAY_VENDOR_VFIO] = "vendor-vfio",
	                                   [HP_WAY_DRIVER] = "driver"};
	const struct hp_accelerator *board = device->accelerator;
	return json_pack("{ss? ss? ss? ss? ss? ss ss ss? so so}", "address", device->address,
	                 "board", board->address, "name", board->name, "vendor", board->vendor,
	                 "device", board->device, "share", device->offer->surface->share, "way",
	                 ways[device->way], "type", device->type, "bars",
	                 bars_of(emit, device, err), "expects", items_of(emit, device, err));
}

/* The window by the BARs that were listed, where all of them are; -1 else. */
static int64_t listed_window(const json_t *devices)
{
	size_t i, k;
	json_t *device, *bar;
	int64_t sum = 0, window = 1;
	json_array_foreach(devices, i, device)
	{
		const json_t *bars = json_object_get(device, "bars");
		json_array_foreach(bars, k, bar)
		{
			int64_t size = json_integer_value(json_object_get(bar, "size_bytes"));
			if (!json_is_integer(json_object_get(bar, "bar")) ||
			    !json_is_integer(json_object_get(bar, "size_bytes")) ||
			    size > INT64_MAX / 4 - sum)
				return -1;
			sum += size;
		}
		if (!json_array_size(bars))
			return -1;
	}
	while (window < sum)
		window *= 2;
	return window;
}

static json_t *document_of(const struct hp_emit *emit, struct hp_error *err)
{
	json_t *devices = json_array();
	for (size_t i = 0; i < emit->count; i++)
		json_array_append_new(devices, device_document(emit, &emit->devices[i], err));
	int64_t window = hp_emit_window(emit);
	if (window < 0)
		window = listed_window(devices);
	return json_pack("{ss so so}", "schema", "happypath.vmm-contract/1", "window_bytes",
	                 window < 0 ? json_null() : json_integer(window), "devices", devices);
}

// -- the same for reading --

static const char *text_of(const json_t *row, const char *key)
{
	return json_string_value(json_object_get(row, key));
}

static const char *words(const json_t *value, const char *yes, const char *no, const char *unknown)
{
	return json_is_true(value) ? yes : json_is_false(value) ? no : unknown;
}

static void print_bar(struct hp_text *to, const json_t *bar)
{
	json_int_t number = json_integer_value(json_object_get(bar, "bar"));
	const json_t *bytes = json_object_get(bar, "size_bytes");
	hp_cleanup_free char *size = hp_size_text(json_integer_value(bytes));
	if (json_is_integer(json_object_get(bar, "bar")))
		hp_text_printf(to, "  BAR %d", (int)number);
	else
		hp_text_printf(to, "  largest BAR");
	hp_text_printf(to, ": %s, %s, %s\n    [%s]\n",
	               json_is_integer(bytes) ? size : "size not known",
	               words(json_object_get(bar, "bits64"), "64-bit", "32-bit", "width not known"),
	               words(json_object_get(bar, "prefetchable"), "prefetchable",
	                     "not prefetchable", "prefetchable or not is not known"),
	               text_of(bar, "source"));
}

static void print_item(struct hp_text *to, const json_t *row)
{
	const char *value = text_of(row, "value"), *here = text_of(row, "here");
	const char *source = text_of(row, "here_source");
	hp_text_printf(to, "  %s: %s\n", text_of(row, "item"), value ? value : here);
	if (value && here)
		hp_text_printf(to, "    here: %s\n", here);
	if (value)
		hp_text_printf(to, "    %s\n    [%s, read %s]\n", text_of(row, "why"),
		               text_of(row, "source"), text_of(row, "checked"));
	if (here && source)
		hp_text_printf(to, "    [%s]\n", source);
}

static void print_device(struct hp_text *to, const json_t *device)
{
	size_t i;
	json_t *row;
	const char *name = text_of(device, "name"), *address = text_of(device, "address");
	hp_text_printf(to, "\n%s: %s [%s:%s], %s by %s\n",
	               address ? address : text_of(device, "board"), name ? name : "unknown",
	               text_of(device, "vendor"), text_of(device, "device"),
	               text_of(device, "share"), text_of(device, "way"));
	json_array_foreach(json_object_get(device, "bars"), i, row) print_bar(to, row);
	json_array_foreach(json_object_get(device, "expects"), i, row) print_item(to, row);
}

static void print_contract(struct hp_text *to, const json_t *document)
{
	size_t i;
	json_t *device;
	const json_t *window = json_object_get(document, "window_bytes");
	hp_cleanup_free char *size = hp_size_text(json_integer_value(window));
	hp_text_printf(to, "What a VMM owes these devices and their drivers. 64-bit window: %s.\n",
	               json_is_integer(window) ? size : "not known, for a BAR is not");
	json_array_foreach(json_object_get(document, "devices"), i, device)
	    print_device(to, device);
}

int hp_emit_vmm_contract(const struct hp_emit *emit, struct hp_emission *to, struct hp_error *err)
{
	struct hp_error failure = {0};
	json_t *document = document_of(emit, &failure);
	if (failure.code) {
		json_decref(document);
		return hp_fail(err, failure.code, "%s", failure.message);
	}
	if (strcmp(emit->variant, "json") == 0) {
		to->document = document;
		return 0;
	}
	print_contract(&to->text, document);
	json_decref(document);
	return 0;
}
