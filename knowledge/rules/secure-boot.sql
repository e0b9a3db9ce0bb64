-- Module signatures, Secure Boot and lockdown. SPDX-License-Identifier: Apache-2.0
--
-- What an out-of-tree module's signature is worth depends on three switches: module.sig_enforce, Secure Boot
-- and lockdown. Where all are off, an untrusted signature only taints the kernel, and nothing is wrong.

INSERT INTO rule (id, title, impact, applies, resolution, reference, minds) VALUES
 ('module-signature-trusted', 'The kernel accepts the signature of the accelerator''s module', 'blocks',
  '@host-driver :vgpu :mig-vgpu -@foreign',
  'Install a module signed with a key that this kernel trusts (from the same build as the kernel, or the '
  || 'distribution''s signed package), or enrol the signing key with mokutil --import and reboot.',
  'kernel:Documentation/admin-guide/module-signing.rst | https://github.com/siderolabs/talos/issues/7174',
  'accelerator.driver!=nvidia|accelerator.vendor!=10de');
CREATE VIEW rule_module_signature_trusted AS
WITH vendor_module AS (
  SELECT a.host, a.address, a.driver AS bound,
         CASE WHEN a.vendor = '10de' THEN 'nvidia' WHEN a.vendor = '1002' THEN 'amdgpu'
              WHEN a.vendor = '1da3' THEN 'habanalabs' END AS module
  FROM accelerator a
  WHERE a.is_vf = 0 AND a.vendor IN ('10de', '1002', '1da3')
)
SELECT v.host, v.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN m.state IN ('loaded', 'builtin') OR v.bound = v.module THEN 'pass'
            WHEN r.first_line IS NOT NULL THEN 'fail'
            WHEN (m.signature_trusted = 0 OR (m.signer = 'none' AND m.signature_trusted IS DISTINCT FROM 1))
             AND (k.module_signing_enforced = 1 OR k.lockdown IN ('integrity', 'confidentiality')
                  OR (k.secure_boot = 'on' AND k.lockdown IS NULL AND k.module_signing_enforced IS NULL)) THEN 'fail'
            WHEN m.signature_trusted = 1 THEN 'pass'
            WHEN k.module_signing_enforced = 0 AND k.lockdown = 'none' THEN 'pass'
            ELSE 'unknown' END AS result,
       v.module || ': ' || coalesce('signed by ' || nullif(m.signer, 'none'),
                                    CASE WHEN m.signer = 'none' THEN 'unsigned' END, 'signer not seen')
         || CASE WHEN m.signature_trusted = 0 THEN ', key not trusted by this kernel'
                 WHEN m.signature_trusted = 1 THEN ', key trusted' ELSE '' END
         || '; signatures enforced: ' || coalesce(CAST(k.module_signing_enforced AS TEXT), 'not seen')
         || ', Secure Boot ' || coalesce(k.secure_boot, 'not seen')
         || ', lockdown ' || coalesce(k.lockdown, 'not seen')
         || coalesce('; kernel log: ' || r.first_line, '') AS evidence
FROM vendor_module v
LEFT JOIN module m ON m.host = v.host AND m.module = v.module
LEFT JOIN kernel k ON k.host = v.host
LEFT JOIN kernel_told r ON r.host = v.host AND r.kind = 'module-signature-rejected' AND r.address = '';

INSERT INTO rule (id, title, impact, applies, resolution, reference, minds) VALUES
 ('secure-boot-driver-container', 'No driver container has to compile unsigned modules under Secure Boot', 'blocks',
  'kubernetes kubernetes-dra',
  'Use precompiled, signed driver images, install a signed driver on the host, or turn Secure Boot off: what the '
  || 'driver container compiles is unsigned and is rejected.',
  'repo:NVIDIA/cloud-native-docs:gpu-operator/platform-support.rst@52dcb7b | '
  || 'kernel:Documentation/admin-guide/module-signing.rst',
  'accelerator.driver!=nvidia');
CREATE VIEW rule_secure_boot_driver_container AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN a.driver = 'nvidia' OR m.state = 'loaded' OR m.signature_trusted = 1 THEN 'pass'
            WHEN p.value = 'true' OR k.secure_boot IN ('off', 'unsupported') THEN 'pass'
            WHEN k.lockdown = 'none' AND k.module_signing_enforced = 0 THEN 'pass'
            WHEN (k.secure_boot = 'on' OR k.lockdown IN ('integrity', 'confidentiality')
                  OR k.module_signing_enforced = 1)
             AND (d.in_container = 1
                  OR (o.name IS NOT NULL AND coalesce(d.disk_version, m.disk_version, m.state) IN ('none', 'absent')))
            THEN 'fail'
            ELSE 'unknown' END AS result,
       'driver from a container: ' || coalesce(CAST(d.in_container AS TEXT), 'not seen')
         || CASE WHEN o.name IS NOT NULL THEN ', GPU Operator ' || coalesce(o.version, 'present') ELSE '' END
         || '; Secure Boot ' || coalesce(k.secure_boot, 'not seen') || ', lockdown '
         || coalesce(k.lockdown, 'not seen') || '; precompiled driver: ' || coalesce(p.value, 'not seen') AS evidence
FROM accelerator a
LEFT JOIN nvidia_driver d ON d.host = a.host
LEFT JOIN module m ON m.host = a.host AND m.module = 'nvidia'
LEFT JOIN kernel k ON k.host = a.host
LEFT JOIN software o ON o.host = a.host AND o.name = 'gpu-operator' AND coalesce(o.version, '') <> 'none'
LEFT JOIN setting p ON p.host = a.host AND p.component = 'gpu-operator' AND p.name = 'driver.usePrecompiled'
WHERE a.vendor = '10de' AND a.is_vf = 0 AND d.in_container IS DISTINCT FROM 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('gds-open-modules', 'GPUDirect Storage finds the open kernel modules and no Secure Boot', 'degrades', '@host-driver',
  'nvidia-fs 2.17.5 and later needs the open kernel modules, and is not supported with Secure Boot: change the flavour, '
  || 'or do without GPUDirect Storage.',
  'repo:NVIDIA/cloud-native-docs:gpu-operator/platform-support.rst@52dcb7b',
  'software.name=nvidia-fs');
CREATE VIEW rule_gds_open_modules AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN k.secure_boot = 'on' THEN 'fail'
            WHEN f.version_key >= version_key('2.17.5')
             AND coalesce(nullif(d.loaded_flavour, 'none'), d.disk_flavour) = 'proprietary' THEN 'fail'
            WHEN k.secure_boot IN ('off', 'unsupported')
             AND (f.version_key < version_key('2.17.5')
                  OR coalesce(nullif(d.loaded_flavour, 'none'), d.disk_flavour) = 'open') THEN 'pass'
            ELSE 'unknown' END AS result,
       'nvidia-fs ' || coalesce(f.version, '(version not seen)') || ', kernel modules '
         || coalesce(nullif(d.loaded_flavour, 'none'), d.disk_flavour, 'of a flavour not seen') || ', Secure Boot '
         || coalesce(k.secure_boot, 'not seen') AS evidence
FROM accelerator a
JOIN software f ON f.host = a.host AND f.name = 'nvidia-fs'
LEFT JOIN nvidia_driver d ON d.host = a.host
LEFT JOIN kernel k ON k.host = a.host
WHERE a.vendor = '10de' AND a.is_vf = 0 AND coalesce(f.version, '') <> 'none';
