-- Ways out of the rules on SR-IOV. SPDX-License-Identifier: Apache-2.0

INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('gim-one-vf', 'amd-gim-vf-count', 'advice', 'reload', 'Ask for one VF a GPU', 'exact'),
 ('vfs-to-zero', 'pf-without-vfs', 'sriov', 'drain', 'Set sriov_numvfs to 0', 'equivalent'),
 ('vf-bars-in-firmware', 'vf-bars-assigned', 'advice', 'firmware', 'Enable SR-IOV and Above 4G Decoding in the firmware setup', 'equivalent'),
 ('ari-in-firmware', 'vf-ari-forwarding', 'advice', 'firmware', 'Enable ARI forwarding in the firmware setup', 'equivalent'),
 ('sriov-in-firmware', 'pf-has-sriov', 'advice', 'firmware', 'Enable SR-IOV in the firmware setup, and load a driver that offers VFs', 'equivalent'),
 ('assign-busses', 'vf-bus-numbers', 'kernel-cmdline', 'reboot', 'Boot with pci=assign-busses, or enable SR-IOV in the firmware setup', 'exact'),
 ('fewer-vfs', 'vf-count-possible', 'advice', 'live', 'Ask for no more VFs than the device has', 'exact'),
 ('pf-to-its-driver', 'pf-on-its-driver', 'driver', 'drain', 'Bind the PF to the driver that makes its VFs', 'exact'),
 ('install-gim', 'amd-gim-loaded', 'package', 'reload', 'Install and load gim', 'equivalent'),
 ('intel-sriov-driver', 'intel-vf-driver', 'package', 'reboot', 'Install a driver with SR-IOV and set i915.max_vfs or xe.max_vfs', 'equivalent'),
 ('autoprobe-off', 'vf-autoprobe', 'advice', 'live', 'Set sriov_drivers_autoprobe to 0', 'exact'),
 ('bind-vf-vfio', 'vf-free-for-vm', 'driver', 'drain', 'Bind the VF to vfio-pci', 'exact');

CREATE VIEW step_vfs_to_zero AS
SELECT a.host, a.address AS subject, 'sriov' AS kind, a.address AS target, '0' AS want
FROM accelerator a
WHERE a.is_vf = 0;

CREATE VIEW step_bind_vf_vfio AS
SELECT v.host, v.address AS subject, 'driver' AS kind, v.address AS target, 'vfio' AS want
FROM accelerator v
WHERE v.is_vf = 1;

CREATE VIEW step_pf_to_its_driver AS
SELECT a.host, a.address AS subject, 'driver' AS kind, a.address AS target,
       CASE WHEN a.vendor = '1002' THEN 'gim' ELSE h.module END AS want
FROM accelerator a
JOIN host_driver h ON h.vendor = a.vendor AND h.kind = a.kind
WHERE a.is_vf = 0 AND a.vendor NOT IN ('8086', '10ee');

CREATE VIEW step_assign_busses AS
SELECT a.host, a.address AS subject, 'kernel-cmdline' AS kind, '' AS target, '+pci=assign-busses' AS want
FROM accelerator a
WHERE a.is_vf = 0;

INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('kernel-that-opens-vfs', 'kernel-opens-vfs', 'advice', 'reboot', 'Boot a kernel before or after', 'exact');
