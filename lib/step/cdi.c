// CDI specifications, as nvidia-ctk generates them. SPDX-License-Identifier: Apache-2.0
//
// Subject: the file, /etc/cdi/nvidia.yaml or below /run/cdi. Words: "generated", "absent". State:
// the file, whole: what nvidia-ctk says when the step is planned is what will be written.
#include "step/edit.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

enum { GENERATE_MS = 60000 };

static int check_subject(const char *subject, struct hp_error *err)
{
	static const char *const patterns[] = {"/etc/cdi/*", "/run/cdi/*", "/var/run/cdi/*"};
	for (size_t i = 0; i < HP_COUNT(patterns); i++)
		if (fnmatch(patterns[i], subject, FNM_PATHNAME | FNM_PERIOD) == 0 &&
		    (hp_ends_with(subject, ".yaml") || hp_ends_with(subject, ".json")))
			return 0;
	return hp_fail(err, -EINVAL,
	               "'%s' is no CDI specification, such as /etc/cdi/nvidia.yaml or .json",
	               subject);
}

static int read_cdi(struct hp_host *host, const char *subject, json_t **ret, struct hp_error *err)
{
	int r = check_subject(subject, err);
	return r < 0 ? r : hp_edit_read(host, subject, ret, err);
}

static int generate(struct hp_host *host, const char *subject, struct hp_text *ret,
                    struct hp_error *err)
{
	const char *const argv[] = {
	    "nvidia-ctk", "cdi", "generate",
	    hp_ends_with(subject, ".json") ? "--format=json" : "--format=yaml", NULL};
	if (hp_host_level(host) < 2)
		return hp_fail(err, -ECANCELED,
		               "cdi %s: nvidia-ctk asks the driver, which wakes GPUs: that is "
		               "--level 2",
		               subject);
	int r = hp_step_ask(host, GENERATE_MS, "nvidia-container-toolkit", ret, err, argv);
	if (r == 0 && !strstr(hp_text_get(ret), "cdiVersion"))
		return hp_fail(err, -EPROTO,
		               "nvidia-ctk cdi generate: expected a specification "
		               "with cdiVersion in it");
	return r;
}

static int want_cdi(struct hp_host *host, const char *subject, const char *word,
                    const json_t *before, json_t **ret, struct hp_error *err)
{
	hp_cleanup_text struct hp_text specification = {0};
	bool absent = strcmp(word, "absent") == 0;
	if (!absent && strcmp(word, "generated") != 0)
		return hp_fail(err, -EINVAL, "cdi %s: '%s': expected 'generated' or 'absent'",
		               subject, word);
	int r = absent ? 0 : generate(host, subject, &specification, err);
	if (r == 0)
		*ret = hp_edit_with(before, absent ? NULL : hp_text_get(&specification));
	return r;
}

static int cdi_obstacles(struct hp_host *host, const char *subject, const json_t *before,
                         const json_t *after, struct hp_obstacles *ret, struct hp_error *err)
{
	(void)err;
	hp_edit_obstacles(host, subject, before, after, ret);
	if (strstr(subject, "/run/") && !json_equal(before, after) &&
	    hp_host_exists(host, "/etc/systemd/system/multi-user.target.wants/"
	                         "nvidia-cdi-refresh.service") > 0)
		hp_obstacles_add(ret, HP_OBSTACLE_OWNER, subject,
		                 "nvidia-cdi-refresh.service writes it at boot and with each new "
		                 "driver");
	return 0;
}

static int write_cdi(struct hp_host *host, const char *subject, const json_t *before HP_UNUSED,
                     const json_t *after, struct hp_error *err)
{
	int r = check_subject(subject, err);
	return r < 0 ? r : hp_edit_write(host, subject, after, err);
}

static void tell_cdi(const char *subject HP_UNUSED, const json_t *state, struct hp_text *ret)
{
	if (!hp_state_has_file(state)) {
		hp_text_puts(ret, "no file");
		return;
	}
	size_t devices = 0;
	for (const char *at = hp_edit_content(state); (at = strstr(at, "containerEdits")); at++)
		devices++;
	// One of them is for all devices.
	hp_text_printf(ret, "%zu devices", devices ? devices - 1 : 0);
}

const struct hp_kind hp_kind_cdi = {
    .name = "cdi",
    .help = "a CDI specification, as nvidia-ctk generates it",
    .effect = HP_EFFECT_NOW,
    .undo = HP_UNDO_EXACT,
    .lasts = true,
    .read = read_cdi,
    .want = want_cdi,
    .obstacles = cdi_obstacles,
    .write = write_cdi,
    .tell = tell_cdi,
};
