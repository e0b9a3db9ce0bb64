// The verdict for a person at a terminal. SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "paint.h"
#include "print-verdict.h"

#include "judge/digest.h"
#include "judge/json.h"

#include <string.h>

enum { NARROW = 112 }; // below this the line that matters goes below its row

struct printer {
	struct hp_paint paint;
	bool all;
	const struct hp_verdict_print *what;
};

// -- rows --

static enum hp_color path_color(const struct hp_digest_row *row)
{
	static const enum hp_color colors[] = {[HP_PATH_ON] = HP_GREEN,
	                                       [HP_PATH_CAUTION] = HP_YELLOW,
	                                       [HP_PATH_OFF] = HP_RED,
	                                       [HP_PATH_UNKNOWN] = HP_MAGENTA};
	return colors[row->offer->path];
}

static enum hp_color readiness_color(const struct hp_digest_row *row)
{
	static const enum hp_color colors[] = {[HP_READINESS_READY] = HP_GREEN,
	                                       [HP_READINESS_REACHABLE] = HP_YELLOW,
	                                       [HP_READINESS_UNREACHABLE] = HP_RED,
	                                       [HP_READINESS_UNKNOWN] = HP_MAGENTA};
	return colors[row->offer->readiness];
}

static void print_row(const struct printer *printer, const struct hp_digest_row *rows, size_t count,
                      size_t at, int surface_width, int share_width)
{
	const struct hp_digest_row *row = &rows[at];
	const struct hp_offer *offer = row->offer;
	hp_cleanup_free char *words = hp_digest_words(rows, count, at);
	bool grey = hp_digest_is_grey(row),
	     narrow = printer->paint.width && printer->paint.width < NARROW;
	int indent = 2 + surface_width + 2 + share_width + 2 + 9 + 13 + 10;
	hp_paint(&printer->paint, row->asked ? HP_BOLD : HP_PLAIN, row->asked ? "> " : "  ", 2);
	hp_paint(&printer->paint,
	         grey         ? HP_DIM
	         : row->asked ? HP_BOLD
	                      : HP_PLAIN,
	         offer->surface->surface, surface_width + 2);
	hp_paint(&printer->paint, grey ? HP_DIM : HP_PLAIN, row->shares, share_width + 2);
	hp_paint(&printer->paint, grey ? HP_DIM : path_color(row), hp_path_name(offer->path), 9);
	hp_paint(&printer->paint, grey ? HP_DIM : readiness_color(row),
	         hp_readiness_name(offer->readiness), 13);
	hp_paint(&printer->paint, grey ? HP_DIM : HP_PLAIN, hp_digest_distance(offer),
	         narrow ? 0 : 10);
	if (narrow)
		fprintf(printer->paint.to, "\n%*s", indent = 6, "");
	hp_paint_words(&printer->paint, narrow || grey ? HP_DIM : HP_PLAIN, words, indent, indent);
}

static void print_rows(const struct printer *printer, const struct hp_accelerator *accelerator)
{
	struct hp_digest_row *rows = hp_calloc(accelerator->offer_count + 1, sizeof(*rows));
	size_t count = hp_digest_rows(accelerator, printer->all, rows);
	int surface_width = 7, share_width = 5;
	for (size_t i = 0; i < count; i++) {
		int surface = (int)strlen(rows[i].offer->surface->surface),
		    share = (int)strlen(rows[i].shares);
		surface_width = surface > surface_width ? surface : surface_width;
		share_width = share > share_width ? share : share_width;
	}
	hp_cleanup_free char *head = hp_asprintf(
	    "  %-*s  %-*s  %-9s%-13s%-10s%s", surface_width, "SURFACE", share_width, "SHARE",
	    "PATH", "READINESS", "DISTANCE",
	    printer->paint.width && printer->paint.width < NARROW ? "" : "WHAT MATTERS");
	if (count) {
		hp_paint(&printer->paint, HP_DIM, head, 0);
		fputc('\n', printer->paint.to);
	}
	for (size_t i = 0; i < count; i++)
		print_row(printer, rows, count, i, surface_width, share_width);
	free(rows);
}

// -- accelerators: alike ones together --

static void add_addresses(struct hp_text *text, const struct hp_accelerator *const *group,
                          size_t count)
{
	enum { SHOWN = 8 };
	for (size_t i = 0; i < count && i < SHOWN; i++)
		hp_text_printf(text, "%s%s", i ? " " : "", group[i]->address);
	if (count > SHOWN)
		hp_text_printf(text, " and %zu more", count - SHOWN);
}

static void print_failing(const struct printer *printer, const struct hp_finding *finding)
{
	hp_cleanup_free char *line = hp_digest_failure(finding);
	fputs("    ", printer->paint.to);
	hp_paint(&printer->paint, finding->rule->impact == HP_IMPACT_BLOCKS ? HP_RED : HP_YELLOW,
	         hp_impact_name(finding->rule->impact), 10);
	hp_paint_words(&printer->paint, HP_PLAIN, line, 14, 14);
	fputs("              ", printer->paint.to);
	hp_paint_words(&printer->paint, HP_DIM, finding->rule->resolution, 14, 14);
}

static void print_guest_heading(const struct printer *printer, const struct hp_verdict_host *host)
{
	hp_cleanup_free char *machine =
	    host->machine ? hp_asprintf(" (%s)", host->machine) : hp_strdup("");
	hp_cleanup_free char *heading =
	    hp_asprintf("As this guest of %s%s sees it", host->hypervisor, machine);
	fputs("\n  ", printer->paint.to);
	hp_paint(&printer->paint, HP_BOLD, heading, 0);
}

/* How the VMM presents the accelerator: what fails, with the words of VMMs for it. */
static void print_guest_view(const struct printer *printer, const struct hp_verdict_host *host,
                             const struct hp_accelerator *accelerator)
{
	size_t failing = 0, open = 0;
	if (!host->hypervisor)
		return;
	print_guest_heading(printer, host);
	for (size_t i = 0; i < accelerator->finding_count; i++) {
		const struct hp_finding *finding = accelerator->findings[i];
		if (!hp_rule_of_guest(finding->rule))
			continue;
		open += finding->result == HP_RESULT_UNKNOWN;
		if (finding->result != HP_RESULT_FAIL)
			continue;
		if (!failing++)
			fputc('\n', printer->paint.to);
		print_failing(printer, finding);
	}
	if (!failing)
		fprintf(printer->paint.to, open ? ": %zu question%s open\n" : ": as it should\n",
		        open, open == 1 ? " is" : "s are");
}

static void print_group(const struct printer *printer, const struct hp_verdict_host *host,
                        const struct hp_accelerator *const *group, size_t count)
{
	const struct hp_accelerator *first = group[0];
	hp_cleanup_text struct hp_text addresses = {0};
	add_addresses(&addresses, group, count);
	if (first->is_vf && !first->offer_count) {
		hp_cleanup_free char *line =
		    hp_asprintf("%zu VF%s of %s, judged with it: %s", count, count > 1 ? "s" : "",
		                first->parent ? first->parent : "?", addresses.data);
		fputs("\n  ", printer->paint.to);
		hp_paint_words(&printer->paint, HP_DIM, line, 2, 4);
		return;
	}
	hp_cleanup_free char *name = hp_digest_title(first, count);
	hp_cleanup_free char *title =
	    hp_asprintf("%s%s", name, count > 1 && first->offer_count ? ": one verdict" : "");
	fputc('\n', printer->paint.to);
	hp_paint(&printer->paint, HP_BOLD, title, 0);
	fputc('\n', printer->paint.to);
	fputs("  ", printer->paint.to);
	hp_paint_words(&printer->paint, HP_DIM, addresses.data, 2, 2);
	if (!first->offer_count)
		fputs("  no surface is known for this vendor\n", printer->paint.to);
	print_rows(printer, first);
	print_guest_view(printer, host, first);
}

static void print_accelerators(const struct printer *printer, const struct hp_verdict_host *host)
{
	size_t count = host->accelerator_count;
	hp_cleanup_free bool *done = hp_calloc(count + 1, sizeof(*done));
	hp_cleanup_free const struct hp_accelerator **group = hp_calloc(count + 1, sizeof(*group));
	for (size_t i = 0; i < count; i++) {
		size_t members = hp_digest_group(host, i, done, group);
		if (members)
			print_group(printer, host, group, members);
	}
}

// -- the host, and the foot --

static void print_host_findings(const struct printer *printer, const struct hp_verdict_host *host)
{
	size_t unknown = 0, shown = 0;
	for (size_t i = 0; i < host->finding_count; i++) {
		const struct hp_finding *finding = host->findings[i];
		bool fails = finding->result == HP_RESULT_FAIL;
		unknown += finding->result == HP_RESULT_UNKNOWN;
		if (!fails && !printer->all)
			continue;
		if (!shown++) {
			fputc('\n', printer->paint.to);
			hp_paint(&printer->paint, HP_BOLD, "About the host", 0);
			fputc('\n', printer->paint.to);
		}
		hp_cleanup_free char *line =
		    fails ? hp_digest_failure(finding)
			  : hp_asprintf("%s: %s", finding->rule->title, finding->evidence);
		enum hp_color color = !fails                                      ? HP_DIM
		                      : finding->rule->impact == HP_IMPACT_BLOCKS ? HP_RED
		                                                                  : HP_YELLOW;
		fputs("  ", printer->paint.to);
		hp_paint(&printer->paint, color,
		         fails ? hp_impact_name(finding->rule->impact)
		               : hp_result_name(finding->result),
		         10);
		hp_paint_words(&printer->paint, HP_PLAIN, line, 12, 12);
	}
	if (unknown && !printer->all)
		fprintf(printer->paint.to,
		        "\n%zu question%s about the host as a whole %s open (--all lists them).\n",
		        unknown, unknown > 1 ? "s" : "", unknown > 1 ? "stay" : "stays");
}

/* Whether something about the host itself stands in the way of a surface, whatever the accelerator.
 */
static bool hinders(const struct hp_finding *finding, const struct hp_surface_share *surface)
{
	return finding->result == HP_RESULT_FAIL && finding->rule->impact == HP_IMPACT_BLOCKS &&
	       (!finding->surface || strcmp(finding->surface, surface->surface) == 0) &&
	       hp_applies(finding->rule->applies, surface);
}

static void print_bare_surface(const struct printer *printer, const struct hp_verdict_host *host,
                               const struct hp_surface_share *surface)
{
	const struct hp_finding *first = NULL;
	size_t count = 0;
	for (size_t i = 0; i < host->finding_count; i++) {
		if (!hinders(host->findings[i], surface))
			continue;
		first = first ? first : host->findings[i];
		count++;
	}
	hp_cleanup_free char *more =
	    count > 1 ? hp_asprintf("; and %zu more", count - 1) : hp_strdup("");
	hp_cleanup_free char *what = first ? hp_digest_failure(first) : NULL;
	hp_cleanup_free char *line = first ? hp_asprintf("%s%s", what, more)
	                                   : hp_strdup("nothing that was seen of the host itself");
	fputs("  ", printer->paint.to);
	hp_paint(&printer->paint, HP_PLAIN, surface->surface, 18);
	hp_paint_words(&printer->paint, HP_DIM, line, 20, 20);
}

/* A host without an accelerator: what would stand in the way of each of the first surfaces if it
 * had one. */
static void print_bare_host(const struct printer *printer, const struct hp_verdict_host *host)
{
	struct hp_surfaces *surfaces = NULL;
	size_t count;
	if (!host->pci_seen ||
	    hp_surfaces_load(hp_knowledge_db(printer->what->knowledge), false, &surfaces, NULL))
		return;
	const struct hp_surface_share *shares = hp_surfaces_shares(surfaces, &count);
	const char *last = "";
	fputs("\nNo accelerator was found: every surface is unreachable without the hardware. With "
	      "one,\n"
	      "this would stand in the way besides:\n\n",
	      printer->paint.to);
	for (size_t i = 0; i < count; i++) {
		if (!shares[i].first_nine || strcmp(shares[i].surface, last) == 0)
			continue;
		last = shares[i].surface;
		print_bare_surface(printer, host, &shares[i]);
	}
	hp_surfaces_free(surfaces);
}

/* The gaps of one kind, with some of them named. */
static void print_gaps(const struct printer *printer, const struct hp_verdict_host *host,
                       const char *kind, const char *words)
{
	enum { NAMED = 4 };
	size_t count = 0;
	hp_cleanup_text struct hp_text line = {0};
	for (size_t i = 0; i < host->gap_count; i++) {
		if (!host->gaps[i].kind || !hp_has_word(kind, host->gaps[i].kind))
			continue;
		if (printer->all || count < NAMED)
			hp_text_printf(&line, "%s%s", count ? ", " : "", host->gaps[i].what);
		count++;
	}
	if (!count)
		return;
	hp_cleanup_free char *more = !printer->all && count > NAMED
	                                 ? hp_asprintf(" and %zu more", count - NAMED)
	                                 : hp_strdup("");
	hp_cleanup_free char *whole = hp_asprintf("%s: %s%s", words, line.data, more);
	hp_paint_words(&printer->paint, HP_DIM, whole, 0, 2);
}

static void print_foot(const struct printer *printer, const struct hp_verdict_host *host)
{
	static const struct {
		const char *kinds, *words;
	} kinds[] = {
	    {"permission privilege", "Root would add"},
	    {"asleep", "Asleep, and left so (--wake BDF reads them)"},
	    {"level", "Left out on this level (--level 2 adds it)"},
	    {"missing-tool", "For want of a program"},
	    {"deadline vanished malformed unsupported", "Could not be read"},
	};
	fputc('\n', printer->paint.to);
	for (size_t i = 0; i < HP_COUNT(kinds); i++) {
		bool refused = i == 0 && host->root == 1;
		print_gaps(printer, host, kinds[i].kinds,
		           refused ? "Refused even to root" : kinds[i].words);
	}
	if (host->root == 0 && !host->gap_count)
		hp_paint_words(&printer->paint, HP_DIM,
		               "Seen without root: as root more may be known.", 0, 2);
}

static void print_knowledge(const struct printer *printer)
{
	const struct hp_knowledge *knowledge = printer->what->knowledge;
	long age = hp_days_between(hp_knowledge_as_of(knowledge), printer->what->today);
	hp_cleanup_free char *day =
	    strcmp(printer->what->as_of, printer->what->today) == 0
		? hp_strdup("")
		: hp_asprintf("; the vendors' stance of %s", printer->what->as_of);
	hp_cleanup_free char *line =
	    hp_asprintf("Knowledge %s, of %s (%ld days old)%s. 'happypath explain "
	                "SURFACE|RULE|BDF' tells more, --all"
	                " shows every surface.",
	                hp_knowledge_version(knowledge), hp_knowledge_as_of(knowledge), age, day);
	hp_paint_words(&printer->paint, HP_DIM, line, 0, 0);
}

void hp_print_verdict(const struct hp_verdict_print *what, FILE *to)
{
	struct printer printer = {
	    .paint = {.to = to, .color = what->color, .width = hp_terminal_width(to)},
	    .all = what->all,
	    .what = what};
	size_t count;
	const struct hp_verdict_host *hosts = hp_verdict_hosts(what->verdict, &count);
	for (size_t i = 0; i < count; i++) {
		const struct hp_verdict_host *host = &hosts[i];
		hp_cleanup_free char *title = hp_digest_host(host);
		if (i)
			fputc('\n', to);
		hp_paint(&printer.paint, HP_BOLD, title, 0);
		fputc('\n', to);
		print_accelerators(&printer, host);
		bool bare = !host->accelerator_count && host->pci_seen;
		if (bare)
			print_bare_host(&printer, host);
		else if (!host->accelerator_count)
			fputs("\nNo accelerator is known of this host, but there may be one.\n",
			      to);
		if (!bare || what->all)
			print_host_findings(&printer, host);
		print_foot(&printer, host);
	}
	if (count)
		print_knowledge(&printer);
}
