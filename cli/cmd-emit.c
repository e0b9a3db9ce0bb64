// happypath emit: configuration for the chosen way of attaching. SPDX-License-Identifier:
// Apache-2.0
#include "base/cleanup.h"
#include "base/json.h"
#include "cli.h"
#include "emit/emit.h"

#include <string.h>

static void complain(void *data HP_UNUSED, const char *message)
{
	hp_say("%s", message);
}

// -- the formats --

static const struct hp_column columns[] = {
    {.name = "format", .help = "its name"},
    {.name = "title", .help = "what reads it"},
    {.name = "forms", .help = "FORMAT:FORM; the first is the usual one"},
    {.name = "surfaces", .help = "ways of attaching that it can express", .wide = true},
    {.name = "file", .help = "what such a file is called", .wide = true},
};

static int list_formats(const struct hp_options *options)
{
	struct hp_error error = {0};
	struct hp_table *table = hp_table_new(columns, HP_COUNT(columns));
	for (const struct hp_emitter *at = hp_emitters; at->name; at++)
		hp_table_add(table, (const char *[]){at->name, at->title, at->variants,
		                                     at->surfaces, at->file});
	int code = hp_table_print(table, options->format, "happypath.formats/1", "formats", stdout,
	                          &error);
	hp_table_free(table);
	return code ? hp_give_up(&error) : HP_EXIT_OK;
}

static const struct hp_emitter *find_format(const char *name, struct hp_error *err)
{
	const struct hp_emitter *emitter = hp_emitter_find(name);
	if (emitter)
		return emitter;
	hp_cleanup_text struct hp_text names = {0};
	for (const struct hp_emitter *at = hp_emitters; at->name; at++)
		hp_text_printf(&names, "%s%s", names.length ? ", " : "", at->name);
	hp_fail(err, HP_MISUSE, "there is no format '%s'; the formats are %s", name,
	        hp_text_get(&names));
	return NULL;
}

// -- the wish --

struct request {
	const struct hp_emitter *emitter;
	struct hp_goal_text goal;
	struct hp_emit_wish wish;
	char *format, *variant; // FORMAT[:FORM], cut
};

static int take_goal(const struct hp_options *options, struct hp_goal_text *goal,
                     struct hp_error *err)
{
	const struct {
		const char *key, *value;
	} words[] = {{"to", options->to},
	             {"share", options->share},
	             {"guest-memory", options->guest_memory}};
	int code = 0;
	for (size_t i = 0; !code && i < HP_COUNT(words); i++)
		if (words[i].value)
			code = hp_goal_set(goal, words[i].key, words[i].value, err);
	for (size_t i = 0; !code && i < options->gpu.count; i++)
		code = hp_goal_set(goal, "gpu", options->gpu.items[i], err);
	if (code)
		err->code = HP_MISUSE;
	return code ? HP_MISUSE : 0;
}

static int take_number(const char *option, const char *value, int64_t least, int64_t most,
                       int64_t *ret, struct hp_error *err)
{
	if (!value)
		return 0;
	if (hp_parse_s64(value, ret) && *ret >= least && *ret <= most)
		return 0;
	return hp_fail(err, HP_MISUSE, "--%s '%s': expected a number from %lld to %lld", option,
	               value, (long long)least, (long long)most);
}

static int take_iommufd(const char *value, int *ret, struct hp_error *err)
{
	if (value && strcmp(value, "on") == 0)
		*ret = 1;
	else if (value && strcmp(value, "off") == 0)
		*ret = 0;
	else if (value)
		return hp_fail(err, HP_MISUSE, "--iommufd '%s': expected on or off", value);
	return 0;
}

static int take_request(const struct hp_options *options, struct request *request,
                        struct hp_error *err)
{
	request->format = hp_strdup(options->arguments.items[0]);
	request->variant = strchr(request->format, ':');
	if (request->variant)
		*request->variant++ = '\0';
	request->emitter = find_format(request->format, err);
	if (!request->emitter)
		return err->code;
	request->wish = HP_EMIT_WISH_NONE;
	int code = take_goal(options, &request->goal, err);
	if (!code)
		code = take_number("cpus", options->cpus, 1, 4096, &request->wish.cpus, err);
	if (!code)
		code = take_iommufd(options->iommufd, &request->wish.iommufd, err);
	request->wish.surface = request->goal.goal.surface;
	request->wish.share = request->goal.goal.share;
	request->wish.profile = request->goal.goal.profile;
	request->wish.gpus = request->goal.goal.gpus;
	request->wish.guest_memory = request->goal.goal.guest_memory;
	request->wish.variant = request->variant;
	request->wish.name = options->name;
	request->wish.image = options->image;
	request->wish.kernel = options->kernel;
	request->wish.initrd = options->initrd;
	request->wish.append = options->append;
	return code;
}

static void finish_request(struct request *request)
{
	hp_goal_text_finish(&request->goal);
	free(request->format);
}

// -- what comes out --

static const char *const ways[] = {
    [HP_WAY_VFIO] = "vfio",
    [HP_WAY_MDEV] = "mdev",
    [HP_WAY_VENDOR_VFIO] = "vendor-vfio",
    [HP_WAY_DRIVER] = "driver",
};

static json_t *devices_json(const struct hp_emit *emit)
{
	json_t *list = json_array();
	for (size_t i = 0; i < emit->count; i++) {
		const struct hp_emit_device *device = &emit->devices[i];
		json_array_append_new(
		    list, json_pack("{s:s, s:s?, s:s, s:s?, s:s?, s:s?, s:s?, s:b}", "accelerator",
		                    device->accelerator->address, "address", device->address, "way",
		                    ways[device->way], "uuid", device->uuid, "type", device->type,
		                    "iommu_group", device->iommu_group, "companions",
		                    device->companions, "exists", device->exists));
	}
	return list;
}

static json_t *envelope(const struct hp_emission *emission)
{
	const struct hp_emit *emit = &emission->request;
	json_t *content = emission->refusal    ? json_null()
	                  : emission->document ? json_incref(emission->document)
	                                       : json_string(hp_text_get(&emission->text));
	return json_pack(
	    "{s:s, s:s, s:s, s:s, s:s?, s:s?, s:o, s:O, s:O?, s:o}", "schema",
	    "happypath.emission/1", "host", emit->host->name, "format", emit->emitter->name, "form",
	    emit->variant, "surface", emit->surface ? emit->surface->surface : NULL, "share",
	    emit->surface ? emit->surface->share : NULL, "devices", devices_json(emit), "notes",
	    emission->notes, "refusal", emission->refusal, "content", content);
}

static int print_document(const struct hp_emission *emission, struct hp_error *err)
{
	enum hp_format format = emission->yaml ? HP_FORMAT_YAML : HP_FORMAT_JSON;
	if (!emission->documents)
		return hp_json_print(emission->document, format, stdout, err);
	size_t i;
	json_t *one;
	int code = 0;
	json_array_foreach(emission->document, i, one)
	{
		if (i && emission->yaml)
			puts("---");
		if (!code)
			code = hp_json_print(one, format, stdout, err);
	}
	return code;
}

static int print(const struct hp_emission *emission, const struct hp_options *options,
                 struct hp_error *err)
{
	if (options->format == HP_FORMAT_JSON || options->format == HP_FORMAT_YAML) {
		json_t *json = envelope(emission);
		int code = json ? hp_json_print(json, options->format, stdout, err)
		                : hp_fail(err, -EINVAL, "what was emitted is no valid text");
		json_decref(json);
		return code;
	}
	if (emission->refusal)
		return 0;
	if (emission->document)
		return print_document(emission, err);
	fputs(hp_text_get(&emission->text), stdout);
	return 0;
}

static const char *word_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static void say_refusal(const struct hp_emission *emission)
{
	const json_t *refusal = emission->refusal, *nearest = json_object_get(refusal, "nearest");
	hp_say("%s is refused: %s", emission->request.emitter->name, word_of(refusal, "reason"));
	if (word_of(refusal, "evidence"))
		hp_say("  evidence: %s", word_of(refusal, "evidence"));
	if (word_of(refusal, "source"))
		hp_say("  source: %s%s%s", word_of(refusal, "source"),
		       word_of(refusal, "checked") ? ", checked " : "",
		       word_of(refusal, "checked") ? word_of(refusal, "checked") : "");
	if (word_of(nearest, "surface"))
		hp_say("  nearest: %s %s (path %s, %s, distance %s)", word_of(nearest, "surface"),
		       word_of(nearest, "share"), word_of(nearest, "path"),
		       word_of(nearest, "readiness"), word_of(nearest, "distance"));
}

static void say_notes(const struct hp_emission *emission)
{
	size_t i;
	json_t *note;
	json_array_foreach(emission->notes, i, note) hp_say("note: %s", json_string_value(note));
}

static int emit_host(const struct hp_options *options, struct request *request, sqlite3 *db,
                     const struct hp_verdict_host *host, struct hp_error *err)
{
	struct hp_emission emission;
	int code = hp_emit(db, host, request->emitter, &request->wish, &emission, err);
	if (code)
		return code == -EINVAL ? err->code = HP_MISUSE : code;
	code = print(&emission, options, err);
	bool refused = emission.refusal != NULL;
	say_notes(&emission);
	if (refused)
		say_refusal(&emission);
	hp_emission_finish(&emission);
	return code ? code : refused ? HP_EXIT_NOT_MET : HP_EXIT_OK;
}

static int emit(struct hp_options *options, struct request *request, struct hp_error *err)
{
	struct hp_session session = {0};
	struct hp_verdict *verdict = NULL;
	struct hp_verdict_options how = {.as_of = hp_as_of(options), .complain = complain};
	hp_words_free(options->intents);
	options->intents = hp_goal_intents(&request->goal.goal);
	int code = hp_session_open(options, &session, err);
	if (code)
		return code;
	code = hp_verdict_new(session.facts, session.knowledge, &how, &verdict, err);
	size_t count = 0;
	const struct hp_verdict_host *hosts = code ? NULL : hp_verdict_hosts(verdict, &count);
	if (!code && count != 1)
		code = hp_fail(err, count ? HP_MISUSE : -EIO,
		               "configuration is for one host: there are %zu", count);
	if (!code)
		code = emit_host(options, request, hp_facts_db(session.facts), hosts, err);
	hp_verdict_free(verdict);
	hp_session_close(&session);
	return code;
}

int hp_cmd_emit(const struct hp_command *command HP_UNUSED, struct hp_options *options)
{
	struct hp_error error = {0};
	struct request request = {0};
	if (!options->arguments.count)
		return list_formats(options);
	hp_goal_text_init(&request.goal);
	int code = take_request(options, &request, &error);
	if (!code)
		code = emit(options, &request, &error);
	finish_request(&request);
	return code < 0 ? hp_give_up(&error) : code;
}
