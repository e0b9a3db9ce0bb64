// The Kubernetes node, if the host is one. SPDX-License-Identifier: Apache-2.0
#include "probe/look.h"
#include "probe/probes.h"

#include "base/cleanup.h"
#include "base/database.h"

#include <errno.h>
#include <string.h>

#define SOCKETS "/var/lib/kubelet/device-plugins"

// What installed the node, by a mark of it. The first that is there counts; kubeadm's is the
// widest.
static const struct {
	const char *path, *flavour;
} flavours[] = {
    {"/oem/harvester.config", "harvester"},
    {"/etc/rancher/rke2", "rke2"},
    {"/var/lib/rancher/rke2/agent", "rke2"},
    {"/etc/rancher/k3s", "k3s"},
    {"/var/lib/rancher/k3s/agent", "k3s"},
    {"/var/snap/microk8s", "microk8s"},
    {"/etc/kubernetes/talos", "talos"},
    {"/system/state/config.yaml", "talos"},
    {"/etc/machine-config-daemon", "openshift"},
    {"/etc/eks", "eks"},
    {"/home/kubernetes/bin", "gke"},
    {"/etc/kubernetes/azure.json", "aks"},
    {"/var/lib/kubelet/kubeadm-flags.env", "kubeadm"},
    {"/etc/kubernetes/kubelet.conf", "kubeadm"},
};

static const struct {
	const char *path, *runtime;
} runtimes[] = {
    {"/run/k3s/containerd/containerd.sock", "containerd"},
    {"/run/crio/crio.sock", "crio"},
    {"/run/containerd/containerd.sock", "containerd"},
    {"/run/cri-dockerd.sock", "docker"},
};

static const char *flavour_of(struct hp_host *host)
{
	for (size_t i = 0; i < HP_COUNT(flavours); i++)
		if (hp_host_exists(host, flavours[i].path) > 0)
			return flavours[i].flavour;
	return NULL;
}

/* The runtime that the kubelet is told to use, else the one whose socket is there. */
static const char *runtime_of(struct hp_host *host)
{
	char flags[4096];
	if (hp_host_read(host, "/var/lib/kubelet/kubeadm-flags.env", flags, sizeof(flags)) > 0) {
		if (strstr(flags, "crio.sock"))
			return "crio";
		if (strstr(flags, "cri-dockerd"))
			return "docker";
		if (strstr(flags, "containerd.sock"))
			return "containerd";
	}
	for (size_t i = 0; i < HP_COUNT(runtimes); i++)
		if (hp_host_exists(host, runtimes[i].path) > 0)
			return runtimes[i].runtime;
	return NULL;
}

/* Whether one of the services with a kubelet in it runs, as the service probe saw it. */
static bool kubelet_runs(struct hp_facts *facts)
{
	static const char sql[] =
	    "SELECT 1 FROM service WHERE host = ?1 AND state = 'active' AND service IN "
	    "('kubelet', 'k3s', 'k3s-agent', 'rke2-server', 'rke2-agent')";
	hp_cleanup_statement sqlite3_stmt *statement = NULL;
	if (hp_db_prepare(hp_facts_db(facts), sql, &statement, NULL) < 0)
		return false;
	sqlite3_bind_text(statement, 1, hp_facts_host(facts), -1, SQLITE_STATIC);
	return hp_db_step(statement, NULL) == 1;
}

static bool any_matches(const struct hp_names *names, const char *prefix)
{
	for (size_t i = 0; i < names->count; i++)
		if (hp_starts_with(names->names[i], prefix))
			return true;
	return false;
}

static void put_sockets(struct hp_host *host, struct hp_row *row)
{
	hp_cleanup_names struct hp_names names = {0};
	enum hp_look look = hp_look_list(host, row->facts, SOCKETS, &names);
	// The plugin names its sockets nvidia-gpu.sock, nvidia-mig-1g.10gb.sock and so on.
	if (look != HP_LOOK_UNKNOWN)
		hp_row_text(row, HP_KUBERNETES_NODE_DEVICE_PLUGIN_SOCKET,
		            any_matches(&names, "nvidia-") ? "present" : "none");
}

int hp_probe_kubernetes(struct hp_host *host, struct hp_facts *facts,
                        const struct hp_probe_options *options, struct hp_error *err)
{
	(void)options;
	enum hp_look installed = hp_look_exists(host, facts, "/var/lib/kubelet");
	const char *flavour = flavour_of(host);
	bool running = kubelet_runs(facts);
	struct hp_row row = hp_row_begin(facts, HP_TBL_KUBERNETES_NODE);
	if (running || installed == HP_LOOK_SEEN) {
		hp_row_text(&row, HP_KUBERNETES_NODE_KUBELET, running ? "running" : "installed");
		hp_row_text(&row, HP_KUBERNETES_NODE_FLAVOUR, flavour ? flavour : "other");
		hp_row_text(&row, HP_KUBERNETES_NODE_CONTAINER_RUNTIME, runtime_of(host));
		put_sockets(host, &row);
		hp_look_put(&row, HP_KUBERNETES_NODE_NFD,
		            hp_look_exists(host, facts, "/etc/kubernetes/node-feature-discovery"),
		            "present", "none");
	} else if (installed == HP_LOOK_ABSENT) {
		static const int columns[] = {
		    HP_KUBERNETES_NODE_KUBELET,           HP_KUBERNETES_NODE_FLAVOUR,
		    HP_KUBERNETES_NODE_CONTAINER_RUNTIME, HP_KUBERNETES_NODE_DEVICE_PLUGIN_SOCKET,
		    HP_KUBERNETES_NODE_MIG_STRATEGY,      HP_KUBERNETES_NODE_NFD};
		for (size_t i = 0; i < HP_COUNT(columns); i++)
			hp_row_text(&row, columns[i], "none");
	}
	int r = hp_row_put(&row, err);
	return r < 0 ? r : hp_look_observed(host, facts, HP_TBL_KUBERNETES_NODE, "/var", err);
}
