-- MIG: chip, mode, layout, and what stands in the way of changing them. SPDX-License-Identifier: Apache-2.0

INSERT INTO rule (id, title, impact, applies, resolution, reference, minds) VALUES
 ('mig-chip', 'The chip has MIG', 'blocks', ':mig :mig-vgpu',
  'Nothing can be done on this board: MIG exists on A100, A30, H100 and their successors, and on few workstation '
  || 'boards. Share it by time-slicing, MPS or time-sliced vGPU instead.',
  'https://docs.nvidia.com/datacenter/tesla/mig-user-guide/620/deployment-considerations.html',
  'accelerator.mig!=yes');
CREATE VIEW rule_mig_chip AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN a.mig = 'no' THEN 'fail'
            WHEN a.mig = 'yes' THEN 'pass'
            WHEN g.mig_current IN ('enabled', 'disabled') THEN 'pass'
            WHEN g.mig_current = 'unsupported' THEN 'fail'
            ELSE 'unknown' END AS result,
       coalesce(a.name, a.address) || ' (' || coalesce(a.vendor || ':' || a.device, 'id not seen') || '): MIG '
         || coalesce(a.mig, 'not known of this id') || ', the driver says ' || coalesce(g.mig_current, 'nothing yet')
         AS evidence
FROM accelerator a
LEFT JOIN nvidia_gpu g ON g.host = a.host AND g.address = a.address
WHERE a.vendor = '10de' AND a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('mig-mode-on', 'MIG mode is on', 'blocks', ':mig :mig-vgpu -@foreign',
  'nvidia-smi -i GPU -mig 1. On A100 and A30 the GPU must be reset after it, with nobody using it; in a VM that owns '
  || 'the GPU, reboot the VM.',
  'https://docs.nvidia.com/datacenter/tesla/mig-user-guide/getting-started-with-mig.html',
  'accelerator.mig=?yes');
CREATE VIEW rule_mig_mode_on AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN g.mig_current = 'enabled' THEN 'pass'
            WHEN g.mig_current IN ('disabled', 'unsupported') THEN 'fail'
            ELSE 'unknown' END AS result,
       'MIG mode of ' || a.address || ': ' || coalesce(g.mig_current, 'not seen')
         || coalesce(', pending ' || g.mig_pending, '') AS evidence
FROM accelerator a
LEFT JOIN nvidia_gpu g ON g.host = a.host AND g.address = a.address
WHERE a.vendor = '10de' AND a.is_vf = 0 AND a.mig IS DISTINCT FROM 'no';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('mig-mode-settled', 'No change of MIG mode is pending', 'blocks', ':mig :mig-vgpu @host-driver -:vf -:partition -:vgpu -@foreign',
  'Reset the GPU with nothing using it (nvidia-smi --gpu-reset), or reboot: the pending mode takes effect then.',
  'https://github.com/NVIDIA/gpu-operator/issues/118',
  'nvidia_gpu.mig_pending');
CREATE VIEW rule_mig_mode_settled AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN g.mig_current <> g.mig_pending THEN 'fail'
            WHEN g.mig_current = g.mig_pending THEN 'pass'
            ELSE 'unknown' END AS result,
       'MIG mode of ' || a.address || ': ' || coalesce(g.mig_current, 'not seen') || ' now, '
         || coalesce(g.mig_pending, 'not seen') || ' pending' AS evidence
FROM accelerator a
JOIN nvidia_gpu g ON g.host = a.host AND g.address = a.address
WHERE a.vendor = '10de' AND a.is_vf = 0 AND g.mig_pending IS NOT NULL;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('mig-instances', 'MIG instances exist', 'blocks', 'container:mig kubernetes:mig kubernetes-dra:mig gvisor:mig slurm:mig :mig-vgpu -@foreign',
  'Create GPU and compute instances: nvidia-smi mig -cgi PROFILE -C, or mig-parted with a layout.',
  'https://docs.nvidia.com/datacenter/tesla/mig-user-guide/getting-started-with-mig.html',
  'nvidia_gpu.mig_current=enabled');
CREATE VIEW rule_mig_instances AS
WITH made AS (
  SELECT host, address, COUNT(*) AS instances, sorted_list(profile) AS profiles
  FROM mig_instance GROUP BY host, address
)
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN g.gpu_instances > 0 OR i.instances > 0 THEN 'pass'
            WHEN g.gpu_instances = 0 THEN 'fail'
            WHEN o.state = 'complete' AND i.instances IS NULL THEN 'fail'
            ELSE 'unknown' END AS result,
       a.address || ': ' || coalesce(CAST(coalesce(g.gpu_instances, i.instances) AS TEXT) || ' GPU instances',
                                     'instances not seen')
         || coalesce(' (' || i.profiles || ')', '') AS evidence
FROM accelerator a
JOIN nvidia_gpu g ON g.host = a.host AND g.address = a.address
LEFT JOIN made i ON i.host = a.host AND i.address = a.address
LEFT JOIN observed o ON o.host = a.host AND o.tbl = 'mig_instance' AND o.subject = a.address
WHERE a.vendor = '10de' AND a.is_vf = 0 AND g.mig_current = 'enabled';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('mig-off-for-whole', 'MIG mode is off where the whole GPU is wanted', 'blocks',
  '@host-driver -@mig -@vgpu -:vf -:partition',
  'nvidia-smi -i GPU -mig 0 (A100 and A30: then reset the GPU), or ask for its MIG devices instead.',
  'https://docs.nvidia.com/datacenter/tesla/mig-user-guide/getting-started-with-mig.html',
  'accelerator.mig=?yes');
CREATE VIEW rule_mig_off_for_whole AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN g.mig_current = 'enabled' THEN 'fail'
            WHEN g.mig_current IN ('disabled', 'unsupported') THEN 'pass'
            ELSE 'unknown' END AS result,
       'MIG mode of ' || a.address || ': ' || coalesce(g.mig_current, 'not seen') AS evidence
FROM accelerator a
LEFT JOIN nvidia_gpu g ON g.host = a.host AND g.address = a.address
WHERE a.vendor = '10de' AND a.is_vf = 0 AND a.mig IS DISTINCT FROM 'no';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('mig-change-unheld', 'Nothing holds the GPU whose MIG mode shall change', 'blocks', ':mig :mig-vgpu @host-driver -:vf -:partition -:vgpu -@foreign',
  'Stop what has the GPU open (nvidia-persistenced, DCGM, monitoring, the device plugin, a display server), reset the '
  || 'GPU, start them again; or reboot. An open handle refuses the reset: "In use by another client".',
  'https://github.com/NVIDIA/gpu-operator/issues/118 | https://github.com/NVIDIA/mig-parted/issues/181',
  'accelerator.mig=?yes intent.mig_change=1|nvidia_gpu.mig_pending');
CREATE VIEW rule_mig_change_unheld AS
WITH held AS (
  SELECT host, address, sorted_list(holder) AS holders
  FROM holder WHERE kind IS DISTINCT FROM 'module'
  GROUP BY host, address
), daemon AS (
  SELECT host, sorted_list(service) AS services
  FROM service
  WHERE state = 'active' AND service IN ('nvidia-persistenced', 'dcgm', 'nvidia-dcgm', 'nv-hostengine',
                                         'dcgm-exporter', 'display-manager', 'gdm', 'sddm', 'lightdm')
  GROUP BY host
)
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN h.holders IS NOT NULL THEN 'fail'
            WHEN o.state = 'complete' THEN 'pass'
            WHEN d.services IS NOT NULL THEN 'fail'
            ELSE 'unknown' END AS result,
       'held by: ' || coalesce(h.holders, CASE WHEN o.state = 'complete' THEN 'nobody' END,
                               'services ' || d.services, 'not seen')
         || '; MIG mode of ' || a.address || ': ' || coalesce(g.mig_current, 'not seen')
         || coalesce(', pending ' || g.mig_pending, '') AS evidence
FROM accelerator a
LEFT JOIN nvidia_gpu g ON g.host = a.host AND g.address = a.address
LEFT JOIN intent i ON i.host = a.host
LEFT JOIN held h ON h.host = a.host AND h.address = a.address
LEFT JOIN daemon d ON d.host = a.host
LEFT JOIN observed o ON o.host = a.host AND o.tbl = 'holder' AND o.subject = a.address
WHERE a.vendor = '10de' AND a.is_vf = 0 AND a.mig IS DISTINCT FROM 'no'
  AND g.mig_current IS DISTINCT FROM 'unsupported'
  AND (i.mig_change = 1 OR g.mig_current <> g.mig_pending)
  AND (a.generation IS NULL OR a.generation = 'ampere' OR g.mig_current <> g.mig_pending);

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('mig-change-drm', 'nvidia_drm does not hold the GPU whose MIG mode shall change', 'blocks',
  ':mig :mig-vgpu @host-driver -:vf -:partition -:vgpu -@foreign',
  'Unload nvidia_drm (or load it with modeset=0) before the GPU is reset.',
  'https://github.com/NVIDIA/mig-parted/issues/181',
  'accelerator.mig=?yes intent.mig_change=1|nvidia_gpu.mig_pending');
CREATE VIEW rule_mig_change_drm AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN m.state = 'loaded' AND (p.value IN ('Y', '1') OR m.refcount > 0) THEN 'fail'
            WHEN m.state IN ('available', 'absent') OR p.value IN ('N', '0') THEN 'pass'
            ELSE 'unknown' END AS result,
       'nvidia_drm ' || coalesce(m.state, 'not seen') || ', modeset ' || coalesce(p.value, 'not seen')
         || ', users ' || coalesce(CAST(m.refcount AS TEXT), 'not seen') AS evidence
FROM accelerator a
JOIN module m ON m.host = a.host AND m.module = 'nvidia_drm'
LEFT JOIN module_parameter p ON p.host = a.host AND p.module = 'nvidia_drm' AND p.parameter = 'modeset'
LEFT JOIN nvidia_gpu g ON g.host = a.host AND g.address = a.address
LEFT JOIN intent i ON i.host = a.host
WHERE a.vendor = '10de' AND a.is_vf = 0 AND a.mig IS DISTINCT FROM 'no'
  AND (i.mig_change = 1 OR g.mig_current <> g.mig_pending)
  AND (a.generation IS NULL OR a.generation = 'ampere' OR g.mig_current <> g.mig_pending);

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('mig-change-in-vm', 'A change of MIG mode on Ampere is not attempted inside a VM', 'blocks',
  ':mig :mig-vgpu @host-driver -:vf -:partition -:vgpu -@foreign',
  'Change the mode, then reboot the VM: a guest cannot reset the GPU that was passed to it ("Not Supported").',
  'https://github.com/NVIDIA/mig-parted/issues/9 | '
  || 'https://docs.nvidia.com/datacenter/tesla/mig-user-guide/getting-started-with-mig.html',
  'accelerator.mig=?yes intent.mig_change=1|nvidia_gpu.mig_pending');
CREATE VIEW rule_mig_change_in_vm AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN mc.hypervisor = 'none' THEN 'pass'
            WHEN mc.hypervisor IS NOT NULL AND (a.generation = 'ampere' OR g.mig_current <> g.mig_pending) THEN 'fail'
            ELSE 'unknown' END AS result,
       coalesce(a.name, a.address) || ' under hypervisor ' || coalesce(mc.hypervisor, '(not seen)') || ', MIG mode '
         || coalesce(g.mig_current, 'not seen') || coalesce(', pending ' || g.mig_pending, '') AS evidence
FROM accelerator a
LEFT JOIN machine mc ON mc.host = a.host
LEFT JOIN nvidia_gpu g ON g.host = a.host AND g.address = a.address
LEFT JOIN intent i ON i.host = a.host
WHERE a.vendor = '10de' AND a.is_vf = 0 AND a.mig IS DISTINCT FROM 'no'
  AND (i.mig_change = 1 OR g.mig_current <> g.mig_pending)
  AND (a.generation IS NULL OR a.generation = 'ampere' OR g.mig_current <> g.mig_pending);

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('mig-layout-persistent', 'Something makes the MIG layout again after a reboot', 'degrades',
  'container:mig kubernetes:mig kubernetes-dra:mig gvisor:mig slurm:mig :mig-vgpu -@foreign',
  'Enable a unit that makes the instances at boot (nvidia-mig-manager of mig-parted, or the GPU Operator''s MIG '
  || 'manager): instances do not survive a reboot, on Hopper and later the mode does not either.',
  'https://github.com/NVIDIA/k8s-device-plugin/issues/343',
  'nvidia_gpu.mig_current=enabled');
CREATE VIEW rule_mig_layout_persistent AS
WITH maker AS (
  SELECT host,
         MAX(CASE WHEN state = 'active' OR enabled = 'enabled' THEN 1 ELSE 0 END) AS on_boot,
         MAX(CASE WHEN enabled IN ('disabled', 'masked', 'absent') OR state = 'absent' THEN 1 ELSE 0 END) AS off
  FROM service WHERE service IN ('nvidia-mig-manager', 'nvidia-mig-parted', 'mig-manager', 'mig-parted')
  GROUP BY host
)
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN m.on_boot = 1 OR (op.name IS NOT NULL AND coalesce(op.version, '') <> 'none') THEN 'pass'
            WHEN m.off = 1 OR p.version = 'none' THEN 'fail'
            ELSE 'unknown' END AS result,
       coalesce(CAST(g.gpu_instances AS TEXT), 'some') || ' GPU instances on ' || a.address || '; MIG manager at boot: '
         || CASE WHEN m.on_boot = 1 THEN 'enabled' WHEN op.name IS NOT NULL THEN 'GPU Operator'
                 WHEN m.off = 1 OR p.version = 'none' THEN 'none' ELSE 'not seen' END AS evidence
FROM accelerator a
JOIN nvidia_gpu g ON g.host = a.host AND g.address = a.address
LEFT JOIN maker m ON m.host = a.host
LEFT JOIN software p ON p.host = a.host AND p.name = 'mig-parted'
LEFT JOIN software op ON op.host = a.host AND op.name = 'gpu-operator'
WHERE a.vendor = '10de' AND a.is_vf = 0 AND g.mig_current = 'enabled'
  AND (g.gpu_instances IS NULL OR g.gpu_instances > 0);

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('mig-strategy-uniform', 'With the strategy "single" every MIG device of the node has one profile', 'blocks',
  'kubernetes:mig',
  'Make the layout uniform over all GPUs of the node, or set the device plugin''s strategy to "mixed".',
  'https://github.com/NVIDIA/k8s-device-plugin/issues/257 | https://github.com/NVIDIA/gpu-operator/issues/460',
  'kubernetes_node.mig_strategy=single');
CREATE VIEW rule_mig_strategy_uniform AS
WITH layout AS (
  SELECT host, COUNT(DISTINCT profile) AS kinds, SUM(CASE WHEN profile IS NULL THEN 1 ELSE 0 END) AS unnamed,
         sorted_list(profile) AS profiles
  FROM mig_instance GROUP BY host
), modes AS (
  SELECT host, COUNT(DISTINCT mig_current) AS kinds
  FROM nvidia_gpu WHERE mig_current IN ('enabled', 'disabled') GROUP BY host
)
SELECT n.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN l.kinds > 1 OR d.kinds > 1 THEN 'fail'
            WHEN l.kinds = 1 AND l.unnamed = 0 THEN 'pass'
            ELSE 'unknown' END AS result,
       'strategy single; profiles on this node: ' || coalesce(l.profiles, 'not seen')
         || CASE WHEN d.kinds > 1 THEN '; some GPUs have MIG on, some off' ELSE '' END AS evidence
FROM kubernetes_node n
LEFT JOIN layout l ON l.host = n.host
LEFT JOIN modes d ON d.host = n.host
WHERE n.mig_strategy = 'single';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('mig-strategy-set', 'The device plugin has a MIG strategy where GPUs are in MIG mode', 'blocks', 'kubernetes:mig',
  'Set the device plugin''s MIG strategy to "single" or "mixed": with "none" MIG devices are not advertised.',
  'repo:NVIDIA/k8s-device-plugin:README.md@v0.20.0',
  'kubernetes_node.mig_strategy nvidia_gpu.mig_current=enabled');
CREATE VIEW rule_mig_strategy_set AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN n.mig_strategy = 'none' THEN 'fail'
            WHEN n.mig_strategy IN ('single', 'mixed') THEN 'pass'
            ELSE 'unknown' END AS result,
       'MIG strategy of the device plugin: ' || coalesce(n.mig_strategy, 'not seen') || '; MIG is on at ' || a.address
         AS evidence
FROM accelerator a
JOIN kubernetes_node n ON n.host = a.host
JOIN nvidia_gpu g ON g.host = a.host AND g.address = a.address
WHERE a.vendor = '10de' AND a.is_vf = 0 AND g.mig_current = 'enabled' AND n.mig_strategy IS NOT NULL;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('mig-capability-nodes', 'Device nodes of the MIG capabilities exist', 'degrades', 'container:mig kubernetes:mig kubernetes-dra:mig gvisor:mig slurm:mig',
  'nvidia-modprobe -f /proc/driver/nvidia/capabilities/… makes them, or nvidia-ctk system create-device-nodes; the '
  || 'container needs the nodes of its instances under /dev/nvidia-caps.',
  'https://docs.nvidia.com/datacenter/tesla/mig-user-guide/620/deployment-considerations.html',
  'nvidia_gpu.mig_current=enabled');
CREATE VIEW rule_mig_capability_nodes AS
WITH caps AS (
  SELECT host, MAX(CASE WHEN state = 'present' THEN 1 ELSE 0 END) AS present,
         MIN(CASE WHEN state = 'none' THEN 0 ELSE 1 END) AS least
  FROM device_node WHERE substr(path, 1, 16) = '/dev/nvidia-caps' AND substr(path, 17, 1) <> '-'
  GROUP BY host
)
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN c.present = 1 THEN 'pass'
            WHEN c.least = 0 THEN 'fail'
            ELSE 'unknown' END AS result,
       '/dev/nvidia-caps: ' || CASE WHEN c.present = 1 THEN 'present' WHEN c.least = 0 THEN 'none'
                                    ELSE 'not seen' END || '; MIG is on at ' || a.address AS evidence
FROM accelerator a
JOIN nvidia_gpu g ON g.host = a.host AND g.address = a.address
LEFT JOIN caps c ON c.host = a.host
WHERE a.vendor = '10de' AND a.is_vf = 0 AND g.mig_current = 'enabled';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('mig-profile-offered', 'The wanted MIG profile exists on this GPU', 'blocks', ':mig :mig-vgpu',
  'Choose a profile of this board: happypath slices lists them.',
  'https://docs.nvidia.com/datacenter/tesla/mig-user-guide/supported-mig-profiles.html',
  'accelerator.mig=?yes intent.mig_profile');
CREATE VIEW rule_mig_profile_offered AS
WITH offered AS (
  SELECT device, sorted_list(profile) AS profiles FROM mig_profile GROUP BY device
)
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN p.profile IS NOT NULL OR made.profile IS NOT NULL THEN 'pass'
            WHEN f.profiles IS NOT NULL THEN 'fail'
            ELSE 'unknown' END AS result,
       'profile ' || i.mig_profile || ' wanted; ' || coalesce(a.name, a.address) || ' has '
         || coalesce(f.profiles, 'profiles that are not known') AS evidence
FROM accelerator a
JOIN intent i ON i.host = a.host
LEFT JOIN mig_profile p ON p.device = a.device AND p.profile = i.mig_profile
LEFT JOIN offered f ON f.device = a.device
LEFT JOIN (SELECT DISTINCT host, address, profile FROM mig_instance) made
  ON made.host = a.host AND made.address = a.address AND made.profile = i.mig_profile
WHERE a.vendor = '10de' AND a.is_vf = 0 AND i.mig_profile IS NOT NULL AND a.mig IS DISTINCT FROM 'no';

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('mig-driver', 'The driver knows MIG on this GPU', 'blocks', ':mig :mig-vgpu -@foreign',
  'Install a driver that has MIG profiles for this board.',
  'https://docs.nvidia.com/datacenter/tesla/mig-user-guide/620/deployment-considerations.html');
CREATE VIEW rule_mig_driver AS
WITH least_driver AS (
  SELECT device, MIN(first_driver_key) AS driver_key FROM mig_profile
  WHERE device IN (SELECT device FROM accelerator) AND first_driver_key IS NOT NULL
  GROUP BY device
), named AS (
  SELECT p.device, MIN(p.first_driver) AS driver, l.driver_key
  FROM least_driver l JOIN mig_profile p ON p.device = l.device AND p.first_driver_key = l.driver_key
  GROUP BY p.device, l.driver_key
)
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN d.loaded_version_key < n.driver_key THEN 'fail'
            WHEN d.loaded_version_key >= n.driver_key THEN 'pass'
            ELSE 'unknown' END AS result,
       'driver ' || coalesce(d.loaded_version, '(version not seen)') || '; MIG on ' || coalesce(a.name, a.address)
         || ' needs ' || coalesce(n.driver, '?') || ' or later' AS evidence
FROM accelerator a
LEFT JOIN named n ON n.device = a.device
LEFT JOIN nvidia_driver d ON d.host = a.host
WHERE a.vendor = '10de' AND a.is_vf = 0 AND (n.device IS NOT NULL OR a.mig IS NULL) AND d.loaded_version IS DISTINCT FROM 'none';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('mig-one-device-per-process', 'A workload is given one MIG device at most', 'notes', 'container:mig kubernetes:mig kubernetes-dra:mig gvisor:mig slurm:mig',
  'CUDA uses one MIG device in a process: run a process for each, or take one larger instance.',
  'https://github.com/NVIDIA/k8s-device-plugin/issues/728 | '
  || 'https://docs.nvidia.com/datacenter/tesla/mig-user-guide/620/deployment-considerations.html',
  'intent.devices intent.share=mig');
CREATE VIEW rule_mig_one_device_per_process AS
SELECT i.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN i.devices > 1 THEN 'fail' ELSE 'pass' END AS result,
       CAST(i.devices AS TEXT) || ' MIG devices for one workload' AS evidence
FROM intent i
WHERE i.share = 'mig' AND i.devices IS NOT NULL;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('mps-without-mig', 'The device plugin''s MPS is not asked of a GPU in MIG mode', 'blocks', 'kubernetes:mps',
  'Switch MIG off on this GPU, or share its MIG devices by time-slicing: the plugin''s MPS does not work on them.',
  'repo:NVIDIA/k8s-device-plugin:README.md@v0.20.0',
  'accelerator.mig=?yes');
CREATE VIEW rule_mps_without_mig AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN g.mig_current = 'enabled' THEN 'fail'
            WHEN g.mig_current IN ('disabled', 'unsupported') THEN 'pass'
            ELSE 'unknown' END AS result,
       'MIG mode of ' || a.address || ': ' || coalesce(g.mig_current, 'not seen') AS evidence
FROM accelerator a
LEFT JOIN nvidia_gpu g ON g.host = a.host AND g.address = a.address
WHERE a.vendor = '10de' AND a.is_vf = 0 AND a.mig IS DISTINCT FROM 'no';
