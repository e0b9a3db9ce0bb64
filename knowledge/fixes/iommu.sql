-- Ways out of the rules on the IOMMU. SPDX-License-Identifier: Apache-2.0

INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('iommu-cmdline', 'iommu-on', 'kernel-cmdline', 'reboot', 'Turn the IOMMU on: intel_iommu=on on Intel, no amd_iommu=off or iommu=off', 'exact'),
 ('unit-above-device', 'accelerator-has-group', 'advice', 'firmware', 'Have the firmware describe the IOMMU above the device, or move the card to another slot', 'equivalent'),
 ('iommu-in-firmware', 'iommu-firmware-table', 'advice', 'firmware', 'Enable VT-d, AMD-Vi or SMMU in the firmware setup', 'equivalent'),
 ('intel-iommu-cmdline', 'intel-iommu-requested', 'kernel-cmdline', 'reboot', 'Add intel_iommu=on to the kernel command line', 'exact'),
 ('interrupt-remapping-cmdline', 'interrupt-remapping', 'kernel-cmdline', 'reboot', 'Take intremap=off away, and enable x2APIC and VT-d in the firmware', 'exact'),
 ('allow-unsafe-interrupts', 'interrupt-remapping', 'advice', 'reload', 'Accept interrupts without remapping: options vfio_iommu_type1 allow_unsafe_interrupts=1', 'exact'),
 ('noiommu-off', 'no-noiommu-mode', 'modprobe', 'reload', 'Unset vfio.enable_unsafe_noiommu_mode', 'exact'),
 ('rmrr-in-firmware', 'no-firmware-reserved-region', 'advice', 'firmware', 'Switch off the platform feature that claims memory for the device', 'equivalent'),
 ('cause-of-faults', 'no-iommu-faults', 'advice', 'hardware', 'Find the cause of the faults: slot, riser, firmware or another owner', 'equivalent'),
 ('firmware-update', 'iommu-firmware-sound', 'advice', 'firmware', 'Update the firmware', 'one-way'),
 ('guest-bits-of-iommu', 'iommu-covers-address-bits', 'advice', 'live', 'Give the guest no more address bits than the IOMMU maps', 'exact'),
 ('viommu-from-outside', 'outer-hypervisor-gives-iommu', 'advice', 'hardware', 'Move to bare metal, or to a VM with a virtual IOMMU', 'equivalent');

CREATE VIEW step_iommu_cmdline AS
SELECT u.host, '' AS subject, 'kernel-cmdline' AS kind, '' AS target, '+intel_iommu=on' AS want
FROM cpu u
WHERE u.vendor = 'intel'
UNION ALL
SELECT c.host, '' AS subject, 'kernel-cmdline' AS kind, '' AS target, '-' || c.name || '=off' AS want
FROM cmdline_option c
WHERE c.which = 'running' AND c.name IN ('iommu', 'amd_iommu', 'intel_iommu') AND c.value = 'off';

CREATE VIEW step_intel_iommu_cmdline AS
SELECT s.host, '' AS subject, 'kernel-cmdline' AS kind, '' AS target, '+intel_iommu=on' AS want
FROM host_summary s;

CREATE VIEW step_interrupt_remapping_cmdline AS
SELECT c.host, '' AS subject, 'kernel-cmdline' AS kind, '' AS target,
       '-' || c.name || CASE WHEN c.value = 'none' THEN '' ELSE '=' || c.value END AS want
FROM cmdline_option c
WHERE c.which = 'running'
  AND ((c.name = 'intremap' AND c.value IN ('off', 'nosid')) OR c.name IN ('nointremap', 'nox2apic'));

CREATE VIEW step_noiommu_off AS
SELECT d.host, '' AS subject, 'modprobe' AS kind, substr(d.file, 17) AS target, '-options vfio enable_unsafe_noiommu_mode' AS want
FROM module_directive d
WHERE d.directive = 'options' AND d.module = 'vfio' AND substr(d.file, 1, 16) = '/etc/modprobe.d/'
  AND replace(d.argument, 'enable_unsafe_noiommu_mode', '') <> d.argument
UNION ALL
SELECT c.host, '' AS subject, 'kernel-cmdline' AS kind, '' AS target, '-vfio.enable_unsafe_noiommu_mode' AS want
FROM cmdline_option c
WHERE c.which = 'running' AND c.name = 'vfio.enable_unsafe_noiommu_mode';
