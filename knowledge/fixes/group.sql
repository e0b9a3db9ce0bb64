-- Ways out of the rules on IOMMU groups. SPDX-License-Identifier: Apache-2.0

INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('bind-group-vfio', 'iommu-group-viable', 'driver', 'drain', 'Bind every other endpoint of the group to vfio-pci, or leave it without a driver', 'exact'),
 ('group-together', 'group-one-accelerator', 'advice', 'live', 'Give all accelerators of the group to one VM', 'exact'),
 ('acs-in-firmware', 'group-one-accelerator', 'advice', 'firmware', 'Enable ACS in the firmware setup, or move a card to another slot', 'equivalent'),
 ('group-neighbours-along', 'group-one-slot', 'driver', 'drain', 'Give up the other devices of the group for the host', 'exact'),
 ('acs-redirect', 'peer-bypasses-iommu', 'advice', 'reboot', 'Turn on ACS redirect at the switch ports: pci=config_acs= where the kernel has it, or in the firmware', 'exact'),
 ('acs-override-away', 'no-acs-override', 'kernel-cmdline', 'reboot', 'Take pcie_acs_override off the kernel command line', 'exact');

CREATE VIEW step_bind_group_vfio AS
SELECT a.host, a.address AS subject, 'driver' AS kind, p.address AS target, 'vfio' AS want
FROM accelerator a
JOIN pci_function p ON p.host = a.host AND p.iommu_group = a.iommu_group AND p.address <> a.address
WHERE a.is_vf = 0 AND a.iommu_group <> 'none' AND p.header_type IS DISTINCT FROM 'bridge'
  AND substr(coalesce(p.class, 'ffffff'), 1, 2) <> '06' AND p.driver NOT IN ('none', 'pci-stub')
  AND replace(p.driver, 'vfio', '') = p.driver;

CREATE VIEW step_group_neighbours_along AS
SELECT a.host, a.address AS subject, 'driver' AS kind, p.address AS target, 'vfio' AS want
FROM accelerator a
JOIN pci_function p ON p.host = a.host AND p.iommu_group = a.iommu_group AND p.address <> a.address
WHERE a.is_vf = 0 AND a.iommu_group <> 'none' AND p.header_type IS DISTINCT FROM 'bridge'
  AND substr(coalesce(p.class, 'ffffff'), 1, 2) <> '06' AND p.driver NOT IN ('none', 'pci-stub')
  AND replace(p.driver, 'vfio', '') = p.driver;

CREATE VIEW step_acs_override_away AS
SELECT c.host, '' AS subject, 'kernel-cmdline' AS kind, '' AS target, '-pcie_acs_override=' || c.value AS want
FROM cmdline_option c
WHERE c.which = 'running' AND c.name = 'pcie_acs_override' AND c.value IS NOT NULL;
