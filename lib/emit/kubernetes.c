// Kubernetes: a pod with the devices, by a device plugin or by a claim; the runtime class; the
// device plugin's configuration. SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "emit/container.h"
#include "emit/emitters.h"
#include "emit/kube.h"
#include "emit/nodes.h"

#include <string.h>

/* Written as YAML; an object for each of `documents`. */
static int take(struct hp_emission *to, json_t *document, bool documents)
{
	to->document = document;
	to->documents = documents;
	to->yaml = true;
	return 0;
}

static bool is_share(const struct hp_emit *emit, const char *share)
{
	return strcmp(emit->surface->share, share) == 0;
}

// -- the pod --

static int write_pod(const struct hp_emit *emit, struct hp_emission *to)
{
	hp_cleanup_free char *resource = hp_kube_resource(emit, emit->devices);
	if (!resource)
		return hp_refuse(to, NULL,
		                 "what a device plugin calls %s depends on its own configuration",
		                 emit->devices->address);
	json_t *spec, *container;
	json_t *pod = hp_kube_pod(emit, to, &spec, &container);
	size_t count = hp_kube_count(emit, resource, hp_kube_resource);
	if (count < emit->count)
		hp_note(to, "of %zu devices %zu are %s: the others need a pod of their own",
		        emit->count, count, resource);
	// A quantity of Kubernetes is a word; limits alone are requests too.
	json_object_set_new(container, "resources",
	                    json_pack("{s:{s:o}}", "limits", resource, json_sprintf("%zu", count)));
	hp_kube_pin(emit, to, spec);
	if (count < emit->host->accelerator_count && emit->wish->gpus)
		hp_note(to,
		        "a device plugin chooses which of the node's devices a pod gets; a claim "
		        "(kubernetes:dra) can name them");
	return take(to, pod, false);
}

// -- the runtime class --

/* NVIDIA/k8s-device-plugin:README.md; with CDI on in the container runtime it is not needed. */
static int write_runtime_class(const struct hp_emit *emit, struct hp_emission *to)
{
	if (!hp_emit_is_nvidia(emit->devices))
		return hp_refuse(
		    to, NULL,
		    "devices of this vendor need no runtime class: their device plugin "
		    "hands over nodes");
	json_t *class = hp_kube_object("node.k8s.io/v1", "RuntimeClass", "nvidia", NULL);
	json_object_set_new(class, "handler", json_string("nvidia"));
	hp_note(to, "the handler nvidia must be in the container runtime's configuration: see "
	            "`happypath emit containerd`");
	return take(to, class, false);
}

// -- NVIDIA's device plugin --

enum { REPLICAS = 4 };

static json_t *sharing_json(const char *how)
{
	return json_pack("{s:{s:[{s:s, s:i}]}}", how, "resources", "name", "nvidia.com/gpu",
	                 "replicas", REPLICAS);
}

/* NVIDIA/k8s-device-plugin:README.md, "As a configuration file". */
static int write_device_plugin(const struct hp_emit *emit, struct hp_emission *to)
{
	if (!hp_emit_is_nvidia(emit->devices))
		return hp_refuse(to, NULL,
		                 "the device plugin of this vendor reads no configuration file");
	json_t *config = json_pack("{s:s, s:{s:s, s:b}}", "version", "v1", "flags", "migStrategy",
	                           is_share(emit, "mig") ? "mixed" : "none", "failOnInitError", 1);
	if (is_share(emit, "time-slice"))
		json_object_set_new(config, "sharing", sharing_json("timeSlicing"));
	if (is_share(emit, "mps"))
		json_object_set_new(config, "sharing", sharing_json("mps"));
	if (json_object_get(config, "sharing"))
		hp_note(to, "each GPU is offered %d times: that number is yours to choose",
		        REPLICAS);
	return take(to, config, false);
}

// -- dynamic resource allocation --

/* The device classes that the vendors' DRA drivers come with. */
static const struct {
	const char *vendor, *kind, *share, *class;
} classes[] = {
    {"10de", "gpu", "whole", "gpu.nvidia.com"}, // kubernetes-sigs/dra-driver-nvidia-gpu:
    {"10de", "gpu", "mig", "mig.nvidia.com"},   // demo/specs/quickstart
    {"1002", "gpu", "whole", "gpu.amd.com"},    // ROCm/k8s-gpu-dra-driver:README.md
    {"1002", "gpu", "partition", "gpu.amd.com"},
    {"8086", "gpu", "whole", "gpu.intel.com"}, // intel/intel-resource-drivers-for-kubernetes:
    {"8086", "gpu", "vf", "gpu.intel.com"},    // doc/gpu/USAGE.md
    {"1da3", "ai", "whole", "gaudi.intel.com"},
};

static const char *class_of(const struct hp_emit *emit)
{
	const struct hp_accelerator *accelerator = emit->devices->accelerator;
	for (size_t i = 0; i < HP_COUNT(classes); i++)
		if (accelerator->vendor && strcmp(classes[i].vendor, accelerator->vendor) == 0 &&
		    accelerator->kind && strcmp(classes[i].kind, accelerator->kind) == 0 &&
		    is_share(emit, classes[i].share))
			return classes[i].class;
	return NULL;
}

/* A word within a CEL string: what comes from a host must not end it. */
static char *cel_word(const char *word)
{
	hp_cleanup_text struct hp_text text = {0};
	for (; *word; word++) {
		if (*word == '\'' || *word == '\\')
			hp_text_puts(&text, "\\");
		hp_text_add(&text, word, 1);
	}
	return hp_strdup(hp_text_get(&text));
}

/* What the claim asks of a device beside its class. NULL: nothing. */
static char *selector(const struct hp_emit *emit)
{
	if (is_share(emit, "mig") && emit->devices->type) {
		hp_cleanup_free char *profile = cel_word(emit->devices->type);
		return hp_asprintf("device.attributes['gpu.nvidia.com'].profile == '%s'", profile);
	}
	if (!emit->wish->gpus)
		return NULL;
	hp_cleanup_text struct hp_text list = {0};
	for (size_t i = 0; i < emit->count; i++)
		hp_text_printf(&list, "%s'%s'", i ? ", " : "", emit->devices[i].address);
	return hp_asprintf("device.attributes['resource.kubernetes.io'].pciBusID in [%s]",
	                   hp_text_get(&list));
}

static json_t *claim_template(const struct hp_emit *emit, const char *class)
{
	hp_cleanup_free char *expression = selector(emit);
	json_t *exactly = json_pack("{s:s, s:s, s:I}", "deviceClassName", class, "allocationMode",
	                            "ExactCount", "count", (json_int_t)emit->count);
	if (expression)
		json_object_set_new(exactly, "selectors",
		                    json_pack("[{s:{s:s}}]", "cel", "expression", expression));
	return hp_kube_object("resource.k8s.io/v1", "ResourceClaimTemplate", emit->name,
	                      json_pack("{s:{s:{s:[{s:s, s:o}]}}}", "spec", "devices", "requests",
	                                "name", "gpu", "exactly", exactly));
}

static json_t *claiming_pod(const struct hp_emit *emit, struct hp_emission *to)
{
	hp_cleanup_free char *name = hp_kube_name(emit->name);
	json_t *spec, *container;
	json_t *pod = hp_kube_pod(emit, to, &spec, &container);
	json_object_set_new(container, "resources",
	                    json_pack("{s:[{s:s}]}", "claims", "name", "gpu"));
	json_object_set_new(
	    spec, "resourceClaims",
	    json_pack("[{s:s, s:s}]", "name", "gpu", "resourceClaimTemplateName", name));
	hp_kube_pin(emit, to, spec);
	return pod;
}

/* resource.k8s.io/v1 is served since Kubernetes 1.34; before, DRA is a beta that is off. */
static bool is_before_dra(const struct hp_emit *emit)
{
	return hp_emit_is_before(emit, "kubelet", "1.34") == 1 ||
	       hp_emit_is_before(emit, "kubernetes", "1.34") == 1;
}

static int write_dra(const struct hp_emit *emit, struct hp_emission *to)
{
	const char *class = class_of(emit);
	if (!class)
		return hp_refuse(to, NULL, "no DRA driver is known that offers %s of this device",
		                 emit->surface->share);
	if (is_before_dra(emit))
		return hp_refuse(
		    to, "https://kubernetes.io/blog/2025/09/01/kubernetes-v1-34-dra-updates/",
		    "this node's Kubernetes is older than 1.34: resource.k8s.io/v1 is not "
		    "served, and what came before is a beta that is off");
	return take(to, json_pack("[o, o]", claim_template(emit, class), claiming_pod(emit, to)),
	            true);
}

// -- which --

static const struct {
	const char *form;
	int (*write)(const struct hp_emit *emit, struct hp_emission *to);
} forms[] = {
    {"pod", write_pod},
    {"runtimeclass", write_runtime_class},
    {"device-plugin", write_device_plugin},
    {"dra", write_dra},
};

int hp_emit_kubernetes(const struct hp_emit *emit, struct hp_emission *to, struct hp_error *err)
{
	(void)err;
	for (size_t i = 0; i < HP_COUNT(forms); i++)
		if (strcmp(forms[i].form, emit->variant) == 0)
			return forms[i].write(emit, to);
	return 0;
}
