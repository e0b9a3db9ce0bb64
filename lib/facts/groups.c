// IOMMU groups as the kernel would form them. SPDX-License-Identifier: Apache-2.0
#include "facts/groups.h"

#include "base/cleanup.h"
#include "base/database.h"
#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How the kernel groups (drivers/iommu/iommu.c, drivers/pci/search.c, drivers/pci/pci.c; the
 * conditions, not the code). Functions are taken in the order in which they were found. For each:
 *   1. a conventional bridge above it speaks in its name: it belongs to that bridge's group;
 *   2. going up, as long as a bridge or one above it does not isolate (ACS), it belongs with that
 * bridge;
 *   3. functions of one slot belong together if neither isolates from the other, or if one uses the
 *      other's requester id;
 *   4. else it is a group of its own.
 * Not shown by facts, and so not taken into account: aliases that AMD firmware names in its IVRS
 * table. A function isolates if the kernel says so by a quirk; if not, conventional ones never do,
 * ports only with ACS, and endpoints with ACS or if they are alone in their slot. */

enum answer { NO, YES, UNKNOWN };

enum { NONE = -1, NOT_KNOWN = -2, NOT_YET = -3 };

enum acs {
	SV = 1 << 0,
	TB = 1 << 1,
	RR = 1 << 2,
	CR = 1 << 3,
	UF = 1 << 4,
	EC = 1 << 5,
	DT = 1 << 6,
	ANY = 1 << 7, // the capability is there, maybe without a single control
	REQUIRED = SV | RR | CR | UF,
};

struct function {
	char address[24];
	unsigned domain, bus, slot, number, vendor, device;
	uint64_t key;       // the address as a number
	uint64_t above;     // that of the parent, while `parent` is NOT_YET
	char port_type[24]; // "" unknown
	int parent;         // index; NONE on a root bus
	enum answer is_vf, multifunction;
	int acs; // controls that count, NOT_KNOWN; 0 also without the capability
	int acs_capable;
	enum answer isolates;
	int alias; // number of the function of its slot whose requester id it uses; NONE: its own
	const char *quirk;
	int group; // NOT_YET, NOT_KNOWN
};

struct quirk {
	char *name, *port_types, *needs;
	unsigned vendor, first, last;
	int flags;
	int alias; // it says whose requester id a function uses, by number; NONE: it is about ACS
};

/* What such a quirk needs: "alias-function-1". */
static const char alias[] = "alias-function-";

struct topology {
	struct function *functions; // in the order of the scan
	size_t count, first_vf;
	struct quirk *quirks;
	size_t quirk_count;
	bool capable;
	enum answer amd_iommu;
	bool overridden; // pcie_acs_override=: a patch that this kernel may have or not
	char *disabled;  // pci=disable_acs_redir=
	bool configured; // pci=config_acs=
	bool aliased;    // some function uses the requester id of another
	int groups;
};

/* == loading == */

static int acs_bits(const char *text)
{
	static const char *const names[] = {"SV", "TB", "RR", "CR", "UF", "EC", "DT"};
	if (!text)
		return NOT_KNOWN;
	if (strcmp(text, "none") == 0)
		return 0;
	int bits = ANY;
	for (size_t i = 0; i < HP_COUNT(names); i++)
		if (strstr(text, names[i]))
			bits |= 1 << i;
	return bits;
}

static unsigned hex_column(sqlite3_stmt *statement, int column)
{
	const char *text = hp_db_text(statement, column);
	return text ? (unsigned)strtoul(text, NULL, 16) : 0x10000; // no id is that large
}

static enum answer flag_column(sqlite3_stmt *statement, int column)
{
	if (sqlite3_column_type(statement, column) == SQLITE_NULL)
		return UNKNOWN;
	return sqlite3_column_int(statement, column) ? YES : NO;
}

static bool parse_address(const char *text, struct function *ret)
{
	unsigned *const parts[] = {&ret->domain, &ret->bus, &ret->slot, &ret->number};
	static const char ends[] = "::.";
	for (size_t i = 0; i < HP_COUNT(parts); i++) {
		char *end;
		*parts[i] = (unsigned)strtoul(text, &end, 16);
		if (end == text || (ends[i] && *end != ends[i]))
			return false;
		text = end + 1;
	}
	ret->key = (uint64_t)ret->domain << 16 | ret->bus << 8 | ret->slot << 3 | ret->number;
	return true;
}

static void load_parent(sqlite3_stmt *row, struct function *f)
{
	struct function above = {0};
	const char *parent = hp_db_text(row, 8);
	if (!parent || strcmp(parent, "none") == 0) {
		f->parent = parent ? NONE : NOT_KNOWN;
		return;
	}
	f->parent = parse_address(parent, &above) ? NOT_YET : NOT_KNOWN;
	f->above = above.key;
}

static void copy_text(char *to, size_t size, const char *from)
{
	size_t length = strnlen(from, size - 1);
	memcpy(to, from, length);
	to[length] = '\0';
}

static void load_function(sqlite3_stmt *row, bool capable, struct function *ret)
{
	const char *port_type = hp_db_text(row, 1), *pf = hp_db_text(row, 3);
	*ret = (struct function){
	    .vendor = hex_column(row, 6),
	    .device = hex_column(row, 7),
	    .is_vf = !pf                  ? UNKNOWN
	             : strcmp(pf, "none") ? YES
	                                  : NO,
	    .multifunction = flag_column(row, 2),
	    .acs_capable = acs_bits(hp_db_text(row, 4)),
	    .acs = acs_bits(hp_db_text(row, capable ? 4 : 5)),
	    .isolates = UNKNOWN,
	    .group = NOT_YET,
	};
	copy_text(ret->address, sizeof(ret->address), hp_db_text(row, 0));
	copy_text(ret->port_type, sizeof(ret->port_type), port_type ? port_type : "");
	if (!parse_address(ret->address, ret))
		ret->group = NOT_KNOWN;
	load_parent(row, ret);
}

/* VFs are found last: they appear when a driver asks for them. */
static int by_scan(const void *a, const void *b)
{
	const struct function *x = a, *y = b;
	if ((x->is_vf == YES) != (y->is_vf == YES))
		return x->is_vf == YES ? 1 : -1;
	return x->key < y->key ? -1 : x->key > y->key;
}

/* Its place in one of the two runs, each in the order of addresses: of those that are no VFs, and
 * of VFs. */
static int find_in(const struct topology *t, size_t low, size_t high, uint64_t key)
{
	size_t end = high;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (t->functions[middle].key < key)
			low = middle + 1;
		else
			high = middle;
	}
	return low < end && t->functions[low].key == key ? (int)low : NOT_KNOWN;
}

static void find_parents(struct topology *t)
{
	for (size_t i = 0; i < t->count; i++) {
		struct function *f = &t->functions[i];
		if (f->parent != NOT_YET)
			continue;
		int at = find_in(t, 0, t->first_vf, f->above);
		f->parent = at >= 0 ? at : find_in(t, t->first_vf, t->count, f->above);
	}
}

static int bind_host(sqlite3 *db, const char *sql, const char *host, sqlite3_stmt **ret,
                     struct hp_error *err)
{
	int r = hp_db_prepare(db, sql, ret, err);
	if (r == 0)
		sqlite3_bind_text(*ret, 1, host, -1, SQLITE_TRANSIENT);
	return r;
}

static int load_functions(struct topology *t, sqlite3 *db, const char *host, struct hp_error *err)
{
	sqlite3_stmt *row hp_cleanup_statement = NULL;
	int r =
	    bind_host(db,
	              "SELECT address, port_type, multifunction, physical_function, acs_capable, "
	              "acs_enabled, vendor, device, parent FROM pci_function WHERE host = ?1 "
	              "ORDER BY address",
	              host, &row, err);
	while (r == 0 && (r = hp_db_step(row, err)) > 0) {
		if (t->count % 256 == 0)
			t->functions =
			    hp_realloc(t->functions, (t->count + 256) * sizeof(*t->functions));
		load_function(row, t->capable, &t->functions[t->count++]);
		r = 0;
	}
	if (t->count)
		qsort(t->functions, t->count, sizeof(*t->functions), by_scan);
	while (t->first_vf < t->count && t->functions[t->first_vf].is_vf != YES)
		t->first_vf++;
	find_parents(t);
	return r;
}

/* Quirks of the kernel's release, the most specific first. A release that is unknown is taken for a
 * recent one. */
static int load_quirks(struct topology *t, sqlite3 *db, const char *host, struct hp_error *err)
{
	sqlite3_stmt *row hp_cleanup_statement = NULL;
	int r = bind_host(
	    db,
	    "SELECT q.quirk, q.port_types, q.needs, q.vendor, q.device_first, q.device_last, "
	    "q.flags FROM acs_quirk q LEFT JOIN kernel k ON k.host = ?1 WHERE "
	    "coalesce(q.since_key <= k.release_key, 1) AND (coalesce(q.until, 'none') = "
	    "'none' OR q.until_key > k.release_key) ORDER BY q.device_first = '0000', "
	    "q.vendor, q.device_first, q.quirk",
	    host, &row, err);
	while (r == 0 && (r = hp_db_step(row, err)) > 0) {
		const char *needs = hp_db_text(row, 2);
		t->quirks = hp_realloc(t->quirks, (t->quirk_count + 1) * sizeof(*t->quirks));
		t->quirks[t->quirk_count++] = (struct quirk){
		    .name = hp_strdup(hp_db_text(row, 0)),
		    .port_types = hp_strdup(hp_db_text(row, 1)),
		    .needs = hp_strdup(needs),
		    .alias = hp_starts_with(needs, alias) ? atoi(needs + strlen(alias)) : NONE,
		    .vendor = hex_column(row, 3),
		    .first = hex_column(row, 4),
		    .last = hex_column(row, 5),
		    .flags = acs_bits(hp_db_text(row, 6)),
		};
		r = 0;
	}
	return r;
}

static void load_option(struct topology *t, const char *name, const char *value)
{
	static const char disable[] = "disable_acs_redir=", configure[] = "config_acs=";
	t->overridden |= !strcmp(name, "pcie_acs_override");
	hp_cleanup_free char *copy = hp_strdup(value);
	char *rest = copy, *word;
	while (!strcmp(name, "pci") && (word = strsep(&rest, ","))) {
		t->configured |= hp_starts_with(word, configure);
		if (!hp_starts_with(word, disable))
			continue;
		free(t->disabled);
		t->disabled = hp_strdup(word + strlen(disable));
	}
}

static int load_options(struct topology *t, sqlite3 *db, const char *host, struct hp_error *err)
{
	sqlite3_stmt *row hp_cleanup_statement = NULL;
	int r = bind_host(
	    db,
	    "SELECT name, coalesce(value, '') FROM cmdline_option WHERE host = ?1 AND which = "
	    "'running' AND name IN ('pci', 'pcie_acs_override') ORDER BY position",
	    host, &row, err);
	while (r == 0 && (r = hp_db_step(row, err)) > 0) {
		load_option(t, hp_db_text(row, 0), hp_db_text(row, 1));
		r = 0;
	}
	return r;
}

static int load_iommu(struct topology *t, sqlite3 *db, const char *host, struct hp_error *err)
{
	sqlite3_stmt *row hp_cleanup_statement = NULL;
	int r = bind_host(db, "SELECT firmware_table = 'IVRS' FROM iommu WHERE host = ?1", host,
	                  &row, err);
	if (r == 0)
		r = hp_db_step(row, err);
	t->amd_iommu = r > 0 ? flag_column(row, 0) : UNKNOWN;
	return r < 0 ? r : 0;
}

static int load(struct topology *t, struct hp_facts *facts, const char *host, struct hp_error *err)
{
	sqlite3 *db = hp_facts_db(facts);
	int r = load_functions(t, db, host, err);
	if (r == 0)
		r = load_quirks(t, db, host, err);
	if (r == 0)
		r = load_options(t, db, host, err);
	return r < 0 ? r : load_iommu(t, db, host, err);
}

static void unload(struct topology *t)
{
	for (size_t i = 0; i < t->quirk_count; i++) {
		free(t->quirks[i].name);
		free(t->quirks[i].port_types);
		free(t->quirks[i].needs);
	}
	free(t->quirks);
	free(t->functions);
	free(t->disabled);
}

/* == who isolates == */

static bool same_bus(const struct function *a, const struct function *b)
{
	return a->domain == b->domain && a->bus == b->bus;
}

static bool same_slot(const struct function *a, const struct function *b)
{
	return same_bus(a, b) && a->slot == b->slot;
}

/* The kernel takes function 0's header at its word, sets it for all others, and clears it for VFs.
 */
static void settle_multifunction(struct topology *t)
{
	for (size_t i = 0; i < t->count; i++) {
		struct function *f = &t->functions[i];
		if (f->is_vf == YES)
			f->multifunction = NO;
		else if (f->is_vf == NO && f->number > 0)
			f->multifunction = YES;
	}
}

static enum answer both(enum answer a, enum answer b)
{
	if (a == NO || b == NO)
		return NO;
	return a == YES && b == YES ? YES : UNKNOWN;
}

/* Whether what a quirk needs besides its ids holds. */
static enum answer quirk_holds(const struct topology *t, const struct quirk *quirk,
                               const struct function *f)
{
	enum answer on_root = f->parent == NOT_KNOWN ? UNKNOWN : f->parent == NONE ? YES : NO;
	if (!strcmp(quirk->needs, "same-vendor-southbridge"))
		return both(both(f->multifunction, on_root), t->amd_iommu);
	if (!strcmp(quirk->needs,
	            "acs-offset-bug")) // the capability is there, its control elsewhere
		return f->acs_capable == NOT_KNOWN ? UNKNOWN : f->acs_capable ? YES : NO;
	if (!strcmp(quirk->needs, "multifunction"))
		return f->multifunction;
	if (!strcmp(quirk->needs, "single-function"))
		return f->multifunction == UNKNOWN ? UNKNOWN : f->multifunction == YES ? NO : YES;
	return YES;
}

static bool has_id(const struct quirk *quirk, const struct function *f)
{
	return quirk->vendor == f->vendor && quirk->first <= f->device && f->device <= quirk->last;
}

/* The next quirk for these ids from `at` on, or the end. */
static const struct quirk *next_quirk(const struct topology *t, const struct quirk *at,
                                      const struct function *f)
{
	const struct quirk *end = t->quirks + t->quirk_count;
	while (at < end && !has_id(at, f))
		at++;
	return at;
}

static enum answer quirk_applies(const struct topology *t, const struct quirk *quirk,
                                 const struct function *f)
{
	if (strcmp(quirk->port_types, "*") != 0) {
		if (!*f->port_type)
			return UNKNOWN;
		if (!hp_has_word(quirk->port_types, f->port_type))
			return NO;
	}
	return quirk_holds(t, quirk, f);
}

/* The kernel asks for the controls that it wants among those that the function has: a capability
 * without controls says that there is nothing to control. */
static enum answer by_capability(const struct function *f)
{
	if (f->acs == NOT_KNOWN || f->acs_capable == NOT_KNOWN)
		return UNKNOWN;
	int wanted = REQUIRED & f->acs_capable;
	return f->acs_capable && (f->acs & wanted) == wanted ? YES : NO;
}

static enum answer by_port_type(const struct function *f)
{
	static const char always_asked[] = "root-port downstream";
	static const char never[] = "conventional pcie-to-pci pci-to-pcie";
	static const char asked_if_many[] =
	    "endpoint legacy-endpoint upstream root-complex-endpoint";
	if (!*f->port_type)
		return UNKNOWN;
	if (hp_has_word(never, f->port_type))
		return NO;
	if (hp_has_word(always_asked, f->port_type))
		return by_capability(f);
	if (!hp_has_word(asked_if_many, f->port_type) || f->multifunction == NO)
		return YES;
	enum answer capability = by_capability(f);
	return f->multifunction == YES || capability == YES ? capability : UNKNOWN;
}

/* pci=disable_acs_redir=00:1c.0;pci:8086:2f08: takes RR, CR and EC away. Paths (00:1c.0/00.0) and
 * what else cannot be read may mean anything. */
static enum answer is_disabled(const struct topology *t, const struct function *f)
{
	hp_cleanup_free char *copy = hp_strdup(t->disabled ? t->disabled : "");
	char *rest = copy, *word;
	while (*copy && (word = strsep(&rest, ";"))) {
		unsigned a, b, c, d;
		int end = 0;
		if (sscanf(word, "pci:%x:%x%n", &a, &b, &end) == 2 && !word[end]) {
			if (a == f->vendor && b == f->device)
				return YES;
		} else if (sscanf(word, "%x:%x:%x.%x%n", &a, &b, &c, &d, &end) == 4 && !word[end]) {
			if (a == f->domain && b == f->bus && c == f->slot && d == f->number)
				return YES;
		} else if (sscanf(word, "%x:%x.%x%n", &b, &c, &d, &end) == 3 && !word[end]) {
			if (!f->domain && b == f->bus && c == f->slot && d == f->number)
				return YES;
		} else {
			return UNKNOWN;
		}
	}
	return NO;
}

static enum answer with_options(const struct topology *t, const struct function *f,
                                enum answer plain)
{
	enum answer disabled = is_disabled(t, f);
	if (plain == YES && f->acs_capable & (RR | CR) && f->acs_capable > 0 && t->capable) {
		if (disabled != NO)
			return disabled == YES ? NO : UNKNOWN;
		return t->configured ? UNKNOWN : YES;
	}
	return plain == NO && t->overridden ? UNKNOWN : plain;
}

/* Whether the kernel says by the quirk what isolates. */
static bool settle_by_quirk(const struct topology *t, const struct quirk *quirk, struct function *f)
{
	enum answer applies = quirk_applies(t, quirk, f);
	if (applies == NO)
		return false;
	int wanted = strcmp(quirk->needs, "same-vendor-southbridge") ? REQUIRED : RR | CR;
	f->quirk = quirk->name;
	f->isolates = applies == UNKNOWN ? UNKNOWN : (quirk->flags & wanted) == wanted ? YES : NO;
	return true;
}

/* Whether it isolates, and whose requester id it uses: of quirks on ACS the first that applies
 * counts, of the others the last. */
static void settle_quirks(const struct topology *t, struct function *f)
{
	const struct quirk *end = t->quirks + t->quirk_count;
	bool settled = false;
	f->alias = NONE;
	for (const struct quirk *at = t->quirks; (at = next_quirk(t, at, f)) < end; at++)
		if (at->alias != NONE)
			f->alias = at->alias;
		else
			settled = settled || settle_by_quirk(t, at, f);
	if (!settled)
		f->isolates = with_options(t, f, by_port_type(f));
}

/* == grouping == */

/* A bridge and all above it isolate. */
static enum answer path_isolates(const struct topology *t, int at)
{
	enum answer all = YES;
	for (size_t depth = 0; at >= 0 && depth <= t->count; depth++) {
		all = both(all, t->functions[at].isolates);
		at = t->functions[at].parent;
	}
	return at == NONE ? all : both(all, UNKNOWN);
}

static bool speaks_for_those_below(const struct function *bridge)
{
	return hp_has_word("conventional pcie-to-pci pci-to-pcie", bridge->port_type);
}

/* Step 1. Returns a group, NOT_KNOWN, or NOT_YET if no bridge speaks for the function. */
static int group_of_alias(const struct topology *t, const struct function *f)
{
	int at = f->parent;
	for (size_t depth = 0; at >= 0 && depth <= t->count; depth++) {
		const struct function *bridge = &t->functions[at];
		if (!*bridge->port_type)
			return NOT_KNOWN;
		if (speaks_for_those_below(bridge))
			return bridge->group;
		at = bridge->parent;
	}
	return at == NONE ? NOT_YET : NOT_KNOWN;
}

/* Step 2. The first bridge above that does not isolate all the way up: its group. */
static int group_from_above(const struct topology *t, const struct function *f)
{
	if (f->parent < 0)
		return f->parent == NONE ? NOT_YET : NOT_KNOWN;
	switch (path_isolates(t, f->parent)) {
	case YES:
		return NOT_YET;
	case NO:
		return t->functions[f->parent].group;
	default:
		return NOT_KNOWN;
	}
}

/* Whether `a` sends requests in the name of `b`. */
static bool uses_id_of(const struct function *a, const struct function *b)
{
	return a->alias == (int)b->number && same_slot(a, b);
}

static int group_of_same_id(const struct topology *t, const struct function *f)
{
	for (size_t i = 0; t->aliased && i < t->count; i++) {
		const struct function *other = &t->functions[i];
		if (other->group != NOT_YET && other != f &&
		    (uses_id_of(f, other) || uses_id_of(other, f)))
			return other->group;
	}
	return NOT_YET;
}

/* Functions of a slot that do not isolate are one: the first that has a group counts. */
static int group_of_neighbours(const struct topology *t, const struct function *f)
{
	bool doubtful = false;
	if (f->isolates == YES || f->multifunction == NO)
		return NOT_YET;
	for (size_t i = 0; i < t->count; i++) {
		const struct function *other = &t->functions[i];
		if (other == f || !same_slot(f, other) || other->isolates == YES)
			continue;
		bool sure = f->isolates == NO && f->multifunction == YES && other->isolates == NO;
		if (sure && other->group >= 0)
			return other->group;
		doubtful |= !sure || other->group == NOT_KNOWN;
	}
	return doubtful ? NOT_KNOWN : NOT_YET;
}

/* A domain beyond 16 bits is behind a VMD controller, whose requester id its devices use: which one
 * does not show. */
static bool is_hidden(const struct function *f)
{
	return f->domain > 0xffff;
}

static int group_of(const struct topology *t, const struct function *f)
{
	static int (*const steps[])(const struct topology *, const struct function *) = {
	    group_of_alias, group_from_above, group_of_same_id, group_of_neighbours};
	int group = is_hidden(f) ? NOT_KNOWN : NOT_YET;
	for (size_t i = 0; group == NOT_YET && i < HP_COUNT(steps); i++)
		group = steps[i](t, f);
	return group;
}

/* Functions are in the order of the scan but for bridges with a larger address than what is below
 * them, which some firmware makes: those above come first. */
static void settle_group(struct topology *t, int at, size_t depth)
{
	struct function *f = &t->functions[at];
	if (f->group != NOT_YET || depth > t->count)
		return;
	if (f->parent >= 0)
		settle_group(t, f->parent, depth + 1);
	f->group = group_of(t, f);
	if (f->group == NOT_YET)
		f->group = t->groups++;
}

static void solve(struct topology *t)
{
	settle_multifunction(t);
	for (size_t i = 0; i < t->count; i++)
		settle_quirks(t, &t->functions[i]);
	for (size_t i = 0; i < t->count; i++)
		t->aliased |= t->functions[i].alias != NONE;
	for (size_t i = 0; i < t->count; i++)
		settle_group(t, (int)i, 0);
}

/* == results == */

static void give(struct topology *t, struct hp_groups *ret)
{
	ret->members = hp_calloc(t->count, sizeof(*ret->members));
	ret->count = t->count;
	ret->words = hp_calloc(t->count, sizeof(*ret->words));
	for (size_t i = 0; i < t->count; i++) {
		const struct function *f = &t->functions[i];
		struct hp_group_member *member = &ret->members[i];
		memcpy(member->address, f->address, sizeof(member->address));
		member->group = f->group < 0 ? -1 : f->group;
		if (!f->quirk)
			continue;
		hp_text_puts(&ret->words[i], f->quirk);
		member->quirk = hp_text_get(&ret->words[i]);
	}
}

int hp_groups_predict(struct hp_facts *facts, const char *host, bool capable, struct hp_groups *ret,
                      struct hp_error *err)
{
	struct topology t = {.capable = capable};
	*ret = (struct hp_groups){0};
	int r = load(&t, facts, host, err);
	if (r == 0) {
		solve(&t);
		give(&t, ret);
	}
	unload(&t);
	return r;
}

void hp_groups_free(struct hp_groups *groups)
{
	for (size_t i = 0; i < groups->count; i++)
		hp_text_free(&groups->words[i]);
	free(groups->words);
	free(groups->members);
	*groups = (struct hp_groups){0};
}

/* What group_predicted() is asked for: rows come in the order of addresses, which is that of the
 * members but for VFs. */
struct asked {
	const struct hp_groups *groups;
	size_t next;
};

static const char asked_type[] = "predicted groups";

static const struct hp_group_member *find_member(struct asked *asked, const char *address)
{
	const struct hp_groups *groups = asked->groups;
	for (size_t i = 0; i < groups->count; i++, asked->next++) {
		asked->next %= groups->count;
		const struct hp_group_member *member = &groups->members[asked->next];
		if (strcmp(member->address, address) == 0)
			return member;
	}
	return NULL;
}

/* group_predicted(asked, address): the group, NULL where it cannot be told. */
static void group_predicted(sqlite3_context *context, int count HP_UNUSED, sqlite3_value **values)
{
	struct asked *asked = sqlite3_value_pointer(values[0], asked_type);
	const char *address = (const char *)sqlite3_value_text(values[1]);
	const struct hp_group_member *member =
	    asked && address ? find_member(asked, address) : NULL;
	if (member && member->group >= 0)
		sqlite3_result_int(context, member->group);
}

/* All rows by one statement: a statement a row costs half as much again. */
static int write_groups(struct hp_facts *facts, const char *host, const struct hp_groups *groups,
                        struct hp_error *err)
{
	sqlite3_stmt *update hp_cleanup_statement = NULL;
	struct asked asked = {.groups = groups};
	sqlite3_create_function(hp_facts_db(facts), "group_predicted", 2, SQLITE_UTF8, NULL,
	                        group_predicted, NULL, NULL);
	int r = hp_db_prepare(
	    hp_facts_db(facts),
	    "UPDATE pci_function SET iommu_group = CAST(group_predicted(?2, address) AS TEXT), "
	    "iommu_group_origin = 'predicted' WHERE host = ?1 AND "
	    "group_predicted(?2, address) IS NOT NULL",
	    &update, err);
	if (r < 0)
		return r;
	sqlite3_bind_text(update, 1, host, -1, SQLITE_STATIC);
	sqlite3_bind_pointer(update, 2, &asked, asked_type, NULL);
	r = hp_db_step(update, err);
	return r < 0 ? r : 0;
}

static int predict_host(struct hp_facts *facts, const char *host, struct hp_error *err)
{
	struct hp_groups groups;
	int r = hp_groups_predict(facts, host, true, &groups, err);
	if (r == 0)
		r = write_groups(facts, host, &groups, err);
	hp_groups_free(&groups);
	return r;
}

int hp_facts_predict_groups(struct hp_facts *facts, struct hp_error *err)
{
	sqlite3_stmt *hosts hp_cleanup_statement = NULL;
	int r = hp_db_prepare(
	    hp_facts_db(facts),
	    "SELECT i.host FROM iommu i JOIN observed o ON o.host = i.host AND o.tbl = "
	    "'pci_function' AND o.subject = '' AND o.state = 'complete' WHERE i.state IS "
	    "NOT NULL AND EXISTS (SELECT 1 FROM pci_function f WHERE f.host = i.host AND "
	    "f.port_type IS NOT NULL) AND NOT EXISTS (SELECT 1 FROM pci_function f WHERE "
	    "f.host = i.host AND f.iommu_group <> 'none' AND f.iommu_group_origin IS NOT "
	    "'predicted') ORDER BY i.host",
	    &hosts, err);
	while (r == 0 && (r = hp_db_step(hosts, err)) > 0) {
		hp_cleanup_free char *host = hp_strdup(hp_db_text(hosts, 0));
		r = predict_host(facts, host, err);
	}
	return r;
}
