// The device nodes by which a container gets what is handed over.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "emit/emit.h"

struct hp_emit_nodes {
	json_t *own;     // paths of the device's own nodes
	json_t *shared;  // of nodes that every device of that way needs too
	const char *why; // NULL, or why the own nodes cannot be told; then `own` is empty
};

/* By facts alone: what was not seen is not guessed. Notes in `to` say what is missing. */
void hp_emit_nodes_find(const struct hp_emit *emit, struct hp_emission *to,
                        const struct hp_emit_device *device, struct hp_emit_nodes *ret);
void hp_emit_nodes_finish(struct hp_emit_nodes *nodes);

#define hp_cleanup_nodes __attribute__((cleanup(hp_emit_nodes_finish)))

/* The paths of all devices, each once, the shared ones first (a new array). What cannot be told
 * is left out with a note. NULL, and refused, if that leaves none. */
json_t *hp_emit_nodes_all(const struct hp_emit *emit, struct hp_emission *to);

/* The number by which NVML, and so nvidia-ctk and Docker, call the board: its place by address
 * among those that the driver has. -1: some board's driver is not known. */
int64_t hp_emit_nvidia_index(const struct hp_emit *emit, const struct hp_emit_device *device);

/* That number as a word; with `slice`, of its first MIG slice. A note where it rests on a guess. A
 * new string. */
char *hp_emit_nvidia_name(const struct hp_emit *emit, struct hp_emission *to,
                          const struct hp_emit_device *device);

/* Whether the device is NVIDIA's: for it runtimes have names of their own. */
bool hp_emit_is_nvidia(const struct hp_emit_device *device);
