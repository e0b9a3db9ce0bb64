// Fuzz target: facts as JSON, in, out and in again. SPDX-License-Identifier: Apache-2.0
#include "facts/facts.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void count(void *data, const char *message)
{
	*(int *)data += message[0] != '\0';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hp_facts *facts = NULL;
	if (hp_facts_new(&facts, NULL))
		abort();
	int complaints = 0;
	int code =
	    hp_facts_import(facts, "fuzz", (const char *)data, size, count, &complaints, NULL);
	if (code >= 0) {
		/* What was taken must be written so that it is taken again, without a complaint. */
		json_t *out = hp_facts_export(facts, hp_facts_host(facts), NULL);
		char *text = json_dumps(out, 0);
		struct hp_facts *again = NULL;
		if (hp_facts_new(&again, NULL) ||
		    hp_facts_import(again, "again", text, strlen(text), NULL, NULL, NULL) != 0)
			abort();
		hp_facts_free(again);
		free(text);
		json_decref(out);
	}
	hp_facts_free(facts);
	return 0;
}
