-- Ways out of the rules on resets and power. SPDX-License-Identifier: Apache-2.0

INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('power-cycle', 'config-space-readable', 'advice', 'reboot', 'Power-cycle the host', 'equivalent'),
 ('one-tenant', 'reset-method-present', 'advice', 'reboot', 'Reboot the host between tenants', 'equivalent'),
 ('vendor-reset', 'reset-comes-back', 'package', 'reload', 'Load vendor-reset and choose device_specific in reset_method', 'equivalent'),
 ('reserve-from-boot', 'amd-reserved-from-boot', 'kernel-cmdline', 'reboot', 'Reserve the card for vfio-pci from boot: vfio-pci.ids and vfio-pci in the initramfs', 'exact'),
 ('whole-card', 'reset-of-its-own', 'advice', 'live', 'Pass all functions of the card to one guest', 'exact'),
 ('amd-power-cycle', 'amd-more-than-bus-reset', 'advice', 'reboot', 'Power-cycle the host after a guest crash', 'equivalent'),
 ('bus-reset-first', 'blackwell-flr', 'advice', 'live', 'Write bus to reset_method', 'exact'),
 ('kernel-that-resets', 'kernel-resets-bus', 'package', 'reboot', 'Boot a kernel before or after it', 'equivalent'),
 ('disable-idle-d3', 'no-idle-d3cold', 'modprobe', 'reload', 'options vfio_pci disable_idle_d3=1', 'exact'),
 ('wake-device', 'not-in-d3cold', 'advice', 'live', 'Write on to power/control', 'exact');

CREATE VIEW step_reserve_from_boot AS
SELECT a.host, a.address AS subject, 'kernel-cmdline' AS kind, '' AS target,
       '+vfio-pci.ids=' || a.vendor || ':' || a.device AS want
FROM accelerator a
WHERE a.is_vf = 0 AND a.vendor IS NOT NULL AND a.device IS NOT NULL
UNION ALL
SELECT a.host, a.address AS subject, 'initramfs' AS kind, 'all' AS target, 'with vfio-pci' AS want
FROM accelerator a
WHERE a.is_vf = 0;

CREATE VIEW step_disable_idle_d3 AS
SELECT a.host, a.address AS subject, 'modprobe' AS kind, 'happypath.conf' AS target,
       'options vfio-pci disable_idle_d3=1' AS want
FROM accelerator a
WHERE a.is_vf = 0;
