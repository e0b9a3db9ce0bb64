// Accelerators by the words that operators call them. SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "base/text.h"
#include "judge/verdict.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

/* Short and long forms of an address: 3b:00.0, 00000000:3B:00.0. */
static bool is_address(const char *address, const char *word)
{
	size_t length = strlen(word), whole = strlen(address);
	while (length > whole && *word == '0')
		word++, length--;
	return length >= strlen("00:00.0") && length <= whole &&
	       strcasecmp(address + whole - length, word) == 0 &&
	       (length == whole || address[whole - length - 1] == ':');
}

static const struct hp_accelerator *find(const struct hp_verdict_host *verdict, const char *word)
{
	uint64_t index, at = 0;
	bool number = hp_parse_u64(word, &index);
	for (size_t i = 0; i < verdict->accelerator_count; i++) {
		const struct hp_accelerator *accelerator = &verdict->accelerators[i];
		bool here = number ? !accelerator->is_vf && at == index
		                   : is_address(accelerator->address, word);
		at += !accelerator->is_vf;
		if (here)
			return accelerator;
	}
	return NULL;
}

const struct hp_accelerator *hp_accelerator_find(const struct hp_verdict_host *verdict,
                                                 const char *word, struct hp_error *err)
{
	const struct hp_accelerator *found = find(verdict, word);
	if (found)
		return found;
	hp_cleanup_text struct hp_text list = {0};
	for (size_t i = 0; i < verdict->accelerator_count; i++)
		if (!verdict->accelerators[i].is_vf)
			hp_text_printf(&list, " %s", verdict->accelerators[i].address);
	hp_fail(err, -ENOENT, "%s has no accelerator %s; it has:%s", verdict->name, word,
	        list.length ? list.data : " none");
	return NULL;
}
