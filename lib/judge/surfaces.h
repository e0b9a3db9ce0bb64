// The dated matrix: the vendors' stance on each way to attach a device.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "judge/words.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

/* A row of support.csv. */
struct hp_support {
	const char *surface, *share, *kind, *vendor;
	const char *match_kind, *match_value; // id 2901, model B200, generation ada, any *
	const char *since;                    // "": since before our records
	const char *until;                    // NULL: still true
	const char *condition, *reason;       // NULL if there is none
	const char *source, *checked;
	enum hp_path path;
	bool approximate; // a date of it is approximate
};

/* A row of surface_share.csv, with the position of its surface. */
struct hp_surface_share {
	const char *surface, *share, *kind, *vendor;
	const char *mechanism, *isolation, *vmm;
	const char *base_surface; // surface whose path counts too, "none"
	int position;
	bool first_nine, probed;
};

/* What of a device the matrix looks at. NULL is unknown and matches nothing but "any". */
struct hp_surface_device {
	const char *vendor, *kind, *device, *model, *chip, *generation;
	const char *mig, *vgpu, *nvswitch; // yes, no
	const char *segment;
};

/* A verdict of the matrix. `support` is the row that decided, NULL where none speaks of the device.
 */
struct hp_surface_path {
	enum hp_path path;
	const struct hp_support *support;
	bool of_base; // the surface below decided: `support` is a row of it
};

struct hp_surfaces;

/* Reads the matrix from the knowledge on the connection: all of it, or what is about vendors that
 * the table accelerator has. Its strings live until hp_surfaces_free. */
int hp_surfaces_load(sqlite3 *db, bool present_vendors, struct hp_surfaces **ret,
                     struct hp_error *err);
void hp_surfaces_free(struct hp_surfaces *surfaces);

/* Surfaces with their shares, by position of the surface, then kind, vendor and share. */
const struct hp_surface_share *hp_surfaces_shares(const struct hp_surfaces *surfaces,
                                                  size_t *ret_count);
/* The row of that surface, share, kind and vendor, or NULL: no such offer. */
const struct hp_surface_share *hp_surfaces_share(const struct hp_surfaces *surfaces,
                                                 const char *surface, const char *share,
                                                 const char *kind, const char *vendor);
/* All rows of the matrix, those of one surface and share side by side. */
const struct hp_support *hp_surfaces_rows(const struct hp_surfaces *surfaces, size_t *ret_count);

/* Whether the row holds on `day` (YYYY-MM-DD). */
bool hp_support_holds(const struct hp_support *support, const char *day);

/* The path of a device on a surface on `day`: the most specific row that holds, and where the
 * surface runs on another (OpenStack on QEMU), the worse of both. Unknown beats on and caution, not
 * off. */
struct hp_surface_path hp_surfaces_path(const struct hp_surfaces *surfaces,
                                        const struct hp_surface_share *share,
                                        const struct hp_surface_device *device, const char *day);
