-- Ways out of the rules on drivers of accelerators. SPDX-License-Identifier: Apache-2.0

INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('name-modprobe-file', 'modprobe-file-read', 'advice', 'reboot', 'Move the lines to a file that modprobe reads', 'exact'),
 ('rebind-vfio', 'accelerator-not-on-host-driver', 'driver', 'drain', 'Unbind the accelerator from its host driver and bind it to vfio-pci', 'exact'),
 ('bind-vfio', 'accelerator-bound-for-vfio', 'driver', 'live', 'Bind the free accelerator to vfio-pci', 'exact'),
 ('vfio-rebind-now', 'vfio-ids-win-the-race', 'driver', 'drain', 'Rebind the accelerator to vfio-pci now; the next boot loses the race again', 'exact'),
 ('drop-host-ids', 'vfio-ids-spare-host', 'advice', 'reboot', 'Take the ids of what the host uses out of vfio-pci.ids', 'exact'),
 ('vfio-in-initramfs', 'vfio-ids-win-the-race', 'initramfs', 'reboot', 'Load vfio-pci from the initramfs, or by a softdep, before the other driver', 'equivalent'),
 ('blacklist-open-drivers', 'open-driver-leaves-gpu', 'modprobe', 'reboot', 'Blacklist nouveau, nova_core and nova_drm, and rebuild the initramfs', 'equivalent'),
 ('blacklist-nova', 'open-driver-stays-away', 'modprobe', 'reboot', 'Blacklist nova_core and nova_drm too', 'equivalent'),
 ('clear-override', 'driver-override-honest', 'advice', 'live', 'Clear driver_override', 'exact'),
 ('release-holders', 'nothing-holds-device', 'unit', 'drain', 'Stop nvidia-persistenced and the other holders, unload nvidia_drm', 'exact'),
 ('stop-vm', 'accelerator-free-of-vms', 'advice', 'drain', 'Shut down the VM that holds the accelerator', 'exact'),
 ('bind-nvgrace', 'coherent-gpu-on-variant-driver', 'driver', 'drain', 'Bind the GPU to nvgrace-gpu-vfio-pci, on a kernel that has it', 'exact');

-- The module is a step of its own, so that undoing unloads it again where nothing else uses it by then.
CREATE VIEW step_rebind_vfio AS
SELECT a.host, a.address AS subject, 'driver' AS kind, a.address AS target, 'vfio' AS want
FROM accelerator a
WHERE a.is_vf = 0
UNION ALL
SELECT a.host, a.address AS subject, 'module' AS kind, 'vfio_pci' AS target, 'loaded' AS want
FROM accelerator a
WHERE a.is_vf = 0;

CREATE VIEW step_bind_vfio AS
SELECT a.host, a.address AS subject, 'driver' AS kind, a.address AS target, 'vfio' AS want
FROM accelerator a
WHERE a.is_vf = 0
UNION ALL
SELECT a.host, a.address AS subject, 'module' AS kind, 'vfio_pci' AS target, 'loaded' AS want
FROM accelerator a
WHERE a.is_vf = 0;

CREATE VIEW step_vfio_rebind_now AS
SELECT a.host, a.address AS subject, 'driver' AS kind, a.address AS target, 'vfio' AS want
FROM accelerator a
WHERE a.is_vf = 0
UNION ALL
SELECT a.host, a.address AS subject, 'module' AS kind, 'vfio_pci' AS target, 'loaded' AS want
FROM accelerator a
WHERE a.is_vf = 0;

CREATE VIEW step_bind_nvgrace AS
SELECT a.host, a.address AS subject, 'driver' AS kind, a.address AS target, 'nvgrace-gpu-vfio-pci' AS want
FROM accelerator a
WHERE a.is_vf = 0;

CREATE VIEW step_vfio_in_initramfs AS
SELECT a.host, a.address AS subject, 'initramfs' AS kind, 'all' AS target, 'with vfio-pci' AS want
FROM accelerator a
WHERE a.is_vf = 0;

CREATE VIEW step_blacklist_open_drivers AS
SELECT a.host, a.address AS subject, 'modprobe' AS kind, 'happypath.conf' AS target,
       'blacklist nouveau; blacklist nova_core; blacklist nova_drm' AS want
FROM accelerator a
WHERE a.is_vf = 0;

CREATE VIEW step_blacklist_nova AS
SELECT s.host, '' AS subject, 'modprobe' AS kind, 'happypath.conf' AS target,
       'blacklist nova_core; blacklist nova_drm' AS want
FROM host_summary s;

CREATE VIEW step_release_holders AS
SELECT a.host, a.address AS subject, 'unit' AS kind, v.service AS target, 'stopped' AS want
FROM accelerator a
JOIN service v ON v.host = a.host AND v.state = 'active'
WHERE a.is_vf = 0 AND v.service IN ('nvidia-persistenced', 'display-manager');
