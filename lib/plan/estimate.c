// Time to a running guest: rates of the matrix times amounts of the facts.
// SPDX-License-Identifier: Apache-2.0
#include "plan/estimate.h"
#include "base/cleanup.h"
#include "base/database.h"
#include "base/text.h"
#include "base/version.h"
#include "plan/parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define GIB ((int64_t)1 << 30)

struct reckoning {
	sqlite3 *db;
	const char *host;
	const struct hp_accelerator *accelerator;
	const struct hp_surface_share *surface;
	struct hp_estimate *estimate;
	int64_t bar_bytes; // of BARs whose size is known; -1: of none
	bool bars_whole;   // that is all of them
};

// -- which rate holds: a variant of its term, with the reason --

static char *host_text(const struct reckoning *r, const char *sql)
{
	return hp_plan_text(r->db, sql, r->host, r->accelerator->address);
}

/* 1 the version is at least that, 0 it is below, -1 not known. */
static int at_least(const struct reckoning *r, const char *sql, const char *version)
{
	hp_cleanup_free char *have = host_text(r, sql);
	hp_cleanup_free char *key = hp_version_key(version);
	return !have || !key ? -1 : strcmp(have, key) >= 0;
}

static const char kernel_sql[] = "SELECT release_key FROM kernel WHERE host = ?1";
static const char qemu_sql[] =
    "SELECT version_key FROM software WHERE host = ?1 AND name = 'qemu' AND version <> 'none'";

static const char *always(const struct reckoning *r HP_UNUSED, char **why HP_UNUSED)
{
	return "";
}

static const char *page_size(const struct reckoning *r, char **why)
{
	int64_t bytes = 4096;
	int known = hp_plan_number(r->db,
	                           "SELECT coalesce(guest_page_bytes, CASE WHEN hugepages = 1 THEN "
	                           "2097152 END) FROM intent WHERE host = ?1",
	                           r->host, NULL, &bytes, NULL);
	*why = hp_strdup(known == 1 && bytes > 4096 ? "huge pages asked for"
	                 : known == 1               ? "4 KiB pages asked for"
	                              : "4 KiB pages taken, as nobody asks for others");
	return bytes > 4096 ? "huge" : "4k";
}

/* Both the kernel and the VMM must map by huge pages; where one is not known the worse is taken for
 * the upper bound by leaving it open. */
static const char *bar_mapping(const struct reckoning *r, char **why)
{
	bool is_qemu = hp_has_word(r->surface->mechanism, "qemu");
	int kernel = at_least(r, kernel_sql, "6.12");
	int vmm = is_qemu ? at_least(r, qemu_sql, "9.2") : 1;
	bool small = kernel == 0 || vmm == 0;
	*why = hp_strdup(kernel == 0             ? "the kernel is older than 6.12"
	                 : vmm == 0              ? "QEMU is older than 9.2"
	                 : kernel < 0 || vmm < 0 ? "kernel or QEMU not known"
	                                         : "kernel 6.12 and QEMU 9.2, or later");
	return small ? "small" : "huge";
}

static const char *bar_dma(const struct reckoning *r, char **why)
{
	int kernel = at_least(r, kernel_sql, "6.15");
	*why = hp_strdup(kernel == 0  ? "the kernel is older than 6.15"
	                 : kernel < 0 ? "kernel not known"
	                              : "kernel 6.15 or later");
	return kernel == 0 ? "pages" : kernel < 0 ? "unknown" : "huge";
}

static const char *reset_method(const struct reckoning *r, char **why)
{
	hp_cleanup_free char *methods = host_text(
	    r, "SELECT coalesce(reset_methods, CASE WHEN flr = 1 THEN 'flr' END) FROM accelerator"
	       " WHERE host = ?1 AND address = ?2");
	*why = hp_asprintf("reset methods: %s", methods ? methods : "not seen");
	if (!methods)
		return "unknown";
	return hp_starts_with(methods, "flr")   ? "flr"
	       : hp_starts_with(methods, "bus") ? "bus"
	                                        : "unknown";
}

static const char *guest_driver(const struct reckoning *r, char **why HP_UNUSED)
{
	if (!hp_has_word(r->surface->mechanism, "passthrough") &&
	    strcmp(r->surface->share, "whole") != 0)
		return "slice";
	return r->accelerator->vendor && strcmp(r->accelerator->vendor, "10de") == 0 ? "10de"
	                                                                             : "other";
}

// -- which terms an offer has --

static bool any(const struct hp_surface_share *surface HP_UNUSED)
{
	return true;
}

/* A slice's PF stays with its host driver: neither the board's BARs nor its reset reach the guest.
 */
static bool whole(const struct hp_surface_share *surface)
{
	return strcmp(surface->share, "whole") == 0;
}

static const struct {
	const char *name;
	bool (*applies)(const struct hp_surface_share *surface);
	const char *(*variant)(const struct reckoning *r, char **why);
} terms[] = {
    {"vmm-and-kernel-start", any, always}, {"zero-memory", any, always},
    {"pin-memory", any, page_size},        {"map-bar", whole, bar_mapping},
    {"dma-map-bar", whole, bar_dma},       {"reset", whole, reset_method},
    {"guest-driver", any, guest_driver},
};

// -- reckoning --

static int find_rate(const struct reckoning *r, const char *term, const char *variant,
                     sqlite3_stmt **ret, struct hp_error *err)
{
	int code =
	    hp_db_prepare(r->db,
	                  "SELECT low_us, high_us, per, note, source FROM boot_rate"
	                  " WHERE term = ?1 AND variant = ?2 AND (surface IN ('*', ?3) OR"
	                  " (substr(surface, 1, 1) = '@' AND has_word(?4, substr(surface, 2)) = 1))"
	                  " ORDER BY CASE WHEN surface = ?3 THEN 0 WHEN surface = '@vm' THEN 2 "
	                  "WHEN surface = '*' "
	                  "THEN 3 ELSE 1 END LIMIT 1",
	                  ret, err);
	if (code)
		return code;
	sqlite3_bind_text(*ret, 1, term, -1, SQLITE_STATIC);
	sqlite3_bind_text(*ret, 2, variant, -1, SQLITE_STATIC);
	sqlite3_bind_text(*ret, 3, r->surface->surface, -1, SQLITE_STATIC);
	sqlite3_bind_text(*ret, 4, r->surface->mechanism, -1, SQLITE_STATIC);
	return hp_db_step(*ret, err);
}

/* How many GiB a rate is to be taken, in bytes; -1: not known. */
static int64_t amount_of(const struct reckoning *r, const char *per)
{
	if (strcmp(per, "gib-of-memory") == 0)
		return r->estimate->guest_memory;
	return strcmp(per, "gib-of-bar") == 0 ? r->bar_bytes : GIB;
}

static char *amount_text(const struct reckoning *r, int64_t amount, const char *per)
{
	bool bars = strcmp(per, "gib-of-bar") == 0;
	if (strcmp(per, "once") == 0)
		return hp_strdup("");
	if (amount < 0)
		return hp_strdup("BARs not seen");
	hp_cleanup_free char *size = hp_size_text(amount);
	return hp_asprintf("%s of %s", size,
	                   !bars           ? "memory"
	                   : r->bars_whole ? "BARs"
	                                   : "those BARs whose size is known");
}

static int64_t milliseconds(int64_t us, int64_t bytes)
{
	return (int64_t)((double)us * (double)bytes / (double)GIB / 1000.0);
}

static void add_term(struct hp_estimate *estimate, struct hp_estimate_term term)
{
	estimate->terms =
	    hp_realloc(estimate->terms, (estimate->count + 1) * sizeof(*estimate->terms));
	estimate->terms[estimate->count++] = term;
	estimate->low_ms += term.low_ms;
	if (term.high_ms < 0)
		estimate->high_ms = -1;
	else if (estimate->high_ms >= 0)
		estimate->high_ms += term.high_ms;
}

static char *join(const char *const parts[], size_t count)
{
	struct hp_text text = {0};
	for (size_t i = 0; i < count; i++)
		if (parts[i] && *parts[i])
			hp_text_printf(&text, "%s%s", text.length ? "; " : "", parts[i]);
	return text.length ? text.data : hp_strdup("");
}

static void reckon_row(const struct reckoning *r, const char *name, sqlite3_stmt *row,
                       const char *why)
{
	const char *per = hp_db_text(row, 2), *source = hp_db_text(row, 4);
	int64_t amount = amount_of(r, per);
	bool part = strcmp(per, "gib-of-bar") == 0 && !r->bars_whole;
	bool open = amount < 0 || part || sqlite3_column_type(row, 1) == SQLITE_NULL;
	hp_cleanup_free char *size = amount_text(r, amount, per);
	const char *parts[] = {size, why, hp_db_text(row, 3)};
	add_term(r->estimate,
	         (struct hp_estimate_term){
		     .name = name,
		     .low_ms = amount < 0 ? 0 : milliseconds(sqlite3_column_int64(row, 0), amount),
		     .high_ms = open ? -1 : milliseconds(sqlite3_column_int64(row, 1), amount),
		     .source = source ? hp_strdup(source) : NULL,
		     .reason = join(parts, HP_COUNT(parts)),
		 });
}

static int reckon_term(const struct reckoning *r, size_t at, struct hp_error *err)
{
	hp_cleanup_statement sqlite3_stmt *row = NULL;
	hp_cleanup_free char *why = NULL;
	const char *variant = terms[at].variant(r, &why);
	int code = find_rate(r, terms[at].name, variant, &row, err);
	if (code == 1)
		reckon_row(r, terms[at].name, row, why);
	else if (code == 0)
		add_term(r->estimate, (struct hp_estimate_term){
					  .name = terms[at].name,
					  .high_ms = -1,
					  .reason = hp_asprintf("no rate is known%s%s",
		                                                why ? ": " : "", why ? why : "")});
	return code < 0 ? code : 0;
}

static void find_memory(const struct reckoning *r, int64_t given)
{
	struct hp_estimate *estimate = r->estimate;
	estimate->guest_memory = given;
	estimate->guest_memory_given =
	    given > 0 ||
	    hp_plan_number(r->db, "SELECT guest_memory_bytes FROM intent WHERE host = ?1", r->host,
	                   NULL, &estimate->guest_memory, NULL) == 1;
	if (!estimate->guest_memory_given)
		estimate->guest_memory = 16 * GIB;
}

/* What is known of the BARs bounds from below; from above only all of them do. */
static int find_bars(struct reckoning *r, struct hp_error *err)
{
	int64_t unknown = 1, seen = 0;
	r->bar_bytes = -1;
	int code = hp_plan_number(r->db,
	                          "SELECT SUM(size_bytes) FROM pci_bar WHERE host = ?1 AND address "
	                          "= ?2 AND kind = 'bar' AND io IS DISTINCT FROM 1",
	                          r->host, r->accelerator->address, &r->bar_bytes, err);
	if (code == 1)
		code = hp_plan_number(
		    r->db,
		    "SELECT COUNT(*) FROM pci_bar WHERE host = ?1 AND address = ?2 AND kind = 'bar'"
		    " AND io IS DISTINCT FROM 1 AND size_bytes IS NULL",
		    r->host, r->accelerator->address, &unknown, err);
	if (code == 1)
		code = hp_plan_number(
		    r->db, "SELECT bars_known FROM accelerator WHERE host = ?1 AND address = ?2",
		    r->host, r->accelerator->address, &seen, err);
	r->bars_whole = code == 1 && !unknown && seen == 1;
	return code < 0 ? code : 0;
}

int hp_estimate_offer(sqlite3 *db, const char *host, const struct hp_accelerator *accelerator,
                      const struct hp_surface_share *surface, int64_t guest_memory,
                      struct hp_estimate *ret, struct hp_error *err)
{
	struct reckoning r = {.db = db,
	                      .host = host,
	                      .accelerator = accelerator,
	                      .surface = surface,
	                      .estimate = ret};
	*ret = (struct hp_estimate){0};
	if (strcmp(surface->isolation, "vm") != 0)
		return 0;
	find_memory(&r, guest_memory);
	int code = find_bars(&r, err);
	for (size_t i = 0; !code && i < HP_COUNT(terms); i++)
		if (terms[i].applies(surface))
			code = reckon_term(&r, i, err);
	if (code)
		hp_estimate_finish(ret);
	return code;
}

void hp_estimate_finish(struct hp_estimate *estimate)
{
	for (size_t i = 0; i < estimate->count; i++) {
		free(estimate->terms[i].source);
		free(estimate->terms[i].reason);
	}
	free(estimate->terms);
	*estimate = (struct hp_estimate){0};
}
