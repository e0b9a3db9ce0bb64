// Goals from words and from files. SPDX-License-Identifier: Apache-2.0
#include "plan/goal.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "base/yaml.h"

#include <errno.h>
#include <string.h>

const struct hp_goal_key hp_goal_keys[] = {
    {"to", "SURFACE[:SHARE]", "the way of attaching that is wanted"},
    {"gpu", "BDF", "only these accelerators, by address or index; all of them"},
    {"isolation", "kernel|vm|confidential", "what shall stand between tenants, at least"},
    {"slices", "N", "at least so many slices a GPU"},
    {"share", "SHARE[:PROFILE]", "how much of a GPU: whole, mig:1g.10gb, vgpu, …"},
    {"support", "vendor|any", "vendor: only what the device's vendor stands behind"},
    {"vmm", "NAME", "the program that shall run the guests: qemu, firecracker, …"},
    {"boot-under", "TIME", "the time to a running guest: 500ms, 5s, 2m"},
    {"guest-memory", "SIZE", "the guest's memory: 64GiB; 16 GiB where nobody says"},
    {NULL, NULL, NULL},
};

void hp_goal_text_init(struct hp_goal_text *goal)
{
	*goal = (struct hp_goal_text){.goal = HP_GOAL_NONE};
}

void hp_goal_text_finish(struct hp_goal_text *goal)
{
	for (size_t i = 0; i < goal->word_count; i++)
		free(goal->words[i]);
	free(goal->words);
	free(goal->gpus);
	hp_goal_text_init(goal);
}

static char *keep(struct hp_goal_text *goal, char *word)
{
	goal->words = hp_realloc(goal->words, (goal->word_count + 1) * sizeof(*goal->words));
	return goal->words[goal->word_count++] = word;
}

static int expected(const char *key, const char *value, const char *what, struct hp_error *err)
{
	return hp_fail(err, -EINVAL, "%s '%s': expected %s", key, value, what);
}

static void add_gpu(struct hp_goal_text *goal, const char *word)
{
	goal->gpus = hp_realloc(goal->gpus, (goal->gpu_count + 2) * sizeof(*goal->gpus));
	goal->gpus[goal->gpu_count++] = keep(goal, hp_strdup(word));
	goal->gpus[goal->gpu_count] = NULL;
	goal->goal.gpus = goal->gpus;
}

static int set_gpus(struct hp_goal_text *goal, const char *value, struct hp_error *err)
{
	hp_cleanup_free char *copy = hp_strdup(value);
	char *rest = copy;
	for (char *word; (word = strsep(&rest, ", "));)
		if (*word)
			add_gpu(goal, word);
	return goal->gpu_count ? 0 : expected("gpu", value, "addresses as 0000:3b:00.0", err);
}

/* SHARE[:PROFILE] */
static void set_share(struct hp_goal_text *goal, const char *value)
{
	char *share = keep(goal, hp_strdup(value));
	char *colon = strchr(share, ':');
	if (colon)
		*colon++ = '\0';
	goal->goal.share = share;
	goal->goal.profile = colon && *colon ? colon : goal->goal.profile;
}

static int set_to(struct hp_goal_text *goal, const char *value, struct hp_error *err)
{
	char *surface = keep(goal, hp_strdup(value));
	char *colon = strchr(surface, ':');
	if (!*surface || colon == surface)
		return expected("to", value, "SURFACE or SURFACE:SHARE, as qemu-vfio:whole", err);
	if (colon) {
		*colon++ = '\0';
		set_share(goal, colon);
	}
	goal->goal.surface = surface;
	return 0;
}

static int set_time(struct hp_goal_text *goal, const char *value, struct hp_error *err)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"min", 60000}};
	size_t digits = strspn(value, "0123456789");
	hp_cleanup_free char *number = hp_strndup(value, digits);
	int64_t amount;
	for (size_t i = 0; i < HP_COUNT(units) && digits < 10 && hp_parse_s64(number, &amount); i++)
		if (strcmp(value + digits, units[i].unit) == 0) {
			goal->goal.boot_ms = amount * units[i].ms;
			return 0;
		}
	return expected("boot-under", value, "a time as 500ms, 5s or 2m", err);
}

static int set_slices(struct hp_goal_text *goal, const char *value, struct hp_error *err)
{
	int64_t number;
	if (!hp_parse_s64(value, &number) || number < 1 || number > 10000)
		return expected("slices", value, "a number from 1 on", err);
	goal->goal.slices = number;
	return 0;
}

static int set_memory(struct hp_goal_text *goal, const char *value, struct hp_error *err)
{
	int64_t number;
	if (!hp_parse_size(value, &number) || number < 1)
		return expected("guest-memory", value, "a size as 64GiB", err);
	goal->goal.guest_memory = number;
	return 0;
}

static const struct {
	const char *key;
	size_t field;
	const char *const words[4]; // all there are; none: any word
} plain[] = {
    {"isolation", offsetof(struct hp_goal, isolation), {"kernel", "vm", "confidential", NULL}},
    {"support", offsetof(struct hp_goal, support), {"vendor", "any", NULL, NULL}},
    {"vmm", offsetof(struct hp_goal, vmm), {NULL, NULL, NULL, NULL}},
};

static int set_plain(struct hp_goal_text *goal, size_t row, const char *value, struct hp_error *err)
{
	hp_cleanup_text struct hp_text list = {0};
	bool known = !plain[row].words[0];
	for (size_t i = 0; plain[row].words[i]; i++) {
		known |= strcmp(plain[row].words[i], value) == 0;
		hp_text_printf(&list, "%s%s", i ? ", " : "", plain[row].words[i]);
	}
	if (!known || !*value)
		return expected(plain[row].key, value, list.length ? list.data : "a name", err);
	*(const char **)(void *)((char *)&goal->goal + plain[row].field) =
	    keep(goal, hp_strdup(value));
	return 0;
}

int hp_goal_set(struct hp_goal_text *goal, const char *key, const char *value, struct hp_error *err)
{
	static const struct {
		const char *key;
		int (*set)(struct hp_goal_text *goal, const char *value, struct hp_error *err);
	} setters[] = {{"to", set_to},
	               {"gpu", set_gpus},
	               {"boot-under", set_time},
	               {"slices", set_slices},
	               {"guest-memory", set_memory}};
	for (size_t i = 0; i < HP_COUNT(setters); i++)
		if (strcmp(setters[i].key, key) == 0)
			return setters[i].set(goal, value, err);
	for (size_t i = 0; i < HP_COUNT(plain); i++)
		if (strcmp(plain[i].key, key) == 0)
			return set_plain(goal, i, value, err);
	if (strcmp(key, "share") == 0 && *value)
		return set_share(goal, value), 0;
	hp_cleanup_text struct hp_text list = {0};
	for (const struct hp_goal_key *row = hp_goal_keys; row->name; row++)
		hp_text_printf(&list, "%s%s", list.length ? ", " : "", row->name);
	return hp_fail(err, -EINVAL, "'%s': expected one of %s", key, list.data);
}

bool hp_goal_is_empty(const struct hp_goal *goal)
{
	return !goal->surface && !goal->share && !goal->profile && !goal->isolation &&
	       !goal->support && !goal->vmm && goal->slices < 0 && goal->boot_ms < 0;
}

// -- files --

/* The line of a key at the left margin; a goal file is one flat mapping. */
static size_t line_of(const char *text, const char *key)
{
	size_t line = 1, length = strlen(key);
	for (const char *at = text; *at; at++) {
		const char *start = at + strspn(at, " \"'{");
		if (strncmp(start, key, length) == 0 && strchr(":\"' ", start[length]))
			return line;
		at += strcspn(at, "\n");
		if (!*at)
			break;
		line++;
	}
	return 1;
}

/* A scalar as the text that an option would have; NULL if it is none. */
static char *scalar(const json_t *value)
{
	if (json_is_string(value))
		return hp_strdup(json_string_value(value));
	if (json_is_integer(value))
		return hp_asprintf("%lld", (long long)json_integer_value(value));
	return NULL;
}

/* A scalar, or for `gpu` a list of them, joined by commas. */
static char *value_text(const char *key, const json_t *value)
{
	if (!json_is_array(value) || strcmp(key, "gpu") != 0)
		return scalar(value);
	struct hp_text list = {0};
	size_t i;
	const json_t *item;
	json_array_foreach(value, i, item)
	{
		hp_cleanup_free char *word = scalar(item);
		hp_text_printf(&list, "%s%s", i ? "," : "", word ? word : "");
	}
	return list.length ? list.data : hp_strdup("");
}

static int take_members(const char *name, const char *text, const json_t *document,
                        struct hp_goal_text *goal, struct hp_error *err)
{
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)document, key, value)
	{
		hp_cleanup_free char *word = value_text(key, value);
		int code = word ? hp_goal_set(goal, key, word, err)
		                : hp_fail(err, -EINVAL, "%s: expected a word or a number%s", key,
		                          strcmp(key, "gpu") == 0 ? ", or a list of them" : "");
		if (code)
			return hp_wrap(err, "%s:%zu", name, line_of(text, key));
	}
	return 0;
}

int hp_goal_read(const char *name, const char *text, size_t length, struct hp_goal_text *ret,
                 struct hp_error *err)
{
	json_t *document = NULL;
	int code = hp_yaml_load(name, text, length, &document, err);
	if (code)
		return code;
	hp_goal_text_init(ret);
	code =
	    json_is_object(document)
		? take_members(name, text, document, ret, err)
		: hp_fail(err, -EINVAL, "%s:1: expected keys and values, as 'to: qemu-vfio'", name);
	if (!code && hp_goal_is_empty(&ret->goal))
		code = hp_fail(err, -EINVAL, "%s:1: it wishes for nothing: expected 'to' or a need",
		               name);
	json_decref(document);
	if (code)
		hp_goal_text_finish(ret);
	return code;
}
