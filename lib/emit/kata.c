// Kata Containers: its configuration for devices that are there at boot, and a pod.
// SPDX-License-Identifier: Apache-2.0
//
// kata-containers/kata-containers:docs/use-cases/NVIDIA-GPU-passthrough-and-Kata.md,
// src/runtime/config/configuration-qemu-nvidia-gpu.toml.in.
#include "base/cleanup.h"
#include "emit/emitters.h"
#include "emit/kube.h"
#include "emit/nodes.h"

#include <string.h>

/* Cold plug: the guest's firmware lays out the BARs. Hot plug of large ones fails for lack of
 * window. Each device is behind a root port of its own. */
static int write_config(const struct hp_emit *emit, struct hp_emission *to)
{
	hp_text_printf(&to->text,
	               "[hypervisor.qemu]\n"
	               "cold_plug_vfio = \"root-port\"\n"
	               "hot_plug_vfio = \"no-port\"\n"
	               "pcie_root_port = %zu\n"
	               "default_vcpus = %lld\n"
	               "default_memory = %lld\n"
	               "\n[runtime]\n"
	               "vfio_mode = \"guest-kernel\"\n",
	               emit->count, (long long)emit->cpus, (long long)(emit->guest_memory >> 20));
	hp_note(to,
	        "it belongs into the directory config.d beside the configuration of the runtime "
	        "class that is used");
	hp_note(to,
	        "the guest's kernel and image must bring the device's driver: for NVIDIA those of "
	        "configuration-qemu-nvidia-gpu.toml");
	return 0;
}

/* NVIDIA/sandbox-device-plugin offers nvidia.com/pgpu; kata-deploy brings the class. */
static int write_pod(const struct hp_emit *emit, struct hp_emission *to)
{
	if (!hp_emit_is_nvidia(emit->devices))
		return hp_refuse(to, NULL,
		                 "no device plugin is known that hands this vendor's VFIO nodes to "
		                 "Kata: kata:config and cdi say what there is to say");
	json_t *spec, *container;
	json_t *pod = hp_kube_pod(emit, to, &spec, &container);
	json_object_set_new(spec, "runtimeClassName", json_string("kata-qemu-nvidia-gpu"));
	json_object_set_new(
	    container, "resources",
	    json_pack("{s:{s:o}}", "limits", "nvidia.com/pgpu", json_sprintf("%zu", emit->count)));
	hp_kube_pin(emit, to, spec);
	to->document = pod;
	to->yaml = true;
	return 0;
}

int hp_emit_kata(const struct hp_emit *emit, struct hp_emission *to, struct hp_error *err)
{
	(void)err;
	if (emit->devices->way != HP_WAY_VFIO)
		return hp_refuse(to,
		                 "kata-containers/kata-containers:docs/use-cases/"
		                 "NVIDIA-GPU-passthrough-and-Kata.md",
		                 "Kata is told of functions on vfio-pci: %s is none",
		                 emit->devices->address);
	return strcmp(emit->variant, "pod") == 0 ? write_pod(emit, to) : write_config(emit, to);
}
