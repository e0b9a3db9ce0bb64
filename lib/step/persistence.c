// Persistence mode of NVIDIA's GPUs. SPDX-License-Identifier: Apache-2.0
//
// Subject: the GPU's PCI address. Words: "on", "off". State: {"mode": "on"}. nvidia-smi hands it to
// nvidia-persistenced where that runs, and sets the driver's own, older mode where it does not.
#include "step/edit.h"

#include "base/cleanup.h"

#include <errno.h>
#include <string.h>

enum { SMI_MS = 60000 }; // the first to call loads the firmware

static int read_persistence(struct hp_host *host, const char *subject, json_t **ret,
                            struct hp_error *err)
{
	hp_cleanup_text struct hp_text output = {0};
	const char *const argv[] = {
	    "nvidia-smi", "-i", subject, "--query-gpu=persistence_mode", "--format=csv,noheader",
	    NULL};
	int r = hp_step_check_address(subject, err);
	if (r == 0 && hp_host_level(host) < 2)
		r = hp_fail(err, -ECANCELED,
		            "persistence %s: nvidia-smi asks the driver, which wakes GPUs: that is "
		            "--level 2",
		            subject);
	if (r == 0)
		r = hp_step_ask(host, SMI_MS, "nvidia-smi", &output, err, argv);
	if (r < 0)
		return r;
	const char *said = output.data ? hp_trim(output.data) : "";
	bool on = strcmp(said, "Enabled") == 0;
	if (!on && strcmp(said, "Disabled") != 0)
		return hp_fail(err, -EPROTO,
		               "nvidia-smi --query-gpu=persistence_mode: '%s': expected Enabled or "
		               "Disabled",
		               said);
	*ret = json_pack("{s:s}", "mode", on ? "on" : "off");
	return 0;
}

static int want_persistence(struct hp_host *host HP_UNUSED, const char *subject, const char *word,
                            const json_t *before HP_UNUSED, json_t **ret, struct hp_error *err)
{
	if (strcmp(word, "on") != 0 && strcmp(word, "off") != 0)
		return hp_fail(err, -EINVAL, "persistence %s: '%s': expected 'on' or 'off'",
		               subject, word);
	*ret = json_pack("{s:s}", "mode", word);
	return 0;
}

static int write_persistence(struct hp_host *host, const char *subject,
                             const json_t *before HP_UNUSED, const json_t *after,
                             struct hp_error *err)
{
	bool on = strcmp(hp_state_text(after, "mode"), "on") == 0;
	const char *const argv[] = {"nvidia-smi", "-i", subject, "-pm", on ? "1" : "0", NULL};
	int r = hp_step_check_address(subject, err);
	return r < 0 ? r : hp_step_run(host, SMI_MS, "nvidia-smi", err, argv);
}

static void tell_persistence(const char *subject HP_UNUSED, const json_t *state,
                             struct hp_text *ret)
{
	hp_text_puts(ret, hp_state_text(state, "mode"));
}

const struct hp_kind hp_kind_persistence = {
    .name = "persistence",
    .help = "persistence mode of an NVIDIA GPU",
    .effect = HP_EFFECT_NOW,
    .undo = HP_UNDO_EXACT,
    .read = read_persistence,
    .want = want_persistence,
    .write = write_persistence,
    .tell = tell_persistence,
};
