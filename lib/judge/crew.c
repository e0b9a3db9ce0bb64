// Children that prepare the rules while the facts are still being read, and run them once they are
// there. SPDX-License-Identifier: Apache-2.0
#include "base/text.h"
#include "base/worker.h"
#include "judge/parts.h"

#include <stdatomic.h>
#include <string.h>

enum {
	MOST_CHILDREN = 3,      // more save less than their forking costs
	FEW_RULES = 32,         // so few are not worth a child
	MOST_RULES = 4096,      // of knowledge that is not open yet
	MEMORY_SIZE = 256 << 20 // address space; what is not used costs nothing
};

/* Who runs a rule: whoever takes it first. */
enum claim { FREE, PARENT, CHILD, FAILED };

/* What all see. */
struct board {
	atomic_bool told; // the facts are there: nothing more is prepared ahead
	struct hp_knowledge_mark mark;
	const void *image;
	size_t image_size, most_rows;
	atomic_uchar claims[]; // of each rule
};

/* What a child leaves. */
struct found {
	struct hp_finding *items;
	size_t count;
	const struct hp_rule *rules;  // that the items name, in the child
	struct hp_fence_reads *reads; // of each rule
};

struct hand {
	struct hp_crew *crew;
	struct hp_worker *worker;
	struct found *found;
	size_t number;
};

struct hp_crew {
	struct hp_facts *facts;
	const struct hp_knowledge *knowledge; // NULL: not open yet
	struct hp_fence *fence;
	const struct hp_rule *rules;
	size_t rule_count, most_rules;
	struct hp_crew_start start;
	struct board *board;
	struct hand hands[MOST_CHILDREN];
	size_t count;
};

// -- in a child --

struct job {
	const struct hand *hand;
	struct hp_fence *fence;
	struct board *board;
	sqlite3_stmt **statements;    // of each rule, NULL where none was prepared ahead
	struct hp_findings *findings; // with the reads of each rule
};

static bool claim(struct board *board, size_t rule, enum claim whose)
{
	unsigned char free = FREE;
	return atomic_compare_exchange_strong(&board->claims[rule], &free, whose);
}

static int prepare(struct job *job, size_t i)
{
	const struct hp_rule *rule = &job->hand->crew->rules[i];
	return hp_fence_prepare(job->fence, rule->sql, rule->file, rule->line, &job->statements[i],
	                        &job->findings->reads[i], NULL);
}

static void run(struct job *job, size_t i)
{
	size_t before = job->findings->count;
	if ((job->statements[i] || prepare(job, i) == 0) &&
	    hp_findings_of_rule(job->findings, job->fence, &job->hand->crew->rules[i],
	                        job->statements[i], NULL) == 0)
		return;
	/* One that cannot be run is for the parent to tell of. */
	job->findings->count = before;
	atomic_store(&job->board->claims[i], FAILED);
}

static const char *put_text(struct hp_worker *worker, const char *text, bool *full)
{
	size_t size = text ? strlen(text) + 1 : 0;
	char *copy = text ? hp_worker_alloc(worker, size) : NULL;
	if (copy)
		memcpy(copy, text, size);
	*full |= text && !copy;
	return copy;
}

static bool put_findings(struct hp_worker *worker, const struct hp_findings *findings,
                         struct found *found)
{
	bool full = false;
	const char *before = NULL;
	found->rules = findings->rules;
	found->count = findings->count;
	found->items = hp_worker_alloc(worker, findings->count * sizeof(*findings->items));
	for (size_t i = 0; found->items && i < findings->count; i++) {
		const struct hp_finding *from = &findings->items[i];
		struct hp_finding *finding = &found->items[i];
		bool same_host = i && from->host == before;
		before = from->host;
		*finding = *from;
		finding->host = same_host ? finding[-1].host : put_text(worker, from->host, &full);
		finding->id = put_text(worker, from->id, &full);
		finding->subject = finding->id + (from->subject - from->id);
		finding->surface = put_text(worker, from->surface, &full);
		finding->share = put_text(worker, from->share, &full);
		finding->evidence = put_text(worker, from->evidence, &full);
	}
	return found->items && !full;
}

static bool put_reads(struct hp_worker *worker, const struct hp_fence_reads *reads, size_t count,
                      struct found *found)
{
	found->reads = hp_worker_alloc(worker, count * sizeof(*reads));
	for (size_t i = 0; found->reads && i < count; i++) {
		size_t size = reads[i].count * sizeof(*reads[i].items);
		found->reads[i] =
		    (struct hp_fence_reads){hp_worker_alloc(worker, size), reads[i].count};
		if (!found->reads[i].items)
			return false;
		if (size)
			memcpy(found->reads[i].items, reads[i].items, size);
	}
	return found->reads;
}

static bool same_knowledge(const struct hp_crew *crew)
{
	struct hp_knowledge_mark mark = hp_knowledge_mark(crew->knowledge);
	return memcmp(&mark, &crew->board->mark, sizeof(mark)) == 0;
}

static int run_all(struct job *job, struct hp_worker *worker)
{
	const struct hp_crew *crew = job->hand->crew;
	/* Those that always have something to say: of the others most have nothing to. */
	for (size_t i = job->hand->number; i < crew->rule_count && !atomic_load(&job->board->told);
	     i += crew->count)
		if (!*crew->rules[i].needs && !*crew->rules[i].minds)
			prepare(job, i);
	if (!hp_worker_wait(worker) || !same_knowledge(crew) ||
	    hp_facts_take_image(crew->facts, job->board->image, job->board->image_size))
		return -1;
	job->findings->most_rows = job->board->most_rows;
	for (size_t i = job->hand->number; i < crew->rule_count; i += crew->count)
		if (job->statements[i] && claim(job->board, i, CHILD))
			run(job, i);
	for (size_t i = job->hand->number; i < crew->rule_count; i += crew->count)
		if (claim(job->board, i, CHILD))
			run(job, i);
	bool good = put_findings(worker, job->findings, job->hand->found) &&
	            put_reads(worker, job->findings->reads, crew->rule_count, job->hand->found);
	return good ? 0 : -1;
}

static void know(struct hp_crew *crew, const struct hp_knowledge *knowledge)
{
	crew->knowledge = knowledge;
	crew->fence = hp_knowledge_fence(knowledge);
	crew->rules = hp_knowledge_rules(knowledge, &crew->rule_count);
}

/* Where it cannot be opened the parent tells why. */
static bool open_knowledge(struct hp_crew *crew)
{
	struct hp_knowledge *knowledge = NULL;
	if (crew->knowledge)
		return true;
	if (hp_knowledge_open(hp_facts_db(crew->facts), crew->start.knowledge_options, &knowledge,
	                      NULL))
		return false;
	know(crew, knowledge);
	return crew->rule_count <= crew->most_rules;
}

/* The fence stands from the first preparation on: setting it up again would expire statements. */
static int work(void *data, struct hp_worker *worker)
{
	const struct hand *hand = data;
	struct hp_crew *crew = hand->crew;
	if (hand->number == 0 && crew->start.errand)
		crew->start.errand(crew->start.errand_data);
	if (!open_knowledge(crew))
		return -1;
	struct hp_findings findings = {
	    .rules = crew->rules,
	    .reads = hp_calloc(crew->rule_count, sizeof(*findings.reads)),
	    .rule_count = crew->rule_count,
	    .pool = hp_pool_new(),
	};
	struct job job = {
	    .hand = hand,
	    .fence = crew->fence,
	    .board = crew->board,
	    .statements = hp_calloc(crew->rule_count, sizeof(sqlite3_stmt *)),
	    .findings = &findings,
	};
	hp_fence_begin(crew->fence, HP_FENCE_MODE_RULE);
	return run_all(&job, worker);
}

// -- in the parent --

static bool add_hand(struct hp_crew *crew)
{
	struct hand *hand = &crew->hands[crew->count];
	*hand = (struct hand){
	    .crew = crew, .number = crew->count, .worker = hp_worker_new(MEMORY_SIZE)};
	if (!hand->worker)
		return false;
	crew->count++;
	hand->found = hp_worker_alloc(hand->worker, sizeof(*hand->found));
	return true;
}

static bool start(struct hp_crew *crew, size_t children)
{
	while (crew->count < children)
		if (!add_hand(crew))
			return false;
	crew->board =
	    hp_worker_alloc(crew->hands[0].worker, sizeof(*crew->board) + crew->most_rules);
	for (size_t i = 0; i < crew->count; i++)
		if (!hp_worker_start(crew->hands[i].worker, work, &crew->hands[i]))
			return false;
	return true;
}

struct hp_crew *hp_crew_new(struct hp_facts *facts, const struct hp_crew_start *how)
{
	struct hp_crew *crew = hp_calloc(1, sizeof(*crew));
	crew->facts = facts;
	crew->start = *how;
	if (how->knowledge)
		know(crew, how->knowledge);
	crew->most_rules = how->knowledge ? crew->rule_count : MOST_RULES;
	size_t children = (how->processors ? how->processors : hp_processors()) - 1;
	if (children > MOST_CHILDREN)
		children = MOST_CHILDREN;
	if (children > crew->most_rules / FEW_RULES)
		children = crew->most_rules / FEW_RULES;
	if (!children || start(crew, children))
		return crew;
	hp_crew_free(crew);
	return NULL;
}

void hp_crew_dismiss(struct hp_crew *crew)
{
	for (size_t i = 0; crew && i < crew->count; i++)
		hp_worker_dismiss(crew->hands[i].worker);
}

void hp_crew_free(struct hp_crew *crew)
{
	for (size_t i = 0; crew && i < crew->count; i++)
		hp_worker_free(crew->hands[i].worker);
	free(crew);
}

bool hp_crew_tell(struct hp_crew *crew, const struct hp_findings *findings)
{
	size_t size;
	if (!crew->knowledge)
		know(crew, findings->knowledge);
	bool fits = crew->count && crew->rule_count <= crew->most_rules;
	const void *image = fits ? hp_facts_image(crew->facts, &size) : NULL;
	void *copy = image ? hp_worker_alloc(crew->hands[0].worker, size) : NULL;
	if (!copy)
		return false;
	memcpy(copy, image, size);
	crew->board->mark = hp_knowledge_mark(findings->knowledge);
	crew->board->image = copy;
	crew->board->image_size = size;
	crew->board->most_rows = findings->most_rows;
	for (size_t i = 0; i < crew->rule_count; i++)
		if (!findings->wanted[i])
			claim(crew->board, i, PARENT);
	atomic_store(&crew->board->told, true);
	for (size_t i = 0; i < crew->count; i++)
		hp_worker_go(crew->hands[i].worker);
	return true;
}

bool hp_crew_leaves(struct hp_crew *crew, size_t rule)
{
	return claim(crew->board, rule, PARENT);
}

static void adopt(struct hp_crew *crew, const struct hand *hand, struct hp_findings *findings)
{
	for (size_t i = 0; i < hand->found->count; i++) {
		struct hp_finding *finding = hp_findings_add(findings);
		*finding = hand->found->items[i];
		finding->rule = crew->rules + (finding->rule - hand->found->rules);
	}
	for (size_t i = hand->number; i < crew->rule_count; i += crew->count) {
		if (atomic_load(&crew->board->claims[i]) != CHILD)
			continue;
		const struct hp_fence_reads *from = &hand->found->reads[i];
		size_t size = from->count * sizeof(*from->items);
		findings->reads[i] = (struct hp_fence_reads){hp_calloc(1, size + 1), from->count};
		memcpy(findings->reads[i].items, from->items, size);
		findings->wanted[i] = false;
	}
}

static bool took_any(const struct hp_crew *crew, const struct hand *hand)
{
	for (size_t i = hand->number; i < crew->rule_count; i += crew->count)
		if (atomic_load(&crew->board->claims[i]) == CHILD)
			return true;
	return false;
}

/* One that took nothing may be standing before a file that never answers: nobody waits for it. */
void hp_crew_adopt(struct hp_crew *crew, struct hp_findings *findings)
{
	for (size_t i = 0; i < crew->count; i++)
		if (took_any(crew, &crew->hands[i]) && hp_worker_done(crew->hands[i].worker))
			adopt(crew, &crew->hands[i], findings);
}
