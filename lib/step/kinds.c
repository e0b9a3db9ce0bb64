// Every kind of step, in the order in which a plan walks them. SPDX-License-Identifier: Apache-2.0
#include "step/kinds.h"

#include "base/cleanup.h"

/* Files first, then what reads them; what makes devices before what is done to devices. */
const struct hp_kind *const hp_kinds[] = {
    // files
    &hp_kind_file,
    &hp_kind_modprobe,
    &hp_kind_modules_load,
    &hp_kind_kernel_cmdline,
    // what is made from them
    &hp_kind_initramfs,
    &hp_kind_unit,
    // the kernel
    &hp_kind_hugepages,
    &hp_kind_module,
    // devices
    &hp_kind_sriov,
    &hp_kind_vgpu_type,
    &hp_kind_mdev,
    &hp_kind_driver,
    &hp_kind_mig,
    &hp_kind_persistence,
    // what others read of devices
    &hp_kind_cdi,
    &hp_kind_runtime,
};

const size_t hp_kind_count = HP_COUNT(hp_kinds);
