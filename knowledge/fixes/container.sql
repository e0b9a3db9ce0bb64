-- Ways out of the rules in rules/container.sql. SPDX-License-Identifier: Apache-2.0
INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('install-toolkit', 'container-toolkit-installed', 'package', 'reload',
  'Install the NVIDIA Container Toolkit and configure the engine', 'equivalent'),
 ('unset-no-cgroups', 'no-cgroups-rootless-only', 'file', 'live', 'Set no-cgroups = false', 'exact'),
 ('set-no-cgroups', 'rootless-no-cgroups', 'file', 'live', 'Set no-cgroups = true for that user, or use CDI', 'exact'),
 ('use-cdi', 'devices-survive-daemon-reload', 'cdi', 'reload', 'Inject by CDI', 'exact'),
 ('char-links', 'devices-survive-daemon-reload', 'file', 'live', 'Make the links below /dev/char', 'exact'),
 ('cgroupfs-driver', 'cgroup1-daemon-reload', 'runtime', 'reload', 'Use the cgroupfs driver, or CDI', 'exact'),
 ('add-docker-runtime', 'docker-nvidia-runtime', 'runtime', 'reload', 'Add the nvidia runtime to Docker', 'exact'),
 ('install-docker-engine', 'docker-on-host', 'package', 'reload', 'Install Docker Engine on the host', 'equivalent'),
 ('open-device-nodes', 'device-nodes-rootless', 'modprobe', 'reload', 'Set NVreg_DeviceFileMode', 'exact'),
 ('make-device-nodes', 'nvidia-device-nodes', 'file', 'live', 'Make the device nodes', 'exact'),
 ('install-uvm', 'nvidia-uvm-module', 'package', 'live', 'Install all NVIDIA modules for this kernel', 'equivalent'),
 ('upgrade-toolkit-cgroup2', 'toolkit-cgroup2', 'package', 'reload', 'Install the toolkit 1.8.0 or later', 'equivalent'),
 ('host-libraries', 'container-library-matches', 'advice', 'live', 'Let the toolkit inject the host''s libraries', 'exact'),
 ('newer-docker', 'docker-gpus-flag', 'package', 'reload', 'Install Docker 19.03 or later', 'equivalent'),
 ('set-ldconfig', 'toolkit-ldconfig', 'file', 'live', 'Set ldconfig = "@/sbin/ldconfig"', 'exact'),
 ('leave-docker-snap', 'docker-not-snap', 'package', 'reload', 'Install Docker Engine from its own packages', 'equivalent');
