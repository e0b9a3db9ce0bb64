-- Ways out of the rules in rules/nvidia-driver.sql. SPDX-License-Identifier: Apache-2.0
INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('load-nvidia', 'nvidia-driver-loaded', 'module', 'live', 'Load the nvidia module', 'exact'),
 ('bind-nvidia', 'nvidia-driver-bound', 'driver', 'drain', 'Bind the GPU to nvidia', 'exact'),
 ('reload-nvidia', 'nvidia-library-matches-module', 'advice', 'reload',
  'Unload and load the NVIDIA kernel modules', 'exact'),
 ('install-one-nvidia-version', 'nvidia-packages-consistent', 'package', 'reload',
  'Install kernel module and libraries of one version', 'equivalent'),
 ('install-nvidia-libraries', 'nvidia-libraries-installed', 'package', 'live',
  'Install the libraries in the module''s version', 'equivalent'),
 ('build-nvidia-module', 'nvidia-module-on-disk', 'package', 'live',
  'Build or install the module for the running kernel', 'equivalent'),
 ('install-open-modules', 'nvidia-open-required', 'package', 'reload', 'Install the open kernel modules', 'equivalent'),
 ('install-proprietary-modules', 'nvidia-open-supported', 'package', 'reload',
  'Install the proprietary kernel modules', 'equivalent'),
 ('install-last-branch', 'nvidia-driver-has-gpu', 'package', 'reload',
  'Install the last driver branch that has this GPU, and hold it', 'equivalent'),
 ('install-newer-driver', 'nvidia-driver-knows-gpu', 'package', 'reload',
  'Install a driver that has this GPU', 'equivalent'),
 ('unblacklist-nvidia', 'nvidia-not-blacklisted', 'modprobe', 'live',
  'Take the blacklist entry away and load the module', 'exact');

CREATE VIEW step_load_nvidia AS
SELECT s.host, coalesce(a.address, '') AS subject, 'module' AS kind, 'nvidia' AS target, 'loaded' AS want
FROM host_summary s
LEFT JOIN accelerator a ON a.host = s.host AND a.is_vf = 0;

CREATE VIEW step_bind_nvidia AS
SELECT a.host, a.address AS subject, 'driver' AS kind, a.address AS target, 'nvidia' AS want
FROM accelerator a
WHERE a.is_vf = 0;

CREATE VIEW step_unblacklist_nvidia AS
SELECT d.host, coalesce(a.address, '') AS subject, 'modprobe' AS kind, replace(d.file, '/etc/modprobe.d/', '') AS target,
       '-blacklist nvidia' AS want
FROM module_directive d
LEFT JOIN accelerator a ON a.host = d.host AND a.vendor = '10de' AND a.is_vf = 0
WHERE d.module = 'nvidia' AND d.directive = 'blacklist' AND substr(d.file, 1, 16) = '/etc/modprobe.d/'
UNION ALL
SELECT c.host, coalesce(a.address, '') AS subject, 'kernel-cmdline' AS kind, '' AS target,
       '-' || c.name || '=nvidia' AS want
FROM cmdline_option c
LEFT JOIN accelerator a ON a.host = c.host AND a.vendor = '10de' AND a.is_vf = 0
WHERE c.which = 'running' AND c.value = 'nvidia'
  AND c.name IN ('modprobe.blacklist', 'module_blacklist', 'rd.driver.blacklist', 'driver.blacklist');
