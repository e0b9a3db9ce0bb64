-- Ways out of the rules on ESXi. SPDX-License-Identifier: Apache-2.0

INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('esxi-use-64-bit-mmio', 'esxi-64-bit-mmio', 'advice', 'live', 'Set pciPassthru.use64bitMMIO = TRUE', 'exact'),
 ('esxi-larger-mmio', 'esxi-mmio-size', 'advice', 'live', 'Raise pciPassthru.64bitMMIOSizeGB', 'exact'),
 ('esxi-efi-vm', 'esxi-efi', 'advice', 'live', 'Create the VM with EFI firmware', 'equivalent'),
 ('esxi-fewer-devices', 'esxi-device-count', 'advice', 'live', 'Pass fewer devices, or upgrade ESXi', 'exact'),
 ('esxi-without-snapshot', 'esxi-no-snapshot', 'advice', 'live', 'Do without vMotion and snapshots, or use vGPU', 'exact'),
 ('esxi-set-shared-direct', 'esxi-shared-direct', 'advice', 'reboot', 'Set the host graphics to Shared Direct', 'exact');
