// containerd: CDI on, and the runtime nvidia. SPDX-License-Identifier: Apache-2.0
//
// The shape is that of `nvidia-ctk runtime configure --runtime=containerd`
// (NVIDIA/nvidia-container-toolkit:pkg/config/engine/containerd/containerd.go), which lib/step has
// do the work; this is for who keeps the file by other means.
#include "base/cleanup.h"
#include "emit/container.h"
#include "emit/emitters.h"
#include "emit/nodes.h"

#include <string.h>

/* containerd 2 reads version 3 of its configuration, in which the CRI plugin has two names
 * (containerd/containerd:docs/cri/config.md). */
static const struct config {
	int version;
	const char *plugin;
} configs[] = {
    {2, "io.containerd.grpc.v1.cri"},
    {3, "io.containerd.cri.v1.runtime"},
};

static void write_runtime(struct hp_text *text, const char *plugin)
{
	hp_text_printf(text,
	               "\n[plugins.'%s'.containerd.runtimes.nvidia]\n"
	               "  privileged_without_host_devices = false\n"
	               "  runtime_type = 'io.containerd.runc.v2'\n"
	               "\n[plugins.'%s'.containerd.runtimes.nvidia.options]\n"
	               "  BinaryName = '/usr/bin/nvidia-container-runtime'\n",
	               plugin, plugin);
}

int hp_emit_containerd(const struct hp_emit *emit, struct hp_emission *to, struct hp_error *err)
{
	(void)err;
	int old = hp_emit_is_before(emit, "containerd", "2.0");
	// containerd/containerd:docs/cri/config.md: enable_cdi is of 1.7, and on since 2.0.
	if (hp_emit_is_before(emit, "containerd", "1.7") == 1)
		return hp_refuse(to, "containerd/containerd:docs/cri/config.md",
		                 "CDI came to containerd with 1.7: this one is older");
	const struct config *config = &configs[old != 1];
	hp_text_printf(&to->text,
	               "version = %d\n\n[plugins.'%s']\n  enable_cdi = true\n"
	               "  cdi_spec_dirs = ['/etc/cdi', '/var/run/cdi']\n",
	               config->version, config->plugin);
	if (hp_emit_is_nvidia(emit->devices))
		write_runtime(&to->text, config->plugin);
	if (old < 0)
		hp_note(to, "containerd's version is not known: this is for 2.0 and later");
	// containerd/containerd#5837; since #9982 (2.0) sections are merged.
	if (old == 1)
		hp_note(to, "add it to /etc/containerd/config.toml itself: in an imported file it "
		            "would take the place of all other settings of the CRI plugin before "
		            "containerd 2.0; then containerd is restarted");
	else
		hp_note(to,
		        "it belongs into /etc/containerd/config.toml, or a file that its imports "
		        "name; then containerd is restarted");
	return 0;
}
