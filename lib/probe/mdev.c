// Mediated devices that exist. SPDX-License-Identifier: Apache-2.0
#include "probe/pci.h"
#include "probe/probes.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MDEVS "/sys/bus/mdev/devices"

/* `absent` is the value where the link is not there; NULL: unknown. */
static void put_link(struct hp_host *host, struct hp_row *row, int column, const char *uuid,
                     const char *file, const char *absent)
{
	char path[256], name[128];
	snprintf(path, sizeof(path), MDEVS "/%s/%s", uuid, file);
	ssize_t length = hp_host_link_name(host, path, name, sizeof(name));
	if (length > 0)
		hp_row_text(row, column, name);
	else if (length == -ENOENT)
		hp_row_text(row, column, absent);
}

static int probe_one(struct hp_host *host, struct hp_facts *facts, const char *uuid,
                     struct hp_error *err)
{
	char path[192], target[512], parent[HP_ADDRESS_SIZE];
	struct hp_row row = hp_row_begin(facts, HP_TBL_MDEV);
	hp_row_text(&row, HP_MDEV_UUID, uuid);
	snprintf(path, sizeof(path), MDEVS "/%s", uuid);
	bool whole = hp_host_link(host, path, target, sizeof(target)) > 0;
	if (whole) {
		hp_pci_address_in(target, 1, parent, sizeof(parent));
		hp_row_text(&row, HP_MDEV_PARENT, parent);
	}
	put_link(host, &row, HP_MDEV_TYPE, uuid, "mdev_type", NULL);
	put_link(host, &row, HP_MDEV_DRIVER, uuid, "driver", whole ? "none" : NULL);
	put_link(host, &row, HP_MDEV_IOMMU_GROUP, uuid, "iommu_group", whole ? "none" : NULL);
	return hp_row_put(&row, err);
}

int hp_probe_mdev(struct hp_host *host, struct hp_facts *facts,
                  const struct hp_probe_options *options HP_UNUSED, struct hp_error *err)
{
	struct hp_names names hp_cleanup_names = {0};
	int r = hp_host_list(host, MDEVS, &names);
	// The bus comes with its module: where there is no bus there are no devices.
	if (r < 0 && r != -ENOENT)
		return hp_probe_gap(facts, MDEVS, r);
	r = 0;
	for (size_t i = 0; r == 0 && i < names.count; i++)
		r = probe_one(host, facts, names.names[i], err);
	return r < 0 ? r : hp_facts_observed(facts, HP_TBL_MDEV, "", "complete", err);
}
