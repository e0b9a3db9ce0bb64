// What Kubernetes' objects have in common. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "emit/emit.h"

/* The word as a name of Kubernetes (RFC 1123: a-z, 0-9 and '-'); what is neither becomes '-'. A new
 * string. */
char *hp_kube_name(const char *word);
/* {apiVersion, kind, metadata: {name}}; takes over `spec`, which may be NULL. */
json_t *hp_kube_object(const char *version, const char *kind, const char *name, json_t *spec);
/* A Pod with one container, of the wish's name and image. Both are new references, which the caller
 * fills: `ret_container` is borrowed from the pod. */
json_t *hp_kube_pod(const struct hp_emit *emit, struct hp_emission *to, json_t **ret_spec,
                    json_t **ret_container);
/* Runs it on this host, if its name can be a label's value. */
void hp_kube_pin(const struct hp_emit *emit, struct hp_emission *to, json_t *spec);

/* The extended resource by which a device plugin offers the device; NULL if none is known for it or
 * its name depends on what is not a fact. A new string. */
char *hp_kube_resource(const struct hp_emit *emit, const struct hp_emit_device *device);
/* What the driver calls the device's vGPU type ("NVIDIA A2-4Q"), NULL if it was not seen. */
char *hp_kube_type_name(const struct hp_emit *emit, const struct hp_emit_device *device);
/* A name for a device that is passed to a VM. A new string. */
char *hp_kube_vm_resource(const struct hp_emit *emit, const struct hp_emit_device *device);
/* How many of the devices have that resource. */
size_t hp_kube_count(const struct hp_emit *emit, const char *resource,
                     char *(*resource_of)(const struct hp_emit *emit,
                                          const struct hp_emit_device *device));
