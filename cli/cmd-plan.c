// happypath plan: offers weighed against wishes, and the steps that lead to the best.
// SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "base/json.h"
#include "cli.h"
#include "print-plan.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define GOALS "/etc/happypath/goals.d"

static const int exits[] = {
    [HP_WISH_KEPT] = HP_EXIT_OK,
    [HP_WISH_UNKNOWN] = HP_EXIT_CANNOT_TELL,
    [HP_WISH_BROKEN] = HP_EXIT_NOT_MET,
};

/* Whether the host is where the goal wants it. */
static int assert_exit(const struct hp_plan *plan)
{
	if (plan->met != HP_WISH_KEPT)
		return exits[plan->met];
	return plan->there ? HP_EXIT_OK : HP_EXIT_NOT_MET;
}

static const struct hp_column columns[] = {
    {.name = "surface", .help = "way of attaching"},
    {.name = "share", .help = "how much of it"},
    {.name = "accelerators", .help = "how many of them", .number = true},
    {.name = "state", .help = "whether it keeps the wishes"},
    {.name = "path", .help = "the vendor's stance"},
    {.name = "readiness", .help = "could this host deliver it"},
    {.name = "distance", .help = "the dearest fix that is missing"},
    {.name = "price", .help = "its costs, as levels together", .number = true},
    {.name = "low_ms", .help = "least time to a running guest", .number = true},
    {.name = "high_ms", .help = "most time to a running guest", .number = true},
    {.name = "breaks", .help = "wishes that it breaks, or that nobody can tell of"},
};

static char *number(int64_t value)
{
	return value < 0 ? NULL : hp_asprintf("%lld", (long long)value);
}

static void add_row(struct hp_table *table, const struct hp_candidate *candidate)
{
	hp_cleanup_text struct hp_text breaks = {0};
	for (size_t i = 0; i < candidate->wish_count; i++)
		hp_text_printf(&breaks, "%s%s%s%s", i ? "; " : "", candidate->wishes[i].name,
		               *candidate->wishes[i].name ? ": " : "",
		               candidate->wishes[i].why ? candidate->wishes[i].why : "");
	bool guest = candidate->estimate.count > 0;
	hp_cleanup_free char *count = number((int64_t)candidate->count),
			     *price = number(candidate->price),
			     *low = number(guest ? candidate->estimate.low_ms : -1),
			     *high = number(guest ? candidate->estimate.high_ms : -1);
	const char *cells[] = {
	    candidate->surface->surface,
	    candidate->surface->share,
	    count,
	    hp_wish_state_name(candidate->state),
	    hp_path_name(candidate->path),
	    hp_readiness_name(candidate->readiness),
	    hp_distance_name(candidate->distance),
	    price,
	    low,
	    high,
	    hp_text_get(&breaks),
	};
	hp_table_add(table, cells);
}

static int print_listing(const struct hp_plan *plan, enum hp_format format, struct hp_error *err)
{
	struct hp_table *table = hp_table_new(columns, HP_COUNT(columns));
	for (size_t i = 0; i < plan->candidate_count; i++)
		add_row(table, &plan->candidates[i]);
	int code = hp_table_print(table, format, NULL, NULL, stdout, err);
	hp_table_free(table);
	return code;
}

static int print_json(const struct hp_planned *planned, enum hp_format format, struct hp_error *err)
{
	json_t *json = hp_plan_json(planned->plan, &planned->goal.goal, planned->session.knowledge);
	int code = json ? hp_json_print(json, format, stdout, err)
	                : hp_fail(err, -EINVAL, "the plan cannot be written as JSON");
	json_decref(json);
	return code;
}

static int print(const struct hp_planned *planned, const struct hp_options *options,
                 struct hp_error *err)
{
	if (options->format == HP_FORMAT_JSON || options->format == HP_FORMAT_YAML)
		return print_json(planned, options->format, err);
	if (options->format != HP_FORMAT_TABLE)
		return print_listing(planned->plan, options->format, err);
	struct hp_plan_print what = {.plan = planned->plan,
	                             .goal = &planned->goal.goal,
	                             .knowledge = planned->session.knowledge,
	                             .all = options->all};
	struct hp_paint paint = {.to = stdout,
	                         .color = hp_wants_color(options->no_color),
	                         .width = hp_terminal_width(stdout)};
	hp_print_plan(&what, &paint);
	return 0;
}

static void say_assertion(const struct hp_plan *plan, const char *name, int code)
{
	const struct hp_candidate *first = plan->candidate_count ? plan->candidates : NULL;
	static const char *const words[] = {[HP_EXIT_OK] = "there",
	                                    [HP_EXIT_NOT_MET] = "not there",
	                                    [HP_EXIT_CANNOT_TELL] = "nobody can tell"};
	printf("%s: %s%s%s%s%s\n", name ? name : plan->host, words[code], first ? ": " : "",
	       first ? first->surface->surface : "", first ? " " : "",
	       first ? first->surface->share : "");
}

/* One goal: its exit code. */
static int plan_goal(struct hp_options *options, const char *file)
{
	struct hp_error error = {0};
	struct hp_planned planned;
	if (hp_planned_open(options, file, &planned, &error))
		return hp_give_up(&error);
	int code = options->assert_goal ? assert_exit(planned.plan) : exits[planned.plan->met];
	if (options->assert_goal)
		say_assertion(planned.plan, file, code);
	else if (print(&planned, options, &error))
		code = hp_give_up(&error);
	hp_planned_close(&planned);
	return code;
}

// -- several goals --

/* The worst: what failed, what is wrong, what is not met, what nobody can tell. */
static int worse(int a, int b)
{
	static const int ranks[] = {[HP_EXIT_OK] = 0,
	                            [HP_EXIT_CANNOT_TELL] = 1,
	                            [HP_EXIT_NOT_MET] = 2,
	                            [HP_EXIT_USAGE] = 3,
	                            [HP_EXIT_FAILED] = 4};
	return ranks[a] >= ranks[b] ? a : b;
}

static bool asks_for_nothing(const struct hp_options *options)
{
	return !options->to && !options->isolation && !options->slices && !options->share &&
	       !options->support && !options->vmm && !options->boot_under;
}

/* The goal files of this host, as --goal would name them. */
static int find_files(struct hp_options *options)
{
	struct dirent **entries = NULL;
	int count = scandir(GOALS, &entries, NULL, alphasort);
	int found = 0;
	for (int i = 0; i < count; i++) {
		hp_cleanup_free struct dirent *entry = entries[i];
		if (*entry->d_name == '.' ||
		    !(hp_ends_with(entry->d_name, ".yaml") || hp_ends_with(entry->d_name, ".yml")))
			continue;
		options->goal_files = hp_realloc(
		    options->goal_files, (size_t)(found + 2) * sizeof(*options->goal_files));
		options->goal_files[found++] = hp_asprintf(GOALS "/%s", entry->d_name);
		options->goal_files[found] = NULL;
	}
	free(entries);
	return found;
}

static int plan_each(struct hp_options *options, const char *const *files, size_t count)
{
	bool one_document = options->format == HP_FORMAT_JSON || options->format == HP_FORMAT_YAML;
	int code = HP_EXIT_OK;
	if (count > 1 && one_document && !options->assert_goal) {
		hp_say("%zu goals: -o json and yaml write one plan, choose it with --goal FILE",
		       count);
		return HP_EXIT_USAGE;
	}
	for (size_t i = 0; i < count; i++) {
		if (i && !options->assert_goal)
			putchar('\n');
		code = worse(code, plan_goal(options, files[i]));
	}
	return code;
}

int hp_cmd_plan(const struct hp_command *command HP_UNUSED, struct hp_options *options)
{
	if (options->goal.count)
		return plan_each(options, options->goal.items, options->goal.count);
	int files = asks_for_nothing(options) ? find_files(options) : 0;
	if (files)
		return plan_each(options, (const char *const *)options->goal_files, (size_t)files);
	return plan_goal(options, NULL);
}
