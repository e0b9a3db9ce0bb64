-- Ways out of the rules in rules/vendor.sql; none for a chip that cannot be partitioned. SPDX-License-Identifier: Apache-2.0
INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('bind-host-driver', 'host-driver-bound', 'driver', 'drain', 'Bind the device to its vendor''s driver', 'exact'),
 ('make-vendor-node', 'vendor-device-node', 'module', 'live', 'Load the driver that makes the node', 'exact'),
 ('other-slot', 'amd-atomics-routed', 'advice', 'hardware', 'Move the board to a slot that routes atomics', 'none'),
 ('add-node-group', 'container-user-opens-node', 'advice', 'live', 'Add the node''s group to the container', 'exact'),
 ('gaudi-image', 'gaudi-container-release', 'advice', 'live', 'Take the image of the driver''s release', 'exact'),
 ('sign-xclbin', 'fpga-xclbin-unsigned', 'advice', 'live', 'Sign the images', 'exact'),
 ('guest-root-port', 'amd-atomics-in-guest', 'advice', 'live', 'Put the GPU behind a root port', 'exact'),
 ('tenstorrent-hugepages', 'tenstorrent-host-memory', 'advice', 'reboot', 'Switch the IOMMU on, or reserve hugepages', 'exact'),
 ('flash-platform', 'fpga-image', 'advice', 'firmware', 'Flash a platform and start cold', 'equivalent');

CREATE VIEW step_bind_host_driver AS
SELECT a.host, a.address AS subject, 'driver' AS kind, a.address AS target, h.module AS want
FROM accelerator a
JOIN host_driver h ON h.vendor = a.vendor AND h.kind = a.kind
WHERE a.is_vf = 0 AND a.vendor NOT IN ('8086', '10ee');

CREATE VIEW step_make_vendor_node AS
SELECT a.host, a.address AS subject, 'module' AS kind, h.module AS target, 'loaded' AS want
FROM accelerator a
JOIN host_driver h ON h.vendor = a.vendor AND h.kind = a.kind
WHERE a.vendor NOT IN ('8086', '10ee');
