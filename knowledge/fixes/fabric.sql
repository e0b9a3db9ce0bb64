-- Ways out of the rules in rules/fabric.sql. SPDX-License-Identifier: Apache-2.0
INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('install-fabric-manager', 'fabric-manager-installed', 'package', 'reload',
  'Install Fabric Manager in the driver''s version and start it', 'equivalent'),
 ('start-fabric-manager', 'fabric-manager-running', 'unit', 'reload', 'Start nvidia-fabricmanager', 'exact'),
 ('match-fabric-manager', 'fabric-manager-version', 'package', 'reload',
  'Install Fabric Manager in the driver''s version', 'equivalent'),
 ('load-infiniband', 'fabric-nvlink5-modules', 'module', 'reload',
  'Load mlx5_ib and ib_umad, then restart Fabric Manager', 'exact'),
 ('restart-fabric-manager', 'fabric-registered', 'advice', 'reload', 'Restart nvidia-fabricmanager', 'exact'),
 ('activate-partition', 'fabric-partition-for-vm', 'advice', 'drain',
  'Run Fabric Manager in shared mode and activate the partition', 'exact'),
 ('activate-vgpu-partition', 'fabric-vgpu-partition', 'advice', 'live',
  'Activate the partition through the Fabric Manager SDK', 'exact'),
 ('start-imex', 'fabric-imex', 'unit', 'reload', 'Start nvidia-imex on every node of the domain', 'exact');

CREATE VIEW step_load_infiniband AS
SELECT a.host, a.address AS subject, 'module' AS kind, m.module AS target, 'loaded' AS want
FROM accelerator a
JOIN module m ON m.host = a.host AND m.module IN ('mlx5_ib', 'ib_umad') AND m.state = 'available'
WHERE a.is_vf = 0;

CREATE VIEW step_start_fabric_manager AS
SELECT a.host, a.address AS subject, 'unit' AS kind, 'nvidia-fabricmanager' AS target, 'running enabled' AS want
FROM accelerator a
JOIN service v ON v.host = a.host AND v.service = 'nvidia-fabricmanager' AND v.state <> 'absent'
WHERE a.is_vf = 0;

CREATE VIEW step_start_imex AS
SELECT a.host, a.address AS subject, 'unit' AS kind, 'nvidia-imex' AS target, 'running enabled' AS want
FROM accelerator a
WHERE a.is_vf = 0;

INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('install-nvlsm', 'fabric-subnet-manager', 'package', 'reload', 'Install nvlsm', 'equivalent');
