// The VFs of a PF. SPDX-License-Identifier: Apache-2.0
//
// Subject: the PF's address. Words: a number, "max", either with " unprobed" behind it (the kernel
// shall not look for drivers of the VFs). State: {"vfs": N, "autoprobe": 0 or 1, "functions":
// {address: {"driver": state of kind driver, "type": state of kind vgpu-type, "mdevs": {UUID: state
// of kind mdev}}}}. In a wanted state `functions` names those that shall be as they say; VFs that
// it does not name are as the kernel makes them.
//
// The kernel goes from one number of VFs to another only by way of none (EBUSY else), so all that
// hangs on the VFs goes and is built again.
#include "step/holders.h"
#include "step/kinds.h"

#include "base/cleanup.h"
#include "host/change.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DEVICES "/sys/bus/pci/devices"

enum { MAKE_MS = 60000 }; // a hundred VFs and their drivers

static char *path_of(const char *address, const char *name)
{
	return hp_asprintf(DEVICES "/%s/%s", address, name);
}

/* 1 and the number, 0 absent, or the failure. */
static int read_number(struct hp_host *host, const char *address, const char *name, int64_t *ret,
                       struct hp_error *err)
{
	char value[32];
	hp_cleanup_free char *path = path_of(address, name);
	int r = hp_step_read(host, path, value, sizeof(value), err);
	if (r > 0 && !hp_parse_s64(value, ret))
		return hp_fail(err, -EINVAL, "%s: '%s' is no number", path, value);
	return r;
}

// == what hangs on a VF

static bool looks_like_uuid(const char *name)
{
	return strlen(name) == 36 && name[8] == '-' && name[13] == '-';
}

static int read_mdevs(struct hp_host *host, const char *vf, json_t *ret, struct hp_error *err)
{
	hp_cleanup_names struct hp_names names = {0};
	hp_cleanup_free char *directory = hp_asprintf(DEVICES "/%s", vf);
	int r = hp_host_list(host, directory, &names);
	for (size_t i = 0; r == 0 && i < names.count; i++) {
		json_t *state = NULL;
		if (!looks_like_uuid(names.names[i]))
			continue;
		r = hp_kind_mdev.read(host, names.names[i], &state, err);
		if (r == 0)
			json_object_set_new(ret, names.names[i], state);
	}
	return r == -ENOENT || r == -ENOTDIR || r == -ENODATA ? 0 : r;
}

static int read_function(struct hp_host *host, const char *vf, json_t **ret, struct hp_error *err)
{
	json_t *driver = NULL, *type = NULL, *mdevs = json_object();
	int r = hp_kind_driver.read(host, vf, &driver, err);
	if (r == 0)
		r = hp_kind_vgpu_type.read(host, vf, &type, err);
	if (r == 0)
		r = read_mdevs(host, vf, mdevs, err);
	if (r == 0)
		*ret = json_pack("{s:O, s:O, s:O}", "driver", driver, "type", type, "mdevs", mdevs);
	json_decref(driver);
	json_decref(type);
	json_decref(mdevs);
	return r;
}

/* virtfn0, virtfn1 … are links to the VFs. */
static int vf_address(struct hp_host *host, const char *pf, int64_t number, char *ret, size_t size,
                      struct hp_error *err)
{
	char name[32];
	snprintf(name, sizeof(name), "virtfn%" PRId64, number);
	hp_cleanup_free char *path = path_of(pf, name);
	int r = hp_step_link_name(host, path, ret, size, err);
	return r == 0 ? hp_fail(err, -ENOENT, "%s is not there", path) : r;
}

static int read_functions(struct hp_host *host, const char *pf, int64_t count, json_t *ret,
                          struct hp_error *err)
{
	int r = 0;
	for (int64_t i = 0; r >= 0 && i < count; i++) {
		char vf[32];
		json_t *function = NULL;
		r = vf_address(host, pf, i, vf, sizeof(vf), err);
		if (r > 0)
			r = read_function(host, vf, &function, err);
		if (r == 0)
			json_object_set_new(ret, vf, function);
	}
	return r < 0 ? r : 0;
}

static int read_sriov(struct hp_host *host, const char *subject, json_t **ret, struct hp_error *err)
{
	int64_t count = 0, autoprobe = 1;
	int r = hp_step_check_address(subject, err);
	if (r == 0)
		r = read_number(host, subject, "sriov_numvfs", &count, err);
	if (r == 0)
		*ret = hp_absent();
	if (r <= 0)
		return r;
	r = read_number(host, subject, "sriov_drivers_autoprobe", &autoprobe, err);
	if (r < 0)
		return r;
	json_t *functions = json_object();
	r = read_functions(host, subject, count, functions, err);
	if (r == 0)
		*ret = json_pack("{s:I, s:I, s:O}", "vfs", (json_int_t)count, "autoprobe",
		                 (json_int_t)autoprobe, "functions", functions);
	json_decref(functions);
	return r;
}

static int64_t number_of(const json_t *state, const char *name)
{
	return json_integer_value(json_object_get(state, name));
}

// == what a word asks for

/* The first so many of the VFs that there are stay as they are. */
static json_t *functions_kept(struct hp_host *host, const char *pf, const json_t *before,
                              int64_t count)
{
	json_t *all = json_object_get(before, "functions"), *kept = json_object();
	for (int64_t i = 0; i < count && i < number_of(before, "vfs"); i++) {
		char vf[32];
		if (vf_address(host, pf, i, vf, sizeof(vf), NULL) > 0)
			json_object_set(kept, vf, json_object_get(all, vf));
	}
	return kept;
}

static int refuse_word(const char *subject, const char *word, struct hp_error *err)
{
	return hp_fail(err, -EINVAL,
	               "sriov %s: '%s': expected a number of VFs or 'max', perhaps with "
	               "' unprobed' behind it",
	               subject, word);
}

static int want_sriov(struct hp_host *host, const char *subject, const char *word,
                      const json_t *before, json_t **ret, struct hp_error *err)
{
	char amount[16], how[16] = "";
	int64_t most = 0, count = 0;
	if (sscanf(word, "%15s %15s", amount, how) < 1 || (*how && strcmp(how, "unprobed") != 0))
		return refuse_word(subject, word, err);
	int r = hp_step_check_address(subject, err);
	if (r == 0)
		r = read_number(host, subject, "sriov_totalvfs", &most, err);
	if (r <= 0)
		return r < 0 ? r
		             : hp_fail(err, -ENODEV, "%s is no PF: it can have no VFs", subject);
	if (strcmp(amount, "max") == 0)
		count = most;
	else if (!hp_parse_s64(amount, &count) || count < 0)
		return refuse_word(subject, word, err);
	if (count > most)
		return hp_fail(err, -ERANGE, "%s can have at most %" PRId64 " VFs", subject, most);
	bool known = json_object_get(before, "autoprobe") != NULL;
	int64_t autoprobe = *how ? 0 : known ? number_of(before, "autoprobe") : 1;
	*ret = json_pack("{s:I, s:I, s:o}", "vfs", (json_int_t)count, "autoprobe",
	                 (json_int_t)autoprobe, "functions",
	                 functions_kept(host, subject, before, count));
	return 0;
}

// == who stands in the way

static int vf_obstacles(struct hp_host *host, const char *pf, const char *vf,
                        struct hp_obstacles *ret, struct hp_error *err)
{
	struct hp_obstacles networks = {0};
	int r = hp_step_holders(host, vf, ret, err);
	hp_step_keepers(host, vf, "", ret);
	hp_step_networks(host, vf, &networks);
	for (size_t i = 0; i < networks.count; i++)
		hp_obstacles_add(ret, HP_OBSTACLE_CONSENT, pf, "VF %s: %s", vf,
		                 networks.items[i].text);
	hp_obstacles_free(&networks);
	return r;
}

static int sriov_obstacles(struct hp_host *host, const char *subject, const json_t *before,
                           const json_t *after, struct hp_obstacles *ret, struct hp_error *err)
{
	int64_t from = number_of(before, "vfs");
	if (hp_is_absent(before)) {
		hp_obstacles_add(ret, HP_OBSTACLE_BROKEN, subject,
		                 "%s is no PF, or is not there: it can have no VFs", subject);
		return 0;
	}
	if (!from || from == number_of(after, "vfs"))
		return 0;
	hp_obstacles_add(ret, HP_OBSTACLE_CONSENT, subject,
	                 "the %" PRId64 " VFs of %s would go, and be made anew as far as wanted",
	                 from, subject);
	const char *vf;
	json_t *function;
	int r = 0;
	json_object_foreach(json_object_get(before, "functions"), vf, function)
	{
		if (r == 0)
			r = vf_obstacles(host, subject, vf, ret, err);
	}
	return r;
}

// == bringing it about

static bool has_more(const json_t *function)
{
	return *hp_state_text(json_object_get(function, "type"), "type") ||
	       json_object_size(json_object_get(function, "mdevs"));
}

/* What somebody set up on a VF since the plan was made must not go with it in silence. */
static int check_strangers(const json_t *now, const json_t *before, struct hp_error *err)
{
	const json_t *known = json_object_get(before, "functions");
	const char *vf;
	json_t *function;
	json_object_foreach(json_object_get(now, "functions"), vf, function)
	{
		if (has_more(function) && !json_equal(function, json_object_get(known, vf)))
			return hp_fail(err, -EBUSY,
			               "VF %s has vGPUs that were not there when the plan was made",
			               vf);
	}
	return 0;
}

/* mdevs and types go before their VF does: a driver may refuse to let go of it else. */
static int clear_function(struct hp_host *host, const char *vf, const json_t *function,
                          struct hp_error *err)
{
	json_t *untyped = json_pack("{s:n}", "type");
	json_t *type = json_object_get(function, "type"), *mdev;
	const char *uuid;
	int r = 0;
	json_object_foreach(json_object_get(function, "mdevs"), uuid, mdev)
	{
		json_t *undefined = json_copy(mdev);
		json_object_set_new(undefined, "active", json_false());
		if (r == 0) // its definition stays
			r = hp_kind_mdev.write(host, uuid, mdev, undefined, err);
		json_decref(undefined);
	}
	if (r == 0 && json_is_object(type))
		r = hp_kind_vgpu_type.write(host, vf, type, untyped, err);
	json_decref(untyped);
	return r;
}

static int clear_functions(struct hp_host *host, const json_t *now, struct hp_error *err)
{
	const char *vf;
	json_t *function;
	int r = 0;
	json_object_foreach(json_object_get(now, "functions"), vf, function)
	{
		if (r == 0)
			r = clear_function(host, vf, function, err);
	}
	return r;
}

static int write_number(struct hp_host *host, const char *pf, const char *name, int64_t number,
                        struct hp_error *err)
{
	char value[32];
	hp_cleanup_free char *path = path_of(pf, name);
	snprintf(value, sizeof(value), "%" PRId64, number);
	return hp_host_write(host, path, value, MAKE_MS, err);
}

static int set_count(struct hp_host *host, const char *pf, int64_t from, const json_t *after,
                     struct hp_error *err)
{
	int64_t to = number_of(after, "vfs");
	int r = 0;
	if (from == to)
		return 0;
	if (from)
		r = write_number(host, pf, "sriov_numvfs", 0, err);
	if (r == 0 && to)
		r = write_number(host, pf, "sriov_numvfs", to, err);
	return r;
}

static int build_function(struct hp_host *host, const char *vf, const json_t *wanted,
                          struct hp_error *err)
{
	json_t *driver = json_object_get(wanted, "driver"), *type = json_object_get(wanted, "type");
	int r = 0;
	if (json_is_object(driver))
		r = hp_kind_driver.write(host, vf, NULL, driver, err);
	if (r == 0 && json_is_object(type))
		r = hp_kind_vgpu_type.write(host, vf, NULL, type, err);
	const char *uuid;
	json_t *mdev;
	json_object_foreach(json_object_get(wanted, "mdevs"), uuid, mdev)
	{
		if (r == 0)
			r = hp_kind_mdev.write(host, uuid, NULL, mdev, err);
	}
	return r;
}

static int build_functions(struct hp_host *host, const json_t *after, struct hp_error *err)
{
	const char *vf;
	json_t *function;
	int r = 0;
	json_object_foreach(json_object_get(after, "functions"), vf, function)
	{
		if (r == 0)
			r = build_function(host, vf, function, err);
	}
	return r;
}

static int change(struct hp_host *host, const char *pf, const json_t *now, const json_t *before,
                  const json_t *after, struct hp_error *err)
{
	bool other = number_of(now, "vfs") != number_of(after, "vfs");
	int64_t autoprobe = number_of(after, "autoprobe");
	int r = other ? check_strangers(now, before, err) : 0;
	if (r == 0 && other)
		r = clear_functions(host, now, err);
	if (r == 0 && autoprobe != number_of(now, "autoprobe"))
		r = write_number(host, pf, "sriov_drivers_autoprobe", autoprobe, err);
	if (r == 0)
		r = set_count(host, pf, number_of(now, "vfs"), after, err);
	/* What the kernel did not make yet cannot be rehearsed. */
	return r < 0 || hp_host_rehearsing(host) ? r : build_functions(host, after, err);
}

static int write_sriov(struct hp_host *host, const char *subject, const json_t *before,
                       const json_t *after, struct hp_error *err)
{
	json_t *now = NULL;
	int r = read_sriov(host, subject, &now, err);
	if (r < 0)
		return r;
	if (hp_is_absent(now))
		r = hp_fail(err, -ENODEV, "%s is not there any more", subject);
	else
		r = change(host, subject, now, before, after, err);
	json_decref(now);
	return r;
}

/* VFs that nobody described are as the kernel makes them, and as later steps leave them. */
static bool same_sriov(const char *subject HP_UNUSED, const json_t *wanted, const json_t *found,
                       struct hp_text *ret_note HP_UNUSED)
{
	if (number_of(wanted, "vfs") != number_of(found, "vfs") ||
	    number_of(wanted, "autoprobe") != number_of(found, "autoprobe"))
		return false;
	const json_t *functions = json_object_get(found, "functions");
	const char *vf;
	json_t *function;
	json_object_foreach(json_object_get(wanted, "functions"), vf, function)
	{
		if (!json_equal(function, json_object_get(functions, vf)))
			return false;
	}
	return true;
}

static void tell_sriov(const char *subject HP_UNUSED, const json_t *state, struct hp_text *ret)
{
	int64_t count = number_of(state, "vfs");
	hp_text_printf(ret, "%" PRId64 " VF%s%s", count, count == 1 ? "" : "s",
	               count && !number_of(state, "autoprobe") ? ", not probed" : "");
}

const struct hp_kind hp_kind_sriov = {
    .name = "sriov",
    .help = "how many VFs a PF has, and what hangs on them",
    .effect = HP_EFFECT_NOW,
    .undo = HP_UNDO_EXACT,
    .disrupts = true,
    .read = read_sriov,
    .want = want_sriov,
    .obstacles = sriov_obstacles,
    .write = write_sriov,
    .same = same_sriov,
    .tell = tell_sriov,
};
