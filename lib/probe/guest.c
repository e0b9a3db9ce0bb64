// What a VMM gives its guest, seen from within. SPDX-License-Identifier: Apache-2.0
#include "probe/guest.h"
#include "probe/look.h"
#include "probe/probes.h"

#include "base/cleanup.h"
#include "base/database.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define IOMEM "/proc/iomem"

static const char *skip_line(const char *at)
{
	const char *end = strchr(at, '\n');
	return end ? end + 1 : at + strlen(at);
}

/* "PCI Bus 0000:00" below another such line is what a bridge forwards, not what the host bridge
 * has. */
const char *hp_iomem_root_window(const char *text, int *inside, struct hp_root_window *ret)
{
	for (const char *at = text; *at; at = skip_line(at)) {
		int indent = (int)strspn(at, " "), named = 0;
		if (*inside >= 0 && indent > *inside)
			continue;
		*inside = -1;
		if (sscanf(at, " %" SCNx64 "-%" SCNx64 " : PCI Bus %7[0-9a-f:]%n", &ret->start,
		           &ret->end, ret->bus, &named) != 3 ||
		    (at[named] && at[named] != '\n'))
			continue;
		*inside = indent;
		// Without privilege all numbers are 0.
		if (ret->end > ret->start && ret->end <= INT64_MAX)
			return skip_line(at);
	}
	return NULL;
}

static int put_windows(struct hp_facts *facts, const char *iomem, struct hp_error *err)
{
	struct hp_root_window window;
	int r = 0, inside = -1;
	bool any = false;
	while (r == 0 && (iomem = hp_iomem_root_window(iomem, &inside, &window))) {
		struct hp_row row = hp_row_begin(facts, HP_TBL_PCI_ROOT_WINDOW);
		hp_row_text(&row, HP_PCI_ROOT_WINDOW_BUS, window.bus);
		hp_row_number(&row, HP_PCI_ROOT_WINDOW_START_ADDRESS, (int64_t)window.start);
		hp_row_number(&row, HP_PCI_ROOT_WINDOW_END_ADDRESS, (int64_t)window.end);
		r = hp_row_put(&row, err);
		any = true;
	}
	if (r < 0)
		return r;
	// No window at all is no machine with PCI, but one that hides its numbers.
	return any ? hp_facts_observed(facts, HP_TBL_PCI_ROOT_WINDOW, "", "complete", err)
	           : hp_facts_gap(facts, "permission", IOMEM, "addresses are shown to root alone");
}

/* Whether the machine was found to be a guest; the list costs the kernel time on large boards. */
static bool is_guest(struct hp_facts *facts)
{
	hp_cleanup_statement sqlite3_stmt *query = NULL;
	if (hp_db_prepare(hp_facts_db(facts),
	                  "SELECT 1 FROM machine WHERE host = ?1 AND hypervisor <> 'none'", &query,
	                  NULL) < 0)
		return false;
	sqlite3_bind_text(query, 1, hp_facts_host(facts), -1, SQLITE_STATIC);
	return hp_db_step(query, NULL) == 1;
}

int hp_probe_guest(struct hp_host *host, struct hp_facts *facts,
                   const struct hp_probe_options *options HP_UNUSED, struct hp_error *err)
{
	hp_cleanup_text struct hp_text iomem = {0};
	if (!is_guest(facts))
		return 0;
	if (hp_look_text(host, facts, IOMEM, 4 * 1024 * 1024, &iomem) != HP_LOOK_SEEN)
		return 0;
	return put_windows(facts, hp_text_get(&iomem), err);
}
