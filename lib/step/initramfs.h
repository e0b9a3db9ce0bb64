// Images that hold a copy of modules' configuration. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "step/kinds.h"

/* Builds anew the images that copied /etc/modprobe.d before it was `changed` (or older ones, which
 * a crash may have left) and hold one of the modules, a list of words. Nothing where no image is.
 */
int hp_initramfs_follow(struct hp_host *host, const char *modules, bool changed,
                        struct hp_error *err);
