// A libnvidia-ml.so.1 that answers, fails, hangs, crashes and lies as FAKE_NVML says.
// SPDX-License-Identifier: Apache-2.0
//
// FAKE_NVML is a list of words:
//   gpus=N          how many GPUs there are, at 0000:01:00.0, 0000:02:00.0 … (default 2)
//   fail=N          nvmlInit_v2 returns N       hang            nvmlInit_v2 never returns
//   crash           nvmlInit_v2 faults          noise           prints on stdout and stderr
//   mig=0|1|3       MIG off, on (with instances 3 and 4 on the first GPU), not supported
//   mig-pending=0|1 after the next reset (default 1)
//   cc=off|on|devtools|ppcie|none
//   lie             values outside of the interface, texts without an end, a million GPUs
// FAKE_NVML_LOG names a file that each init and shutdown is added to.
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

enum { SUCCESS = 0, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3 };

static const char *word(const char *name)
{
	const char *words = getenv("FAKE_NVML");
	size_t length = strlen(name);
	for (const char *at = words ? words : ""; *at; at += strcspn(at, " "), at += *at == ' ')
		if (strncmp(at, name, length) == 0 &&
		    (at[length] == '=' || at[length] == ' ' || !at[length]))
			return at + length + (at[length] == '=');
	return NULL;
}

static int number(const char *name, int otherwise)
{
	const char *value = word(name);
	return value ? atoi(value) : otherwise;
}

static bool says(const char *name, const char *value)
{
	const char *found = word(name);
	return found && strncmp(found, value, strlen(value)) == 0;
}

static bool lies(void)
{
	return word("lie") != NULL;
}

static void note(const char *what)
{
	const char *path = getenv("FAKE_NVML_LOG");
	FILE *log = path ? fopen(path, "a") : NULL;
	if (!log)
		return;
	fprintf(log, "%s\n", what);
	fclose(log);
}

EXPORT int nvmlInit_v2(void);
EXPORT int nvmlInit_v2(void)
{
	note("init");
	if (word("noise")) {
		puts("{\"gpus\": [\"noise\"]}");
		fprintf(stderr, "noise\n");
		fflush(stdout);
	}
	if (word("crash"))
		abort();
	while (word("hang"))
		pause();
	return number("fail", SUCCESS);
}

EXPORT int nvmlShutdown(void);
EXPORT int nvmlShutdown(void)
{
	note("shutdown");
	return SUCCESS;
}

EXPORT const char *nvmlErrorString(int result);
EXPORT const char *nvmlErrorString(int result)
{
	return result == 9 ? "Driver Not Loaded" : "Unknown Error";
}

EXPORT int nvmlSystemGetDriverVersion(char *version, unsigned length);
EXPORT int nvmlSystemGetDriverVersion(char *version, unsigned length)
{
	if (lies())
		memset(version, 0xff, length);
	else
		snprintf(version, length, "580.95.05");
	return SUCCESS;
}

EXPORT int nvmlDeviceGetCount_v2(unsigned *count);
EXPORT int nvmlDeviceGetCount_v2(unsigned *count)
{
	*count = lies() && !word("gpus") ? 1000000 : (unsigned)number("gpus", 2);
	return SUCCESS;
}

/* A device's handle is its index and one: never NULL. */
EXPORT int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device);
EXPORT int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device)
{
	if (index >= (unsigned)number("gpus", 2))
		return INVALID_ARGUMENT;
	*device = (char *)NULL + index + 1;
	return SUCCESS;
}

static unsigned index_of(const void *device)
{
	return (unsigned)((const char *)device - (const char *)NULL) - 1;
}

struct pci_info {
	char bus_id_legacy[16];
	unsigned domain, bus, device, device_id, subsystem_id;
	char bus_id[32];
};

EXPORT int nvmlDeviceGetPciInfo_v3(void *device, struct pci_info *info);
EXPORT int nvmlDeviceGetPciInfo_v3(void *device, struct pci_info *info)
{
	memset(info, lies() ? 0xff : 0, sizeof(*info));
	info->domain = 0;
	info->bus = index_of(device) + 1;
	info->device = lies() && index_of(device) == 0 ? 4711 : 0;
	return SUCCESS;
}

EXPORT int nvmlDeviceGetMigMode(void *device, unsigned *current, unsigned *pending);
EXPORT int nvmlDeviceGetMigMode(void *device, unsigned *current, unsigned *pending)
{
	int mode = number("mig", 0);
	(void)device;
	if (mode == NOT_SUPPORTED)
		return NOT_SUPPORTED;
	*current = lies() ? 77 : (unsigned)mode;
	*pending = (unsigned)number("mig-pending", 1);
	return SUCCESS;
}

EXPORT int nvmlDeviceGetEccMode(void *device, int *current, int *pending);
EXPORT int nvmlDeviceGetEccMode(void *device, int *current, int *pending)
{
	(void)device;
	*current = lies() ? -1 : 1;
	*pending = 1;
	return SUCCESS;
}

EXPORT int nvmlDeviceGetPersistenceMode(void *device, int *mode);
EXPORT int nvmlDeviceGetPersistenceMode(void *device, int *mode)
{
	*mode = word("mixed") ? (int)index_of(device) % 2 : 1;
	return SUCCESS;
}

EXPORT int nvmlDeviceGetVbiosVersion(void *device, char *version, unsigned length);
EXPORT int nvmlDeviceGetVbiosVersion(void *device, char *version, unsigned length)
{
	(void)device;
	snprintf(version, length, "96.00.74.00.01");
	return SUCCESS;
}

struct fabric_info {
	unsigned char cluster[16];
	int status;
	unsigned clique;
	unsigned char state;
};

EXPORT int nvmlDeviceGetGpuFabricInfo(void *device, struct fabric_info *info);
EXPORT int nvmlDeviceGetGpuFabricInfo(void *device, struct fabric_info *info)
{
	(void)device;
	info->state = lies() ? 200 : 3;
	return SUCCESS;
}

EXPORT int nvmlDeviceGetHostVgpuMode(void *device, int *mode);
EXPORT int nvmlDeviceGetHostVgpuMode(void *device, int *mode)
{
	(void)device, (void)mode;
	return NOT_SUPPORTED;
}

struct cc_settings {
	unsigned version, environment, feature, devtools, multi_gpu;
};

EXPORT int nvmlSystemGetConfComputeSettings(struct cc_settings *settings);
EXPORT int nvmlSystemGetConfComputeSettings(struct cc_settings *settings)
{
	if (settings->version != (sizeof(*settings) | 1u << 24))
		return INVALID_ARGUMENT;
	if (says("cc", "none"))
		return NOT_SUPPORTED;
	settings->feature = lies() ? 9 : says("cc", "on") || says("cc", "devtools");
	settings->devtools = says("cc", "devtools");
	settings->multi_gpu = says("cc", "ppcie");
	return SUCCESS;
}

struct profile_info {
	unsigned version, id, p2p, slices, instances, multiprocessors, copy_engines, decoders,
	    encoders, jpegs, ofas;
	unsigned long long memory_mb;
	char name[96];
};

EXPORT int nvmlDeviceGetGpuInstanceProfileInfoV(void *device, unsigned profile,
                                                struct profile_info *info);
EXPORT int nvmlDeviceGetGpuInstanceProfileInfoV(void *device, unsigned profile,
                                                struct profile_info *info)
{
	(void)device;
	if (info->version != (sizeof(*info) | 2u << 24))
		return INVALID_ARGUMENT;
	if (profile != 0)
		return NOT_SUPPORTED;
	info->id = 19;
	info->instances = lies() ? 1u << 30 : 7;
	snprintf(info->name, sizeof(info->name), "MIG 1g.10gb");
	return SUCCESS;
}

EXPORT int nvmlDeviceGetGpuInstances(void *device, unsigned profile, void **instances,
                                     unsigned *count);
EXPORT int nvmlDeviceGetGpuInstances(void *device, unsigned profile, void **instances,
                                     unsigned *count)
{
	*count = 0;
	if (profile != 19 || index_of(device) != 0)
		return SUCCESS;
	for (; *count < 2; (*count)++)
		instances[*count] = (char *)NULL + 3 + *count;
	return SUCCESS;
}

struct instance_info {
	void *device;
	unsigned id, profile, start, size;
};

EXPORT int nvmlGpuInstanceGetInfo(void *instance, struct instance_info *info);
EXPORT int nvmlGpuInstanceGetInfo(void *instance, struct instance_info *info)
{
	info->id = (unsigned)((char *)instance - (char *)NULL);
	info->profile = 19;
	info->start = 2 * info->id;
	info->size = 1;
	return SUCCESS;
}
