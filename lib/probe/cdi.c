// CDI specifications: what they offer, and whether it is there. SPDX-License-Identifier: Apache-2.0
#include "probe/cdi.h"
#include "probe/look.h"
#include "probe/nvidia.h"
#include "probe/probes.h"

#include "base/cleanup.h"
#include "base/yaml.h"

#include <errno.h>
#include <string.h>

enum { FILE_LIMIT = 16 << 20 };

static const char *const directories[] = {"/etc/cdi", "/var/run/cdi", "/run/cdi"};

/* The paths of one containerEdits. A device node without hostPath is at the same path on the host.
 */
static void walk_edits(const json_t *edits, hp_cdi_path_seen *seen, void *data)
{
	size_t i;
	json_t *item;
	json_array_foreach(json_object_get(edits, "mounts"), i, item)
	{
		const char *path = json_string_value(json_object_get(item, "hostPath"));
		if (path)
			seen(data, path);
	}
	json_array_foreach(json_object_get(edits, "deviceNodes"), i, item)
	{
		const char *path = json_string_value(json_object_get(item, "hostPath"));
		if (!path)
			path = json_string_value(json_object_get(item, "path"));
		if (path)
			seen(data, path);
	}
	json_array_foreach(json_object_get(edits, "hooks"), i, item)
	{
		const char *path = json_string_value(json_object_get(item, "path"));
		if (path)
			seen(data, path);
	}
}

const char *hp_cdi_read(const json_t *root, struct hp_cdi *ret, hp_cdi_path_seen *seen, void *data)
{
	size_t i;
	json_t *device;
	const json_t *devices = json_object_get(root, "devices");
	*ret = (struct hp_cdi){
	    .kind = json_string_value(json_object_get(root, "kind")),
	    .version = json_string_value(json_object_get(root, "cdiVersion")),
	    .devices = json_array_size(devices),
	};
	if (!json_is_object(root))
		return "expected a mapping";
	if (!ret->version)
		return "expected cdiVersion";
	if (!ret->kind)
		return "expected kind";
	if (!json_is_array(devices))
		return "expected devices, a list";
	walk_edits(json_object_get(root, "containerEdits"), seen, data);
	json_array_foreach(devices, i, device)
	    walk_edits(json_object_get(device, "containerEdits"), seen, data);
	return NULL;
}

const char *hp_cdi_driver_version(const char *path)
{
	const char *mark = strstr(path, ".so.");
	if (!mark || !hp_nvidia_is_version(mark + 4) || strlen(mark + 4) < 6)
		return NULL;
	static const char *const libraries[] = {"/libcuda.so.", "/libnvidia-ml.so.",
	                                        "/libnvidia-ptxjitcompiler.so."};
	for (size_t i = 0; i < HP_COUNT(libraries); i++)
		if (strstr(path, libraries[i]))
			return mark + 4;
	return NULL;
}

/* What its paths tell. */
struct paths {
	struct hp_host *host;
	int64_t missing;
	bool unknown; // some path could not be looked for
	char *first_missing, *driver_version;
};

static void take_path(void *data, const char *path)
{
	struct paths *paths = data;
	const char *version = hp_cdi_driver_version(path);
	int exists = hp_host_exists(paths->host, path);
	if (version && !paths->driver_version)
		paths->driver_version = hp_strdup(version);
	paths->unknown = paths->unknown || exists < 0;
	if (exists != 0)
		return;
	paths->missing++;
	if (!paths->first_missing)
		paths->first_missing = hp_strdup(path);
}

static void put_spec(struct hp_host *host, struct hp_row *row, const json_t *root)
{
	struct paths paths = {.host = host};
	struct hp_cdi spec;
	const char *error = hp_cdi_read(root, &spec, take_path, &paths);
	hp_row_text(row, HP_CDI_SPEC_KIND, spec.kind);
	hp_row_text(row, HP_CDI_SPEC_CDI_VERSION, spec.version);
	hp_row_text(row, HP_CDI_SPEC_ERROR, error ? error : "none");
	if (!error) {
		hp_row_number(row, HP_CDI_SPEC_DEVICES, (int64_t)spec.devices);
		hp_row_text(row, HP_CDI_SPEC_DRIVER_VERSION,
		            paths.driver_version ? paths.driver_version : "none");
		if (paths.missing || !paths.unknown)
			hp_row_number(row, HP_CDI_SPEC_MISSING_PATHS, paths.missing);
		if (paths.first_missing || !paths.unknown)
			hp_row_text(row, HP_CDI_SPEC_FIRST_MISSING,
			            paths.first_missing ? paths.first_missing : "none");
	}
	free(paths.first_missing);
	free(paths.driver_version);
}

static int put_file(struct hp_host *host, struct hp_facts *facts, const char *path,
                    struct hp_error *err)
{
	hp_cleanup_text struct hp_text text = {0};
	struct hp_error failure = {0};
	json_t *root = NULL;
	if (hp_look_text(host, facts, path, FILE_LIMIT, &text) != HP_LOOK_SEEN)
		return 0;
	struct hp_row row = hp_row_begin(facts, HP_TBL_CDI_SPEC);
	hp_row_text(&row, HP_CDI_SPEC_PATH, path);
	int r = hp_yaml_load(path, hp_text_get(&text), text.length, &root, &failure);
	if (r == -EOPNOTSUPP)
		hp_facts_gap(facts, "missing-tool", path, "%s", failure.message);
	else if (r < 0)
		hp_row_text(&row, HP_CDI_SPEC_ERROR, failure.message);
	else
		put_spec(host, &row, root);
	json_decref(root);
	return hp_row_put(&row, err);
}

/* /var/run is a link to /run nearly everywhere: the same directory is read once. */
static bool is_repeated(struct hp_host *host, const char *directory)
{
	char resolved[256];
	return hp_host_resolve(host, directory, resolved, sizeof(resolved)) > 0 &&
	       strcmp(resolved, directory) != 0 && strcmp(resolved, "/run/cdi") == 0;
}

int hp_probe_cdi(struct hp_host *host, struct hp_facts *facts,
                 const struct hp_probe_options *options, struct hp_error *err)
{
	(void)options;
	bool partial = false, looked = false;
	int r = 0;
	for (size_t i = 0; i < HP_COUNT(directories); i++) {
		hp_cleanup_names struct hp_names names = {0};
		if (is_repeated(host, directories[i]))
			continue;
		enum hp_look look = hp_look_list(host, facts, directories[i], &names);
		partial = partial || look == HP_LOOK_UNKNOWN;
		looked = looked || look != HP_LOOK_UNKNOWN;
		for (size_t n = 0; r == 0 && n < names.count; n++) {
			hp_cleanup_free char *path =
			    hp_asprintf("%s/%s", directories[i], names.names[n]);
			if (hp_ends_with(path, ".yaml") || hp_ends_with(path, ".json"))
				r = put_file(host, facts, path, err);
		}
	}
	if (r < 0 || !looked)
		return r;
	return hp_facts_observed(facts, HP_TBL_CDI_SPEC, "", partial ? "partial" : "complete", err);
}
