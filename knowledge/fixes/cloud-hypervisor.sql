-- Ways out of the rules on Cloud Hypervisor. SPDX-License-Identifier: Apache-2.0

INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('clh-26', 'clh-keeps-prefetchable', 'package', 'live', 'Install Cloud Hypervisor 26.0 or later', 'equivalent'),
 ('clh-26-sriov', 'clh-hides-sriov', 'package', 'live', 'Install Cloud Hypervisor 26.0 or later', 'equivalent'),
 ('clh-34', 'clh-msi-only', 'package', 'live', 'Install Cloud Hypervisor 34.0 or later', 'equivalent'),
 ('clh-52', 'clh-msix-dword', 'package', 'live', 'Install Cloud Hypervisor 52.0 or later', 'equivalent'),
 ('clh-one-of-both', 'clh-clique', 'advice', 'live', 'Leave out the clique, or vfio_p2p_dma=off and iommufd', 'exact'),
 ('clh-52-iommufd', 'clh-iommufd', 'package', 'live', 'Install Cloud Hypervisor 52.0 or later and set vfio_p2p_dma=off below Linux 6.19', 'equivalent'),
 ('clh-segments', 'clh-32-bit-window', 'advice', 'live', 'Spread the devices over PCI segments', 'exact');
