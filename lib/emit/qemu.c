// QEMU's options: as a command line, and as its configuration file. What is in them: qemu-shape.c.
// SPDX-License-Identifier: Apache-2.0
#include "emit/qemu.h"

#include "base/cleanup.h"
#include "emit/emitters.h"

#include <stdarg.h>
#include <string.h>

/* Options that a file can hold too: by what section, and what the first value is there. Values of
 * the others are taken as they are; in these a comma is doubled. */
static const struct group {
	const char *option, *section, *first;
} groups[] = {
    {"accel", "accel", "accel"},    {"chardev", "chardev", "backend"},
    {"device", "device", "driver"}, {"drive", "drive", "if"},
    {"fw_cfg", "fw_cfg", "name"},   {"global", "global", "driver"},
    {"m", "memory", "size"},        {"machine", "machine", "type"},
    {"name", "name", "guest"},      {"object", "object", "qom-type"},
    {"smp", "smp-opts", "cpus"},
};

static const struct group *group_of(const char *option)
{
	for (size_t i = 0; i < HP_COUNT(groups); i++)
		if (strcmp(groups[i].option, option) == 0)
			return &groups[i];
	return NULL;
}

// -- collecting --

void hp_qemu_add(struct hp_qemu *qemu, const char *name)
{
	qemu->options = hp_realloc(qemu->options, (qemu->count + 1) * sizeof(*qemu->options));
	qemu->options[qemu->count++] = (struct hp_qemu_option){.name = name};
}

void hp_qemu_set(struct hp_qemu *qemu, const char *key, const char *format, ...)
{
	struct hp_qemu_option *option = &qemu->options[qemu->count - 1];
	char *value = NULL;
	va_list arguments;
	va_start(arguments, format);
	if (vasprintf(&value, format, arguments) < 0)
		value = hp_strdup("");
	va_end(arguments);
	option->settings =
	    hp_realloc(option->settings, (option->count + 1) * sizeof(*option->settings));
	option->settings[option->count++] =
	    (struct hp_qemu_setting){key ? hp_strdup(key) : NULL, value};
}

void hp_qemu_finish(struct hp_qemu *qemu)
{
	for (size_t i = 0; i < qemu->count; i++) {
		for (size_t k = 0; k < qemu->options[i].count; k++) {
			free(qemu->options[i].settings[k].key);
			free(qemu->options[i].settings[k].value);
		}
		free(qemu->options[i].settings);
	}
	free(qemu->options);
	*qemu = (struct hp_qemu){0};
}

// -- the command line --

static void add_value(struct hp_text *text, const char *value, bool doubled)
{
	for (const char *at = value; *at; at++)
		hp_text_add(text, doubled && *at == ',' ? ",," : at, doubled && *at == ',' ? 2 : 1);
}

static void add_option(struct hp_argv *argv, const struct hp_qemu_option *option)
{
	bool doubled = group_of(option->name) != NULL;
	hp_cleanup_text struct hp_text word = {0};
	for (size_t i = 0; i < option->count; i++) {
		const struct hp_qemu_setting *setting = &option->settings[i];
		if (i)
			hp_text_puts(&word, ",");
		if (setting->key)
			hp_text_printf(&word, "%s=", setting->key);
		add_value(&word, setting->value, doubled);
	}
	hp_argv_addf(argv, "-%s", option->name);
	if (option->count)
		hp_argv_add(argv, hp_text_get(&word));
}

void hp_qemu_argv(const struct hp_qemu *qemu, struct hp_argv *ret)
{
	hp_argv_add(ret, qemu->program);
	for (size_t i = 0; i < qemu->count; i++)
		add_option(ret, &qemu->options[i]);
}

static void emit_argv(const struct hp_qemu *qemu, struct hp_text *text)
{
	hp_cleanup_argv struct hp_argv argv = {0};
	hp_qemu_argv(qemu, &argv);
	hp_argv_text(text, &argv);
}

// -- the file --

/* The file knows no escapes, lines of 1023 bytes and names of 63 (QEMU's util/qemu-config.c). */
static bool fits_file(const char *value)
{
	return !strpbrk(value, "\"\n") && strlen(value) < 900;
}

static const char *id_of(const struct hp_qemu_option *option)
{
	for (size_t i = 0; i < option->count; i++)
		if (option->settings[i].key && strcmp(option->settings[i].key, "id") == 0)
			return option->settings[i].value;
	return NULL;
}

/* A list is written item by item in a file, and in one piece on the command line. */
static const char *key_in_file(const struct hp_qemu_setting *setting, const struct group *group)
{
	const char *key = setting->key ? setting->key : group->first;
	return strcmp(key, "host-nodes") == 0 ? "host-nodes.0" : key;
}

static void emit_section(const struct hp_qemu_option *option, const struct group *group,
                         struct hp_emission *to)
{
	const char *id = id_of(option);
	struct hp_text *text = &to->text;
	hp_text_printf(text, id ? "\n[%s \"%s\"]\n" : "\n[%s]\n", group->section, id);
	for (size_t i = 0; i < option->count; i++) {
		const struct hp_qemu_setting *setting = &option->settings[i];
		if (setting->value == id)
			continue;
		if (!fits_file(setting->value))
			hp_refuse(to, NULL, "QEMU's configuration file cannot hold the value %s",
			          setting->value);
		hp_text_printf(text, "  %s = \"%s\"\n", key_in_file(setting, group),
		               setting->value);
	}
}

/* What a file cannot say is said by the command that reads it, in its first lines. */
static void emit_command(const struct hp_qemu *qemu, struct hp_text *text)
{
	hp_cleanup_argv struct hp_argv argv = {0};
	hp_cleanup_text struct hp_text command = {0};
	hp_argv_add(&argv, qemu->program);
	for (size_t i = 0; i < qemu->count; i++)
		if (!group_of(qemu->options[i].name))
			add_option(&argv, &qemu->options[i]);
	hp_argv_add(&argv, "-readconfig");
	hp_argv_add(&argv, "THIS-FILE");
	hp_argv_text(&command, &argv);
	char *rest = command.data;
	for (char *line; (line = hp_next_line(&rest));)
		hp_text_printf(text, "# %s\n", line);
}

static void emit_file(const struct hp_qemu *qemu, struct hp_emission *to)
{
	emit_command(qemu, &to->text);
	for (size_t i = 0; i < qemu->count; i++) {
		const struct group *group = group_of(qemu->options[i].name);
		if (group)
			emit_section(&qemu->options[i], group, to);
	}
}

int hp_emit_qemu(const struct hp_emit *emit, struct hp_emission *to, struct hp_error *err)
{
	(void)err;
	struct hp_qemu qemu = {0};
	hp_qemu_shape(emit, to, &qemu);
	if (!to->refusal && strcmp(emit->variant, "readconfig") == 0)
		emit_file(&qemu, to);
	else if (!to->refusal)
		emit_argv(&qemu, &to->text);
	hp_qemu_finish(&qemu);
	return 0;
}
