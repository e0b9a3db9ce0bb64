-- Licences of vGPU guests. SPDX-License-Identifier: Apache-2.0

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('vgpu-guest-licensed', 'The vGPU guest has its licence', 'degrades', '@host-driver',
  'Give the guest a client configuration token (/etc/nvidia/ClientConfigToken) and FeatureType in gridd.conf, let it '
  || 'reach the licence server, start nvidia-gridd. Unlicensed, a vGPU is slowed down after its grace period.',
  'https://github.com/NVIDIA/gpu-operator/issues/220 | https://docs.nvidia.com/vgpu/latest/grid-licensing-user-guide/index.html',
  'nvidia_driver.kind=vgpu-guest|nvidia_driver.license_status=licensed|nvidia_driver.license_status=unlicensed|nvidia_driver.license_status=unlicensed-restricted');
CREATE VIEW rule_vgpu_guest_licensed AS
SELECT s.host, coalesce(a.address, '') AS subject, NULL AS surface, NULL AS share,
       CASE WHEN d.license_status = 'licensed' THEN 'pass'
            WHEN d.license_status IN ('unlicensed', 'unlicensed-restricted') THEN 'fail'
            WHEN v.state IN ('inactive', 'failed', 'absent') OR g.value = 'none' THEN 'fail'
            ELSE 'unknown' END AS result,
       'vGPU guest; licence: ' || coalesce(d.license_status, 'not seen') || ', nvidia-gridd '
         || coalesce(v.state, 'not seen') || coalesce(', licence server ' || g.value, '') AS evidence
FROM host_summary s
LEFT JOIN accelerator a ON a.host = s.host AND a.vendor = '10de' AND a.is_vf = 0
JOIN nvidia_driver d ON d.host = s.host
LEFT JOIN service v ON v.host = s.host AND v.service = 'nvidia-gridd'
LEFT JOIN setting g ON g.host = s.host AND g.component = 'nvidia-gridd' AND g.name = 'ServerAddress'
WHERE (a.address IS NOT NULL OR (s.accelerators = 0 AND s.pci_seen = 0))
  AND (d.kind = 'vgpu-guest' OR d.license_status IN ('licensed', 'unlicensed', 'unlicensed-restricted'));
