// Who would be hurt if a device changed hands. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "step/step.h"

/* Adds whoever holds the function open, or draws on it, as HOLDER: processes with one of its nodes
 * open or mapped, the console on its framebuffer, nvidia-drm; a disk that is mounted. They are
 * refused, always: the kernel would wait for them. -ENODATA where a live host does not tell. */
int hp_step_holders(struct hp_host *host, const char *address, struct hp_obstacles *ret,
                    struct hp_error *err);
/* The same for a mediated device: processes with its group's node open or mapped. */
int hp_step_mdev_holders(struct hp_host *host, const char *uuid, struct hp_obstacles *ret,
                         struct hp_error *err);
/* Adds the networks that run over the function, as CONSENT for `address`. */
void hp_step_networks(struct hp_host *host, const char *address, struct hp_obstacles *ret);
/* Adds whoever else keeps this very function, as OWNER or SOMEBODY; `driver` is what it shall have,
 * "" for none: who keeps just that is no obstacle. */
void hp_step_keepers(struct hp_host *host, const char *address, const char *driver,
                     struct hp_obstacles *ret);
/* The same, and whoever manages all GPUs of the host. */
void hp_step_owners(struct hp_host *host, const char *address, const char *driver,
                    struct hp_obstacles *ret);
