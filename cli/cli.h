// What the verbs share: their rows, their options, the hosts they look at.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "base/table.h"
#include "base/text.h"
#include "facts/facts.h"
#include "host/capture.h"
#include "judge/knowledge.h"
#include "judge/require.h"
#include "judge/verdict.h"
#include "plan/goal.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

/* Exit codes of the program. */
enum {
	HP_EXIT_OK = 0,
	HP_EXIT_FAILED = 1,
	HP_EXIT_USAGE = 2,
	HP_EXIT_NOT_MET = 3,
	HP_EXIT_CANNOT_TELL = 4,
	HP_EXIT_ROLLED_BACK = 5,
	HP_EXIT_INCOMPLETE = 6,
	HP_EXIT_REBOOT = 7,
	HP_EXIT_LOCKED = 75,
};

/* The code of an error that the command line is to blame for: hp_give_up exits with usage. */
#define HP_MISUSE (-EDOM)

struct hp_words {
	const char **items;
	size_t count;
};

/* What was asked for on the command line. */
struct hp_options {
	bool help, all, no_color, no_redact, prove_kvm;
	bool dry_run, yes, accept, boot;
	const char *wait;
	const char *knowledge, *as_of, *output, *level, *require, *changes_since;
	const char *redaction_key;
	const char *vendor, *surface, *share, *model;
	struct hp_words root, capture, facts, assume, wake, allow;
	bool assert_goal;
	const char *rounds, *plot, *accel; // of bench
	bool apply;                        // of run
	const char *injection;             // how its engine gives a container the device, or NULL
	const char *to, *isolation, *slices, *support, *vmm, *boot_under, *guest_memory;
	const char *name, *image, *kernel, *initrd, *append, *cpus, *iommufd; // of the workload
	struct hp_words gpu, goal;
	char **goal_files; // of goals.d, ends with NULL
	char **intents;    // what the goal means for each host, as of --assume; ends with NULL
	struct hp_words arguments; // what is no option
	enum hp_format format;
	const char *form; // a form of the verb's own, else NULL: `format` says it
	int level_number;
};

enum hp_option_kind {
	HP_OPTION_FLAG,
	HP_OPTION_TEXT,
	HP_OPTION_LIST, // may be given again; takes several words at once where the verb has no
	                // arguments
};

struct hp_option {
	const char *name;     // --name
	char letter;          // -l, or 0
	const char *argument; // what help calls its argument, NULL for flags
	const char *help;
	enum hp_option_kind kind;
	size_t offset; // in struct hp_options
};

struct hp_command {
	const char *name;
	const char *arguments; // synopsis of what is no option, "" for none
	const char *summary;
	const char *options; // names of the options that it takes, words
	int (*run)(const struct hp_command *command, struct hp_options *options);
	int least, most;     // number of arguments
	bool output_is_file; // --output names a file, not a form
	const char *forms;   // what --output takes, words apart by '|'; NULL: the usual ones
};

extern const struct hp_command hp_commands[];   // ends with a row without a name
extern const struct hp_option hp_option_rows[]; // likewise

const struct hp_command *hp_command_find(const char *name);
/* Prints the help of a verb. */
void hp_command_help(const struct hp_command *command, FILE *to);

/* Parses what stands behind the verb. */
int hp_options_parse(const struct hp_command *command, int argc, char **argv,
                     struct hp_options *ret, struct hp_error *err);
void hp_options_finish(struct hp_options *options);
/* Frees a list of words that ends with NULL, and them; NULL is fine. */
void hp_words_free(char **words);

/* Whether memory is freed that the end of the program frees anyway: where leaks are looked for. */
#if defined(__SANITIZE_ADDRESS__)
enum { HP_TIDY = 1 };
#else
enum { HP_TIDY = 0 };
#endif

/* The hosts that were asked for, probed or read into facts, with the knowledge, derived. */
struct hp_session {
	struct hp_facts *facts;
	struct hp_knowledge *knowledge;
	bool judges;            // set before it is opened: a verdict is wanted
	struct hp_crew *crew;   // at work from then on, for the first verdict
	struct hp_host *first;  // open, and read ahead by then
	struct hp_ahead *ahead; // what is read ahead of the host that is to be probed next
	size_t hosts;           // that could be read
	size_t failed;          // that could not; a message was printed
};

int hp_session_open(const struct hp_options *options, struct hp_session *ret, struct hp_error *err);
/* Knowledge alone, without any host. */
int hp_session_open_knowledge(const struct hp_options *options, struct hp_session *ret,
                              struct hp_error *err);
/* Adds one host to a session: a root folder, a capture or a facts file, told apart by looking;
 * NULL: this host. Its rows carry the name that hp_facts_host then gives. */
int hp_session_add(const struct hp_options *options, struct hp_session *session, const char *name,
                   struct hp_error *err);
/* Adds this host as a redacted capture of it would tell of it. */
int hp_session_add_redacted(const struct hp_options *options, struct hp_session *session,
                            struct hp_error *err);
void hp_session_close(struct hp_session *session);
/* The same as the program's last act: the kernel frees memory quicker than we do, so that only a
 * build that looks for leaks does it here. */
void hp_session_leave(struct hp_session *session);
/* All surfaces that the knowledge has, for messages; a new string. */
char *hp_surface_names(sqlite3 *db);

/* Refuses a requirement whose surface or share the knowledge does not have. */
int hp_requirement_known(const struct hp_requirement *requirement, sqlite3 *db,
                         struct hp_error *err);
/* The exit code that answers a requirement. */
int hp_answer_exit(enum hp_answer answer);

/* The text of a capture of an open host. */
int hp_record(struct hp_host *host, const struct hp_capture_options *options, struct hp_text *ret,
              struct hp_error *err);

/* Where what can be made anew is kept: a new string. */
char *hp_cache_place(void);

/* Prints a message to stderr, with the program's name before it. */
void hp_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Says what failed; returns HP_EXIT_FAILED, or HP_EXIT_USAGE. */
int hp_give_up(const struct hp_error *error);
/* Today, or what --as-of says; owned by options or static. */
const char *hp_as_of(const struct hp_options *options);
const char *hp_today(void);

/* One host, judged, and the plan for a goal. For every verb that plans. */
struct hp_planned {
	struct hp_goal_text goal;
	struct hp_session session;
	struct hp_verdict *verdict;
	struct hp_host *host; // what steps' states were read from; NULL where there is none
	struct hp_plan *plan;
};

/* Plans for the goal of a file, or (`goal_file` NULL) of the options. HP_MISUSE where those make
 * no sense. */
int hp_planned_open(struct hp_options *options, const char *goal_file, struct hp_planned *ret,
                    struct hp_error *err);
void hp_planned_close(struct hp_planned *planned);

int hp_cmd_apply(const struct hp_command *command, struct hp_options *options);
int hp_cmd_undo(const struct hp_command *command, struct hp_options *options);
int hp_cmd_recover(const struct hp_command *command, struct hp_options *options);
int hp_cmd_history(const struct hp_command *command, struct hp_options *options);
int hp_cmd_plan(const struct hp_command *command, struct hp_options *options);
int hp_cmd_run(const struct hp_command *command, struct hp_options *options);
int hp_cmd_bench(const struct hp_command *command, struct hp_options *options);
int hp_cmd_emit(const struct hp_command *command, struct hp_options *options);
int hp_cmd_report(const struct hp_command *command, struct hp_options *options);
int hp_cmd_topology(const struct hp_command *command, struct hp_options *options);
int hp_cmd_capture(const struct hp_command *command, struct hp_options *options);
int hp_cmd_check(const struct hp_command *command, struct hp_options *options);
int hp_cmd_explain(const struct hp_command *command, struct hp_options *options);
int hp_cmd_rules(const struct hp_command *command, struct hp_options *options);
int hp_cmd_facts(const struct hp_command *command, struct hp_options *options);
int hp_cmd_surfaces(const struct hp_command *command, struct hp_options *options);
int hp_cmd_diff(const struct hp_command *command, struct hp_options *options);
int hp_cmd_query(const struct hp_command *command, struct hp_options *options);
