// What Kubernetes' objects have in common. SPDX-License-Identifier: Apache-2.0
#include "emit/kube.h"

#include "base/cleanup.h"
#include "emit/container.h"
#include "emit/nodes.h"

#include <ctype.h>
#include <string.h>

char *hp_kube_name(const char *word)
{
	char *name = hp_strndup(word, 63), *start = name;
	for (char *at = name; *at; at++)
		*at = isalnum((unsigned char)*at) ? (char)tolower((unsigned char)*at) : '-';
	while (*start == '-')
		start++;
	for (size_t length = strlen(start); length && start[length - 1] == '-'; length--)
		start[length - 1] = '\0';
	char *ret = hp_strdup(*start ? start : "happypath");
	free(name);
	return ret;
}

json_t *hp_kube_object(const char *version, const char *kind, const char *name, json_t *spec)
{
	hp_cleanup_free char *valid = hp_kube_name(name);
	return json_pack("{s:s, s:s, s:{s:s}, s:o*}", "apiVersion", version, "kind", kind,
	                 "metadata", "name", valid, "spec", spec);
}

json_t *hp_kube_pod(const struct hp_emit *emit, struct hp_emission *to, json_t **ret_spec,
                    json_t **ret_container)
{
	hp_cleanup_free char *name = hp_kube_name(emit->name);
	*ret_container = json_pack("{s:s, s:s}", "name", name, "image", hp_emit_image(emit, to));
	*ret_spec = json_pack("{s:[o]}", "containers", *ret_container);
	return hp_kube_object("v1", "Pod", emit->name, *ret_spec);
}

/* A label's value: up to 63 of letters, digits, '-', '_' and '.', alphanumeric at both ends. */
static bool is_label(const char *value)
{
	size_t length = strlen(value);
	if (!length || length > 63 || !isalnum((unsigned char)value[0]) ||
	    !isalnum((unsigned char)value[length - 1]))
		return false;
	for (const char *at = value; *at; at++)
		if (!isalnum((unsigned char)*at) && !strchr("-_.", *at))
			return false;
	return true;
}

void hp_kube_pin(const struct hp_emit *emit, struct hp_emission *to, json_t *spec)
{
	const char *node = emit->host->name;
	if (is_label(node))
		json_object_set_new(spec, "nodeSelector",
		                    json_pack("{s:s}", "kubernetes.io/hostname", node));
	else
		hp_note(to, "'%s' is no name of a node: nothing ties the pod to this host", node);
}

// -- resources --

/* What each vendor's device plugin calls a whole device. `driver` as it is bound, NULL: any. */
static const struct {
	const char *vendor, *kind, *driver, *resource;
} resources[] = {
    {"10de", "gpu", NULL, "nvidia.com/gpu"},       // NVIDIA/k8s-device-plugin:README.md
    {"1002", "gpu", NULL, "amd.com/gpu"},          // ROCm/k8s-device-plugin:README.md
    {"8086", "gpu", "i915", "gpu.intel.com/i915"}, // intel/intel-device-plugins-for-kubernetes:
    {"8086", "gpu", "xe", "gpu.intel.com/xe"},     // cmd/gpu_plugin/README.md
    {"1da3", "ai", NULL, "habana.ai/gaudi"},       // docs.habana.ai: Kubernetes device plugin
    {"1d0f", "ai", NULL, "aws.amazon.com/neuron"}, // awsdocs-neuron: containers/kubernetes
    {"17cb", "ai", NULL, "qualcomm.com/qaic"},     // quic/cloud-ai-sdk: Kubernetes
};

static bool is_same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

/* With the strategy "mixed", slices go by their profile (NVIDIA/k8s-device-plugin:README.md); what
 * is in a profile besides a-z, 0-9 and '.' is written with dots ("1g.10gb+me" is .me). */
static char *mig_resource(const char *profile)
{
	char *resource = hp_asprintf("nvidia.com/mig-%s", profile);
	for (char *at = resource; *at; at++)
		if (*at == '+')
			*at = '.';
	return resource;
}

char *hp_kube_resource(const struct hp_emit *emit, const struct hp_emit_device *device)
{
	const struct hp_accelerator *accelerator = device->accelerator;
	hp_cleanup_free char *strategy =
	    hp_emit_text(emit, "SELECT mig_strategy FROM kubernetes_node WHERE host = ?1", NULL);
	if (strcmp(emit->surface->share, "mig") == 0 && device->type &&
	    !is_same(strategy, "single"))
		return mig_resource(device->type);
	for (size_t i = 0; i < HP_COUNT(resources); i++)
		if (is_same(resources[i].vendor, accelerator->vendor) &&
		    is_same(resources[i].kind, accelerator->kind) &&
		    (!resources[i].driver || is_same(resources[i].driver, accelerator->driver)))
			return hp_strdup(resources[i].resource);
	return NULL;
}

/* Vendors' domains; who has none here gets ours. */
static const char *domain_of(const char *vendor)
{
	static const struct {
		const char *vendor, *domain;
	} domains[] = {{"10de", "nvidia.com"}, {"1002", "amd.com"}, {"8086", "intel.com"}};
	for (size_t i = 0; i < HP_COUNT(domains); i++)
		if (is_same(domains[i].vendor, vendor))
			return domains[i].domain;
	return "happypath.io";
}

char *hp_kube_type_name(const struct hp_emit *emit, const struct hp_emit_device *device)
{
	if (!device->type)
		return NULL;
	return hp_emit_text(emit, "SELECT MIN(name) FROM vgpu_type WHERE host = ?1 AND type = ?2",
	                    device->type);
}

/* The name of the board, or of the vGPU's type ("NVIDIA A2-4Q"), with '_' for what a resource's
 * name cannot hold, as the documents of KubeVirt and NVIDIA form it. */
char *hp_kube_vm_resource(const struct hp_emit *emit, const struct hp_emit_device *device)
{
	hp_cleanup_free char *type = hp_kube_type_name(emit, device);
	const struct hp_accelerator *accelerator = device->accelerator;
	const char *name = type                  ? type
	                   : device->type        ? device->type
	                   : accelerator->name   ? accelerator->name
	                   : accelerator->device ? accelerator->device
	                                         : "unknown";
	if (!device->type && hp_starts_with(name, "NVIDIA "))
		name += strlen("NVIDIA ");
	char *resource = hp_asprintf("%s/%.60s", domain_of(accelerator->vendor), name);
	for (char *at = strchr(resource, '/') + 1; *at; at++)
		if (!isalnum((unsigned char)*at) && *at != '-')
			*at = '_';
	return resource;
}

size_t hp_kube_count(const struct hp_emit *emit, const char *resource,
                     char *(*resource_of)(const struct hp_emit *emit,
                                          const struct hp_emit_device *device))
{
	size_t count = 0;
	for (size_t i = 0; i < emit->count; i++) {
		hp_cleanup_free char *other = resource_of(emit, &emit->devices[i]);
		count += other && strcmp(other, resource) == 0;
	}
	return count;
}
