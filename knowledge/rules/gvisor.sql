-- gVisor's nvproxy, which forwards the driver's system calls one by one. SPDX-License-Identifier: Apache-2.0

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('gvisor-driver-listed', 'gVisor knows this driver version', 'blocks', 'gvisor',
  'Install a driver from the list of this runsc (runsc nvproxy list-supported-drivers), or another runsc; '
  || '--nvproxy-allow-unsupported-driver tries the nearest one at your own risk.',
  'https://github.com/google/gvisor/issues/12773 | repo:google/gvisor:g3doc/user_guide/gpu.md');
CREATE VIEW rule_gvisor_driver_listed AS
WITH nv AS (
  SELECT s.host, coalesce(a.address, '') AS subject,
         coalesce(d.loaded_version, m.version) AS driver, coalesce(d.loaded_version_key, m.version_key) AS driver_key,
         r.version AS runsc, r.version_key AS runsc_key, lower(u.value) AS unsupported_allowed
  FROM host_summary s
  LEFT JOIN accelerator a ON a.host = s.host AND a.vendor = '10de' AND a.is_vf = 0
  LEFT JOIN nvidia_driver d ON d.host = s.host
  LEFT JOIN module m ON m.host = s.host AND m.module = 'nvidia'
  LEFT JOIN software r ON r.host = s.host AND r.name = 'runsc'
  LEFT JOIN setting u ON u.host = s.host AND u.component = 'runsc' AND u.name = 'nvproxy-allow-unsupported-driver'
  WHERE a.address IS NOT NULL OR (s.accelerators = 0 AND s.pci_seen = 0)
)
SELECT nv.host, nv.subject, NULL AS surface, NULL AS share,
       CASE WHEN nv.unsupported_allowed IN ('true', '1') AND nv.driver_key IS NOT NULL THEN 'pass'
            WHEN nv.driver_key IS NULL OR length(nv.driver_key) = 11 THEN 'unknown'
            WHEN nv.runsc_key IS NULL THEN 'unknown'
            WHEN g.driver IS NULL THEN 'fail'
            WHEN nv.runsc_key <= version_key('20250214') AND g.seen_first_key > version_key('20250214') THEN 'fail'
            WHEN nv.runsc_key >= version_key('20260822') AND g.seen_last_key < version_key('20260822') THEN 'fail'
            WHEN nv.runsc_key >= g.seen_first_key AND nv.runsc_key <= g.seen_last_key THEN 'pass'
            ELSE 'unknown' END AS result,
       'driver ' || coalesce(nv.driver, '(version not seen)') || ', runsc ' || coalesce(nv.runsc, 'not seen')
         || CASE WHEN g.driver IS NOT NULL THEN '; in the lists of ' || g.seen_first || ' to ' || g.seen_last
                 ELSE '; in no list that is known' END AS evidence
FROM nv
LEFT JOIN gvisor_driver g ON g.driver_key = nv.driver_key;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('gvisor-nvproxy-on', 'gVisor''s nvproxy is switched on', 'blocks', 'gvisor',
  'Add --nvproxy=true to the arguments of the runsc runtime and restart the engine.',
  'repo:google/gvisor:g3doc/user_guide/gpu.md',
  'software.name=runsc');
CREATE VIEW rule_gvisor_nvproxy_on AS
SELECT r.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN lower(p.value) IN ('true', '1') THEN 'pass'
            WHEN p.value IS NOT NULL OR o.state = 'complete' THEN 'fail'
            ELSE 'unknown' END AS result,
       'runsc ' || coalesce(r.version, '(version not seen)') || ', nvproxy '
         || coalesce(p.value, CASE WHEN o.state = 'complete' THEN 'not set' END, 'not seen') AS evidence
FROM software r
LEFT JOIN setting p ON p.host = r.host AND p.component = 'runsc' AND p.name = 'nvproxy'
LEFT JOIN observed o ON o.host = r.host AND o.tbl = 'setting' AND o.subject = 'runsc'
WHERE r.name = 'runsc' AND coalesce(r.version, '') <> 'none';

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('gvisor-installed', 'gVisor is installed', 'blocks', 'gvisor',
  'Install runsc and make it a runtime of the engine.',
  'repo:google/gvisor:g3doc/user_guide/gpu.md');
CREATE VIEW rule_gvisor_installed AS
SELECT s.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN r.version = 'none' THEN 'fail'
            WHEN r.version <> 'none' THEN 'pass'
            ELSE 'unknown' END AS result,
       'runsc: ' || coalesce(r.version, CASE WHEN r.name IS NOT NULL THEN 'present' END, 'not seen') AS evidence
FROM host_summary s
LEFT JOIN software r ON r.host = s.host AND r.name = 'runsc';

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('gvisor-no-mig', 'The sandbox is given what runsc knows: a whole GPU', 'blocks', 'gvisor:mig',
  'Give the sandbox the whole GPU, or the MIG device to a container without gVisor: runsc rejects the names of MIG devices.',
  'google/gvisor:runsc/specutils/nvidia.go');
CREATE VIEW rule_gvisor_no_mig AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share, 'fail' AS result,
       a.address || ': no release of runsc takes MIG devices or exposes /dev/nvidia-caps' AS evidence
FROM accelerator a
WHERE a.vendor = '10de' AND a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference, minds) VALUES
 ('gvisor-vendor', 'The accelerator is of the vendor whose driver gVisor forwards', 'blocks', 'gvisor',
  'Use a container without gVisor, or a VM: nvproxy forwards the calls of NVIDIA''s driver, and no other GPU''s.',
  'google/gvisor:g3doc/user_guide/gpu.md',
  'accelerator.vendor!=10de');
CREATE VIEW rule_gvisor_vendor AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN a.vendor = '10de' THEN 'pass' WHEN a.vendor <> '10de' THEN 'fail' ELSE 'unknown' END AS result,
       coalesce(a.name, a.address) || ': vendor ' || coalesce(a.vendor, 'not seen') || ', nvproxy knows 10de' AS evidence
FROM accelerator a
WHERE a.is_vf = 0;
