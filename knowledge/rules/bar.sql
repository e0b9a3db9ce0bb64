-- The accelerator's memory regions on the host. SPDX-License-Identifier: Apache-2.0

-- A guest's BIOS is its VMM: of BARs there guest-bars-assigned tells.
INSERT INTO rule (id, title, impact, applies, resolution, reference, minds) VALUES
 ('bars-assigned', 'Every BAR of the accelerator has an address', 'blocks', '*',
  'Enable Above 4G Decoding (and large MMIO or Resizable BAR support) in the firmware setup; pci=realloc lets the kernel try by itself. No driver starts a device whose memory is not mapped.',
  'kata-containers/kata-containers:docs/use-cases/NVIDIA-GPU-passthrough-and-Kata.md | https://blogs.vmware.com/apps/2018/10/how-to-enable-nvidia-v100-gpu-in-passthrough-mode-on-vsphere-for-machine-learning-and-other-hpc-workloads.html',
  'accelerator.driver!=nvidia|pci_bar.assigned=0|kernel_told.kind=bar-no-space');
CREATE VIEW rule_bars_assigned AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN b.unassigned > 0 THEN 'fail'
            WHEN o.state = 'complete' AND b.known > 0 AND b.unsure = 0 THEN 'pass'
            WHEN m.told > 0 THEN 'fail'
            WHEN a.driver IN ('nvidia', 'amdgpu', 'i915', 'xe', 'habanalabs', 'gim') THEN 'pass'
            ELSE 'unknown' END AS result,
       a.address || ': ' || CASE WHEN b.unassigned > 0 THEN 'no address for ' || b.listing
                                 WHEN b.known > 0 THEN CAST(b.known AS TEXT) || ' memory BARs, all with an address'
                                 WHEN a.driver IN ('nvidia', 'amdgpu', 'i915', 'xe', 'habanalabs', 'gim')
                                 THEN a.driver || ' drives it, which needs its BARs mapped'
                                 ELSE 'BARs not seen' END
         || coalesce(', Above 4G Decoding ' || w.value, '')
         || coalesce(', kernel log: ' || m.first_line, '') AS evidence
FROM accelerator a
LEFT JOIN observed o ON o.host = a.host AND o.tbl = 'pci_bar' AND o.subject = a.address
LEFT JOIN setting w ON w.host = a.host AND w.component = 'firmware' AND w.name = 'above-4g'
LEFT JOIN (SELECT host, address, COUNT(*) AS known, COUNT(CASE WHEN assigned = 0 THEN 1 END) AS unassigned,
                  COUNT(CASE WHEN assigned IS NULL THEN 1 END) AS unsure,
                  sorted_list(CASE WHEN assigned = 0 THEN 'BAR ' || CAST(bar AS TEXT)
                                   || coalesce(' (' || size_text(size_bytes) || ')', '') END) AS listing
           FROM pci_bar WHERE kind = 'bar' AND io IS DISTINCT FROM 1 AND size_bytes IS DISTINCT FROM 0
           GROUP BY host, address) b ON b.host = a.host AND b.address = a.address
LEFT JOIN kernel_told m ON m.host = a.host AND m.kind = 'bar-no-space' AND m.address = a.address
LEFT JOIN host_summary s ON s.host = a.host
WHERE a.is_vf = 0 AND s.guest IS DISTINCT FROM 1;

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('above-4g-decoding', 'The firmware maps large BARs above 4 GiB', 'degrades', '*',
  'Enable Above 4G Decoding in the firmware setup: data-centre GPUs, and any card with Resizable BAR on, do not fit below 4 GiB.',
  'kata-containers/kata-containers:docs/use-cases/NVIDIA-GPU-passthrough-and-Kata.md');
CREATE VIEW rule_above_4g_decoding AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN a.high > 0 OR w.value = 'enabled' THEN 'pass'
            WHEN w.value = 'disabled' THEN 'fail' ELSE 'unknown' END AS result,
       a.address || ': Above 4G Decoding ' || coalesce(w.value, 'not seen') || ', BARs above 4 GiB: '
         || coalesce(CAST(a.high AS TEXT), 'not seen') AS evidence
FROM (SELECT x.host, x.address,
             CASE WHEN COUNT(b.bar) > 0 THEN COUNT(CASE WHEN b.start_address >= 4294967296 THEN 1 END) END AS high
      FROM accelerator x
      LEFT JOIN pci_bar b ON b.host = x.host AND b.address = x.address AND b.kind = 'bar'
      WHERE x.is_vf = 0
      GROUP BY x.host, x.address) a
LEFT JOIN setting w ON w.host = a.host AND w.component = 'firmware' AND w.name = 'above-4g';

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('large-bar-huge-mappings', 'The kernel maps large BARs by huge pages', 'degrades', '@vfio',
  'Use Linux 6.12 or later (6.15 for the DMA mapping too): before, the first access walks the BAR in 4 KiB pages, about 30 s for 128 GiB. Raise the start timeout until then.',
  'kernel:drivers/vfio/pci/vfio_pci_core.c (commit f9e54c3a2f5b) | https://github.com/canonical/lxd/issues/15872 | cloud-hypervisor/cloud-hypervisor PR 7991 | kernel:drivers/vfio/vfio_iommu_type1.c (commit 0fd06844de5d)');
CREATE VIEW rule_large_bar_huge_mappings AS
SELECT a.host, a.address AS subject, NULL AS surface, 'whole' AS share,
       CASE WHEN a.largest_bar_bytes < 17179869184 OR k.release_key >= version_key('6.12') THEN 'pass'
            WHEN a.largest_bar_bytes >= 17179869184 AND k.release_key < version_key('6.12')
                 AND (m.distribution NOT IN ('rhel', 'centos', 'rocky', 'almalinux', 'ol', 'rhcos')
                      OR replace(k.release, '.el', '') = k.release) THEN 'fail'
            ELSE 'unknown' END AS result,
       a.address || ': largest BAR ' || coalesce(size_text(a.largest_bar_bytes), 'not seen') || ', kernel '
         || coalesce(k.release, 'not seen')
         || coalesce(' (about ' || CAST(a.largest_bar_bytes * 30 / 137438953472 AS TEXT)
                     || ' s to map before 6.12, an estimate)', '') AS evidence
FROM accelerator a
LEFT JOIN kernel k ON k.host = a.host
LEFT JOIN machine m ON m.host = a.host
WHERE a.is_vf = 0;
