-- How containers are given the GPU, and what takes it away again. SPDX-License-Identifier: Apache-2.0

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('container-toolkit-installed', 'The NVIDIA Container Toolkit is installed', 'blocks', 'container',
  'Install nvidia-container-toolkit and configure the engine (nvidia-ctk runtime configure), or generate a CDI '
  || 'specification for an engine that reads those.',
  'https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/install-guide.html');
CREATE VIEW rule_container_toolkit_installed AS
SELECT s.host, coalesce(a.address, '') AS subject, NULL AS surface, NULL AS share,
       CASE WHEN t.version <> 'none' OR l.version <> 'none' THEN 'pass'
            WHEN EXISTS (SELECT 1 FROM cdi_spec c WHERE c.host = s.host AND c.kind = 'nvidia.com/gpu') THEN 'pass'
            WHEN t.version = 'none' AND i.device_nodes_explicit IS DISTINCT FROM 1
             AND i.injection IS DISTINCT FROM 'none' THEN 'fail'
            ELSE 'unknown' END AS result,
       'nvidia-container-toolkit ' || coalesce(t.version, 'not seen') || ', libnvidia-container '
         || coalesce(l.version, 'not seen') AS evidence
FROM host_summary s
LEFT JOIN accelerator a ON a.host = s.host AND a.vendor = '10de' AND a.is_vf = 0
LEFT JOIN software t ON t.host = s.host AND t.name = 'nvidia-container-toolkit'
LEFT JOIN software l ON l.host = s.host AND l.name = 'libnvidia-container'
LEFT JOIN intent i ON i.host = s.host
WHERE a.address IS NOT NULL OR (s.accelerators = 0 AND s.pci_seen = 0);

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('no-cgroups-rootless-only', 'no-cgroups is not set for an engine that runs as root', 'blocks', 'container',
  'Set no-cgroups = false in /etc/nvidia-container-runtime/config.toml (keep a copy with true, selected by '
  || 'XDG_CONFIG_HOME, for rootless users), or inject by CDI.',
  'https://github.com/NVIDIA/nvidia-container-toolkit/issues/580',
  'setting.component=nvidia-container-runtime|setting.component=nvidia-container-cli|setting.component=nvidia-container-toolkit|setting.component=libnvidia-container');
CREATE VIEW rule_no_cgroups_rootless_only AS
WITH flag AS (
  SELECT host, MAX(lower(value)) AS value, sorted_list(file) AS files
  FROM setting
  WHERE component IN ('nvidia-container-runtime', 'nvidia-container-cli', 'nvidia-container-toolkit',
                      'libnvidia-container')
    AND replace(replace(lower(name), '_', '-'), 'no-cgroups', '') <> replace(lower(name), '_', '-')
  GROUP BY host
)
SELECT s.host, coalesce(a.address, '') AS subject, NULL AS surface, NULL AS share,
       CASE WHEN f.value IN ('false', '0', 'none') OR i.rootless = 1 OR i.injection = 'cdi'
              OR i.device_nodes_explicit = 1 THEN 'pass'
            WHEN f.value IN ('true', '1') AND (i.rootless = 0 OR v.state = 'active') THEN 'fail'
            ELSE 'unknown' END AS result,
       'no-cgroups = ' || coalesce(f.value, 'not seen') || coalesce(' in ' || f.files, '') || ', engine '
         || CASE WHEN i.rootless = 1 THEN 'without root'
                 WHEN i.rootless = 0 OR v.state = 'active' THEN 'as root' ELSE 'not seen' END AS evidence
FROM host_summary s
LEFT JOIN accelerator a ON a.host = s.host AND a.vendor = '10de' AND a.is_vf = 0
JOIN flag f ON f.host = s.host
LEFT JOIN service v ON v.host = s.host AND v.service = 'docker'
LEFT JOIN intent i ON i.host = s.host
WHERE a.address IS NOT NULL OR (s.accelerators = 0 AND s.pci_seen = 0);

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('rootless-no-cgroups', 'A rootless engine with the legacy hook has no-cgroups set', 'blocks', 'container',
  'Inject by CDI (--device nvidia.com/gpu=all), or set no-cgroups = true in a config.toml of that user: without root '
  || 'the hook may not write device rules.',
  'https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/install-guide.html',
  'intent.rootless=1');
CREATE VIEW rule_rootless_no_cgroups AS
WITH flag AS (
  SELECT host, MAX(lower(value)) AS value
  FROM setting
  WHERE component IN ('nvidia-container-runtime', 'nvidia-container-cli', 'nvidia-container-toolkit',
                      'libnvidia-container')
    AND replace(replace(lower(name), '_', '-'), 'no-cgroups', '') <> replace(lower(name), '_', '-')
  GROUP BY host
)
SELECT i.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN i.injection IN ('cdi', 'jit-cdi', 'none') OR f.value IN ('true', '1') THEN 'pass'
            WHEN i.injection = 'legacy'
             AND (f.value IN ('false', '0', 'none') OR (f.host IS NULL AND o.state = 'complete')) THEN 'fail'
            ELSE 'unknown' END AS result,
       'rootless engine, injection ' || coalesce(i.injection, 'not told') || ', no-cgroups '
         || coalesce(f.value, CASE WHEN o.state = 'complete' THEN 'not set' END, 'not seen') AS evidence
FROM intent i
LEFT JOIN flag f ON f.host = i.host
LEFT JOIN observed o ON o.host = i.host AND o.tbl = 'setting' AND o.subject = 'nvidia-container-runtime'
WHERE i.rootless = 1
  AND EXISTS (SELECT 1 FROM accelerator a WHERE a.host = i.host AND a.vendor = '10de');

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('devices-survive-daemon-reload', 'Running containers keep their GPUs over systemctl daemon-reload', 'degrades',
  'container kubernetes',
  'Inject by CDI, or pass the nodes by --device, or make the links /dev/char/195:* (nvidia-ctk system '
  || 'create-dev-char-symlinks, and a udev rule), or use the cgroupfs driver.',
  'https://github.com/NVIDIA/nvidia-container-toolkit/issues/48 | '
  || 'https://github.com/NVIDIA/nvidia-container-toolkit/issues/1227 | https://github.com/NVIDIA/gpu-operator/issues/430');
CREATE VIEW rule_devices_survive_daemon_reload AS
WITH driver AS (
  SELECT host, MAX(CASE WHEN lower(value) IN ('systemd', 'true') THEN 1 ELSE 0 END) AS systemd,
         MAX(CASE WHEN lower(value) IN ('cgroupfs', 'false') THEN 1 ELSE 0 END) AS cgroupfs
  FROM setting
  WHERE (component IN ('docker', 'kubelet', 'containerd', 'crio', 'podman', 'k3s', 'rke2')
         AND lower(name) IN ('cgroup-driver', 'cgroupdriver', 'native.cgroupdriver', 'cgroup_manager',
                             'cgroup-manager', 'systemdcgroup', 'systemd_cgroup'))
  GROUP BY host
), links AS (
  SELECT host, MAX(CASE WHEN state = 'present' THEN 1 ELSE 0 END) AS present, sorted_list(state) AS states
  FROM device_node WHERE substr(path, 1, 9) = '/dev/char'
  GROUP BY host
)
SELECT s.host, coalesce(a.address, '') AS subject, NULL AS surface, NULL AS share,
       CASE WHEN i.device_nodes_explicit = 1 OR i.injection IN ('cdi', 'jit-cdi') THEN 'pass'
            WHEN i.injection IS NULL AND r.value IN ('cdi', 'jit-cdi') THEN 'pass'
            WHEN l.present = 1 OR mc.init IN ('openrc', 'runit', 'busybox') OR (c.cgroupfs = 1 AND c.systemd = 0)
            THEN 'pass'
            WHEN l.present = 0 AND (c.systemd = 1 OR (c.host IS NULL AND mc.init = 'systemd' AND mc.cgroup_version = 2))
             AND (i.injection = 'legacy' OR r.value = 'legacy' OR t.version_key < version_key('1.18')
                  OR lc.version_key < version_key('1.18')) THEN 'fail'
            WHEN l.present = 0 AND c.systemd = 1 AND i.injection = 'device-plugin' THEN 'fail'
            ELSE 'unknown' END AS result,
       'cgroup driver ' || CASE WHEN c.systemd = 1 THEN 'systemd' WHEN c.cgroupfs = 1 THEN 'cgroupfs'
                                WHEN mc.init = 'systemd' AND mc.cgroup_version = 2 THEN 'systemd by default'
                                ELSE 'not seen' END
         || ', injection ' || coalesce(i.injection, r.value, 'toolkit ' || t.version, 'not seen')
         || ', explicit device nodes: ' || coalesce(CAST(i.device_nodes_explicit AS TEXT), 'not told')
         || ', links /dev/char/195:*: ' || coalesce(l.states, 'not seen') AS evidence
FROM host_summary s
LEFT JOIN accelerator a ON a.host = s.host AND a.vendor = '10de' AND a.is_vf = 0
LEFT JOIN machine mc ON mc.host = s.host
LEFT JOIN intent i ON i.host = s.host
LEFT JOIN driver c ON c.host = s.host
LEFT JOIN links l ON l.host = s.host
LEFT JOIN setting r ON r.host = s.host AND r.component = 'nvidia-container-runtime' AND r.name = 'mode'
LEFT JOIN software t ON t.host = s.host AND t.name = 'nvidia-container-toolkit'
LEFT JOIN software lc ON lc.host = s.host AND lc.name = 'libnvidia-container'
WHERE (a.address IS NOT NULL OR (s.accelerators = 0 AND s.pci_seen = 0))
  AND mc.cgroup_version IS DISTINCT FROM 1;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('injection-known-to-systemd', 'GPUs are injected in a way that systemd knows of', 'notes', 'container kubernetes',
  'Devices that the legacy hook adds behind systemd''s back live until systemd writes the device rules again. CDI and '
  || '--device do not have that weakness.',
  'https://github.com/NVIDIA/nvidia-container-toolkit/issues/48',
  'intent.injection|setting.name=mode');
CREATE VIEW rule_injection_known_to_systemd AS
SELECT s.host, coalesce(a.address, '') AS subject, NULL AS surface, NULL AS share,
       CASE WHEN i.device_nodes_explicit = 1 OR i.injection IN ('cdi', 'jit-cdi') THEN 'pass'
            WHEN i.injection = 'legacy' AND mc.init IS DISTINCT FROM 'openrc' THEN 'fail'
            WHEN r.value = 'legacy' AND i.injection IS NULL THEN 'fail'
            WHEN r.value = 'cdi' THEN 'pass'
            ELSE 'unknown' END AS result,
       'injection ' || coalesce(i.injection, 'not told') || ', runtime mode ' || coalesce(r.value, 'not seen')
         || ', init ' || coalesce(mc.init, 'not seen') AS evidence
FROM host_summary s
LEFT JOIN accelerator a ON a.host = s.host AND a.vendor = '10de' AND a.is_vf = 0
LEFT JOIN machine mc ON mc.host = s.host
LEFT JOIN intent i ON i.host = s.host
LEFT JOIN setting r ON r.host = s.host AND r.component = 'nvidia-container-runtime' AND r.name = 'mode'
WHERE (a.address IS NOT NULL OR (s.accelerators = 0 AND s.pci_seen = 0))
  AND (i.injection IS NOT NULL OR r.value IS NOT NULL);

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('cgroup1-daemon-reload', 'With cgroup v1 systemd does not rewrite the device rules of containers', 'degrades',
  'container kubernetes',
  'systemd 239 and later resets the devices cgroup on daemon-reload: use the cgroupfs driver, CDI, or explicit device '
  || 'nodes.',
  'https://github.com/NVIDIA/nvidia-container-toolkit/issues/251');
CREATE VIEW rule_cgroup1_daemon_reload AS
WITH driver AS (
  SELECT host, MAX(CASE WHEN lower(value) IN ('systemd', 'true') THEN 1 ELSE 0 END) AS systemd,
         MAX(CASE WHEN lower(value) IN ('cgroupfs', 'false') THEN 1 ELSE 0 END) AS cgroupfs
  FROM setting
  WHERE component IN ('docker', 'kubelet', 'containerd', 'crio', 'podman', 'k3s', 'rke2')
    AND lower(name) IN ('cgroup-driver', 'cgroupdriver', 'native.cgroupdriver', 'cgroup_manager', 'cgroup-manager',
                        'systemdcgroup', 'systemd_cgroup')
  GROUP BY host
)
SELECT s.host, coalesce(a.address, '') AS subject, NULL AS surface, NULL AS share,
       CASE WHEN i.device_nodes_explicit = 1 OR i.injection IN ('cdi', 'jit-cdi') THEN 'pass'
            WHEN mc.cgroup_version IS NULL THEN 'unknown'
            WHEN (c.cgroupfs = 1 AND c.systemd = 0) OR y.version_key < version_key('239') THEN 'pass'
            WHEN c.systemd = 1 AND y.version_key >= version_key('239') THEN 'fail'
            ELSE 'unknown' END AS result,
       'cgroup ' || CASE WHEN mc.cgroup_version IS NULL THEN 'version not seen' ELSE 'v1' END || ', systemd ' || coalesce(y.version, '(version not seen)') || ', cgroup driver '
         || CASE WHEN c.systemd = 1 THEN 'systemd' WHEN c.cgroupfs = 1 THEN 'cgroupfs' ELSE 'not seen' END
         || ', injection ' || coalesce(i.injection, 'not told') AS evidence
FROM host_summary s
LEFT JOIN accelerator a ON a.host = s.host AND a.vendor = '10de' AND a.is_vf = 0
JOIN machine mc ON mc.host = s.host
LEFT JOIN software y ON y.host = s.host AND y.name = 'systemd'
LEFT JOIN driver c ON c.host = s.host
LEFT JOIN intent i ON i.host = s.host
WHERE (a.address IS NOT NULL OR (s.accelerators = 0 AND s.pci_seen = 0)) AND coalesce(mc.cgroup_version, 1) = 1;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('docker-nvidia-runtime', 'Docker knows the nvidia runtime that is asked for', 'blocks', 'container',
  'nvidia-ctk runtime configure --runtime=docker, then restart docker; or use --gpus or CDI.',
  'https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/install-guide.html',
  'intent_argument.value=nvidia');
CREATE VIEW rule_docker_nvidia_runtime AS
SELECT i.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN replace(r.value, 'nvidia', '') <> r.value THEN 'pass'
            WHEN r.value IS NOT NULL OR o.state = 'complete' THEN 'fail'
            ELSE 'unknown' END AS result,
       '--runtime=nvidia asked for; runtimes of docker: '
         || coalesce(r.value, CASE WHEN o.state = 'complete' THEN 'none set' END, 'not seen') AS evidence
FROM (SELECT host, COUNT(*) AS uses FROM intent_argument
      WHERE target = 'container' AND name IN ('--runtime', 'runtime') AND value = 'nvidia' GROUP BY host) i
LEFT JOIN (SELECT host, MAX(CASE WHEN name = 'runtime-nvidia' AND value <> 'none' THEN 'nvidia' ELSE value END) AS value
           FROM setting WHERE component = 'docker' AND name IN ('runtimes', 'runtime-nvidia') GROUP BY host) r
  ON r.host = i.host
LEFT JOIN observed o ON o.host = i.host AND o.tbl = 'setting' AND o.subject = 'docker'
LEFT JOIN service v ON v.host = i.host AND v.service = 'docker'
WHERE v.state IS NOT NULL OR r.value IS NOT NULL;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('docker-on-host', 'Docker runs on the host itself, not in Docker Desktop''s VM', 'blocks', 'container',
  'Install Docker Engine from its own packages: Docker Desktop on Linux runs containers in a VM without the GPU; '
  || 'whether the snap has what GPUs need depends on its release.',
  'https://github.com/NVIDIA/nvidia-container-toolkit/issues/175 | https://github.com/docker/roadmap/issues/497 | '
  || 'https://github.com/canonical/docker-snap/issues/148',
  'setting.name=packaging');
CREATE VIEW rule_docker_on_host AS
SELECT p.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN lower(p.value) IN ('desktop', 'desktop-linux', 'docker-desktop') THEN 'fail'
            WHEN p.value IS NOT NULL AND lower(p.value) <> 'snap' THEN 'pass'
            ELSE 'unknown' END AS result,
       'docker ' || p.name || ': ' || coalesce(p.value, 'not seen') AS evidence
FROM setting p
WHERE p.component = 'docker' AND p.name = 'packaging';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('device-nodes-rootless', 'Device nodes are open to users where the engine runs without root', 'blocks', 'container',
  'Let the driver make its nodes with mode 0666 (NVreg_DeviceFileMode), or put the user into the group that may open '
  || 'them (render, video) and keep it in the container (--group-add keep-groups).',
  'https://download.nvidia.com/XFree86/Linux-x86_64/550.54.14/README/faq.html',
  'intent.rootless=1');
CREATE VIEW rule_device_nodes_rootless AS
WITH node AS (
  SELECT host, SUM(CASE WHEN substr(mode, length(mode), 1) IN ('6', '7') THEN 0 ELSE 1 END) AS closed,
         SUM(CASE WHEN mode IS NULL OR state IS NULL THEN 1 ELSE 0 END) AS unseen,
         sorted_list(path || ' ' || coalesce(mode, '(mode not seen)') || coalesce(' ' || owner, '')) AS listing
  FROM device_node
  WHERE ((substr(path, 1, 11) = '/dev/nvidia' AND substr(path, 12, 1) <> '-')
         OR path = '/dev/kfd' OR substr(path, 1, 14) = '/dev/dri/rende') AND state IS DISTINCT FROM 'none'
  GROUP BY host
)
SELECT i.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN n.closed > n.unseen THEN 'fail'
            WHEN n.closed = 0 AND n.unseen = 0 THEN 'pass'
            ELSE 'unknown' END AS result,
       'rootless engine; ' || n.listing AS evidence
FROM intent i
JOIN node n ON n.host = i.host
WHERE i.rootless = 1;

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('nvidia-device-nodes', 'The driver''s device nodes exist', 'degrades', '@host-driver',
  'nvidia-modprobe -c 0 -u, or nvidia-ctk system create-device-nodes --control-devices; nvidia-persistenced makes them '
  || 'at boot. The toolkit''s hook makes them on demand, CDI and explicit --device do not.',
  'https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/cdi-support.html');
CREATE VIEW rule_nvidia_device_nodes AS
WITH node AS (
  SELECT host, sorted_list(CASE WHEN state = 'none' THEN path END) AS missing,
         SUM(CASE WHEN state IS NULL THEN 1 ELSE 0 END) AS unseen,
         MAX(CASE WHEN path = '/dev/nvidiactl' AND state = 'present' THEN 1 ELSE 0 END) AS control,
         MAX(CASE WHEN path = '/dev/nvidia-uvm' AND state = 'present' THEN 1 ELSE 0 END) AS uvm,
         MAX(CASE WHEN substr(path, 12, 1) IN ('0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '[')
                   AND state = 'present' THEN 1 ELSE 0 END) AS gpu
  FROM device_node
  WHERE substr(path, 1, 11) = '/dev/nvidia'
    AND (path IN ('/dev/nvidiactl', '/dev/nvidia-uvm')
         OR substr(path, 12, 1) IN ('0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '['))
  GROUP BY host
)
SELECT s.host, coalesce(a.address, '') AS subject, NULL AS surface, NULL AS share,
       CASE WHEN n.missing IS NOT NULL THEN 'fail'
            WHEN n.control = 1 AND n.uvm = 1 AND n.gpu = 1 AND n.unseen = 0 THEN 'pass'
            ELSE 'unknown' END AS result,
       'missing: ' || coalesce(n.missing, CASE WHEN n.control = 1 AND n.uvm = 1 AND n.gpu = 1 THEN 'none' END,
                               'not all seen') AS evidence
FROM host_summary s
LEFT JOIN accelerator a ON a.host = s.host AND a.vendor = '10de' AND a.is_vf = 0
LEFT JOIN node n ON n.host = s.host
LEFT JOIN nvidia_driver d ON d.host = s.host
WHERE (a.address IS NOT NULL OR (s.accelerators = 0 AND s.pci_seen = 0))
  AND d.in_container IS DISTINCT FROM 1;

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('nvidia-uvm-module', 'The module nvidia_uvm is there for the running kernel', 'blocks', '@host-driver',
  'Install the whole set of NVIDIA modules for this kernel: CUDA needs nvidia_uvm.',
  'https://github.com/NVIDIA/nvidia-docker/issues/481');
CREATE VIEW rule_nvidia_uvm_module AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN m.state = 'absent' THEN 'fail'
            WHEN m.state IN ('loaded', 'builtin', 'available') THEN 'pass'
            ELSE 'unknown' END AS result,
       'nvidia_uvm for kernel ' || coalesce(k.release, '(not seen)') || ': ' || coalesce(m.state, 'not seen') AS evidence
FROM accelerator a
JOIN module m ON m.host = a.host AND m.module = 'nvidia_uvm'
LEFT JOIN kernel k ON k.host = a.host
WHERE a.vendor = '10de' AND a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('toolkit-cgroup2', 'The container toolkit knows cgroup v2', 'blocks', 'container kubernetes',
  'Upgrade libnvidia-container and the toolkit to 1.8.0 or later; or boot with systemd.unified_cgroup_hierarchy=0.',
  'https://github.com/NVIDIA/libnvidia-container/issues/111 | https://github.com/NVIDIA/k8s-device-plugin/issues/273');
CREATE VIEW rule_toolkit_cgroup2 AS
SELECT s.host, coalesce(a.address, '') AS subject, NULL AS surface, NULL AS share,
       CASE WHEN mc.cgroup_version = 1 OR i.injection IN ('cdi', 'jit-cdi') THEN 'pass'
            WHEN coalesce(l.version_key, t.version_key) < version_key('1.8.0') AND mc.cgroup_version = 2 THEN 'fail'
            WHEN coalesce(l.version_key, t.version_key) >= version_key('1.8.0') THEN 'pass'
            ELSE 'unknown' END AS result,
       'cgroup v' || coalesce(CAST(mc.cgroup_version AS TEXT), '(not seen)') || ', libnvidia-container '
         || coalesce(l.version, 'not seen') || ', nvidia-container-toolkit ' || coalesce(t.version, 'not seen') AS evidence
FROM host_summary s
LEFT JOIN accelerator a ON a.host = s.host AND a.vendor = '10de' AND a.is_vf = 0
LEFT JOIN machine mc ON mc.host = s.host
LEFT JOIN intent i ON i.host = s.host
LEFT JOIN software t ON t.host = s.host AND t.name = 'nvidia-container-toolkit'
LEFT JOIN software l ON l.host = s.host AND l.name = 'libnvidia-container'
WHERE a.address IS NOT NULL OR (s.accelerators = 0 AND s.pci_seen = 0);

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('container-library-matches', 'Driver libraries inside the container have the version of the host''s module', 'blocks',
  'container kubernetes slurm',
  'Leave the driver''s libraries out of the image and let the toolkit inject the host''s, or install exactly the host''s '
  || 'version in it (an LXC container without the toolkit needs that).',
  'repo:NVIDIA/open-gpu-kernel-modules:README.md@595.45.04',
  'intent.driver_version intent.surface=container|intent.surface=kubernetes|intent.surface=slurm');
CREATE VIEW rule_container_library_matches AS
SELECT s.host, coalesce(a.address, '') AS subject, NULL AS surface, NULL AS share,
       CASE WHEN i.driver_version_key <> coalesce(d.loaded_version_key, m.version_key) THEN 'fail'
            WHEN i.driver_version_key = coalesce(d.loaded_version_key, m.version_key) THEN 'pass'
            ELSE 'unknown' END AS result,
       'the container brings driver libraries ' || i.driver_version || ', host''s module '
         || coalesce(d.loaded_version, m.version, 'not seen') AS evidence
FROM host_summary s
LEFT JOIN accelerator a ON a.host = s.host AND a.vendor = '10de' AND a.is_vf = 0
JOIN intent i ON i.host = s.host
LEFT JOIN nvidia_driver d ON d.host = s.host
LEFT JOIN module m ON m.host = s.host AND m.module = 'nvidia'
WHERE (a.address IS NOT NULL OR (s.accelerators = 0 AND s.pci_seen = 0))
  AND i.driver_version IS NOT NULL AND i.surface IN ('container', 'kubernetes', 'slurm');

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('docker-gpus-flag', 'Docker is new enough to be asked for GPUs', 'blocks', 'container',
  'Upgrade Docker to 19.03 or later (--gpus), or use the nvidia runtime by name.',
  'https://docs.docker.com/engine/containers/resource_constraints/',
  'software.name=docker intent_argument.target=container');
CREATE VIEW rule_docker_gpus_flag AS
SELECT s.host, coalesce(a.address, '') AS subject, NULL AS surface, NULL AS share,
       CASE WHEN d.version_key < version_key('19.03') THEN 'fail'
            WHEN d.version_key >= version_key('19.03') THEN 'pass'
            ELSE 'unknown' END AS result,
       'docker ' || coalesce(d.version, '(version not seen)') || ', --gpus asked for' AS evidence
FROM host_summary s
LEFT JOIN accelerator a ON a.host = s.host AND a.vendor = '10de' AND a.is_vf = 0
JOIN software d ON d.host = s.host AND d.name = 'docker'
JOIN (SELECT host, COUNT(*) AS uses FROM intent_argument
      WHERE target = 'container' AND name IN ('--gpus', 'gpus') GROUP BY host) g ON g.host = s.host
WHERE (a.address IS NOT NULL OR (s.accelerators = 0 AND s.pci_seen = 0)) AND coalesce(d.version, '') <> 'none';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('toolkit-ldconfig', 'The toolkit calls the ldconfig that this distribution has', 'blocks', 'container kubernetes',
  'Set ldconfig = "@/sbin/ldconfig" in /etc/nvidia-container-runtime/config.toml; only Debian 8 and Ubuntu have '
  || '/sbin/ldconfig.real.',
  'https://github.com/NVIDIA/nvidia-docker/issues/587 | https://github.com/NVIDIA/nvidia-container-toolkit/issues/147',
  'setting.name=ldconfig');
CREATE VIEW rule_toolkit_ldconfig AS
SELECT l.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN replace(l.value, 'ldconfig.real', '') = l.value THEN 'pass'
            WHEN m.distribution IN ('ubuntu', 'pop', 'linuxmint', 'elementary', 'zorin', 'neon') THEN 'pass'
            WHEN m.distribution IN ('fedora', 'rhel', 'centos', 'rocky', 'almalinux', 'ol', 'amzn', 'arch', 'manjaro',
                                    'endeavouros', 'opensuse-leap', 'opensuse-tumbleweed', 'sles', 'gentoo', 'nixos')
            THEN 'fail'
            ELSE 'unknown' END AS result,
       'ldconfig = ' || coalesce(l.value, 'not seen') || ', distribution ' || coalesce(m.distribution, 'not seen') AS evidence
FROM setting l
LEFT JOIN machine m ON m.host = l.host
WHERE l.component IN ('nvidia-container-runtime', 'nvidia-container-cli') AND l.name = 'ldconfig';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('docker-not-snap', 'Docker was not installed as a snap', 'degrades', 'container',
  'Install Docker Engine from its own packages: the snap sees the host''s driver libraries through its confinement only, '
  || 'and older releases of it not at all on classic Ubuntu.',
  'https://github.com/canonical/docker-snap/issues/148 | https://github.com/NVIDIA/nvidia-docker/issues/1642',
  'setting.name=packaging');
CREATE VIEW rule_docker_not_snap AS
SELECT p.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN lower(p.value) = 'snap' THEN 'fail'
            WHEN p.value IS NOT NULL THEN 'pass'
            ELSE 'unknown' END AS result,
       'docker ' || p.name || ': ' || coalesce(p.value, 'not seen') AS evidence
FROM setting p
WHERE p.component = 'docker' AND p.name = 'packaging';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('nested-no-cgroups', 'Inside a system container the legacy hook leaves cgroups alone', 'degrades', 'container',
  'Set no-cgroups = true in /etc/nvidia-container-runtime/config.toml of an unprivileged LXC or LXD container and allow the '
  || 'devices from outside, or inject by CDI: there the hook may write no device rules.',
  'https://github.com/NVIDIA/nvidia-docker/issues/1546 | https://github.com/NVIDIA/nvidia-container-toolkit/issues/290',
  'machine.container=?other setting.component=nvidia-container-runtime|setting.component=nvidia-container-cli|setting.component=nvidia-container-toolkit');
CREATE VIEW rule_nested_no_cgroups AS
WITH flag AS (
  SELECT host, MAX(lower(value)) AS value, sorted_list(file) AS files
  FROM setting
  WHERE component IN ('nvidia-container-runtime', 'nvidia-container-cli', 'nvidia-container-toolkit')
    AND replace(replace(lower(name), '_', '-'), 'no-cgroups', '') <> replace(lower(name), '_', '-')
  GROUP BY host
)
SELECT m.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN f.value IN ('true', '1') OR i.injection IN ('cdi', 'jit-cdi', 'none') THEN 'pass'
            WHEN m.container = 'other' AND f.value IN ('false', '0', 'none') AND i.injection = 'legacy' THEN 'fail'
            ELSE 'unknown' END AS result,
       CASE WHEN m.container = 'other' THEN 'in a container itself' ELSE 'whether in a container itself, not seen' END
         || ', injection ' || coalesce(i.injection, 'not told') || ', no-cgroups = '
         || coalesce(f.value, 'not seen') || coalesce(' in ' || f.files, '') AS evidence
FROM machine m
JOIN flag f ON f.host = m.host
LEFT JOIN intent i ON i.host = m.host
WHERE m.container IS NULL OR m.container = 'other';
