// Container runtimes that know the runtime nvidia, as nvidia-ctk configures them.
// SPDX-License-Identifier: Apache-2.0
//
// Subject: "docker", "containerd" or "crio". Words, several apart by blanks: "nvidia" (there is a
// runtime of that name), "default" (and it is the default), "cdi" (CDI is on). State: the
// configuration file, whole: nvidia-ctk says beforehand what it would write. The service is
// restarted, if it runs.
#include "step/edit.h"
#include "step/unit.h"

#include "base/cleanup.h"
#include "host/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
	CONFIGURE_MS = 30000,
	RESTART_MS = 180000,
};

static const struct engine {
	const char *name, *path, *unit;
} engines[] = {
    {"docker", "/etc/docker/daemon.json", "docker.service"},
    {"containerd", "/etc/containerd/config.toml", "containerd.service"},
    {"crio", "/etc/crio/conf.d/99-nvidia.toml", "crio.service"},
};

static const struct engine *engine_of(const char *subject, struct hp_error *err)
{
	for (size_t i = 0; i < HP_COUNT(engines); i++)
		if (strcmp(engines[i].name, subject) == 0)
			return &engines[i];
	hp_fail(err, -EINVAL, "runtime '%s': expected 'docker', 'containerd' or 'crio'", subject);
	return NULL;
}

static int read_runtime(struct hp_host *host, const char *subject, json_t **ret,
                        struct hp_error *err)
{
	const struct engine *engine = engine_of(subject, err);
	return engine ? hp_edit_read(host, engine->path, ret, err) : -EINVAL;
}

/* Each word, and the option that it is; "" none. */
static const struct {
	const char *word, *option;
} options[] = {
    {"nvidia", ""},
    {"default", "--set-as-default"},
    {"cdi", "--cdi.enabled"},
};

static const char *option_of(const char *word)
{
	for (size_t i = 0; i < HP_COUNT(options); i++)
		if (strcmp(options[i].word, word) == 0)
			return options[i].option;
	return NULL;
}

/* Without blanks and quotes, which nvidia-ctk writes its own way. */
static char *squeezed(const char *text, size_t length)
{
	hp_cleanup_text struct hp_text plain = {0};
	for (size_t i = 0; i < length; i++)
		if (!strchr(" \t\r\"'", text[i]))
			hp_text_add(&plain, &text[i], 1);
	return hp_strdup(hp_text_get(&plain));
}

/* Whether the headers of all tables in a TOML text, or all members of a JSON text, are in the other
 * too. From 1.18 on nvidia-ctk may print a drop-in alone: in place of the file it would undo all
 * that the file says. */
static bool keeps(const char *before, const char *after)
{
	json_t *is = json_loads(before, 0, NULL), *shall = json_loads(after, 0, NULL);
	bool kept = true;
	const char *name;
	json_t *member;
	json_object_foreach(is, name, member) kept = kept && json_object_get(shall, name);
	bool json = is != NULL;
	json_decref(is);
	json_decref(shall);
	hp_cleanup_free char *plain = squeezed(after, strlen(after));
	for (; !json && *before; before += strcspn(before, "\n"), before += *before == '\n') {
		const char *line = before + strspn(before, " \t");
		hp_cleanup_free char *header = squeezed(line, strcspn(line, "\n#"));
		kept = kept && (*line != '[' || strstr(plain, header));
	}
	return kept;
}

static int check_config(const char *subject, const char *before, const char *after, bool cdi,
                        struct hp_error *err)
{
	if (!strstr(after, "nvidia"))
		return hp_fail(err, -EPROTO,
		               "nvidia-ctk runtime configure --dry-run: expected a configuration "
		               "with the runtime nvidia in it");
	if (cdi && !strstr(after, "cdi"))
		return hp_fail(err, -EPROTO,
		               "nvidia-ctk runtime configure --cdi.enabled: expected a "
		               "configuration with CDI on; before toolkit 1.14.5 it set another "
		               "option");
	if (!keeps(before, after))
		return hp_fail(err, -EPROTO,
		               "nvidia-ctk runtime configure --dry-run does not print the whole "
		               "file, but a drop-in: run nvidia-ctk runtime configure --runtime=%s",
		               subject);
	return 0;
}

static int want_runtime(struct hp_host *host, const char *subject, const char *word,
                        const json_t *before, json_t **ret, struct hp_error *err)
{
	const struct engine *engine = engine_of(subject, err);
	if (!engine)
		return -EINVAL;
	hp_cleanup_text struct hp_text config = {0};
	hp_cleanup_free char *runtime = hp_asprintf("--runtime=%s", subject);
	hp_cleanup_free char *file = hp_asprintf("--config=%s", engine->path);
	const char *argv[16] = {"nvidia-ctk", "runtime", "configure", runtime, file, "--dry-run"};
	size_t count = 6;
	hp_cleanup_free char *copy = hp_strdup(word);
	char *cursor = copy;
	for (char *one; (one = hp_next_word(&cursor));) {
		const char *option = option_of(one);
		if (!option || count + 1 >= HP_COUNT(argv))
			return hp_fail(err, -EINVAL,
			               "runtime %s: '%s': expected 'nvidia', 'default' or 'cdi'",
			               subject, one);
		if (*option)
			argv[count++] = option;
	}
	int r = hp_step_ask(host, CONFIGURE_MS, "nvidia-container-toolkit", &config, err, argv);
	if (r < 0)
		return r;
	r = check_config(subject, hp_edit_content(before), hp_text_get(&config),
	                 hp_has_word(word, "cdi"), err);
	if (r == 0)
		*ret = hp_edit_with(before, hp_text_get(&config));
	return r;
}

static int runtime_obstacles(struct hp_host *host, const char *subject, const json_t *before,
                             const json_t *after, struct hp_obstacles *ret, struct hp_error *err)
{
	const struct engine *engine = engine_of(subject, err);
	if (!engine)
		return -EINVAL;
	hp_edit_obstacles(host, engine->path, before, after, ret);
	if (!json_equal(before, after))
		hp_unit_hurts(host, engine->unit, true, ret);
	if (hp_host_exists(host, "/run/nvidia/validations") > 0)
		hp_obstacles_add(ret, HP_OBSTACLE_OWNER, engine->path,
		                 "the NVIDIA GPU Operator configures %s on this host "
		                 "(/run/nvidia/validations)",
		                 subject);
	return 0;
}

/* Restarted even where the file is right already: a crash may have come between. */
static int write_runtime(struct hp_host *host, const char *subject, const json_t *before HP_UNUSED,
                         const json_t *after, struct hp_error *err)
{
	const struct engine *engine = engine_of(subject, err);
	if (!engine)
		return -EINVAL;
	const char *const argv[] = {"systemctl", "try-restart", "--", engine->unit, NULL};
	int r = hp_edit_write(host, engine->path, after, err);
	return r < 0 || hp_unit_active(host, engine->unit) == 0
	           ? r
	           : hp_step_run(host, RESTART_MS, "systemd", err, argv);
}

static void tell_runtime(const char *subject HP_UNUSED, const json_t *state, struct hp_text *ret)
{
	const char *text = hp_edit_content(state);
	hp_text_puts(ret, !hp_state_has_file(state) ? "no configuration"
	                  : strstr(text, "nvidia")  ? "configured with the runtime nvidia"
	                                            : "configured without the runtime nvidia");
}

const struct hp_kind hp_kind_runtime = {
    .name = "runtime",
    .help = "a container engine that knows the runtime nvidia",
    .effect = HP_EFFECT_SERVICE,
    .undo = HP_UNDO_EXACT,
    .lasts = true,
    .read = read_runtime,
    .want = want_runtime,
    .obstacles = runtime_obstacles,
    .write = write_runtime,
    .tell = tell_runtime,
};
