-- Ways out of the rules on vGPU. SPDX-License-Identifier: Apache-2.0

INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('install-vgpu-host', 'vgpu-host-driver', 'package', 'reload', 'Install the vGPU host driver', 'equivalent'),
 ('vgpu-enable', 'vgpu-mode-on', 'sriov', 'drain', 'Enable the VFs by sriov-manage, start nvidia-vgpud', 'equivalent'),
 ('start-vgpu-manager', 'vgpu-manager-running', 'unit', 'live', 'Start nvidia-vgpu-mgr', 'exact'),
 ('vgpu-sriov-firmware', 'vgpu-sriov-capable', 'advice', 'firmware', 'Enable SR-IOV in the firmware setup', 'equivalent'),
 ('vgpu-make-vfs', 'vgpu-vfs-exist', 'sriov', 'drain', 'Enable the VFs by sriov-manage', 'equivalent'),
 ('vgpu-iommu-cmdline', 'vgpu-iommu-on', 'kernel-cmdline', 'reboot', 'Turn the IOMMU on', 'exact'),
 ('vf-back-to-nvidia', 'vgpu-vf-not-on-vfio', 'driver', 'drain', 'Bind the VF to nvidia again, and make the VFs anew', 'equivalent'),
 ('write-vgpu-type', 'vgpu-vendor-vfio', 'vgpu-type', 'live', 'Write the type to the VF''s current_vgpu_type', 'exact'),
 ('platform-with-vendor-vfio', 'vgpu-tool-knows-mode', 'package', 'reload', 'Upgrade the platform to a release that knows vendor-VFIO vGPUs', 'equivalent'),
 ('vgpu-type-by-hand', 'vgpu-device-manager-mode', 'vgpu-type', 'live', 'Write the type to the VF''s current_vgpu_type by hand', 'exact'),
 ('nova-managed-no', 'nova-leaves-vf-alone', 'advice', 'reload', 'Set managed = no in device_spec', 'exact'),
 ('add-uuid', 'vgpu-uuid-given', 'advice', 'live', 'Add -uuid to QEMU''s arguments', 'exact'),
 ('vgpu-other-type', 'vgpu-type-available', 'advice', 'drain', 'Take the type that the GPU carries, another GPU, or remove its vGPUs', 'exact'),
 ('vgpu-same-type', 'vgpu-one-size', 'advice', 'drain', 'Use one vGPU type on this GPU', 'exact'),
 ('vgpu-remove-some', 'vgpu-types-creatable', 'advice', 'drain', 'Remove vGPUs, or switch MIG on where types are MIG-backed', 'exact'),
 ('harvester-1-7', 'harvester-mig-vgpu', 'package', 'reboot', 'Upgrade to Harvester 1.7', 'equivalent'),
 ('vgpu-older-branch', 'vgpu-release-has-board', 'package', 'reload', 'Install the last vGPU branch that has the board', 'equivalent'),
 ('vgpu-guest-of-host', 'vgpu-guest-driver', 'advice', 'live', 'Install the guest driver of the host''s branch', 'equivalent'),
 ('vgpu-on-x86', 'vgpu-x86-host', 'advice', 'hardware', 'Use an x86 host', 'equivalent');

CREATE VIEW step_vgpu_iommu_cmdline AS
SELECT u.host, a.address AS subject, 'kernel-cmdline' AS kind, '' AS target, '+intel_iommu=on' AS want
FROM cpu u
JOIN accelerator a ON a.host = u.host
WHERE u.vendor = 'intel'
UNION ALL
SELECT c.host, a.address AS subject, 'kernel-cmdline' AS kind, '' AS target, '-' || c.name || '=off' AS want
FROM cmdline_option c
JOIN accelerator a ON a.host = c.host
WHERE c.which = 'running' AND c.name IN ('iommu', 'amd_iommu', 'intel_iommu') AND c.value = 'off';

CREATE VIEW step_vf_back_to_nvidia AS
SELECT v.host, v.address AS subject, 'driver' AS kind, v.address AS target, 'nvidia' AS want
FROM accelerator v
WHERE v.is_vf = 1;

CREATE VIEW step_vgpu_enable AS
SELECT a.host, a.address AS subject, 'sriov' AS kind, a.address AS target,
       CAST(a.sriov_totalvfs AS TEXT) AS want
FROM accelerator a
WHERE a.is_vf = 0 AND a.driver = 'nvidia' AND a.sriov_totalvfs > 0;

CREATE VIEW step_vgpu_make_vfs AS
SELECT a.host, a.address AS subject, 'sriov' AS kind, a.address AS target,
       CAST(a.sriov_totalvfs AS TEXT) AS want
FROM accelerator a
WHERE a.is_vf = 0 AND a.driver = 'nvidia' AND a.sriov_totalvfs > 0;

CREATE VIEW step_write_vgpu_type AS
SELECT v.host, v.parent AS subject, 'vgpu-type' AS kind, MIN(v.address) AS target, MIN(t.type) AS want
FROM accelerator v
JOIN intent i ON i.host = v.host
JOIN pci_function p ON p.host = v.host AND p.address = v.address AND p.vgpu_type_current = 'none'
JOIN vgpu_type t ON t.host = v.host AND t.address = v.address AND t.available > 0
                    AND (t.type = i.vgpu_type OR t.name = i.vgpu_type)
WHERE v.is_vf = 1
GROUP BY v.host, v.parent;

CREATE VIEW step_vgpu_type_by_hand AS
SELECT v.host, v.parent AS subject, 'vgpu-type' AS kind, MIN(v.address) AS target, MIN(t.type) AS want
FROM accelerator v
JOIN intent i ON i.host = v.host
JOIN pci_function p ON p.host = v.host AND p.address = v.address AND p.vgpu_type_current = 'none'
JOIN vgpu_type t ON t.host = v.host AND t.address = v.address AND t.available > 0
                    AND (t.type = i.vgpu_type OR t.name = i.vgpu_type)
WHERE v.is_vf = 1
GROUP BY v.host, v.parent;

CREATE VIEW step_start_vgpu_manager AS
SELECT a.host, a.address AS subject, 'unit' AS kind, 'nvidia-vgpu-mgr' AS target, 'running enabled' AS want
FROM accelerator a
JOIN service v ON v.host = a.host AND v.service = 'nvidia-vgpu-mgr' AND v.state <> 'absent'
WHERE a.is_vf = 0;

INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('vgpu-16-10', 'vgpu-release-not-broken', 'package', 'reboot', 'Install vGPU software 16.10 or later', 'equivalent');

INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('vgpu-guest-driver-for-slice', 'vgpu-slice-has-guest-driver', 'package', 'reload', 'Install the vGPU guest driver', 'equivalent');
