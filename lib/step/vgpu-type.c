// The vGPU type of a VF in NVIDIA's vendor-VFIO mode. SPDX-License-Identifier: Apache-2.0
//
// Subject: the VF's address. Words: a type's number ("1148") or name ("NVIDIA L40S-2Q"), as
// creatable_vgpu_types lists them, or "none" ("0"). State: {"type": number as text, or null}.
#include "step/holders.h"
#include "step/kinds.h"

#include "base/cleanup.h"
#include "host/change.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { LIST_LIMIT = 65536 };

static char *path_of(const char *address, const char *name)
{
	return hp_asprintf("/sys/bus/pci/devices/%s/nvidia/%s", address, name);
}

static int read_type(struct hp_host *host, const char *subject, json_t **ret, struct hp_error *err)
{
	char type[32];
	hp_cleanup_free char *path = path_of(subject, "current_vgpu_type");
	int r = hp_step_check_address(subject, err);
	if (r == 0)
		r = hp_step_read(host, path, type, sizeof(type), err);
	if (r < 0)
		return r;
	*ret = r ? json_pack("{s:o}", "type", hp_text_or_null(strcmp(type, "0") ? type : ""))
	         : hp_absent();
	return 0;
}

/* "1148  : NVIDIA L40S-2Q": the number whose number or name is `word`; "" if there is none. */
static int find_type(struct hp_host *host, const char *subject, const char *word, char *ret,
                     size_t size)
{
	hp_cleanup_text struct hp_text text = {0};
	hp_cleanup_free char *path = path_of(subject, "creatable_vgpu_types");
	int r = hp_host_read_text(host, path, LIST_LIMIT, &text);
	*ret = '\0';
	if (r < 0)
		return r;
	char *at = text.data;
	for (char *line; at && (line = strsep(&at, "\n"));) {
		char *name = strchr(line, ':');
		if (!name)
			continue;
		*name++ = '\0';
		const char *number = hp_trim(line);
		if (strcmp(number, word) == 0 || strcmp(hp_trim(name), word) == 0)
			snprintf(ret, size, "%s", number);
	}
	return 0;
}

static bool is_number(const char *word)
{
	uint64_t number;
	return hp_parse_u64(word, &number) && number;
}

static int want_type(struct hp_host *host, const char *subject, const char *word,
                     const json_t *before HP_UNUSED, json_t **ret, struct hp_error *err)
{
	char number[32] = "";
	bool none = strcmp(word, "none") == 0 || strcmp(word, "0") == 0;
	if (!none)
		find_type(host, subject, word, number, sizeof(number));
	/* A VF that is yet to be made lists nothing, and one with a type only what fits beside. */
	if (!*number && is_number(word))
		snprintf(number, sizeof(number), "%s", word);
	if (!*number && !none)
		return hp_fail(err, -EINVAL,
		               "vgpu-type %s: '%s': expected a type of creatable_vgpu_types, by "
		               "number or name, or 'none'",
		               subject, word);
	*ret = json_pack("{s:o}", "type", hp_text_or_null(number));
	return 0;
}

static int type_obstacles(struct hp_host *host, const char *subject, const json_t *before,
                          const json_t *after, struct hp_obstacles *ret, struct hp_error *err)
{
	const char *from = hp_state_text(before, "type"), *to = hp_state_text(after, "type");
	char number[32];
	if (hp_is_absent(before)) {
		hp_obstacles_add(ret, HP_OBSTACLE_BROKEN, subject,
		                 "%s offers no vGPU types (nvidia/current_vgpu_type)", subject);
		return 0;
	}
	if (!*from && *to && find_type(host, subject, to, number, sizeof(number)) == 0 && !*number)
		hp_obstacles_add(ret, HP_OBSTACLE_BROKEN, subject,
		                 "the driver lists no type %s for %s (creatable_vgpu_types)", to,
		                 subject);
	if (!*from)
		return 0;
	hp_obstacles_add(ret, HP_OBSTACLE_CONSENT, subject, "%s would lose its vGPU type %s",
	                 subject, from);
	return hp_step_holders(host, subject, ret, err);
}

static int set(struct hp_host *host, const char *subject, const char *type, struct hp_error *err)
{
	hp_cleanup_free char *path = path_of(subject, "current_vgpu_type");
	return hp_host_write(host, path, type, HP_STEP_DEADLINE_MS, err);
}

/* From one type to another only by way of none. */
static int write_type(struct hp_host *host, const char *subject, const json_t *before HP_UNUSED,
                      const json_t *after, struct hp_error *err)
{
	json_t *state = NULL;
	int r = read_type(host, subject, &state, err);
	if (r < 0)
		return r;
	hp_cleanup_free char *now = hp_strdup(hp_state_text(state, "type"));
	bool absent = hp_is_absent(state);
	const char *to = hp_state_text(after, "type");
	json_decref(state);
	if (absent)
		return hp_is_absent(after)
		           ? 0
		           : hp_fail(err, -ENODEV, "%s offers no vGPU types", subject);
	if (strcmp(now, to) == 0)
		return 0;
	if (*now)
		r = set(host, subject, "0", err);
	if (r == 0 && *to)
		r = set(host, subject, to, err);
	return r;
}

static void tell_type(const char *subject HP_UNUSED, const json_t *state, struct hp_text *ret)
{
	const char *type = hp_state_text(state, "type");
	hp_text_printf(ret, "%s%s", *type ? "type " : "no type", type);
}

const struct hp_kind hp_kind_vgpu_type = {
    .name = "vgpu-type",
    .help = "the vGPU type of a VF, where NVIDIA's driver offers them by VFIO of its own",
    .effect = HP_EFFECT_NOW,
    .undo = HP_UNDO_EXACT,
    .disrupts = true,
    .appears = true,
    .read = read_type,
    .want = want_type,
    .obstacles = type_obstacles,
    .write = write_type,
    .tell = tell_type,
};
