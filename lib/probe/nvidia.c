// NVIDIA's driver, loaded and installed, and what it says of its GPUs without being woken.
// SPDX-License-Identifier: Apache-2.0
#include "probe/look.h"
#include "probe/nvidia.h"
#include "probe/probes.h"

#include "base/cleanup.h"
#include "base/database.h"
#include "base/version.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

bool hp_nvidia_is_version(const char *text)
{
	int dots = 0;
	for (const char *at = text; *at; at++) {
		bool separates = *at == '.' && at > text && isdigit((unsigned char)at[1]);
		if (!separates && !isdigit((unsigned char)*at))
			return false;
		dots += separates;
	}
	return dots == 1 || dots == 2;
}

bool hp_nvidia_version(const char *text, char *version, size_t size, const char **ret_flavour)
{
	static const char head[] = "NVRM version:";
	const char *line = strstr(text, head);
	if (!line)
		return false;
	hp_cleanup_free char *copy = hp_strndup(line, strcspn(line, "\n"));
	const char *flavour = strstr(copy, "Open Kernel Module") ? "open" : "proprietary";
	char *cursor = copy + strlen(head);
	for (char *word; (word = hp_next_word(&cursor));) {
		if (!hp_nvidia_is_version(word) || strlen(word) >= size)
			continue;
		memcpy(version, word, strlen(word) + 1);
		*ret_flavour = flavour;
		return true;
	}
	return false;
}

const char *hp_nvidia_flavour(const char *license)
{
	if (strcmp(license, "NVIDIA") == 0)
		return "proprietary";
	return strcmp(license, "Dual MIT/GPL") == 0 ? "open" : NULL;
}

static void put_loaded(struct hp_host *host, struct hp_row *row)
{
	static const char path[] = "/proc/driver/nvidia/version";
	char text[1024], version[64];
	const char *flavour;
	enum hp_look look = hp_look_read(host, row->facts, path, text, sizeof(text));
	if (look == HP_LOOK_ABSENT) {
		hp_row_text(row, HP_NVIDIA_DRIVER_LOADED_VERSION, "none");
		hp_row_text(row, HP_NVIDIA_DRIVER_LOADED_FLAVOUR, "none");
	} else if (look == HP_LOOK_SEEN &&
	           hp_nvidia_version(text, version, sizeof(version), &flavour)) {
		hp_row_text(row, HP_NVIDIA_DRIVER_LOADED_VERSION, version);
		hp_row_text(row, HP_NVIDIA_DRIVER_LOADED_FLAVOUR, flavour);
	} else if (look == HP_LOOK_SEEN) {
		hp_facts_gap(row->facts, "malformed", path,
		             "expected 'NVRM version: … NUMBER.NUMBER'");
	}
}

/* A value that the module probe found; a new string, NULL if it is not known. */
static char *module_value(struct hp_facts *facts, const char *module, const char *column)
{
	hp_cleanup_statement sqlite3_stmt *statement = NULL;
	hp_cleanup_free char *sql =
	    hp_asprintf("SELECT %s FROM module WHERE host = ?1 AND module = ?2", column);
	if (hp_db_prepare(hp_facts_db(facts), sql, &statement, NULL) < 0)
		return NULL;
	sqlite3_bind_text(statement, 1, hp_facts_host(facts), -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 2, module, -1, SQLITE_STATIC);
	const char *value = hp_db_step(statement, NULL) == 1 ? hp_db_text(statement, 0) : NULL;
	return value ? hp_strdup(value) : NULL;
}

static void put_disk(struct hp_row *row)
{
	hp_cleanup_free char *version = module_value(row->facts, "nvidia", "disk_version");
	hp_cleanup_free char *license = module_value(row->facts, "nvidia", "license");
	hp_row_text(row, HP_NVIDIA_DRIVER_DISK_VERSION, version);
	if (version && strcmp(version, "none") == 0)
		hp_row_text(row, HP_NVIDIA_DRIVER_DISK_FLAVOUR, "none");
	else if (license)
		hp_row_text(row, HP_NVIDIA_DRIVER_DISK_FLAVOUR, hp_nvidia_flavour(license));
}

// Where distributions, NVIDIA's installer and the driver containers put the libraries.
static const char *const library_directories[] = {
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib64",
    "/usr/lib",
    "/usr/lib/x86_64-linux-gnu/nvidia/current",
    "/usr/lib/aarch64-linux-gnu/nvidia/current",
    "/run/opengl-driver/lib",
    "/usr/local/glibc/usr/lib",
    "/usr/local/nvidia/lib64",
    "/home/kubernetes/bin/nvidia/lib64",
    "/run/nvidia/driver/usr/lib/x86_64-linux-gnu",
    "/run/nvidia/driver/usr/lib/aarch64-linux-gnu",
    "/run/nvidia/driver/usr/lib64",
};

/* The version in the name of the file that a library's link ends at: libcuda.so.1 →
 * libcuda.so.580.95.05. */
static bool library_version(struct hp_host *host, const char *directory, const char *library,
                            char *buffer, size_t size)
{
	char resolved[4096];
	hp_cleanup_free char *path = hp_asprintf("%s/%s.1", directory, library);
	if (hp_host_exists(host, path) <= 0 ||
	    hp_host_resolve(host, path, resolved, sizeof(resolved)) <= 0)
		return false;
	const char *name = strrchr(resolved, '/');
	name = name ? name + 1 : resolved;
	if (!hp_starts_with(name, library) || !hp_nvidia_is_version(name + strlen(library) + 1))
		return false;
	snprintf(buffer, size, "%s", name + strlen(library) + 1);
	return true;
}

static void put_library(struct hp_host *host, struct hp_row *row)
{
	static const char *const libraries[] = {"libnvidia-ml.so", "libcuda.so"};
	char version[64];
	for (size_t i = 0; i < HP_COUNT(library_directories); i++) {
		for (size_t k = 0; k < HP_COUNT(libraries); k++) {
			if (!library_version(host, library_directories[i], libraries[k], version,
			                     sizeof(version)))
				continue;
			hp_row_text(row, HP_NVIDIA_DRIVER_LIBRARY_VERSION, version);
			hp_cleanup_free char *source =
			    hp_asprintf("%s/%s.%s", library_directories[i], libraries[k], version);
			hp_facts_origin(row->facts, HP_TBL_NVIDIA_DRIVER, "", "library_version",
			                source, NULL);
			return;
		}
	}
	if (hp_host_covers(host, "/usr/lib") && hp_host_covers(host, "/run"))
		hp_row_text(row, HP_NVIDIA_DRIVER_LIBRARY_VERSION, "none");
}

/* The newest directory of GSP firmware; the others there are named after chips and belong to
 * nouveau. */
static void put_firmware(struct hp_host *host, struct hp_row *row)
{
	hp_cleanup_names struct hp_names names = {0};
	hp_cleanup_free char *best_key = NULL;
	const char *best = NULL;
	enum hp_look look = hp_look_list(host, row->facts, "/lib/firmware/nvidia", &names);
	for (size_t i = 0; i < names.count; i++) {
		if (!hp_nvidia_is_version(names.names[i]))
			continue;
		char *key = hp_version_key(names.names[i]);
		if (best_key && strcmp(key, best_key) < 0) {
			free(key);
			continue;
		}
		free(best_key);
		best_key = key;
		best = names.names[i];
	}
	if (best)
		hp_row_text(row, HP_NVIDIA_DRIVER_FIRMWARE_VERSION, best);
	else if (look != HP_LOOK_UNKNOWN)
		hp_row_text(row, HP_NVIDIA_DRIVER_FIRMWARE_VERSION, "none");
}

static bool any_exists(struct hp_host *host, const char *const *paths, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (hp_host_exists(host, paths[i]) > 0)
			return true;
	return false;
}

static bool is_none(const char *value)
{
	return value && strcmp(value, "none") == 0;
}

static void put_kind(struct hp_host *host, struct hp_row *row)
{
	static const char *const host_marks[] = {
	    "/usr/bin/nvidia-vgpu-mgr", "/usr/bin/nvidia-vgpud",
	    "/run/nvidia/driver/usr/bin/nvidia-vgpu-mgr", "/sys/module/nvidia_vgpu_vfio"};
	static const char *const guest_marks[] = {"/usr/bin/nvidia-gridd",
	                                          "/etc/nvidia/gridd.conf"};
	hp_cleanup_free char *state = module_value(row->facts, "nvidia", "state");
	hp_cleanup_free char *version = module_value(row->facts, "nvidia", "disk_version");
	const char *kind = NULL;
	if (any_exists(host, host_marks, HP_COUNT(host_marks)))
		kind = "vgpu-host";
	else if (any_exists(host, guest_marks, HP_COUNT(guest_marks)))
		kind = "vgpu-guest";
	else if (state && strcmp(state, "absent") == 0 && is_none(version))
		kind = "none";
	else if (state && strcmp(state, "absent") != 0 && hp_host_covers(host, "/usr"))
		kind = "standard";
	hp_row_text(row, HP_NVIDIA_DRIVER_KIND, kind);
	if (kind && strcmp(kind, "vgpu-guest") != 0)
		hp_row_text(row, HP_NVIDIA_DRIVER_LICENSE_STATUS, "none");
	if (kind && strcmp(kind, "vgpu-host") != 0)
		hp_row_text(row, HP_NVIDIA_DRIVER_VGPU_HOST_MODE, "none");
}

static void put_in_container(struct hp_host *host, struct hp_row *row)
{
	static const char path[] = "/run/nvidia/driver/usr/bin/nvidia-smi";
	char target[256];
	// Where the operator uses the host's driver, the directory may be a link to the root.
	if (hp_host_link(host, "/run/nvidia/driver", target, sizeof(target)) > 0)
		return hp_row_number(row, HP_NVIDIA_DRIVER_IN_CONTAINER, 0);
	enum hp_look look = hp_look_exists(host, row->facts, path);
	if (look != HP_LOOK_UNKNOWN)
		hp_row_number(row, HP_NVIDIA_DRIVER_IN_CONTAINER, look == HP_LOOK_SEEN);
}

static int put_driver(struct hp_host *host, struct hp_facts *facts, struct hp_error *err)
{
	struct hp_row row = hp_row_begin(facts, HP_TBL_NVIDIA_DRIVER);
	put_loaded(host, &row);
	put_disk(&row);
	put_library(host, &row);
	put_firmware(host, &row);
	put_kind(host, &row);
	put_in_container(host, &row);
	int r = hp_row_put(&row, err);
	return r < 0 ? r : hp_look_observed(host, facts, HP_TBL_NVIDIA_DRIVER, "/proc", err);
}

// == each GPU

/* The names in a directory that are `prefix` and a number. */
static int64_t count_numbered(const struct hp_names *names, const char *prefix)
{
	int64_t count = 0, number;
	for (size_t i = 0; i < names->count; i++)
		count += hp_starts_with(names->names[i], prefix) &&
		         hp_parse_s64(names->names[i] + strlen(prefix), &number);
	return count;
}

static int put_instance(struct hp_host *host, struct hp_facts *facts, const char *address,
                        const char *directory, const char *name, struct hp_error *err)
{
	hp_cleanup_names struct hp_names names = {0};
	hp_cleanup_free char *path = hp_asprintf("%s/%s", directory, name);
	int64_t id;
	if (!hp_starts_with(name, "gi") || !hp_parse_s64(name + strlen("gi"), &id))
		return 0;
	struct hp_row row = hp_row_begin(facts, HP_TBL_MIG_INSTANCE);
	hp_row_text(&row, HP_MIG_INSTANCE_ADDRESS, address);
	hp_row_number(&row, HP_MIG_INSTANCE_GPU_INSTANCE, id);
	if (hp_look_list(host, facts, path, &names) == HP_LOOK_SEEN)
		hp_row_number(&row, HP_MIG_INSTANCE_COMPUTE_INSTANCES,
		              count_numbered(&names, "ci"));
	return hp_row_put(&row, err);
}

/* The MIG instances of the GPU with this minor number, as the driver's capabilities list them.
 * Returns how many there are, -1 if that is not known. */
static int64_t put_instances(struct hp_host *host, struct hp_facts *facts, const char *address,
                             int64_t minor, struct hp_error *err)
{
	hp_cleanup_names struct hp_names names = {0};
	hp_cleanup_free char *directory =
	    hp_asprintf("/proc/driver/nvidia/capabilities/gpu%lld/mig", (long long)minor);
	enum hp_look look = hp_look_list(host, facts, directory, &names);
	if (look == HP_LOOK_UNKNOWN)
		return -1;
	for (size_t i = 0; i < names.count; i++)
		if (put_instance(host, facts, address, directory, names.names[i], err) < 0)
			return -1;
	if (hp_facts_observed(facts, HP_TBL_MIG_INSTANCE, address, "complete", err) < 0)
		return -1;
	return count_numbered(&names, "gi");
}

static int put_gpu(struct hp_host *host, struct hp_facts *facts, const char *address,
                   struct hp_error *err)
{
	char text[4096], value[256];
	int64_t minor = -1, instances = -1;
	hp_cleanup_free char *path =
	    hp_asprintf("/proc/driver/nvidia/gpus/%s/information", address);
	hp_look_read(host, facts, path, text, sizeof(text));
	if (hp_find_value(text, "Device Minor", ':', value, sizeof(value)) &&
	    hp_parse_s64(value, &minor))
		instances = put_instances(host, facts, address, minor, err);
	struct hp_row row = hp_row_begin(facts, HP_TBL_NVIDIA_GPU);
	hp_row_text(&row, HP_NVIDIA_GPU_ADDRESS, address);
	if (hp_find_value(text, "Model", ':', value, sizeof(value)))
		hp_row_text(&row, HP_NVIDIA_GPU_MODEL, value);
	// Question marks stand there until the GPU was initialised.
	if (hp_find_value(text, "Video BIOS", ':', value, sizeof(value)) && !strchr(value, '?'))
		hp_row_text(&row, HP_NVIDIA_GPU_VBIOS, value);
	if (minor >= 0)
		hp_row_number(&row, HP_NVIDIA_GPU_MINOR, minor);
	if (instances >= 0)
		hp_row_number(&row, HP_NVIDIA_GPU_GPU_INSTANCES, instances);
	if (instances > 0)
		hp_row_text(&row, HP_NVIDIA_GPU_MIG_CURRENT, "enabled");
	int r = hp_row_put(&row, err);
	return r < 0 ? r : hp_facts_observed(facts, HP_TBL_NVIDIA_GPU, address, "complete", err);
}

int hp_probe_nvidia(struct hp_host *host, struct hp_facts *facts,
                    const struct hp_probe_options *options, struct hp_error *err)
{
	(void)options;
	hp_cleanup_names struct hp_names gpus = {0};
	int r = put_driver(host, facts, err);
	hp_look_list(host, facts, "/proc/driver/nvidia/gpus", &gpus);
	for (size_t i = 0; r == 0 && i < gpus.count; i++)
		r = put_gpu(host, facts, gpus.names[i], err);
	return r;
}
