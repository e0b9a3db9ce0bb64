-- Modules from outside of the kernel, other than NVIDIA's. SPDX-License-Identifier: Apache-2.0

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('out-of-tree-module-builds', 'The package''s module builds for this kernel', 'blocks', '@host-driver :vf -@foreign',
  'Install a newer release of the package, or boot an older kernel (Ubuntu: the GA kernel instead of HWE): the module is built '
  || 'on the host, and this release does not know this kernel.',
  'https://github.com/Xilinx/XRT/issues/8093 | https://github.com/Xilinx/video-sdk/issues/94',
  'software.name=xrt');
CREATE VIEW rule_out_of_tree_module_builds AS
WITH bad AS (
  SELECT w.host, w.name, w.version, b.module, MAX(b.kernel_since) AS kernel_since, MAX(k.release) AS release
  FROM software w
  JOIN kernel k ON k.host = w.host
  JOIN module_kernel b ON b.name = w.name AND w.version_key <= b.last_bad_key AND k.release_key >= b.kernel_since_key
  GROUP BY w.host, w.name, w.version, b.module
)
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN m.state IN ('loaded', 'builtin', 'available') THEN 'pass'
            WHEN b.host IS NOT NULL THEN 'fail'
            ELSE 'unknown' END AS result,
       'xrt ' || coalesce(w.version, 'not seen') || ', kernel ' || coalesce(k.release, 'not seen') || ', module xocl '
         || coalesce(m.state, 'not seen') || coalesce(': known not to build from kernel ' || b.kernel_since || ' on', '') AS evidence
FROM accelerator a
JOIN software w ON w.host = a.host AND w.name = 'xrt' AND coalesce(w.version, '') <> 'none'
LEFT JOIN kernel k ON k.host = a.host
LEFT JOIN bad b ON b.host = a.host AND b.name = w.name
LEFT JOIN module m ON m.host = a.host AND m.module = 'xocl'
WHERE a.vendor = '10ee' AND a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('intel-dkms-drives-chip', 'The i915 that is built on the host drives this GPU', 'blocks', '@host-driver :vf -@foreign',
  'Data-centre GPUs (Flex, Max): use Intel''s own packages in a release that has the id (modinfo i915 | grep -i v00008086d0000ID), '
  || 'or the kernel''s xe. i915-sriov-dkms is for integrated graphics, and intel-i915-dkms 1.24.7 lost Ponte Vecchio.',
  'https://github.com/strongtz/i915-sriov-dkms/issues/293 | '
  || 'https://github.com/intel-gpu/intel-gpu-i915-backports/issues/210',
  'software.name=i915-sriov-dkms|software.name=intel-i915-dkms');
CREATE VIEW rule_intel_dkms_drives_chip AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN a.driver IN ('i915', 'xe') OR a.segment = 'integrated' THEN 'pass'
            WHEN i.host IS NULL AND a.segment = 'datacenter' AND o.state = 'complete' THEN 'fail'
            WHEN i.version_key >= version_key('1.24.7') AND i.version_key < version_key('1.24.8')
             AND a.generation = 'xe-hpc' THEN 'fail'
            WHEN i.version_key < version_key('1.24.7') THEN 'pass'
            ELSE 'unknown' END AS result,
       coalesce(a.name, a.address) || ' (' || coalesce(a.segment, 'segment not known') || ') is bound to '
         || coalesce(a.driver, 'a driver not seen') || ', i915-sriov-dkms ' || coalesce(s.version, 'not seen')
         || ', intel-i915-dkms ' || coalesce(i.version, 'none') AS evidence
FROM accelerator a
LEFT JOIN software s ON s.host = a.host AND s.name = 'i915-sriov-dkms' AND coalesce(s.version, '') <> 'none'
LEFT JOIN software i ON i.host = a.host AND i.name = 'intel-i915-dkms' AND coalesce(i.version, '') <> 'none'
LEFT JOIN observed o ON o.host = a.host AND o.tbl = 'software' AND o.subject = 'i915-sriov-dkms'
WHERE a.vendor = '8086' AND a.kind = 'gpu' AND a.is_vf = 0 AND (s.host IS NOT NULL OR i.host IS NOT NULL);
