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
	if (!strstr(hp_text_get(&config), "nvidia"))
		return hp_fail(err, -EPROTO,
		               "nvidia-ctk runtime configure --dry-run: expected a configuration "
		               "with the runtime nvidia in it");
	*ret = hp_edit_with(before, hp_text_get(&config));
	return 0;
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
	return r < 0 ? r : hp_step_run(host, RESTART_MS, "systemd", err, argv);
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
