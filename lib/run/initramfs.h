// The root of a guest whose boot is measured. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/text.h"

/* Lines that its init writes to the console: first BEGIN, then what the guest was given, then END.
 */
#define HP_INIT_BEGIN    "happypath-init"
#define HP_INIT_UNPACKED "happypath-unpacked "
#define HP_INIT_PCI      "happypath-pci "
#define HP_INIT_END      "happypath-end"

/* An archive (cpio, "newc") with that init and nothing else. */
void hp_initramfs(struct hp_text *ret);
