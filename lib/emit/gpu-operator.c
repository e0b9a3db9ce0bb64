// NVIDIA's GPU Operator: a node's kind of workload, and the values of its chart.
// SPDX-License-Identifier: Apache-2.0
//
// NVIDIA/cloud-native-docs:gpu-operator/gpu-operator-kubevirt.rst, its install guide of
// confidential containers (v26.3.1), NVIDIA/gpu-operator:deployments/gpu-operator/values.yaml,
// controllers/state_manager.go (isStateEnabled).
#include "base/cleanup.h"
#include "emit/argv.h"
#include "emit/emitters.h"
#include "emit/nodes.h"

#include <string.h>

static const char *workload(const struct hp_emit *emit)
{
	static const char *const workloads[] = {
	    [HP_WAY_DRIVER] = "container",
	    [HP_WAY_VFIO] = "vm-passthrough",
	    [HP_WAY_MDEV] = "vm-vgpu",
	    [HP_WAY_VENDOR_VFIO] = "vm-vgpu",
	};
	return workloads[emit->devices->way];
}

static int write_label(const struct hp_emit *emit, struct hp_emission *to)
{
	hp_cleanup_argv struct hp_argv argv = {0};
	static const char *const words[] = {"kubectl", "label", "--overwrite", "node"};
	for (size_t i = 0; i < HP_COUNT(words); i++)
		hp_argv_add(&argv, words[i]);
	hp_argv_add(&argv, emit->host->name);
	hp_argv_addf(&argv, "nvidia.com/gpu.workload.config=%s", workload(emit));
	hp_argv_text(&to->text, &argv);
	hp_note(to, "a node has one kind of workload for all its GPUs");
	return 0;
}

/* The operator's driver container and one on the host exclude each other. */
static bool has_driver(const struct hp_emit *emit)
{
	return hp_emit_number(emit,
	                      "SELECT COUNT(*) FROM nvidia_driver WHERE host = ?1"
	                      " AND in_container IS NOT 1 AND (loaded_version <> 'none'"
	                      " OR disk_version <> 'none')",
	                      NULL, 0) > 0;
}

static bool has_program(const struct hp_emit *emit, const char *name)
{
	return hp_emit_number(emit,
	                      "SELECT COUNT(*) FROM software WHERE host = ?1 AND name = ?2"
	                      " AND version <> 'none'",
	                      name, 0) > 0;
}

static json_t *container_values(const struct hp_emit *emit)
{
	const char *share = emit->surface->share;
	json_t *values =
	    json_pack("{s:{s:b}, s:{s:b}, s:{s:s}}", "driver", "enabled", !has_driver(emit),
	              "toolkit", "enabled", !has_program(emit, "nvidia-container-toolkit"), "mig",
	              "strategy", strcmp(share, "mig") == 0 ? "mixed" : "single");
	return values;
}

/* On a node for VMs the operator binds the devices itself; what is not said of others stays. */
static json_t *vm_values(const struct hp_emit *emit, struct hp_emission *to)
{
	bool vgpu = emit->devices->way != HP_WAY_VFIO;
	json_t *values = json_pack(
	    "{s:{s:b, s:s}, s:{s:b}, s:{s:b}, s:{s:b}, s:{s:b}}", "sandboxWorkloads", "enabled", 1,
	    "mode", "kubevirt", "vfioManager", "enabled", 1, "sandboxDevicePlugin", "enabled", 1,
	    "vgpuManager", "enabled", vgpu && !has_driver(emit), "vgpuDeviceManager", "enabled",
	    emit->devices->way == HP_WAY_MDEV);
	if (vgpu && !has_driver(emit))
		hp_note(to, "vgpuManager wants repository, image and version of an image that you "
		            "build from NVIDIA's vGPU software: none is public");
	if (emit->devices->way == HP_WAY_VENDOR_VFIO)
		hp_note(to, "the vGPU device manager makes mediated devices alone (up to 0.4.2, "
		            "2026-07-01: https://github.com/NVIDIA/gpu-operator/issues/2594): VFs "
		            "get their types by hand, and KubeVirt hands them out itself");
	return values;
}

/* kataManager of older charts is gone. The chart turns confidential computing on for Kata, which a
 * guest that is not confidential cannot use. */
static json_t *kata_values(struct hp_emission *to)
{
	hp_note(to, "mode kata is as the charts of 26.3 have it; the runtime classes come with the "
	            "chart kata-deploy");
	hp_note(to, "ccManager is on by default and would put the GPUs into confidential "
	            "computing: leave it on only for kata-qemu-nvidia-gpu-snp or -tdx");
	return json_pack("{s:{s:b, s:s}, s:{s:b}, s:{s:b}, s:{s:b}, s:{s:b}}", "sandboxWorkloads",
	                 "enabled", 1, "mode", "kata", "vfioManager", "enabled", 1,
	                 "kataSandboxDevicePlugin", "enabled", 1, "ccManager", "enabled", 0,
	                 "vgpuDeviceManager", "enabled", 0);
}

static json_t *sandbox_values(const struct hp_emit *emit, struct hp_emission *to)
{
	hp_note(to, "nodes that carry no label stay with containers; this one gets its label from "
	            "`happypath emit gpu-operator:label`");
	bool kata = strcmp(emit->surface->surface, "kata") == 0;
	return kata ? kata_values(to) : vm_values(emit, to);
}

int hp_emit_gpu_operator(const struct hp_emit *emit, struct hp_emission *to, struct hp_error *err)
{
	(void)err;
	if (!hp_emit_is_nvidia(emit->devices))
		return hp_refuse(to, NULL, "the GPU Operator is for NVIDIA's boards alone");
	if (strcmp(emit->variant, "label") == 0)
		return write_label(emit, to);
	to->document =
	    emit->devices->way == HP_WAY_DRIVER ? container_values(emit) : sandbox_values(emit, to);
	to->yaml = true;
	return 0;
}
