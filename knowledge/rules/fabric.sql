-- NVSwitch fabrics and what manages them. SPDX-License-Identifier: Apache-2.0
--
-- Up to NVLink 4 the switches are PCI functions of the host (host_summary.nvswitches). On NVLink 5 boards (B200,
-- B300) they are reached through InfiniBand devices, and the board alone says that there is a fabric. SXM
-- boards with four GPUs and no switch exist: a board id alone does not prove a fabric. A machine sold as HGX or DGX does,
-- and so does a host of which only a part was told: the switches are then the part that was not.

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('fabric-manager-installed', 'A host with NVSwitch has Fabric Manager', 'blocks', '@host-driver',
  'Install nvidia-fabricmanager in exactly the driver''s version, and start it. Without it CUDA returns error 802, '
  || '"system not yet initialized", while nvidia-smi looks healthy.',
  'https://github.com/NVIDIA/gpu-operator/issues/286 | '
  || 'https://docs.nvidia.com/datacenter/tesla/fabric-manager-user-guide/contents.html',
  'accelerator.nvswitch=?yes');
CREATE VIEW rule_fabric_manager_installed AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN f.manager_version <> 'none' OR v.state IN ('active', 'inactive', 'failed') THEN 'pass'
            WHEN (f.manager_version = 'none' OR v.state = 'absent')
             AND (s.nvswitches > 0 OR (a.nvswitch = 'yes' AND b.has_switch = 1)) THEN 'fail'
            WHEN s.pci_seen = 1 AND s.nvswitches = 0 AND s.nvidia_accelerators < 8
             AND (a.nvswitch IS DISTINCT FROM 'yes' OR coalesce(b.has_switch, 0) = 0)
             AND coalesce(a.generation, '') <> 'blackwell' THEN 'pass'
            ELSE 'unknown' END AS result,
       CAST(s.nvswitches AS TEXT) || ' NVSwitches, '
         || CAST(s.nvidia_accelerators AS TEXT) || ' GPUs (' || coalesce(a.model, 'model not known')
         || '); Fabric Manager: ' || coalesce(f.manager_version, 'version not seen') || ', service '
         || coalesce(v.state, 'not seen') AS evidence
FROM accelerator a
JOIN host_summary s ON s.host = a.host
LEFT JOIN fabric f ON f.host = a.host
LEFT JOIN (SELECT h.host,
                  MAX(CASE WHEN ((o.state = 'partial' OR h.nvidia_accelerators >= 8) AND coalesce(m.hypervisor, 'none') = 'none')
                             OR replace(lower(m.product), 'hgx', '') <> lower(m.product)
                             OR (replace(lower(m.product), 'dgx', '') <> lower(m.product)
                                 AND replace(replace(lower(m.product), 'station', ''), 'spark', '') = lower(m.product))
                           THEN 1 ELSE 0 END) AS has_switch
           FROM host_summary h
           LEFT JOIN machine m ON m.host = h.host
           LEFT JOIN observed o ON o.host = h.host AND o.tbl = 'pci_function' AND o.subject = ''
           GROUP BY h.host) b ON b.host = a.host
LEFT JOIN service v ON v.host = a.host AND v.service = 'nvidia-fabricmanager'
WHERE a.vendor = '10de' AND a.is_vf = 0 AND a.nvswitch IS DISTINCT FROM 'no';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('fabric-manager-running', 'Fabric Manager runs on a host with NVSwitch', 'blocks', '@host-driver',
  'systemctl enable --now nvidia-fabricmanager; if it fails, its log names the reason (most often another version '
  || 'than the driver''s).',
  'https://docs.nvidia.com/datacenter/tesla/fabric-manager-user-guide/contents.html',
  'accelerator.nvswitch=?yes');
CREATE VIEW rule_fabric_manager_running AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN v.state = 'active' THEN 'pass'
            WHEN v.state IN ('inactive', 'failed')
             AND (s.nvswitches > 0 OR (a.nvswitch = 'yes' AND b.has_switch = 1)) THEN 'fail'
            WHEN s.pci_seen = 1 AND s.nvswitches = 0 AND s.nvidia_accelerators < 8
             AND (a.nvswitch IS DISTINCT FROM 'yes' OR coalesce(b.has_switch, 0) = 0)
             AND coalesce(a.generation, '') <> 'blackwell' THEN 'pass'
            ELSE 'unknown' END AS result,
       CAST(s.nvswitches AS TEXT) || ' NVSwitches, ' || CAST(s.nvidia_accelerators AS TEXT) || ' GPUs ('
         || coalesce(a.model, 'model not known') || '); nvidia-fabricmanager is ' || coalesce(v.state, 'not seen')
         || coalesce(', fabric of the GPU ' || g.fabric_state, '') AS evidence
FROM accelerator a
JOIN host_summary s ON s.host = a.host
LEFT JOIN (SELECT h.host,
                  MAX(CASE WHEN ((o.state = 'partial' OR h.nvidia_accelerators >= 8) AND coalesce(m.hypervisor, 'none') = 'none')
                             OR replace(lower(m.product), 'hgx', '') <> lower(m.product)
                             OR (replace(lower(m.product), 'dgx', '') <> lower(m.product)
                                 AND replace(replace(lower(m.product), 'station', ''), 'spark', '') = lower(m.product))
                           THEN 1 ELSE 0 END) AS has_switch
           FROM host_summary h
           LEFT JOIN machine m ON m.host = h.host
           LEFT JOIN observed o ON o.host = h.host AND o.tbl = 'pci_function' AND o.subject = ''
           GROUP BY h.host) b ON b.host = a.host
LEFT JOIN service v ON v.host = a.host AND v.service = 'nvidia-fabricmanager'
LEFT JOIN nvidia_gpu g ON g.host = a.host AND g.address = a.address
WHERE a.vendor = '10de' AND a.is_vf = 0 AND a.nvswitch IS DISTINCT FROM 'no'
  AND v.state IS DISTINCT FROM 'absent';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('fabric-manager-version', 'Fabric Manager has the driver''s version', 'blocks', '@host-driver @vfio :vgpu -:vf -@foreign',
  'Install Fabric Manager in exactly the version of the loaded driver and hold both packages together.',
  'https://github.com/NVIDIA/gpu-driver-container/issues/735 | '
  || 'https://docs.nvidia.com/ai-enterprise/release-4/4.10/index.html',
  'accelerator.nvswitch=?yes');
CREATE VIEW rule_fabric_manager_version AS
WITH fm AS (
  SELECT a.host, a.address, a.model, a.generation, a.nvswitch, s.nvswitches, s.pci_seen, s.nvidia_accelerators,
         f.manager_version, f.manager_version_key, t.first_line AS line,
         CASE WHEN d.loaded_version <> 'none' THEN d.loaded_version
              ELSE coalesce(m.version, d.disk_version, d.library_version, w.version) END AS driver,
         coalesce(d.loaded_version_key, m.version_key, d.disk_version_key, d.library_version_key, w.version_key)
           AS driver_key
  FROM accelerator a
  JOIN host_summary s ON s.host = a.host
  LEFT JOIN fabric f ON f.host = a.host
  LEFT JOIN kernel_told t ON t.host = a.host AND t.kind = 'fabric-manager-mismatch' AND t.address = ''
  LEFT JOIN nvidia_driver d ON d.host = a.host
  LEFT JOIN module m ON m.host = a.host AND m.module = 'nvidia'
  LEFT JOIN software w ON w.host = a.host AND w.name = 'nvidia-smi'
  WHERE a.vendor = '10de' AND a.is_vf = 0 AND a.nvswitch IS DISTINCT FROM 'no'
    AND f.manager_version IS DISTINCT FROM 'none'
)
SELECT host, address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN length(manager_version_key) > 11 AND manager_version_key = driver_key THEN 'pass'
            WHEN (nvswitches > 0 OR nvswitch = 'yes')
             AND (substr(manager_version_key, 1, 10) <> substr(driver_key, 1, 10)
                  OR (length(manager_version_key) > 11 AND length(driver_key) > 11 AND manager_version_key <> driver_key))
            THEN 'fail'
            WHEN line IS NOT NULL THEN 'fail'
            WHEN pci_seen = 1 AND nvswitches = 0 AND nvidia_accelerators < 8 AND nvswitch IS NULL THEN 'pass'
            ELSE 'unknown' END AS result,
       'Fabric Manager ' || coalesce(manager_version, '(version not seen)') || ', driver '
         || coalesce(driver, '(version not seen)') || ', ' || CAST(nvswitches AS TEXT) || ' NVSwitches, GPU '
         || coalesce(model, address) || coalesce(', log: ' || line, '') AS evidence
FROM fm;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('fabric-manager-has-work', 'Fabric Manager is enabled only where there is an NVSwitch', 'notes', '@host-driver',
  'No fault: without NVSwitch Fabric Manager has nothing to do, logs NV_WARN_NOTHING_TO_DO and ends. Disable the '
  || 'service to keep the log quiet.',
  'https://docs.nvidia.com/datacenter/tesla/fabric-manager-user-guide/contents.html',
  'service.service=nvidia-fabricmanager');
CREATE VIEW rule_fabric_manager_has_work AS
SELECT s.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN s.nvswitches > 0 THEN 'pass'
            WHEN s.pci_seen = 1 AND v.state IN ('failed', 'inactive') THEN 'fail'
            WHEN v.state = 'active' THEN 'pass'
            ELSE 'unknown' END AS result,
       CAST(s.nvswitches AS TEXT) || ' NVSwitches; nvidia-fabricmanager is installed and ' || coalesce(v.state, 'not seen')
         AS evidence
FROM host_summary s
JOIN service v ON v.host = s.host AND v.service = 'nvidia-fabricmanager'
WHERE coalesce(v.state, '') <> 'absent' AND s.nvidia_accelerators > 0
  AND NOT EXISTS (SELECT 1 FROM accelerator a WHERE a.host = s.host AND a.vendor = '10de'
                    AND a.nvswitch IS DISTINCT FROM 'no');

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('fabric-nvlink5-modules', 'InfiniBand modules that an NVLink 5 fabric is managed through are loaded', 'blocks',
  '@host-driver',
  'Load mlx5_ib and ib_umad before Fabric Manager starts; install the package that has them (linux-modules-extra on '
  || 'Ubuntu cloud kernels). Without them detection fails and CUDA returns error 802.',
  'https://docs.nvidia.com/datacenter/tesla/fabric-manager-user-guide/contents.html',
  'accelerator.generation=?blackwell');
CREATE VIEW rule_fabric_nvlink5_modules AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN a.device IS NULL THEN 'unknown'
            WHEN ib.state IN ('available', 'absent') OR um.state IN ('available', 'absent') THEN 'fail'
            WHEN f.infiniband_devices = 0 THEN 'fail'
            WHEN um.state IN ('loaded', 'builtin') AND f.infiniband_devices > 0 THEN 'pass'
            ELSE 'unknown' END AS result,
       coalesce(a.name, a.address) || ': mlx5_ib ' || coalesce(ib.state, 'not seen') || ', ib_umad '
         || coalesce(um.state, 'not seen') || ', InfiniBand devices: '
         || coalesce(CAST(f.infiniband_devices AS TEXT), 'not seen') AS evidence
FROM accelerator a
JOIN host_summary s ON s.host = a.host
LEFT JOIN fabric f ON f.host = a.host
LEFT JOIN module ib ON ib.host = a.host AND ib.module = 'mlx5_ib'
LEFT JOIN module um ON um.host = a.host AND um.module = 'ib_umad'
LEFT JOIN machine mc ON mc.host = a.host
LEFT JOIN observed o ON o.host = a.host AND o.tbl = 'pci_function' AND o.subject = ''
WHERE a.vendor = '10de' AND a.is_vf = 0 AND (a.device IS NULL OR (a.generation = 'blackwell' AND a.nvswitch = 'yes'))
  AND (s.nvidia_accelerators > 1 OR mc.hypervisor IS NOT DISTINCT FROM 'none'
       OR (o.state IS NOT DISTINCT FROM 'partial' AND mc.hypervisor IS NULL));

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('fabric-registered', 'The GPU has joined its NVLink fabric', 'blocks', '@host-driver',
  'Look at Fabric Manager''s log: it runs in the driver''s version, sees every switch, and on NVLink 5 has its '
  || 'InfiniBand devices; then restart it. Until the state is "completed" CUDA returns error 802.',
  'https://docs.nvidia.com/datacenter/tesla/fabric-manager-user-guide/contents.html',
  'nvidia_gpu.fabric_state');
CREATE VIEW rule_fabric_registered AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN g.fabric_state IN ('in-progress', 'not-started') THEN 'fail'
            WHEN g.fabric_state IN ('completed', 'not-supported') THEN 'pass'
            ELSE 'unknown' END AS result,
       'fabric state of ' || a.address || ': ' || coalesce(g.fabric_state, 'not seen') AS evidence
FROM accelerator a
JOIN nvidia_gpu g ON g.host = a.host AND g.address = a.address
WHERE a.vendor = '10de' AND a.is_vf = 0 AND g.fabric_state IS NOT NULL;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('fabric-partition-for-vm', 'A GPU behind NVSwitch goes to a VM with its fabric partition or with all switches',
  'blocks', '@vfio -:vf',
  'Run Fabric Manager on the host in shared mode (FABRIC_MODE=1) and activate the partition of the GPUs before the VM '
  || 'starts; or give one VM all GPUs and all switches (mode 0); or disable NVLink in the guest '
  || '(nvidia.NVreg_NvLinkDisable=1). Else CUDA in the guest returns error 802.',
  'https://docs.nvidia.com/datacenter/tesla/fabric-manager-user-guide/contents.html | '
  || 'https://github.com/kata-containers/kata-containers/issues/11730 | https://github.com/cozystack/website/issues/561',
  'accelerator.nvswitch=?yes');
CREATE VIEW rule_fabric_partition_for_vm AS
WITH switch AS (
  SELECT host, COUNT(*) AS total,
         SUM(CASE WHEN driver = 'vfio-pci' THEN 1 ELSE 0 END) AS passed,
         SUM(CASE WHEN driver IS NULL THEN 1 ELSE 0 END) AS unseen
  FROM pci_function
  WHERE vendor = '10de' AND substr(class, 1, 4) = '0680'
  GROUP BY host
)
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN EXISTS (SELECT 1 FROM intent_argument i WHERE i.host = a.host AND i.target = 'guest-kernel'
                           AND lower(i.name) = 'nvidia.nvreg_nvlinkdisable' AND i.value = '1') THEN 'pass'
            WHEN w.total > 0 AND w.passed = w.total AND t.devices = 1 AND s.nvidia_accelerators > 1 THEN 'fail'
            WHEN w.total > 0 AND w.passed = w.total THEN 'pass'
            WHEN f.partition_active = 1 AND f.mode = '1' AND v.state IS NOT DISTINCT FROM 'active' THEN 'pass'
            WHEN f.partition_active = 0 THEN 'fail'
            WHEN f.mode = '0' AND w.unseen = 0 THEN 'fail'
            WHEN (f.manager_version = 'none' OR v.state IN ('absent', 'inactive', 'failed')) AND w.unseen = 0 THEN 'fail'
            ELSE 'unknown' END AS result,
       coalesce(a.model, a.address) || ' behind NVSwitch (' || CAST(s.nvswitches AS TEXT) || ' seen, '
         || coalesce(CAST(w.passed AS TEXT), '0') || ' on vfio-pci); FABRIC_MODE ' || coalesce(f.mode, 'not seen')
         || ', partition active: ' || coalesce(CAST(f.partition_active AS TEXT), 'not seen')
         || ', nvidia-fabricmanager ' || coalesce(v.state, 'not seen')
         || coalesce(', GPUs for one VM: ' || CAST(t.devices AS TEXT) || ' of ' || CAST(s.nvidia_accelerators AS TEXT), '')
         AS evidence
FROM accelerator a
JOIN host_summary s ON s.host = a.host
LEFT JOIN intent t ON t.host = a.host
LEFT JOIN switch w ON w.host = a.host
LEFT JOIN fabric f ON f.host = a.host
LEFT JOIN service v ON v.host = a.host AND v.service = 'nvidia-fabricmanager'
WHERE a.vendor = '10de' AND a.is_vf = 0 AND a.nvswitch IS DISTINCT FROM 'no'
  AND (s.nvswitches > 0 OR (a.nvswitch = 'yes' AND s.nvidia_accelerators >= 8));

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('fabric-vgpu-partition', 'In vGPU fabric mode the partition of a whole-card vGPU is active', 'blocks', ':vgpu -@foreign',
  'Activate the VF''s NVLink partition through the Fabric Manager SDK before the guest loads its driver: nothing else '
  || 'does it in FABRIC_MODE=2.',
  'https://github.com/NVIDIA/kubevirt-gpu-device-plugin/pull/193',
  'accelerator.nvswitch=?yes fabric.mode=?2');
CREATE VIEW rule_fabric_vgpu_partition AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN f.partition_active = 1 THEN 'pass'
            WHEN f.mode = '2' AND f.partition_active = 0 THEN 'fail'
            ELSE 'unknown' END AS result,
       'FABRIC_MODE ' || coalesce(f.mode || ' (vGPU)', 'not seen') || ', ' || CAST(s.nvswitches AS TEXT) || ' NVSwitches, partition active: '
         || coalesce(CAST(f.partition_active AS TEXT), 'not seen') AS evidence
FROM accelerator a
JOIN host_summary s ON s.host = a.host
JOIN fabric f ON f.host = a.host
WHERE a.vendor = '10de' AND a.is_vf = 0 AND coalesce(f.mode, '2') = '2' AND a.nvswitch IS DISTINCT FROM 'no'
  AND (s.nvswitches > 0 OR a.nvswitch = 'yes' OR f.mode IS NOT NULL);

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('fabric-vgpu-activation', 'Nobody has to activate fabric partitions for vGPUs', 'notes', ':vgpu -@foreign',
  'In FABRIC_MODE=2 whole-card vGPUs need their partition activated at every start: make it a step of what starts '
  || 'the guests.',
  'https://github.com/NVIDIA/kubevirt-gpu-device-plugin/pull/193');
CREATE VIEW rule_fabric_vgpu_activation AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN f.mode = '2' AND f.partition_active IS DISTINCT FROM 1 THEN 'fail'
            WHEN f.partition_active = 1 OR f.mode IN ('0', '1') THEN 'pass'
            ELSE 'unknown' END AS result,
       'FABRIC_MODE ' || coalesce(f.mode, 'not seen') || ' with NVSwitch: whole-card vGPUs wait for a fabric partition, '
         || 'active: ' || coalesce(CAST(f.partition_active AS TEXT), 'not seen') AS evidence
FROM accelerator a
JOIN host_summary s ON s.host = a.host
JOIN fabric f ON f.host = a.host
WHERE a.vendor = '10de' AND a.is_vf = 0 AND (s.nvswitches > 0 OR a.nvswitch = 'yes');

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('fabric-imex', 'A multi-node NVLink GPU has its IMEX service', 'degrades', '@host-driver',
  'Start nvidia-imex on every node of the rack''s domain, or let the DRA driver''s ComputeDomains do it: memory is not '
  || 'shared between nodes without it. One node alone does not need it.',
  'repo:kubernetes-sigs/dra-driver-nvidia-gpu:README.md',
  'accelerator.device=?2941|accelerator.device=31c2');
CREATE VIEW rule_fabric_imex AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN a.device IS NULL THEN 'unknown'
            WHEN v.state = 'active' OR n.state = 'present' THEN 'pass'
            WHEN v.state IN ('inactive', 'failed', 'absent') OR n.state = 'none' THEN 'fail'
            ELSE 'unknown' END AS result,
       coalesce(a.name, a.address) || ': nvidia-imex ' || coalesce(v.state, 'not seen')
         || ', /dev/nvidia-caps-imex-channels ' || coalesce(n.state, 'not seen') AS evidence
FROM accelerator a
LEFT JOIN service v ON v.host = a.host AND v.service = 'nvidia-imex'
LEFT JOIN device_node n ON n.host = a.host AND n.path = '/dev/nvidia-caps-imex-channels'
WHERE a.vendor = '10de' AND a.is_vf = 0 AND coalesce(a.device, '2941') IN ('2941', '31c2');

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('fabric-subnet-manager', 'An NVLink 5 board has the subnet manager that Fabric Manager needs', 'blocks', '@host-driver',
  'Install nvlsm beside nvidia-fabricmanager: from HGX B100 and B200 on the NVSwitches are programmed by it; without it Fabric '
  || 'Manager ends with NV_WARN_NOTHING_TO_DO and CUDA returns error 802.',
  'https://github.com/siderolabs/extensions/pull/717 | '
  || 'https://docs.nvidia.com/datacenter/tesla/fabric-manager-user-guide/contents.html',
  'accelerator.generation=?blackwell software.name=nvlsm');
CREATE VIEW rule_fabric_subnet_manager AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN w.version = 'none' THEN 'fail' WHEN w.version IS NOT NULL THEN 'pass' ELSE 'unknown' END AS result,
       coalesce(a.name, a.address) || ': nvlsm ' || coalesce(w.version, 'not seen') || ', Fabric Manager '
         || coalesce(f.manager_version, 'not seen') AS evidence
FROM accelerator a
JOIN host_summary s ON s.host = a.host AND s.nvidia_accelerators > 1
JOIN software w ON w.host = a.host AND w.name = 'nvlsm'
LEFT JOIN fabric f ON f.host = a.host
LEFT JOIN machine m ON m.host = a.host
WHERE a.vendor = '10de' AND a.is_vf = 0 AND a.generation = 'blackwell' AND a.nvswitch = 'yes' AND a.device <> '2941'
  AND f.infiniband_devices > 0;
