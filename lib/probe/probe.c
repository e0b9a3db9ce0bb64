// The table of probes, and running them. SPDX-License-Identifier: Apache-2.0
#include "probe/probe.h"
#include "probe/probes.h"

#include "base/cleanup.h"
#include "base/database.h"

#include <errno.h>
#include <string.h>

const struct hp_probe hp_probes[] = {
    {.name = "machine", .summary = "the machine and its system software", .run = hp_probe_machine},
    {.name = "kernel",
     .summary = "the kernel, its command line and what boots next",
     .run = hp_probe_kernel},
    {.name = "kernel-config",
     .summary = "options of the kernel's configuration",
     .run = hp_probe_kernel_config},
    {.name = "cpu", .summary = "the processor", .run = hp_probe_cpu},
    {.name = "kvm", .summary = "KVM, and who is behind it", .run = hp_probe_kvm},
    {.name = "memory", .summary = "memory, hugepages, locking limits", .run = hp_probe_memory},
    {.name = "module",
     .summary = "kernel modules, their parameters and directives",
     .run = hp_probe_module},
    {.name = "pci", .summary = "PCI functions, their capabilities and BARs", .run = hp_probe_pci},
    {.name = "guest",
     .summary = "what a VMM gives its guest: windows for BARs",
     .run = hp_probe_guest},
    {.name = "iommu", .summary = "IOMMU units and groups, VFIO nodes", .run = hp_probe_iommu},
    {.name = "mdev", .summary = "mediated devices", .run = hp_probe_mdev},
    {.name = "vgpu", .summary = "vGPU mode and types of PFs and VFs", .run = hp_probe_vgpu},
    {.name = "framebuffer",
     .summary = "framebuffers and whose BAR they lie in",
     .run = hp_probe_framebuffer},
    {.name = "nvidia", .summary = "NVIDIA's driver and its GPUs", .run = hp_probe_nvidia},
    {.name = "nvml",
     .summary = "what only NVIDIA's management library knows",
     .run = hp_probe_nvml},
    {.name = "software", .summary = "programs and their versions", .run = hp_probe_software},
    {.name = "fabric", .summary = "the NVSwitch fabric's manager", .run = hp_probe_fabric},
    {.name = "service", .summary = "services that run, or start at boot", .run = hp_probe_service},
    {.name = "settings", .summary = "settings of programs", .run = hp_probe_settings},
    {.name = "cdi", .summary = "CDI specifications", .run = hp_probe_cdi},
    {.name = "device-node", .summary = "device nodes and sockets", .run = hp_probe_device_node},
    {.name = "kubernetes", .summary = "the Kubernetes node", .run = hp_probe_kubernetes},
    {.name = "holder", .summary = "who holds devices, and which VMMs run", .run = hp_probe_holder},
    {.name = "kernel-log", .summary = "lines of the kernel's log", .run = hp_probe_kernel_log},
    {.name = NULL},
};

static const struct {
	int code;
	const char *kind;
} gap_kinds[] = {
    {-EACCES, "permission"}, {-EPERM, "permission"},       {-ECANCELED, "level"},
    {-ETIME, "deadline"},    {-ENODEV, "vanished"},        {-ENXIO, "vanished"},
    {-ENOENT, "vanished"},   {-EOPNOTSUPP, "unsupported"}, {-ENODATA, "unsupported"},
};

const char *hp_probe_gap_kind(int code)
{
	for (size_t i = 0; i < HP_COUNT(gap_kinds); i++)
		if (gap_kinds[i].code == code)
			return gap_kinds[i].kind;
	return "malformed";
}

bool hp_probe_has_name(const struct hp_names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (!strcmp(names->names[i], name))
			return true;
	return false;
}

int hp_probe_gap(struct hp_facts *facts, const char *what, int code)
{
	const char *why =
	    code == -ENODATA ? "this copy of the host does not hold it" : strerror(-code);
	return hp_facts_gap(facts, hp_probe_gap_kind(code), what, "%s", why);
}

static int run_one(const struct hp_probe *probe, struct hp_host *host, struct hp_facts *facts,
                   const struct hp_probe_options *options, struct hp_error *err)
{
	struct hp_error failure = {0};
	int r = probe->run(host, facts, options, &failure);
	if (r >= 0)
		return 0;
	// Memory and the store are not the host's fault: there is no going on without them.
	if (r == -ENOMEM)
		return hp_fail(err, r, "probe %s: %s", probe->name, failure.message);
	char what[64];
	snprintf(what, sizeof(what), "probe %s", probe->name);
	return hp_facts_gap(facts, hp_probe_gap_kind(r), what, "%s",
	                    failure.message[0] ? failure.message : strerror(-r));
}

/* What was wrong in a capture: "FILE:LINE: why" each. */
static int put_complaints(const struct hp_host *host, struct hp_facts *facts)
{
	const struct hp_names *complaints = hp_host_complaints(host);
	int r = 0;
	for (size_t i = 0; r >= 0 && i < complaints->count; i++) {
		const char *why = strstr(complaints->names[i], ": ");
		hp_cleanup_free char *what = hp_strndup(
		    complaints->names[i], why ? (size_t)(why - complaints->names[i]) : 0);
		r = hp_facts_gap(facts, "malformed", what, "%s",
		                 why ? why + 2 : complaints->names[i]);
	}
	return r;
}

int hp_probe_all(struct hp_host *host, struct hp_facts *facts,
                 const struct hp_probe_options *options, struct hp_error *err)
{
	static const struct hp_probe_options none = {0};
	if (options && options->wake)
		hp_host_wake(host, options->wake);
	int r = hp_db_exec(hp_facts_db(facts), "SAVEPOINT probe", err);
	for (const struct hp_probe *probe = hp_probes; r == 0 && probe->name; probe++)
		r = run_one(probe, host, facts, options ? options : &none, err);
	if (r == 0)
		r = put_complaints(host, facts);
	int released = hp_db_exec(hp_facts_db(facts), "RELEASE probe", r < 0 ? NULL : err);
	return r < 0 ? r : released;
}
