// One reversible change of the host: its kinds, and what can be done with it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "base/text.h"
#include "host/host.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* A step carries states, not writes: what the subject is, and what it shall be. Undoing it is the
 * same step with both swapped. A state is a JSON object whose members the kind documents; it holds
 * all that the kind's write needs to bring it about, and all that hangs on it (the drivers, types
 * and mdevs of a PF's VFs). "absent" (a JSON string) is the state of a subject that is not there.
 * States compare by json_equal, so a kind leaves out what moves by itself. */

/* How a change takes effect. */
enum hp_effect {
	HP_EFFECT_NOW,
	HP_EFFECT_SERVICE, // once a service has been restarted
	HP_EFFECT_REBOOT,
};

/* What undoing gives back. */
enum hp_undo {
	HP_UNDO_EXACT,
	HP_UNDO_EQUIVALENT, // what may differ says hp_kind.differs
	HP_UNDO_ONE_WAY,    // needs --accept
};

const char *hp_effect_name(enum hp_effect effect);
const char *hp_undo_name(enum hp_undo undo);

/* Who is hurt by a step, or in its way. */
enum hp_obstacle_kind {
	HP_OBSTACLE_HOLDER, // has the device open, or maps it: refuse, always
	/* Would be hurt: needs consent for this subject, by --allow, or by --yes if it is the
	 * step's own. Neighbours are never touched unless they were named. */
	HP_OBSTACLE_CONSENT,
	HP_OBSTACLE_OWNER, // somebody else keeps this state: needs --allow
	/* The same of a state that nobody signed: a transaction of ours may have left it, and then
	 * it is no obstacle. */
	HP_OBSTACLE_SOMEBODY,
	HP_OBSTACLE_BROKEN, // cannot work, whoever consents
};

const char *hp_obstacle_name(enum hp_obstacle_kind kind);

struct hp_obstacle {
	enum hp_obstacle_kind kind;
	char *subject; // what consent is asked for: an address, a unit
	char *text;    // "process 4711 (python3) has /dev/nvidia0 open"
};

struct hp_obstacles {
	struct hp_obstacle *items;
	size_t count;
};

void hp_obstacles_add(struct hp_obstacles *obstacles, enum hp_obstacle_kind kind,
                      const char *subject, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void hp_obstacles_free(struct hp_obstacles *obstacles);

struct hp_kind {
	const char *name; // as fixes and plans call it
	const char *help; // one line
	enum hp_effect effect;
	enum hp_undo undo;
	const char *differs; // what undoing may leave different, if not exact
	bool lasts;          // survives a reboot by itself; else recovery brings it about again
	bool disrupts;       // somebody may use the subject
	/* Other steps make its subjects (VFs): one that is absent when the plan is made is looked
	 * at when its turn comes, and what is there then is what undo brings back. */
	bool appears;

	/* The state now. A subject that is not there is "absent"; what cannot be told is an error.
	 * Works on every host, captures too. */
	int (*read)(struct hp_host *host, const char *subject, json_t **ret, struct hp_error *err);
	/* The state that `word`, a fix's or a user's, asks for: "vfio-pci", "+intel_iommu=on".
	 * Errors say what words there are. Reads the host where the answer depends on it. */
	int (*want)(struct hp_host *host, const char *subject, const char *word,
	            const json_t *before, json_t **ret, struct hp_error *err);
	/* What stands in the way of leaving `before` for `after` now. NULL: nothing can. */
	int (*obstacles)(struct hp_host *host, const char *subject, const json_t *before,
	                 const json_t *after, struct hp_obstacles *ret, struct hp_error *err);
	/* Brings `after` about, coming from `before`. Does not read what it wrote: whoever applies
	 * reads back. Works from any state between the two, as a crash may leave one, so it looks
	 * what is there and writes what is wanting; where nothing is, it disturbs nobody. */
	int (*write)(struct hp_host *host, const char *subject, const json_t *before,
	             const json_t *after, struct hp_error *err);
	/* Whether `found` is as good as `wanted`, though they are not equal; what people should
	 * know of it is added to `ret_note`, which may be NULL. NULL: never. */
	bool (*same)(const char *subject, const json_t *wanted, const json_t *found,
	             struct hp_text *ret_note);
	/* A state in a few words for people: "driver nvidia", "16 VFs". */
	void (*tell)(const char *subject, const json_t *state, struct hp_text *ret);
};

/* The kinds in the order in which a plan walks them: files first, then units, modules, VFs, types,
 * mdevs, drivers, what others read last. */
extern const struct hp_kind *const hp_kinds[];
extern const size_t hp_kind_count;
/* NULL if there is none of that name; the error names those there are. */
const struct hp_kind *hp_kind_find(const char *name, struct hp_error *err);

struct hp_step {
	const struct hp_kind *kind;
	char *subject;
	json_t *before; // JSON null: not known (plans for hosts that cannot be read)
	json_t *after;
	char *why; // finding id, or "asked for"
	char *fix; // id of the fix, NULL if none
};

void hp_step_finish(struct hp_step *step);

struct hp_steps {
	struct hp_step *items;
	size_t count;
};

/* Where a step belongs in a plan: smaller goes first. As its kind in hp_kinds, but a function gets
 * a driver of its own before its VFs are made, and leaves it after they are gone. */
size_t hp_step_place(const struct hp_step *step);

struct hp_step *hp_steps_add(struct hp_steps *steps, const struct hp_kind *kind,
                             const char *subject);
void hp_steps_free(struct hp_steps *steps);

/* Tells a step in words: "driver of 0000:43:00.0: nvidia -> vfio-pci". */
void hp_step_tell(const struct hp_step *step, struct hp_text *ret);
/* A step as JSON (a new reference) and back; `where` names the source in errors. */
json_t *hp_step_json(const struct hp_step *step);
int hp_step_parse(const json_t *json, const char *where, struct hp_step *ret, struct hp_error *err);
