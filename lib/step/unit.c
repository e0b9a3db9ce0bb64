// Units of systemd, running and started at boot. SPDX-License-Identifier: Apache-2.0
//
// Subject: a unit's name; ".service" may be left out. Words, several apart by blanks: "running",
// "stopped", "enabled", "disabled", "masked". State: {"active": "active", "enabled": "enabled"}, as
// files tell it: captures and trees know it too. "active" is null where systemd is not at work. A
// masked one has "wanted", whether it would start at boot without the mask.
#include "step/unit.h"
#include "step/edit.h"

#include "base/cleanup.h"
#include "host/unit.h"

#include <errno.h>
#include <string.h>

enum {
	CHANGE_MS = 180000, // systemd's own deadlines are 90 s each way
	SHOW_MS = 10000,
};

static char *name_of(const char *subject)
{
	return strchr(subject, '.') ? hp_strdup(subject) : hp_asprintf("%s.service", subject);
}

static int check_name(const char *subject, struct hp_error *err)
{
	if (*subject && *subject != '-' && !strpbrk(subject, "/ \t\n"))
		return 0;
	return hp_fail(err, -EINVAL, "'%s' is no unit's name", subject);
}

static int read_unit(struct hp_host *host, const char *subject, json_t **ret, struct hp_error *err)
{
	int r = check_name(subject, err), code = 0;
	if (r < 0)
		return r;
	bool all_seen = true;
	hp_cleanup_free char *unit = name_of(subject);
	hp_cleanup_free char *file = hp_unit_file(host, hp_unit_places(host), unit, &all_seen);
	if (!file && !all_seen)
		return hp_fail(err, -ENODATA, "cannot tell whether there is a unit %s", unit);
	if (!file) {
		*ret = hp_absent();
		return 0;
	}
	hp_cleanup_text struct hp_text wanted = {0};
	hp_units_wanted(host, &wanted);
	const char *enabled = hp_unit_enabled(host, unit, file, hp_text_get(&wanted), &code);
	if (!enabled)
		return hp_fail(err, code, "cannot read %s: %s", file, strerror(-code));
	hp_cleanup_free char *kept = hp_unit_name(host, file, unit);
	int active = hp_unit_active(host, strcmp(enabled, "masked") == 0 ? unit : kept);
	*ret = json_pack("{s:o, s:s}", "active",
	                 active < 0 ? json_null() : json_string(active ? "active" : "inactive"),
	                 "enabled", enabled);
	if (strcmp(enabled, "masked") == 0)
		json_object_set_new(*ret, "wanted",
		                    json_boolean(hp_has_word(hp_text_get(&wanted), unit)));
	return 0;
}

// == words

static const struct {
	const char *word, *member, *value;
} words[] = {
    {"running", "active", "active"},   {"stopped", "active", "inactive"},
    {"enabled", "enabled", "enabled"}, {"disabled", "enabled", "disabled"},
    {"masked", "enabled", "masked"},
};

/* Packages of units that fixes ask for. */
static const struct {
	const char *unit, *package;
} packages[] = {
    {"nvidia-persistenced.service", "nvidia-persistenced"},
    {"nvidia-fabricmanager.service", "nvidia-fabricmanager of the driver's version"},
    {"nvidia-imex.service", "nvidia-imex of the driver's version"},
    {"nvidia-vgpu-mgr.service", "the vGPU host driver"},
    {"nvidia-mig-manager.service", "nvidia-mig-manager"},
    {"nvidia-cdi-refresh.service", "nvidia-container-toolkit 1.18 or later"},
};

static int no_unit(const char *unit, struct hp_error *err)
{
	for (size_t i = 0; i < HP_COUNT(packages); i++)
		if (strcmp(unit, packages[i].unit) == 0)
			return hp_fail(err, -ENOENT, "there is no unit %s: install %s", unit,
			               packages[i].package);
	return hp_fail(err, -ENOENT, "there is no unit %s", unit);
}

static int want_one(const char *unit, const char *word, json_t *state, struct hp_error *err)
{
	for (size_t i = 0; i < HP_COUNT(words); i++) {
		if (strcmp(word, words[i].word) != 0)
			continue;
		bool boot = strcmp(words[i].member, "enabled") == 0 && strcmp(word, "masked") != 0;
		if (boot && strcmp(hp_state_text(state, "enabled"), "static") == 0)
			return hp_fail(err, -EOPNOTSUPP,
			               "unit %s cannot be %s: it has no [Install], others start it",
			               unit, word);
		bool wanted = json_is_true(json_object_get(state, "wanted")) ||
		              strcmp(hp_state_text(state, "enabled"), "enabled") == 0;
		json_object_set_new(state, words[i].member, json_string(words[i].value));
		if (strcmp(word, "masked") == 0)
			json_object_set_new(state, "wanted", json_boolean(wanted));
		else if (boot)
			json_object_del(state, "wanted");
		return 0;
	}
	return hp_fail(err, -EINVAL,
	               "unit %s: '%s': expected 'running', 'stopped', 'enabled', 'disabled' or "
	               "'masked'",
	               unit, word);
}

static int want_unit(struct hp_host *host HP_UNUSED, const char *subject, const char *word,
                     const json_t *before, json_t **ret, struct hp_error *err)
{
	hp_cleanup_free char *unit = name_of(subject);
	if (!json_is_object(before))
		return no_unit(unit, err);
	hp_cleanup_free char *copy = hp_strdup(word);
	char *cursor = copy;
	json_t *after = hp_state_copy(before);
	int r = *word ? 0 : want_one(unit, "", after, err);
	for (char *one; r == 0 && (one = hp_next_word(&cursor));)
		r = want_one(unit, one, after, err);
	if (r == 0 && strcmp(hp_state_text(after, "enabled"), "masked") == 0 &&
	    strcmp(hp_state_text(before, "active"), "active") != 0 &&
	    strcmp(hp_state_text(after, "active"), "active") == 0)
		r = hp_fail(err, -EINVAL,
		            "unit %s is masked and cannot run: ask for 'enabled running'", unit);
	if (r < 0)
		json_decref(after);
	else
		*ret = after;
	return r;
}

// == who is hurt

/* What goes with a unit. `where` shows that there is somebody: names in a directory. */
static const struct {
	const char *unit;
	bool restarts; // a restart hurts too
	const char *where, *prefix, *text;
} hurts[] = {
    {"docker.service", true, "/sys/fs/cgroup/system.slice", "docker-", "containers end with it"},
    {"docker.service", true, "/sys/fs/cgroup/docker", "", "containers end with it"},
    {"nvidia-fabricmanager.service", true, "/sys/module/nvidia/drivers", "",
     "jobs that run over NVSwitch end with it"},
    {"nvidia-vgpu-mgr.service", true, "/sys/module/nvidia/drivers", "",
     "guests that run lose their vGPUs with it"},
    {"kubelet.service", false, "/sys/fs/cgroup", "kubepods", "the node is not ready without it"},
    {"display-manager.service", true, "/tmp/.X11-unix", "X", "sessions on the screen end with it"},
    {"gdm.service", true, "/tmp/.X11-unix", "X", "sessions on the screen end with it"},
};

/* Names of directories, not of the files that cgroups are full of. */
static size_t count_names(struct hp_host *host, const char *where, const char *prefix)
{
	hp_cleanup_names struct hp_names names = {0};
	size_t count = 0;
	if (hp_host_list(host, where, &names) < 0)
		return 0;
	for (size_t i = 0; i < names.count; i++)
		count += hp_starts_with(names.names[i], prefix) &&
		         (*prefix || !strchr(names.names[i], '.'));
	return count;
}

static bool restores_live(struct hp_host *host)
{
	hp_cleanup_text struct hp_text text = {0};
	if (hp_host_read_text(host, "/etc/docker/daemon.json", 1 << 20, &text) < 0)
		return false;
	json_t *config = json_loads(hp_text_get(&text), 0, NULL);
	bool live = json_is_true(json_object_get(config, "live-restore"));
	json_decref(config);
	return live;
}

void hp_unit_hurts(struct hp_host *host, const char *unit, bool restarts, struct hp_obstacles *ret)
{
	bool live = restarts && strcmp(unit, "docker.service") == 0 && restores_live(host);
	for (size_t i = 0; i < HP_COUNT(hurts); i++) {
		if (strcmp(hurts[i].unit, unit) != 0 || (restarts && !hurts[i].restarts) || live)
			continue;
		size_t count = count_names(host, hurts[i].where, hurts[i].prefix);
		if (count && strstr(hurts[i].text, "containers"))
			hp_obstacles_add(ret, HP_OBSTACLE_CONSENT, unit, "%s: %zu %s", unit, count,
			                 hurts[i].text);
		else if (count)
			hp_obstacles_add(ret, HP_OBSTACLE_CONSENT, unit, "%s: %s", unit,
			                 hurts[i].text);
	}
}

/* Units that cannot be without it, as systemd says; on a host that is not live nobody runs. */
static void check_dependants(struct hp_host *host, const char *unit, struct hp_obstacles *ret)
{
	const char *const argv[] = {"systemctl", "show", "-p", "RequiredBy", "-p",
	                            "BoundBy",   "--",   unit, NULL};
	hp_cleanup_text struct hp_text output = {0};
	if (hp_step_ask(host, SHOW_MS, "systemd", &output, NULL, argv) < 0)
		return;
	for (char *at = output.data; at && *at; at++)
		*at = *at == '=' || *at == '\n' ? ' ' : *at;
	char *cursor = output.data;
	for (char *word; cursor && (word = hp_next_word(&cursor));)
		if (strchr(word, '.') && hp_unit_active(host, word) == 1)
			hp_obstacles_add(ret, HP_OBSTACLE_CONSENT, word,
			                 "%s needs %s and stops with it", word, unit);
}

static void check_socket(struct hp_host *host, const char *unit, struct hp_obstacles *ret)
{
	if (!hp_ends_with(unit, ".service"))
		return;
	hp_cleanup_free char *socket =
	    hp_asprintf("%.*s.socket", (int)(strlen(unit) - strlen(".service")), unit);
	if (hp_unit_active(host, socket) == 1)
		hp_obstacles_add(ret, HP_OBSTACLE_OWNER, socket,
		                 "%s starts %s again when somebody calls", socket, unit);
}

static int unit_obstacles(struct hp_host *host, const char *subject, const json_t *before,
                          const json_t *after, struct hp_obstacles *ret, struct hp_error *err)
{
	(void)err;
	hp_cleanup_free char *unit = name_of(subject);
	if (strcmp(hp_state_text(before, "active"), "active") != 0 ||
	    strcmp(hp_state_text(after, "active"), "inactive") != 0)
		return 0;
	hp_unit_hurts(host, unit, false, ret);
	check_dependants(host, unit, ret);
	check_socket(host, unit, ret);
	return 0;
}

// == there

static int systemctl(struct hp_host *host, const char *verb, const char *unit, struct hp_error *err)
{
	const char *const argv[] = {"systemctl", verb, "--", unit, NULL};
	return hp_step_run(host, CHANGE_MS, "systemd", err, argv);
}

/* Whether the member is to become `value`, and is not. */
static bool becomes(const json_t *now, const json_t *after, const char *member, const char *value)
{
	return strcmp(hp_state_text(after, member), value) == 0 &&
	       strcmp(hp_state_text(now, member), value) != 0;
}

static int write_enabled(struct hp_host *host, const char *unit, const char *subject, json_t *now,
                         const json_t *after, struct hp_error *err)
{
	int r = 0;
	if (becomes(now, after, "enabled", "masked")) {
		bool is = strcmp(hp_state_text(now, "enabled"), "enabled") == 0;
		bool wanted = json_is_true(json_object_get(after, "wanted"));
		if (is != wanted)
			r = systemctl(host, wanted ? "enable" : "disable", unit, err);
		return r < 0 ? r : systemctl(host, "mask", unit, err);
	}
	if (strcmp(hp_state_text(now, "enabled"), "masked") == 0 &&
	    strcmp(hp_state_text(after, "enabled"), "masked") != 0) {
		r = systemctl(host, "unmask", unit, err);
		json_t *found = NULL; // what the mask had hidden
		if (r == 0 && !hp_host_rehearsing(host))
			r = read_unit(host, subject, &found, err);
		if (r == 0 && json_is_object(found))
			json_object_set(now, "enabled", json_object_get(found, "enabled"));
		json_decref(found);
	}
	if (r == 0 && becomes(now, after, "enabled", "enabled"))
		r = systemctl(host, "enable", unit, err);
	else if (r == 0 && becomes(now, after, "enabled", "disabled"))
		r = systemctl(host, "disable", unit, err);
	return r;
}

static int write_unit(struct hp_host *host, const char *subject, const json_t *before HP_UNUSED,
                      const json_t *after, struct hp_error *err)
{
	hp_cleanup_free char *unit = name_of(subject);
	json_t *now = NULL;
	int r = read_unit(host, subject, &now, err);
	if (r == 0 && !json_is_object(now))
		r = no_unit(unit, err);
	if (r == 0 && becomes(now, after, "active", "inactive"))
		r = systemctl(host, "stop", unit, err);
	if (r == 0)
		r = write_enabled(host, unit, subject, now, after, err);
	if (r == 0 && becomes(now, after, "active", "active"))
		r = systemctl(host, "start", unit, err);
	json_decref(now);
	return r;
}

static void tell_unit(const char *subject HP_UNUSED, const json_t *state, struct hp_text *ret)
{
	const char *active = hp_state_text(state, "active");
	hp_text_printf(ret, "%s, %s",
	               !*active                        ? "not known to run"
	               : strcmp(active, "active") == 0 ? "running"
	                                               : "stopped",
	               hp_state_text(state, "enabled"));
}

const struct hp_kind hp_kind_unit = {
    .name = "unit",
    .help = "a unit of systemd, running and started at boot",
    .effect = HP_EFFECT_NOW,
    .undo = HP_UNDO_EXACT,
    .lasts = true,
    .read = read_unit,
    .want = want_unit,
    .obstacles = unit_obstacles,
    .write = write_unit,
    .tell = tell_unit,
};
