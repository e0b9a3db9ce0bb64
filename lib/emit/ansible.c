// Ansible: the verdict as local facts of the host, ansible_local.happypath.
// SPDX-License-Identifier: Apache-2.0
//
// ansible/ansible-documentation: playbook_guide/playbooks_vars_facts.rst, "Adding custom facts":
// a file that is not executable and ends in .fact is read as JSON.
#include "emit/emitters.h"

static json_t *offers_json(const struct hp_accelerator *accelerator)
{
	json_t *surfaces = json_object();
	for (size_t i = 0; i < accelerator->offer_count; i++) {
		const struct hp_offer *offer = &accelerator->offers[i];
		const char *name = offer->surface->surface;
		if (!json_object_get(surfaces, name))
			json_object_set_new(surfaces, name, json_object());
		json_object_set_new(json_object_get(surfaces, name), offer->surface->share,
		                    json_pack("{s:s, s:s, s:s}", "path", hp_path_name(offer->path),
		                              "readiness", hp_readiness_name(offer->readiness),
		                              "distance", hp_distance_name(offer->distance)));
	}
	return surfaces;
}

static json_t *accelerator_json(const struct hp_accelerator *accelerator)
{
	return json_pack(
	    "{s:s, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:o}", "address", accelerator->address,
	    "kind", accelerator->kind, "vendor", accelerator->vendor, "device", accelerator->device,
	    "name", accelerator->name, "model", accelerator->model, "driver", accelerator->driver,
	    "iommu_group", accelerator->iommu_group, "offers", offers_json(accelerator));
}

int hp_emit_ansible(const struct hp_emit *emit, struct hp_emission *to, struct hp_error *err)
{
	(void)err;
	json_array_clear(to->notes); // of how far each offer is the facts tell
	json_t *accelerators = json_array();
	for (size_t i = 0; i < emit->host->accelerator_count; i++)
		if (!emit->host->accelerators[i].is_vf)
			json_array_append_new(accelerators,
			                      accelerator_json(&emit->host->accelerators[i]));
	to->document =
	    json_pack("{s:s, s:o}", "host", emit->host->name, "accelerators", accelerators);
	return 0;
}
