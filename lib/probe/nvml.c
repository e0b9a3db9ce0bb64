// What only NVIDIA's management library knows: MIG, ECC, fabric, confidential computing. Level 2.
// SPDX-License-Identifier: Apache-2.0
//
// Initialising NVML wakes and initialises every GPU that nothing keeps initialised: so this is
// never done by default, once a run, and in a child that is killed when its time is up. It is
// loaded at run time: no copy of it is needed to build, and a host without it is a host without it.
#include "probe/nvml.h"
#include "probe/probes.h"

#include "base/cleanup.h"
#include "base/database.h"
#include "base/text.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	ASKED_AT = 2,        // the level
	DEADLINE_MS = 60000, // eight GPUs that nothing keeps initialised take tens of seconds
	MAX_GPUS = 1024,
	MAX_PROFILES = 64,
	MAX_INSTANCES = 32,
	ANSWER_LIMIT = 16 << 20,
};

// == NVML's own types, of its public interface (nvml.h), as far as they are used

typedef int nvml_return;
typedef struct nvml_device *nvml_device;
typedef struct nvml_instance *nvml_instance;

enum { NVML_SUCCESS = 0, NVML_NOT_SUPPORTED = 3 };

struct nvml_pci_info {
	char bus_id_legacy[16];
	unsigned domain, bus, device, device_id, subsystem_id;
	char bus_id[32];
};

struct nvml_fabric_info {
	unsigned char cluster[16];
	nvml_return status;
	unsigned clique;
	unsigned char state;
};

struct nvml_cc_settings {
	unsigned version, environment, feature, devtools, multi_gpu;
};

struct nvml_profile_info {
	unsigned version, id, p2p, slices, instances, multiprocessors, copy_engines, decoders,
	    encoders, jpegs, ofas;
	unsigned long long memory_mb;
	char name[96];
};

struct nvml_instance_info {
	nvml_device device;
	unsigned id, profile, start, size;
};

#define NVML_VERSION(type, version) ((unsigned)sizeof(type) | (version) << 24)

/* The functions that are used; all but the first four may be missing in an older library. */
struct nvml {
	nvml_return (*init)(void);
	nvml_return (*shutdown)(void);
	nvml_return (*count)(unsigned *count);
	nvml_return (*handle)(unsigned index, nvml_device *device);
	nvml_return (*pci_info)(nvml_device device, struct nvml_pci_info *info);
	nvml_return (*driver_version)(char *version, unsigned length);
	nvml_return (*cc_settings)(struct nvml_cc_settings *settings);
	nvml_return (*mig_mode)(nvml_device device, unsigned *current, unsigned *pending);
	nvml_return (*ecc_mode)(nvml_device device, int *current, int *pending);
	nvml_return (*persistence_mode)(nvml_device device, int *mode);
	nvml_return (*vbios)(nvml_device device, char *version, unsigned length);
	nvml_return (*fabric_info)(nvml_device device, struct nvml_fabric_info *info);
	nvml_return (*host_vgpu_mode)(nvml_device device, int *mode);
	nvml_return (*profile_info)(nvml_device device, unsigned profile,
	                            struct nvml_profile_info *info);
	nvml_return (*instances)(nvml_device device, unsigned profile, nvml_instance *instances,
	                         unsigned *count);
	nvml_return (*instance_info)(nvml_instance instance, struct nvml_instance_info *info);
	const char *(*error_string)(nvml_return result);
};

static const struct {
	const char *symbol;
	size_t offset;
	bool required;
} symbols[] = {
    {"nvmlInit_v2", offsetof(struct nvml, init), true},
    {"nvmlShutdown", offsetof(struct nvml, shutdown), true},
    {"nvmlDeviceGetCount_v2", offsetof(struct nvml, count), true},
    {"nvmlDeviceGetHandleByIndex_v2", offsetof(struct nvml, handle), true},
    {"nvmlDeviceGetPciInfo_v3", offsetof(struct nvml, pci_info), true},
    {"nvmlSystemGetDriverVersion", offsetof(struct nvml, driver_version), false},
    {"nvmlSystemGetConfComputeSettings", offsetof(struct nvml, cc_settings), false},
    {"nvmlDeviceGetMigMode", offsetof(struct nvml, mig_mode), false},
    {"nvmlDeviceGetEccMode", offsetof(struct nvml, ecc_mode), false},
    {"nvmlDeviceGetPersistenceMode", offsetof(struct nvml, persistence_mode), false},
    {"nvmlDeviceGetVbiosVersion", offsetof(struct nvml, vbios), false},
    {"nvmlDeviceGetGpuFabricInfo", offsetof(struct nvml, fabric_info), false},
    {"nvmlDeviceGetHostVgpuMode", offsetof(struct nvml, host_vgpu_mode), false},
    {"nvmlDeviceGetGpuInstanceProfileInfoV", offsetof(struct nvml, profile_info), false},
    {"nvmlDeviceGetGpuInstances", offsetof(struct nvml, instances), false},
    {"nvmlGpuInstanceGetInfo", offsetof(struct nvml, instance_info), false},
    {"nvmlErrorString", offsetof(struct nvml, error_string), false},
};

/* The first symbol that is missing and must not be; NULL if all are there. */
static const char *load_symbols(void *library, struct nvml *nvml)
{
	for (size_t i = 0; i < HP_COUNT(symbols); i++) {
		void *symbol = dlsym(library, symbols[i].symbol);
		if (!symbol && symbols[i].required)
			return symbols[i].symbol;
		memcpy((char *)nvml + symbols[i].offset, &symbol, sizeof(symbol));
	}
	return NULL;
}

// == in the child: asking

/* A word for a value, or NULL: what the library says beyond its own interface is not believed. */
static const char *word_of(const char *const *words, size_t count, long long value)
{
	return value >= 0 && (size_t)value < count ? words[value] : NULL;
}

static void set_word(json_t *object, const char *key, const char *word)
{
	if (word)
		json_object_set_new(object, key, json_string(word));
}

static const char *const switch_words[] = {"disabled", "enabled"};

/* Sets a pair of modes, or says that the board has none. */
static void set_modes(json_t *gpu, nvml_return r, long long current, long long pending,
                      const char *current_key, const char *pending_key)
{
	bool unsupported = r == NVML_NOT_SUPPORTED;
	if (r != NVML_SUCCESS && !unsupported)
		return;
	set_word(gpu, current_key, unsupported ? "unsupported" : word_of(switch_words, 2, current));
	if (pending_key)
		set_word(gpu, pending_key,
		         unsupported ? "unsupported" : word_of(switch_words, 2, pending));
}

static void ask_modes(const struct nvml *nvml, nvml_device device, json_t *gpu)
{
	static const char *const persistence[] = {"off", "on"};
	static const char *const vgpu[] = {"non-sriov", "sriov"};
	static const char *const fabric[] = {"not-supported", "not-started", "in-progress",
	                                     "completed"};
	unsigned current = 0, pending = 0;
	int ecc = 0, ecc_pending = 0, mode = 0;
	if (nvml->mig_mode) {
		nvml_return r = nvml->mig_mode(device, &current, &pending);
		set_modes(gpu, r, current, pending, "mig_current", "mig_pending");
	}
	if (nvml->ecc_mode) {
		nvml_return r = nvml->ecc_mode(device, &ecc, &ecc_pending);
		set_modes(gpu, r, ecc, ecc_pending, "ecc_current", NULL);
	}
	if (nvml->persistence_mode && nvml->persistence_mode(device, &mode) == NVML_SUCCESS)
		set_word(gpu, "persistence_mode", word_of(persistence, 2, mode));
	if (nvml->host_vgpu_mode && nvml->host_vgpu_mode(device, &mode) == NVML_SUCCESS)
		set_word(gpu, "host_vgpu_mode", word_of(vgpu, 2, mode));
	struct nvml_fabric_info info = {.state = 0};
	if (!nvml->fabric_info)
		return;
	nvml_return r = nvml->fabric_info(device, &info);
	if (r == NVML_SUCCESS)
		set_word(gpu, "fabric_state", word_of(fabric, 4, info.state));
	else if (r == NVML_NOT_SUPPORTED)
		set_word(gpu, "fabric_state", "not-supported");
}

static void ask_vbios(const struct nvml *nvml, nvml_device device, json_t *gpu)
{
	char version[64] = "";
	if (!nvml->vbios || nvml->vbios(device, version, sizeof(version)) != NVML_SUCCESS)
		return;
	version[sizeof(version) - 1] = '\0';
	hp_utf8_repair(version);
	if (*version)
		set_word(gpu, "vbios", version);
}

/* The instances of one profile, by its number; profiles that the board lacks give none. */
static void ask_profile(const struct nvml *nvml, nvml_device device, unsigned number, json_t *list)
{
	struct nvml_profile_info profile = {.version = NVML_VERSION(struct nvml_profile_info, 2)};
	nvml_instance instances[MAX_INSTANCES];
	unsigned count = MAX_INSTANCES;
	if (nvml->profile_info(device, number, &profile) != NVML_SUCCESS ||
	    profile.instances > MAX_INSTANCES ||
	    nvml->instances(device, profile.id, instances, &count) != NVML_SUCCESS ||
	    count > MAX_INSTANCES)
		return;
	profile.name[sizeof(profile.name) - 1] = '\0';
	hp_utf8_repair(profile.name);
	const char *name = hp_starts_with(profile.name, "MIG ") ? profile.name + 4 : profile.name;
	for (unsigned i = 0; i < count; i++) {
		struct nvml_instance_info info = {0};
		if (nvml->instance_info(instances[i], &info) != NVML_SUCCESS)
			continue;
		json_array_append_new(list,
		                      json_pack("{s:I, s:I, s:s}", "id", (json_int_t)info.id,
		                                "start", (json_int_t)info.start, "profile", name));
	}
}

static void ask_instances(const struct nvml *nvml, nvml_device device, json_t *gpu)
{
	const char *mode = json_string_value(json_object_get(gpu, "mig_current"));
	if (!mode || strcmp(mode, "enabled") != 0 || !nvml->profile_info || !nvml->instances ||
	    !nvml->instance_info)
		return;
	json_t *list = json_array();
	for (unsigned number = 0; number < MAX_PROFILES; number++)
		ask_profile(nvml, device, number, list);
	json_object_set_new(gpu, "instances", list);
}

static json_t *ask_gpu(const struct nvml *nvml, unsigned index)
{
	nvml_device device = NULL;
	struct nvml_pci_info pci = {.domain = 0};
	if (nvml->handle(index, &device) != NVML_SUCCESS ||
	    nvml->pci_info(device, &pci) != NVML_SUCCESS || pci.bus > 0xff || pci.device > 0x1f)
		return NULL;
	json_t *gpu = json_object();
	hp_cleanup_free char *address =
	    hp_asprintf("%04x:%02x:%02x.0", pci.domain, pci.bus, pci.device);
	json_object_set_new(gpu, "address", json_string(address));
	ask_modes(nvml, device, gpu);
	ask_vbios(nvml, device, gpu);
	ask_instances(nvml, device, gpu);
	return gpu;
}

static void ask_system(const struct nvml *nvml, json_t *answer)
{
	char version[96] = "";
	struct nvml_cc_settings cc = {.version = NVML_VERSION(struct nvml_cc_settings, 1)};
	if (nvml->driver_version &&
	    nvml->driver_version(version, sizeof(version)) == NVML_SUCCESS) {
		version[sizeof(version) - 1] = '\0';
		hp_utf8_repair(version);
		set_word(answer, "driver", version);
	}
	nvml_return r = nvml->cc_settings ? nvml->cc_settings(&cc) : -1;
	if (r == NVML_NOT_SUPPORTED)
		set_word(answer, "cc_mode", "unsupported");
	else if (r == NVML_SUCCESS && cc.feature <= 1)
		set_word(answer, "cc_mode",
		         cc.multi_gpu == 1  ? "ppcie"
		         : cc.devtools == 1 ? "devtools"
		         : cc.feature       ? "on"
		                            : "off");
}

static json_t *failed(const char *format, const char *detail)
{
	json_t *answer = json_object();
	char message[512];
	const char *mark = strstr(format, "%s");
	snprintf(message, sizeof(message), "%.*s%s%s", (int)(mark - format), format, detail,
	         mark + 2);
	hp_utf8_repair(message);
	json_object_set_new(answer, "error", json_string(message));
	return answer;
}

static json_t *ask_all(const struct nvml *nvml)
{
	unsigned count = 0;
	nvml_return r = nvml->init();
	if (r != NVML_SUCCESS)
		return failed("nvmlInit_v2 says: %s",
		              nvml->error_string ? nvml->error_string(r) : "an error");
	json_t *answer = json_object(), *gpus = json_array();
	ask_system(nvml, answer);
	if (nvml->count(&count) == NVML_SUCCESS && count <= MAX_GPUS)
		for (unsigned i = 0; i < count; i++) {
			json_t *gpu = ask_gpu(nvml, i);
			if (gpu)
				json_array_append_new(gpus, gpu);
		}
	json_object_set_new(answer, "gpus", gpus);
	nvml->shutdown();
	return answer;
}

static json_t *ask_library(const char *path)
{
	struct nvml nvml;
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!library) {
		json_t *answer = failed("%s", dlerror());
		json_object_set_new(answer, "absent", json_true());
		return answer;
	}
	const char *missing = load_symbols(library, &nvml);
	return missing ? failed("the library lacks %s", missing) : ask_all(&nvml);
}

__attribute__((noreturn)) static void child(const char *library, int to)
{
	// The library prints where it likes, and must not write to us.
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0)
		for (int fd = 0; fd < 3; fd++)
			dup2(null, fd);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	json_t *answer = ask_library(library);
	_exit(json_dumpfd(answer, to, JSON_COMPACT) == 0 ? 0 : 1);
}

// == in the parent: waiting

static long long now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

/* Reads until the child closes its end, or the deadline. */
static int collect(int from, int deadline_ms, struct hp_text *ret)
{
	long long deadline = now_ms() + deadline_ms;
	char chunk[4096];
	for (;;) {
		long long left = deadline - now_ms();
		struct pollfd wait = {.fd = from, .events = POLLIN};
		int r = left > 0 ? poll(&wait, 1, (int)left) : 0;
		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r < 0 ? -errno : -ETIME;
		ssize_t length = read(from, chunk, sizeof(chunk));
		if (length <= 0)
			return length < 0 ? -errno : 0;
		if (ret->length + (size_t)length > ANSWER_LIMIT)
			return -EFBIG;
		hp_text_add(ret, chunk, (size_t)length);
	}
}

/* A child that hangs inside of the driver does not die of SIGKILL: it must not take us with it. */
static void put_down(pid_t pid)
{
	kill(pid, SIGKILL);
	for (int i = 0; i < 100; i++) {
		if (waitpid(pid, NULL, WNOHANG) != 0)
			return;
		poll(NULL, 0, 10);
	}
}

static int understand(const struct hp_text *text, json_t **ret, struct hp_error *err)
{
	json_t *answer = json_loadb(hp_text_get(text), text->length, 0, NULL);
	const char *error = json_string_value(json_object_get(answer, "error"));
	if (!answer)
		return hp_fail(err, -EIO, "NVML ended without an answer: it crashed");
	if (!error) {
		*ret = answer;
		return 0;
	}
	int code = json_is_true(json_object_get(answer, "absent")) ? -ENOENT : -EIO;
	hp_fail(err, code, "%s", error);
	json_decref(answer);
	return code;
}

int hp_nvml_ask(const char *library, int deadline_ms, json_t **ret, struct hp_error *err)
{
	hp_cleanup_text struct hp_text text = {0};
	int pipes[2];
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return hp_fail(err, -errno, "no pipe: %s", strerror(errno));
	pid_t pid = fork();
	if (pid == 0)
		child(library, pipes[1]);
	int r = pid < 0 ? -errno : 0;
	close(pipes[1]);
	if (r == 0)
		r = collect(pipes[0], deadline_ms, &text);
	close(pipes[0]);
	if (pid > 0)
		put_down(pid);
	if (r == -ETIME)
		return hp_fail(err, r, "NVML gave no answer within %d s", deadline_ms / 1000);
	return r < 0 ? hp_fail(err, r, "NVML: %s", strerror(-r)) : understand(&text, ret, err);
}

// == the facts

/* Sets one column of a row that another probe may have written; makes the row if there is none. */
static int set_fact(struct hp_facts *facts, const char *table, const char *address,
                    const char *column, const char *value, struct hp_error *err)
{
	hp_cleanup_statement sqlite3_stmt *statement = NULL;
	if (!value)
		return 0;
	hp_cleanup_free char *sql =
	    hp_asprintf(address ? "INSERT INTO %1$s (host, address, %2$s) VALUES (?1, ?2, ?3) "
	                          "ON CONFLICT (host, address) DO UPDATE SET %2$s = excluded.%2$s"
	                        : "INSERT INTO %1$s (host, %2$s) VALUES (?1, ?3) "
	                          "ON CONFLICT (host) DO UPDATE SET %2$s = excluded.%2$s",
	                table, column);
	int r = hp_db_prepare(hp_facts_db(facts), sql, &statement, err);
	if (r < 0)
		return r;
	sqlite3_bind_text(statement, 1, hp_facts_host(facts), -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 2, address, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 3, value, -1, SQLITE_STATIC);
	r = hp_db_step(statement, err);
	return r < 0 ? r
	             : hp_facts_origin(facts, address ? HP_TBL_NVIDIA_GPU : HP_TBL_NVIDIA_DRIVER,
	                               address ? address : "", column, "NVML", err);
}

/* An instance's row; how many compute instances it has is the procfs probe's to say. */
static int set_instance(struct hp_facts *facts, const char *address, const json_t *instance,
                        struct hp_error *err)
{
	static const char sql[] =
	    "INSERT INTO mig_instance (host, address, gpu_instance, profile, placement_start) "
	    "VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (host, address, gpu_instance) DO UPDATE "
	    "SET profile = excluded.profile, placement_start = excluded.placement_start";
	hp_cleanup_statement sqlite3_stmt *statement = NULL;
	int r = hp_db_prepare(hp_facts_db(facts), sql, &statement, err);
	if (r < 0)
		return r;
	sqlite3_bind_text(statement, 1, hp_facts_host(facts), -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 2, address, -1, SQLITE_STATIC);
	sqlite3_bind_int64(statement, 3, json_integer_value(json_object_get(instance, "id")));
	sqlite3_bind_text(statement, 4, json_string_value(json_object_get(instance, "profile")), -1,
	                  SQLITE_STATIC);
	sqlite3_bind_int64(statement, 5, json_integer_value(json_object_get(instance, "start")));
	r = hp_db_step(statement, err);
	return r < 0 ? r : 0;
}

/* Whether sysfs has the function, as far as it was looked at. */
static bool is_known(struct hp_facts *facts, const char *address)
{
	static const char sql[] = "SELECT 1 FROM pci_function WHERE host = ?1 AND address = ?2";
	hp_cleanup_statement sqlite3_stmt *statement = NULL;
	if (hp_db_prepare(hp_facts_db(facts), sql, &statement, NULL) < 0)
		return false;
	sqlite3_bind_text(statement, 1, hp_facts_host(facts), -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 2, address, -1, SQLITE_STATIC);
	return hp_db_step(statement, NULL) == 1;
}

static int put_gpu(struct hp_facts *facts, const json_t *answer, const json_t *gpu,
                   struct hp_error *err)
{
	static const char *const columns[] = {"mig_current", "mig_pending", "ecc_current", "vbios",
	                                      "fabric_state"};
	const char *address = json_string_value(json_object_get(gpu, "address"));
	const json_t *instances = json_object_get(gpu, "instances");
	size_t i;
	json_t *instance;
	if (!is_known(facts, address))
		return hp_facts_gap(facts, "malformed", "NVML",
		                    "names a GPU at %s, where PCI has none", address);
	int r = set_fact(facts, "nvidia_gpu", address, "cc_mode",
	                 json_string_value(json_object_get(answer, "cc_mode")), err);
	for (i = 0; r == 0 && i < HP_COUNT(columns); i++)
		r = set_fact(facts, "nvidia_gpu", address, columns[i],
		             json_string_value(json_object_get(gpu, columns[i])), err);
	json_array_foreach(instances, i, instance) if (r == 0) r =
	    set_instance(facts, address, instance, err);
	return r < 0 ? r : hp_facts_observed(facts, HP_TBL_NVIDIA_GPU, address, "complete", err);
}

/* The word that all GPUs agree on; NULL if they do not, or none says it. */
static const char *common_word(const json_t *gpus, const char *key)
{
	const char *common = NULL;
	size_t i;
	json_t *gpu;
	json_array_foreach(gpus, i, gpu)
	{
		const char *word = json_string_value(json_object_get(gpu, key));
		if (!word || (common && strcmp(common, word) != 0))
			return NULL;
		common = word;
	}
	return common;
}

int hp_nvml_put(struct hp_facts *facts, const json_t *answer, struct hp_error *err)
{
	const json_t *gpus = json_object_get(answer, "gpus");
	size_t i;
	json_t *gpu;
	int r = set_fact(facts, "nvidia_driver", NULL, "persistence_mode",
	                 common_word(gpus, "persistence_mode"), err);
	if (r == 0)
		r = set_fact(facts, "nvidia_driver", NULL, "vgpu_host_mode",
		             common_word(gpus, "host_vgpu_mode"), err);
	json_array_foreach(gpus, i, gpu) if (r == 0) r = put_gpu(facts, answer, gpu, err);
	return r;
}

int hp_probe_nvml(struct hp_host *host, struct hp_facts *facts,
                  const struct hp_probe_options *options, struct hp_error *err)
{
	(void)options;
	struct hp_error failure = {0};
	json_t *answer = NULL;
	// Without the driver there is nothing to ask, and looking for it might load it.
	if (hp_host_kind(host) != HP_HOST_LIVE ||
	    hp_host_exists(host, "/proc/driver/nvidia/version") <= 0)
		return 0;
	if (hp_host_level(host) < ASKED_AT)
		return hp_facts_gap(
		    facts, "level", "NVML",
		    "it initialises GPUs that nobody keeps awake: it is asked on level "
		    "2 alone");
	int r = hp_nvml_ask("libnvidia-ml.so.1", DEADLINE_MS, &answer, &failure);
	if (r < 0)
		return hp_facts_gap(facts,
		                    r == -ENOENT  ? "missing-tool"
		                    : r == -ETIME ? "deadline"
		                                  : "unsupported",
		                    "NVML", "%s", failure.message);
	r = hp_nvml_put(facts, answer, err);
	json_decref(answer);
	return r;
}
