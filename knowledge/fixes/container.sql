-- Ways out of the rules in rules/container.sql. SPDX-License-Identifier: Apache-2.0
INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('nested-cgroups-off', 'nested-no-cgroups', 'advice', 'live', 'Set no-cgroups inside the container', 'exact'),
 ('install-toolkit', 'container-toolkit-installed', 'package', 'reload',
  'Install the NVIDIA Container Toolkit and configure the engine', 'equivalent'),
 ('unset-no-cgroups', 'no-cgroups-rootless-only', 'file', 'live', 'Set no-cgroups = false', 'exact'),
 ('set-no-cgroups', 'rootless-no-cgroups', 'advice', 'live', 'Set no-cgroups = true for that user, or use CDI', 'exact'),
 ('use-cdi', 'devices-survive-daemon-reload', 'cdi', 'reload', 'Inject by CDI', 'exact'),
 ('char-links', 'devices-survive-daemon-reload', 'advice', 'live', 'Make the links below /dev/char', 'exact'),
 ('cgroupfs-driver', 'cgroup1-daemon-reload', 'advice', 'reload', 'Use the cgroupfs driver, or CDI', 'exact'),
 ('add-docker-runtime', 'docker-nvidia-runtime', 'runtime', 'reload', 'Add the nvidia runtime to Docker', 'exact'),
 ('install-docker-engine', 'docker-on-host', 'package', 'reload', 'Install Docker Engine on the host', 'equivalent'),
 ('open-device-nodes', 'device-nodes-rootless', 'modprobe', 'reload', 'Set NVreg_DeviceFileMode', 'exact'),
 ('make-device-nodes', 'nvidia-device-nodes', 'advice', 'live', 'Make the device nodes', 'exact'),
 ('install-uvm', 'nvidia-uvm-module', 'package', 'live', 'Install all NVIDIA modules for this kernel', 'equivalent'),
 ('upgrade-toolkit-cgroup2', 'toolkit-cgroup2', 'package', 'reload', 'Install the toolkit 1.8.0 or later', 'equivalent'),
 ('host-libraries', 'container-library-matches', 'advice', 'live', 'Let the toolkit inject the host''s libraries', 'exact'),
 ('newer-docker', 'docker-gpus-flag', 'package', 'reload', 'Install Docker 19.03 or later', 'equivalent'),
 ('set-ldconfig', 'toolkit-ldconfig', 'file', 'live', 'Set ldconfig = "@/sbin/ldconfig"', 'exact'),
 ('leave-docker-snap', 'docker-not-snap', 'package', 'reload', 'Install Docker Engine from its own packages', 'equivalent');

CREATE VIEW step_unset_no_cgroups AS
SELECT f.host, coalesce(a.address, '') AS subject, 'file' AS kind, f.file AS target, 'set no-cgroups = false' AS want
FROM setting f
LEFT JOIN accelerator a ON a.host = f.host AND a.vendor = '10de' AND a.is_vf = 0
WHERE f.file = '/etc/nvidia-container-runtime/config.toml' AND replace(f.name, 'no-cgroups', '') <> f.name;

CREATE VIEW step_add_docker_runtime AS
SELECT v.host, '' AS subject, 'runtime' AS kind, 'docker' AS target, 'nvidia' AS want
FROM service v
WHERE v.service = 'docker' AND v.state <> 'absent';

CREATE VIEW step_open_device_nodes AS
SELECT DISTINCT a.host, '' AS subject, 'modprobe' AS kind, 'happypath.conf' AS target,
       'options nvidia NVreg_DeviceFileMode=0666' AS want
FROM accelerator a
WHERE a.vendor = '10de';

CREATE VIEW step_set_ldconfig AS
SELECT f.host, '' AS subject, 'file' AS kind, f.file AS target, 'set ldconfig = "@/sbin/ldconfig"' AS want
FROM setting f
WHERE f.file = '/etc/nvidia-container-runtime/config.toml' AND f.name = 'ldconfig';

CREATE VIEW step_use_cdi AS
SELECT s.host, coalesce(a.address, '') AS subject, 'cdi' AS kind, '/etc/cdi/nvidia.yaml' AS target, 'generated' AS want
FROM host_summary s
LEFT JOIN accelerator a ON a.host = s.host AND a.is_vf = 0;
