-- Ways out of the rules on SR-IOV. SPDX-License-Identifier: Apache-2.0

INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('vfs-to-zero', 'pf-without-vfs', 'sriov', 'drain', 'Set sriov_numvfs to 0', 'equivalent'),
 ('vf-bars-in-firmware', 'vf-bars-assigned', 'advice', 'firmware', 'Enable SR-IOV and Above 4G Decoding in the firmware setup', 'equivalent'),
 ('ari-in-firmware', 'vf-ari-forwarding', 'advice', 'firmware', 'Enable ARI forwarding in the firmware setup', 'equivalent'),
 ('sriov-in-firmware', 'pf-has-sriov', 'advice', 'firmware', 'Enable SR-IOV in the firmware setup, and load a driver that offers VFs', 'equivalent'),
 ('assign-busses', 'vf-bus-numbers', 'kernel-cmdline', 'reboot', 'Boot with pci=assign-busses, or enable SR-IOV in the firmware setup', 'exact'),
 ('fewer-vfs', 'vf-count-possible', 'advice', 'live', 'Ask for no more VFs than the device has', 'exact'),
 ('pf-to-its-driver', 'pf-on-its-driver', 'driver', 'drain', 'Bind the PF to the driver that makes its VFs', 'exact'),
 ('install-gim', 'amd-gim-loaded', 'package', 'reload', 'Install and load gim', 'equivalent'),
 ('intel-sriov-driver', 'intel-vf-driver', 'package', 'reboot', 'Install a driver with SR-IOV and set i915.max_vfs or xe.max_vfs', 'equivalent'),
 ('autoprobe-off', 'vf-autoprobe', 'sriov', 'live', 'Set sriov_drivers_autoprobe to 0', 'exact'),
 ('bind-vf-vfio', 'vf-free-for-vm', 'driver', 'drain', 'Bind the VF to vfio-pci', 'exact');
