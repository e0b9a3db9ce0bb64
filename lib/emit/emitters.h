// What each format is written by; rows of hp_emitters[] alone name them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "emit/emit.h"

typedef int hp_emit_function(const struct hp_emit *emit, struct hp_emission *to,
                             struct hp_error *err);

hp_emit_function hp_emit_ansible;
hp_emit_function hp_emit_cdi;
hp_emit_function hp_emit_cloud_hypervisor;
hp_emit_function hp_emit_containerd;
hp_emit_function hp_emit_crosvm;
hp_emit_function hp_emit_docker;
hp_emit_function hp_emit_firecracker;
hp_emit_function hp_emit_gpu_operator;
hp_emit_function hp_emit_kata;
hp_emit_function hp_emit_kernel_cmdline;
hp_emit_function hp_emit_kubernetes;
hp_emit_function hp_emit_kubevirt;
hp_emit_function hp_emit_kvmtool;
hp_emit_function hp_emit_libvirt;
hp_emit_function hp_emit_modprobe;
hp_emit_function hp_emit_nfd;
hp_emit_function hp_emit_nova;
hp_emit_function hp_emit_podman;
hp_emit_function hp_emit_proxmox;
hp_emit_function hp_emit_qemu;
hp_emit_function hp_emit_vmm_contract;
hp_emit_function hp_emit_vmx;
