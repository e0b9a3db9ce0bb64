-- Ways out of the rules on VFIO. SPDX-License-Identifier: Apache-2.0

INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('forget-virqfd', 'vfio-virqfd-gone', 'advice', 'reboot', 'Take vfio_virqfd out of the lists, and rebuild the initramfs', 'exact'),
 ('kernel-with-vfio', 'vfio-pci-in-kernel', 'package', 'reboot', 'Boot a kernel that has vfio-pci', 'equivalent'),
 ('kernel-with-type1', 'vfio-iommu-backend', 'package', 'reboot', 'Boot a kernel that has VFIO type 1 or iommufd', 'equivalent'),
 ('legacy-group', 'vfio-cdev-for-iommufd', 'advice', 'live', 'Leave iommufd off', 'exact'),
 ('kernel-with-cdev', 'vfio-cdev-for-iommufd', 'package', 'reboot', 'Boot a kernel with iommufd and VFIO character devices', 'equivalent'),
 ('make-group-node', 'vfio-group-node', 'module', 'live', 'Load VFIO and free the group''s endpoints', 'exact'),
 ('permit-device', 'kubevirt-permits-device', 'advice', 'live', 'Add the id to permittedHostDevices', 'exact'),
 ('kubevirt-after-1-9-0', 'kubevirt-cdev', 'package', 'reload', 'Upgrade KubeVirt beyond 1.9.0', 'equivalent'),
 ('kernel-6-19', 'iommufd-peers', 'package', 'reboot', 'Boot Linux 6.19 or later', 'equivalent');

CREATE VIEW step_make_group_node AS
SELECT a.host, a.address AS subject, 'module' AS kind, 'vfio_pci' AS target, 'loaded' AS want
FROM accelerator a
WHERE a.is_vf = 0;
