-- Keeping the GPU initialised. SPDX-License-Identifier: Apache-2.0

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('persistence-on', 'The driver keeps the GPU initialised between uses', 'notes', '@host-driver',
  'Enable nvidia-persistenced: else every first use after a pause starts the GPU anew, which takes seconds.',
  'https://docs.nvidia.com/deploy/driver-persistence/index.html');
CREATE VIEW rule_persistence_on AS
SELECT s.host, coalesce(a.address, '') AS subject, NULL AS surface, NULL AS share,
       CASE WHEN d.persistence_mode = 'on' OR v.state = 'active' THEN 'pass'
            WHEN d.persistence_mode = 'off' OR v.state IN ('inactive', 'failed', 'absent') THEN 'fail'
            ELSE 'unknown' END AS result,
       'persistence mode ' || coalesce(d.persistence_mode, 'not seen') || ', nvidia-persistenced '
         || coalesce(v.state, 'not seen') AS evidence
FROM host_summary s
LEFT JOIN accelerator a ON a.host = s.host AND a.vendor = '10de' AND a.is_vf = 0
LEFT JOIN nvidia_driver d ON d.host = s.host
LEFT JOIN service v ON v.host = s.host AND v.service = 'nvidia-persistenced'
WHERE a.address IS NOT NULL OR (s.accelerators = 0 AND s.pci_seen = 0);
