// Device nodes, links and sockets that matter: there, whose, and with which label.
// SPDX-License-Identifier: Apache-2.0
#include "probe/look.h"
#include "probe/owner.h"
#include "probe/pci.h"
#include "probe/probes.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

/* Single paths: each gets a row, there or not. */
static const char *const paths[] = {
    "/dev/nvidiactl",
    "/dev/nvidia-uvm",
    "/dev/nvidia-uvm-tools",
    "/dev/nvidia-modeset",
    "/dev/nvidia-caps",
    "/dev/nvidia-caps-imex-channels",
    "/dev/nvidia-vgpuctl",
    "/dev/nvidia-fs",
    "/dev/gdrdrv",
    "/dev/vfio/vfio",
    "/dev/iommu",
    "/dev/kfd",
    "/run/containerd/containerd.sock",
    "/run/k3s/containerd/containerd.sock",
    "/run/crio/crio.sock",
    "/run/docker.sock",
    "/run/podman/podman.sock",
    "/run/nvidia-persistenced/socket",
    "/run/nvidia-fabricmanager/socket",
    "/run/nvidia/driver",
};

/* Families: the pattern itself gets a row that says whether there is any, each member one of its
 * own where `members` says so. Nodes of a `class` in sysfs tell what function they are for. */
static const struct {
	const char *directory, *pattern;
	bool members;
	const char *class;
} families[] = {
    {"/dev", "nvidia[0-9]*", true, NULL},
    {"/dev/char", "195:*", false, NULL},
    {"/dev/nvidia-caps", "nvidia-cap[0-9]*", false, NULL},
    {"/dev/dri", "card[0-9]*", true, "drm"},
    {"/dev/dri", "renderD[0-9]*", true, "drm"},
    {"/dev/accel", "accel[0-9]*", true, "accel"},
    {"/dev/vfio/devices", "vfio[0-9]*", true, "vfio-dev"},
    {"/dev/nvidia-caps-imex-channels", "channel[0-9]*", false, NULL},
    {"/dev", "neuron[0-9]*", true, NULL},
    {"/dev", "nvidia-nvswitch[0-9]*", true, NULL},
};

/* The type of a node's SELinux label; 'none' where the kernel has no SELinux. */
static void put_label(struct hp_host *host, struct hp_row *row, const char *path,
                      bool selinux_absent)
{
	char label[256];
	hp_cleanup_free char *question = hp_asprintf("selinux %s", path);
	if (selinux_absent)
		hp_row_text(row, HP_DEVICE_NODE_SELINUX_CONTEXT, "none");
	else if (hp_host_ask(host, question, label, sizeof(label)) > 0)
		hp_row_text(row, HP_DEVICE_NODE_SELINUX_CONTEXT, label);
}

/* The function behind a node of a class: /sys/class/drm/card0/device. What is no PCI function (a
 * virtual display) has none. */
static void put_function(struct hp_host *host, struct hp_row *row, const char *class,
                         const char *path)
{
	char name[64];
	hp_cleanup_free char *link =
	    hp_asprintf("/sys/class/%s/%s/device", class, strrchr(path, '/') + 1);
	if (hp_host_link_name(host, link, name, sizeof(name)) > 0)
		hp_row_text(row, HP_DEVICE_NODE_ADDRESS, hp_is_pci_address(name) ? name : "none");
}

static int put_node(struct hp_host *host, struct hp_facts *facts, const char *path,
                    const char *class, bool selinux_absent, struct hp_error *err)
{
	struct hp_stat st;
	int found = hp_host_stat(host, path, &st);
	enum hp_look look = hp_look_result(host, facts, path, found);
	if (look == HP_LOOK_UNKNOWN)
		return 0;
	struct hp_row row = hp_row_begin(facts, HP_TBL_DEVICE_NODE);
	hp_row_text(&row, HP_DEVICE_NODE_PATH, path);
	hp_look_put(&row, HP_DEVICE_NODE_STATE, look, "present", "none");
	if (look == HP_LOOK_SEEN) {
		char owner[128], mode[8];
		hp_owner_text(host, &st, owner, sizeof(owner));
		snprintf(mode, sizeof(mode), "%o", (unsigned)(st.mode & 07777));
		hp_row_text(&row, HP_DEVICE_NODE_OWNER, owner);
		hp_row_text(&row, HP_DEVICE_NODE_MODE, mode);
		put_label(host, &row, path, selinux_absent);
		if (class)
			put_function(host, &row, class, path);
	}
	int r = hp_row_put(&row, err);
	return r < 0 ? r : hp_facts_observed(facts, HP_TBL_DEVICE_NODE, path, "complete", err);
}

static int put_family(struct hp_host *host, struct hp_facts *facts, size_t family,
                      bool selinux_absent, struct hp_error *err)
{
	hp_cleanup_names struct hp_names names = {0};
	const char *directory = families[family].directory, *pattern = families[family].pattern;
	enum hp_look look = hp_look_list(host, facts, directory, &names);
	bool any = false;
	int r = 0;
	for (size_t i = 0; r == 0 && i < names.count; i++) {
		hp_cleanup_free char *path = hp_asprintf("%s/%s", directory, names.names[i]);
		if (fnmatch(pattern, names.names[i], 0) != 0)
			continue;
		any = true;
		if (families[family].members)
			r = put_node(host, facts, path, families[family].class, selinux_absent,
			             err);
	}
	hp_cleanup_free char *whole = hp_asprintf("%s/%s", directory, pattern);
	if (r < 0 || look == HP_LOOK_UNKNOWN)
		return r;
	struct hp_row row = hp_row_begin(facts, HP_TBL_DEVICE_NODE);
	hp_row_text(&row, HP_DEVICE_NODE_PATH, whole);
	hp_row_text(&row, HP_DEVICE_NODE_STATE, any ? "present" : "none");
	r = hp_row_put(&row, err);
	return r < 0 ? r : hp_facts_observed(facts, HP_TBL_DEVICE_NODE, whole, "complete", err);
}

int hp_probe_device_node(struct hp_host *host, struct hp_facts *facts,
                         const struct hp_probe_options *options, struct hp_error *err)
{
	(void)options;
	bool selinux_absent = hp_host_exists(host, "/sys/fs/selinux/enforce") == 0;
	int r = 0;
	for (size_t i = 0; r == 0 && i < HP_COUNT(paths); i++)
		r = put_node(host, facts, paths[i], NULL, selinux_absent, err);
	for (size_t i = 0; r == 0 && i < HP_COUNT(families); i++)
		r = put_family(host, facts, i, selinux_absent, err);
	return r;
}
