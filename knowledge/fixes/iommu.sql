-- Ways out of the rules on the IOMMU. SPDX-License-Identifier: Apache-2.0

INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('iommu-cmdline', 'iommu-on', 'kernel-cmdline', 'reboot', 'Turn the IOMMU on: intel_iommu=on on Intel, no amd_iommu=off or iommu=off', 'exact'),
 ('unit-above-device', 'accelerator-has-group', 'advice', 'firmware', 'Have the firmware describe the IOMMU above the device, or move the card to another slot', 'equivalent'),
 ('iommu-in-firmware', 'iommu-firmware-table', 'advice', 'firmware', 'Enable VT-d, AMD-Vi or SMMU in the firmware setup', 'equivalent'),
 ('intel-iommu-cmdline', 'intel-iommu-requested', 'kernel-cmdline', 'reboot', 'Add intel_iommu=on to the kernel command line', 'exact'),
 ('interrupt-remapping-cmdline', 'interrupt-remapping', 'kernel-cmdline', 'reboot', 'Take intremap=off away, and enable x2APIC and VT-d in the firmware', 'exact'),
 ('allow-unsafe-interrupts', 'interrupt-remapping', 'modprobe', 'reload', 'Accept interrupts without remapping: options vfio_iommu_type1 allow_unsafe_interrupts=1', 'exact'),
 ('noiommu-off', 'no-noiommu-mode', 'modprobe', 'reload', 'Unset vfio.enable_unsafe_noiommu_mode', 'exact'),
 ('rmrr-in-firmware', 'no-firmware-reserved-region', 'advice', 'firmware', 'Switch off the platform feature that claims memory for the device', 'equivalent'),
 ('cause-of-faults', 'no-iommu-faults', 'advice', 'hardware', 'Find the cause of the faults: slot, riser, firmware or another owner', 'equivalent'),
 ('firmware-update', 'iommu-firmware-sound', 'advice', 'firmware', 'Update the firmware', 'one-way'),
 ('guest-bits-of-iommu', 'iommu-covers-address-bits', 'advice', 'live', 'Give the guest no more address bits than the IOMMU maps', 'exact'),
 ('viommu-from-outside', 'outer-hypervisor-gives-iommu', 'advice', 'hardware', 'Move to bare metal, or to a VM with a virtual IOMMU', 'equivalent');
