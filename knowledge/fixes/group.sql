-- Ways out of the rules on IOMMU groups. SPDX-License-Identifier: Apache-2.0

INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('bind-group-vfio', 'iommu-group-viable', 'driver', 'drain', 'Bind every other endpoint of the group to vfio-pci, or leave it without a driver', 'exact'),
 ('group-together', 'group-one-accelerator', 'advice', 'live', 'Give all accelerators of the group to one VM', 'exact'),
 ('acs-in-firmware', 'group-one-accelerator', 'advice', 'firmware', 'Enable ACS in the firmware setup, or move a card to another slot', 'equivalent'),
 ('group-neighbours-along', 'group-one-slot', 'driver', 'drain', 'Give up the other devices of the group for the host', 'exact'),
 ('acs-redirect', 'peer-bypasses-iommu', 'kernel-cmdline', 'reboot', 'Turn on ACS redirect at the switch ports: pci=config_acs= where the kernel has it, or in the firmware', 'exact'),
 ('acs-override-away', 'no-acs-override', 'kernel-cmdline', 'reboot', 'Take pcie_acs_override off the kernel command line', 'exact');
