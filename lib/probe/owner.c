// Names of a file's owner, as the host itself names them. SPDX-License-Identifier: Apache-2.0
#include "probe/owner.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

/* Finds "NAME:…:NUMBER:" in a file like /etc/passwd. Nobody needs a file for 0. */
static void find_name(struct hp_host *host, const char *file, unsigned number, char *ret,
                      size_t size)
{
	struct hp_text text hp_cleanup_text = {0};
	char name[64];
	unsigned id;
	snprintf(ret, size, number ? "%u" : "root", number);
	if (!number || hp_host_read_text(host, file, 1024 * 1024, &text) < 0)
		return;
	for (const char *at = hp_text_get(&text); at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (sscanf(at, "%63[^:\n]:%*[^:\n]:%u", name, &id) == 2 && id == number) {
			hp_utf8_repair(name);
			snprintf(ret, size, "%s", name);
			return;
		}
	}
}

void hp_owner_text(struct hp_host *host, const struct hp_stat *stat, char *ret, size_t size)
{
	char user[64], group[64];
	find_name(host, "/etc/passwd", stat->uid, user, sizeof(user));
	find_name(host, "/etc/group", stat->gid, group, sizeof(group));
	snprintf(ret, size, "%s:%s", user, group);
}
