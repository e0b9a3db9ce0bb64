-- Ways out of the rules on KVM. SPDX-License-Identifier: Apache-2.0

INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('load-kvm', 'kvm-device', 'module', 'live', 'Load kvm_intel or kvm_amd', 'exact'),
 ('virtualization-in-firmware', 'cpu-virtualization', 'advice', 'firmware', 'Enable VT-x or SVM in the firmware setup', 'equivalent'),
 ('hardware-kvm', 'kvm-is-hardware', 'advice', 'hardware', 'Move to bare metal, or to a VM with nested virtualization', 'equivalent'),
 ('kvm-group', 'kvm-accessible', 'advice', 'live', 'Add the user to the group kvm', 'exact');

CREATE VIEW step_load_kvm AS
SELECT c.host, '' AS subject, 'module' AS kind, CASE c.vendor WHEN 'intel' THEN 'kvm_intel' ELSE 'kvm_amd' END AS target,
       'loaded' AS want
FROM cpu c
WHERE c.vendor IN ('intel', 'amd');
