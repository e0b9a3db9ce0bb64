// Whether KVM runs guests on the processor or in software. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"

/* Runs a tiny guest through /dev/kvm of this machine, in a child with a deadline. Returns
 * "hardware", "software" (it works, but by emulation: no stock kernel boots in useful time, if at
 * all), or "failed"; NULL if it was not tried. `err` says why where it is one of the last two. */
const char *hp_kvm_prove(struct hp_error *err);
