// The formats. SPDX-License-Identifier: Apache-2.0
#include "emit/emitters.h"

#include <string.h>

#define QEMU "qemu-vfio qemu-vgpu"

const struct hp_emitter hp_emitters[] = {
    {.name = "cdi",
     .title = "CDI: the device nodes that a container gets",
     .surfaces = "container kubernetes kubernetes-dra kata " QEMU " cloud-hypervisor",
     .variants = "yaml json",
     .file = "/etc/cdi/happypath.yaml",
     .emit = hp_emit_cdi},
    {.name = "docker",
     .title = "Docker: a container with the devices",
     .surfaces = "container",
     .variants = "compose run",
     .file = "compose.yaml",
     .emit = hp_emit_docker},
    {.name = "firecracker",
     .title = "Firecracker's API: no release passes devices through",
     .surfaces = "firecracker",
     .variants = "json",
     .file = "vm_config.json",
     .emit = hp_emit_firecracker},
    {.name = "modprobe",
     .title = "modprobe.d: VFIO takes the devices before their driver does",
     .surfaces = QEMU " cloud-hypervisor custom-vmm crosvm kvmtool",
     .variants = "conf",
     .file = "/etc/modprobe.d/happypath-vfio.conf",
     .emit = hp_emit_modprobe},
    {.name = "podman",
     .title = "Podman: a container with the devices",
     .surfaces = "container",
     .variants = "run quadlet",
     .file = "/etc/containers/systemd/happypath.container",
     .emit = hp_emit_podman},
    {.name = "qemu",
     .title = "QEMU: a guest of the tuned shape, with the devices behind root ports",
     .surfaces = QEMU,
     .variants = "argv readconfig",
     .file = "guest.sh, or guest.cfg",
     .emit = hp_emit_qemu},
    {0},
};

const struct hp_emitter *hp_emitter_find(const char *name)
{
	for (const struct hp_emitter *at = hp_emitters; at->name; at++)
		if (strcmp(at->name, name) == 0)
			return at;
	return NULL;
}
