// What the command line consents to. SPDX-License-Identifier: Apache-2.0
#include "consent.h"

#include "base/cleanup.h"
#include "facts/value.h"

static const char *make_whole(struct hp_consent *consent, const char *word)
{
	char whole[HP_VALUE_SIZE];
	const char *name = hp_value_address(word, whole, sizeof(whole)) ? whole : word;
	return consent->whole[consent->count++] = hp_strdup(name);
}

void hp_consent_take(struct hp_consent *consent, const struct hp_words *allow,
                     const char *const *own)
{
	size_t owned = 0;
	while (own && own[owned])
		owned++;
	*consent = (struct hp_consent){
	    .allow = hp_calloc(allow->count + 1, sizeof(*consent->allow)),
	    .own = hp_calloc(owned + 1, sizeof(*consent->own)),
	    .whole = hp_calloc(allow->count + owned + 1, sizeof(*consent->whole))};
	for (size_t i = 0; i < allow->count; i++)
		consent->allow[i] = make_whole(consent, allow->items[i]);
	for (size_t i = 0; i < owned; i++)
		consent->own[i] = make_whole(consent, own[i]);
}

void hp_consent_free(struct hp_consent *consent)
{
	for (size_t i = 0; i < consent->count; i++)
		free(consent->whole[i]);
	free(consent->whole);
	free(consent->allow);
	free(consent->own);
	*consent = (struct hp_consent){0};
}
