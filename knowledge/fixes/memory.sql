-- Ways out of the rules on memory. SPDX-License-Identifier: Apache-2.0

INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('raise-memlock', 'memlock-holds-guest', 'limit', 'reload', 'Raise the VMM''s memory lock limit', 'exact'),
 ('smaller-guest', 'memory-holds-guest', 'advice', 'live', 'Give the guest less memory', 'exact'),
 ('reserve-hugepages', 'hugepages-reserved', 'hugepages', 'live', 'Reserve hugepages (1 GiB pages: on the kernel command line)', 'exact'),
 ('hugepages-on-node', 'hugepages-on-device-node', 'hugepages', 'live', 'Reserve hugepages on the device''s NUMA node', 'exact'),
 ('longer-timeout', 'pinning-within-timeout', 'advice', 'live', 'Raise the start timeout or use hugepages', 'exact'),
 ('no-viommu', 'viommu-locks-once', 'advice', 'live', 'Leave the virtual IOMMU out', 'exact'),
 ('raise-dma-entries', 'dma-entries-with-viommu', 'modprobe', 'reload', 'Raise vfio_iommu_type1.dma_entry_limit', 'exact'),
 ('kubevirt-root-gate', 'kubevirt-memlock', 'runtime', 'live', 'Upgrade KubeVirt, or enable its feature gate Root', 'exact');

CREATE VIEW step_raise_dma_entries AS
SELECT s.host, '' AS subject, 'modprobe' AS kind, 'happypath.conf' AS target,
       'options vfio_iommu_type1 dma_entry_limit=4294967295' AS want
FROM host_summary s;
