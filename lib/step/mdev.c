// Mediated devices, and their definitions as mdevctl keeps them.
// SPDX-License-Identifier: Apache-2.0
//
// Subject: the UUID. Words: "PARENT TYPE" (it exists until the next boot), "PARENT TYPE auto" or
// "PARENT TYPE manual" (mdevctl also keeps a definition, started at boot or by hand), "none".
// State: {"parent": address, "type": name, "active": whether it exists, "definition": the file of
// mdevctl as a state, or null}.
#include "step/holders.h"
#include "step/kinds.h"

#include "base/cleanup.h"
#include "host/change.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define DEVICES     "/sys/bus/mdev/devices"
#define PARENTS     "/sys/class/mdev_bus"
#define DEFINITIONS "/etc/mdevctl.d"

/* Lower case, 8-4-4-4-12. */
static bool is_uuid(const char *text)
{
	static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	for (size_t i = 0; i < sizeof(shape); i++)
		if (shape[i] == 'x' ? !isxdigit((unsigned char)text[i]) || isupper(text[i])
		                    : text[i] != shape[i])
			return false;
	return true;
}

/* The name of the directory above a device: its parent. */
static int read_active(struct hp_host *host, const char *uuid, char *parent, char *type,
                       size_t size, struct hp_error *err)
{
	char target[PATH_MAX];
	hp_cleanup_free char *path = hp_asprintf(DEVICES "/%s", uuid);
	hp_cleanup_free char *link = hp_asprintf(DEVICES "/%s/mdev_type", uuid);
	ssize_t length = hp_host_link(host, path, target, sizeof(target));
	if (length == -ENOENT || length == -ENOTDIR)
		return 0;
	if (length < 0)
		return hp_fail(err, (int)length, "cannot look for %s: %s", path,
		               strerror((int)-length));
	char *slash = strrchr(target, '/');
	if (slash)
		*slash = '\0';
	slash = strrchr(target, '/');
	snprintf(parent, size, "%.63s", slash ? slash + 1 : target);
	int r = hp_step_link_name(host, link, type, size, err);
	return r < 0 ? r : 1;
}

/* Where mdevctl keeps the definition: below its parent's name. */
static int find_definition(struct hp_host *host, const char *uuid, char *parent, size_t size)
{
	hp_cleanup_names struct hp_names parents = {0};
	*parent = '\0';
	int r = hp_host_list(host, DEFINITIONS, &parents);
	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	for (size_t i = 0; r == 0 && i < parents.count; i++) {
		hp_cleanup_free char *path =
		    hp_asprintf(DEFINITIONS "/%s/%s", parents.names[i], uuid);
		if (hp_host_exists(host, path) == 1)
			snprintf(parent, size, "%s", parents.names[i]);
	}
	return r;
}

static int read_definition(struct hp_host *host, const char *uuid, const char *parent, json_t **ret,
                           struct hp_error *err)
{
	hp_cleanup_file_state struct hp_file file = {0};
	hp_cleanup_free char *path = hp_asprintf(DEFINITIONS "/%s/%s", parent, uuid);
	int r = hp_host_read_file(host, path, &file, err);
	return r < 0 ? r : hp_file_state(&file, path, ret, err);
}

/* The type as the definition has it. */
static void type_of(const json_t *definition, char *type, size_t size)
{
	json_t *content = json_loads(hp_state_text(definition, "content"), 0, NULL);
	snprintf(type, size, "%s", hp_state_text(content, "mdev_type"));
	json_decref(content);
}

static int read_mdev(struct hp_host *host, const char *subject, json_t **ret, struct hp_error *err)
{
	char parent[64] = "", type[64] = "", keeper[64] = "";
	json_t *definition = NULL;
	if (!is_uuid(subject))
		return hp_fail(err, -EINVAL, "'%s' is no UUID in lower case", subject);
	int active = read_active(host, subject, parent, type, sizeof(parent), err);
	if (active < 0)
		return active;
	int r = find_definition(host, subject, keeper, sizeof(keeper));
	if (r < 0)
		return hp_fail(err, r, "cannot list " DEFINITIONS ": %s", strerror(-r));
	if (*keeper)
		r = read_definition(host, subject, keeper, &definition, err);
	if (r < 0)
		return r;
	if (!active && *keeper) {
		snprintf(parent, sizeof(parent), "%s", keeper);
		type_of(definition, type, sizeof(type));
	}
	if (!active && !*keeper)
		*ret = hp_absent();
	else
		*ret = json_pack("{s:s, s:s, s:b, s:o}", "parent", parent, "type", type, "active",
		                 active, "definition", definition ? definition : json_null());
	return 0;
}

/* As mdevctl writes it. */
static json_t *new_definition(const char *type, const char *start)
{
	hp_cleanup_free char *text = hp_asprintf(
	    "{\n  \"mdev_type\": \"%s\",\n  \"start\": \"%s\",\n  \"attrs\": []\n}", type, start);
	const struct hp_file file = {.content = text, .length = strlen(text), .mode = 0644};
	json_t *state = NULL;
	hp_file_state(&file, DEFINITIONS, &state, NULL);
	return state ? state : json_null();
}

static int want_mdev(struct hp_host *host HP_UNUSED, const char *subject, const char *word,
                     const json_t *before, json_t **ret, struct hp_error *err)
{
	char parent[64], type[64], start[16] = "";
	if (strcmp(word, "none") == 0) {
		*ret = hp_absent();
		return 0;
	}
	int fields = sscanf(word, "%63s %63s %15s", parent, type, start);
	bool known = !*start || strcmp(start, "auto") == 0 || strcmp(start, "manual") == 0;
	if (fields < 2 || !known || strchr(parent, '/') || strpbrk(type, "/\"\\"))
		return hp_fail(err, -EINVAL,
		               "mdev %s: '%s': expected 'PARENT TYPE', 'PARENT TYPE auto', "
		               "'PARENT TYPE manual' or 'none'",
		               subject, word);
	json_t *definition;
	if (*start)
		definition = new_definition(type, start);
	else if (strcmp(hp_state_text(before, "parent"), parent) == 0)
		definition = json_incref(json_object_get(before, "definition"));
	else
		definition = json_null();
	*ret = json_pack("{s:s, s:s, s:b, s:o}", "parent", parent, "type", type, "active", true,
	                 "definition", definition ? definition : json_null());
	return 0;
}

static bool is_active(const json_t *state)
{
	return json_is_true(json_object_get(state, "active"));
}

static bool is_same_device(const json_t *a, const json_t *b)
{
	return is_active(a) == is_active(b) &&
	       (!is_active(a) || (!strcmp(hp_state_text(a, "parent"), hp_state_text(b, "parent")) &&
	                          !strcmp(hp_state_text(a, "type"), hp_state_text(b, "type"))));
}

static int mdev_obstacles(struct hp_host *host, const char *subject, const json_t *before,
                          const json_t *after, struct hp_obstacles *ret, struct hp_error *err)
{
	const json_t *kept = json_object_get(before, "definition");
	if (json_is_object(kept) && !json_equal(kept, json_object_get(after, "definition")))
		hp_obstacles_add(ret, HP_OBSTACLE_SOMEBODY, subject,
		                 "mdevctl keeps a definition of %s (" DEFINITIONS "/%s/%s)",
		                 subject, hp_state_text(before, "parent"), subject);
	if (is_same_device(before, after) || !is_active(before))
		return 0;
	hp_obstacles_add(ret, HP_OBSTACLE_CONSENT, subject, "%s, a %s of %s, would go", subject,
	                 hp_state_text(before, "type"), hp_state_text(before, "parent"));
	return hp_step_mdev_holders(host, subject, ret, err);
}

static int create(struct hp_host *host, const char *uuid, const json_t *state, struct hp_error *err)
{
	hp_cleanup_free char *path =
	    hp_asprintf(PARENTS "/%s/mdev_supported_types/%s/create",
	                hp_state_text(state, "parent"), hp_state_text(state, "type"));
	return hp_host_write(host, path, uuid, HP_STEP_DEADLINE_MS, err);
}

static int destroy(struct hp_host *host, const char *uuid, struct hp_error *err)
{
	hp_cleanup_free char *path = hp_asprintf(DEVICES "/%s/remove", uuid);
	return hp_host_write(host, path, "1", HP_STEP_DEADLINE_MS, err);
}

/* Definitions of other parents go, that of this one becomes as it shall be. */
static int write_definition(struct hp_host *host, const char *uuid, const json_t *now,
                            const json_t *before, const json_t *after, struct hp_error *err)
{
	const json_t *is = json_object_get(now, "definition");
	const json_t *wanted = json_object_get(after, "definition");
	bool kept = json_is_object(is);
	const char *old = hp_state_text(kept ? now : before, "parent");
	const char *new = hp_state_text(after, "parent");
	const struct hp_file none = {.missing = 2}; // its directories go, if nobody else's is there
	int r = 0;
	if (json_is_object(is) && json_equal(is, wanted))
		return 0;
	/* One that is not there (yet) can have left something on its way. */
	kept = kept || json_is_object(json_object_get(before, "definition"));
	if (kept && (!json_is_object(wanted) || strcmp(old, new) != 0)) {
		hp_cleanup_free char *path = hp_asprintf(DEFINITIONS "/%s/%s", old, uuid);
		r = hp_host_replace_file(host, path, &none, err);
	}
	if (r < 0 || !json_is_object(wanted))
		return r;
	hp_cleanup_file_state struct hp_file file = {0};
	hp_cleanup_free char *path = hp_asprintf(DEFINITIONS "/%s/%s", new, uuid);
	hp_state_file(wanted, &file);
	return hp_host_replace_file(host, path, &file, err);
}

/* Both become parts of paths, whatever a plan or a journal names. */
static int check_names(const char *subject, const json_t *state, struct hp_error *err)
{
	static const char *const members[] = {"parent", "type"};
	for (size_t i = 0; json_is_object(state) && i < HP_COUNT(members); i++) {
		const char *name = hp_state_text(state, members[i]);
		if (!*name || *name == '.' || strchr(name, '/'))
			return hp_fail(err, -EINVAL, "mdev %s: '%s' is no %s", subject, name,
			               members[i]);
	}
	return 0;
}

static int write_mdev(struct hp_host *host, const char *subject, const json_t *before,
                      const json_t *after, struct hp_error *err)
{
	json_t *now = NULL;
	int r = check_names(subject, after, err);
	if (r == 0)
		r = read_mdev(host, subject, &now, err);
	if (r < 0)
		return r;
	bool same = is_same_device(now, after);
	if (!same && is_active(now))
		r = destroy(host, subject, err);
	if (r == 0)
		r = write_definition(host, subject, now, before, after, err);
	if (r == 0 && !same && is_active(after))
		r = create(host, subject, after, err);
	json_decref(now);
	return r;
}

static void tell_mdev(const char *subject HP_UNUSED, const json_t *state, struct hp_text *ret)
{
	bool kept = json_is_object(json_object_get(state, "definition"));
	hp_text_printf(ret, "%s of %s%s%s", hp_state_text(state, "type"),
	               hp_state_text(state, "parent"), is_active(state) ? "" : ", not started",
	               kept ? ", kept by mdevctl" : "");
}

const struct hp_kind hp_kind_mdev = {
    .name = "mdev",
    .help = "a mediated device, and its definition as mdevctl keeps it",
    .effect = HP_EFFECT_NOW,
    .undo = HP_UNDO_EXACT,
    .disrupts = true,
    .read = read_mdev,
    .want = want_mdev,
    .obstacles = mdev_obstacles,
    .write = write_mdev,
    .tell = tell_mdev,
};
