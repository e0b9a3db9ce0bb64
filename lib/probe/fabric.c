// The NVSwitch fabric's manager, and the InfiniBand devices that newer fabrics are managed through.
// SPDX-License-Identifier: Apache-2.0
#include "probe/look.h"
#include "probe/probes.h"

#include "base/cleanup.h"
#include "base/database.h"

#include <errno.h>
#include <string.h>

static const char *const config_files[] = {
    "/usr/share/nvidia/nvswitch/fabricmanager.cfg",
    "/etc/nvidia-fabricmanager/fabricmanager.cfg",
    "/run/nvidia/driver/usr/share/nvidia/nvswitch/fabricmanager.cfg",
};

/* The version that the software probe found. */
static void put_version(struct hp_row *row)
{
	static const char sql[] = "SELECT version, path FROM software WHERE host = ?1 AND "
				  "name = 'nvidia-fabricmanager'";
	hp_cleanup_statement sqlite3_stmt *statement = NULL;
	if (hp_db_prepare(hp_facts_db(row->facts), sql, &statement, NULL) < 0)
		return;
	sqlite3_bind_text(statement, 1, hp_facts_host(row->facts), -1, SQLITE_STATIC);
	if (hp_db_step(statement, NULL) != 1)
		return;
	hp_row_text(row, HP_FABRIC_MANAGER_VERSION, hp_db_text(statement, 0));
	const char *path = hp_db_text(statement, 1);
	if (path)
		hp_facts_origin(row->facts, HP_TBL_FABRIC, "", "manager_version", path, NULL);
}

static void put_mode(struct hp_host *host, struct hp_row *row)
{
	char mode[16];
	for (size_t i = 0; i < HP_COUNT(config_files); i++) {
		hp_cleanup_text struct hp_text text = {0};
		if (hp_look_text(host, row->facts, config_files[i], 65536, &text) != HP_LOOK_SEEN ||
		    !hp_find_value(hp_text_get(&text), "FABRIC_MODE", '=', mode, sizeof(mode)))
			continue;
		if (strlen(mode) == 1 && strchr("012", mode[0])) {
			hp_row_text(row, HP_FABRIC_MODE, mode);
			hp_facts_origin(row->facts, HP_TBL_FABRIC, "", "mode", config_files[i],
			                NULL);
		} else {
			hp_facts_gap(row->facts, "malformed", config_files[i],
			             "expected FABRIC_MODE=0, 1 or 2, found '%s'", mode);
		}
		return;
	}
}

int hp_probe_fabric(struct hp_host *host, struct hp_facts *facts,
                    const struct hp_probe_options *options, struct hp_error *err)
{
	(void)options;
	hp_cleanup_names struct hp_names names = {0};
	struct hp_row row = hp_row_begin(facts, HP_TBL_FABRIC);
	put_version(&row);
	put_mode(host, &row);
	if (hp_look_list(host, facts, "/sys/class/infiniband", &names) != HP_LOOK_UNKNOWN)
		hp_row_number(&row, HP_FABRIC_INFINIBAND_DEVICES, (int64_t)names.count);
	int r = hp_row_put(&row, err);
	return r < 0 ? r : hp_look_observed(host, facts, HP_TBL_FABRIC, "/usr", err);
}
