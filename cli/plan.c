// A host judged and planned for, for all verbs that plan. SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "cli.h"
#include "host/host.h"

#include <errno.h>
#include <string.h>

enum { GOAL_LIMIT = 1 << 20 };

static void complain(void *data HP_UNUSED, const char *message)
{
	hp_say("%s", message);
}

// -- the goal --

static int read_goal(const char *name, struct hp_goal_text *ret, struct hp_error *err)
{
	hp_cleanup_file FILE *file = fopen(name, "re");
	if (!file)
		return hp_fail(err, HP_MISUSE, "--goal %s: %s", name, strerror(errno));
	hp_cleanup_text struct hp_text text = {0};
	char chunk[4096];
	for (size_t length;
	     (length = fread(chunk, 1, sizeof(chunk), file)) > 0 && text.length < GOAL_LIMIT;)
		hp_text_add(&text, chunk, length);
	if (ferror(file) || text.length >= GOAL_LIMIT)
		return hp_fail(err, HP_MISUSE, "--goal %s: cannot be read whole", name);
	return hp_goal_read(name, hp_text_get(&text), text.length, ret, err) ? HP_MISUSE : 0;
}

static int take_options(const struct hp_options *options, struct hp_goal_text *goal,
                        struct hp_error *err)
{
	const struct {
		const char *key, *value;
	} words[] = {
	    {"to", options->to},
	    {"isolation", options->isolation},
	    {"slices", options->slices},
	    {"share", options->share},
	    {"support", options->support},
	    {"vmm", options->vmm},
	    {"boot-under", options->boot_under},
	    {"guest-memory", options->guest_memory},
	};
	int code = 0;
	for (size_t i = 0; !code && i < HP_COUNT(words); i++)
		if (words[i].value)
			code = hp_goal_set(goal, words[i].key, words[i].value, err);
	for (size_t i = 0; !code && i < options->gpu.count; i++)
		code = hp_goal_set(goal, "gpu", options->gpu.items[i], err);
	if (code)
		return hp_wrap(err, "the goal"), HP_MISUSE;
	return 0;
}

/* What options say stands over what the file says. */
static int find_goal(const struct hp_options *options, const char *file, struct hp_goal_text *ret,
                     struct hp_error *err)
{
	hp_goal_text_init(ret);
	int code = file ? read_goal(file, ret, err) : 0;
	if (!code)
		code = take_options(options, ret, err);
	if (!code && hp_goal_is_empty(&ret->goal))
		code = hp_fail(err, HP_MISUSE,
		               "where to? Say --to SURFACE, or what is needed: --isolation, "
		               "--slices, --share, --support, --vmm, --boot-under");
	return code;
}

// -- the host --

static int count_hosts(const struct hp_options *options, struct hp_error *err)
{
	size_t count = options->root.count + options->capture.count + options->facts.count;
	return count > 1 ? hp_fail(err, HP_MISUSE, "a plan is for one host: %zu were named", count)
	                 : 0;
}

/* The host to read states from; facts and assumptions alone have none. */
static int open_host(const struct hp_options *options, struct hp_host **ret, struct hp_error *err)
{
	struct hp_host_options how = {.level = options->level_number};
	if (options->root.count)
		return hp_host_open_root(options->root.items[0], &how, ret, err);
	if (options->capture.count)
		return hp_host_open_capture(options->capture.items[0], &how, ret, err);
	if (options->facts.count || options->assume.count)
		return 0;
	return hp_host_open_live(&how, ret, err);
}

static int judge(struct hp_options *options, struct hp_planned *planned, struct hp_error *err)
{
	planned->goal.goal.injection = options->injection;
	hp_words_free(options->intents);
	options->intents = hp_goal_intents(&planned->goal.goal);
	planned->session.judges = true;
	int code = hp_session_open(options, &planned->session, err);
	if (code)
		return code;
	if (planned->session.failed || !planned->session.hosts)
		return hp_fail(err, -EIO, "there is no host to plan for");
	struct hp_verdict_options how = {
	    .as_of = hp_as_of(options), .crew = planned->session.crew, .complain = complain};
	code = hp_verdict_new(planned->session.facts, planned->session.knowledge, &how,
	                      &planned->verdict, err);
	hp_crew_dismiss(planned->session.crew);
	return code;
}

static int plan(struct hp_planned *planned, struct hp_error *err)
{
	size_t count;
	const struct hp_verdict_host *hosts = hp_verdict_hosts(planned->verdict, &count);
	if (!count)
		return hp_fail(err, -EIO, "there is no host to plan for");
	int code = hp_plan_new(planned->host, planned->session.facts, planned->session.knowledge,
	                       hosts, &planned->goal.goal, &planned->plan, err);
	return code == -EINVAL || code == -ENOENT ? HP_MISUSE : code;
}

int hp_planned_open(struct hp_options *options, const char *goal_file, struct hp_planned *ret,
                    struct hp_error *err)
{
	*ret = (struct hp_planned){0};
	int code = find_goal(options, goal_file, &ret->goal, err);
	if (!code)
		code = count_hosts(options, err);
	if (!code)
		code = judge(options, ret, err);
	if (!code)
		code = open_host(options, &ret->host, err);
	if (!code)
		code = plan(ret, err);
	if (code)
		hp_planned_close(ret);
	return err->code = code;
}

void hp_planned_close(struct hp_planned *planned)
{
	hp_plan_free(planned->plan);
	hp_host_close(planned->host);
	hp_verdict_free(planned->verdict);
	hp_session_close(&planned->session);
	hp_goal_text_finish(&planned->goal);
	*planned = (struct hp_planned){0};
}
