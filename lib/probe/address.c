// PCI addresses in sysfs paths. SPDX-License-Identifier: Apache-2.0
#include "probe/pci.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Skips `least` to `most` lower-case hexadecimal digits; NULL if there are fewer. */
static const char *skip_hex(const char *at, int least, int most)
{
	int count = 0;
	while (count < most && isxdigit((unsigned char)*at) && !isupper((unsigned char)*at))
		at++, count++;
	return count < least ? NULL : at;
}

bool hp_is_pci_address(const char *text)
{
	const char *at = skip_hex(text, 4, 8);
	if (!at || *at++ != ':')
		return false;
	at = skip_hex(at, 2, 2);
	if (!at || *at++ != ':')
		return false;
	at = skip_hex(at, 2, 2);
	return at && at[0] == '.' && at[1] >= '0' && at[1] <= '7' && at[2] == '\0';
}

/* Finds the component that ends at `end`, and where the one above it ends. */
static const char *component(const char *path, const char *end, const char **above)
{
	const char *start = end;
	while (start > path && start[-1] != '/')
		start--;
	*above = start > path ? start - 1 : path;
	return start;
}

bool hp_pci_address_in(const char *path, int skip, char *ret, size_t size)
{
	const char *end = path + strlen(path), *above;
	for (; skip > 0 && end > path; skip--, end = above)
		component(path, end, &above);
	const char *start = component(path, end, &above);
	snprintf(ret, size, "%.*s", (int)(end - start), start);
	if (hp_is_pci_address(ret))
		return true;
	snprintf(ret, size, "none");
	return false;
}
