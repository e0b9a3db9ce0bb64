-- Accelerators of other vendors on the host's own driver. SPDX-License-Identifier: Apache-2.0
--
-- What the driver of a vendor and kind is called is in matrices/host_driver.csv; NVIDIA's has files of its own.

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('host-driver-bound', 'The accelerator is on its vendor''s host driver', 'blocks', '@host-driver',
  'Load the vendor''s driver and bind the device to it; take a blacklist entry or a driver_override for it away first.',
  'repo:ROCm/k8s-device-plugin:docs/user-guide/configuration.md | repo:intel/intel-device-plugins-for-kubernetes:README.md');
CREATE VIEW rule_host_driver_bound AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN has_word(h.drivers, a.driver) = 1 THEN 'pass'
            WHEN a.driver IS NOT NULL THEN 'fail'
            WHEN m.state IN ('absent', 'available') AND x.state IS DISTINCT FROM 'loaded' THEN 'fail'
            ELSE 'unknown' END AS result,
       a.address || ' is bound to ' || coalesce(a.driver, '(driver not seen)') || '; the host''s driver for it: '
         || h.drivers || coalesce(', module ' || h.module || ' ' || m.state, '')
         || coalesce('; blacklisted in ' || b.files, '') AS evidence
FROM accelerator a
JOIN host_driver h ON h.vendor = a.vendor AND h.kind = a.kind
LEFT JOIN module m ON m.host = a.host AND m.module = h.module
LEFT JOIN module x ON x.host = a.host AND x.module = 'i915' AND a.vendor = '8086'
LEFT JOIN (SELECT host, module, sorted_list(file) AS files FROM module_directive
           WHERE directive = 'blacklist' GROUP BY host, module) b ON b.host = a.host AND b.module = h.module
WHERE a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('vendor-device-node', 'The device node that the accelerator''s user space opens exists', 'blocks', '@host-driver',
  'Load the driver that makes it (ROCm needs /dev/kfd: amdgpu built with HSA; Intel and Xilinx need /dev/dri/renderD*), '
  || 'and look at the kernel log if it is loaded.',
  'repo:ROCm/k8s-device-plugin:docs/user-guide/configuration.md | kernel:drivers/gpu/drm/amd/amdkfd/Kconfig');
CREATE VIEW rule_vendor_device_node AS
WITH node AS (
  SELECT a.host, a.address, h.node,
         MAX(CASE WHEN n.state = 'present' THEN 1 ELSE 0 END) AS present,
         MAX(CASE WHEN n.state = 'none' THEN 1 ELSE 0 END) AS missing, sorted_list(n.path || ' ' || n.state) AS listing
  FROM accelerator a
  JOIN host_driver h ON h.vendor = a.vendor AND h.kind = a.kind AND h.node <> 'none'
  LEFT JOIN device_node n ON n.host = a.host
   AND (n.path = h.node OR (n.path = '/dev/dri/*' AND substr(h.node, 1, 9) = '/dev/dri/') OR substr(n.path, 1, length(replace(h.node, '*', ''))) = replace(h.node, '*', ''))
  WHERE a.is_vf = 0
  GROUP BY a.host, a.address, h.node
)
SELECT host, address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN present = 1 THEN 'pass'
            WHEN missing = 1 THEN 'fail'
            ELSE 'unknown' END AS result,
       coalesce(listing, node || ' not seen') AS evidence
FROM node;

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('partition-chip', 'The GPU can be partitioned', 'blocks', ':partition',
  'Nothing can be done on this board: compute and memory partitions (CPX, NPS) exist on AMD''s MI300 series and later.',
  'repo:ROCm/gpu-operator:docs/device_plugin/device-plugin.md@6df13c17');
CREATE VIEW rule_partition_chip AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN a.generation IN ('cdna3', 'cdna4') THEN 'pass'
            WHEN a.generation IS NOT NULL OR a.vendor <> '1002' THEN 'fail'
            ELSE 'unknown' END AS result,
       coalesce(a.name, a.address) || ' of vendor ' || coalesce(a.vendor, '(not seen)') || ': generation '
         || coalesce(a.generation, 'not known') AS evidence
FROM accelerator a
WHERE a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('amd-atomics-routed', 'Every port above the AMD GPU routes PCIe atomics', 'degrades', '@host-driver @vfio',
  'Move the board to a slot of the processor''s own root ports: ROCm wants AtomicOps, and GPUs up to Vega refuse to '
  || 'compute without.',
  'https://github.com/ROCm/ROCm/issues/307 | https://github.com/ROCm/ROCR-Runtime/issues/23',
  'accelerator.vendor=1002');
CREATE VIEW rule_amd_atomics_routed AS
WITH above AS (
  SELECT p.host, p.address, COUNT(*) AS ports,
         SUM(CASE WHEN f.atomic_routing = 0 THEN 1 ELSE 0 END) AS without,
         SUM(CASE WHEN f.atomic_routing IS NULL THEN 1 ELSE 0 END) AS unseen,
         sorted_list(CASE WHEN f.atomic_routing = 0 THEN f.address END) AS listing
  FROM pci_ancestor p
  JOIN pci_function f ON f.host = p.host AND f.address = p.ancestor
  GROUP BY p.host, p.address
)
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN u.without > 0 THEN 'fail'
            WHEN u.unseen = 0 THEN 'pass'
            ELSE 'unknown' END AS result,
       'ports above ' || a.address || ': ' || coalesce(CAST(u.ports AS TEXT), 'not seen') || ', without AtomicOp routing: '
         || coalesce(u.listing, 'none seen') AS evidence
FROM accelerator a
LEFT JOIN above u ON u.host = a.host AND u.address = a.address
WHERE a.vendor = '1002' AND a.kind = 'gpu';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('fpga-image', 'The FPGA carries a platform, not its recovery image', 'blocks', '*',
  'Flash a platform (xbmgmt program --base) and start cold: a golden image has no user function to give away.',
  'repo:pciutils/pciids:pci.ids@c1c1254 | repo:Xilinx/XRT:src/runtime_src/doc/toc/cloud_vendor_support.rst',
  'accelerator.vendor=10ee');
CREATE VIEW rule_fpga_image AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN a.device IN ('d000', 'd004', 'd008', 'd00c', 'd020') THEN 'fail'
            WHEN a.device IS NOT NULL THEN 'pass'
            ELSE 'unknown' END AS result,
       coalesce(a.name, a.address) || ' (10ee:' || coalesce(a.device, 'not seen') || ')' AS evidence
FROM accelerator a
WHERE a.vendor = '10ee' AND a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('intel-gpu-end-of-line', 'The Intel GPU is of a line that its tools still cover', 'notes', '@host-driver :vf',
  'Flex and Max need Intel''s out-of-tree i915 on an enterprise kernel, and XPU Manager up to 1.2.42: newer releases '
  || 'drop them.',
  'https://intel.github.io/xpumanager/2.0/xpu-smi/vgpu.html',
  'accelerator.vendor=8086');
CREATE VIEW rule_intel_gpu_end_of_line AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN a.device IN ('56c0', '56c1', '56c2') OR a.generation = 'xe-hpc' THEN 'fail'
            WHEN a.generation IS NOT NULL THEN 'pass'
            ELSE 'unknown' END AS result,
       coalesce(a.name, a.address) || ': generation ' || coalesce(a.generation, 'not known') AS evidence
FROM accelerator a
WHERE a.vendor = '8086' AND a.kind = 'gpu' AND a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('share-of-its-surface', 'The share is one that this surface hands over', 'blocks',
  'qemu-vgpu:whole qemu-vfio:vgpu qemu-vfio:mig-vgpu',
  'Take the other surface: qemu-vgpu hands over vGPUs, MIG-backed ones too, and its host driver keeps the PF; qemu-vfio '
  || 'hands over the whole GPU.',
  'kernel:Documentation/driver-api/vfio.rst | https://github.com/kubevirt/kubevirt/issues/17642');
CREATE VIEW rule_share_of_its_surface AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share, 'fail' AS result,
       a.address || ': whole GPUs are qemu-vfio, vGPUs are qemu-vgpu' AS evidence
FROM accelerator a
WHERE a.vendor = '10de' AND a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('vgpu-is-for-vms', 'A vGPU is attached to a VM', 'blocks',
  'container:vgpu kubernetes:vgpu kubernetes-dra:vgpu gvisor:vgpu slurm:vgpu container:mig-vgpu kubernetes:mig-vgpu '
  || 'kubernetes-dra:mig-vgpu gvisor:mig-vgpu slurm:mig-vgpu container:vf kubernetes:vf kubernetes-dra:vf gvisor:vf slurm:vf',
  'Give containers the whole GPU, its MIG devices or a time slice: no driver of the host uses an NVIDIA vGPU or VF. Inside '
  || 'a VM that has a vGPU, the container takes that whole.',
  'repo:NVIDIA/cloud-native-docs:gpu-operator/gpu-operator-kubevirt.rst@52dcb7b');
CREATE VIEW rule_vgpu_is_for_vms AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share, 'fail' AS result,
       a.address || ': NVIDIA vGPUs and VFs have no driver for use on the host itself' AS evidence
FROM accelerator a
WHERE a.vendor = '10de' AND a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('container-user-opens-node', 'The container''s user is in the group that may open the device', 'blocks', '@container',
  'Add --group-add with the group that owns the node (render for /dev/kfd and /dev/dri/renderD*; its number where the image '
  || 'has no such name), or run as root in the container.',
  'https://github.com/ROCm/ROCm-docker/issues/116 | https://github.com/ROCm/ROCm-docker/pull/93',
  'intent_argument.target=container device_node');
CREATE VIEW rule_container_user_opens_node AS
WITH asked AS (
  SELECT host, MAX(CASE WHEN name IN ('--user', '-u') THEN value END) AS who,
         -- A number, or the groups of the caller: which groups these are, is not told.
         SUM(CASE WHEN name = '--group-add' AND (lower(value) = upper(value) OR value = 'keep-groups') THEN 1 ELSE 0 END)
           AS opaque,
         sorted_list(CASE WHEN name = '--group-add' THEN value END) AS groups
  FROM intent_argument WHERE target = 'container' GROUP BY host
)
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN n.mode IN ('666', '777') THEN 'pass'
            WHEN EXISTS (SELECT 1 FROM intent_argument g WHERE g.host = a.host AND g.target = 'container'
                           AND g.name = '--group-add' AND 'root:' || g.value = n.owner) THEN 'pass'
            WHEN n.state = 'present' AND n.mode IN ('660', '600') AND n.owner IS NOT NULL AND q.opaque = 0 AND replace(q.who, ':', '') = q.who
            THEN 'fail'
            ELSE 'unknown' END AS result,
       n.path || ' is of ' || coalesce(n.owner, 'an owner not seen') || ', mode ' || coalesce(n.mode, 'not seen')
         || '; the container runs as ' || q.who || ', groups added: ' || coalesce(q.groups, 'none') AS evidence
FROM accelerator a
JOIN host_driver h ON h.vendor = a.vendor AND h.kind = a.kind
JOIN device_node n ON n.host = a.host AND n.path = h.node AND n.state IS DISTINCT FROM 'none'
JOIN asked q ON q.host = a.host
WHERE a.is_vf = 0 AND q.who NOT IN ('root', '0', '0:0', 'root:root', 'none');

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('gaudi-container-release', 'The container''s Gaudi software is of the driver''s release', 'blocks', '@container',
  'Take the image of the release that the driver on the host has (1.16 with 1.16), or install that driver.',
  'https://github.com/opea-project/GenAIExamples/issues/366 | https://github.com/opea-project/GenAIInfra/issues/200 | '
  || 'https://docs.habana.ai/en/latest/Support_Matrix/Support_Matrix.html',
  'accelerator.vendor=1da3 intent.driver_version');
CREATE VIEW rule_gaudi_container_release AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       -- The first two parts of a key are the release.
       CASE WHEN substr(i.driver_version_key, 1, 21) <> substr(m.version_key, 1, 21) THEN 'fail'
            WHEN substr(i.driver_version_key, 1, 21) = substr(m.version_key, 1, 21) THEN 'pass'
            ELSE 'unknown' END AS result,
       'the container brings Gaudi software ' || i.driver_version || ', module habanalabs on the host '
         || coalesce(m.version, 'not seen') AS evidence
FROM accelerator a
JOIN intent i ON i.host = a.host
LEFT JOIN module m ON m.host = a.host AND m.module = 'habanalabs'
WHERE a.vendor = '1da3' AND a.is_vf = 0 AND i.driver_version IS NOT NULL
  AND i.surface IN ('container', 'kubernetes', 'slurm');

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('fpga-xclbin-unsigned', 'XRT loads images without a signature', 'degrades', '@host-driver',
  'Sign every xclbin (xclbinutil --add-signature) with a key of the system''s keyring, or switch Secure Boot off: with it '
  || 'XRT''s management driver takes signed images alone (Key was rejected by service).',
  'https://github.com/Xilinx/XRT/issues/6813 | repo:Xilinx/XRT:src/runtime_src/core/pcie/driver/linux/xocl/subdev/icap.c',
  'accelerator.vendor=10ee');
CREATE VIEW rule_fpga_xclbin_unsigned AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN k.secure_boot = 'on' THEN 'fail'
            WHEN k.secure_boot IS NOT NULL THEN 'pass'
            ELSE 'unknown' END AS result,
       'Secure Boot ' || coalesce(k.secure_boot, 'not seen') AS evidence
FROM accelerator a
LEFT JOIN kernel k ON k.host = a.host
WHERE a.vendor = '10ee' AND a.kind = 'fpga' AND a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('amd-atomics-in-guest', 'The VM shows PCIe atomics to its AMD GPU', 'degrades', '@qemu -:vgpu',
  'Use q35, QEMU 8.1 or later on Linux 6.5 or later, and put the GPU''s function 0 alone behind a pcie-root-port: elsewhere '
  || 'the guest sees no AtomicOps, and GPUs up to Polaris refuse to compute (PCI rejects atomics).',
  'https://github.com/ROCm/amdgpu/issues/26 | repo:qemu/qemu:hw/vfio/pci.c (vfio_pci_enable_rp_atomics)',
  'accelerator.vendor=1002 intent');
CREATE VIEW rule_amd_atomics_in_guest AS
SELECT a.host, a.address AS subject, NULL AS surface, 'whole' AS share,
       CASE WHEN t.root_port = 0 OR t.machine_type = 'pc'
              OR coalesce(t.vmm_version_key, q.version_key) < version_key('8.1') THEN 'fail'
            WHEN t.root_port = 1 AND t.machine_type = 'q35'
             AND coalesce(t.vmm_version_key, q.version_key) >= version_key('8.1') THEN 'pass'
            ELSE 'unknown' END AS result,
       'machine type ' || coalesce(t.machine_type, 'not told') || ', root port '
         || CASE WHEN t.root_port = 1 THEN 'yes' WHEN t.root_port = 0 THEN 'no' ELSE 'not told of' END
         || ', QEMU ' || coalesce(t.vmm_version, q.version, '(version not seen)') AS evidence
FROM accelerator a
JOIN intent t ON t.host = a.host AND (t.root_port IS NOT NULL OR t.machine_type IS NOT NULL)
LEFT JOIN software q ON q.host = a.host AND q.name = 'qemu'
WHERE a.vendor = '1002' AND a.kind = 'gpu' AND a.is_vf = 0
  AND coalesce(t.vmm, 'qemu') = 'qemu';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('tenstorrent-host-memory', 'Tenstorrent''s user space gets the host memory that it maps', 'blocks', '@host-driver',
  'Switch the IOMMU on without iommu=pt (Wormhole: with tt-kmd 2.0 or later), or reserve 1 GiB hugepages, one to four a '
  || 'chip, and mount them at /dev/hugepages-1G.',
  'https://github.com/tenstorrent/tt-umd/pull/338 | https://github.com/tenstorrent/tt-umd/issues/597 | '
  || 'https://github.com/tenstorrent/tt-metal/issues/26194',
  'accelerator.vendor=1e52');
CREATE VIEW rule_tenstorrent_host_memory AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN m.hugepages_1g_total > 0 THEN 'pass'
            WHEN m.hugepages_1g_total = 0
             AND (u.state = 'off' OR u.passthrough = 1
                  OR (a.generation = 'wormhole' AND d.version_key < version_key('2.0'))) THEN 'fail'
            WHEN u.state = 'on' AND u.passthrough = 0
             AND (a.generation = 'blackhole' OR (a.generation = 'wormhole' AND d.version_key >= version_key('2.0')))
            THEN 'pass'
            ELSE 'unknown' END AS result,
       coalesce(a.name, a.address) || ': 1 GiB hugepages ' || coalesce(CAST(m.hugepages_1g_total AS TEXT), 'not seen')
         || ', IOMMU ' || coalesce(u.state, 'not seen')
         || CASE WHEN u.passthrough = 1 THEN ' with identity domains' ELSE '' END
         || ', tt-kmd ' || coalesce(d.version, 'not seen') AS evidence
FROM accelerator a
LEFT JOIN memory m ON m.host = a.host
LEFT JOIN iommu u ON u.host = a.host
LEFT JOIN module d ON d.host = a.host AND d.module = 'tenstorrent'
WHERE a.vendor = '1e52' AND a.is_vf = 0;
