-- CDI: engines that understand it, specifications that fit this host. SPDX-License-Identifier: Apache-2.0

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('podman-cdi', 'Podman understands CDI device names', 'blocks', 'container',
  'Use Podman 4.1.0 or later for --device nvidia.com/gpu=…; older ones take the name for a path.',
  'https://github.com/NVIDIA/nvidia-container-toolkit/issues/63 | repo:cncf-tags/container-device-interface:README.md',
  'software.name=podman');
CREATE VIEW rule_podman_cdi AS
SELECT s.host, coalesce(a.address, '') AS subject, NULL AS surface, NULL AS share,
       CASE WHEN p.version_key < version_key('4.1') THEN 'fail'
            WHEN p.version_key >= version_key('4.1') THEN 'pass'
            ELSE 'unknown' END AS result,
       'podman ' || coalesce(p.version, '(version not seen)') || '; native CDI since 4.1.0' AS evidence
FROM host_summary s
LEFT JOIN accelerator a ON a.host = s.host AND a.vendor = '10de' AND a.is_vf = 0
JOIN software p ON p.host = s.host AND p.name = 'podman'
LEFT JOIN software k ON k.host = s.host AND k.name = 'docker'
LEFT JOIN service v ON v.host = s.host AND v.service = 'docker'
LEFT JOIN intent i ON i.host = s.host
WHERE (a.address IS NOT NULL OR (s.accelerators = 0 AND s.pci_seen = 0))
  AND coalesce(p.version, '') <> 'none'
  AND coalesce(k.version, 'none') = 'none' AND coalesce(v.state, 'absent') <> 'active'
  AND (i.injection = 'cdi'
       OR (i.injection IS NULL AND EXISTS (SELECT 1 FROM cdi_spec c WHERE c.host = s.host))
       OR EXISTS (SELECT 1 FROM intent_argument g WHERE g.host = s.host AND g.target = 'container'
                    AND substr(g.value, 1, 11) = 'nvidia.com/'));

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('docker-cdi', 'Docker understands CDI device names', 'blocks', 'container',
  'Docker 28.2 and later has CDI on; from 25 set "features": {"cdi": true} in daemon.json and restart it; older ones '
  || 'have none: upgrade, or use the nvidia runtime.',
  'repo:cncf-tags/container-device-interface:README.md',
  'software.name=docker');
CREATE VIEW rule_docker_cdi AS
WITH feature AS (
  SELECT host, MAX(CASE WHEN lower(value) IN ('true', '1', 'on', 'yes', 'enabled') THEN 1 ELSE 0 END) AS enabled,
         MAX(CASE WHEN lower(value) IN ('false', '0', 'off', 'no', 'none', 'disabled') THEN 1 ELSE 0 END) AS disabled
  FROM setting
  WHERE component = 'docker' AND replace(lower(name), 'cdi', '') <> lower(name)
    AND replace(lower(name), 'dir', '') = lower(name)
  GROUP BY host
)
SELECT s.host, coalesce(a.address, '') AS subject, NULL AS surface, NULL AS share,
       CASE WHEN d.version_key < version_key('25') THEN 'fail'
            WHEN f.enabled = 1 AND d.version_key >= version_key('25') THEN 'pass'
            WHEN f.disabled = 1 THEN 'fail'
            WHEN d.version_key >= version_key('28.2') THEN 'pass'
            WHEN d.version_key >= version_key('25') AND o.state = 'complete' AND f.host IS NULL THEN 'fail'
            ELSE 'unknown' END AS result,
       'docker ' || coalesce(d.version, '(version not seen)') || ', features.cdi '
         || CASE WHEN f.enabled = 1 THEN 'on' WHEN f.disabled = 1 THEN 'off'
                 WHEN o.state = 'complete' THEN 'not set' ELSE 'not seen' END AS evidence
FROM host_summary s
LEFT JOIN accelerator a ON a.host = s.host AND a.vendor = '10de' AND a.is_vf = 0
JOIN software d ON d.host = s.host AND d.name = 'docker'
LEFT JOIN feature f ON f.host = s.host
LEFT JOIN observed o ON o.host = s.host AND o.tbl = 'setting' AND o.subject = 'docker'
LEFT JOIN software p ON p.host = s.host AND p.name = 'podman'
LEFT JOIN intent i ON i.host = s.host
WHERE (a.address IS NOT NULL OR (s.accelerators = 0 AND s.pci_seen = 0))
  AND coalesce(d.version, '') <> 'none' AND coalesce(p.version, 'none') = 'none'
  AND (i.injection = 'cdi'
       OR EXISTS (SELECT 1 FROM intent_argument g WHERE g.host = s.host AND g.target = 'container'
                    AND substr(g.value, 1, 11) = 'nvidia.com/'));

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('containerd-cdi', 'containerd has CDI on', 'blocks', 'kubernetes kubernetes-dra',
  'Set enable_cdi = true (and cdi_spec_dirs) for the CRI plugin in containerd 1.7 and restart it; 2.0 and later has it '
  || 'on; before 1.7 there is none.',
  'repo:cncf-tags/container-device-interface:README.md | repo:google/gvisor:g3doc/user_guide/gpu.md',
  'intent kubernetes_node.container_runtime=?containerd');
CREATE VIEW rule_containerd_cdi AS
SELECT n.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN n.container_runtime IS NULL THEN 'unknown'
            WHEN c.version_key < version_key('1.7') THEN 'fail'
            WHEN e.value IN ('true', '1') AND c.version_key >= version_key('1.7') THEN 'pass'
            WHEN e.value IN ('false', '0') THEN 'fail'
            WHEN c.version_key >= version_key('2') THEN 'pass'
            WHEN c.version_key >= version_key('1.7') AND (e.value = 'none' OR (e.host IS NULL AND o.state = 'complete'))
            THEN 'fail'
            ELSE 'unknown' END AS result,
       'containerd ' || coalesce(c.version, '(version not seen)') || ', enable_cdi '
         || coalesce(e.value, CASE WHEN o.state = 'complete' THEN 'not set' END, 'not seen') AS evidence
FROM kubernetes_node n
JOIN intent i ON i.host = n.host
LEFT JOIN software c ON c.host = n.host AND c.name = 'containerd'
LEFT JOIN setting e ON e.host = n.host AND e.component = 'containerd' AND e.name = 'enable_cdi'
LEFT JOIN observed o ON o.host = n.host AND o.tbl = 'setting' AND o.subject = 'containerd'
WHERE coalesce(n.container_runtime, 'containerd') = 'containerd'
  AND (i.injection = 'cdi' OR i.surface = 'kubernetes-dra');

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('cdi-spec-present', 'There is a CDI specification of the GPUs', 'blocks', 'container',
  'nvidia-ctk cdi generate --output=/var/run/cdi/nvidia.yaml, or enable nvidia-cdi-refresh (toolkit 1.18 and later). '
  || '/etc/cdi and /var/run/cdi are both read.',
  'https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/cdi-support.html | '
  || 'https://github.com/NVIDIA/nvidia-container-toolkit/issues/146',
  'intent');
CREATE VIEW rule_cdi_spec_present AS
WITH spec AS (
  SELECT host, COUNT(*) AS files, SUM(CASE WHEN kind IS NULL THEN 1 ELSE 0 END) AS nameless,
         SUM(CASE WHEN kind IN ('nvidia.com/gpu', 'runtime.nvidia.com/gpu') THEN 1 ELSE 0 END) AS usable,
         sorted_list(path || ' (' || coalesce(kind, 'kind not seen') || ')') AS listing
  FROM cdi_spec GROUP BY host
)
SELECT s.host, coalesce(a.address, '') AS subject, NULL AS surface, NULL AS share,
       CASE WHEN c.usable > 0 THEN 'pass'
            WHEN o.state = 'complete' AND coalesce(c.nameless, 0) = 0 THEN 'fail'
            ELSE 'unknown' END AS result,
       'CDI specifications: ' || coalesce(c.listing, CASE WHEN o.state = 'complete' THEN 'none' END, 'not seen')
         AS evidence
FROM host_summary s
LEFT JOIN accelerator a ON a.host = s.host AND a.vendor = '10de' AND a.is_vf = 0
JOIN intent i ON i.host = s.host
LEFT JOIN spec c ON c.host = s.host
LEFT JOIN observed o ON o.host = s.host AND o.tbl = 'cdi_spec' AND o.subject = ''
WHERE (a.address IS NOT NULL OR (s.accelerators = 0 AND s.pci_seen = 0))
  AND (i.injection = 'cdi'
       OR EXISTS (SELECT 1 FROM intent_argument g WHERE g.host = s.host AND g.target = 'container'
                    AND substr(g.value, 1, 11) = 'nvidia.com/'));

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('cdi-spec-fresh', 'Every file that the CDI specification names is there', 'blocks', '@container',
  'Generate it anew after every driver upgrade (nvidia-ctk cdi generate), or let nvidia-cdi-refresh do it: a container '
  || 'does not start when a file to mount is missing.',
  'https://github.com/podman-container-tools/podman/issues/23935 | '
  || 'https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/cdi-support.html',
  'cdi_spec');
CREATE VIEW rule_cdi_spec_fresh AS
WITH spec AS (
  SELECT host, SUM(missing_paths) AS missing, SUM(CASE WHEN missing_paths IS NULL THEN 1 ELSE 0 END) AS unseen,
         sorted_list(CASE WHEN missing_paths > 0
                          THEN path || ' names ' || CAST(missing_paths AS TEXT) || ' missing files, first '
                            || coalesce(first_missing, '(not told)') END) AS listing,
         sorted_list(path) AS paths
  FROM cdi_spec
  WHERE kind IS NULL OR replace(kind, 'nvidia.com', '') <> kind
  GROUP BY host
)
SELECT s.host, coalesce(a.address, '') AS subject, NULL AS surface, NULL AS share,
       CASE WHEN c.missing > 0 AND (i.injection IN ('cdi', 'device-plugin') OR d.host IS NULL
                                    OR coalesce(d.version, '') = 'none') THEN 'fail'
            WHEN c.missing = 0 AND c.unseen = 0 AND o.state = 'complete' THEN 'pass'
            ELSE 'unknown' END AS result,
       coalesce(c.listing, c.paths || ': missing files ' || coalesce(CAST(c.missing AS TEXT), 'not seen')) AS evidence
FROM host_summary s
LEFT JOIN accelerator a ON a.host = s.host AND a.vendor = '10de' AND a.is_vf = 0
JOIN spec c ON c.host = s.host
LEFT JOIN observed o ON o.host = s.host AND o.tbl = 'cdi_spec' AND o.subject = ''
LEFT JOIN intent i ON i.host = s.host
LEFT JOIN software d ON d.host = s.host AND d.name = 'docker'
WHERE (a.address IS NOT NULL OR (s.accelerators = 0 AND s.pci_seen = 0))
  AND (i.injection IS NULL OR i.injection IN ('cdi', 'device-plugin'));

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('cdi-spec-driver', 'The CDI specification was made for the driver that is loaded', 'blocks', '@container',
  'Generate it anew: nvidia-ctk cdi generate. It mounts libraries of another driver version than the kernel module.',
  'https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/cdi-support.html',
  'cdi_spec');
CREATE VIEW rule_cdi_spec_driver AS
WITH driver AS (
  SELECT s.host,
         coalesce(nullif(d.loaded_version, 'none'), m.version, nullif(d.library_version, 'none'), w.version) AS version,
         coalesce(d.loaded_version_key, m.version_key, d.library_version_key, w.version_key) AS version_key,
         CASE WHEN coalesce(d.loaded_version_key, m.version_key) IS NULL THEN 0 ELSE 1 END AS is_loaded
  FROM host_summary s
  LEFT JOIN nvidia_driver d ON d.host = s.host
  LEFT JOIN module m ON m.host = s.host AND m.module = 'nvidia'
  LEFT JOIN software w ON w.host = s.host AND w.name = 'nvidia-smi'
), spec AS (
  SELECT c.host, SUM(CASE WHEN c.driver_version_key IS NULL THEN 1 ELSE 0 END) AS unseen,
         SUM(CASE WHEN c.driver_version_key <> d.version_key THEN 1 ELSE 0 END) AS other,
         SUM(CASE WHEN c.driver_version_key = d.version_key THEN 1 ELSE 0 END) AS same,
         sorted_list(c.path || ' carries ' || coalesce(c.driver_version, 'a version not seen')) AS listing
  FROM cdi_spec c
  JOIN driver d ON d.host = c.host
  WHERE c.kind IS NULL OR replace(c.kind, 'nvidia.com', '') <> c.kind
  GROUP BY c.host
)
SELECT s.host, coalesce(a.address, '') AS subject, NULL AS surface, NULL AS share,
       CASE WHEN c.other > 0 AND (i.injection IN ('cdi', 'device-plugin') OR k.host IS NULL
                                  OR coalesce(k.version, '') = 'none') THEN 'fail'
            WHEN c.same > 0 AND c.other = 0 AND c.unseen = 0 AND o.state = 'complete' AND d.is_loaded = 1 THEN 'pass'
            ELSE 'unknown' END AS result,
       c.listing || '; driver ' || coalesce(d.version, 'not seen') AS evidence
FROM host_summary s
LEFT JOIN accelerator a ON a.host = s.host AND a.vendor = '10de' AND a.is_vf = 0
JOIN spec c ON c.host = s.host
JOIN driver d ON d.host = s.host
LEFT JOIN observed o ON o.host = s.host AND o.tbl = 'cdi_spec' AND o.subject = ''
LEFT JOIN intent i ON i.host = s.host
LEFT JOIN software k ON k.host = s.host AND k.name = 'docker'
WHERE (a.address IS NOT NULL OR (s.accelerators = 0 AND s.pci_seen = 0))
  AND (i.injection IS NULL OR i.injection IN ('cdi', 'device-plugin'));

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('cdi-spec-readable', 'CDI specifications can be read as CDI', 'degrades', '@container',
  'Mend or remove the file: engines refuse all devices of a kind, some all kinds, when one file is broken.',
  'repo:cncf-tags/container-device-interface:SPEC.md',
  'cdi_spec');
CREATE VIEW rule_cdi_spec_readable AS
SELECT c.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN SUM(CASE WHEN c.error <> 'none' THEN 1 ELSE 0 END) > 0 THEN 'fail'
            WHEN SUM(CASE WHEN c.error IS NULL THEN 1 ELSE 0 END) = 0 THEN 'pass'
            ELSE 'unknown' END AS result,
       coalesce(sorted_list(CASE WHEN c.error <> 'none' THEN c.path || ': ' || c.error END),
                sorted_list(c.path), 'no path seen') AS evidence
FROM cdi_spec c
GROUP BY c.host;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('cdi-refresh-enabled', 'CDI specifications are made again when the driver changes', 'notes', '@container',
  'systemctl enable nvidia-cdi-refresh.path nvidia-cdi-refresh.service (toolkit 1.18 and later). It does not run when '
  || 'the driver is removed or MIG is reconfigured.',
  'repo:NVIDIA/cloud-native-docs:container-toolkit/cdi-support.md@52dcb7b',
  'service.service=nvidia-cdi-refresh');
CREATE VIEW rule_cdi_refresh_enabled AS
SELECT v.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN v.enabled IN ('enabled', 'static') OR v.state = 'active' THEN 'pass'
            WHEN v.enabled IN ('disabled', 'masked', 'absent') OR v.state = 'absent' THEN 'fail'
            ELSE 'unknown' END AS result,
       'nvidia-cdi-refresh is ' || coalesce(v.enabled, v.state, 'not seen') AS evidence
FROM service v
WHERE v.service = 'nvidia-cdi-refresh';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('podman-cdi-directories', 'Podman looks into the directory that the CDI specification lies in', 'blocks', 'container',
  'Write the specification to /etc/cdi, pass --cdi-spec-dir=/run/cdi, set cdi_spec_dirs in containers.conf, or upgrade to '
  || 'Podman 5.6: 5.5 reads /etc/cdi alone.',
  'https://github.com/podman-container-tools/podman/issues/26569 | https://github.com/containers/common/issues/2460 | '
  || 'https://github.com/NixOS/nixpkgs/issues/420638',
  'software.name=podman cdi_spec');
CREATE VIEW rule_podman_cdi_directories AS
WITH spec AS (
  SELECT host, SUM(CASE WHEN kind IS NOT NULL AND substr(path, 1, 9) = '/etc/cdi/' THEN 1 ELSE 0 END) AS read_always,
         SUM(CASE WHEN kind IS NULL THEN 1 ELSE 0 END) AS nameless, sorted_list(path) AS listing
  FROM cdi_spec
  WHERE kind IS NULL OR kind IN ('nvidia.com/gpu', 'runtime.nvidia.com/gpu')
  GROUP BY host
)
SELECT p.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN c.read_always > 0 OR p.version_key < version_key('5.5') OR p.version_key >= version_key('5.6') THEN 'pass'
            WHEN p.version_key >= version_key('5.5') AND c.nameless = 0 AND o.state = 'complete'
             AND NOT EXISTS (SELECT 1 FROM setting s WHERE s.host = p.host AND s.component = 'podman'
                               AND s.name = 'cdi_spec_dirs' AND coalesce(s.value, '') <> 'none')
             AND NOT EXISTS (SELECT 1 FROM intent_argument g WHERE g.host = p.host AND g.name = '--cdi-spec-dir')
            THEN 'fail'
            ELSE 'unknown' END AS result,
       'podman ' || coalesce(p.version, '(version not seen)') || ', specifications: ' || c.listing AS evidence
FROM software p
JOIN spec c ON c.host = p.host
LEFT JOIN observed o ON o.host = p.host AND o.tbl = 'cdi_spec' AND o.subject = ''
LEFT JOIN intent i ON i.host = p.host
WHERE p.name = 'podman' AND coalesce(p.version, '') <> 'none' AND i.injection IS DISTINCT FROM 'legacy';
