-- Ways out of the rules on VMMs. What a VMM cannot do at all has none. SPDX-License-Identifier: Apache-2.0

INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('install-vmm', 'vmm-installed', 'package', 'live', 'Install the VMM', 'equivalent'),
 ('without-snapshot', 'no-snapshot-with-device', 'advice', 'live', 'Do without snapshots and live migration', 'exact'),
 ('fixed-memory', 'no-balloon-with-device', 'advice', 'live', 'Give the guest fixed memory', 'exact'),
 ('confidential-in-firmware', 'confidential-host', 'advice', 'firmware', 'Enable SEV-SNP or TDX in the firmware and the kernel', 'equivalent'),
 ('device-with-msix', 'small-vmm-msix', 'advice', 'hardware', 'Take a device with MSI-X', 'equivalent'),
 ('machine-of-architecture', 'vmm-of-host-architecture', 'advice', 'live', 'Choose a machine type of the host''s architecture', 'exact');
