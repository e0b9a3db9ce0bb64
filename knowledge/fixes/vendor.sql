-- Ways out of the rules in rules/vendor.sql; none for a chip that cannot be partitioned. SPDX-License-Identifier: Apache-2.0
INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('bind-host-driver', 'host-driver-bound', 'driver', 'drain', 'Bind the device to its vendor''s driver', 'exact'),
 ('make-vendor-node', 'vendor-device-node', 'module', 'live', 'Load the driver that makes the node', 'exact'),
 ('other-slot', 'amd-atomics-routed', 'advice', 'hardware', 'Move the board to a slot that routes atomics', 'none'),
 ('flash-platform', 'fpga-image', 'advice', 'firmware', 'Flash a platform and start cold', 'equivalent');
