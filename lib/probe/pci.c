// PCI functions: what sysfs says of each. SPDX-License-Identifier: Apache-2.0
#include "probe/bar.h"
#include "probe/config.h"
#include "probe/pci.h"
#include "probe/probes.h"

#include "base/cleanup.h"
#include "base/database.h"
#include "base/text.h"
#include "host/memory.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEVICES  "/sys/bus/pci/devices"
#define MDEV_BUS "/sys/class/mdev_bus"

/* What functions give besides their rows. */
struct tally {
	uint64_t header_only; // functions whose config space ended behind its header
	uint64_t unread;      // functions whose config space this level does not read
	uint64_t flags;
};

_Static_assert(sizeof(struct tally) <= sizeof(((struct hp_ahead_extra *)0)->words),
               "it travels as words");

enum flag {
	METHODS_SHOWN = 1 << 0, // reset_method, of those that were asked for it
	METHODS_MISSING = 1 << 1,
	PARTIAL = 1 << 2, // something was listed and could not be read
};

struct scan {
	struct hp_host *host;
	struct hp_facts *facts;
	struct hp_ahead *ahead; // of a child that reads ahead, or NULL
	struct hp_error *err;
	struct hp_dir *bus; // what lists them, held open; NULL where it is not
	bool groups_shown;  // the kernel has a directory of IOMMU groups, if only an empty one
	bool no_groups;     // it is empty: no function is in one
	struct tally tally;
	uint8_t *config; // what was read of a function is left here for who remembers it, or NULL
	size_t config_length;
};

struct function {
	const char *address;
	const char *above; // the directory that lists it
	struct hp_dir *dir;
	/* The entry is the link that the kernel makes: what is not in it is absent. Copies of
	 * single directories, as people attach them to reports, have lost their links. */
	bool whole;
	bool display;
	bool plumbing; // system peripherals, at level 0 bridges too: only what matters to others
	struct hp_row row;
};

typedef bool setter(struct hp_row *row, int column, char *value);

struct attribute {
	const char *file;
	int column;
	setter *set;
	const char *absent; // value where a whole device has no such file; NULL: unknown
};

static int gap(struct scan *scan, const struct function *f, const char *file, const char *kind,
               const char *why)
{
	char what[160];
	snprintf(what, sizeof(what), "%s/%s%s%s", f->above, f->address, *file ? "/" : "", file);
	return hp_facts_gap(scan->facts, kind, what, "%s", why);
}

/* Notes a file that could not be read; that it is not there, or does not apply, is no gap. */
static void unread(struct scan *scan, const struct function *f, const char *file, int code)
{
	static const int quiet[] = {-ENOENT, -ENOTDIR, -EINVAL, -ECANCELED, -ENODATA};
	for (size_t i = 0; i < HP_COUNT(quiet); i++)
		if (quiet[i] == code)
			return;
	gap(scan, f, file, hp_probe_gap_kind(code), strerror(-code));
}

static bool set_number(struct hp_row *row, int column, char *value)
{
	int64_t number;
	bool good = hp_parse_s64(value, &number);
	if (good)
		hp_row_number(row, column, number);
	return good;
}

/* Whether a value is in the domain of its column ("a|b|c"); any is if it has none. */
static bool in_domain(int column, const char *value)
{
	const char *domain = hp_tables[HP_TBL_PCI_FUNCTION].columns[column].domain;
	size_t length = strlen(value);
	for (const char *at = strchr(domain, '|') ? domain : NULL; at; at = strchr(at, '|')) {
		at += *at == '|';
		if (!strncmp(at, value, length) && (at[length] == '|' || !at[length]))
			return true;
	}
	return !strchr(domain, '|');
}

static bool set_word(struct hp_row *row, int column, char *value)
{
	hp_utf8_repair(value);
	bool good = in_domain(column, *value ? value : "none");
	if (good)
		hp_row_text(row, column, *value ? value : "none");
	return good;
}

static bool set_hex(struct hp_row *row, int column, char *value)
{
	bool good = hp_starts_with(value, "0x") && value[2] &&
	            !value[2 + strspn(value + 2, "0123456789abcdef")];
	if (good)
		hp_row_text(row, column, value + 2);
	return good;
}

static bool set_override(struct hp_row *row, int column, char *value)
{
	static char none[] = "none";
	return set_word(row, column, strcmp(value, "(null)") ? value : none);
}

/* The kernel says "Unknown" for a speed it has no name for, and where there is no link at all. */
static bool set_speed(struct hp_row *row, int column, char *value)
{
	return hp_starts_with(value, "Unknown") || set_word(row, column, value);
}

/* 255 is the kernel's word for a function without a link. */
static bool set_width(struct hp_row *row, int column, char *value)
{
	static char none[] = "0";
	return set_number(row, column, strcmp(value, "255") ? value : none);
}

static const struct attribute ids[] = {
    {"vendor", HP_PCI_FUNCTION_VENDOR, set_hex, NULL},
    {"device", HP_PCI_FUNCTION_DEVICE, set_hex, NULL},
    {"subsystem_vendor", HP_PCI_FUNCTION_SUBSYSTEM_VENDOR, set_hex, NULL},
    {"subsystem_device", HP_PCI_FUNCTION_SUBSYSTEM_DEVICE, set_hex, NULL},
    {"class", HP_PCI_FUNCTION_CLASS, set_hex, NULL},
};

static const struct attribute attributes[] = {
    {"revision", HP_PCI_FUNCTION_REVISION, set_hex, NULL},
    {"numa_node", HP_PCI_FUNCTION_NUMA_NODE, set_number, NULL},
    {"driver_override", HP_PCI_FUNCTION_DRIVER_OVERRIDE, set_override, NULL},
    {"enable", HP_PCI_FUNCTION_ENABLED, set_number, NULL},
    {"d3cold_allowed", HP_PCI_FUNCTION_D3COLD_ALLOWED, set_number, NULL},
};

static const struct attribute reset_method = //
    {"reset_method", HP_PCI_FUNCTION_RESET_METHODS, set_word, NULL};

/* They tell too whether config space may be read: of plumbing not read at level 0. */
static const struct attribute power[] = {
    {"power_state", HP_PCI_FUNCTION_POWER_STATE, set_word, NULL},
    {"power/runtime_status", HP_PCI_FUNCTION_RUNTIME_STATUS, set_word, NULL},
};

static const struct attribute sriov_total = //
    {"sriov_totalvfs", HP_PCI_FUNCTION_SRIOV_TOTALVFS, set_number, "0"};

static const struct attribute sriov[] = {
    {"sriov_numvfs", HP_PCI_FUNCTION_SRIOV_NUMVFS, set_number, NULL},
    {"sriov_vf_device", HP_PCI_FUNCTION_SRIOV_VF_DEVICE, set_word, NULL},
    {"sriov_drivers_autoprobe", HP_PCI_FUNCTION_SRIOV_DRIVERS_AUTOPROBE, set_number, NULL},
};

static const struct attribute display[] = {
    {"boot_vga", HP_PCI_FUNCTION_BOOT_VGA, set_number, NULL},
};

/* These read config space inside the kernel: only of functions whose config space may be read. */
static const struct attribute links_now[] = {
    {"max_link_speed", HP_PCI_FUNCTION_LINK_SPEED_MAX, set_speed, NULL},
    {"max_link_width", HP_PCI_FUNCTION_LINK_WIDTH_MAX, set_width, "0"},
    {"current_link_speed", HP_PCI_FUNCTION_LINK_SPEED, set_speed, NULL},
    {"current_link_width", HP_PCI_FUNCTION_LINK_WIDTH, set_width, "0"},
};

/* Reads one attribute into the row. Returns whether it was there. */
static bool read_attribute(struct scan *scan, struct function *f, const struct attribute *attribute)
{
	char value[256];
	ssize_t length = hp_dir_read(f->dir, attribute->file, value, sizeof(value));
	if (length >= 0) {
		if (!attribute->set(&f->row, attribute->column, value))
			gap(scan, f, attribute->file, "malformed",
			    "not a value that the kernel gives");
		return true;
	}
	if (length == -ENOENT && f->whole && attribute->absent) {
		snprintf(value, sizeof(value), "%s", attribute->absent);
		attribute->set(&f->row, attribute->column, value);
	}
	unread(scan, f, attribute->file, (int)length);
	return false;
}

/* Returns whether the last of them was there. */
static bool read_attributes(struct scan *scan, struct function *f, const struct attribute *table,
                            size_t count)
{
	bool there = false;
	for (size_t i = 0; i < count; i++)
		there = read_attribute(scan, f, &table[i]);
	return there;
}

/* Functions that nobody attaches to anything, and that come in hundreds on a server. */
static void classify(struct scan *scan, struct function *f, unsigned class)
{
	static const unsigned plumbing[] = {0x0500, 0x0600, 0x0601, 0x0800, 0x0801, 0x0802, 0x0803,
	                                    0x0805, 0x0806, 0x0807, 0x0880, 0x0c05, 0x1101};
	static const unsigned bridge = 0x0604;
	f->display = class >> 16 == 3;
	f->plumbing = hp_host_level(scan->host) == 0 && class >> 8 == bridge;
	for (size_t i = 0; i < HP_COUNT(plumbing); i++)
		f->plumbing |= plumbing[i] == class >> 8;
}

static bool read_ids_one_by_one(struct scan *scan, struct function *f)
{
	bool any = false;
	char value[16];
	unsigned class;
	for (size_t i = 0; i < HP_COUNT(ids); i++)
		any |= read_attribute(scan, f, &ids[i]);
	if (hp_dir_read(f->dir, "class", value, sizeof(value)) > 0 &&
	    sscanf(value, "0x%6x", &class) == 1)
		classify(scan, f, class);
	return any;
}

/* Takes `label` and that many hexadecimal digits off the text, in lower case. */
static bool take_hex(const char **at, const char *label, size_t digits, char *ret)
{
	size_t length = strlen(label);
	if (strncmp(*at, label, length) != 0)
		return false;
	*at += length;
	for (size_t i = 0; i < digits; i++) {
		if (!isxdigit((unsigned char)**at))
			return false;
		*ret++ = (char)tolower((unsigned char)*(*at)++);
	}
	*ret = '\0';
	return true;
}

/* pci:v000010DEd00002330sv000010DEsd000016C1bc03sc02i00 */
static bool parse_alias(const char *alias, char ids_[4][9], char class[7])
{
	static const char *const labels[] = {"pci:v", "d", "sv", "sd"};
	for (size_t i = 0; i < HP_COUNT(labels); i++)
		if (!take_hex(&alias, labels[i], 8, ids_[i]) || !hp_starts_with(ids_[i], "0000"))
			return false;
	return take_hex(&alias, "bc", 2, class) && take_hex(&alias, "sc", 2, class + 2) &&
	       take_hex(&alias, "i", 2, class + 4);
}

/* The five ids stand in one attribute too: four opens less for each of hundreds of functions. */
static bool read_ids(struct scan *scan, struct function *f)
{
	char alias[128], values[4][9], class[7];
	if (hp_dir_read(f->dir, "modalias", alias, sizeof(alias)) < 0 ||
	    !parse_alias(alias, values, class))
		return read_ids_one_by_one(scan, f);
	for (int i = 0; i < 4; i++)
		hp_row_text(&f->row, ids[i].column, values[i] + 4);
	hp_row_text(&f->row, HP_PCI_FUNCTION_CLASS, class);
	classify(scan, f, (unsigned)strtoul(class, NULL, 16));
	return true;
}

/* Returns whether it is known now where the link leads, or that it is not there. */
static bool read_link(struct scan *scan, struct function *f, const char *file, int column,
                      bool absence_counts)
{
	char name[128];
	ssize_t length = hp_dir_link_name(f->dir, file, name, sizeof(name));
	if (length > 0)
		return set_word(&f->row, column, name);
	if (length == -ENOENT && f->whole && absence_counts) {
		hp_row_text(&f->row, column, "none");
		return true;
	}
	unread(scan, f, file, (int)length);
	return false;
}

static void read_links(struct scan *scan, struct function *f)
{
	read_link(scan, f, "driver", HP_PCI_FUNCTION_DRIVER, true);
	read_link(scan, f, "physfn", HP_PCI_FUNCTION_PHYSICAL_FUNCTION, true);
	bool known = scan->no_groups && f->whole;
	if (known)
		hp_row_text(&f->row, HP_PCI_FUNCTION_IOMMU_GROUP, "none");
	else
		known = read_link(scan, f, "iommu_group", HP_PCI_FUNCTION_IOMMU_GROUP,
		                  scan->groups_shown);
	if (known)
		hp_row_text(&f->row, HP_PCI_FUNCTION_IOMMU_GROUP_ORIGIN, "observed");
}

/* Where it lies in the tree, from the link that lists it; a copy of a directory is no link. */
static void read_place(struct scan *scan, struct function *f)
{
	char path[160], target[512], parent[HP_ADDRESS_SIZE];
	if (scan->bus) {
		f->whole = hp_dir_link(scan->bus, f->address, target, sizeof(target)) > 0;
	} else {
		snprintf(path, sizeof(path), "%s/%s", f->above, f->address);
		f->whole = hp_host_link(scan->host, path, target, sizeof(target)) > 0;
	}
	if (!f->whole)
		return;
	hp_pci_address_in(target, 1, parent, sizeof(parent));
	hp_row_text(&f->row, HP_PCI_FUNCTION_PARENT, parent);
}

static void set_config(struct hp_row *row, const struct hp_config *config)
{
	const struct {
		int column;
		int64_t value;
	} numbers[] = {
	    {HP_PCI_FUNCTION_MULTIFUNCTION, config->multifunction},
	    {HP_PCI_FUNCTION_MSI_VECTORS, config->msi_vectors},
	    {HP_PCI_FUNCTION_MSIX_VECTORS, config->msix_vectors},
	    {HP_PCI_FUNCTION_FLR, config->flr},
	    {HP_PCI_FUNCTION_ARI, config->ari},
	    {HP_PCI_FUNCTION_ARI_FORWARDING_CAPABLE, config->ari_forwarding_capable},
	    {HP_PCI_FUNCTION_ARI_FORWARDING, config->ari_forwarding},
	    {HP_PCI_FUNCTION_ATOMIC_ROUTING, config->atomic_routing},
	    {HP_PCI_FUNCTION_ATS, config->ats},
	    {HP_PCI_FUNCTION_PASID, config->pasid},
	    {HP_PCI_FUNCTION_RESIZABLE_BAR, config->resizable_bar},
	    {HP_PCI_FUNCTION_SERIAL_CAPABILITY, config->serial_capability},
	};
	const char *capable = config->acs_capable, *enabled = config->acs_enabled;
	for (size_t i = 0; i < HP_COUNT(numbers); i++)
		if (numbers[i].value >= 0)
			hp_row_number(row, numbers[i].column, numbers[i].value);
	hp_row_text(row, HP_PCI_FUNCTION_HEADER_TYPE, config->header_type);
	hp_row_text(row, HP_PCI_FUNCTION_PORT_TYPE, config->port_type);
	hp_row_text(row, HP_PCI_FUNCTION_INTERRUPT_PIN, config->interrupt_pin);
	hp_row_text(row, HP_PCI_FUNCTION_ACS_CAPABLE, *capable ? capable : NULL);
	hp_row_text(row, HP_PCI_FUNCTION_ACS_ENABLED, *enabled ? enabled : NULL);
	hp_cleanup_free char *clique = hp_asprintf("%lld", (long long)config->p2p_clique);
	if (config->p2p_clique != -1)
		hp_row_text(row, HP_PCI_FUNCTION_P2P_CLIQUE,
		            config->p2p_clique < 0 ? "none" : clique);
}

/* Columns that come from config space stand together in the table, from header_type on. */
static int say_remembered(struct scan *scan, const struct function *f, int64_t age)
{
	const struct hp_table_def *table = &hp_tables[HP_TBL_PCI_FUNCTION];
	char source[64];
	int r = 0;
	snprintf(source, sizeof(source), "remembered %lld s ago", (long long)age);
	for (int i = HP_PCI_FUNCTION_HEADER_TYPE; r == 0 && i <= HP_PCI_FUNCTION_SERIAL_CAPABILITY;
	     i++)
		r = hp_facts_origin(scan->facts, HP_TBL_PCI_FUNCTION, f->address,
		                    table->columns[i].name, source, scan->err);
	return r;
}

static void config_gap(struct scan *scan, const struct function *f, int code)
{
	char what[160];
	snprintf(what, sizeof(what), "%s/%s/config", f->above, f->address);
	if (code == -ECANCELED)
		hp_facts_gap(scan->facts, "asleep", what,
		             "the device or a bridge above it sleeps: reading would wake it");
	else
		hp_probe_gap(scan->facts, what, code);
}

/* Returns whether config space was read, into `ret`. */
static bool read_config(struct scan *scan, struct function *f, struct hp_config *ret)
{
	uint8_t bytes[HP_CONFIG_EXTENDED];
	if (hp_host_level(scan->host) == 0) {
		scan->tally.unread++;
		return false;
	}
	int64_t age = 0;
	ssize_t length = hp_dir_config(f->dir, bytes, sizeof(bytes), &age);
	if (length < 0)
		return config_gap(scan, f, (int)length), false;
	if (age > 0)
		say_remembered(scan, f, age);
	else if (scan->config)
		memcpy(scan->config, bytes, scan->config_length = (size_t)length);
	hp_config_decode(bytes, (size_t)length, ret);
	scan->tally.header_only += length == HP_CONFIG_HEADER;
	if (ret->problem)
		gap(scan, f, "config", "malformed", ret->problem);
	return true;
}

static int read_bars(struct scan *scan, const struct function *f, const struct hp_config *config)
{
	char resource[2048];
	ssize_t length =
	    f->plumbing ? -ECANCELED : hp_dir_read(f->dir, "resource", resource, sizeof(resource));
	if (length >= 0)
		return hp_probe_bars(scan->facts, f->address, resource, config, scan->err);
	unread(scan, f, "resource", (int)length);
	return 0;
}

/* A function that goes away while it is read leaves no row: it is no longer there. */
static int vanished(struct scan *scan, const struct function *f)
{
	scan->tally.flags |= PARTIAL;
	return gap(scan, f, "", "vanished", "was listed, and gone when it was read");
}

static bool read_sriov(struct scan *scan, struct function *f)
{
	return read_attribute(scan, f, &sriov_total) &&
	       read_attributes(scan, f, sriov, HP_COUNT(sriov));
}

static void read_reset_method(struct scan *scan, struct function *f)
{
	bool shown = read_attribute(scan, f, &reset_method);
	scan->tally.flags |= shown ? METHODS_SHOWN : METHODS_MISSING;
}

/* Reads what the kernel answers from memory. Returns whether the function is still there
 * afterwards: what of one that went away was not found would look absent. */
static bool read_memory(struct scan *scan, struct function *f)
{
	char vendor[16];
	read_place(scan, f);
	/* Of a live host the ids are read last, and tell that it is still there; a copy stays, and
	 * there they tell that what is absent is no gap in the copy. */
	bool live = hp_host_kind(scan->host) == HP_HOST_LIVE;
	bool there = !live && read_ids(scan, f);
	read_links(scan, f);
	if (live)
		there = read_ids(scan, f);
	if (!there && f->whole)
		return false;
	if (f->plumbing && hp_host_level(scan->host) == 0)
		return true; // and its ids were read after its links
	if (!f->plumbing) {
		read_sriov(scan, f);
		read_attributes(scan, f, attributes, HP_COUNT(attributes));
		read_reset_method(scan, f);
	}
	if (f->display)
		read_attributes(scan, f, display, HP_COUNT(display));
	return read_attributes(scan, f, power, HP_COUNT(power)) || !f->whole ||
	       hp_dir_read(f->dir, "vendor", vendor, sizeof(vendor)) >= 0;
}

static int read_function(struct scan *scan, struct function *f)
{
	struct hp_config config;
	if (!read_memory(scan, f))
		return vanished(scan, f);
	scan->tally.flags |= f->whole ? 0 : PARTIAL;
	bool configured = read_config(scan, f, &config);
	if (configured)
		set_config(&f->row, &config);
	if (configured && !f->plumbing)
		read_attributes(scan, f, links_now, HP_COUNT(links_now));
	int r = hp_row_put(&f->row, scan->err);
	return r < 0 ? r : read_bars(scan, f, configured ? &config : NULL);
}

static void close_dir(struct hp_dir **dir)
{
	hp_dir_close(*dir);
}

static int probe_function(struct scan *scan, const char *above, const char *address)
{
	char path[160];
	struct hp_dir *dir __attribute__((cleanup(close_dir))) = NULL;
	struct function f = {.address = address, .above = above};
	snprintf(path, sizeof(path), "%s/%s", above, address);
	int r = hp_dir_open(scan->host, path, &dir);
	if (r == -ENOENT || r == -ENODEV)
		return vanished(scan, &f);
	if (r < 0) {
		scan->tally.flags |= PARTIAL;
		return hp_probe_gap(scan->facts, path, r);
	}
	f.dir = dir;
	f.row = hp_row_begin(scan->facts, HP_TBL_PCI_FUNCTION);
	hp_row_text(&f.row, HP_PCI_FUNCTION_ADDRESS, address);
	return read_function(scan, &f);
}

/* Puts what a child read of it ahead: 1; 0 if it did not. */
static int put_ahead(struct scan *scan, size_t number, const char *address)
{
	struct hp_tape tape;
	struct hp_ahead_extra extra;
	struct tally tally;
	if (!hp_ahead_take(scan->ahead, number, address, &tape, &extra))
		return 0;
	memcpy(&tally, extra.words, sizeof(tally));
	scan->tally.header_only += tally.header_only;
	scan->tally.unread += tally.unread;
	scan->tally.flags |= tally.flags;
	if (extra.data)
		hp_host_remember(scan->host, address, extra.data, extra.length);
	int r = hp_facts_play(scan->facts, &tape, scan->err);
	return r < 0 ? r : 1;
}

static int probe_listed(struct scan *scan, const struct hp_names *names)
{
	int r = 0;
	for (size_t i = 0; r >= 0 && i < names->count; i++)
		if ((r = put_ahead(scan, i, names->names[i])) == 0 &&
		    hp_is_pci_address(names->names[i]))
			r = probe_function(scan, DEVICES, names->names[i]);
	hp_ahead_finish(scan->ahead);
	return r < 0 ? r : 0;
}

/* Parents of mediated devices that the bus does not list: seen in copies of parts of sysfs. */
static int probe_unlisted(struct scan *scan, const struct hp_names *listed)
{
	struct hp_names parents hp_cleanup_names = {0};
	int r = 0;
	if (hp_host_kind(scan->host) == HP_HOST_LIVE ||
	    hp_host_list(scan->host, MDEV_BUS, &parents) < 0)
		return 0;
	for (size_t i = 0; r == 0 && i < parents.count; i++) {
		const char *name = parents.names[i];
		if (hp_is_pci_address(name) && !hp_probe_has_name(listed, name))
			r = probe_function(scan, MDEV_BUS, name);
	}
	return r;
}

/* Since 5.15 the kernel hides reset_method where no method is usable; older ones never show it. So
 * where it was shown once, its absence means 'none'. `enabled` tells who was asked. */
static int settle_reset_methods(struct scan *scan)
{
	sqlite3_stmt *statement hp_cleanup_statement = NULL;
	if (~scan->tally.flags & (METHODS_SHOWN | METHODS_MISSING))
		return 0;
	int r =
	    hp_db_prepare(hp_facts_db(scan->facts),
	                  "UPDATE pci_function SET reset_methods = 'none' WHERE host = ?1 "
	                  "AND reset_methods IS NULL AND enabled IS NOT NULL AND EXISTS (SELECT 1 "
	                  "FROM pci_function WHERE host = ?1 AND reset_methods IS NOT NULL)",
	                  &statement, scan->err);
	if (r < 0)
		return r;
	sqlite3_bind_text(statement, 1, hp_facts_host(scan->facts), -1, SQLITE_STATIC);
	r = hp_db_step(statement, scan->err);
	return r < 0 ? r : 0;
}

static int say_gaps(struct scan *scan)
{
	int r = 0;
	if (scan->tally.unread)
		r = hp_facts_gap(
		    scan->facts, "level", DEVICES "/*/config",
		    "level 0 does not read config space: capabilities of %zu functions "
		    "are unknown",
		    (size_t)scan->tally.unread);
	if (r == 0 && scan->tally.header_only)
		r = hp_facts_gap(scan->facts, "privilege", DEVICES "/*/config",
		                 "without privilege the kernel shows 64 bytes: capabilities of %zu "
		                 "functions are unknown",
		                 (size_t)scan->tally.header_only);
	return r;
}

/* A machine without the bus has no functions, and that is known. */
static int no_bus(struct scan *scan, int code)
{
	if (code != -ENOENT)
		return hp_probe_gap(scan->facts, DEVICES, code);
	return hp_facts_observed(scan->facts, HP_TBL_PCI_FUNCTION, "", "complete", scan->err);
}

/* Lists the functions: 0, or a negative errno. */
static int begin(struct scan *scan, struct hp_names *names)
{
	struct hp_names groups hp_cleanup_names = {0};
	scan->groups_shown = hp_host_list(scan->host, "/sys/kernel/iommu_groups", &groups) >= 0;
	scan->no_groups = scan->groups_shown && !groups.count;
	int listed = hp_host_list(scan->host, DEVICES, names);
	if (listed >= 0)
		hp_dir_open(scan->host, DEVICES, &scan->bus);
	return listed;
}

void hp_probe_ahead(struct hp_host *host, struct hp_ahead *ahead)
{
	struct hp_names names hp_cleanup_names = {0};
	uint8_t config[HP_CONFIG_EXTENDED];
	struct scan scan = {.host = host,
	                    .facts = hp_ahead_facts(ahead),
	                    .config = hp_host_remembers(host) ? config : NULL};
	begin(&scan, &names);
	for (size_t i = names.count; i-- > 0 && hp_ahead_begin(ahead, i, names.names[i]);) {
		scan.tally = (struct tally){0};
		scan.config_length = 0;
		if (hp_is_pci_address(names.names[i]))
			probe_function(&scan, DEVICES, names.names[i]);
		struct hp_ahead_extra extra = {.data = scan.config_length ? config : NULL,
		                               .length = scan.config_length};
		memcpy(extra.words, &scan.tally, sizeof(scan.tally));
		hp_ahead_end(ahead, &extra);
	}
	hp_dir_close(scan.bus);
}

int hp_probe_pci(struct hp_host *host, struct hp_facts *facts,
                 const struct hp_probe_options *options, struct hp_error *err)
{
	struct hp_names names hp_cleanup_names = {0};
	struct scan scan = {.host = host, .facts = facts, .ahead = options->ahead, .err = err};
	int listed = begin(&scan, &names);
	int r = listed < 0 ? no_bus(&scan, listed) : probe_listed(&scan, &names);
	hp_dir_close(scan.bus);
	scan.bus = NULL;
	if (r == 0)
		r = probe_unlisted(&scan, &names);
	if (r == 0)
		r = settle_reset_methods(&scan);
	if (r == 0)
		r = say_gaps(&scan);
	if (r < 0 || listed < 0)
		return r;
	return hp_facts_observed(facts, HP_TBL_PCI_FUNCTION, "",
	                         scan.tally.flags & PARTIAL ? "partial" : "complete", err);
}
