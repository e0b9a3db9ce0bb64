-- Cloud Hypervisor: what single releases lack or break. SPDX-License-Identifier: Apache-2.0

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('clh-without-root-port', 'The GPU does not need a PCIe root port or identity-mapped BARs', 'blocks', 'cloud-hypervisor:whole',
  'Use QEMU with a pcie-root-port for HGX B200 and B300: Cloud Hypervisor has no root port up to 53.0 (2026-07-12). GB200 and GB300 need code that came after 53.0.',
  'https://github.com/cloud-hypervisor/cloud-hypervisor/pull/8083 | ubicloud/ubicloud commit 3e2fa8488 | ubicloud/ubicloud commit 340f4520d | cloud-hypervisor/cloud-hypervisor commit 1e31ec58f');
CREATE VIEW rule_clh_without_root_port AS
SELECT a.host, a.address AS subject, 'cloud-hypervisor' AS surface, 'whole' AS share,
       CASE WHEN a.device NOT IN ('2901', '3182', '2941', '31c2')
                 AND coalesce(a.model, '') NOT IN ('B200', 'B300', 'GB200', 'GB300') THEN 'pass'
            WHEN a.device IS NULL OR v.version_key > version_key('53.0') THEN 'unknown'
            ELSE 'fail' END AS result,
       coalesce(a.name, a.address) || ' (' || coalesce(a.vendor || ':' || a.device, 'id not seen') || '), Cloud Hypervisor '
         || coalesce(v.version, 'of unseen version') || ': '
         || CASE WHEN a.device IN ('2941', '31c2') OR a.model IN ('GB200', 'GB300')
                 THEN 'BARs are not mapped where the host has them'
                 WHEN a.device IN ('2901', '3182') OR a.model IN ('B200', 'B300')
                 THEN 'no root port, and behind none this GPU is reported to fail'
                 ELSE 'needs no root port, as far as known' END AS evidence
FROM accelerator a
LEFT JOIN program v ON v.host = a.host AND v.name = 'cloud-hypervisor'
WHERE a.is_vf = 0 AND coalesce(a.vendor, '10de') = '10de';

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('clh-keeps-prefetchable', 'Cloud Hypervisor keeps the prefetchable flag of BARs', 'blocks', 'cloud-hypervisor:whole',
  'Use Cloud Hypervisor 26.0 or later: NVIDIA''s driver refuses the BAR otherwise ("BAR2 is 0M @ 0x0").',
  'https://github.com/cloud-hypervisor/cloud-hypervisor/issues/4353 | https://github.com/NVIDIA/open-gpu-kernel-modules/issues/344');
CREATE VIEW rule_clh_keeps_prefetchable AS
SELECT a.host, a.address AS subject, 'cloud-hypervisor' AS surface, 'whole' AS share,
       CASE WHEN v.version_key >= version_key('26.0') THEN 'pass'
            WHEN v.version_key < version_key('26.0') AND a.vendor = '10de' THEN 'fail' ELSE 'unknown' END AS result,
       a.address || ', Cloud Hypervisor ' || coalesce(v.version, 'of unseen version')
         || ': prefetchable BARs are kept from 26.0 on' AS evidence
FROM accelerator a
LEFT JOIN program v ON v.host = a.host AND v.name = 'cloud-hypervisor'
WHERE a.is_vf = 0 AND coalesce(a.vendor, '10de') = '10de';

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('clh-hides-sriov', 'Cloud Hypervisor hides the PF''s SR-IOV capability from the guest', 'blocks', 'cloud-hypervisor:whole',
  'Use Cloud Hypervisor 26.0 or later, or boot the kernel directly without firmware: older releases show the guest VF BARs of impossible ranges.',
  'https://github.com/cloud-hypervisor/cloud-hypervisor/issues/4375 | https://github.com/cloud-hypervisor/cloud-hypervisor/issues/434');
CREATE VIEW rule_clh_hides_sriov AS
SELECT a.host, a.address AS subject, 'cloud-hypervisor' AS surface, 'whole' AS share,
       CASE WHEN v.version_key >= version_key('26.0') OR a.sriov_totalvfs = 0 THEN 'pass'
            WHEN v.version_key < version_key('26.0') AND a.sriov_totalvfs > 0
                 AND (t.guest_firmware IS DISTINCT FROM 'none' OR v.version_key < version_key('0.4')) THEN 'fail'
            ELSE 'unknown' END AS result,
       a.address || ' has an SR-IOV capability for ' || coalesce(CAST(a.sriov_totalvfs AS TEXT), 'an unseen number of')
         || ' VFs, Cloud Hypervisor ' || coalesce(v.version, 'of unseen version') || ', guest firmware '
         || coalesce(t.guest_firmware, 'not given') AS evidence
FROM accelerator a
LEFT JOIN program v ON v.host = a.host AND v.name = 'cloud-hypervisor'
LEFT JOIN intent t ON t.host = a.host
WHERE a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('clh-msi-only', 'This Cloud Hypervisor takes a device without MSI-X', 'blocks', 'cloud-hypervisor:whole',
  'Use Cloud Hypervisor 34.0 or later: 33 panics on devices that have MSI only.',
  'https://github.com/cloud-hypervisor/cloud-hypervisor/issues/5649 | https://github.com/cloud-hypervisor/cloud-hypervisor/pull/2212');
CREATE VIEW rule_clh_msi_only AS
SELECT a.host, a.address AS subject, 'cloud-hypervisor' AS surface, 'whole' AS share,
       CASE WHEN a.msix_vectors > 0 OR v.version_key >= version_key('34.0') OR v.version_key < version_key('33.0') THEN 'pass'
            WHEN a.msix_vectors = 0 AND v.version_key >= version_key('33.0') THEN 'fail'
            ELSE 'unknown' END AS result,
       a.address || ': MSI-X vectors ' || coalesce(CAST(a.msix_vectors AS TEXT), 'not read') || ', Cloud Hypervisor '
         || coalesce(v.version, 'of unseen version') AS evidence
FROM accelerator a
LEFT JOIN program v ON v.host = a.host AND v.name = 'cloud-hypervisor'
WHERE a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('clh-msix-dword', 'This Cloud Hypervisor honours 32-bit writes to the MSI-X control', 'degrades', 'cloud-hypervisor:whole',
  'Use Cloud Hypervisor 52.0 or later on NVSwitch boards: before, fabric registration of the GPU can fail.',
  'cloud-hypervisor/cloud-hypervisor commit 8248650e7');
CREATE VIEW rule_clh_msix_dword AS
SELECT a.host, a.address AS subject, 'cloud-hypervisor' AS surface, 'whole' AS share,
       CASE WHEN v.version_key >= version_key('52.0') OR a.nvswitch = 'no' THEN 'pass'
            WHEN v.version_key < version_key('52.0') AND a.nvswitch = 'yes' THEN 'fail' ELSE 'unknown' END AS result,
       coalesce(a.name, a.address) || ', behind NVSwitch: ' || coalesce(a.nvswitch, 'not known') || ', Cloud Hypervisor '
         || coalesce(v.version, 'of unseen version') AS evidence
FROM accelerator a
LEFT JOIN program v ON v.host = a.host AND v.name = 'cloud-hypervisor'
WHERE a.is_vf = 0 AND coalesce(a.vendor, '10de') = '10de';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('clh-clique', 'A GPUDirect clique and vfio_p2p_dma=off are not asked for together', 'blocks', 'cloud-hypervisor:whole',
  'Leave one of them out: Cloud Hypervisor refuses the configuration. With iommufd below Linux 6.19, which needs vfio_p2p_dma=off, use the legacy VFIO group for the clique.',
  'cloud-hypervisor/cloud-hypervisor:vmm/src/config.rs@ae44c2971 | cloud-hypervisor/cloud-hypervisor:docs/vfio.md@ae44c29',
  'intent.p2p_clique=1 intent.vmm=?cloud-hypervisor');
CREATE VIEW rule_clh_clique AS
SELECT s.host, '' AS subject, 'cloud-hypervisor' AS surface, 'whole' AS share,
       CASE WHEN t.vfio_p2p_dma = 'off' OR v.version_key < version_key('39.0') THEN 'fail'
            WHEN t.iommufd = 1 AND k.release_key < version_key('6.19') THEN 'fail'
            WHEN t.vfio_p2p_dma = 'on' AND coalesce(t.iommufd, 0) = 0 AND v.version_key >= version_key('39.0') THEN 'pass'
            ELSE 'unknown' END AS result,
       'clique set, vfio_p2p_dma ' || coalesce(t.vfio_p2p_dma, 'not given') || ', iommufd '
         || coalesce(CAST(t.iommufd AS TEXT), 'not given') || ', kernel ' || coalesce(k.release, 'not seen')
         || ', Cloud Hypervisor ' || coalesce(CASE WHEN t.vmm_version IS NOT NULL THEN t.vmm_version END, v.version, 'of unseen version')
         || ' (the option came with 39.0)' AS evidence
FROM host_summary s
JOIN intent t ON t.host = s.host AND t.p2p_clique = 1
LEFT JOIN software v ON v.host = s.host AND v.name = 'cloud-hypervisor'
LEFT JOIN kernel k ON k.host = s.host
WHERE coalesce(t.vmm, 'cloud-hypervisor') = 'cloud-hypervisor';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('clh-iommufd', 'This Cloud Hypervisor and kernel can use iommufd', 'blocks', 'cloud-hypervisor',
  'iommufd needs Cloud Hypervisor 52.0; below Linux 6.19 add vfio_p2p_dma=off (else IOMMU_IOAS_MAP gives EFAULT), or leave iommufd off.',
  'cloud-hypervisor/cloud-hypervisor commit 13972a0ed | cloud-hypervisor/cloud-hypervisor commit 87992c77c',
  'intent.iommufd=1 intent.vmm=?cloud-hypervisor');
CREATE VIEW rule_clh_iommufd AS
SELECT s.host, '' AS subject, 'cloud-hypervisor' AS surface, NULL AS share,
       CASE WHEN v.version_key < version_key('52.0') THEN 'fail'
            WHEN k.release_key < version_key('6.19') AND t.vfio_p2p_dma = 'on' THEN 'fail'
            WHEN v.version_key >= version_key('52.0') AND (k.release_key >= version_key('6.19') OR t.vfio_p2p_dma = 'off') THEN 'pass'
            ELSE 'unknown' END AS result,
       'iommufd wanted, Cloud Hypervisor ' || coalesce(v.version, 'of unseen version') || ', kernel '
         || coalesce(k.release, 'not seen') || ', vfio_p2p_dma ' || coalesce(t.vfio_p2p_dma, 'not given') AS evidence
FROM host_summary s
JOIN intent t ON t.host = s.host AND t.iommufd = 1
LEFT JOIN program v ON v.host = s.host AND v.name = 'cloud-hypervisor'
LEFT JOIN kernel k ON k.host = s.host
WHERE coalesce(t.vmm, 'cloud-hypervisor') = 'cloud-hypervisor';

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('clh-32-bit-window', 'The 32-bit BARs fit Cloud Hypervisor''s window', 'degrades', 'cloud-hypervisor:whole',
  'Spread the devices over PCI segments (--platform num_pci_segments, mmio32_aperture_weight): a segment has about 640 MiB for 32-bit BARs.',
  'https://github.com/cloud-hypervisor/cloud-hypervisor/issues/6147 | cloud-hypervisor/cloud-hypervisor:docs/vfio.md@ae44c29');
CREATE VIEW rule_clh_32_bit_window AS
SELECT a.host, a.address AS subject, 'cloud-hypervisor' AS surface, 'whole' AS share,
       CASE WHEN a.bar_bytes_32 * coalesce(t.devices, 1) > 671088640 THEN 'fail'
            WHEN o.state = 'complete' AND a.bar_bytes_32 * coalesce(t.devices, 1) <= 671088640
                 AND NOT EXISTS (SELECT 1 FROM pci_bar b WHERE b.host = a.host AND b.address = a.address
                                 AND b.kind = 'bar' AND (b.size_bytes IS NULL
                                                         OR (b.bits64 IS NULL AND b.io IS DISTINCT FROM 1))) THEN 'pass'
            ELSE 'unknown' END AS result,
       a.address || ': 32-bit BARs ' || coalesce(size_text(a.bar_bytes_32), 'not seen') || ', devices '
         || CAST(coalesce(t.devices, 1) AS TEXT) AS evidence
FROM accelerator a
LEFT JOIN intent t ON t.host = a.host
LEFT JOIN observed o ON o.host = a.host AND o.tbl = 'pci_bar' AND o.subject = a.address
WHERE a.is_vf = 0;
