// MIG mode and layout of NVIDIA's GPUs. SPDX-License-Identifier: Apache-2.0
//
// Subject: the GPU's PCI address. Words: "on", "off", or a layout: "3g.40gb 3g.40gb", "7x1g.10gb".
// State: {"mode": "on", "instances": [{"profile", "start", "compute": [names]}]} in order of
// "start"; a layout that is wanted leaves "start" to the driver. Their UUIDs are never the same.
#include "step/edit.h"
#include "step/holders.h"

#include "base/cleanup.h"
#include "host/unit.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
	SMI_MS = 60000,
	RESET_MS = 120000,
	MAX_INSTANCES = 16,
	NOT_FOUND = 6, // NVML's, as nvidia-smi exits with where there are no instances
	LIST_LIMIT = 65536,
};

// == what is there

static int read_mode(struct hp_host *host, const char *address, bool *ret_on, bool *ret_pending,
                     struct hp_error *err)
{
	char current[16], pending[16];
	hp_cleanup_text struct hp_text output = {0};
	const char *const argv[] = {"nvidia-smi",
	                            "-i",
	                            address,
	                            "--query-gpu=mig.mode.current,mig.mode.pending",
	                            "--format=csv,noheader",
	                            NULL};
	int r = hp_step_ask(host, SMI_MS, "nvidia-smi", &output, err, argv);
	if (r < 0)
		return r;
	const char *said = output.data ? hp_trim(output.data) : "";
	if (sscanf(said, "%15[^,], %15s", current, pending) != 2)
		return hp_fail(
		    err, -EPROTO,
		    "nvidia-smi --query-gpu=mig.mode.current,…: '%s': expected two modes", said);
	if (strcmp(current, "[N/A]") == 0)
		return hp_fail(err, -EOPNOTSUPP, "mig %s: this GPU, or its driver, has no MIG",
		               address);
	*ret_on = strcmp(current, "Enabled") == 0;
	*ret_pending = strcmp(current, pending) != 0;
	return 0;
}

/* A table of nvidia-smi, "" where there are no instances. */
static int list(struct hp_host *host, const char *address, const char *option, struct hp_text *ret,
                struct hp_error *err)
{
	const char *const argv[] = {"nvidia-smi", "mig", "-i", address, option, NULL};
	int r = hp_host_run(host, argv, SMI_MS, LIST_LIMIT, ret);
	if (r > 0 && strstr(hp_text_get(ret), "instances found")) // "No GPU instances found"
		r = NOT_FOUND;
	if (r == NOT_FOUND)
		hp_text_free(ret);
	if (r < 0)
		return hp_fail(err, r, "cannot run nvidia-smi mig %s: %s", option, strerror(-r));
	return r == 0 || r == NOT_FOUND
	           ? 0
	           : hp_fail(err, -EIO, "nvidia-smi mig %s failed with status %d", option, r);
}

/* "|   0  MIG 1g.5gb          19       13          6:1     |" */
static void add_instance(const char *line, json_t *instances, json_t *ids)
{
	char name[32];
	int start, id;
	if (sscanf(line, "| %*d MIG %31s %*d %d %d:", name, &id, &start) != 3)
		return;
	size_t at = 0;
	while (at < json_array_size(instances) &&
	       json_integer_value(json_object_get(json_array_get(instances, at), "start")) < start)
		at++;
	json_array_insert_new(
	    instances, at,
	    json_pack("{s:s, s:i, s:[]}", "profile", name, "start", start, "compute"));
	json_array_insert_new(ids, at, json_integer(id));
}

/* "|   0     13       MIG 1c.3g.20gb      0         0          0:1        |" */
static void add_compute(const char *line, const json_t *instances, const json_t *ids)
{
	char name[32];
	int instance;
	size_t i;
	json_t *id;
	if (sscanf(line, "| %*d %d MIG %31s", &instance, name) != 2)
		return;
	json_array_foreach(ids, i, id)
	{
		if (json_integer_value(id) == instance)
			json_array_append_new(
			    json_object_get(json_array_get(instances, i), "compute"),
			    json_string(name));
	}
}

static int read_instances(struct hp_host *host, const char *address, json_t *instances,
                          struct hp_error *err)
{
	hp_cleanup_text struct hp_text table = {0}, compute = {0};
	int r = list(host, address, "-lgi", &table, err);
	if (r == 0)
		r = list(host, address, "-lci", &compute, err);
	if (r < 0)
		return r;
	json_t *ids = json_array();
	char *cursor = table.data;
	for (char *line; cursor && (line = hp_next_line(&cursor));)
		add_instance(line, instances, ids);
	cursor = compute.data;
	for (char *line; cursor && (line = hp_next_line(&cursor));)
		add_compute(line, instances, ids);
	json_decref(ids);
	return 0;
}

static int read_mig(struct hp_host *host, const char *subject, json_t **ret, struct hp_error *err)
{
	bool on = false, pending = false;
	int r = hp_step_check_address(subject, err);
	if (r == 0 && hp_host_level(host) < 2)
		r = hp_fail(
		    err, -ECANCELED,
		    "mig %s: nvidia-smi asks the driver, which wakes GPUs: that is --level 2",
		    subject);
	if (r == 0)
		r = read_mode(host, subject, &on, &pending, err);
	json_t *instances = json_array();
	if (r == 0 && on)
		r = read_instances(host, subject, instances, err);
	if (r == 0)
		*ret = json_pack("{s:s, s:O}", "mode", on ? "on" : "off", "instances", instances);
	json_decref(instances);
	return r;
}

// == what is wanted

/* "7x1g.10gb", "3g.40gb" */
static int add_wanted(const char *word, json_t *instances)
{
	unsigned count = 1;
	int end = 0;
	if (sscanf(word, "%ux%n", &count, &end) != 1 || !end) {
		count = 1;
		end = 0;
	}
	const char *profile = word + end, *g = strchr(profile, 'g');
	if (!isdigit((unsigned char)*profile) || !g || g[1] != '.' || !strstr(g, "gb") ||
	    strpbrk(profile, ",: ") || !count || json_array_size(instances) + count > MAX_INSTANCES)
		return -EINVAL;
	for (; count; count--)
		json_array_append_new(
		    instances, json_pack("{s:s, s:[s]}", "profile", profile, "compute", profile));
	return 0;
}

static const char *profile_of(const json_t *instances, size_t at)
{
	return hp_state_text(json_array_get(instances, at), "profile");
}

/* Whether both lists have the same profiles, in any order; and where `wanted` says so, places. */
static bool same_layout(const json_t *wanted, const json_t *found)
{
	size_t count = json_array_size(wanted), i;
	bool taken[MAX_INSTANCES] = {false};
	json_t *one;
	if (count != json_array_size(found) || count > MAX_INSTANCES)
		return false;
	json_array_foreach(wanted, i, one)
	{
		const json_t *start = json_object_get(one, "start");
		size_t k = 0;
		for (; k < count; k++) {
			const json_t *other = json_array_get(found, k);
			if (!taken[k] && strcmp(profile_of(wanted, i), profile_of(found, k)) == 0 &&
			    (!start || json_equal(start, json_object_get(other, "start"))) &&
			    json_equal(json_object_get(one, "compute"),
			               json_object_get(other, "compute")))
				break;
		}
		if (k == count)
			return false;
		taken[k] = true;
	}
	return true;
}

static bool is_on(const json_t *state)
{
	return strcmp(hp_state_text(state, "mode"), "on") == 0;
}

static bool same_mig(const char *subject HP_UNUSED, const json_t *wanted, const json_t *found,
                     struct hp_text *ret_note HP_UNUSED)
{
	return is_on(wanted) == is_on(found) && same_layout(json_object_get(wanted, "instances"),
	                                                    json_object_get(found, "instances"));
}

static int want_mig(struct hp_host *host HP_UNUSED, const char *subject, const char *word,
                    const json_t *before, json_t **ret, struct hp_error *err)
{
	if (strcmp(word, "off") == 0) {
		*ret = json_pack("{s:s, s:[]}", "mode", "off", "instances");
		return 0;
	}
	if (strcmp(word, "on") == 0) {
		*ret = json_pack("{s:s, s:O}", "mode", "on", "instances",
		                 json_object_get(before, "instances"));
		return 0;
	}
	json_t *instances = json_array();
	hp_cleanup_free char *copy = hp_strdup(word);
	char *cursor = copy;
	int r = *word ? 0 : -EINVAL;
	for (char *one; r == 0 && (one = hp_next_word(&cursor));)
		r = add_wanted(one, instances);
	json_t *after = json_pack("{s:s, s:o}", "mode", "on", "instances", instances);
	if (r == 0) {
		*ret = same_mig(subject, after, before, NULL) ? hp_state_copy(before)
		                                              : hp_state_copy(after);
		json_decref(after);
		return 0;
	}
	json_decref(after);
	return hp_fail(
	    err, r,
	    "mig %s: '%s': expected 'on', 'off' or a layout such as '3g.40gb 3g.40gb' or "
	    "'7x1g.10gb'",
	    subject, word);
}

// == who is in the way

static void check_compute(const char *address, const json_t *before, struct hp_obstacles *ret)
{
	size_t i;
	json_t *one;
	json_array_foreach(json_object_get(before, "instances"), i, one)
	{
		const json_t *compute = json_object_get(one, "compute");
		const char *profile = hp_state_text(one, "profile");
		const char *name = json_string_value(json_array_get(compute, 0));
		if (json_array_size(compute) != 1 || !name || strcmp(name, profile) != 0)
			hp_obstacles_add(
			    ret, HP_OBSTACLE_BROKEN, address,
			    "instance %s has compute instances other than one for all of "
			    "it: undo could not make them again",
			    profile);
	}
}

static int mig_obstacles(struct hp_host *host, const char *subject, const json_t *before,
                         const json_t *after, struct hp_obstacles *ret, struct hp_error *err)
{
	if (same_mig(subject, after, before, NULL))
		return 0;
	check_compute(subject, before, ret);
	hp_step_owners(host, subject, "nvidia", ret);
	if (hp_unit_active(host, "nvidia-mig-manager.service") == 1)
		hp_obstacles_add(ret, HP_OBSTACLE_OWNER, subject,
		                 "nvidia-mig-manager.service makes the MIG layout at boot");
	return hp_step_holders(host, subject, ret, err);
}

// == there

static int set_mode(struct hp_host *host, const char *address, bool on, struct hp_error *err)
{
	const char *const mode[] = {"nvidia-smi", "-i", address, "-mig", on ? "1" : "0", NULL};
	const char *const reset[] = {"nvidia-smi", "-i", address, "--gpu-reset", NULL};
	bool is = false, pending = false;
	int r = hp_step_run(host, SMI_MS, "nvidia-smi", err, mode);
	if (r < 0 || hp_host_rehearsing(host))
		return r;
	// Before Hopper a mode waits for a reset.
	r = read_mode(host, address, &is, &pending, err);
	return r == 0 && pending ? hp_step_run(host, RESET_MS, "nvidia-smi", err, reset) : r;
}

static int destroy(struct hp_host *host, const char *address, struct hp_error *err)
{
	const char *const compute[] = {"nvidia-smi", "mig", "-i", address, "-dci", NULL};
	const char *const instances[] = {"nvidia-smi", "mig", "-i", address, "-dgi", NULL};
	// Instances may have lost their compute instances in a crash: then there is none to
	// destroy.
	hp_step_run(host, SMI_MS, "nvidia-smi", NULL, compute);
	return hp_step_run(host, SMI_MS, "nvidia-smi", err, instances);
}

static int create(struct hp_host *host, const char *address, const json_t *instances,
                  struct hp_error *err)
{
	hp_cleanup_text struct hp_text layout = {0};
	size_t i;
	json_t *one;
	json_array_foreach(instances, i, one)
	{
		hp_text_printf(&layout, "%s%s", i ? "," : "", hp_state_text(one, "profile"));
		if (json_object_get(one, "start"))
			hp_text_printf(&layout, ":%d",
			               (int)json_integer_value(json_object_get(one, "start")));
	}
	const char *const argv[] = {"nvidia-smi",         "mig", "-i", address, "-cgi",
	                            hp_text_get(&layout), "-C",  NULL};
	return layout.length ? hp_step_run(host, SMI_MS, "nvidia-smi", err, argv) : 0;
}

static int write_mig(struct hp_host *host, const char *subject, const json_t *before HP_UNUSED,
                     const json_t *after, struct hp_error *err)
{
	json_t *now = NULL;
	int r = read_mig(host, subject, &now, err);
	if (r < 0)
		return r;
	const json_t *wanted = json_object_get(after, "instances");
	const json_t *found = json_object_get(now, "instances");
	bool remake = !same_layout(wanted, found), on = is_on(after);
	if (remake && json_array_size(found))
		r = destroy(host, subject, err);
	if (r == 0 && is_on(now) != on)
		r = set_mode(host, subject, on, err);
	if (r == 0 && remake && on)
		r = create(host, subject, wanted, err);
	json_decref(now);
	return r;
}

static void tell_mig(const char *subject HP_UNUSED, const json_t *state, struct hp_text *ret)
{
	const json_t *instances = json_object_get(state, "instances");
	hp_text_printf(ret, "MIG %s", hp_state_text(state, "mode"));
	for (size_t i = 0, run; i < json_array_size(instances); i += run) {
		const char *profile = profile_of(instances, i);
		for (run = 1; i + run < json_array_size(instances) &&
		              strcmp(profile, profile_of(instances, i + run)) == 0;)
			run++;
		hp_text_printf(ret, "%s %zux%s", i ? "," : ":", run, profile);
	}
}

const struct hp_kind hp_kind_mig = {
    .name = "mig",
    .help = "MIG mode and layout of an NVIDIA GPU",
    .effect = HP_EFFECT_NOW,
    .undo = HP_UNDO_EQUIVALENT,
    .differs = "instances that are made again have other UUIDs",
    .disrupts = true,
    .read = read_mig,
    .want = want_mig,
    .obstacles = mig_obstacles,
    .write = write_mig,
    .same = same_mig,
    .tell = tell_mig,
};
