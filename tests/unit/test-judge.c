// How a verdict is formed: which findings hit which offers, readiness, distance, what stands with
// the host. By a few rules of its own over the real matrices. SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "base/database.h"
#include "base/text.h"
#include "facts/derive.h"
#include "judge/json.h"
#include "judge/verdict.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
// cmocka wants the four above first
#include <cmocka.h>
#include <string.h>
#include <sys/stat.h>

struct bench {
	struct hp_facts *facts;
	struct hp_knowledge *knowledge;
	struct hp_verdict *verdict;
	struct hp_text messages;
	char directory[32];
};

static void note(void *data, const char *message)
{
	hp_text_printf(data, "%s\n", message);
}

static char *path_in(const struct bench *bench, const char *name)
{
	return hp_asprintf("%s/%s", bench->directory, name);
}

static void write_file(const struct bench *bench, const char *name, const char *text)
{
	hp_cleanup_free char *path = path_in(bench, name);
	hp_cleanup_file FILE *file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
}

/* The knowledge as built, without its rules. */
static void make_knowledge(const struct bench *bench)
{
	hp_cleanup_free char *path = path_in(bench, "knowledge.sqlite");
	sqlite3 *from = NULL, *to = NULL;
	assert_int_equal(
	    sqlite3_open_v2(getenv("HP_TEST_KNOWLEDGE"), &from, SQLITE_OPEN_READONLY, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_open(path, &to), SQLITE_OK);
	sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
	assert_int_equal(sqlite3_backup_step(backup, -1), SQLITE_DONE);
	sqlite3_backup_finish(backup);
	assert_int_equal(hp_db_exec(to, "DELETE FROM rule; DELETE FROM fix", NULL), 0);
	sqlite3_close(from);
	sqlite3_close(to);
}

static int bench_open(void **state)
{
	struct bench *bench = hp_calloc(1, sizeof(*bench));
	strcpy(bench->directory, "/tmp/hp-judge-XXXXXX");
	assert_non_null(mkdtemp(bench->directory));
	hp_cleanup_free char *rules = path_in(bench, "rules");
	assert_int_equal(mkdir(rules, 0755), 0);
	make_knowledge(bench);
	assert_int_equal(hp_facts_new(&bench->facts, NULL), 0);
	*state = bench;
	return 0;
}

static int bench_close(void **state)
{
	struct bench *bench = *state;
	hp_verdict_free(bench->verdict);
	hp_knowledge_close(bench->knowledge);
	hp_facts_free(bench->facts);
	hp_text_free(&bench->messages);
	static const char *const files[] = {"rules/x.sql", "rules", "knowledge.sqlite", ""};
	for (size_t i = 0; i < HP_COUNT(files); i++) {
		hp_cleanup_free char *path = path_in(bench, files[i]);
		remove(path);
	}
	free(bench);
	return 0;
}

#define RULE(id, view, impact, applies, columns, from)                                             \
	"INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES"              \
	" ('" id "', 'title of " id "', '" impact "', '" applies "', 'r', 'kernel:x');"            \
	"CREATE VIEW rule_" view " AS SELECT " columns " FROM " from ";"
#define ROW(subject, result)                                                                       \
	"t.host, " subject " AS subject, NULL AS surface, NULL AS share, " result " AS result,"    \
	" 'seen at ' || " subject " AS evidence"
#define FIX(id, rule, distance)                                                                    \
	"INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES"                           \
	" ('" id "', '" rule "', 'advice', '" distance "', 'title of " id "', NULL);"

/* An H100 with a VF and a bridge above, and the rest of the host unknown. */
static const char host_facts[] =
    "{\"schema\": \"happypath.facts/1\", \"host\": \"h\", \"facts\": {\"pci_function\": ["
    "{\"address\": \"0000:00:01.0\", \"class\": \"060400\", \"vendor\": \"8086\", \"parent\": "
    "\"none\"},"
    "{\"address\": \"0000:01:00.0\", \"class\": \"030200\", \"vendor\": \"10de\", \"device\": "
    "\"2330\","
    " \"parent\": \"0000:00:01.0\", \"physical_function\": \"none\", \"iommu_group\": \"7\", "
    "\"driver\": \"nvidia\"},"
    "{\"address\": \"0000:01:00.4\", \"class\": \"030200\", \"vendor\": \"10de\", \"device\": "
    "\"2330\","
    " \"physical_function\": \"0000:01:00.0\", \"iommu_group\": \"8\"}]}}";

static void judge_on(struct bench *bench, const char *rules, bool passes, size_t processors)
{
	struct hp_error error = {0};
	hp_cleanup_free char *file = path_in(bench, "knowledge.sqlite");
	write_file(bench, "rules/x.sql", rules);
	struct hp_knowledge_options options = {.file = file,
	                                       .drop_ins = bench->directory,
	                                       .owner = geteuid(),
	                                       .complain = note,
	                                       .data = &bench->messages};
	struct hp_verdict_options how = {.as_of = "2026-08-22",
	                                 .passes = passes,
	                                 .processors = processors,
	                                 .complain = note,
	                                 .data = &bench->messages};
	if (hp_knowledge_open(hp_facts_db(bench->facts), &options, &bench->knowledge, &error) ||
	    hp_facts_import(bench->facts, "h.json", host_facts, strlen(host_facts), note,
	                    &bench->messages, &error) ||
	    hp_facts_derive(bench->facts, &error) ||
	    hp_verdict_new(bench->facts, bench->knowledge, &how, &bench->verdict, &error))
		fail_msg("%s%s", error.message, hp_text_get(&bench->messages));
}

static const struct hp_verdict_host *judge(struct bench *bench, const char *rules, bool passes)
{
	judge_on(bench, rules, passes, 1);
	assert_string_equal(hp_text_get(&bench->messages), "");
	size_t count;
	const struct hp_verdict_host *hosts = hp_verdict_hosts(bench->verdict, &count);
	assert_int_equal(count, 1);
	assert_int_equal(hosts[0].accelerator_count, 2);
	return &hosts[0];
}

/* So many rules that children take their parts of them; `broken` (or -1) fails when it is run. */
static void many_rules(struct hp_text *rules, int count, int broken)
{
	for (int i = 0; i < count; i++)
		hp_text_printf(
		    rules,
		    "INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES"
		    " ('r%03d', 't', 'blocks', '*', 'r', 'kernel:x');"
		    "CREATE VIEW rule_r%03d AS SELECT t.host, t.address AS subject, NULL AS "
		    "surface,"
		    " NULL AS share, 'pass' AS result, 'rule %d at ' || t.driver || %s AS evidence"
		    " FROM accelerator t;",
		    i, i, i,
		    i == broken ? "(SELECT sum(n) FROM (SELECT 9223372036854775807 AS n UNION ALL "
				  "SELECT 1))"
				: "''");
}

/* Every finding in its order, then what was complained of. */
static char *all_found(const char *rules, size_t processors)
{
	void *state;
	struct hp_text text = {0};
	size_t count;
	bench_open(&state);
	struct bench *bench = state;
	judge_on(bench, rules, true, processors);
	const struct hp_finding *findings = hp_verdict_findings(bench->verdict, &count);
	for (size_t i = 0; i < count; i++) {
		/* The directory has another name each time. */
		const char *file = strstr(findings[i].evidence, "rules/x.sql");
		hp_text_printf(&text, "%s %s %d %s\n", findings[i].host, findings[i].id,
		               findings[i].result, file ? file : findings[i].evidence);
	}
	hp_text_printf(&text, "%zu findings; %s", count,
	               strstr(hp_text_get(&bench->messages), "rule") ? "complaints" : "quiet");
	bench_close(&state);
	return text.data;
}

static void processors_find_the_same(void **state HP_UNUSED)
{
	enum { RULES = 120 };
	static const int broken[] = {-1, 0, RULES - 1};
	for (size_t i = 0; i < HP_COUNT(broken); i++) {
		hp_cleanup_text struct hp_text rules = {0};
		many_rules(&rules, RULES, broken[i]);
		hp_cleanup_free char *one = all_found(rules.data, 1);
		assert_non_null(strstr(one, broken[i] < 0 ? "quiet" : "complaints"));
		for (size_t processors = 2; processors <= 8; processors *= 2) {
			hp_cleanup_free char *more = all_found(rules.data, processors);
			assert_string_equal(one, more);
		}
	}
}

/* Every finding of the built rules, by a crew that opens `file` for itself before we open what was
 * built; NULL: without a crew. */
static char *all_found_by(size_t processors, const char *file)
{
	const struct hp_knowledge_options theirs = {.file = file, .drop_ins = ""};
	const struct hp_knowledge_options ours = {.file = getenv("HP_TEST_KNOWLEDGE"),
	                                          .drop_ins = ""};
	struct hp_crew_start start = {.processors = processors, .knowledge_options = &theirs};
	struct hp_verdict_options how = {.as_of = "2026-08-22", .processors = 1};
	struct hp_facts *facts = NULL;
	struct hp_knowledge *knowledge = NULL;
	struct hp_verdict *verdict = NULL;
	struct hp_text text = {0};
	size_t count;
	assert_int_equal(hp_facts_new(&facts, NULL), 0);
	how.crew = file ? hp_crew_new(facts, &start) : NULL;
	assert_true(!file || how.crew);
	assert_int_equal(hp_knowledge_open(hp_facts_db(facts), &ours, &knowledge, NULL), 0);
	assert_true(hp_facts_import(facts, "h.json", host_facts, strlen(host_facts), NULL, NULL,
	                            NULL) == 0);
	assert_int_equal(hp_facts_derive(facts, NULL), 0);
	assert_int_equal(hp_verdict_new(facts, knowledge, &how, &verdict, NULL), 0);
	const struct hp_finding *findings = hp_verdict_findings(verdict, &count);
	for (size_t i = 0; i < count; i++)
		hp_text_printf(&text, "%s %s %d %s\n", findings[i].rule->id, findings[i].id,
		               findings[i].result, findings[i].evidence);
	hp_verdict_free(verdict);
	hp_crew_free(how.crew);
	hp_knowledge_close(knowledge);
	hp_facts_free(facts);
	return text.data;
}

/* Has the rules in a file of knowledge write otherwise of what they do not see. */
static void reword(const char *path)
{
	static const char words[] = "not seen", others[] = "NOT SEEN";
	sqlite3 *db = NULL;
	sqlite3_blob *texts = NULL;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_blob_open(db, "main", "packed", "texts", 1, 1, &texts), SQLITE_OK);
	size_t size = (size_t)sqlite3_blob_bytes(texts), count = 0;
	hp_cleanup_free char *copy = hp_calloc(1, size);
	assert_int_equal(sqlite3_blob_read(texts, copy, (int)size, 0), SQLITE_OK);
	for (char *at = copy; (at = memmem(at, size - (size_t)(at - copy), words, strlen(words)));
	     count++)
		memcpy(at, others, strlen(others));
	assert_true(count > 0);
	assert_int_equal(sqlite3_blob_write(texts, copy, (int)size, 0), SQLITE_OK);
	sqlite3_blob_close(texts);
	sqlite3_close(db);
}

/* A crew with other knowledge finds nothing that counts. */
static void a_crew_may_open_its_knowledge(void **state)
{
	const char *built = getenv("HP_TEST_KNOWLEDGE");
	hp_cleanup_free char *other = path_in(*state, "knowledge.sqlite");
	const char *const files[] = {built, other, "/nonexistent"};
	reword(other);
	hp_cleanup_free char *alone = all_found_by(1, NULL);
	assert_non_null(strstr(alone, "nvidia-driver"));
	for (size_t i = 0; i < HP_COUNT(files); i++)
		for (size_t processors = 2; processors <= 4; processors *= 2) {
			hp_cleanup_free char *found = all_found_by(processors, files[i]);
			assert_string_equal(alone, found);
		}
}

static const struct hp_offer *offer_of(const struct hp_verdict_host *host, const char *surface,
                                       const char *share)
{
	const struct hp_accelerator *accelerator = &host->accelerators[0];
	for (size_t i = 0; i < accelerator->offer_count; i++)
		if (strcmp(accelerator->offers[i].surface->surface, surface) == 0 &&
		    strcmp(accelerator->offers[i].surface->share, share) == 0)
			return &accelerator->offers[i];
	fail_msg("no offer %s:%s", surface, share);
	return NULL;
}

static bool is_hit(const struct hp_offer *offer, const char *id)
{
	for (size_t i = 0; i < offer->finding_count; i++)
		if (strcmp(offer->findings[i]->id, id) == 0)
			return true;
	return false;
}

/* One rule on the accelerator, of each impact, result and price: what becomes of the offer. */
static const struct {
	const char *rules;
	enum hp_readiness readiness;
	enum hp_distance distance;
} outcomes[] = {
    {RULE("a", "a", "blocks", "*", ROW("t.address", "'pass'"), "accelerator t"), HP_READINESS_READY,
     HP_DISTANCE_NONE},
    {RULE("a", "a", "blocks", "*", ROW("t.address", "'unknown'"), "accelerator t"),
     HP_READINESS_UNKNOWN, HP_DISTANCE_NONE},
    {RULE("a", "a", "blocks", "*", ROW("t.address", "'nonsense'"), "accelerator t"),
     HP_READINESS_UNKNOWN, HP_DISTANCE_NONE},
    {RULE("a", "a", "blocks", "*", ROW("t.address", "'fail'"), "accelerator t"),
     HP_READINESS_UNREACHABLE, HP_DISTANCE_HARDWARE},
    {RULE("a", "a", "blocks", "*", ROW("t.address", "'fail'"), "accelerator t")
         FIX("f", "a", "hardware"),
     HP_READINESS_UNREACHABLE, HP_DISTANCE_HARDWARE},
    {RULE("a", "a", "blocks", "*", ROW("t.address", "'fail'"), "accelerator t")
         FIX("f", "a", "hardware") FIX("g", "a", "drain"),
     HP_READINESS_REACHABLE, HP_DISTANCE_DRAIN},
    {RULE("a", "a", "blocks", "*", ROW("t.address", "'fail'"), "accelerator t")
         FIX("f", "a", "live") RULE("b", "b", "blocks", "*", ROW("t.address", "'fail'"),
                                    "accelerator t") FIX("g", "b", "reboot")
             RULE("c", "c", "blocks", "*", ROW("t.address", "'unknown'"), "accelerator t"),
     HP_READINESS_REACHABLE, HP_DISTANCE_REBOOT},
    {RULE("a", "a", "degrades", "*", ROW("t.address", "'fail'"), "accelerator t"),
     HP_READINESS_READY, HP_DISTANCE_NONE},
    {RULE("a", "a", "notes", "*", ROW("t.address", "'unknown'"), "accelerator t"),
     HP_READINESS_READY, HP_DISTANCE_NONE},
};

static void readiness_and_distance(void **state HP_UNUSED)
{
	for (size_t i = 0; i < HP_COUNT(outcomes); i++) {
		void *each;
		bench_open(&each);
		const struct hp_verdict_host *host = judge(each, outcomes[i].rules, false);
		const struct hp_offer *offer = offer_of(host, "qemu-vfio", "whole");
		if (offer->readiness != outcomes[i].readiness ||
		    offer->distance != outcomes[i].distance)
			fail_msg("%zu: %s, %s", i, hp_readiness_name(offer->readiness),
			         hp_distance_name(offer->distance));
		/* ESXi hosts are not probed: never ready. */
		enum hp_readiness esxi = offer_of(host, "esxi-vgpu", "vgpu")->readiness;
		assert_true(esxi == HP_READINESS_UNKNOWN || esxi == HP_READINESS_UNREACHABLE);
		bench_close(&each);
	}
}

static void subjects_hit_what_they_mean(void **state)
{
	const struct hp_verdict_host *host =
	    judge(*state,
	          RULE("own", "own", "blocks", "*", ROW("t.address", "'fail'"),
	               "accelerator t WHERE t.is_vf = 0")
	              RULE("grp", "grp", "blocks", "*", ROW("'group:' || t.iommu_group", "'fail'"),
	                   "accelerator t WHERE t.is_vf = 0")
	                  RULE("up", "up", "blocks", "*", ROW("t.address", "'fail'"),
	                       "pci_function t WHERE t.class = '060400'")
	                      RULE("vf", "vf", "blocks", "*", ROW("t.address", "'fail'"),
	                           "accelerator t WHERE t.is_vf = 1")
	                          RULE("far", "far", "blocks", "*", ROW("'0000:99:00.0'", "'fail'"),
	                               "host_summary t"),
	          false);
	const struct hp_offer *whole = offer_of(host, "qemu-vfio", "whole"),
			      *vgpu = offer_of(host, "qemu-vgpu", "vgpu");
	assert_true(is_hit(whole, "own@0000:01:00.0") && is_hit(vgpu, "own@0000:01:00.0"));
	assert_true(is_hit(whole, "grp@group:7"));
	assert_true(is_hit(whole, "up@0000:00:01.0"));
	assert_false(
	    is_hit(whole, "vf@0000:01:00.4")); // what a VF has is no matter of the whole device
	assert_true(is_hit(vgpu, "vf@0000:01:00.4"));
	assert_false(is_hit(whole, "far@0000:99:00.0"));
	assert_int_equal(host->finding_count, 1); // but it is not lost
	assert_string_equal(host->findings[0]->id, "far@0000:99:00.0");
	assert_int_equal(host->accelerators[1].offer_count, 0);
	assert_true(host->accelerators[1].finding_count > 0);
}

static void applies_narrows(void **state)
{
	const struct hp_verdict_host *host = judge(
	    *state,
	    RULE("one", "one", "notes", "container", ROW("t.address", "'fail'"), "accelerator t")
		RULE("mech", "mech", "notes", "@vfio -cloud-hypervisor", ROW("t.address", "'fail'"),
	             "accelerator t") RULE("share", "share", "notes", ":mig",
	                                   ROW("t.address", "'fail'"), "accelerator t")
		    RULE("both", "both", "notes", "qemu-vgpu:mig-vgpu", ROW("t.address", "'fail'"),
	                 "accelerator t")
			RULE("row", "row", "notes", "*",
	                     "t.host, t.address AS subject, 'container' AS surface, 'mig' AS share,"
	                     " 'fail' AS result, 'e' AS evidence",
	                     "accelerator t"),
	    false);
	static const struct {
		const char *surface, *share, *hits;
	} expected[] = {
	    {"container", "whole", "one"},     {"container", "mig", "one share row"},
	    {"qemu-vfio", "whole", "mech"},    {"cloud-hypervisor", "whole", ""},
	    {"qemu-vgpu", "mig-vgpu", "both"}, {"qemu-vgpu", "vgpu", ""},
	    {"kubernetes", "mig", "share"},
	};
	static const char *const rules[] = {"one", "mech", "share", "both", "row"};
	for (size_t i = 0; i < HP_COUNT(expected); i++)
		for (size_t r = 0; r < HP_COUNT(rules); r++) {
			hp_cleanup_free char *id = hp_asprintf("%s@0000:01:00.0", rules[r]);
			const struct hp_offer *offer =
			    offer_of(host, expected[i].surface, expected[i].share);
			if (is_hit(offer, id) != hp_has_word(expected[i].hits, rules[r]))
				fail_msg("%s on %s:%s", id, expected[i].surface, expected[i].share);
		}
}

static void findings_of_the_host_stand_once(void **state)
{
	struct bench *bench = *state;
	const struct hp_verdict_host *host = judge(
	    bench,
	    RULE("all", "all", "blocks", "*", ROW("''", "'fail'"), "host_summary t")
		FIX("f", "all", "reboot")
		    RULE("some", "some", "blocks", "@vfio", ROW("''", "'fail'"), "host_summary t")
			RULE("good", "good", "blocks", "*", ROW("''", "'pass'"), "host_summary t"),
	    false);
	assert_int_equal(host->finding_count, 1);
	assert_string_equal(host->findings[0]->id, "all@");
	assert_int_equal(offer_of(host, "container", "whole")->distance, HP_DISTANCE_REBOOT);
	char *text = NULL;
	size_t length;
	FILE *memory = open_memstream(&text, &length);
	assert_int_equal(hp_verdict_write(bench->verdict, bench->knowledge, "2026-08-22",
	                                  "2026-08-23", memory, NULL),
	                 0);
	fclose(memory);
	json_t *document = json_loads(text, 0, NULL);
	assert_non_null(document);
	json_t *first = json_array_get(
	    json_object_get(json_array_get(json_object_get(document, "hosts"), 0), "accelerators"),
	    0);
	json_t *offer = json_array_get(json_object_get(first, "offers"), 0);
	assert_string_equal(
	    json_string_value(json_array_get(json_object_get(offer, "blocking"), 0)), "all@");
	assert_int_equal(json_array_size(json_object_get(offer, "findings")), 0);
	json_decref(document);
	free(text);
}

static void passes_are_kept_on_demand(void **state)
{
	const struct hp_verdict_host *host =
	    judge(*state,
	          RULE("a", "a", "blocks", "*", ROW("t.address", "'pass'"), "accelerator t"), true);
	assert_true(is_hit(offer_of(host, "qemu-vfio", "whole"), "a@0000:01:00.0"));
}

/* What weighs most is said first, and a finding names the file that it rests on. */
static void weight_and_origin(void **state)
{
	struct bench *bench = *state;
	const struct hp_verdict_host *host =
	    judge(bench,
	          RULE("a", "a", "blocks", "*", ROW("t.address", "'unknown'"),
	               "accelerator t WHERE t.is_vf = 0")
	              RULE("b", "b", "blocks", "*", ROW("t.address", "'fail'"),
	                   "accelerator t WHERE t.is_vf = 0 AND t.driver = 'nvidia'")
	                  FIX("f", "b", "live")
	                      RULE("c", "c", "blocks", "*", ROW("t.address", "'fail'"),
	                           "accelerator t WHERE t.is_vf = 0") FIX("g", "c", "reload"),
	          false);
	const struct hp_offer *offer = offer_of(host, "container", "whole");
	assert_string_equal(offer->findings[0]->rule->id, "c");
	assert_string_equal(offer->findings[1]->rule->id, "b");
	assert_string_equal(offer->findings[2]->rule->id, "a");
	assert_non_null(strstr(offer->summary, "title of g (seen at 0000:01:00.0)"));
	const char *const *origins = hp_verdict_origins(bench->verdict, offer->findings[1]);
	bool named = false;
	for (; *origins; origins++)
		named |= strcmp(*origins, "/sys/bus/pci/devices/0000:01:00.0/driver") == 0;
	assert_true(named);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(readiness_and_distance),
	    cmocka_unit_test(processors_find_the_same),
	    cmocka_unit_test_setup_teardown(a_crew_may_open_its_knowledge, bench_open, bench_close),
	    cmocka_unit_test_setup_teardown(subjects_hit_what_they_mean, bench_open, bench_close),
	    cmocka_unit_test_setup_teardown(applies_narrows, bench_open, bench_close),
	    cmocka_unit_test_setup_teardown(findings_of_the_host_stand_once, bench_open,
	                                    bench_close),
	    cmocka_unit_test_setup_teardown(passes_are_kept_on_demand, bench_open, bench_close),
	    cmocka_unit_test_setup_teardown(weight_and_origin, bench_open, bench_close),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
