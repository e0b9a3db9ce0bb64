// Assumed facts. SPDX-License-Identifier: Apache-2.0
#include "facts/assume.h"
#include "base/cleanup.h"
#include "base/database.h"
#include "base/text.h"
#include "base/version.h"
#include "facts/value.h"

#include <errno.h>
#include <string.h>

#define ASSUMED "assumed"

// -- setting one value --

/* The name of the first column of the key behind the host, NULL for tables with one row a host. */
static const char *key_column(const struct hp_table_def *def)
{
	for (size_t i = 1; i < def->column_count; i++)
		if (def->columns[i].key)
			return def->columns[i].name;
	return NULL;
}

static int bind_value(sqlite3_stmt *statement, int at, const struct hp_column_def *column,
                      const char *text, struct hp_error *err)
{
	char buffer[HP_VALUE_SIZE];
	int64_t number;
	int code = column->integer ? hp_value_number(column, text, &number, err)
	                           : hp_value_text(column, text, buffer, &text, err);
	if (code)
		return code;
	if (column->integer)
		sqlite3_bind_int64(statement, at, number);
	else
		sqlite3_bind_text(statement, at, text, -1, SQLITE_TRANSIENT);
	return 0;
}

/* Makes the row exist; `key` is NULL for tables with one row. */
static int make_row(struct hp_facts *facts, const struct hp_table_def *def, const char *key,
                    struct hp_error *err)
{
	hp_cleanup_free char *sql =
	    hp_asprintf("INSERT OR IGNORE INTO %s (host%s%s) VALUES (?1%s)", def->name,
	                key ? ", " : "", key ? key_column(def) : "", key ? ", ?2" : "");
	hp_cleanup_statement sqlite3_stmt *insert = NULL;
	int code = hp_db_prepare(hp_facts_db(facts), sql, &insert, err);
	if (code)
		return code;
	sqlite3_bind_text(insert, 1, hp_facts_host(facts), -1, SQLITE_TRANSIENT);
	if (key) {
		int column = hp_column_find(def, key_column(def));
		code = bind_value(insert, 2, &def->columns[column], key, err);
	}
	return code ? code : hp_db_step(insert, err);
}

/* Sets a column of one row, or of all rows of the host if `key` is NULL; the companion key of a
 * version too. Returns how many rows were set. */
static int update(struct hp_facts *facts, const struct hp_table_def *def, const char *key,
                  int column, const char *text, struct hp_error *err)
{
	const struct hp_column_def *target = &def->columns[column];
	bool version = strcmp(target->domain, "version") == 0;
	hp_cleanup_text struct hp_text sql = {0};
	hp_text_printf(&sql, "UPDATE %s SET %s = ?2", def->name, target->name);
	if (version)
		hp_text_printf(&sql, ", %s_key = ?3", target->name);
	hp_text_puts(&sql, " WHERE host = ?1");
	if (key)
		hp_text_printf(&sql, " AND %s = ?4", key_column(def));
	hp_cleanup_statement sqlite3_stmt *set = NULL;
	int code = hp_db_prepare(hp_facts_db(facts), sql.data, &set, err);
	if (!code)
		code = bind_value(set, 2, target, text, err);
	if (!code && key)
		code = bind_value(set, 4, &def->columns[hp_column_find(def, key_column(def))], key,
		                  err);
	if (code)
		return code;
	hp_cleanup_free char *version_key = version ? hp_version_key(text) : NULL;
	sqlite3_bind_text(set, 1, hp_facts_host(facts), -1, SQLITE_TRANSIENT);
	if (version_key)
		sqlite3_bind_text(set, 3, version_key, -1, SQLITE_TRANSIENT);
	code = hp_db_step(set, err);
	return code ? code : sqlite3_changes(hp_facts_db(facts));
}

/* Says "assumed" of a column, of one row or of all. */
static int mark(struct hp_facts *facts, const struct hp_table_def *def, const char *key, int column,
                struct hp_error *err)
{
	const char *subject = key_column(def);
	enum hp_tbl table = (enum hp_tbl)(def - hp_tables);
	if (!subject || key)
		return hp_facts_origin(facts, table, key ? key : "", def->columns[column].name,
		                       ASSUMED, err);
	hp_cleanup_free char *sql =
	    hp_asprintf("INSERT OR REPLACE INTO origin (host, tbl, subject, col, source) "
	                "SELECT DISTINCT host, '%s', CAST(%s AS TEXT), '%s', '" ASSUMED "' FROM %s "
	                "WHERE host = ?1",
	                def->name, subject, def->columns[column].name, def->name);
	hp_cleanup_statement sqlite3_stmt *insert = NULL;
	int code = hp_db_prepare(hp_facts_db(facts), sql, &insert, err);
	if (code)
		return code;
	sqlite3_bind_text(insert, 1, hp_facts_host(facts), -1, SQLITE_TRANSIENT);
	return hp_db_step(insert, err);
}

/* What was assumed of a row is all that is known of a subject that a probe would have observed
 * whole. */
static int observe(struct hp_facts *facts, const struct hp_table_def *def, const char *key,
                   struct hp_error *err)
{
	bool scoped = key && key_column(def) && strcmp(def->scope, key_column(def)) == 0;
	return scoped
	           ? hp_facts_observed(facts, (enum hp_tbl)(def - hp_tables), key, "complete", err)
	           : 0;
}

static int set(struct hp_facts *facts, const char *table, const char *key, const char *column,
               const char *text, struct hp_error *err)
{
	const struct hp_table_def *def = hp_table_find(table);
	if (!def || def->derived)
		return hp_fail(
		    err, -EINVAL,
		    "there is no table \"%s\" to assume something in; docs/facts.md lists them",
		    table);
	int at = hp_column_find(def, column);
	if (at <= 0 || def->columns[at].key || strcmp(def->columns[at].domain, "key") == 0)
		return hp_fail(err, -EINVAL, "table %s has no column \"%s\" to assume a value of",
		               table, column);
	bool one_row = !key_column(def);
	if (one_row && key)
		return hp_fail(err, -EINVAL,
		               "table %s has one row a host and takes no key; expected %s.%s=%s",
		               table, table, column, text);
	int code = one_row || key ? make_row(facts, def, key, err) : 0;
	if (code < 0)
		return code;
	code = update(facts, def, key, at, text, err);
	if (code < 0)
		return code;
	if (code == 0)
		return hp_fail(err, -EINVAL, "table %s has no row yet; say which: %s[%s].%s=%s",
		               table, table, key_column(def), column, text);
	code = mark(facts, def, key, at, err);
	return code ? code : observe(facts, def, key, err);
}

// -- the short keys --

/* "10de:2330", "10de:2330x8", "10de:2330x8@10de:16c1". */
struct gpus {
	char vendor[8], device[8];
	char subsystem_vendor[8], subsystem_device[8]; // "" if not said
	unsigned count;
};

static bool parse_gpus(const char *text, struct gpus *ret)
{
	struct gpus gpus = {.count = 1};
	int end = 0;
	if (sscanf(text, "%4[0-9a-fA-F]:%4[0-9a-fA-F]%n", gpus.vendor, gpus.device, &end) != 2 ||
	    strlen(gpus.vendor) != 4 || strlen(gpus.device) != 4)
		return false;
	text += end;
	if (*text == 'x') {
		if (sscanf(text, "x%3u%n", &gpus.count, &end) != 1 || gpus.count < 1 ||
		    gpus.count > 64)
			return false;
		text += end;
	}
	if (*text == '@') {
		if (sscanf(text, "@%4[0-9a-fA-F]:%4[0-9a-fA-F]%n", gpus.subsystem_vendor,
		           gpus.subsystem_device, &end) != 2)
			return false;
		text += end;
	}
	*ret = gpus;
	return !*text;
}

/* A bus of its own for each, from 0x10 up, that no function of the host has yet. */
static bool bus_taken(struct hp_facts *facts, unsigned bus)
{
	hp_cleanup_statement sqlite3_stmt *query = NULL;
	if (hp_db_prepare(
		hp_facts_db(facts),
		"SELECT 1 FROM pci_function WHERE host = ?1 AND substr(address, 1, 8) = ?2", &query,
		NULL))
		return false;
	char prefix[16];
	snprintf(prefix, sizeof(prefix), "0000:%02x:", bus);
	sqlite3_bind_text(query, 1, hp_facts_host(facts), -1, SQLITE_TRANSIENT);
	sqlite3_bind_text(query, 2, prefix, -1, SQLITE_STATIC);
	return hp_db_step(query, NULL) == 1;
}

static int add_gpu(struct hp_facts *facts, const struct gpus *gpus, const char *class, unsigned bus,
                   struct hp_error *err)
{
	char address[32];
	snprintf(address, sizeof(address), "0000:%02x:00.0", bus);
	const char *values[][2] = {
	    {"vendor", gpus->vendor},
	    {"device", gpus->device},
	    {"subsystem_vendor", gpus->subsystem_vendor},
	    {"subsystem_device", gpus->subsystem_device},
	    {"physical_function", "none"},
	    {"class", class},
	};
	int code = 0;
	for (size_t i = 0; !code && i < HP_COUNT(values); i++)
		if (*values[i][1])
			code = set(facts, "pci_function", address, values[i][0], values[i][1], err);
	return code;
}

/* What a query of one text gives for two arguments: a new string, NULL for nothing, also where the
 * matrices are not attached. */
static char *look_up(struct hp_facts *facts, const char *sql, const char *first, const char *second)
{
	hp_cleanup_statement sqlite3_stmt *query = NULL;
	if (hp_db_prepare(hp_facts_db(facts), sql, &query, NULL))
		return NULL;
	sqlite3_bind_text(query, 1, first, -1, SQLITE_STATIC);
	sqlite3_bind_text(query, 2, second, -1, SQLITE_STATIC);
	const char *text = hp_db_step(query, NULL) == 1 ? hp_db_text(query, 0) : NULL;
	return text ? hp_strdup(text) : NULL;
}

static bool knows_matrices(struct hp_facts *facts)
{
	hp_cleanup_free char *any =
	    look_up(facts, "SELECT vendor FROM accelerator_class LIMIT 1", NULL, NULL);
	return any;
}

/* Names are not unique, and not kept for long: only ids are taken, but those of a name are told. */
static int no_gpus(struct hp_facts *facts, const char *value, struct hp_error *err)
{
	hp_cleanup_free char *name = hp_strndup(value, strcspn(value, "@"));
	char *times = strrchr(name, 'x');
	if (times && times > name && times[1] && !times[1 + strspn(times + 1, "0123456789")])
		*times = '\0';
	hp_cleanup_free char *ids = look_up(
	    facts,
	    "SELECT group_concat(id, ', ') FROM (SELECT DISTINCT vendor || ':' || device || "
	    "' (' || name || ')' AS id FROM accelerator_model WHERE is_vf = 0 AND subsystem "
	    "= '' AND lower(?1) IN (lower(model), lower(name)) ORDER BY memory_gib IS NULL, "
	    "vendor, device LIMIT 12)",
	    name, NULL);
	return hp_fail(err, -EINVAL,
	               "\"%s\": expected VENDOR:DEVICE[xCOUNT][@SUBVENDOR:SUBDEVICE], "
	               "10de:2330x8%s%s",
	               value, ids ? "; of that name are " : "", ids ? ids : "");
}

/* The class that makes a device of no known id an accelerator of its vendor: "" where the id is
 * known, NULL where nothing is known of the vendor either. */
static char *class_for(struct hp_facts *facts, const struct gpus *gpus)
{
	return look_up(facts,
	               "SELECT CASE WHEN EXISTS (SELECT 1 FROM accelerator_model WHERE vendor = "
	               "lower(?1) AND device = lower(?2)) THEN '' ELSE (SELECT substr(class_prefix "
	               "|| '00', 1, 6) FROM accelerator_class WHERE vendor = lower(?1) ORDER BY "
	               "class_prefix DESC LIMIT 1) END",
	               gpus->vendor, gpus->device);
}

static int assume_gpu(struct hp_facts *facts, const char *value, struct hp_error *err)
{
	struct gpus gpus;
	if (!parse_gpus(value, &gpus))
		return no_gpus(facts, value, err);
	hp_cleanup_free char *class = class_for(facts, &gpus);
	if (!class && knows_matrices(facts))
		return hp_fail(err, -EINVAL, "no accelerator of vendor %s is known", gpus.vendor);
	unsigned bus = 0x10, added = 0;
	for (; added < gpus.count && bus < 0x100; bus++) {
		if (bus_taken(facts, bus))
			continue;
		int code = add_gpu(facts, &gpus, class ? class : "", bus, err);
		if (code)
			return code;
		added++;
	}
	return added == gpus.count
	           ? 0
	           : hp_fail(err, -ENOSPC, "no bus is left for %u devices", gpus.count);
}

static int assume_vmm(struct hp_facts *facts, const char *value, struct hp_error *err)
{
	const char *at = strchr(value, '@');
	hp_cleanup_free char *name =
	    at ? hp_strndup(value, (size_t)(at - value)) : hp_strdup(value);
	hp_cleanup_free char *version = at ? hp_version_key(at + 1) : NULL;
	if (!*name || (at && !version))
		return hp_fail(err, -EINVAL,
		               "\"%s\": expected NAME or NAME@VERSION, cloud-hypervisor@53", value);
	hp_cleanup_free char *known = look_up(
	    facts,
	    "SELECT CASE WHEN ?1 IN ('esxi', 'custom') OR ?1 IN (SELECT vmm FROM vmm_feature)"
	    " OR ?1 IN (SELECT surface FROM surface) THEN '' ELSE group_concat(vmm, ', ') END "
	    "FROM (SELECT DISTINCT vmm FROM surface_share WHERE vmm <> 'none' ORDER BY vmm)",
	    name, NULL);
	if (known && *known)
		return hp_fail(err, -EINVAL, "no VMM \"%s\" is known; expected one such as %s",
		               name, known);
	int code = set(facts, "intent", NULL, "vmm", name, err);
	if (!code && at)
		code = set(facts, "intent", NULL, "vmm_version", at + 1, err);
	if (!code && at)
		code = set(facts, "software", name, "version", at + 1, err);
	return code;
}

static int assume_driver(struct hp_facts *facts, const char *value, struct hp_error *err)
{
	bool open = hp_ends_with(value, "-open");
	hp_cleanup_free char *version =
	    hp_strndup(value, strlen(value) - (open ? strlen("-open") : 0));
	hp_cleanup_free char *key = hp_version_key(version);
	if (!key && strcmp(version, "none") != 0)
		return hp_fail(err, -EINVAL,
		               "\"%s\": expected a version, 580.65.06 or 580-open, or none", value);
	static const char *const versions[] = {"loaded_version", "disk_version", "library_version"};
	static const char *const flavours[] = {"loaded_flavour", "disk_flavour"};
	int code = 0;
	for (size_t i = 0; !code && i < HP_COUNT(versions); i++)
		code = set(facts, "nvidia_driver", NULL, versions[i], version, err);
	for (size_t i = 0; !code && i < HP_COUNT(flavours); i++)
		code = set(facts, "nvidia_driver", NULL, flavours[i],
		           !key   ? "none"
		           : open ? "open"
		                  : "proprietary",
		           err);
	return code;
}

static int assume_kernel(struct hp_facts *facts, const char *value, struct hp_error *err)
{
	hp_cleanup_free char *key = hp_version_key(value);
	if (!key)
		return hp_fail(err, -EINVAL, "\"%s\": expected a version, 6.8", value);
	return set(facts, "kernel", NULL, "release", value, err);
}

static int assume_vgpu_mode(struct hp_facts *facts, const char *value, struct hp_error *err)
{
	return set(facts, "pci_function", NULL, "vgpu_mode", value, err);
}

static int assume_iommu(struct hp_facts *facts, const char *value, struct hp_error *err)
{
	return set(facts, "iommu", NULL, "state", value, err);
}

static int assume_memory(struct hp_facts *facts, const char *value, struct hp_error *err)
{
	return set(facts, "memory", NULL, "total_bytes", value, err);
}

static int assume_guest_memory(struct hp_facts *facts, const char *value, struct hp_error *err)
{
	return set(facts, "intent", NULL, "guest_memory_bytes", value, err);
}

static int no_board(struct hp_facts *facts, const char *value, struct hp_error *err)
{
	hp_cleanup_free char *names = look_up(facts,
	                                      "SELECT group_concat(board, ', ') FROM (SELECT "
	                                      "DISTINCT board FROM board ORDER BY board)",
	                                      NULL, NULL);
	return hp_fail(err, -EINVAL, "no board \"%s\" is known; expected one of %s", value,
	               names ? names : "none");
}

static int assume_board(struct hp_facts *facts, const char *value, struct hp_error *err)
{
	hp_cleanup_statement sqlite3_stmt *rows = NULL;
	int code = hp_db_prepare(
	    hp_facts_db(facts),
	    "SELECT address, parent, vendor, device, class, port_type, multifunction, acs_capable, "
	    "numa_node FROM board WHERE board = ?1 ORDER BY position",
	    &rows, err);
	if (code)
		return code;
	sqlite3_bind_text(rows, 1, value, -1, SQLITE_STATIC);
	static const char *const columns[] = {"address",       "parent",      "vendor",
	                                      "device",        "class",       "port_type",
	                                      "multifunction", "acs_capable", "numa_node"};
	size_t count = 0;
	while ((code = hp_db_step(rows, err)) == 1) {
		hp_cleanup_free char *address = hp_strdup(hp_db_text(rows, 0));
		count++;
		code = set(facts, "pci_function", address, "physical_function", "none", err);
		for (int i = 1; !code && i < (int)HP_COUNT(columns); i++)
			if (hp_db_text(rows, i))
				code = set(facts, "pci_function", address, columns[i],
				           hp_db_text(rows, i), err);
		if (code)
			return code;
	}
	if (!code && !count)
		return no_board(facts, value, err);
	return code ? code : hp_facts_observed(facts, HP_TBL_PCI_FUNCTION, "", "complete", err);
}

const struct hp_assume_key hp_assume_keys[] = {
    {"gpu", "ID[xN][@SUBSYS]", "accelerators: 10de:2330x8"},
    {"vmm", "NAME[@VERSION]", "the VMM to be used: cloud-hypervisor@53"},
    {"driver", "VERSION[-open]", "NVIDIA driver, loaded and installed: 580-open"},
    {"kernel", "VERSION", "kernel release: 6.8"},
    {"vgpu-mode", "MODE",
     "how the host offers vGPU on the accelerators named before: none, mdev, sriov-mdev, "
     "vendor-vfio"},
    {"iommu", "on|off", "whether the kernel runs an IOMMU"},
    {"board", "NAME", "all PCI functions of a known board: hgx-h100-8"},
    {"memory", "SIZE", "memory of the host: 2T"},
    {"guest-memory", "SIZE", "memory of the guest: 512G"},
    {0},
};

static int (*const setters[])(struct hp_facts *, const char *, struct hp_error *) = {
    assume_gpu,   assume_vmm,   assume_driver, assume_kernel,       assume_vgpu_mode,
    assume_iommu, assume_board, assume_memory, assume_guest_memory,
};

_Static_assert(HP_COUNT(setters) + 1 == HP_COUNT(hp_assume_keys), "one setter a key");

static int no_such_key(struct hp_error *err)
{
	hp_cleanup_text struct hp_text keys = {0};
	for (const struct hp_assume_key *key = hp_assume_keys; key->name; key++)
		hp_text_printf(&keys, "%s, ", key->name);
	return hp_fail(err, -EINVAL,
	               "there is no such key; expected %sor TABLE.COLUMN as docs/facts.md has them",
	               keys.data);
}

/* "table.column" or "table[key].column". */
static int assume_column(struct hp_facts *facts, const char *name, const char *value,
                         struct hp_error *err)
{
	const char *dot = strrchr(name, '.');
	const char *bracket = strchr(name, '[');
	const char *table_end = bracket && bracket < dot ? bracket : dot;
	bool keyed = bracket && bracket < dot;
	if (!dot || (keyed && dot[-1] != ']'))
		return no_such_key(err);
	hp_cleanup_free char *table = hp_strndup(name, (size_t)(table_end - name));
	hp_cleanup_free char *key =
	    keyed ? hp_strndup(bracket + 1, (size_t)(dot - bracket) - 2) : NULL;
	char address[HP_VALUE_SIZE];
	const struct hp_table_def *def = hp_table_find(table);
	bool is_address = key && def && key_column(def) && strcmp(key_column(def), "address") == 0;
	if (is_address && hp_value_address(key, address, sizeof(address)))
		return set(facts, table, address, dot + 1, value, err);
	return set(facts, table, key, dot + 1, value, err);
}

int hp_facts_assume(struct hp_facts *facts, const char *assumption, struct hp_error *err)
{
	const char *bracket = strchr(assumption, ']');
	const char *equals = strchr(bracket ? bracket : assumption, '=');
	if (!equals || equals == assumption)
		return hp_fail(err, -EINVAL, "--assume %s: expected KEY=VALUE", assumption);
	hp_cleanup_free char *name = hp_strndup(assumption, (size_t)(equals - assumption));
	int code = -ENOENT;
	for (size_t i = 0; code == -ENOENT && i < HP_COUNT(setters); i++)
		if (strcmp(hp_assume_keys[i].name, name) == 0)
			code = setters[i](facts, equals + 1, err);
	if (code == -ENOENT)
		code = assume_column(facts, name, equals + 1, err);
	return code < 0 ? (hp_wrap(err, "--assume %s", assumption), code) : 0;
}
