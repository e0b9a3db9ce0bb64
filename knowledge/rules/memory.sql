-- Memory of the guest, all of which VFIO pins. SPDX-License-Identifier: Apache-2.0

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('memlock-holds-guest', 'The VMM may lock as much memory as the guest has', 'blocks', '@vfio',
  'Raise LimitMEMLOCK (systemd), memlock in limits.conf or the container''s ulimit to the guest''s memory and some, or run the VMM with CAP_IPC_LOCK: VFIO pins all of it.',
  'https://github.com/cloud-hypervisor/cloud-hypervisor/issues/165 | https://github.com/kubevirt/kubevirt/issues/8472 | https://github.com/harvester/harvester/issues/3735 | kernel:drivers/vfio/vfio_iommu_type1.c (vfio_lock_acct)');
CREATE VIEW rule_memlock_holds_guest AS
SELECT s.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN m.memlock_bytes = -1 OR (m.memlock_of = 'self' AND c.root = 1)
                 OR m.memlock_bytes >= coalesce(t.guest_memory_bytes, 1073741824) THEN 'pass'
            WHEN m.memlock_bytes < coalesce(t.guest_memory_bytes, 1073741824) THEN 'fail'
            WHEN l.told > 0 THEN 'fail'
            ELSE 'unknown' END AS result,
       'memory lock limit ' || CASE WHEN m.memlock_bytes = -1 THEN 'unlimited' ELSE coalesce(size_text(m.memlock_bytes), 'not seen') END
         || coalesce(' of ' || m.memlock_of, '') || ', guest memory '
         || coalesce(size_text(t.guest_memory_bytes), 'not given (1 GiB taken)')
         || coalesce(', kernel log: ' || l.first_line, '') AS evidence
FROM host_summary s
LEFT JOIN kernel_told l ON l.host = s.host AND l.kind = 'memlock-exceeded' AND l.address = ''
LEFT JOIN memory m ON m.host = s.host
LEFT JOIN machine c ON c.host = s.host
LEFT JOIN intent t ON t.host = s.host
WHERE t.guest_memory_bytes IS NOT NULL OR (m.host IS NOT NULL AND m.memlock_of IS DISTINCT FROM 'self') OR l.told > 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('memory-holds-guest', 'The host has the memory that the guest is to get', 'blocks', '@vm -@foreign',
  'Give the guest less memory: with a passed device all of it is resident from the start, overcommit does not help.',
  'kernel:drivers/vfio/vfio_iommu_type1.c | https://github.com/ubicloud/ubicloud/commit/b50b9f278',
  'intent.guest_memory_bytes');
CREATE VIEW rule_memory_holds_guest AS
SELECT s.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN t.guest_memory_bytes >= m.total_bytes THEN 'fail'
            WHEN t.guest_memory_bytes < m.total_bytes THEN 'pass' ELSE 'unknown' END AS result,
       'guest memory ' || size_text(t.guest_memory_bytes) || ', host memory '
         || coalesce(size_text(m.total_bytes), 'not seen') AS evidence
FROM host_summary s
JOIN intent t ON t.host = s.host AND t.guest_memory_bytes > 0
LEFT JOIN memory m ON m.host = s.host;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('hugepages-reserved', 'The hugepages that the guest asks for are reserved', 'blocks', '@vm -@foreign',
  'Reserve them: vm.nr_hugepages for 2 MiB pages, hugepagesz=1G hugepages=N on the kernel command line for 1 GiB pages; on the NUMA node of the device.',
  'https://github.com/PassthroughPOST/virsh-patcher/issues/5 | https://github.com/ubicloud/ubicloud/commit/b50b9f278 | kernel:Documentation/admin-guide/mm/hugetlbpage.rst',
  'intent.hugepages=1|intent.guest_page_bytes');
CREATE VIEW rule_hugepages_reserved AS
SELECT s.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN t.guest_page_bytes = 1073741824 THEN
              CASE WHEN m.hugepages_1g_free * 1073741824 >= t.guest_memory_bytes
                        OR (t.guest_memory_bytes IS NULL AND m.hugepages_1g_free > 0) THEN 'pass'
                   WHEN m.hugepages_1g_total = 0 OR m.hugepages_1g_free = 0
                        OR m.hugepages_1g_free * 1073741824 < t.guest_memory_bytes THEN 'fail'
                   ELSE 'unknown' END
            WHEN m.hugepages_free * coalesce(m.hugepage_bytes, 2097152) >= t.guest_memory_bytes
                 OR m.hugepages_1g_free * 1073741824 >= t.guest_memory_bytes
                 OR (t.guest_memory_bytes IS NULL AND (m.hugepages_free > 0 OR m.hugepages_1g_free > 0)) THEN 'pass'
            WHEN m.hugepages_1g_free > 0 OR (m.hugepages_total > 0 AND m.hugepages_free IS NULL) THEN
              CASE WHEN m.hugepages_free * m.hugepage_bytes < t.guest_memory_bytes
                        AND m.hugepages_1g_free * 1073741824 < t.guest_memory_bytes THEN 'fail' ELSE 'unknown' END
            WHEN m.hugepages_total = 0 OR m.hugepages_free = 0
                 OR m.hugepages_free * m.hugepage_bytes < t.guest_memory_bytes THEN 'fail'
            ELSE 'unknown' END AS result,
       'hugepages of ' || coalesce(size_text(m.hugepage_bytes), 'the default size') || ': '
         || coalesce(CAST(m.hugepages_free AS TEXT), 'an unseen number') || ' free of '
         || coalesce(CAST(m.hugepages_total AS TEXT), 'an unseen number') || ', of 1 GiB: '
         || coalesce(CAST(m.hugepages_1g_free AS TEXT), 'an unseen number') || ' free, guest memory '
         || coalesce(size_text(t.guest_memory_bytes), 'not given') AS evidence
FROM host_summary s
JOIN intent t ON t.host = s.host AND (t.hugepages = 1 OR t.guest_page_bytes > 4096)
LEFT JOIN memory m ON m.host = s.host;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('hugepages-on-device-node', 'Hugepages for the guest lie on the NUMA node of the device', 'degrades', '@vfio',
  'Reserve them on the device''s node (/sys/devices/system/node/nodeN/hugepages), and pin the guest there.',
  'kernel:Documentation/admin-guide/mm/hugetlbpage.rst',
  'intent.guest_memory_bytes intent.hugepages=1');
CREATE VIEW rule_hugepages_on_device_node AS
SELECT a.host, a.address AS subject, NULL AS surface, 'whole' AS share,
       CASE WHEN a.numa_node = -1 OR n.hugepages_2m_free * 2097152 >= t.guest_memory_bytes
                 OR n.hugepages_1g_free * 1073741824 >= t.guest_memory_bytes THEN 'pass'
            WHEN n.hugepages_2m_free * 2097152 < t.guest_memory_bytes
                 AND n.hugepages_1g_free * 1073741824 < t.guest_memory_bytes THEN 'fail'
            ELSE 'unknown' END AS result,
       a.address || ' is on NUMA node ' || coalesce(CAST(a.numa_node AS TEXT), 'not seen') || ': free hugepages there '
         || coalesce(CAST(n.hugepages_2m_free AS TEXT), 'not seen') || ' of 2 MiB, '
         || coalesce(CAST(n.hugepages_1g_free AS TEXT), 'not seen') || ' of 1 GiB, guest memory '
         || size_text(t.guest_memory_bytes) AS evidence
FROM accelerator a
JOIN intent t ON t.host = a.host AND t.hugepages = 1 AND t.guest_memory_bytes > 0
LEFT JOIN memory_node n ON n.host = a.host AND n.node = a.numa_node
WHERE a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('pinning-within-timeout', 'Pinning the guest''s memory fits into the time that the orchestrator allows', 'degrades', '@vfio',
  'Back the guest by hugepages, or raise the start timeout: pinning 4 KiB pages takes about a second for 4 GiB (an estimate), large BARs come on top.',
  'https://github.com/bpg/terraform-provider-proxmox/issues/1353 | https://github.com/canonical/lxd/issues/15872',
  'intent.guest_memory_bytes');
CREATE VIEW rule_pinning_within_timeout AS
SELECT s.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN t.guest_memory_bytes < 34359738368 THEN 'pass'
            WHEN t.hugepages = 1 OR t.guest_page_bytes > 4096 THEN 'pass'
            WHEN t.start_timeout_seconds IS NULL AND t.guest_memory_bytes >= 68719476736
                 AND t.surface IN ('proxmox', 'kubevirt', 'kata', 'openstack') THEN 'fail'
            WHEN t.start_timeout_seconds < t.guest_memory_bytes / 4294967296 THEN 'fail'
            WHEN t.start_timeout_seconds IS NOT NULL THEN 'pass'
            ELSE 'unknown' END AS result,
       'guest memory ' || size_text(t.guest_memory_bytes) || ' in pages of '
         || coalesce(size_text(t.guest_page_bytes), CASE WHEN t.hugepages = 1 THEN 'huge size' ELSE '4 KiB, as far as told' END)
         || ': about ' || CAST(t.guest_memory_bytes / 4294967296 AS TEXT) || ' s to pin (estimate), time allowed '
         || coalesce(CAST(t.start_timeout_seconds AS TEXT) || ' s', 'not given') AS evidence
FROM host_summary s
JOIN intent t ON t.host = s.host AND t.guest_memory_bytes > 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('viommu-locks-once', 'A virtual IOMMU does not multiply the memory to be locked', 'degrades', '@libvirt',
  'Reckon with guest memory times devices as lock limit (libvirt 8.7 and later locks it for each device), or leave the virtual IOMMU out.',
  'https://github.com/kubevirt/kubevirt/pull/17805 | https://github.com/kubevirt/kubevirt/issues/18915',
  'intent.devices intent.viommu=1');
CREATE VIEW rule_viommu_locks_once AS
SELECT s.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN m.memlock_bytes = -1 OR t.devices * t.guest_memory_bytes <= m.memlock_bytes THEN 'pass'
            WHEN t.devices * t.guest_memory_bytes > m.total_bytes
                 OR t.devices * t.guest_memory_bytes > m.memlock_bytes THEN 'fail'
            ELSE 'unknown' END AS result,
       'virtual IOMMU, ' || CAST(t.devices AS TEXT) || ' devices, guest memory '
         || coalesce(size_text(t.guest_memory_bytes), 'not given') || ', host memory '
         || coalesce(size_text(m.total_bytes), 'not seen') || ', lock limit '
         || CASE WHEN m.memlock_bytes = -1 THEN 'unlimited' ELSE coalesce(size_text(m.memlock_bytes), 'not seen') END AS evidence
FROM host_summary s
JOIN intent t ON t.host = s.host AND t.viommu = 1 AND t.devices > 1
LEFT JOIN memory m ON m.host = s.host;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('dma-entries-with-viommu', 'VFIO''s limit of DMA mappings leaves room for a virtual IOMMU', 'notes', '@vfio',
  'Raise vfio_iommu_type1.dma_entry_limit above its default of 65535 where the guest maps for itself.',
  'kernel:drivers/vfio/vfio_iommu_type1.c (dma_entry_limit)',
  'intent.viommu=1');
CREATE VIEW rule_dma_entries_with_viommu AS
SELECT s.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN length(p.value) > 5 THEN 'pass' WHEN p.value IS NOT NULL THEN 'fail' ELSE 'unknown' END AS result,
       'virtual IOMMU, dma_entry_limit ' || coalesce(p.value, 'not seen') AS evidence
FROM host_summary s
JOIN intent t ON t.host = s.host AND t.viommu = 1
LEFT JOIN module_parameter p ON p.host = s.host AND p.module = 'vfio_iommu_type1' AND p.parameter = 'dma_entry_limit';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('kubevirt-memlock', 'This KubeVirt can raise the lock limit of its VMs', 'blocks', 'kubevirt:whole kubevirt:vf',
  'Upgrade, or enable the feature gate Root: in 1.8.1 and 1.8.2 the non-root launcher lacks CAP_SYS_RESOURCE.',
  'https://github.com/kubevirt/kubevirt/issues/17694',
  'software.name=kubevirt');
CREATE VIEW rule_kubevirt_memlock AS
SELECT s.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN w.version_key NOT IN (version_key('1.8.1'), version_key('1.8.2'))
                 OR has_word(replace(g.value, ',', ' '), 'Root') = 1 THEN 'pass'
            WHEN w.version_key IN (version_key('1.8.1'), version_key('1.8.2')) THEN 'fail'
            ELSE 'unknown' END AS result,
       'KubeVirt ' || coalesce(w.version, 'not seen') || ', feature gates: ' || coalesce(g.value, 'not seen') AS evidence
FROM host_summary s
JOIN software w ON w.host = s.host AND w.name = 'kubevirt' AND w.version IS DISTINCT FROM 'present'
LEFT JOIN setting g ON g.host = s.host AND g.component = 'kubevirt' AND g.name = 'featureGates';
