-- Ways out of the rules in rules/confidential.sql; none for a chip without it. SPDX-License-Identifier: Apache-2.0
INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('set-cc-mode', 'confidential-mode-on', 'advice', 'drain', 'Set the confidential computing mode and reset', 'exact'),
 ('use-iommufd', 'confidential-iommufd', 'advice', 'live', 'Hand the device over by iommufd', 'exact'),
 ('confidential-qemu-101', 'confidential-qemu', 'package', 'reload', 'Install QEMU 10.1 or later', 'equivalent'),
 ('snp-iommu-nopt', 'snp-iommu-translates', 'advice', 'reboot', 'Boot without iommu=pt', 'exact'),
 ('clear-cc-mode', 'confidential-mode-off', 'advice', 'drain', 'Set the mode off and reset', 'exact');
