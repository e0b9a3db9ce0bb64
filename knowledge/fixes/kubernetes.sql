-- Ways out of the rules in rules/kubernetes.sql. SPDX-License-Identifier: Apache-2.0
INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('talos-driver-extension', 'operator-on-talos', 'advice', 'reload', 'Leave the driver to Talos''s extensions', 'equivalent'),
 ('point-toolkit-to-containerd', 'containerd-socket-known', 'advice', 'reload',
  'Set CONTAINERD_SOCKET and CONTAINERD_CONFIG of the operator''s toolkit', 'exact'),
 ('enable-cri', 'containerd-cri-on', 'advice', 'reload', 'Remove cri from disabled_plugins', 'exact'),
 ('reach-nvidia-runtime', 'nvidia-runtime-reached', 'runtime', 'reload',
  'Make nvidia the default runtime, or give the pods its runtime class', 'exact'),
 ('deploy-device-plugin', 'device-plugin-registered', 'advice', 'live', 'Deploy the device plugin', 'exact'),
 ('join-cluster', 'kubelet-present', 'advice', 'reload', 'Join the host to a cluster', 'equivalent'),
 ('upgrade-kubernetes', 'dra-kubernetes', 'advice', 'reload', 'Upgrade Kubernetes to 1.34 or later', 'one-way'),
 ('deploy-dra-driver', 'dra-driver-installed', 'advice', 'live', 'Install the DRA driver', 'exact'),
 ('upgrade-driver-for-dra', 'dra-driver-branch', 'package', 'reload', 'Install branch 580 or later', 'equivalent'),
 ('host-driver-for-dra', 'dra-passthrough-host-driver', 'package', 'live', 'Install the driver on the host', 'equivalent'),
 ('remove-host-driver', 'operator-passthrough-no-host-driver', 'package', 'drain',
  'Remove the host''s driver, or bind the GPUs to vfio-pci by hand', 'equivalent'),
 ('switch-validator-off', 'operator-validator-sriov', 'advice', 'live',
  'Switch the sandbox validation off for this node', 'exact'),
 ('one-driver', 'operator-driver-not-twice', 'advice', 'reload', 'Set driver.enabled=false', 'exact'),
 ('host-users', 'user-namespaces-legacy-hook', 'advice', 'live', 'Set hostUsers: true', 'exact'),
 ('pass-device-specs', 'cpu-manager-device-specs', 'advice', 'reload', 'Let the device plugin pass device specs', 'exact');

CREATE VIEW step_reach_nvidia_runtime AS
SELECT a.host, a.address AS subject, 'runtime' AS kind, n.container_runtime AS target, 'nvidia default' AS want
FROM accelerator a
JOIN kubernetes_node n ON n.host = a.host
WHERE a.is_vf = 0 AND n.container_runtime IN ('containerd', 'crio');
