// A transaction that holds for as long as a process lives. SPDX-License-Identifier: Apache-2.0
#include "apply/owner.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { STATE_FIELD = 3, START_FIELD = 22 }; // proc(5), /proc/PID/stat

/* When the process was started, in ticks since the boot: numbers of processes come again. -ENOENT:
 * there is none, or nothing of it but its status, which nobody has asked for yet. */
static int64_t started(struct hp_host *host, int64_t pid)
{
	char text[1024];
	ssize_t length = hp_host_readf(host, text, sizeof(text), "/proc/%lld/stat", (long long)pid);
	if (length < 0)
		return length == -ENOTDIR || length == -ESRCH ? -ENOENT : length;
	char *rest = strrchr(text, ')');
	int64_t start = -EINVAL;
	rest = rest ? rest + 1 : NULL;
	for (int field = STATE_FIELD; rest && field <= START_FIELD; field++) {
		const char *word = hp_next_word(&rest);
		if (word && field == STATE_FIELD && strchr("ZXx", *word))
			return -ENOENT;
		if (word && field == START_FIELD && !hp_parse_s64(word, &start))
			return -EINVAL;
	}
	return start;
}

json_t *hp_owner_origin(struct hp_host *host)
{
	int64_t pid = getpid(), start = started(host, pid);
	return start < 0 ? NULL
	                 : json_pack("{s:{s:I, s:I}}", "process", "pid", (json_int_t)pid, "start",
	                             (json_int_t)start);
}

bool hp_owner_is_gone(struct hp_host *host, const char *boot, const struct hp_journal *journal)
{
	const json_t *process = json_object_get(journal->origin, "process");
	if (!process || !journal->outcome || strcmp(journal->outcome, "done") != 0)
		return false;
	if (!journal->boot || strcmp(journal->boot, boot) != 0)
		return true;
	int64_t now = started(host, json_integer_value(json_object_get(process, "pid")));
	return now == -ENOENT ||
	       (now >= 0 && now != json_integer_value(json_object_get(process, "start")));
}
