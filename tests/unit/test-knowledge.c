// The fence around rule files, drop-ins, and the knowledge as it is built.
// SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "base/database.h"
#include "base/text.h"
#include "facts/assume.h"
#include "facts/derive.h"
#include "judge/fence.h"
#include "judge/knowledge.h"
#include "judge/needs.h"
#include "judge/sql.h"
#include "judge/verdict.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
// cmocka wants the four above first
#include <cmocka.h>
#include <string.h>
#include <sys/stat.h>

static void note(void *data, const char *message)
{
	hp_text_printf(data, "%s\n", message);
}

static void take_sql(void *data, const struct hp_fence_statement *statement)
{
	hp_text_puts(data, statement->sql);
}

#define VIEW(condition)                                                                            \
	"CREATE VIEW rule_x AS\nSELECT a.host, a.address AS subject, NULL AS surface, NULL AS "    \
	"share,\n"                                                                                 \
	"CASE WHEN " condition                                                                     \
	" THEN 'fail' ELSE 'unknown' END AS result, 'e' AS evidence FROM accelerator a;"

/* What a rule may not hold, and the line and word that the message names; NULL: it passes. */
static const struct {
	const char *text, *message;
} texts[] = {
    {VIEW("a.flr = 1"), NULL},
    {VIEW("a.flr"), "f.sql:3: 'a'"},
    {VIEW("NOT a.flr AND a.is_vf = 0"), "f.sql:3: 'a'"},
    {VIEW("has_word(a.reset_methods, 'flr')"), "f.sql:3: 'has_word'"},
    {VIEW("has_word(a.reset_methods, 'flr') = 1"), NULL},
    {VIEW("a.numa_node BETWEEN 0 AND a.numa_node AND a.flr = 1"), NULL},
    {VIEW("CASE a.flr WHEN a.is_vf THEN 1 ELSE 0 END = 1"), NULL},
    {VIEW("a.driver NOT IN ('none') AND a.numa_node NOT BETWEEN 0 AND a.numa_node"), NULL},
    {VIEW(
	 "a.last_driver_key < '1' AND EXISTS (SELECT 1 FROM software s WHERE s.version_key > '1')"),
     NULL},
    {VIEW("EXISTS (SELECT 1 FROM observed o WHERE o.host = a.host)"), NULL},
    {VIEW("a.driver LIKE 'vfio%'"), "f.sql:3: 'LIKE': LIKE folds case"},
    {VIEW("a.driver = \"vfio-pci\""), "f.sql:3: '\"': double quotes"},
    {VIEW("a.bar_bytes > 0x1000"), "f.sql:3: '0x1000': hexadecimal"},
    {VIEW("CAST(a.driver AS INTEGER) = 1"), "f.sql:3: 'CAST'"},
    {VIEW("CAST(a.flr AS TEXT) = '1'"), NULL},
    {VIEW("a.driver IS 'none'"), "f.sql:3: 'IS'"},
    {VIEW("a.driver IS NOT DISTINCT FROM 'none' AND a.flr IS NOT NULL"), NULL},
    {VIEW("a.driver == 'none'"), "f.sql:3: '=='"},
    {VIEW("min(a.flr, 1) = 1"), "f.sql:3: 'min'"},
    {VIEW("(SELECT max(b.flr) FROM accelerator b) = 1"), NULL},
    {VIEW("(SELECT 1 FROM accelerator b LIMIT 1) = 1"), "f.sql:3: 'LIMIT'"},
    {VIEW("a.flr = ?1"), "f.sql:3: '?': parameters"},
    {VIEW("a.driver = 'it''s'"), NULL},
    {VIEW("a.driver = 'open"), "a string opens here"},
    {VIEW("version_key(a.driver) > '1'"), "f.sql:3: 'version_key': wants one literal"},
    {"WITH RECURSIVE r(n) AS (SELECT 1) SELECT n FROM r;",
     "f.sql:1: 'WITH': a rule file holds only"},
    {"-- a comment\nDROP TABLE accelerator;", "f.sql:2: 'DROP'"},
    {"CREATE TABLE rule_x (a);", "f.sql:1: 'CREATE'"},
    {"CREATE VIEW other AS SELECT 1;", "f.sql:1: 'other'"},
    {"CREATE VIEW step_x AS SELECT host, '' AS subject FROM machine WHERE root = 1;", NULL},
    {"CREATE VIEW step_x AS SELECT 1 FROM machine WHERE root;", "f.sql:1: 'root'"},
    {"CREATE VIEW step_x AS DELETE FROM machine;", "f.sql:1: 'step_x': expected CREATE VIEW"},
    {"INSERT INTO rule SELECT * FROM accelerator;", "f.sql:1: 'rule': expected INSERT"},
    {"INSERT INTO accelerator (host) VALUES ('x');", "f.sql:1: 'INSERT'"},
    {"PRAGMA query_only = 0;", "f.sql:1: 'PRAGMA'"},
    {"INSERT INTO rule (id) VALUES ('a;b -- no comment');", NULL},
};

static void rule_text_is_fenced(void **state HP_UNUSED)
{
	for (size_t i = 0; i < HP_COUNT(texts); i++) {
		hp_cleanup_text struct hp_text messages = {0}, taken = {0};
		int count =
		    hp_fence_read("f.sql", texts[i].text, take_sql, &taken, note, &messages);
		if (!texts[i].message && count)
			fail_msg("'%s' was refused: %s", texts[i].text, hp_text_get(&messages));
		if (texts[i].message && !strstr(hp_text_get(&messages), texts[i].message))
			fail_msg("'%s' gave: %s", texts[i].text, hp_text_get(&messages));
		assert_int_equal(texts[i].message == NULL, taken.length > 0);
	}
}

static void version_keys_are_literals(void **state HP_UNUSED)
{
	hp_cleanup_text struct hp_text messages = {0}, taken = {0};
	hp_fence_read(
	    "f.sql",
	    "CREATE VIEW rule_x AS SELECT k FROM kernel WHERE k < version_key('6.12') AND 1 = 1",
	    take_sql, &taken, note, &messages);
	assert_string_equal(hp_text_get(&messages), "");
	assert_string_equal(taken.data,
	                    "SELECT k FROM kernel WHERE k < '0000000006.0000000012+' AND 1 = 1");
}

struct bench {
	struct hp_facts *facts;
	struct hp_knowledge *knowledge;
	struct hp_text messages;
	char directory[32];
};

static int bench_open(void **state)
{
	struct bench *bench = hp_calloc(1, sizeof(*bench));
	strcpy(bench->directory, "/tmp/hp-knowledge-XXXXXX");
	assert_non_null(mkdtemp(bench->directory));
	assert_int_equal(hp_facts_new(&bench->facts, NULL), 0);
	*state = bench;
	return 0;
}

static int bench_close(void **state)
{
	struct bench *bench = *state;
	hp_knowledge_close(bench->knowledge);
	hp_facts_free(bench->facts);
	hp_text_free(&bench->messages);
	static const char *const files[] = {"rules/x.sql",
	                                    "fixes/x.sql",
	                                    "matrices/vendor.csv",
	                                    "matrices/support.csv",
	                                    "rules",
	                                    "fixes",
	                                    "matrices",
	                                    ""};
	for (size_t i = 0; i < HP_COUNT(files); i++) {
		hp_cleanup_free char *path = hp_asprintf("%s/%s", bench->directory, files[i]);
		remove(path);
	}
	free(bench);
	return 0;
}

static void write_drop_in(struct bench *bench, const char *folder, const char *name,
                          const char *text, mode_t mode)
{
	hp_cleanup_free char *directory = hp_asprintf("%s/%s", bench->directory, folder);
	hp_cleanup_free char *path = hp_asprintf("%s/%s", directory, name);
	mkdir(directory, 0755);
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_int_equal(chmod(path, mode), 0);
}

static void open_knowledge(struct bench *bench)
{
	struct hp_error error = {0};
	struct hp_knowledge_options options = {
	    .file = getenv("HP_TEST_KNOWLEDGE"),
	    .drop_ins = bench->directory,
	    .owner = geteuid(),
	    .complain = note,
	    .data = &bench->messages,
	};
	if (hp_knowledge_open(hp_facts_db(bench->facts), &options, &bench->knowledge, &error))
		fail_msg("%s", error.message);
}

#define RULE(id, applies)                                                                          \
	"INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES\n"            \
	" ('" id "', 't', 'blocks', '" applies "', 'r', 'kernel:x');\n"
#define NEEDS(words)                                                                               \
	"INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES\n"     \
	" ('x', 't', 'blocks', '*', 'r', 'kernel:x', '" words "');\n" VIEW("a.flr = 1")

static void drop_ins_add_rules_and_rows(void **state)
{
	struct bench *bench = *state;
	write_drop_in(bench, "rules", "x.sql", RULE("x", "*") VIEW("a.flr = 1"), 0644);
	write_drop_in(bench, "fixes", "x.sql",
	              "INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES"
	              " ('later', 'x', 'advice', 'hardware', 't', NULL), ('now', 'x', 'driver', "
	              "'live', 't', 'exact');",
	              0644);
	write_drop_in(bench, "matrices", "vendor.csv",
	              "vendor,name,words,source\nabcd,Ours,ours,us\n", 0644);
	open_knowledge(bench);
	assert_string_equal(hp_text_get(&bench->messages), "");
	const struct hp_rule *rule = hp_knowledge_rule(bench->knowledge, "x");
	assert_non_null(rule);
	assert_int_equal(rule->impact, HP_IMPACT_BLOCKS);
	assert_int_equal(rule->fix_count, 2);
	assert_string_equal(rule->fixes[0].id, "now");
	assert_int_equal(rule->fixes[1].distance, HP_DISTANCE_HARDWARE);
	assert_int_equal(hp_db_number(hp_facts_db(bench->facts),
	                              "SELECT count(*) FROM vendor WHERE vendor = 'abcd'", 0),
	                 1);
}

#define SUPPORT(rows)                                                                              \
	"surface,share,kind,vendor,match_kind,match_value,since,until,path,source,approximate,"    \
	"checked\n" rows
#define B200(dates) "container,whole,gpu,10de,model,B200," dates ",us,0,2026-01-01\n"

/* B200 in containers is off until 2025-04-01, and on since, as it is built. */
static const struct {
	const char *rows, *message;
	int left; // rows of that cell
} dated[] = {
    {SUPPORT(B200("2025-04-01,,caution")), NULL, 2},
    {SUPPORT(B200("2025-04-01,2026-01-01,on") B200("2026-01-01,,off")), NULL, 3},
    {SUPPORT(B200("2026-01-01,,off") B200("2025-04-01,2026-01-01,on")), NULL, 3},
    {SUPPORT(B200("2026-01-01,,off")),
     "support.csv:2: contradicts the row of the same key since "
     "2025-04-01: of two",
     2},
    {SUPPORT(B200("2024-01-01,2024-06-01,on")),
     "support.csv:2: contradicts the row of the same key "
     "from the beginning until 2025-04-01",
     2},
};

static void dates_do_not_overlap(void **state HP_UNUSED)
{
	for (size_t i = 0; i < HP_COUNT(dated); i++) {
		void *each;
		bench_open(&each);
		struct bench *bench = each;
		write_drop_in(bench, "matrices", "support.csv", dated[i].rows, 0644);
		open_knowledge(bench);
		const char *told = hp_text_get(&bench->messages);
		if (dated[i].message ? !strstr(told, dated[i].message) : *told)
			fail_msg("%zu: %s", i, told);
		assert_int_equal(
		    hp_db_number(hp_facts_db(bench->facts),
		                 "SELECT count(*) FROM support WHERE surface = 'container'"
		                 " AND share = 'whole' AND match_value = 'B200'",
		                 0),
		    dated[i].left);
		bench_close(&each);
	}
}

/* Each of these is refused with a message; the knowledge opens all the same. */
static const struct {
	const char *folder, *name, *text, *message;
	mode_t mode;
} bad_drop_ins[] = {
    {"rules", "x.sql", RULE("x", "*") VIEW("a.flr = 1"), "refused: it must be root's", 0666},
    {"rules", "x.sql", RULE("x", "*") VIEW("a.fler = 1"), "rules/x.sql:5: no such column: a.fler",
     0644},
    {"rules", "x.sql", RULE("x", "*"), "rules/x.sql:2: rule 'x' has no view", 0644},
    {"rules", "x.sql", VIEW("a.flr = 1"),
     "rules/x.sql:2: no row of rule belongs to the view 'rule_x'", 0644},
    {"rules", "x.sql", RULE("X y", "*"), "rules/x.sql:1: CHECK constraint failed: id is words",
     0644},
    {"rules", "x.sql", RULE("x", "*") VIEW("(SELECT 1 FROM sqlite_master) = 1"),
     "sqlite_master is not allowed", 0644},
    {"rules", "x.sql", RULE("x", "*") VIEW("random() = 1"), "'random'", 0644},
    {"rules", "x.sql", RULE("x", "*") VIEW("hex(a.driver) = '1'"), "function hex is not allowed",
     0644},
    {"rules", "x.sql", RULE("x", "*") "CREATE VIEW rule_x AS SELECT 1 AS host;",
     "the view's columns must be", 0644},
    {"rules", "x.sql", "INSERT INTO rule (id) VALUES ((SELECT name FROM sqlite_master));",
     "rules/x.sql:1: reading sqlite_master is not allowed here", 0644},
    {"rules", "x.sql", NEEDS("intent software|sofware.name"),
     "rules/x.sql:4: rule 'x': needs 'sofware.name': there is no table 'sofware'", 0644},
    {"rules", "x.sql", NEEDS("intent.nothing"), "table 'intent' has no column 'nothing'", 0644},
    {"rules", "x.sql", NEEDS("intent=1"), "table 'intent' has no column ''", 0644},
    {"rules", "x.sql", NEEDS("intent.iommufd=2"), "'2' is not in the column's domain", 0644},
    {"rules", "x.sql", NEEDS("intent.vfs=x"), "'x' is not in the column's domain", 0644},
    {"fixes", "x.sql",
     "INSERT INTO fix (id, rule, kind, distance, title) VALUES ('x', 'none-such', 'advice',"
     " 'live', 't');",
     "fixes/x.sql:1: fix 'x' is for a rule 'none-such' that is not there", 0644},
    {"matrices", "vendor.csv", "vendor,name,words,source\nabcd,Ours\n", "vendor.csv:2: 2 fields",
     0644},
    {"matrices", "vendor.csv", "vendor,nom\n", "vendor.csv:1: column 'nom' is unknown", 0644},
    {"matrices", "vendor.csv", "vendor,name,words,source\n\n\"abcd,x,y,z\n", "vendor.csv:3:", 0644},
};

static void bad_drop_ins_are_named(void **state HP_UNUSED)
{
	for (size_t i = 0; i < HP_COUNT(bad_drop_ins); i++) {
		void *each;
		bench_open(&each);
		struct bench *bench = each;
		write_drop_in(bench, bad_drop_ins[i].folder, bad_drop_ins[i].name,
		              bad_drop_ins[i].text, bad_drop_ins[i].mode);
		open_knowledge(bench);
		if (!strstr(hp_text_get(&bench->messages), bad_drop_ins[i].message))
			fail_msg("%zu: expected '%s', got: %s", i, bad_drop_ins[i].message,
			         hp_text_get(&bench->messages));
		assert_null(hp_knowledge_rule(bench->knowledge, "x"));
		bench_close(&each);
	}
}

#define FIX                                                                                        \
	"INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES\n"                         \
	" ('to-x', 'x', 'driver', 'live', 't', 'exact');\n"

/* Views of steps, and what is said of those that do not pass: their fix stays, without steps. */
static const struct {
	const char *view, *message;
} step_views[] = {
    {"CREATE VIEW step_to_x AS SELECT host, address AS subject, 'driver' AS kind, address AS "
     "target, 'x' AS want FROM accelerator;",
     NULL},
    {"CREATE VIEW step_to_x AS SELECT host, '' AS subject FROM machine;",
     "fixes/x.sql:3: the view's columns must be host, subject, kind, target, want"},
    {"CREATE VIEW step_to_x AS SELECT hast FROM machine;", "fixes/x.sql:3: no such column: hast"},
    {"CREATE VIEW step_to_y AS SELECT host FROM machine;",
     "fixes/x.sql:3: no row of fix belongs to the view 'step_to_y'"},
};

static void steps_of_fixes_are_fenced(void **state HP_UNUSED)
{
	for (size_t i = 0; i < HP_COUNT(step_views); i++) {
		void *each;
		bench_open(&each);
		struct bench *bench = each;
		hp_cleanup_free char *fixes = hp_asprintf("%s%s", FIX, step_views[i].view);
		write_drop_in(bench, "rules", "x.sql", RULE("x", "*") VIEW("a.flr = 1"), 0644);
		write_drop_in(bench, "fixes", "x.sql", fixes, 0644);
		open_knowledge(bench);
		const char *message = step_views[i].message, *told = hp_text_get(&bench->messages);
		if (message ? !strstr(told, message) : *told)
			fail_msg("%zu: expected '%s', got: %s", i, message ? message : "", told);
		const struct hp_rule *rule = hp_knowledge_rule(bench->knowledge, "x");
		assert_non_null(rule);
		assert_int_equal(rule->fix_count, 1);
		assert_int_equal(*rule->fixes[0].sql != '\0', message == NULL);
		bench_close(&each);
	}
}

/* What holds of one kernel and one intent, which knows its vfs and no iommufd. */
static const struct {
	const char *needs;
	bool met;
} needs[] = {
    {"", true},
    {"kernel", true},
    {"software", false},
    {"kernel.release", true},
    {"kernel.build", false},
    {"kernel.lockdown=none", true},
    {"kernel.lockdown=integrity", false},
    {"intent.vfs=4", true},
    {"intent.vfs=5", false},
    {"intent.iommufd=1", false},
    {"intent.iommufd=?1", true}, // not known: it may be
    {"intent.vfs=?5", false},
    {"intent.iommufd", false},
    {"intent.vfs!=4", false},
    {"intent.vfs!=5", true},
    {"intent.iommufd!=1", true}, // not known: it may be another
    {"software.name!=podman", false},
    {"kernel intent.vfs=4", true},
    {"kernel  intent.vfs=5", false},
    {"intent.vfs=5|software|kernel", true},
    {"intent.vfs=5|software kernel", false},
};

static void needs_are_met_or_not(void **state)
{
	struct bench *bench = *state;
	struct hp_error error = {0};
	assert_int_equal(hp_db_exec(hp_facts_db(bench->facts),
	                            "INSERT INTO kernel (host, release, lockdown) VALUES ('h', "
	                            "'6.1', 'none');"
	                            "INSERT INTO intent (host, vfs) VALUES ('h', 4)",
	                            &error),
	                 0);
	struct hp_needs *asked = hp_needs_new(hp_facts_db(bench->facts));
	for (size_t i = 0; i < HP_COUNT(needs); i++) {
		assert_int_equal(hp_needs_check("needs", needs[i].needs, &error), 0);
		if (hp_needs_met(asked, needs[i].needs) != needs[i].met)
			fail_msg("'%s'", needs[i].needs);
	}
	hp_needs_free(asked);
}

/* What is refused leaves the rule that it would have replaced in its place. */
static void bad_drop_ins_replace_nothing(void **state HP_UNUSED)
{
	static const char *const replacing[] = {
	    RULE("iommu-on",
	         "*") "CREATE VIEW rule_iommu_on AS SELECT a.nonesuch FROM accelerator a;",
	    RULE("iommu-on",
	         "nonesuch") "CREATE VIEW rule_iommu_on AS SELECT a.host, '' AS subject, NULL AS "
			     "surface, NULL AS "
			     "share, 'pass' AS result, '' AS evidence FROM accelerator a;",
	    RULE("iommu-on", "*") "CREATE VIEW rule_iommu_on AS SELECT 1 AS host;",
	};
	for (size_t i = 0; i < HP_COUNT(replacing); i++) {
		void *each;
		bench_open(&each);
		struct bench *bench = each;
		write_drop_in(bench, "rules", "x.sql", replacing[i], 0644);
		open_knowledge(bench);
		assert_true(*hp_text_get(&bench->messages));
		const struct hp_rule *rule = hp_knowledge_rule(bench->knowledge, "iommu-on");
		assert_non_null(rule);
		assert_string_equal(rule->file, "rules/iommu.sql");
		bench_close(&each);
	}
}

static int run_query(struct bench *bench, const char *sql, struct hp_error *err)
{
	struct hp_fence *fence = hp_knowledge_fence(bench->knowledge);
	hp_cleanup_statement sqlite3_stmt *statement = NULL;
	hp_fence_begin(fence, HP_FENCE_MODE_QUERY);
	int code = hp_fence_prepare(fence, sql, "query", 1, &statement, NULL, err);
	while (!code && (code = hp_fence_step(fence, statement, 1000, err)) == 1)
		code = 0;
	hp_db_finish(&statement);
	hp_fence_end(fence);
	return code;
}

static void queries_only_select(void **state)
{
	static const char *const refused[] = {
	    "DELETE FROM accelerator",
	    "PRAGMA writable_schema = 1",
	    "ATTACH '/tmp/x' AS x",
	    "SELECT load_extension('x')",
	    "SELECT * FROM sqlite_master",
	    "CREATE TEMP TABLE t (a)",
	    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM "
	    "n",
	    "SELECT 1; SELECT 2",
	    "SELECT zeroblob(100000000)",
	};
	struct bench *bench = *state;
	struct hp_error error;
	open_knowledge(bench);
	for (size_t i = 0; i < HP_COUNT(refused); i++)
		if (!run_query(bench, refused[i], &error))
			fail_msg("'%s' ran", refused[i]);
	assert_int_equal(
	    run_query(bench, "SELECT count(*) FROM accelerator a, rule r, vendor v", &error), 0);
}

/* A join of everything with everything ends by the budget of steps, not by patience. */
static void queries_end(void **state)
{
	struct bench *bench = *state;
	struct hp_error error;
	open_knowledge(bench);
	int code = run_query(bench,
	                     "SELECT count(*) FROM matrix_column a, matrix_column b, matrix_column "
	                     "c, matrix_column d",
	                     &error);
	assert_int_equal(code, -ETIME);
	assert_non_null(strstr(error.message, "the limit is 100 million steps"));
	code = run_query(bench, "SELECT a.name FROM matrix_column a, matrix_column b", &error);
	assert_int_equal(code, -E2BIG);
	assert_string_equal(error.message, "more than 1000 rows, the limit");
}

/* Steps may be slow ones: texts of many kilobytes, over and over. */
static void queries_end_in_time(void **state)
{
	struct bench *bench = *state;
	struct hp_error error;
	open_knowledge(bench);
	int code = run_query(bench,
	                     "SELECT sum(length(replace(t.x, 'a', 'bb'))) FROM (SELECT "
	                     "group_concat(doc, 'a') AS x FROM matrix_column) t, matrix_column b, "
	                     "matrix_column c, matrix_column d",
	                     &error);
	assert_int_equal(code, -ETIME);
}

/* A rule without end is complained of; the others are not kept from their say. */
static void rules_end(void **state)
{
	struct bench *bench = *state;
	struct hp_error error;
	write_drop_in(bench, "rules", "x.sql",
	              RULE("x", "*") "CREATE VIEW rule_x AS SELECT k.host, s.path AS subject, "
	                             "NULL AS surface, NULL AS share, 'fail' AS result, 'e' AS "
	                             "evidence FROM kernel k, support s, support t;",
	              0644);
	open_knowledge(bench);
	assert_string_equal(hp_text_get(&bench->messages), "");
	hp_facts_begin_host(bench->facts, "h");
	assert_int_equal(hp_facts_assume(bench->facts, "kernel.release=6.1", &error), 0);
	assert_int_equal(hp_facts_derive(bench->facts, &error), 0);
	struct hp_verdict_options options = {.complain = note, .data = &bench->messages};
	struct hp_verdict *verdict = NULL;
	if (hp_verdict_new(bench->facts, bench->knowledge, &options, &verdict, &error))
		fail_msg("%s", error.message);
	if (!strstr(hp_text_get(&bench->messages), "rule x: more than 10000 rows, the limit"))
		fail_msg("%s", hp_text_get(&bench->messages));
	hp_verdict_free(verdict);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rule_text_is_fenced),
	    cmocka_unit_test(version_keys_are_literals),
	    cmocka_unit_test_setup_teardown(drop_ins_add_rules_and_rows, bench_open, bench_close),
	    cmocka_unit_test_setup_teardown(needs_are_met_or_not, bench_open, bench_close),
	    cmocka_unit_test(bad_drop_ins_are_named),
	    cmocka_unit_test(dates_do_not_overlap),
	    cmocka_unit_test(bad_drop_ins_replace_nothing),
	    cmocka_unit_test(steps_of_fixes_are_fenced),
	    cmocka_unit_test_setup_teardown(queries_only_select, bench_open, bench_close),
	    cmocka_unit_test_setup_teardown(queries_end, bench_open, bench_close),
	    cmocka_unit_test_setup_teardown(queries_end_in_time, bench_open, bench_close),
	    cmocka_unit_test_setup_teardown(rules_end, bench_open, bench_close),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
