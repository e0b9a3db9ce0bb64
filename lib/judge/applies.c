// Which rule means which rows of surface_share. SPDX-License-Identifier: Apache-2.0
#include "base/text.h"
#include "judge/parts.h"

#include <string.h>

/* One word of `applies`, without a minus before it: what of a surface it asks for. */
struct word {
	char text[128];
	const char *mechanism, *surface, *share; // NULL: any will do
	bool none;                               // too long to mean any
};

static void parse_word(const char *at, size_t length, struct word *ret)
{
	*ret = (struct word){.none = length >= sizeof(ret->text)};
	if (ret->none)
		return;
	memcpy(ret->text, at, length);
	char *colon = strchr(ret->text, ':');
	if (strcmp(ret->text, "*") == 0)
		return;
	if (*ret->text == '@') {
		ret->mechanism = ret->text + 1;
		return;
	}
	if (colon) {
		*colon = '\0';
		ret->share = colon + 1;
	}
	ret->surface = !colon || *ret->text ? ret->text : NULL;
}

static bool word_means(const struct word *word, const struct hp_surface_share *surface)
{
	return !word->none &&
	       (!word->mechanism || hp_has_word(surface->mechanism, word->mechanism)) &&
	       (!word->surface || strcmp(word->surface, surface->surface) == 0) &&
	       (!word->share || strcmp(word->share, surface->share) == 0);
}

/* The next word of `applies`: its length, 0 at the end; `ret_excludes`: it stood behind a minus. */
static size_t next_word(const char **at, bool *ret_excludes)
{
	*at += strspn(*at, " \t\n");
	*ret_excludes = **at == '-';
	*at += *ret_excludes;
	return strcspn(*at, " \t\n");
}

bool hp_applies(const char *applies, const struct hp_surface_share *surface)
{
	bool meant = false, excludes;
	size_t length;
	for (const char *at = applies; (length = next_word(&at, &excludes)) || excludes;
	     at += length) {
		struct word word;
		parse_word(at, length, &word);
		if (!word_means(&word, surface))
			continue;
		if (excludes)
			return false;
		meant = true;
	}
	return meant;
}

/* Rules share their words, and many the whole of `applies`: each is looked at once. */
struct known {
	const char *text;
	size_t length;
	uint64_t *set;
};

struct hp_applies {
	struct hp_pool *pool;
	const struct hp_surface_share *surfaces;
	size_t count, size; // surfaces; words of 64 bits in a set
	const struct hp_rule *rules;
	const uint64_t **of_rule; // NULL: not asked yet
	struct known words[256], whole[256];
	size_t word_count, whole_count;
};

struct hp_applies *hp_applies_new(struct hp_pool *pool, const struct hp_rule *rules,
                                  size_t rule_count, const struct hp_surface_share *surfaces,
                                  size_t count)
{
	struct hp_applies *applies = hp_pool_alloc(pool, sizeof(*applies));
	*applies = (struct hp_applies){
	    .pool = pool,
	    .surfaces = surfaces,
	    .count = count,
	    .size = count / 64 + 1,
	    .rules = rules,
	    .of_rule = hp_pool_alloc(pool, (rule_count + 1) * sizeof(*applies->of_rule)),
	};
	return applies;
}

static uint64_t *find(const struct known *known, size_t count, const char *text, size_t length)
{
	for (size_t i = 0; i < count; i++)
		if (known[i].length == length && memcmp(known[i].text, text, length) == 0)
			return known[i].set;
	return NULL;
}

static void keep(struct known *known, size_t *count, size_t most, struct known item)
{
	if (*count < most)
		known[(*count)++] = item;
}

static const uint64_t *set_of_word(struct hp_applies *applies, const char *word, size_t length)
{
	uint64_t *set = find(applies->words, applies->word_count, word, length);
	if (set)
		return set;
	set = hp_pool_alloc(applies->pool, applies->size * sizeof(*set));
	struct word parsed;
	parse_word(word, length, &parsed);
	for (size_t i = 0; i < applies->count; i++)
		if (word_means(&parsed, &applies->surfaces[i]))
			set[i / 64] |= (uint64_t)1 << i % 64;
	keep(applies->words, &applies->word_count, sizeof(applies->words) / sizeof(struct known),
	     (struct known){word, length, set});
	return set;
}

/* What its words mean, less what those behind a minus mean. */
static uint64_t *set_of_all(struct hp_applies *applies, const char *text)
{
	uint64_t *meant = hp_pool_alloc(applies->pool, 2 * applies->size * sizeof(*meant));
	uint64_t *excluded = meant + applies->size;
	bool excludes;
	size_t length;
	for (const char *at = text; (length = next_word(&at, &excludes)) || excludes;
	     at += length) {
		const uint64_t *set = set_of_word(applies, at, length);
		for (size_t i = 0; i < applies->size; i++)
			(excludes ? excluded : meant)[i] |= set[i];
	}
	for (size_t i = 0; i < applies->size; i++)
		meant[i] &= ~excluded[i];
	return meant;
}

const uint64_t *hp_applies_set(struct hp_applies *applies, const struct hp_rule *rule)
{
	const uint64_t **set = &applies->of_rule[rule - applies->rules];
	if (*set)
		return *set;
	size_t length = strlen(rule->applies);
	uint64_t *found = find(applies->whole, applies->whole_count, rule->applies, length);
	if (!found) {
		found = set_of_all(applies, rule->applies);
		keep(applies->whole, &applies->whole_count,
		     sizeof(applies->whole) / sizeof(struct known),
		     (struct known){rule->applies, length, found});
	}
	return *set = found;
}
