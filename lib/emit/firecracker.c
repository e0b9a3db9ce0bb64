// Firecracker: refused, with the reason that the matrix has of that day.
// SPDX-License-Identifier: Apache-2.0
#include "emit/emitters.h"

/* Its offers are unreachable as long as no release has VFIO, and hp_emit refuses those before it
 * comes here. One that comes here says that the knowledge was widened, and this was not. */
int hp_emit_firecracker(const struct hp_emit *emit, struct hp_emission *to, struct hp_error *err)
{
	(void)err;
	const struct hp_offer *offer = emit->devices->offer;
	return hp_refuse(to, offer->path_source,
	                 "passthrough by Firecracker is not written by this version of happypath, "
	                 "though its knowledge says %s",
	                 hp_path_name(offer->path));
}
