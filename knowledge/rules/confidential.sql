-- Confidential computing on the GPU's side. SPDX-License-Identifier: Apache-2.0

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('confidential-gpu', 'The GPU can be part of a confidential VM', 'blocks', '@vfio',
  'Nothing can be done on this board: confidential computing needs Hopper or Blackwell data-centre boards.',
  'repo:NVIDIA/cloud-native-docs:confidential-containers/supported-platforms.rst@52dcb7b',
  'intent.confidential=1');
CREATE VIEW rule_confidential_gpu AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN a.confidential = 'no' OR g.cc_mode = 'unsupported' THEN 'fail'
            WHEN a.confidential = 'yes' OR g.cc_mode IS NOT NULL THEN 'pass'
            ELSE 'unknown' END AS result,
       coalesce(a.name, a.address) || ': confidential computing ' || coalesce(a.confidential, 'not known of this id')
         || ', mode ' || coalesce(g.cc_mode, 'not seen') AS evidence
FROM accelerator a
JOIN intent i ON i.host = a.host
LEFT JOIN nvidia_gpu g ON g.host = a.host AND g.address = a.address
WHERE a.vendor = '10de' AND a.is_vf = 0 AND i.confidential = 1;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('confidential-mode-on', 'Every GPU for confidential VMs is in a confidential computing mode', 'blocks', '@vfio',
  'Set the mode with nvidia_gpu_tools.py (--set-cc-mode=on, or ppcie for several Hopper GPUs in one VM, with '
  || '--reset-after-cc-mode-switch), the same on all GPUs of the node.',
  'repo:NVIDIA/cloud-native-docs:confidential-containers/supported-platforms.rst@52dcb7b',
  'accelerator.confidential=?yes intent.confidential=1');
CREATE VIEW rule_confidential_mode_on AS
WITH modes AS (
  SELECT host, COUNT(DISTINCT cc_mode) AS kinds, sorted_list(cc_mode) AS listing
  FROM nvidia_gpu WHERE cc_mode IS NOT NULL GROUP BY host
)
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN g.cc_mode = 'off' OR m.kinds > 1 THEN 'fail'
            WHEN g.cc_mode IN ('on', 'ppcie', 'devtools') AND m.kinds = 1 THEN 'pass'
            ELSE 'unknown' END AS result,
       'confidential computing mode of ' || a.address || ': ' || coalesce(g.cc_mode, 'not seen') || '; modes on this host: '
         || coalesce(m.listing, 'not seen') AS evidence
FROM accelerator a
JOIN intent i ON i.host = a.host
LEFT JOIN nvidia_gpu g ON g.host = a.host AND g.address = a.address
LEFT JOIN modes m ON m.host = a.host
WHERE a.vendor = '10de' AND a.is_vf = 0 AND i.confidential = 1 AND a.confidential IS DISTINCT FROM 'no';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('confidential-mode-off', 'A GPU for ordinary use is not in a confidential computing mode', 'blocks', '@host-driver',
  'Set the mode off with nvidia_gpu_tools.py --set-cc-mode=off --reset-after-cc-mode-switch: in confidential mode the GPU '
  || 'refuses work outside a confidential VM.',
  'repo:NVIDIA/cloud-native-docs:confidential-containers/supported-platforms.rst@52dcb7b',
  'nvidia_gpu.cc_mode');
CREATE VIEW rule_confidential_mode_off AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN g.cc_mode IN ('on', 'ppcie') AND c.confidential = 'none' AND m.hypervisor = 'none' THEN 'fail'
            WHEN g.cc_mode IN ('off', 'unsupported', 'devtools') THEN 'pass'
            ELSE 'unknown' END AS result,
       'confidential computing mode of ' || a.address || ': ' || coalesce(g.cc_mode, 'not seen') || ', hypervisor '
         || coalesce(m.hypervisor, 'not seen') AS evidence
FROM accelerator a
JOIN nvidia_gpu g ON g.host = a.host AND g.address = a.address
LEFT JOIN machine m ON m.host = a.host
LEFT JOIN cpu c ON c.host = a.host
WHERE a.vendor = '10de' AND a.is_vf = 0 AND g.cc_mode IS NOT NULL;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('confidential-iommufd', 'A confidential VM gets its device by iommufd', 'blocks', '@passthrough -@foreign',
  'Use iommufd (QEMU -object iommufd,id=iommufd0 and -device vfio-pci,…,iommufd=iommufd0; libvirt <driver iommufd=''yes''/>): '
  || 'the group interface of VFIO maps no private memory of a confidential guest.',
  'https://github.com/kata-containers/kata-containers/issues/12393 | '
  || 'https://github.com/kata-containers/kata-containers/issues/11721 | https://github.com/intel/tdx-linux/issues/8',
  'intent.confidential=1');
CREATE VIEW rule_confidential_iommufd AS
SELECT i.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN i.iommufd = 0 OR (u.iommufd = 'none' AND s.vfio_bound > 0) THEN 'fail'
            WHEN i.iommufd = 1 AND u.iommufd = 'present' THEN 'pass'
            ELSE 'unknown' END AS result,
       'iommufd ' || CASE WHEN i.iommufd = 1 THEN 'asked for' WHEN i.iommufd = 0 THEN 'not used' ELSE 'not told of' END
         || ', /dev/iommu ' || coalesce(u.iommufd, 'not seen') AS evidence
FROM intent i
JOIN host_summary s ON s.host = i.host
LEFT JOIN iommu u ON u.host = i.host
WHERE i.confidential = 1;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('confidential-qemu', 'This QEMU can give a device to a confidential VM', 'degrades', '@qemu -kata',
  'Use QEMU 10.1 or later, which tells VFIO what a guest shares, or the patched one that the vendor''s guide names: older '
  || 'releases start confidential VMs, but none with a device (SEV-SNP: 9.2 is enough, 9.1 says "Cannot set discarding of '
  || 'RAM broken").',
  'https://github.com/canonical/tdx/issues/353 | https://github.com/canonical/tdx/issues/137 | '
  || 'repo:qemu/qemu:system/ram-block-attributes.c (10.1) | '
  || 'https://github.com/kubevirt/kubevirt/issues/16407 | https://wiki.qemu.org/ChangeLog/9.2',
  'intent.confidential=1');
CREATE VIEW rule_confidential_qemu AS
SELECT i.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN coalesce(i.vmm_version_key, q.version_key) >= version_key('10.1')
              OR (c.confidential = 'sev-snp' AND coalesce(i.vmm_version_key, q.version_key) >= version_key('9.2')) THEN 'pass'
            WHEN coalesce(i.vmm_version_key, q.version_key) < version_key('9.2')
              OR (c.confidential <> 'sev-snp' AND coalesce(i.vmm_version_key, q.version_key) < version_key('10.1')) THEN 'fail'
            ELSE 'unknown' END AS result,
       'QEMU ' || coalesce(i.vmm_version, q.version, '(version not seen)') || ', a confidential VM with a device, host: '
         || coalesce(c.confidential, 'not seen') AS evidence
FROM intent i
LEFT JOIN software q ON q.host = i.host AND q.name = 'qemu'
LEFT JOIN cpu c ON c.host = i.host
WHERE i.confidential = 1 AND coalesce(i.vmm, 'qemu') = 'qemu';

-- SNP checks every DMA against the owner of the page, which takes an IOMMU that translates: with identity domains the
-- kernel switches SNP off at boot.
INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('snp-iommu-translates', 'The IOMMU translates, so that SEV-SNP can be on', 'blocks', '@passthrough -@foreign',
  'Take iommu=pt (and iommu.passthrough=1, amd_iommu=off) from the kernel''s command line, or add iommu=nopt: else the kernel '
  || 'says "SEV-SNP: IOMMU is either disabled or configured in passthrough mode" and leaves SNP off.',
  'https://github.com/AMDESE/AMDSEV/issues/88 | kernel:drivers/iommu/amd/init.c (iommu_snp_enable)',
  'intent.confidential=1');
CREATE VIEW rule_snp_iommu_translates AS
SELECT i.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN c.vendor = 'amd' AND (u.passthrough = 1 OR u.state = 'off') THEN 'fail'
            WHEN u.passthrough = 0 AND u.state = 'on' THEN 'pass'
            ELSE 'unknown' END AS result,
       'IOMMU ' || coalesce(u.state, 'not seen') || ', default domains '
         || CASE WHEN u.passthrough = 1 THEN 'identity (iommu=pt)' WHEN u.passthrough = 0 THEN 'translating' ELSE 'not seen' END
         || ', confidential computing of the host: ' || coalesce(c.confidential, 'not seen') AS evidence
FROM intent i
LEFT JOIN cpu c ON c.host = i.host
LEFT JOIN iommu u ON u.host = i.host
WHERE i.confidential = 1 AND coalesce(c.vendor, 'amd') = 'amd';
