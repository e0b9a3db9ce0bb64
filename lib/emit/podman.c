// Podman: a container with the devices, as a command or as a unit of Quadlet.
// SPDX-License-Identifier: Apache-2.0
//
// NVIDIA's boards go by the names that nvidia-ctk's CDI file gives them
// (containers/podman:docs/source/markdown/options/device.md), everyone else's by their nodes.
#include "base/cleanup.h"
#include "emit/argv.h"
#include "emit/container.h"
#include "emit/emitters.h"
#include "emit/nodes.h"

#include <ctype.h>
#include <string.h>

/* What --device and AddDevice= take. NULL: refused. */
static json_t *find_devices(const struct hp_emit *emit, struct hp_emission *to)
{
	if (!hp_emit_is_nvidia(emit->devices))
		return hp_emit_nodes_all(emit, to);
	json_t *names = json_array();
	for (size_t i = 0; i < emit->count; i++) {
		hp_cleanup_free char *name = hp_emit_nvidia_name(emit, to, &emit->devices[i]);
		json_array_append_new(names, json_sprintf("nvidia.com/gpu=%s", name));
	}
	hp_note(to, "the names are those of `nvidia-ctk cdi generate`'s file, which must be there");
	return names;
}

/* SELinux keeps a container from device nodes unless they carry a label that it may use. */
static bool is_labelled(const struct hp_emit *emit)
{
	hp_cleanup_free char *selinux =
	    hp_emit_text(emit, "SELECT selinux FROM machine WHERE host = ?1", NULL);
	return selinux && (strcmp(selinux, "enforcing") == 0 || strcmp(selinux, "permissive") == 0);
}

// -- the command --

static void write_run(const struct hp_emit *emit, struct hp_emission *to, const json_t *devices)
{
	hp_cleanup_argv struct hp_argv argv = {0};
	hp_argv_add(&argv, "podman");
	hp_argv_add(&argv, "run");
	hp_argv_add(&argv, "--rm");
	hp_argv_addf(&argv, "--name=%s", emit->name);
	size_t i;
	json_t *device;
	json_array_foreach(devices, i, device)
	    hp_argv_addf(&argv, "--device=%s", json_string_value(device));
	if (!hp_emit_is_nvidia(emit->devices))
		hp_argv_add(&argv, "--group-add=keep-groups");
	if (is_labelled(emit))
		hp_argv_add(&argv, "--security-opt=label=disable");
	hp_argv_add(&argv, hp_emit_image(emit, to));
	hp_argv_text(&to->text, &argv);
}

// -- Quadlet --

/* A value of a unit: % is systemd's own, and a line is a line. */
static void write_value(struct hp_text *unit, const char *key, const char *value)
{
	hp_cleanup_free char *doubled = hp_emit_doubled(value, '%');
	hp_one_line(doubled);
	hp_text_printf(unit, "%s=%s\n", key, doubled);
}

/* Quadlet came with Podman 4.4. */
static void write_quadlet(const struct hp_emit *emit, struct hp_emission *to, const json_t *devices)
{
	struct hp_text *unit = &to->text;
	hp_text_puts(unit, "[Unit]\n");
	write_value(unit, "Description", emit->name);
	hp_text_puts(unit, "\n[Container]\n");
	write_value(unit, "ContainerName", emit->name);
	write_value(unit, "Image", hp_emit_image(emit, to));
	size_t i;
	json_t *device;
	json_array_foreach(devices, i, device)
	    write_value(unit, "AddDevice", json_string_value(device));
	if (!hp_emit_is_nvidia(emit->devices))
		write_value(unit, "PodmanArgs", "--group-add=keep-groups");
	if (is_labelled(emit))
		write_value(unit, "SecurityLabelDisable", "true");
	hp_text_puts(unit, "\n[Install]\nWantedBy=multi-user.target\n");
	hp_note(to, "Quadlet reads it from Podman 4.4 on, after `systemctl daemon-reload`");
}

int hp_emit_podman(const struct hp_emit *emit, struct hp_emission *to, struct hp_error *err)
{
	(void)err;
	if (!hp_emit_container_share(emit, to))
		return 0;
	json_t *devices = find_devices(emit, to);
	if (!devices)
		return 0;
	if (strcmp(emit->variant, "quadlet") == 0)
		write_quadlet(emit, to, devices);
	else
		write_run(emit, to, devices);
	json_decref(devices);
	return 0;
}
