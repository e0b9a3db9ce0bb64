-- Packages: upgrades that happen by themselves, releases that are known to be bad. SPDX-License-Identifier: Apache-2.0

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('nvidia-not-auto-upgraded', 'Unattended upgrades leave the NVIDIA packages alone', 'degrades', '@host-driver',
  'Add the NVIDIA packages (libnvidia-, nvidia-, linux-modules-nvidia-) to Unattended-Upgrade::Package-Blacklist, or hold '
  || 'them with apt-mark: an upgrade below a loaded module ends in a driver/library version mismatch.',
  'https://github.com/pando85/homelab/pull/4110 | '
  || 'repo:NVIDIA/cloud-native-docs:gpu-operator/platform-support.rst@52dcb7b',
  'service.service=unattended-upgrades');
CREATE VIEW rule_nvidia_not_auto_upgraded AS
WITH list AS (
  SELECT host, sorted_list(value) AS entries,
         MAX(CASE WHEN replace(lower(value), 'nvidia', '') <> lower(value) THEN 1 ELSE 0 END) AS names_nvidia
  FROM setting
  WHERE (component = 'unattended-upgrades' AND replace(lower(name), 'blacklist', '') <> lower(name))
     OR (component = 'apt' AND lower(name) IN ('held', 'hold', 'apt-mark'))
  GROUP BY host
)
SELECT s.host, coalesce(a.address, '') AS subject, NULL AS surface, NULL AS share,
       CASE WHEN l.names_nvidia = 1 THEN 'pass'
            WHEN v.state IN ('inactive', 'absent') AND v.enabled IN ('disabled', 'masked', 'absent') THEN 'pass'
            WHEN (v.state = 'active' OR v.enabled IN ('enabled', 'static'))
             AND (l.names_nvidia = 0 OR o.state = 'complete') THEN 'fail'
            ELSE 'unknown' END AS result,
       'unattended-upgrades ' || coalesce(v.state, 'not seen') || ', ' || coalesce(v.enabled, 'enablement not seen')
         || '; packages kept back: ' || coalesce(l.entries, CASE WHEN o.state = 'complete' THEN 'none' END, 'not seen')
         AS evidence
FROM host_summary s
LEFT JOIN accelerator a ON a.host = s.host AND a.vendor = '10de' AND a.is_vf = 0
JOIN service v ON v.host = s.host AND v.service IN ('unattended-upgrades')
LEFT JOIN list l ON l.host = s.host
LEFT JOIN observed o ON o.host = s.host AND o.tbl = 'setting' AND o.subject = 'unattended-upgrades'
WHERE a.address IS NOT NULL OR (s.accelerators = 0 AND s.pci_seen = 0);

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('release-not-vulnerable', 'The container stack has no published hole through which a container reaches the host', 'notes',
  '@container',
  'Upgrade the NVIDIA Container Toolkit (or the GPU Operator that installs it) to a release with the fix.',
  'https://raw.githubusercontent.com/CVEProject/cvelistV5/main/cves/2025/23xxx/CVE-2025-23266.json');
CREATE VIEW rule_release_not_vulnerable AS
WITH bad AS (
  SELECT w.host,
         sorted_list(w.name || ' ' || w.version || ': ' || b.what) AS listing
  FROM software w
  JOIN vulnerability b ON b.name = w.name AND w.version_key >= b.since_key
                    AND (b.until IS NULL OR w.version_key < b.until_key)
  GROUP BY w.host
)
SELECT s.host, coalesce(a.address, '') AS subject, NULL AS surface, NULL AS share,
       CASE WHEN b.listing IS NOT NULL THEN 'fail'
            WHEN t.version_key IS NOT NULL OR t.version = 'none' THEN 'pass'
            ELSE 'unknown' END AS result,
       coalesce(b.listing, 'nvidia-container-toolkit ' || coalesce(t.version, 'not seen')) AS evidence
FROM host_summary s
LEFT JOIN accelerator a ON a.host = s.host AND a.vendor = '10de' AND a.is_vf = 0
LEFT JOIN bad b ON b.host = s.host
LEFT JOIN software t ON t.host = s.host AND t.name = 'nvidia-container-toolkit'
WHERE a.address IS NOT NULL OR (s.accelerators = 0 AND s.pci_seen = 0);
