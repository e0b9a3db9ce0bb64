// Puts findings and offers together. SPDX-License-Identifier: Apache-2.0
#include "judge/verdict.h"
#include "base/cleanup.h"
#include "base/database.h"
#include "base/text.h"
#include "judge/parts.h"

#include <stdlib.h>
#include <string.h>

struct hp_verdict {
	struct hp_facts *facts;
	const struct hp_knowledge *knowledge;
	struct hp_pool *pool;
	struct hp_findings findings;
	struct hp_matrix *matrix;
	struct hp_origins *origins;
	const struct hp_finding **by_subject; // by host and subject
	bool *used;                           // of each of by_subject: it hits an accelerator
	struct hp_applies *applies;
	struct hp_verdict_host *hosts;
	size_t host_count;
};

// -- which rule means which offer --

static size_t number_of(const struct hp_verdict *verdict, const struct hp_surface_share *surface)
{
	size_t count;
	return (size_t)(surface - hp_matrix_surfaces(verdict->matrix, &count));
}

static bool narrowed_to(const struct hp_finding *finding, const struct hp_surface_share *surface)
{
	return (!finding->surface || strcmp(finding->surface, surface->surface) == 0) &&
	       (!finding->share || strcmp(finding->share, surface->share) == 0);
}

// -- which finding means which accelerator --

static int by_subject(const void *a, const void *b)
{
	const struct hp_finding *const *left = a, *const *right = b;
	int order = strcmp((*left)->host, (*right)->host);
	if (!order)
		order = strcmp((*left)->subject, (*right)->subject);
	return order ? order : (*left > *right) - (*left < *right);
}

static void sort_findings(struct hp_verdict *verdict)
{
	size_t count = verdict->findings.count;
	verdict->by_subject =
	    hp_pool_alloc(verdict->pool, (count + 1) * sizeof(*verdict->by_subject));
	verdict->used = hp_pool_alloc(verdict->pool, count + 1);
	for (size_t i = 0; i < count; i++)
		verdict->by_subject[i] = &verdict->findings.items[i];
	qsort(verdict->by_subject, count, sizeof(*verdict->by_subject), by_subject);
}

/* The first finding of that host and subject, or where it would be. */
static size_t first_of(const struct hp_verdict *verdict, const char *host, const char *subject)
{
	size_t low = 0, high = verdict->findings.count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct hp_finding *finding = verdict->by_subject[middle];
		int order = strcmp(finding->host, host);
		if (!order)
			order = strcmp(finding->subject, subject);
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct hit {
	const struct hp_finding *finding;
	const uint64_t *set; // surfaces that its rule means
	bool of_vf; // what a VF of the accelerator has: matters to what is made of VFs alone
};

struct hits {
	struct hit *items;
	size_t count, size;
};

static void add_hit(struct hits *hits, struct hit hit)
{
	if (hits->count == hits->size) {
		hits->size = hits->size ? 2 * hits->size : 256;
		hits->items = hp_realloc(hits->items, hits->size * sizeof(*hits->items));
	}
	hits->items[hits->count++] = hit;
}

static struct hit hit_of(struct hp_verdict *verdict, const struct hp_finding *finding, bool of_vf)
{
	return (struct hit){.finding = finding,
	                    .set = hp_applies_set(verdict->applies, finding->rule),
	                    .of_vf = of_vf};
}

static void add_subject(struct hp_verdict *verdict, const char *host, const char *subject,
                        bool of_vf, struct hits *hits)
{
	for (size_t i = first_of(verdict, host, subject); i < verdict->findings.count; i++) {
		const struct hp_finding *finding = verdict->by_subject[i];
		if (strcmp(finding->host, host) != 0 || strcmp(finding->subject, subject) != 0)
			return;
		verdict->used[i] = true;
		add_hit(hits, hit_of(verdict, finding, of_vf));
	}
}

static int add_bridges(struct hp_verdict *verdict, const char *host, const char *address,
                       sqlite3_stmt *ancestors, struct hits *hits, struct hp_error *err)
{
	int code;
	sqlite3_reset(ancestors);
	sqlite3_bind_text(ancestors, 1, host, -1, SQLITE_STATIC);
	sqlite3_bind_text(ancestors, 2, address, -1, SQLITE_STATIC);
	while ((code = hp_db_step(ancestors, err)) == 1)
		add_subject(verdict, host, hp_db_text(ancestors, 0), false, hits);
	return code;
}

/* All findings that can hit an offer of the accelerator, but those of the host. */
static int find_hits(struct hp_verdict *verdict, const struct hp_verdict_host *host,
                     const struct hp_accelerator *accelerator, sqlite3_stmt *ancestors,
                     struct hits *hits, struct hp_error *err)
{
	add_subject(verdict, host->name, accelerator->address, false, hits);
	if (accelerator->iommu_group) {
		hp_cleanup_free char *group = hp_asprintf("group:%s", accelerator->iommu_group);
		add_subject(verdict, host->name, group, false, hits);
	}
	if (accelerator->is_vf && accelerator->parent)
		add_subject(verdict, host->name, accelerator->parent, false, hits);
	for (size_t i = 0; !accelerator->is_vf && i < host->accelerator_count; i++) {
		const struct hp_accelerator *other = &host->accelerators[i];
		if (other->is_vf && other->parent &&
		    strcmp(other->parent, accelerator->address) == 0)
			add_subject(verdict, host->name, other->address, true, hits);
	}
	return add_bridges(verdict, host->name, accelerator->address, ancestors, hits, err);
}

// -- offers and hosts --

static bool is_shared(const char *share)
{
	return hp_has_word("vgpu mig-vgpu vf", share);
}

static bool hits_surface(const struct hit *hit, const struct hp_surface_share *surface,
                         size_t number)
{
	return hit->set[number / 64] >> number % 64 & 1 && narrowed_to(hit->finding, surface);
}

static int hit_by_weight(const void *a, const void *b)
{
	const struct hit *left = a, *right = b;
	return hp_finding_order(&left->finding, &right->finding);
}

/* Drops what will not be shown, and puts first what decides first. */
static void weigh(struct hits *hits, bool passes)
{
	size_t count = 0;
	for (size_t i = 0; i < hits->count; i++)
		if (passes || hits->items[i].finding->result != HP_RESULT_PASS)
			hits->items[count++] = hits->items[i];
	hits->count = count;
	if (count)
		qsort(hits->items, count, sizeof(*hits->items), hit_by_weight);
}

/* A surface that a host's accelerators are offered on, and what of the host hits it. */
struct offered {
	const struct hp_surface_share *surface;
	struct hits of_host;
};

static void keep_meant(struct hp_verdict *verdict, const struct hits *hits,
                       const struct hp_surface_share *surface, struct hits *ret)
{
	bool shared = is_shared(surface->share);
	size_t number = number_of(verdict, surface);
	ret->count = 0;
	for (size_t i = 0; i < hits->count; i++) {
		const struct hit *hit = &hits->items[i];
		if ((shared || !hit->of_vf) && hits_surface(hit, surface, number))
			add_hit(ret, *hit);
	}
}

/* Both are weighed already, and so is what comes out. */
static const struct hp_finding **merge(struct hp_pool *pool, const struct hits *own,
                                       const struct hits *of_host)
{
	size_t count = 0;
	const struct hp_finding **ret =
	    hp_pool_alloc(pool, (own->count + of_host->count + 1) * sizeof(const void *));
	for (size_t o = 0, h = 0; o < own->count || h < of_host->count;) {
		bool take_own =
		    h == of_host->count ||
		    (o < own->count && hit_by_weight(&own->items[o], &of_host->items[h]) <= 0);
		ret[count++] = (take_own ? &own->items[o++] : &of_host->items[h++])->finding;
	}
	return ret;
}

static void judge_offer(struct hp_verdict *verdict, struct hp_offer *offer, const struct hits *own,
                        const struct hits *of_host)
{
	offer->findings = merge(verdict->pool, own, of_host);
	offer->finding_count = own->count + of_host->count;
	hp_offer_set_readiness(offer);
	offer->summary = hp_offer_summary(verdict->pool, offer);
}

/* One for each surface that there is; those that are offered have it set. */
static struct offered *find_offered(struct hp_verdict *verdict, const struct hp_verdict_host *host)
{
	size_t count;
	hp_matrix_surfaces(verdict->matrix, &count);
	struct offered *offered = hp_calloc(count + 1, sizeof(*offered));
	for (size_t i = 0; i < host->accelerator_count; i++)
		for (size_t o = 0; o < host->accelerators[i].offer_count; o++) {
			const struct hp_surface_share *surface =
			    host->accelerators[i].offers[o].surface;
			offered[number_of(verdict, surface)].surface = surface;
		}
	return offered;
}

static bool hits_all(struct hp_verdict *verdict, const struct hit *hit,
                     const struct offered *offered)
{
	size_t count;
	hp_matrix_surfaces(verdict->matrix, &count);
	for (size_t i = 0; i < count; i++)
		if (offered[i].surface && !hits_surface(hit, offered[i].surface, i))
			return false;
	return true;
}

static struct hits copy_of(struct hp_pool *pool, const struct hits *hits)
{
	size_t size = hits->count * sizeof(*hits->items);
	struct hits copy = {.items = hp_pool_alloc(pool, size + 1), .count = hits->count};
	if (size)
		memcpy(copy.items, hits->items, size);
	return copy;
}

/* The findings about the host as a whole; which of them hit every offer, and what hits each. */
static void find_host_hits(struct hp_verdict *verdict, struct hp_verdict_host *host, bool passes,
                           struct offered *offered)
{
	struct hits hits = {0}, meant = {0};
	size_t count;
	for (size_t f = first_of(verdict, host->name, ""); f < verdict->findings.count; f++) {
		struct hp_finding *finding = (struct hp_finding *)verdict->by_subject[f];
		if (strcmp(finding->host, host->name) != 0 || *finding->subject)
			break;
		struct hit hit = hit_of(verdict, finding, false);
		finding->host_wide = hits_all(verdict, &hit, offered);
		verdict->used[f] = !finding->host_wide;
		add_hit(&hits, hit);
	}
	weigh(&hits, passes);
	hp_matrix_surfaces(verdict->matrix, &count);
	for (size_t i = 0; i < count; i++) {
		if (!offered[i].surface)
			continue;
		keep_meant(verdict, &hits, offered[i].surface, &meant);
		offered[i].of_host = copy_of(verdict->pool, &meant);
	}
	free(hits.items);
	free(meant.items);
}

static void keep_findings(struct hp_verdict *verdict, struct hp_accelerator *accelerator,
                          const struct hits *hits)
{
	static const struct hits none;
	accelerator->findings = merge(verdict->pool, hits, &none);
	accelerator->finding_count = hits->count;
}

/* What stands with the host: what hits every offer, and what hits no accelerator at all. */
static void keep_host_findings(struct hp_verdict *verdict, struct hp_verdict_host *host,
                               bool passes)
{
	host->findings =
	    hp_pool_alloc(verdict->pool, (verdict->findings.count + 1) * sizeof(*host->findings));
	for (size_t i = first_of(verdict, host->name, ""); i < verdict->findings.count; i++) {
		const struct hp_finding *finding = verdict->by_subject[i];
		if (strcmp(finding->host, host->name) != 0)
			break;
		if (!verdict->used[i] && (passes || finding->result != HP_RESULT_PASS))
			host->findings[host->finding_count++] = finding;
	}
	qsort(host->findings, host->finding_count, sizeof(*host->findings), hp_finding_order);
}

static bool has_parent(const struct hp_verdict_host *host, const struct hp_accelerator *accelerator)
{
	for (size_t i = 0; accelerator->parent && i < host->accelerator_count; i++)
		if (!host->accelerators[i].is_vf &&
		    strcmp(host->accelerators[i].address, accelerator->parent) == 0)
			return true;
	return false;
}

static void judge_offers(struct hp_verdict *verdict, struct hp_accelerator *accelerator,
                         const struct hits *hits, const struct offered *offered)
{
	struct hits own = {0};
	for (size_t o = 0; o < accelerator->offer_count; o++) {
		struct hp_offer *offer = &accelerator->offers[o];
		keep_meant(verdict, hits, offer->surface, &own);
		judge_offer(verdict, offer, &own,
		            &offered[number_of(verdict, offer->surface)].of_host);
	}
	free(own.items);
}

static void find_offers(struct hp_verdict *verdict, struct hp_verdict_host *host)
{
	for (size_t i = 0; i < host->accelerator_count; i++) {
		struct hp_accelerator *accelerator = &host->accelerators[i];
		if (!accelerator->is_vf || !has_parent(host, accelerator))
			hp_matrix_offers(verdict->matrix, verdict->pool, accelerator,
			                 accelerator->is_vf);
	}
}

static int judge_host(struct hp_verdict *verdict, struct hp_verdict_host *host,
                      sqlite3_stmt *ancestors, bool passes, struct hp_error *err)
{
	struct hits hits = {0};
	int code = 0;
	find_offers(verdict, host);
	struct offered *offered = find_offered(verdict, host);
	find_host_hits(verdict, host, passes, offered);
	for (size_t i = 0; !code && i < host->accelerator_count; i++) {
		struct hp_accelerator *accelerator = &host->accelerators[i];
		hits.count = 0;
		code = find_hits(verdict, host, accelerator, ancestors, &hits, err);
		weigh(&hits, passes);
		judge_offers(verdict, accelerator, &hits, offered);
		keep_findings(verdict, accelerator, &hits);
	}
	keep_host_findings(verdict, host, passes);
	free(hits.items);
	free(offered);
	return code;
}

bool hp_rule_of_guest(const struct hp_rule *rule)
{
	return hp_has_word(rule->needs, "host_summary.guest=1");
}

static const char *group_of(const struct hp_verdict *verdict, const struct hp_finding *finding)
{
	for (size_t h = 0; h < verdict->host_count; h++) {
		const struct hp_verdict_host *host = &verdict->hosts[h];
		for (size_t i = 0;
		     strcmp(host->name, finding->host) == 0 && i < host->accelerator_count; i++)
			if (strcmp(host->accelerators[i].address, finding->subject) == 0)
				return host->accelerators[i].iommu_group;
	}
	return NULL;
}

static const struct hp_fence_reads *reads_of(const struct hp_verdict *verdict,
                                             const struct hp_finding *finding)
{
	size_t count;
	return &verdict->findings
	            .reads[finding->rule - hp_knowledge_rules(verdict->knowledge, &count)];
}

/* Evidence says where a value was not seen but assumed, predicted or remembered. */
static void say_origins(struct hp_verdict *verdict)
{
	for (size_t i = 0; i < verdict->findings.count; i++) {
		struct hp_finding *finding = &verdict->findings.items[i];
		const char *words =
		    hp_origins_words(verdict->origins, finding, group_of(verdict, finding),
		                     reads_of(verdict, finding));
		if (words)
			finding->evidence =
			    hp_pool_printf(verdict->pool, "%s [%s]", finding->evidence, words);
	}
}

static int judge(struct hp_verdict *verdict, const struct hp_verdict_options *options,
                 struct hp_error *err)
{
	hp_cleanup_statement sqlite3_stmt *ancestors = NULL;
	hp_findings_begin(verdict->facts, verdict->knowledge, options, verdict->pool,
	                  &verdict->findings);
	int code =
	    hp_matrix_new(verdict->facts, options->as_of, verdict->pool, &verdict->matrix, err);
	if (!code)
		code = hp_hosts_read(verdict->facts, verdict->pool, &verdict->hosts,
		                     &verdict->host_count, err);
	if (!code)
		code = hp_db_prepare(
		    hp_facts_db(verdict->facts),
		    "SELECT ancestor FROM pci_ancestor WHERE host = ?1 AND address = ?2",
		    &ancestors, err);
	if (!code)
		code = hp_findings_run(&verdict->findings, err);
	if (code)
		return code;
	size_t rule_count, surface_count;
	const struct hp_rule *rules = hp_knowledge_rules(verdict->knowledge, &rule_count);
	const struct hp_surface_share *surfaces =
	    hp_matrix_surfaces(verdict->matrix, &surface_count);
	verdict->applies =
	    hp_applies_new(verdict->pool, rules, rule_count, surfaces, surface_count);
	verdict->origins = hp_origins_new(verdict->facts, verdict->pool);
	say_origins(verdict);
	sort_findings(verdict);
	for (size_t i = 0; !code && i < verdict->host_count; i++)
		code = judge_host(verdict, &verdict->hosts[i], ancestors, options->passes, err);
	for (size_t i = 0; !code && i < verdict->host_count; i++)
		code = hp_host_mark_in_use(hp_facts_db(verdict->facts), &verdict->hosts[i], err);
	return code;
}

int hp_verdict_new(struct hp_facts *facts, const struct hp_knowledge *knowledge,
                   const struct hp_verdict_options *options, struct hp_verdict **ret,
                   struct hp_error *err)
{
	struct hp_verdict *verdict = hp_calloc(1, sizeof(*verdict));
	*verdict =
	    (struct hp_verdict){.facts = facts, .knowledge = knowledge, .pool = hp_pool_new()};
	int code = judge(verdict, options, err);
	if (code)
		hp_verdict_free(verdict);
	else
		*ret = verdict;
	return code;
}

void hp_verdict_free(struct hp_verdict *verdict)
{
	if (!verdict)
		return;
	hp_findings_finish(&verdict->findings);
	hp_matrix_finish(verdict->matrix);
	hp_origins_free(verdict->origins);
	hp_pool_free(verdict->pool);
	free(verdict);
}

const struct hp_verdict_host *hp_verdict_hosts(const struct hp_verdict *verdict, size_t *ret_count)
{
	*ret_count = verdict->host_count;
	return verdict->hosts;
}

const struct hp_finding *hp_verdict_findings(const struct hp_verdict *verdict, size_t *ret_count)
{
	*ret_count = verdict->findings.count;
	return verdict->findings.items;
}

const char *const *hp_verdict_origins(struct hp_verdict *verdict, const struct hp_finding *finding)
{
	return hp_origins_files(verdict->origins, finding, group_of(verdict, finding),
	                        reads_of(verdict, finding));
}
