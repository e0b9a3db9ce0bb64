// The hosts that were asked for: live, a root, captures, files of facts, assumed.
// SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "base/database.h"
#include "cli.h"
#include "facts/assume.h"
#include "facts/derive.h"
#include "facts/value.h"
#include "host/host.h"
#include "probe/kernel-log.h"
#include "probe/probe.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

enum { FACTS_LIMIT = 256 << 20 };

static void complain(void *data HP_UNUSED, const char *message)
{
	hp_say("%s", message);
}

static struct hp_knowledge_options knowledge_options(const struct hp_options *options)
{
	const char *file = options->knowledge ? options->knowledge : getenv("HAPPYPATH_KNOWLEDGE");
	return (struct hp_knowledge_options){.file = file, .complain = complain};
}

void hp_session_close(struct hp_session *session)
{
	hp_crew_free(session->crew);
	hp_ahead_free(session->ahead);
	hp_host_close(session->first);
	hp_knowledge_close(session->knowledge);
	hp_facts_free(session->facts);
	*session = (struct hp_session){0};
}

void hp_session_leave(struct hp_session *session)
{
	if (HP_TIDY)
		hp_session_close(session);
	else
		hp_crew_dismiss(session->crew);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash && slash[1] ? slash + 1 : path;
}

struct ahead {
	struct hp_host *host;
	struct hp_ahead *to;
};

static void read_ahead(void *data)
{
	const struct ahead *ahead = data;
	hp_probe_ahead(ahead->host, ahead->to);
}

/* Has children prepare the judgement, and read ahead of us what host there is to be read. */
static void hire(const struct hp_options *options, struct hp_session *session, struct hp_host *host)
{
	const struct hp_knowledge_options knowledge = knowledge_options(options);
	struct hp_crew_start start = {.knowledge = session->knowledge,
	                              .knowledge_options = &knowledge};
	if (!session->judges || session->crew)
		return;
	/* What is to be woken on purpose we read ourselves. */
	bool ahead = host && hp_host_kind(host) != HP_HOST_CAPTURE && !options->wake.count;
	struct ahead errand = {.host = host, .to = ahead ? hp_ahead_new() : NULL};
	if (errand.to) {
		start.errand = read_ahead;
		start.errand_data = &errand;
	}
	session->crew = hp_crew_new(session->facts, &start);
	session->ahead = errand.to;
}

/* The host that will be read first, if children can begin with it before the knowledge is open. */
static void open_first(const struct hp_options *options, struct hp_session *session)
{
	const struct hp_knowledge_options knowledge = knowledge_options(options);
	const struct hp_host_options how = {.level = options->level_number};
	struct hp_error error = {0}; // which is told when it is to be read
	if (!session->judges || !hp_knowledge_is_one_file(&knowledge))
		return;
	if (options->root.count)
		hp_host_open_root(options->root.items[0], &how, &session->first, &error);
	else if (!options->capture.count && !options->facts.count && !options->assume.count)
		hp_host_open_live(&how, &session->first, &error);
	if (session->first)
		hire(options, session, session->first);
}

int hp_session_open_knowledge(const struct hp_options *options, struct hp_session *ret,
                              struct hp_error *err)
{
	const struct hp_knowledge_options knowledge = knowledge_options(options);
	int code = hp_facts_new(&ret->facts, err);
	if (!code)
		open_first(options, ret);
	if (!code)
		code = hp_knowledge_open(hp_facts_db(ret->facts), &knowledge, &ret->knowledge, err);
	if (code)
		hp_session_close(ret);
	return code;
}

/* Probes an open host and closes it. */
static int probe(const struct hp_options *options, struct hp_session *session, struct hp_host *host,
                 struct hp_error *err)
{
	const char **wake = hp_calloc(options->wake.count + 1, sizeof(*wake));
	char(*addresses)[HP_VALUE_SIZE] = hp_calloc(options->wake.count + 1, sizeof(*addresses));
	for (size_t i = 0; i < options->wake.count; i++)
		wake[i] = hp_value_address(options->wake.items[i], addresses[i], HP_VALUE_SIZE)
		              ? addresses[i]
		              : options->wake.items[i];
	hire(options, session, host);
	struct hp_probe_options probes = {
	    .prove_kvm = options->prove_kvm, .wake = wake, .ahead = hp_steal(session->ahead)};
	hp_facts_begin_host(session->facts, hp_host_name(host));
	int code = hp_probe_all(host, session->facts, &probes, err);
	hp_host_close(host);
	hp_ahead_free(probes.ahead);
	free(addresses);
	free(wake);
	return code;
}

static int read_live(const struct hp_options *options, struct hp_session *session,
                     const char *name HP_UNUSED, struct hp_error *err)
{
	struct hp_host_options how = {.level = options->level_number};
	struct hp_host *host = hp_steal(session->first);
	int code = host ? 0 : hp_host_open_live(&how, &host, err);
	return code ? code : probe(options, session, host, err);
}

static int read_root(const struct hp_options *options, struct hp_session *session, const char *name,
                     struct hp_error *err)
{
	struct hp_host_options how = {.level = options->level_number};
	struct hp_host *host = hp_steal(session->first);
	int code = host ? 0 : hp_host_open_root(name, &how, &host, err);
	return code ? code : probe(options, session, host, err);
}

static int read_capture(const struct hp_options *options, struct hp_session *session,
                        const char *name, struct hp_error *err)
{
	struct hp_host_options how = {.level = options->level_number};
	struct hp_host *host = NULL;
	int code = hp_host_open_capture(name, &how, &host, err);
	return code ? code : probe(options, session, host, err);
}

/* The words that a query gives, one a row, with blanks between; a new string. */
static char *words_of(sqlite3 *db, const char *sql)
{
	struct hp_text names = {0};
	hp_cleanup_statement sqlite3_stmt *rows = NULL;
	if (hp_db_prepare(db, sql, &rows, NULL))
		return hp_strdup("");
	while (hp_db_step(rows, NULL) == 1)
		hp_text_printf(&names, "%s%s", names.length ? " " : "", hp_db_text(rows, 0));
	return names.data ? names.data : hp_strdup("");
}

#define SURFACES "SELECT surface FROM surface ORDER BY position, surface"

char *hp_surface_names(sqlite3 *db)
{
	return words_of(db, SURFACES);
}

/* The words of an intent that the matrices know; `also` are taken without being named. */
static const struct intent_word {
	const char *column, *what, *words, *also;
} intent_words[] = {
    {.column = "surface", .what = "surface", .words = SURFACES, .also = SURFACES},
    {
	.column = "share",
	.what = "share",
	.words = "SELECT DISTINCT share FROM surface_share ORDER BY share",
	.also = "SELECT share FROM surface_share",
    },
    {
	.column = "vmm",
	.what = "VMM",
	.words = "SELECT vmm FROM surface_share WHERE vmm <> 'none' UNION SELECT 'esxi'"
		 " UNION SELECT 'custom' ORDER BY 1",
	.also = "SELECT vmm FROM vmm_feature UNION SELECT surface FROM surface",
    },
};

/* What nobody knows would be asked for in silence. */
static int check_word(const struct hp_session *session, const struct intent_word *word,
                      struct hp_error *err)
{
	sqlite3 *db = hp_facts_db(session->facts);
	hp_cleanup_free char *sql =
	    hp_asprintf("SELECT %s FROM intent WHERE host = ?1 AND %s NOT IN ('none', '')",
	                word->column, word->column);
	hp_cleanup_statement sqlite3_stmt *given = NULL;
	int code = hp_db_prepare(db, sql, &given, err);
	if (code)
		return code;
	sqlite3_bind_text(given, 1, hp_facts_host(session->facts), -1, SQLITE_TRANSIENT);
	if ((code = hp_db_step(given, err)) != 1)
		return code;
	hp_cleanup_free char *words = words_of(db, word->words), *also = words_of(db, word->also);
	const char *value = hp_db_text(given, 0);
	if (hp_has_word(words, value) || hp_has_word(also, value))
		return 0;
	return hp_fail(err, -EINVAL, "there is no %s '%s'; the %ss are %s", word->what, value,
	               word->what, words);
}

static int read_facts(const struct hp_options *options, struct hp_session *session,
                      const char *name, struct hp_error *err)
{
	hire(options, session, NULL);
	hp_cleanup_file FILE *file =
	    strcmp(name, "-") == 0 ? fdopen(dup(STDIN_FILENO), "r") : fopen(name, "re");
	if (!file)
		return hp_fail(err, -errno, "%s: %s", name, strerror(errno));
	hp_cleanup_text struct hp_text text = {0};
	char chunk[65536];
	for (size_t length;
	     (length = fread(chunk, 1, sizeof(chunk), file)) > 0 && text.length < FACTS_LIMIT;)
		hp_text_add(&text, chunk, length);
	if (ferror(file) || text.length >= FACTS_LIMIT)
		return hp_fail(err, -EIO, "%s: cannot be read whole", name);
	hp_facts_set_host(session->facts, base_name(name));
	int refusals = hp_facts_import(session->facts, name, hp_text_get(&text), text.length,
	                               complain, NULL, err);
	for (size_t i = 0; refusals >= 0 && i < HP_COUNT(intent_words); i++) {
		struct hp_error odd = {0};
		if (check_word(session, &intent_words[i], &odd))
			hp_say("%s: intent.%s: %s", name, intent_words[i].column, odd.message);
	}
	return refusals < 0 ? refusals : 0;
}

static int assume_one(struct hp_session *session, const char *assumption, struct hp_error *err)
{
	int code = hp_facts_assume(session->facts, assumption, err);
	for (size_t i = 0; !code && i < HP_COUNT(intent_words); i++) {
		hp_cleanup_free char *start = hp_asprintf("intent.%s=", intent_words[i].column);
		if (hp_starts_with(assumption, start))
			code = check_word(session, &intent_words[i], err);
	}
	return code;
}

/* An assumption that makes no sense is a mistake of the command line, not of a host. */
static int assume(const struct hp_options *options, struct hp_session *session,
                  struct hp_error *err)
{
	int code = 0;
	for (size_t i = 0; !code && i < options->assume.count; i++)
		code = assume_one(session, options->assume.items[i], err);
	for (char **intent = options->intents; !code && intent && *intent; intent++)
		code = assume_one(session, *intent, err);
	return code;
}

static int read_nothing(const struct hp_options *options, struct hp_session *session,
                        const char *name, struct hp_error *err HP_UNUSED)
{
	hire(options, session, NULL);
	hp_facts_begin_host(session->facts, name);
	return 0;
}

typedef int reader(const struct hp_options *options, struct hp_session *session, const char *name,
                   struct hp_error *err);

/* One that cannot be read is a message; the others are judged all the same. */
static int read_one(const struct hp_options *options, struct hp_session *session, reader *read,
                    const char *name, struct hp_error *err)
{
	struct hp_error error = {0};
	if (read(options, session, name, &error)) {
		hp_say("%s", error.message);
		session->failed++;
		return 0;
	}
	session->hosts++;
	return assume(options, session, err) ? err->code = HP_MISUSE : 0;
}

static int read_all(const struct hp_options *options, struct hp_session *session,
                    struct hp_error *err)
{
	const struct {
		const struct hp_words *names;
		reader *read;
	} lists[] = {{&options->root, read_root},
	             {&options->capture, read_capture},
	             {&options->facts, read_facts}};
	int code = 0;
	bool elsewhere = false;
	for (size_t k = 0; k < HP_COUNT(lists); k++)
		for (size_t i = 0; !code && i < lists[k].names->count; i++, elsewhere = true)
			code = read_one(options, session, lists[k].read, lists[k].names->items[i],
			                err);
	if (elsewhere || code)
		return code;
	/* What is assumed starts from an empty host, never from this one. */
	return options->assume.count ? read_one(options, session, read_nothing, "assumed", err)
	                             : read_one(options, session, read_live, NULL, err);
}

/* A folder is a root, a file a capture or facts: captures say so in their first line. */
static reader *reader_for(const char *name)
{
	struct stat stat_;
	if (stat(name, &stat_) == 0 && S_ISDIR(stat_.st_mode))
		return read_root;
	char start[32] = "";
	hp_cleanup_file FILE *file = fopen(name, "re");
	size_t length = file ? fread(start, 1, sizeof(start) - 1, file) : 0;
	start[length] = '\0';
	return strstr(start, "happypath.capture") ? read_capture : read_facts;
}

int hp_session_add(const struct hp_options *options, struct hp_session *session, const char *name,
                   struct hp_error *err)
{
	return name ? reader_for(name)(options, session, name, err)
	            : read_live(options, session, NULL, err);
}

int hp_session_add_redacted(const struct hp_options *options, struct hp_session *session,
                            struct hp_error *err)
{
	const struct hp_host_options how = {.level = options->level_number};
	const struct hp_capture_options capture = {.redact = true,
	                                           .log_line_matters = hp_kernel_line_matters,
	                                           .program = "happypath " HP_VERSION};
	struct hp_host *host = NULL;
	hp_cleanup_text struct hp_text text = {0};
	int code = hp_host_open_live(&how, &host, err);
	if (code)
		return code;
	code = hp_record(host, &capture, &text, err);
	hp_host_close(host);
	if (!code)
		code = hp_host_open_capture_text("this host", text.data, text.length, &how, &host,
		                                 err);
	return code ? code : probe(options, session, host, err);
}

int hp_session_open(const struct hp_options *options, struct hp_session *ret, struct hp_error *err)
{
	int code = hp_session_open_knowledge(options, ret, err);
	if (code)
		return code;
	code = read_all(options, ret, err);
	if (!code)
		code = hp_facts_derive(ret->facts, err);
	if (code)
		hp_session_close(ret);
	return code;
}
