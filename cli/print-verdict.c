// The verdict for a person at a terminal. SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "paint.h"
#include "print-verdict.h"

#include "judge/json.h"

#include <string.h>

enum { NARROW = 112 }; // below this the line that matters goes below its row

struct printer {
	struct hp_paint paint;
	bool all;
	const struct hp_verdict_print *what;
};

// -- rows: the offers of a surface that are judged alike --

struct row {
	const struct hp_offer *offer;
	char shares[96];
	bool asked; // in use here, or wanted
};

static bool alike(const struct hp_offer *a, const struct hp_offer *b)
{
	return a->surface->surface == b->surface->surface ||
	       strcmp(a->surface->surface, b->surface->surface) == 0;
}

static bool same_judgement(const struct hp_offer *a, const struct hp_offer *b)
{
	return alike(a, b) && a->path == b->path && a->readiness == b->readiness &&
	       a->distance == b->distance;
}

/* The smaller the better: what the vendor stands behind, then what this host can do. */
static int goodness(const struct hp_offer *offer)
{
	static const int paths[] = {
	    [HP_PATH_ON] = 0, [HP_PATH_CAUTION] = 1, [HP_PATH_UNKNOWN] = 2, [HP_PATH_OFF] = 3};
	static const int readiness[] = {[HP_READINESS_READY] = 0,
	                                [HP_READINESS_REACHABLE] = 1,
	                                [HP_READINESS_UNKNOWN] = 2,
	                                [HP_READINESS_UNREACHABLE] = 3};
	return 4 * paths[offer->path] + readiness[offer->readiness];
}

/* A share that is off or unknown goes unsaid where its surface has a better one. */
static bool is_shown(const struct printer *printer, const struct hp_accelerator *accelerator,
                     const struct hp_offer *offer)
{
	if (printer->all || offer->wanted)
		return true;
	if (!offer->surface->first_nine && !offer->in_use)
		return false;
	for (size_t i = 0; i < accelerator->offer_count; i++) {
		const struct hp_offer *other = &accelerator->offers[i];
		if (!alike(offer, other) || other == offer)
			continue;
		bool worse = goodness(offer) / 4 >= 2 &&
		             (goodness(other) < goodness(offer) ||
		              (goodness(other) == goodness(offer) && other < offer));
		if (worse)
			return false;
	}
	return true;
}

static void add_row(struct row *rows, size_t *count, const struct hp_offer *offer, bool merge)
{
	for (size_t i = 0; merge && i < *count; i++) {
		struct row *row = &rows[i];
		size_t length = strlen(row->shares);
		if (!same_judgement(row->offer, offer))
			continue;
		snprintf(row->shares + length, sizeof(row->shares) - length, ", %s",
		         offer->surface->share);
		return;
	}
	struct row *row = &rows[(*count)++];
	*row = (struct row){.offer = offer, .asked = offer->in_use};
	snprintf(row->shares, sizeof(row->shares), "%s", offer->surface->share);
}

static int in_use_first(const void *a, const void *b)
{
	const struct row *left = a, *right = b;
	if (left->asked != right->asked)
		return right->asked - left->asked;
	int order = left->offer->surface->position - right->offer->surface->position;
	return order ? order : (left->offer > right->offer) - (left->offer < right->offer);
}

static size_t make_rows(const struct printer *printer, const struct hp_accelerator *accelerator,
                        struct row *rows)
{
	size_t count = 0;
	for (size_t i = 0; i < accelerator->offer_count; i++)
		if (is_shown(printer, accelerator, &accelerator->offers[i]))
			add_row(rows, &count, &accelerator->offers[i], !printer->all);
	qsort(rows, count, sizeof(*rows), in_use_first);
	return count;
}

static enum hp_color path_color(const struct row *row)
{
	static const enum hp_color colors[] = {[HP_PATH_ON] = HP_GREEN,
	                                       [HP_PATH_CAUTION] = HP_YELLOW,
	                                       [HP_PATH_OFF] = HP_RED,
	                                       [HP_PATH_UNKNOWN] = HP_MAGENTA};
	return colors[row->offer->path];
}

static enum hp_color readiness_color(const struct row *row)
{
	static const enum hp_color colors[] = {[HP_READINESS_READY] = HP_GREEN,
	                                       [HP_READINESS_REACHABLE] = HP_YELLOW,
	                                       [HP_READINESS_UNREACHABLE] = HP_RED,
	                                       [HP_READINESS_UNKNOWN] = HP_MAGENTA};
	return colors[row->offer->readiness];
}

/* What nobody asked for and cannot be had is grey, not red. */
static bool is_grey(const struct row *row)
{
	return !row->asked && (row->offer->path == HP_PATH_OFF ||
	                       row->offer->readiness == HP_READINESS_UNREACHABLE);
}

/* What names a row: its surface, and a share where the surface has several rows. */
static char *name_of(const struct row *rows, size_t count, size_t at)
{
	const struct hp_surface_share *surface = rows[at].offer->surface;
	for (size_t i = 0; i < count; i++)
		if (i != at && alike(rows[i].offer, rows[at].offer))
			return hp_asprintf("%s:%s", surface->surface, surface->share);
	return hp_strdup(surface->surface);
}

/* How much fails and blocks besides the one that the summary tells of. */
static size_t untold(const struct hp_offer *offer)
{
	size_t count = 0;
	bool told = offer->path != HP_PATH_OFF && offer->readiness != HP_READINESS_UNREACHABLE;
	for (size_t i = 0; told && i < offer->finding_count; i++)
		count += offer->findings[i]->result == HP_RESULT_FAIL &&
		         offer->findings[i]->rule->impact == HP_IMPACT_BLOCKS;
	return count ? count - 1 : 0;
}

/* What matters, said once: rows below that would repeat it name the first that said it. */
static char *words_of(const struct row *rows, size_t count, size_t at)
{
	for (size_t i = 0; i < at; i++) {
		if (strcmp(rows[i].offer->summary, rows[at].offer->summary) != 0)
			continue;
		hp_cleanup_free char *name = name_of(rows, count, i);
		return hp_asprintf("as for %s", name);
	}
	size_t more = untold(rows[at].offer);
	return more ? hp_asprintf("%s; and %zu more", rows[at].offer->summary, more)
	            : hp_strdup(rows[at].offer->summary);
}

static const char *distance_words(const struct hp_offer *offer)
{
	bool open = offer->distance == HP_DISTANCE_NONE && offer->readiness != HP_READINESS_READY;
	return open ? "-" : hp_distance_name(offer->distance);
}

static void print_row(const struct printer *printer, const struct row *rows, size_t count,
                      size_t at, int surface_width, int share_width)
{
	const struct row *row = &rows[at];
	const struct hp_offer *offer = row->offer;
	hp_cleanup_free char *words = words_of(rows, count, at);
	bool grey = is_grey(row), narrow = printer->paint.width && printer->paint.width < NARROW;
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
	hp_paint(&printer->paint, grey ? HP_DIM : HP_PLAIN, distance_words(offer), narrow ? 0 : 10);
	if (narrow)
		fprintf(printer->paint.to, "\n%*s", indent = 6, "");
	hp_paint_words(&printer->paint, narrow || grey ? HP_DIM : HP_PLAIN, words, indent, indent);
}

static void print_rows(const struct printer *printer, const struct hp_accelerator *accelerator)
{
	struct row *rows = hp_calloc(accelerator->offer_count + 1, sizeof(*rows));
	size_t count = make_rows(printer, accelerator, rows);
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

static bool same_findings(const struct hp_offer *a, const struct hp_offer *b)
{
	if (a->finding_count != b->finding_count)
		return false;
	for (size_t i = 0; i < a->finding_count; i++)
		if (a->findings[i]->rule != b->findings[i]->rule ||
		    a->findings[i]->result != b->findings[i]->result)
			return false;
	return true;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_verdict(const struct hp_accelerator *a, const struct hp_accelerator *b)
{
	if (!same_text(a->vendor, b->vendor) || !same_text(a->device, b->device) ||
	    !same_text(a->name, b->name) || a->offer_count != b->offer_count ||
	    a->is_vf != b->is_vf)
		return false;
	if (a->is_vf && !a->offer_count)
		return same_text(a->parent, b->parent);
	for (size_t i = 0; i < a->offer_count; i++)
		if (!same_judgement(&a->offers[i], &b->offers[i]) ||
		    !same_findings(&a->offers[i], &b->offers[i]))
			return false;
	return true;
}

static void add_addresses(struct hp_text *text, const struct hp_accelerator *const *group,
                          size_t count)
{
	enum { SHOWN = 8 };
	for (size_t i = 0; i < count && i < SHOWN; i++)
		hp_text_printf(text, "%s%s", i ? " " : "", group[i]->address);
	if (count > SHOWN)
		hp_text_printf(text, " and %zu more", count - SHOWN);
}

static char *title_of(const struct hp_accelerator *accelerator, size_t count)
{
	hp_cleanup_free char *times = count > 1 ? hp_asprintf("%zu × ", count) : hp_strdup("");
	return hp_asprintf("%s%s [%s:%s]%s", times,
	                   accelerator->name                         ? accelerator->name
	                   : strcmp(accelerator->kind, "other") == 0 ? "unknown device"
	                                                             : "unknown accelerator",
	                   accelerator->vendor ? accelerator->vendor : "?",
	                   accelerator->device ? accelerator->device : "?",
	                   count > 1 && accelerator->offer_count ? ": one verdict" : "");
}

static void print_group(const struct printer *printer, const struct hp_accelerator *const *group,
                        size_t count)
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
	hp_cleanup_free char *title = title_of(first, count);
	fputc('\n', printer->paint.to);
	hp_paint(&printer->paint, HP_BOLD, title, 0);
	fputc('\n', printer->paint.to);
	fputs("  ", printer->paint.to);
	hp_paint_words(&printer->paint, HP_DIM, addresses.data, 2, 2);
	if (!first->offer_count)
		fputs("  no surface is known for this vendor\n", printer->paint.to);
	print_rows(printer, first);
}

static void print_accelerators(const struct printer *printer, const struct hp_verdict_host *host)
{
	size_t count = host->accelerator_count;
	hp_cleanup_free bool *done = hp_calloc(count + 1, sizeof(*done));
	hp_cleanup_free const struct hp_accelerator **group = hp_calloc(count + 1, sizeof(*group));
	for (size_t i = 0; i < count; i++) {
		size_t members = 0;
		for (size_t j = i; !done[i] && j < count; j++) {
			if (done[j] || (j > i && !same_verdict(&host->accelerators[i],
			                                       &host->accelerators[j])))
				continue;
			done[j] = j > i;
			group[members++] = &host->accelerators[j];
		}
		if (members)
			print_group(printer, group, members);
	}
}

// -- the host, and the foot --

/* A title says what would be well: what fails is told by what to do. */
static char *what_fails(const struct hp_finding *finding)
{
	const struct hp_rule *rule = finding->rule;
	return hp_asprintf("%s (%s)", rule->fix_count ? rule->fixes[0].title : rule->resolution,
	                   finding->evidence);
}

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
		    fails ? what_fails(finding)
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
	hp_cleanup_free char *what = first ? what_fails(first) : NULL;
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
	    {"level", "Not looked at on this level"},
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

static char *host_title(const struct hp_verdict_host *host)
{
	size_t vfs = 0;
	for (size_t i = 0; i < host->accelerator_count; i++)
		vfs += host->accelerators[i].is_vf;
	size_t count = host->accelerator_count - vfs;
	hp_cleanup_free char *and_vfs =
	    vfs ? hp_asprintf(" and %zu VF%s", vfs, vfs == 1 ? "" : "s") : hp_strdup("");
	return hp_asprintf(
	    "%s: %zu accelerator%s%s%s", host->name, count, count == 1 ? "" : "s", and_vfs,
	    !host->accelerator_count && !host->pci_seen ? " (PCI was not seen whole)" : "");
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
		hp_cleanup_free char *title = host_title(host);
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
