// A plan for a person at a terminal: offers, price, time, steps, advice.
// SPDX-License-Identifier: Apache-2.0
#include "print-plan.h"
#include "base/cleanup.h"

#include <string.h>

struct printer {
	const struct hp_paint *paint;
	const struct hp_plan_print *what;
	const struct hp_plan *plan;
};

static void head(const struct printer *printer, const char *text)
{
	fputc('\n', printer->paint->to);
	hp_paint(printer->paint, HP_BOLD, text, 0);
	fputc('\n', printer->paint->to);
}

static void line(const struct printer *printer, enum hp_color color, int indent, const char *text)
{
	fprintf(printer->paint->to, "%*s", indent, "");
	hp_paint_words(printer->paint, color, text, indent, indent + 2);
}

static char *milliseconds(int64_t ms)
{
	if (ms < 0)
		return hp_strdup("?");
	return ms < 1000 ? hp_asprintf("%lld ms", (long long)ms)
	                 : hp_asprintf("%.*f s", ms < 10000 ? 1 : 0, (double)ms / 1000);
}

static char *interval(int64_t low, int64_t high)
{
	hp_cleanup_free char *from = milliseconds(low), *to = milliseconds(high);
	if (high < 0)
		return low > 0 ? hp_asprintf("%s or more", from) : hp_strdup("not known");
	return low == high ? hp_strdup(from) : hp_asprintf("%s to %s", from, to);
}

// -- the answer --

static char *wish_words(const struct hp_wish *wish)
{
	return *wish->name ? hp_asprintf("%s %s", wish->name, wish->value)
	                   : hp_strdup("what this host can do");
}

static void print_wishes(const struct printer *printer, const struct hp_candidate *candidate)
{
	for (size_t i = 0; i < candidate->wish_count; i++) {
		const struct hp_wish *wish = &candidate->wishes[i];
		hp_cleanup_free char *name = wish_words(wish);
		hp_cleanup_free char *text =
		    hp_asprintf("%s %s: %s", wish->state == HP_WISH_BROKEN ? "breaks" : "may break",
		                name, wish->why ? wish->why : "");
		line(printer, wish->state == HP_WISH_BROKEN ? HP_YELLOW : HP_MAGENTA, 2, text);
	}
}

static char *offer_words(const struct hp_candidate *candidate)
{
	return hp_asprintf("%s %s", candidate->surface->surface, candidate->surface->share);
}

/* The wishes that would have to go for the nearest offer. */
static char *to_drop(const struct hp_candidate *candidate)
{
	struct hp_text text = {0};
	for (size_t i = 0; i < candidate->wish_count; i++) {
		const struct hp_wish *wish = &candidate->wishes[i];
		if (wish->state != HP_WISH_BROKEN || !*wish->name)
			continue;
		hp_text_printf(&text, "%s%s %s", text.length ? " and " : "", wish->name,
		               wish->value);
	}
	return text.data;
}

static void print_answer(const struct printer *printer)
{
	const struct hp_plan *plan = printer->plan;
	const struct hp_candidate *first = plan->candidates;
	if (!plan->candidate_count) {
		line(printer, HP_RED, 0,
		     plan->met == HP_WISH_BROKEN
		         ? "No accelerator was found: there is nothing to offer."
		         : "PCI was not seen whole: nobody can tell.");
		return;
	}
	hp_cleanup_free char *offer = offer_words(first);
	hp_cleanup_free char *drop = to_drop(first);
	hp_cleanup_free char *text =
	    plan->there ? hp_asprintf("%s is ready: nothing is to be done.", offer)
	    : plan->met == HP_WISH_KEPT
		? hp_asprintf("%s, %s away.", offer, hp_distance_name(first->distance))
	    : plan->met == HP_WISH_UNKNOWN
		? hp_asprintf(
		      "Nobody can tell whether an offer keeps all wishes. The likeliest: %s.",
		      offer)
	    : drop
		? hp_asprintf("No offer keeps all wishes. Nearest is %s, without %s.", offer, drop)
		: hp_asprintf("No offer can be had on this host. Nearest is %s.", offer);
	line(printer,
	     plan->met == HP_WISH_KEPT      ? HP_GREEN
	     : plan->met == HP_WISH_UNKNOWN ? HP_MAGENTA
	                                    : HP_YELLOW,
	     0, text);
	print_wishes(printer, first);
}

// -- offers --

static void print_offer(const struct printer *printer, const struct hp_candidate *candidate,
                        bool first, int width)
{
	const struct hp_paint *paint = printer->paint;
	hp_cleanup_free char *offer = offer_words(candidate);
	hp_cleanup_free char *time =
	    candidate->estimate.count
		? interval(candidate->estimate.low_ms, candidate->estimate.high_ms)
		: hp_strdup("-");
	hp_cleanup_free char *drop = to_drop(candidate);
	hp_cleanup_free char *number = hp_asprintf("%d", candidate->price);
	bool dim = candidate->state == HP_WISH_BROKEN;
	enum hp_color color = dim ? HP_DIM : HP_PLAIN;
	hp_paint(paint, first ? HP_BOLD : color, first ? "> " : "  ", 2);
	hp_paint(paint, first ? HP_BOLD : color, offer, width);
	hp_paint(paint, color, hp_path_name(candidate->path), 9);
	hp_paint(paint, color, hp_readiness_name(candidate->readiness), 13);
	hp_paint(paint, color, hp_distance_name(candidate->distance), 10);
	hp_paint(paint, color, number, 7);
	hp_paint(paint, color, time, 18);
	hp_paint(paint, color, drop ? "without " : "", 0);
	hp_paint(paint, color, drop ? drop : "", 0);
	fputc('\n', paint->to);
}

static size_t shown(const struct printer *printer)
{
	enum { FEW = 5 };
	const struct hp_plan *plan = printer->plan;
	size_t count = 0;
	if (printer->what->all)
		return plan->candidate_count;
	while (count < FEW && count < plan->candidate_count &&
	       (!count || plan->candidates[count].readiness != HP_READINESS_UNREACHABLE))
		count++;
	return count;
}

static void print_offers(const struct printer *printer)
{
	const struct hp_plan *plan = printer->plan;
	int width = 8;
	size_t count = shown(printer);
	if (!count)
		return;
	for (size_t i = 0; i < count; i++) {
		hp_cleanup_free char *offer = offer_words(&plan->candidates[i]);
		width = (int)strlen(offer) > width ? (int)strlen(offer) : width;
	}
	hp_cleanup_free char *title = hp_asprintf(
	    "  %-*s  PATH     READINESS    DISTANCE  PRICE  GUEST RUNS IN", width, "OFFER");
	fputc('\n', printer->paint->to);
	hp_paint(printer->paint, HP_DIM, title, 0);
	fputc('\n', printer->paint->to);
	for (size_t i = 0; i < count; i++)
		print_offer(printer, &plan->candidates[i], i == 0, width + 2);
}

static void print_costs(const struct printer *printer)
{
	const struct hp_offer *offer = printer->plan->candidates[0].offers[0];
	hp_cleanup_free char *name = offer_words(&printer->plan->candidates[0]);
	hp_cleanup_free char *title = hp_asprintf("What %s costs", name);
	bool any = offer->path_condition != NULL;
	for (size_t i = 0; i < offer->cost_count; i++)
		any |= offer->costs[i]->level > 0;
	if (!any)
		return;
	head(printer, title);
	for (size_t i = 0; i < offer->cost_count; i++) {
		const struct hp_cost *cost = offer->costs[i];
		if (cost->level < 1)
			continue;
		hp_cleanup_free char *text =
		    hp_asprintf("%s%s", cost->value, cost->estimate ? " (estimate)" : "");
		fputs("  ", printer->paint->to);
		hp_paint(printer->paint, HP_PLAIN, cost->kind, 14);
		hp_paint_words(printer->paint, HP_PLAIN, text, 16, 16);
	}
	if (offer->path_condition) {
		fputs("  ", printer->paint->to);
		hp_paint(printer->paint, HP_PLAIN, "condition", 14);
		hp_paint_words(printer->paint, HP_PLAIN, offer->path_condition, 16, 16);
	}
}

// -- time --

static void print_estimate(const struct printer *printer)
{
	const struct hp_estimate *estimate = &printer->plan->candidates[0].estimate;
	if (!estimate->count)
		return;
	hp_cleanup_free char *whole = interval(estimate->low_ms, estimate->high_ms);
	hp_cleanup_free char *size = hp_size_text(estimate->guest_memory);
	hp_cleanup_free char *title =
	    hp_asprintf("Time to a running guest: %s (%s of memory%s)", whole, size,
	                estimate->guest_memory_given ? "" : ", as nobody says: --guest-memory");
	head(printer, title);
	for (size_t i = 0; i < estimate->count; i++) {
		const struct hp_estimate_term *term = &estimate->terms[i];
		hp_cleanup_free char *time = interval(term->low_ms, term->high_ms);
		fputs("  ", printer->paint->to);
		hp_paint(printer->paint, HP_PLAIN, term->name, 22);
		hp_paint(printer->paint, term->high_ms < 0 ? HP_MAGENTA : HP_PLAIN, time, 18);
		hp_paint_words(printer->paint, HP_DIM, term->reason, 42, 42);
	}
}

// -- steps --

/* Steps that do the same to many subjects stand in one line. */
static bool same_words(const struct printer *printer, size_t a, size_t b)
{
	const struct hp_step *one = &printer->plan->steps.items[a],
			     *other = &printer->plan->steps.items[b];
	return one->kind == other->kind && json_equal(one->before, other->before) &&
	       json_equal(one->after, other->after) &&
	       strcmp(printer->plan->details[a].want, printer->plan->details[b].want) == 0 &&
	       printer->plan->details[a].after_reboot == printer->plan->details[b].after_reboot;
}

static char *effect_words(const struct hp_step *step, const struct hp_step_detail *detail)
{
	static const char *const words[] = {
	    [HP_EFFECT_NOW] = "at once",
	    [HP_EFFECT_SERVICE] = "once what reads it is restarted",
	    [HP_EFFECT_REBOOT] = "with the next boot",
	};
	const char *differs = step->kind->undo == HP_UNDO_EXACT ? NULL : step->kind->differs;
	return hp_asprintf("takes effect %s; undo is %s%s%s",
	                   detail->after_reboot ? "after the reboot" : words[step->kind->effect],
	                   hp_undo_name(step->kind->undo), differs ? ": " : "",
	                   differs ? differs : "");
}

static char *change_words(const struct hp_step *step, const char *want)
{
	struct hp_text text = {0};
	if (json_is_null(step->before)) {
		hp_text_printf(&text, "%s%s%s: %s", step->kind->name, *step->subject ? " " : "",
		               step->subject, want);
		return text.data;
	}
	hp_step_tell(step, &text);
	return text.data;
}

static void print_subjects(const struct printer *printer, size_t from, size_t to)
{
	hp_cleanup_text struct hp_text text = {0};
	hp_text_puts(&text, "likewise");
	for (size_t i = from + 1; i < to; i++)
		hp_text_printf(&text, " %s", printer->plan->steps.items[i].subject);
	if (to > from + 1)
		line(printer, HP_PLAIN, 6, text.data);
}

/* What is said of a subject, without its address at the start. */
static const char *about(const struct hp_obstacle *obstacle)
{
	size_t length = strlen(obstacle->subject);
	bool starts = length && strncmp(obstacle->text, obstacle->subject, length) == 0;
	return starts ? obstacle->text + length + strspn(obstacle->text + length, " :")
	              : obstacle->text;
}

static bool was_said(const struct printer *printer, size_t from, size_t step,
                     const struct hp_obstacle *obstacle)
{
	for (size_t i = from; i < step; i++) {
		const struct hp_obstacles *obstacles = &printer->plan->details[i].obstacles;
		for (size_t o = 0; o < obstacles->count; o++)
			if (strcmp(about(&obstacles->items[o]), about(obstacle)) == 0)
				return true;
	}
	return false;
}

/* What holds for each of several subjects alike is said once. */
static void print_hurt(const struct printer *printer, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		const struct hp_obstacles *obstacles = &printer->plan->details[i].obstacles;
		for (size_t o = 0; o < obstacles->count; o++) {
			const struct hp_obstacle *obstacle = &obstacles->items[o];
			bool refuses = obstacle->kind == HP_OBSTACLE_HOLDER ||
			               obstacle->kind == HP_OBSTACLE_BROKEN;
			if (was_said(printer, from, i, obstacle))
				continue;
			hp_cleanup_free char *text =
			    hp_asprintf("%s: %s: %s", hp_obstacle_name(obstacle->kind),
			                obstacle->subject, about(obstacle));
			line(printer, refuses ? HP_RED : HP_YELLOW, 6, text);
		}
	}
}

static void print_alternatives(const struct printer *printer, const json_t *list)
{
	hp_cleanup_text struct hp_text text = {0};
	size_t i;
	const json_t *item;
	json_array_foreach(list, i, item)
	    hp_text_printf(&text, "%s%s", i ? "; or: " : "or: ", json_string_value(item));
	if (text.length)
		line(printer, HP_DIM, 6, text.data);
}

static void print_step(const struct printer *printer, size_t from, size_t to, size_t number)
{
	const struct hp_step *step = &printer->plan->steps.items[from];
	const struct hp_step_detail *detail = &printer->plan->details[from];
	hp_cleanup_free char *change = change_words(step, detail->want);
	hp_cleanup_free char *effect = effect_words(step, detail);
	hp_cleanup_free char *why = hp_asprintf("for %s", step->why);
	fprintf(printer->paint->to, "  %2zu  ", number);
	hp_paint_words(printer->paint, HP_PLAIN, change, 6, 6);
	print_subjects(printer, from, to);
	line(printer, HP_DIM, 6, effect);
	line(printer, HP_DIM, 6, why);
	print_alternatives(printer, detail->alternatives);
	print_hurt(printer, from, to);
}

static void print_steps(const struct printer *printer)
{
	const struct hp_plan *plan = printer->plan;
	size_t number = 0;
	if (!plan->steps.count)
		return;
	head(printer, plan->reboot ? "Steps, with a reboot" : "Steps");
	for (size_t i = 0, end; i < plan->steps.count; i = end) {
		for (end = i + 1; end < plan->steps.count && same_words(printer, i, end);)
			end++;
		print_step(printer, i, end, ++number);
	}
}

static const char *member(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

static void print_advice(const struct printer *printer)
{
	size_t i;
	const json_t *item;
	if (!json_array_size(printer->plan->advice))
		return;
	head(printer, "By hand: what no step can do");
	json_array_foreach(printer->plan->advice, i, item)
	{
		const char *more = *member(item, "words") ? member(item, "words")
		                   : *member(item, "why") ? member(item, "why")
		                                          : member(item, "resolution");
		size_t count = json_array_size(json_object_get(item, "findings"));
		hp_cleanup_free char *title =
		    hp_asprintf("%s (%s%s)", member(item, "title"), member(item, "distance"),
		                count > 1 ? ", for each" : "");
		line(printer, HP_PLAIN, 2, title);
		line(printer, HP_DIM, 6, more);
		print_alternatives(printer, json_object_get(item, "alternatives"));
	}
}

static size_t same_titles(const json_t *list, size_t from, const char *title)
{
	size_t count = 0;
	for (size_t i = from; i < json_array_size(list); i++)
		count += strcmp(member(json_array_get(list, i), "title"), title) == 0;
	return count;
}

/* A question that is open for many subjects stands once, with the first one's evidence. */
static void print_open(const struct printer *printer)
{
	const json_t *list = printer->plan->open, *item;
	size_t i;
	if (!json_array_size(list))
		return;
	head(printer, "Not known, and could ask for more");
	json_array_foreach(list, i, item)
	{
		const char *title = member(item, "title");
		size_t all = same_titles(list, 0, title), rest = same_titles(list, i, title);
		if (rest < all)
			continue;
		hp_cleanup_free char *more =
		    all > 1 ? hp_asprintf(", and %zu more", all - 1) : hp_strdup("");
		hp_cleanup_free char *text =
		    hp_asprintf("%s (%s%s)", title, member(item, "evidence"), more);
		line(printer, HP_MAGENTA, 2, text);
	}
}

void hp_print_plan(const struct hp_plan_print *what, const struct hp_paint *paint)
{
	struct printer printer = {.paint = paint, .what = what, .plan = what->plan};
	hp_cleanup_free char *title =
	    hp_asprintf("%s%s%s", what->plan->host, what->plan->vendor ? ", made by " : "",
	                what->plan->vendor ? what->plan->vendor : "");
	hp_paint(paint, HP_BOLD, title, 0);
	fputc('\n', paint->to);
	print_answer(&printer);
	print_offers(&printer);
	if (what->plan->candidate_count) {
		print_costs(&printer);
		print_estimate(&printer);
	}
	print_steps(&printer);
	print_advice(&printer);
	print_open(&printer);
}
