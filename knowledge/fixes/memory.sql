-- Ways out of the rules on memory. SPDX-License-Identifier: Apache-2.0

INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('raise-memlock', 'memlock-holds-guest', 'limit', 'reload', 'Raise the VMM''s memory lock limit', 'exact'),
 ('smaller-guest', 'memory-holds-guest', 'advice', 'live', 'Give the guest less memory', 'exact'),
 ('reserve-hugepages', 'hugepages-reserved', 'hugepages', 'live', 'Reserve hugepages (1 GiB pages: on the kernel command line)', 'exact'),
 ('hugepages-on-node', 'hugepages-on-device-node', 'hugepages', 'live', 'Reserve hugepages on the device''s NUMA node', 'exact'),
 ('longer-timeout', 'pinning-within-timeout', 'advice', 'live', 'Raise the start timeout or use hugepages', 'exact'),
 ('no-viommu', 'viommu-locks-once', 'advice', 'live', 'Leave the virtual IOMMU out', 'exact'),
 ('raise-dma-entries', 'dma-entries-with-viommu', 'modprobe', 'reload', 'Raise vfio_iommu_type1.dma_entry_limit', 'exact'),
 ('kubevirt-root-gate', 'kubevirt-memlock', 'advice', 'live', 'Upgrade KubeVirt, or enable its feature gate Root', 'exact');

CREATE VIEW step_raise_dma_entries AS
SELECT s.host, '' AS subject, 'modprobe' AS kind, 'happypath.conf' AS target,
       'options vfio_iommu_type1 dma_entry_limit=4294967295' AS want
FROM host_summary s;

CREATE VIEW step_reserve_hugepages AS
SELECT t.host, '' AS subject, 'hugepages' AS kind, CAST(t.page / 1024 AS TEXT) || 'kB' AS target,
       '>=' || CAST((t.guest_memory_bytes + t.page - 1) / t.page AS TEXT) AS want
FROM (SELECT i.host, i.guest_memory_bytes,
             CASE WHEN i.guest_page_bytes > 4096 THEN i.guest_page_bytes ELSE m.hugepage_bytes END AS page
      FROM intent i LEFT JOIN memory m ON m.host = i.host) t
WHERE t.page > 4096 AND t.guest_memory_bytes > 0;

CREATE VIEW step_hugepages_on_node AS
SELECT a.host, a.address AS subject, 'hugepages' AS kind,
       'node' || CAST(a.numa_node AS TEXT) || ':' || CAST(t.page / 1024 AS TEXT) || 'kB' AS target,
       '>=' || CAST((t.guest_memory_bytes + t.page - 1) / t.page AS TEXT) AS want
FROM accelerator a
JOIN (SELECT i.host, i.guest_memory_bytes,
             CASE WHEN i.guest_page_bytes > 4096 THEN i.guest_page_bytes ELSE m.hugepage_bytes END AS page
      FROM intent i LEFT JOIN memory m ON m.host = i.host) t ON t.host = a.host
WHERE a.is_vf = 0 AND a.numa_node >= 0 AND t.page > 4096 AND t.guest_memory_bytes > 0;
