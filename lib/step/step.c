// Steps as JSON and in words, obstacles, and what kinds share. SPDX-License-Identifier: Apache-2.0
#include "step/kinds.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const effects[] = {
    [HP_EFFECT_NOW] = "now",
    [HP_EFFECT_SERVICE] = "service",
    [HP_EFFECT_REBOOT] = "reboot",
};

static const char *const undos[] = {
    [HP_UNDO_EXACT] = "exact",
    [HP_UNDO_EQUIVALENT] = "equivalent",
    [HP_UNDO_ONE_WAY] = "one-way",
};

static const char *const obstacle_kinds[] = {
    [HP_OBSTACLE_HOLDER] = "holder", [HP_OBSTACLE_CONSENT] = "consent",
    [HP_OBSTACLE_OWNER] = "owner",   [HP_OBSTACLE_SOMEBODY] = "owner",
    [HP_OBSTACLE_BROKEN] = "broken",
};

const char *hp_effect_name(enum hp_effect effect)
{
	return effects[effect];
}

const char *hp_undo_name(enum hp_undo undo)
{
	return undos[undo];
}

const char *hp_obstacle_name(enum hp_obstacle_kind kind)
{
	return obstacle_kinds[kind];
}

void hp_obstacles_add(struct hp_obstacles *obstacles, enum hp_obstacle_kind kind,
                      const char *subject, const char *format, ...)
{
	char text[HP_ERROR_SIZE];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	hp_utf8_repair(text); // names of processes are anybody's
	obstacles->items =
	    hp_realloc(obstacles->items, (obstacles->count + 1) * sizeof(*obstacles->items));
	obstacles->items[obstacles->count++] = (struct hp_obstacle){
	    .kind = kind, .subject = hp_strdup(subject), .text = hp_strdup(text)};
}

void hp_obstacles_free(struct hp_obstacles *obstacles)
{
	for (size_t i = 0; i < obstacles->count; i++) {
		free(obstacles->items[i].subject);
		free(obstacles->items[i].text);
	}
	free(obstacles->items);
	*obstacles = (struct hp_obstacles){0};
}

const struct hp_kind *hp_kind_find(const char *name, struct hp_error *err)
{
	hp_cleanup_text struct hp_text names = {0};
	for (size_t i = 0; i < hp_kind_count; i++) {
		if (strcmp(hp_kinds[i]->name, name) == 0)
			return hp_kinds[i];
		hp_text_printf(&names, "%s%s", i ? ", " : "", hp_kinds[i]->name);
	}
	hp_fail(err, -EINVAL, "there is no kind of step '%s'; there are: %s", name,
	        hp_text_get(&names));
	return NULL;
}

static size_t place_of(const struct hp_kind *kind)
{
	size_t i = 0;
	while (i < hp_kind_count && hp_kinds[i] != kind)
		i++;
	return 2 * i + 1;
}

size_t hp_step_place(const struct hp_step *step)
{
	const char *driver = hp_state_text(step->after, "driver");
	if (step->kind == &hp_kind_driver && *driver && !strstr(driver, "vfio"))
		return place_of(&hp_kind_sriov) - 1;
	return place_of(step->kind);
}

void hp_step_finish(struct hp_step *step)
{
	free(step->subject);
	json_decref(step->before);
	json_decref(step->after);
	free(step->why);
	free(step->fix);
	*step = (struct hp_step){0};
}

struct hp_step *hp_steps_add(struct hp_steps *steps, const struct hp_kind *kind,
                             const char *subject)
{
	steps->items = hp_realloc(steps->items, (steps->count + 1) * sizeof(*steps->items));
	struct hp_step *step = &steps->items[steps->count++];
	*step = (struct hp_step){.kind = kind,
	                         .subject = hp_strdup(subject),
	                         .before = json_null(),
	                         .after = json_null()};
	return step;
}

void hp_steps_free(struct hp_steps *steps)
{
	for (size_t i = 0; i < steps->count; i++)
		hp_step_finish(&steps->items[i]);
	free(steps->items);
	*steps = (struct hp_steps){0};
}

static void tell_state(const struct hp_step *step, const json_t *state, struct hp_text *ret)
{
	if (json_is_null(state))
		hp_text_puts(ret, "not known");
	else if (hp_is_absent(state))
		hp_text_puts(ret, "absent");
	else
		step->kind->tell(step->subject, state, ret);
}

void hp_step_tell(const struct hp_step *step, struct hp_text *ret)
{
	hp_text_printf(ret, "%s%s%s: ", step->kind->name, *step->subject ? " " : "", step->subject);
	tell_state(step, step->before, ret);
	hp_text_puts(ret, " -> ");
	tell_state(step, step->after, ret);
}

json_t *hp_step_json(const struct hp_step *step)
{
	hp_cleanup_text struct hp_text words = {0};
	hp_step_tell(step, &words);
	return json_pack("{s:s, s:s, s:s, s:O, s:O, s:s, s:s, s:s*, s:s*}", "kind",
	                 step->kind->name, "subject", step->subject, "words", hp_text_get(&words),
	                 "before", step->before, "after", step->after, "effect",
	                 hp_effect_name(step->kind->effect), "undo", hp_undo_name(step->kind->undo),
	                 "why", step->why, "fix", step->fix);
}

/* A member that must be a string; NULL and the failure if it is none. */
static const char *text_member(const json_t *json, const char *where, const char *name,
                               struct hp_error *err)
{
	const char *text = json_string_value(json_object_get(json, name));
	if (!text)
		hp_fail(err, -EINVAL, "%s: \"%s\": expected a string", where, name);
	return text;
}

static char *optional_member(const json_t *json, const char *name)
{
	const char *text = json_string_value(json_object_get(json, name));
	return text ? hp_strdup(text) : NULL;
}

int hp_step_parse(const json_t *json, const char *where, struct hp_step *ret, struct hp_error *err)
{
	const json_t *before = json_object_get(json, "before");
	const json_t *after = json_object_get(json, "after");
	if (!json_is_object(json))
		return hp_fail(err, -EINVAL, "%s: a step is an object", where);
	const char *name = text_member(json, where, "kind", err);
	const char *subject = name ? text_member(json, where, "subject", err) : NULL;
	if (!subject)
		return -EINVAL;
	const struct hp_kind *kind = hp_kind_find(name, err);
	if (!kind)
		return hp_wrap(err, "%s", where);
	if (!before || !after)
		return hp_fail(err, -EINVAL, "%s: \"%s\": expected a state", where,
		               before ? "after" : "before");
	*ret = (struct hp_step){
	    .kind = kind,
	    .subject = hp_strdup(subject),
	    .before = hp_state_copy(before),
	    .after = hp_state_copy(after),
	    .why = optional_member(json, "why"),
	    .fix = optional_member(json, "fix"),
	};
	return 0;
}

json_t *hp_absent(void)
{
	return json_string("absent");
}

bool hp_is_absent(const json_t *state)
{
	const char *text = json_string_value(state);
	return text && strcmp(text, "absent") == 0;
}

const char *hp_state_text(const json_t *state, const char *member)
{
	const char *text = json_string_value(json_object_get(state, member));
	return text ? text : "";
}

json_t *hp_text_or_null(const char *text)
{
	return text && *text ? json_string(text) : json_null();
}

json_t *hp_state_copy(const json_t *state)
{
	json_t *copy = json_deep_copy(state);
	if (!copy)
		abort(); // out of memory, as hp_calloc
	return copy;
}

/* What every reading of something that may be absent gives: 1, 0 or the failure. */
static int judge(const char *path, ssize_t length, struct hp_error *err)
{
	if (length >= 0)
		return 1;
	if (length == -ENOENT || length == -ENOTDIR || length == -ENODEV)
		return 0;
	const char *why = length == -ENODATA     ? "not recorded"
	                  : length == -ECANCELED ? "not read at this level"
	                                         : strerror((int)-length);
	return hp_fail(err, (int)length, "cannot read %s: %s", path, why);
}

int hp_step_read(struct hp_host *host, const char *path, char *buffer, size_t size,
                 struct hp_error *err)
{
	*buffer = '\0';
	return judge(path, hp_host_read(host, path, buffer, size), err);
}

int hp_step_link_name(struct hp_host *host, const char *path, char *buffer, size_t size,
                      struct hp_error *err)
{
	*buffer = '\0';
	return judge(path, hp_host_link_name(host, path, buffer, size), err);
}

int hp_step_check_address(const char *subject, struct hp_error *err)
{
	if (hp_is_address(subject, strlen(subject)))
		return 0;
	return hp_fail(err, -EINVAL, "'%s' is no address of a PCI function, such as 0000:3b:00.0",
	               subject);
}
