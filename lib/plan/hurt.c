// Who a step hurts, by facts alone: for hosts that cannot be asked.
// SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "base/database.h"
#include "base/text.h"
#include "plan/parts.h"

#include <string.h>

/* Each gives rows of the subject that consent is asked for, and of words. ?1 is the host, ?2 the
 * step's subject. */
static const struct {
	const char *kinds; // of steps, words; "*" for all
	enum hp_obstacle_kind obstacle;
	const char *sql;
} questions[] = {
    {"driver sriov vgpu-type mdev mig", HP_OBSTACLE_HOLDER,
     "SELECT address, holder || ' holds it' || coalesce(' by ' || via, '') FROM holder"
     " WHERE host = ?1 AND address = ?2 AND kind IS DISTINCT FROM 'module' ORDER BY holder"},
    {"driver", HP_OBSTACLE_CONSENT,
     "SELECT address, 'a console draws on its framebuffer ' || name FROM framebuffer"
     " WHERE host = ?1 AND address = ?2 ORDER BY name"},
    {"driver", HP_OBSTACLE_CONSENT,
     "SELECT address, 'it is the firmware''s primary display' FROM pci_function"
     " WHERE host = ?1 AND address = ?2 AND boot_vga = 1"},
    {"driver", HP_OBSTACLE_CONSENT,
     "SELECT address, CASE substr(class, 1, 2) WHEN '01' THEN 'a disk controller'"
     "  ELSE 'a network card' END || ', now on ' || driver || ': what hangs on it is lost to the "
     "host'"
     " FROM pci_function WHERE host = ?1 AND address = ?2 AND substr(class, 1, 2) IN ('01', '02')"
     "  AND driver <> 'none'"},
    {"sriov", HP_OBSTACLE_CONSENT,
     "SELECT address, CAST(sriov_numvfs AS TEXT) || ' VFs go' FROM pci_function"
     " WHERE host = ?1 AND address = ?2 AND sriov_numvfs > 0"},
    {"driver", HP_OBSTACLE_OWNER,
     "SELECT ?2, name || ' keeps the drivers of accelerators on this host' FROM software"
     " WHERE host = ?1 AND name IN ('gpu-operator', 'dra-driver-nvidia-gpu') AND version <> 'none'"
     " ORDER BY name"},
    {"mig", HP_OBSTACLE_OWNER,
     "SELECT ?2, name || ' keeps the MIG layout of this host' FROM software"
     " WHERE host = ?1 AND name IN ('gpu-operator', 'mig-parted') AND version <> 'none' ORDER BY "
     "name"},
};

int hp_hurt_by_facts(struct hp_planner *planner, const struct hp_step *step,
                     struct hp_obstacles *ret, struct hp_error *err)
{
	int code = 0;
	for (size_t i = 0; !code && i < HP_COUNT(questions); i++) {
		hp_cleanup_statement sqlite3_stmt *statement = NULL;
		if (!hp_has_word(questions[i].kinds, step->kind->name))
			continue;
		code = hp_db_prepare(planner->db, questions[i].sql, &statement, err);
		if (code)
			return code;
		sqlite3_bind_text(statement, 1, planner->verdict->name, -1, SQLITE_STATIC);
		sqlite3_bind_text(statement, 2, step->subject, -1, SQLITE_STATIC);
		while ((code = hp_db_step(statement, err)) == 1)
			hp_obstacles_add(ret, questions[i].obstacle, hp_db_text(statement, 0), "%s",
			                 hp_db_text(statement, 1));
	}
	return code;
}
