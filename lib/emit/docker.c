// Docker: a container with the devices, as Compose or as a command.
// SPDX-License-Identifier: Apache-2.0
//
// NVIDIA's boards go by the runtime's own request (https://docs.docker.com/compose/gpu-support,
// `--gpus`), which brings the libraries; everyone else's by their device nodes.
#include "base/cleanup.h"
#include "emit/argv.h"
#include "emit/container.h"
#include "emit/emitters.h"
#include "emit/nodes.h"

#include <string.h>

/* The names of the devices, as NVIDIA's runtime takes them. */
static json_t *nvidia_names(const struct hp_emit *emit, struct hp_emission *to)
{
	json_t *names = json_array();
	for (size_t i = 0; i < emit->count; i++) {
		hp_cleanup_free char *name = hp_emit_nvidia_name(emit, to, &emit->devices[i]);
		json_array_append_new(names, json_string(name));
	}
	return names;
}

/* Groups are told by number: an image need not know the host's names, and we do not know the
 * numbers. */
static void note_groups(const struct hp_emit *emit, struct hp_emission *to, const json_t *nodes)
{
	size_t i;
	json_t *path;
	json_array_foreach(nodes, i, path)
	{
		hp_cleanup_free char *owner = hp_emit_text(
		    emit, "SELECT owner FROM device_node WHERE host = ?1 AND path = ?2",
		    json_string_value(path));
		const char *group = owner ? strchr(owner, ':') : NULL;
		if (group && strcmp(group, ":root") != 0)
			hp_note(to,
			        "nodes belong to the group %s of the host: a container that does "
			        "not run as root needs --group-add with its number",
			        group + 1);
	}
}

// -- Compose --

/* Compose replaces $NAME by variables, and takes $$ for a dollar. */
static json_t *compose_service(const char *image)
{
	hp_cleanup_free char *word = hp_emit_doubled(image, '$');
	return json_pack("{s:s}", "image", word);
}

/* Compose asks for the capabilities; without them it fails. */
static void compose_nvidia(json_t *service, json_t *names)
{
	json_object_set_new(service, "deploy",
	                    json_pack("{s:{s:{s:[{s:s, s:o, s:[s]}]}}}", "resources",
	                              "reservations", "devices", "driver", "nvidia", "device_ids",
	                              names, "capabilities", "gpu"));
}

static void compose_nodes(json_t *service, const json_t *nodes)
{
	json_t *devices = json_array();
	size_t i;
	json_t *path;
	json_array_foreach(nodes, i, path)
	{
		const char *node = json_string_value(path);
		json_array_append_new(devices, json_sprintf("%s:%s", node, node));
	}
	json_object_set_new(service, "devices", devices);
}

static void write_compose(const struct hp_emit *emit, struct hp_emission *to, json_t *names,
                          const json_t *nodes)
{
	json_t *service = compose_service(hp_emit_image(emit, to));
	if (names)
		compose_nvidia(service, json_incref(names));
	else
		compose_nodes(service, nodes);
	to->document = json_pack("{s:{s:o}}", "services", emit->name, service);
	to->yaml = true;
}

// -- the command --

/* The value is CSV by itself, so a list stands in quotes: --gpus '"device=0,1"'. */
static void run_nvidia(struct hp_argv *argv, const json_t *names)
{
	hp_cleanup_text struct hp_text list = {0};
	size_t i;
	json_t *name;
	json_array_foreach(names, i, name)
	    hp_text_printf(&list, "%s%s", i ? "," : "", json_string_value(name));
	hp_argv_addf(argv, "--gpus");
	hp_argv_addf(argv, "\"device=%s\"", hp_text_get(&list));
}

static void run_nodes(struct hp_argv *argv, const json_t *nodes)
{
	size_t i;
	json_t *path;
	json_array_foreach(nodes, i, path)
	    hp_argv_addf(argv, "--device=%s", json_string_value(path));
}

static void write_run(const struct hp_emit *emit, struct hp_emission *to, const json_t *names,
                      const json_t *nodes)
{
	hp_cleanup_argv struct hp_argv argv = {0};
	hp_argv_add(&argv, "docker");
	hp_argv_add(&argv, "run");
	hp_argv_add(&argv, "--rm");
	hp_argv_addf(&argv, "--name=%s", emit->name);
	if (names)
		run_nvidia(&argv, names);
	else
		run_nodes(&argv, nodes);
	hp_argv_add(&argv, hp_emit_image(emit, to));
	hp_argv_text(&to->text, &argv);
}

int hp_emit_docker(const struct hp_emit *emit, struct hp_emission *to, struct hp_error *err)
{
	(void)err;
	if (!hp_emit_container_share(emit, to))
		return 0;
	bool nvidia = hp_emit_is_nvidia(emit->devices);
	json_t *names = nvidia ? nvidia_names(emit, to) : NULL;
	json_t *nodes = nvidia ? NULL : hp_emit_nodes_all(emit, to);
	if (nodes)
		note_groups(emit, to, nodes);
	if (!names && !nodes)
		return 0;
	if (strcmp(emit->variant, "compose") == 0)
		write_compose(emit, to, names, nodes);
	else
		write_run(emit, to, names, nodes);
	json_decref(names);
	json_decref(nodes);
	return 0;
}
