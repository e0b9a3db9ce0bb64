-- Kubernetes nodes: runtime, device plugin, GPU Operator, DRA. SPDX-License-Identifier: Apache-2.0

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('containerd-socket-known', 'The toolkit looks for containerd where this node has it', 'blocks', 'kubernetes kubernetes-dra',
  'RKE2 and k3s keep containerd at /run/k3s/containerd/containerd.sock and its configuration below '
  || '/var/lib/rancher: set CONTAINERD_SOCKET and CONTAINERD_CONFIG of the GPU Operator''s toolkit to those.',
  'https://github.com/NVIDIA/gpu-operator/issues/406 | '
  || 'https://docs.nvidia.com/datacenter/cloud-native/gpu-operator/latest/getting-started.html',
  'kubernetes_node.container_runtime=?containerd kubernetes_node.flavour=rke2|kubernetes_node.flavour=k3s|device_node.path=/run/k3s/containerd/containerd.sock');
CREATE VIEW rule_containerd_socket_known AS
WITH place AS (
  SELECT host,
         MAX(CASE WHEN path = '/run/k3s/containerd/containerd.sock' AND state = 'present' THEN 1 ELSE 0 END) AS own,
         MAX(CASE WHEN path = '/run/containerd/containerd.sock' AND state = 'present' THEN 1 ELSE 0 END) AS usual,
         MAX(CASE WHEN path = '/run/containerd/containerd.sock' AND state = 'none' THEN 1 ELSE 0 END) AS usual_absent
  FROM device_node GROUP BY host
)
SELECT n.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN replace(e.value, '/run/k3s/', '') <> e.value THEN 'pass'
            WHEN (n.flavour IN ('rke2', 'k3s') OR p.own = 1) AND coalesce(p.usual, 0) = 0
             AND (o.name IS NOT NULL OR e.value IS NOT NULL) AND coalesce(o.version, '') <> 'none'
             AND (e.value IS NOT NULL OR s.state = 'complete' OR p.usual_absent = 1) THEN 'fail'
            WHEN o.version = 'none' OR p.usual = 1 THEN 'pass'
            WHEN n.flavour NOT IN ('rke2', 'k3s') AND coalesce(p.own, 0) = 0 THEN 'pass'
            ELSE 'unknown' END AS result,
       'Kubernetes of ' || coalesce(n.flavour, 'a flavour not seen') || '; /run/k3s/containerd/containerd.sock '
         || CASE WHEN p.own = 1 THEN 'present' ELSE 'not seen' END || ', /run/containerd/containerd.sock '
         || CASE WHEN p.usual = 1 THEN 'present' WHEN p.usual_absent = 1 THEN 'none' ELSE 'not seen' END
         || '; GPU Operator''s CONTAINERD_SOCKET ' || coalesce(e.value, 'not set as far as seen') AS evidence
FROM kubernetes_node n
LEFT JOIN place p ON p.host = n.host
LEFT JOIN software o ON o.host = n.host AND o.name = 'gpu-operator'
LEFT JOIN (SELECT host, MAX(value) AS value FROM setting
           WHERE component IN ('gpu-operator', 'nvidia-container-toolkit')
             AND (lower(name) IN ('containerd_socket', 'toolkit.containerd_socket', 'toolkit.env.containerd_socket')
                  OR replace(value, '/run/k3s/', '') <> value)
           GROUP BY host) e ON e.host = n.host
LEFT JOIN observed s ON s.host = n.host AND s.tbl = 'setting' AND s.subject = 'gpu-operator'
WHERE (n.flavour IN ('rke2', 'k3s') OR p.own = 1)
  AND coalesce(n.container_runtime, 'containerd') = 'containerd';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('rancher-containerd-paths', 'The node''s containerd is at the usual place', 'notes', 'kubernetes kubernetes-dra',
  'On RKE2 and k3s whatever configures containerd for GPUs must be pointed to /run/k3s/containerd/containerd.sock and to '
  || '/var/lib/rancher/{rke2,k3s}/agent/etc/containerd/config.toml(.tmpl); /etc/containerd is not read there.',
  'https://github.com/NVIDIA/gpu-operator/issues/406',
  'kubernetes_node.container_runtime=?containerd');
CREATE VIEW rule_rancher_containerd_paths AS
SELECT n.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN n.flavour IN ('rke2', 'k3s') THEN 'fail'
            WHEN n.flavour IS NOT NULL THEN 'pass'
            WHEN d.state = 'present' THEN 'fail'
            ELSE 'unknown' END AS result,
       'Kubernetes of ' || coalesce(n.flavour, 'a flavour not seen') || ', /run/k3s/containerd/containerd.sock '
         || coalesce(d.state, 'not seen') AS evidence
FROM kubernetes_node n
LEFT JOIN device_node d ON d.host = n.host AND d.path = '/run/k3s/containerd/containerd.sock'
WHERE n.kubelet IS DISTINCT FROM 'none' AND coalesce(n.container_runtime, 'containerd') = 'containerd';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('containerd-cri-on', 'The containerd of the kubelet has its CRI plugin', 'blocks', 'kubernetes kubernetes-dra',
  'Remove "cri" from disabled_plugins in containerd''s config.toml (packages of Docker put it there), and restart it.',
  'https://kubernetes.io/docs/setup/production-environment/container-runtimes/',
  'kubernetes_node.container_runtime=?containerd setting.name=disabled_plugins');
CREATE VIEW rule_containerd_cri_on AS
SELECT p.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN replace(p.value, 'cri', '') <> p.value AND n.flavour NOT IN ('k3s', 'rke2') THEN 'fail'
            WHEN replace(p.value, 'cri', '') = p.value THEN 'pass'
            ELSE 'unknown' END AS result,
       'disabled_plugins = ' || coalesce(p.value, 'not seen') || coalesce(' in ' || p.file, '') || ', Kubernetes of '
         || coalesce(n.flavour, 'a flavour not seen') AS evidence
FROM setting p
JOIN kubernetes_node n ON n.host = p.host
WHERE p.component = 'containerd' AND p.name = 'disabled_plugins'
  AND coalesce(n.flavour, '') NOT IN ('k3s', 'rke2')
  AND coalesce(n.container_runtime, 'containerd') = 'containerd';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('nvidia-runtime-reached', 'GPU pods reach the nvidia runtime', 'degrades', 'kubernetes',
  'Give the pods (and the device plugin) runtimeClassName: nvidia, make nvidia the default runtime '
  || '(default_runtime_name), or inject by CDI. Else libnvidia-ml.so.1 is not found in them.',
  'repo:NVIDIA/k8s-device-plugin:README.md@v0.20.0',
  'kubernetes_node.kubelet=?running|kubernetes_node.kubelet=installed setting');
CREATE VIEW rule_nvidia_runtime_reached AS
WITH chosen AS (
  SELECT host, sorted_list(value) AS names, MAX(CASE WHEN value = 'nvidia' THEN 1 ELSE 0 END) AS is_nvidia
  FROM setting
  WHERE component IN ('containerd', 'k3s', 'rke2', 'crio', 'docker')
    AND lower(name) IN ('default_runtime_name', 'default-runtime', 'default_runtime')
  GROUP BY host
), known AS (
  SELECT host, MAX(CASE WHEN value = 'none' THEN 1 ELSE 0 END) AS absent
  FROM setting WHERE component IN ('containerd', 'k3s', 'rke2', 'crio', 'docker') AND name = 'runtime-nvidia' GROUP BY host
), pods AS (
  SELECT host, MAX(CASE WHEN replace(value, 'nvidia', '') <> value THEN 1 ELSE 0 END) AS is_nvidia
  FROM setting WHERE lower(name) IN ('runtimeclassname', 'runtime-class', 'runtimeclass') GROUP BY host
), whole AS (
  SELECT host, COUNT(*) AS told FROM observed
  WHERE tbl = 'setting' AND subject IN ('containerd', 'k3s', 'rke2') AND state = 'complete' GROUP BY host
)
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN c.is_nvidia = 1 OR p.is_nvidia = 1 OR i.injection IN ('cdi', 'jit-cdi') THEN 'pass'
            WHEN o.version_key >= version_key('25.10') THEN 'pass'
            WHEN c.is_nvidia = 0 OR k.absent = 1 THEN 'fail'
            WHEN c.host IS NULL AND h.told > 0 AND p.is_nvidia = 0 THEN 'fail'
            ELSE 'unknown' END AS result,
       CASE WHEN k.absent = 1 THEN 'no runtime nvidia is configured; ' ELSE '' END || 'default runtime ' || coalesce(c.names, CASE WHEN h.told > 0 THEN 'not set, which is runc' ELSE 'not seen' END) || ', runtimeClassName nvidia: '
         || CASE WHEN p.is_nvidia = 1 THEN 'yes' WHEN p.is_nvidia = 0 THEN 'no' ELSE 'not seen' END
         || ', GPU Operator ' || coalesce(o.version, 'not seen') AS evidence
FROM accelerator a
JOIN kubernetes_node n ON n.host = a.host
LEFT JOIN chosen c ON c.host = n.host
LEFT JOIN pods p ON p.host = n.host
LEFT JOIN known k ON k.host = n.host
LEFT JOIN whole h ON h.host = n.host
LEFT JOIN intent i ON i.host = n.host
LEFT JOIN software o ON o.host = n.host AND o.name = 'gpu-operator'
WHERE a.vendor = '10de' AND a.is_vf = 0 AND n.kubelet IS DISTINCT FROM 'none'
  AND (c.host IS NOT NULL OR k.host IS NOT NULL);

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('device-plugin-registered', 'The NVIDIA device plugin has registered with the kubelet', 'blocks', 'kubernetes',
  'Deploy the device plugin (or the GPU Operator) on this node, and look at its log: without its socket the node '
  || 'advertises no nvidia.com/gpu.',
  'repo:NVIDIA/k8s-device-plugin:README.md@v0.20.0',
  'kubernetes_node.kubelet=?running|kubernetes_node.kubelet=installed');
CREATE VIEW rule_device_plugin_registered AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN n.device_plugin_socket = 'present' THEN 'pass'
            WHEN n.device_plugin_socket = 'none' THEN 'fail'
            ELSE 'unknown' END AS result,
       'kubelet ' || coalesce(n.kubelet, 'not seen') || ', device plugin''s socket '
         || coalesce(n.device_plugin_socket, 'not seen') AS evidence
FROM accelerator a
JOIN kubernetes_node n ON n.host = a.host
WHERE a.vendor = '10de' AND a.is_vf = 0 AND n.kubelet IS DISTINCT FROM 'none';

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('kubelet-present', 'The host is a Kubernetes node', 'blocks', 'kubernetes kubernetes-dra',
  'Join the host to a cluster.',
  'https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/create-cluster-kubeadm/');
CREATE VIEW rule_kubelet_present AS
SELECT n.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN n.kubelet = 'running' THEN 'pass'
            WHEN n.kubelet IN ('installed', 'none') THEN 'fail'
            ELSE 'unknown' END AS result,
       'kubelet: ' || coalesce(n.kubelet, 'not seen') || coalesce(', Kubernetes of ' || n.flavour, '') AS evidence
FROM kubernetes_node n;

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('dra-kubernetes', 'Kubernetes is new enough for dynamic resource allocation', 'blocks', 'kubernetes-dra',
  'Kubernetes 1.34 and later has DRA on by default (1.34.2 for what the GPU Operator manages); 1.32 and 1.33 need the '
  || 'feature gate and the beta API; before 1.32 NVIDIA''s driver does not run.',
  'https://kubernetes.io/blog/2025/09/01/kubernetes-v1-34-dra-updates | '
  || 'repo:kubernetes-sigs/dra-driver-nvidia-gpu:README.md');
CREATE VIEW rule_dra_kubernetes AS
WITH version AS (
  SELECT host, MAX(version) AS version, MAX(version_key) AS version_key
  FROM software WHERE name IN ('kubernetes', 'kubelet') AND version_key IS NOT NULL GROUP BY host
)
SELECT n.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN v.version_key < version_key('1.32') THEN 'fail'
            WHEN v.version_key >= version_key('1.34') THEN 'pass'
            WHEN replace(g.value, 'DynamicResourceAllocation=true', '') <> g.value THEN 'pass'
            WHEN v.version_key IS NOT NULL AND g.value IS NOT NULL THEN 'fail'
            ELSE 'unknown' END AS result,
       'Kubernetes ' || coalesce(v.version, '(version not seen)') || ', feature gates ' || coalesce(g.value, 'not seen')
         AS evidence
FROM kubernetes_node n
LEFT JOIN version v ON v.host = n.host
LEFT JOIN setting g ON g.host = n.host AND g.component = 'kubelet' AND g.name = 'feature-gates';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('dra-driver-installed', 'The DRA driver for NVIDIA GPUs runs on this node', 'blocks', 'kubernetes-dra',
  'Install the DRA driver (its GPU kubelet plugin has to be on), or let the GPU Operator 26.7 and later do it.',
  'repo:NVIDIA/cloud-native-docs:gpu-operator/dra-intro-install.rst@52dcb7b',
  'kubernetes_node.kubelet=?running|kubernetes_node.kubelet=installed');
CREATE VIEW rule_dra_driver_installed AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN d.version = 'none' THEN 'fail'
            WHEN d.version <> 'none' THEN 'pass'
            ELSE 'unknown' END AS result,
       'dra-driver-nvidia-gpu: ' || coalesce(d.version, CASE WHEN d.name IS NOT NULL THEN 'present' END, 'not seen')
         AS evidence
FROM accelerator a
JOIN kubernetes_node n ON n.host = a.host
LEFT JOIN software d ON d.host = a.host AND d.name = 'dra-driver-nvidia-gpu'
WHERE a.vendor = '10de' AND a.is_vf = 0 AND n.kubelet IS DISTINCT FROM 'none';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('dra-driver-branch', 'The NVIDIA driver is of branch 580 or later for DRA', 'degrades', 'kubernetes-dra',
  'Install branch 580 or later: it is the least that the operator-managed DRA driver asks for.',
  'repo:NVIDIA/cloud-native-docs:gpu-operator/release-notes.rst@52dcb7b',
  'kubernetes_node.kubelet=?running|kubernetes_node.kubelet=installed');
CREATE VIEW rule_dra_driver_branch AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN d.loaded_version_key < version_key('580') THEN 'fail'
            WHEN d.loaded_version_key >= version_key('580') THEN 'pass'
            ELSE 'unknown' END AS result,
       'driver ' || coalesce(d.loaded_version, '(version not seen)') || ', DRA asks for 580 or later' AS evidence
FROM accelerator a
JOIN kubernetes_node n ON n.host = a.host
LEFT JOIN nvidia_driver d ON d.host = a.host
WHERE a.vendor = '10de' AND a.is_vf = 0 AND n.kubelet IS DISTINCT FROM 'none';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('dra-passthrough-host-driver', 'DRA passthrough finds the NVIDIA driver on the host', 'blocks', 'kubernetes-dra kubevirt:whole',
  'Install the driver on the host: with PassthroughSupport the DRA driver takes each GPU from nvidia to vfio-pci when a '
  || 'claim wants it, the opposite of the operator''s vm-passthrough mode, which wants no host driver.',
  'https://github.com/kubernetes-sigs/dra-driver-nvidia-gpu/issues/1292 | '
  || 'repo:NVIDIA/cloud-native-docs:gpu-operator/gpu-operator-kubevirt-dra.rst@52dcb7b',
  'setting.name=PassthroughSupport');
CREATE VIEW rule_dra_passthrough_host_driver AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN lower(g.value) NOT IN ('true', '1', 'on') THEN 'pass'
            WHEN d.loaded_version <> 'none' OR m.state = 'loaded' OR a.driver = 'nvidia' THEN 'pass'
            WHEN d.loaded_version = 'none' OR m.state IN ('available', 'absent') THEN 'fail'
            ELSE 'unknown' END AS result,
       'PassthroughSupport ' || coalesce(g.value, 'not seen') || ', NVIDIA driver '
         || coalesce(d.loaded_version, m.state, 'not seen') AS evidence
FROM accelerator a
JOIN setting g ON g.host = a.host AND g.component = 'dra-driver-nvidia-gpu' AND g.name = 'PassthroughSupport'
LEFT JOIN nvidia_driver d ON d.host = a.host
LEFT JOIN module m ON m.host = a.host AND m.module = 'nvidia'
WHERE a.vendor = '10de' AND a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('operator-passthrough-no-host-driver', 'Where the GPU Operator prepares passthrough, the host has no NVIDIA driver of its own',
  'blocks', 'kubevirt:whole kata:whole',
  'Remove the driver that was installed on the host (or bind the GPUs to vfio-pci by hand): the operator''s vfio-manager '
  || 'skips GPUs that a pre-installed driver has.',
  'https://github.com/NVIDIA/k8s-driver-manager/issues/191 | '
  || 'repo:NVIDIA/cloud-native-docs:confidential-containers/prerequisites.rst@52dcb7b',
  'software.name=gpu-operator');
CREATE VIEW rule_operator_passthrough_no_host_driver AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN a.driver = 'vfio-pci' THEN 'pass'
            WHEN a.driver = 'nvidia' AND d.in_container = 0 THEN 'fail'
            WHEN d.loaded_version = 'none' OR m.state = 'absent' OR d.in_container = 1 THEN 'pass'
            ELSE 'unknown' END AS result,
       a.address || ' is bound to ' || coalesce(a.driver, '(driver not seen)') || ', driver '
         || CASE WHEN d.in_container = 0 THEN 'installed on the host'
                 WHEN d.in_container = 1 THEN 'from a container' ELSE 'of an origin not seen' END
         || ', GPU Operator ' || coalesce(o.version, 'present') || ', workload ' || coalesce(w.value, 'not told') AS evidence
FROM accelerator a
JOIN software o ON o.host = a.host AND o.name = 'gpu-operator'
LEFT JOIN nvidia_driver d ON d.host = a.host
LEFT JOIN module m ON m.host = a.host AND m.module = 'nvidia'
LEFT JOIN setting g ON g.host = a.host AND g.component = 'dra-driver-nvidia-gpu' AND g.name = 'PassthroughSupport'
LEFT JOIN setting w ON w.host = a.host AND w.component = 'gpu-operator' AND w.name = 'workload-config'
WHERE a.vendor = '10de' AND a.is_vf = 0 AND coalesce(o.version, '') <> 'none'
  AND coalesce(lower(g.value), 'false') NOT IN ('true', '1', 'on')
  AND coalesce(w.value, 'vm-passthrough') = 'vm-passthrough';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('operator-validator-sriov', 'The GPU Operator''s sandbox validator finds the VFs that it waits for', 'blocks', 'kubevirt:vgpu',
  'Turing and older boards have no SR-IOV (their vGPUs are mdevs): use a GPU Operator whose validator knows that, or '
  || 'switch that validation off for the node.',
  'https://github.com/NVIDIA/gpu-operator/issues/2365',
  'software.name=gpu-operator');
CREATE VIEW rule_operator_validator_sriov AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN a.sriov_totalvfs > 0 OR o.version_key < version_key('26.3') OR o.version_key >= version_key('26.7')
            THEN 'pass'
            WHEN o.version_key >= version_key('26.3')
             AND (a.sriov_totalvfs = 0 OR a.generation IN ('maxwell', 'pascal', 'volta', 'turing')) THEN 'fail'
            ELSE 'unknown' END AS result,
       'GPU Operator ' || coalesce(o.version, '(version not seen)') || ', ' || coalesce(a.name, a.address) || ' ('
         || coalesce(a.generation, 'generation not known') || '), VFs possible: '
         || coalesce(CAST(a.sriov_totalvfs AS TEXT), 'not seen') AS evidence
FROM accelerator a
JOIN software o ON o.host = a.host AND o.name = 'gpu-operator'
WHERE a.vendor = '10de' AND a.is_vf = 0 AND coalesce(o.version, '') <> 'none';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('operator-driver-not-twice', 'The GPU Operator does not bring a second driver beside the host''s', 'degrades', 'kubernetes kubernetes-dra',
  'Set driver.enabled=false where the driver is installed on the host: the operator skips what it notices, and two '
  || 'installations on one node end in a version mismatch.',
  'https://docs.nvidia.com/datacenter/cloud-native/gpu-operator/latest/getting-started.html',
  'software.name=gpu-operator');
CREATE VIEW rule_operator_driver_not_twice AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN lower(e.value) IN ('false', '0') THEN 'pass'
            WHEN d.in_container = 1 AND d.library_version_key <> d.loaded_version_key THEN 'fail'
            WHEN d.in_container = 0 AND lower(e.value) IN ('true', '1') THEN 'fail'
            WHEN d.in_container = 1 AND (d.library_version = 'none' OR d.library_version_key = d.loaded_version_key)
            THEN 'pass'
            ELSE 'unknown' END AS result,
       'driver.enabled ' || coalesce(e.value, 'not seen') || ', driver '
         || CASE WHEN d.in_container = 0 THEN 'installed on the host' WHEN d.in_container = 1 THEN 'from a container'
                 ELSE 'of an origin not seen' END
         || ' ' || coalesce(d.loaded_version, '(version not seen)') || ', libraries on the host '
         || coalesce(d.library_version, 'not seen') AS evidence
FROM accelerator a
JOIN software o ON o.host = a.host AND o.name = 'gpu-operator'
LEFT JOIN nvidia_driver d ON d.host = a.host
LEFT JOIN setting e ON e.host = a.host AND e.component = 'gpu-operator' AND e.name = 'driver.enabled'
WHERE a.vendor = '10de' AND a.is_vf = 0 AND coalesce(o.version, '') <> 'none';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('user-namespaces-legacy-hook', 'GPU pods do not ask for a user namespace', 'blocks', 'kubernetes',
  'Leave hostUsers at true for GPU pods: the toolkit''s hook does not work in a user namespace.',
  'https://github.com/NVIDIA/nvidia-container-toolkit/issues/648 | '
  || 'repo:NVIDIA/cloud-native-docs:gpu-operator/release-notes.rst@52dcb7b',
  'intent_argument.name=hostUsers');
CREATE VIEW rule_user_namespaces_legacy_hook AS
SELECT g.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN lower(MIN(g.value)) IN ('false', '0') THEN 'fail'
            WHEN lower(MIN(g.value)) IN ('true', '1') THEN 'pass'
            ELSE 'unknown' END AS result,
       'hostUsers: ' || coalesce(MIN(g.value), 'not seen') AS evidence
FROM intent_argument g
WHERE g.target = 'container' AND g.name = 'hostUsers'
GROUP BY g.host;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('cpu-manager-device-specs', 'The kubelet''s CPU manager does not take GPUs away from running pods', 'degrades', 'kubernetes',
  'With cpuManagerPolicy static let the device plugin pass device specs (PASS_DEVICE_SPECS=true, the plugin privileged), or '
  || 'inject by CDI: the CPU manager''s updates rewrite the device rules without them.',
  'https://github.com/NVIDIA/k8s-device-plugin/issues/145 | https://github.com/NVIDIA/nvidia-docker/issues/966',
  'setting.name=cpuManagerPolicy');
CREATE VIEW rule_cpu_manager_device_specs AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN c.value <> 'static' OR i.injection IN ('cdi', 'jit-cdi') THEN 'pass'
            WHEN lower(p.value) IN ('true', '1') THEN 'pass'
            WHEN c.value = 'static' AND (p.value IS NOT NULL OR o.state = 'complete') THEN 'fail'
            ELSE 'unknown' END AS result,
       'cpuManagerPolicy ' || coalesce(c.value, 'not seen') || ', device plugin passes device specs: '
         || coalesce(p.value, CASE WHEN o.state = 'complete' THEN 'not set' END, 'not seen') AS evidence
FROM accelerator a
JOIN setting c ON c.host = a.host AND c.component = 'kubelet' AND c.name = 'cpuManagerPolicy'
LEFT JOIN setting p ON p.host = a.host AND p.component = 'device-plugin' AND p.name = 'passDeviceSpecs'
LEFT JOIN observed o ON o.host = a.host AND o.tbl = 'setting' AND o.subject = 'device-plugin'
LEFT JOIN intent i ON i.host = a.host
WHERE a.vendor = '10de' AND a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('operator-on-talos', 'The GPU Operator can use the driver of a Talos node', 'blocks', 'kubernetes kubernetes-dra',
  'Install the driver as Talos system extensions and set driver.enabled=false; before Talos 1.13 use the device plugin with '
  || 'the extension nvidia-container-toolkit instead of the operator, which does not find libraries below /usr/local/glibc.',
  'https://github.com/siderolabs/talos/issues/8402 | https://github.com/siderolabs/talos/issues/9014 | '
  || 'https://github.com/siderolabs/extensions/issues/527 | https://github.com/NVIDIA/gpu-operator/issues/2731',
  'software.name=gpu-operator');
CREATE VIEW rule_operator_on_talos AS
SELECT m.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN lower(e.value) IN ('true', '1') OR m.distribution_version_key < version_key('1.13') THEN 'fail'
            WHEN lower(e.value) IN ('false', '0') AND m.distribution_version_key >= version_key('1.13') THEN 'pass'
            ELSE 'unknown' END AS result,
       'Talos ' || coalesce(m.distribution_version, '(version not seen)') || ', GPU Operator '
         || coalesce(o.version, '(version not seen)') || ', driver.enabled ' || coalesce(e.value, 'not seen') AS evidence
FROM machine m
JOIN software o ON o.host = m.host AND o.name = 'gpu-operator'
LEFT JOIN setting e ON e.host = m.host AND e.component = 'gpu-operator' AND e.name = 'driver.enabled'
WHERE m.distribution = 'talos' AND coalesce(o.version, '') <> 'none';
