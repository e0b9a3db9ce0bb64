// The probes, one a file; the table in probe.c names them. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "probe/probe.h"

typedef int hp_probe_run(struct hp_host *host, struct hp_facts *facts,
                         const struct hp_probe_options *options, struct hp_error *err);

// One line a probe: hp_probe_run hp_probe_NAME;
hp_probe_run hp_probe_machine;
hp_probe_run hp_probe_kernel;
hp_probe_run hp_probe_kernel_config;
hp_probe_run hp_probe_cpu;
hp_probe_run hp_probe_kvm;
hp_probe_run hp_probe_memory;
hp_probe_run hp_probe_module;
hp_probe_run hp_probe_nvidia;
hp_probe_run hp_probe_nvml;
hp_probe_run hp_probe_software;
hp_probe_run hp_probe_fabric;
hp_probe_run hp_probe_service;
hp_probe_run hp_probe_settings;
hp_probe_run hp_probe_cdi;
hp_probe_run hp_probe_device_node;
hp_probe_run hp_probe_kubernetes;
hp_probe_run hp_probe_holder;
hp_probe_run hp_probe_kernel_log;
hp_probe_run hp_probe_framebuffer;
hp_probe_run hp_probe_guest;
hp_probe_run hp_probe_iommu;
hp_probe_run hp_probe_mdev;
hp_probe_run hp_probe_pci;
hp_probe_run hp_probe_vgpu;

/* The class of gap that an errno of the host door stands for: "permission", "asleep", "vanished", …
 */
const char *hp_probe_gap_kind(int code);
/* Notes that `what` could not be read, and why. */
int hp_probe_gap(struct hp_facts *facts, const char *what, int code);
bool hp_probe_has_name(const struct hp_names *names, const char *name);
