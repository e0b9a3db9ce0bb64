-- Ways out of the rules in rules/mig.sql; none for a chip without MIG. SPDX-License-Identifier: Apache-2.0
INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('enable-mig', 'mig-mode-on', 'mig', 'drain', 'Switch MIG mode on', 'equivalent'),
 ('settle-mig', 'mig-mode-settled', 'advice', 'drain', 'Reset the GPU with nothing using it', 'equivalent'),
 ('create-mig-instances', 'mig-instances', 'mig', 'live', 'Create the instances', 'equivalent'),
 ('disable-mig', 'mig-off-for-whole', 'mig', 'drain', 'Remove the instances and switch MIG mode off', 'equivalent'),
 ('release-gpu-for-mig', 'mig-change-unheld', 'unit', 'drain',
  'Stop what holds the GPU, reset it, start it again', 'exact'),
 ('release-drm-for-mig', 'mig-change-drm', 'module', 'drain', 'Unload nvidia_drm during the reset', 'exact'),
 ('reboot-vm-for-mig', 'mig-change-in-vm', 'advice', 'reboot', 'Change the mode and reboot the VM', 'equivalent'),
 ('keep-mig-layout', 'mig-layout-persistent', 'unit', 'live', 'Enable a unit that makes the layout at boot', 'exact'),
 ('uniform-mig-layout', 'mig-strategy-uniform', 'advice', 'drain', 'Make the layout uniform', 'equivalent'),
 ('mixed-mig-strategy', 'mig-strategy-uniform', 'advice', 'reload', 'Set the plugin''s strategy to mixed', 'exact'),
 ('set-mig-strategy', 'mig-strategy-set', 'advice', 'reload', 'Set the plugin''s strategy to mixed', 'exact'),
 ('make-mig-nodes', 'mig-capability-nodes', 'advice', 'live', 'Make the device nodes', 'exact'),
 ('choose-mig-profile', 'mig-profile-offered', 'advice', 'live', 'Ask for a profile that this GPU has', 'exact'),
 ('newer-driver-for-mig', 'mig-driver', 'package', 'reload', 'Install a driver with MIG for this GPU', 'equivalent'),
 ('mig-off-for-mps', 'mps-without-mig', 'mig', 'drain', 'Switch MIG mode off', 'equivalent');

CREATE VIEW step_release_drm_for_mig AS
SELECT a.host, a.address AS subject, 'module' AS kind, 'nvidia_drm' AS target, 'unloaded' AS want
FROM accelerator a
WHERE a.is_vf = 0;

CREATE VIEW step_enable_mig AS
SELECT a.host, a.address AS subject, 'mig' AS kind, a.address AS target, 'on' AS want
FROM accelerator a
WHERE a.is_vf = 0 AND a.mig IS DISTINCT FROM 'no';

CREATE VIEW step_disable_mig AS
SELECT a.host, a.address AS subject, 'mig' AS kind, a.address AS target, 'off' AS want
FROM accelerator a
WHERE a.is_vf = 0;

CREATE VIEW step_mig_off_for_mps AS
SELECT a.host, a.address AS subject, 'mig' AS kind, a.address AS target, 'off' AS want
FROM accelerator a
WHERE a.is_vf = 0;

CREATE VIEW step_create_mig_instances AS
SELECT a.host, a.address AS subject, 'mig' AS kind, a.address AS target,
       CAST(p.max_instances AS TEXT) || 'x' || p.profile AS want
FROM accelerator a
JOIN intent i ON i.host = a.host
JOIN mig_profile p ON p.device = a.device AND p.profile = i.mig_profile
WHERE a.is_vf = 0;

CREATE VIEW step_release_gpu_for_mig AS
SELECT a.host, a.address AS subject, 'unit' AS kind, v.service AS target, 'stopped' AS want
FROM accelerator a
JOIN service v ON v.host = a.host AND v.state = 'active'
WHERE a.is_vf = 0 AND v.service IN ('nvidia-persistenced', 'display-manager');

CREATE VIEW step_keep_mig_layout AS
SELECT a.host, a.address AS subject, 'unit' AS kind, v.service AS target, 'enabled' AS want
FROM accelerator a
JOIN service v ON v.host = a.host
WHERE a.is_vf = 0 AND v.service = 'nvidia-mig-manager' AND v.enabled = 'disabled';
