-- Kata Containers: which hypervisor, and where the device is plugged. SPDX-License-Identifier: Apache-2.0

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('kata-on-qemu', 'Kata runs the GPU pod on QEMU', 'blocks', 'kata',
  'Use the runtime class kata-qemu-nvidia-gpu: Kata passes GPUs on QEMU only; with Cloud Hypervisor the guest lacks the PCIe topology, and a second GPU fails with EEXIST.',
  'https://github.com/kata-containers/kata-containers/issues/11687 | https://github.com/kata-containers/kata-containers/issues/10582 | kata-containers/kata-containers:docs/hypervisors.md@7c6ba40');
CREATE VIEW rule_kata_on_qemu AS
SELECT s.host, '' AS subject, 'kata' AS surface, NULL AS share,
       CASE WHEN lower(h.value) <> 'qemu' OR t.vmm <> 'qemu' THEN 'fail'
            WHEN lower(h.value) = 'qemu' OR (t.vmm = 'qemu' AND o.state = 'complete' AND h.host IS NULL) THEN 'pass'
            ELSE 'unknown' END AS result,
       'hypervisor of Kata: ' || coalesce(h.value, 'not seen') || coalesce(', wanted: ' || t.vmm, '') AS evidence
FROM host_summary s
LEFT JOIN observed o ON o.host = s.host AND o.tbl = 'setting' AND o.subject = 'kata'
LEFT JOIN setting h ON h.host = s.host AND h.component = 'kata' AND h.name = 'hypervisor'
LEFT JOIN intent t ON t.host = s.host AND t.surface = 'kata';

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('kata-root-port', 'Kata plugs a device with large BARs into a PCIe root port', 'blocks', 'kata:whole kata:vf',
  'Set machine_type = "q35", and cold_plug_vfio = "root-port" (or pcie_root_port and hot_plug_vfio = "root-port"): behind an i440fx bridge, or without a root port, a large BAR stays unassigned in the guest.',
  'https://github.com/kata-containers/runtime/issues/2432 | https://github.com/kata-containers/runtime/issues/1128 | https://github.com/kata-containers/kata-containers/issues/2938');
CREATE VIEW rule_kata_root_port AS
SELECT a.host, a.address AS subject, 'kata' AS surface, NULL AS share,
       CASE WHEN a.largest_bar_bytes < 268435456 THEN 'pass'
            WHEN k.machine = 'pc' OR k.ported = 'no' THEN CASE WHEN a.bars_known = 1 OR b.memory_gib >= 8 THEN 'fail' ELSE 'unknown' END
            WHEN k.ported = 'yes' AND k.machine IN ('q35', 'virt') THEN 'pass'
            ELSE 'unknown' END AS result,
       a.address || ': largest BAR ' || coalesce(size_text(a.largest_bar_bytes), 'not seen') || ', Kata: machine_type '
         || coalesce(k.machine, 'not seen') || ', root port '
         || CASE WHEN k.ported = 'yes' THEN 'there' WHEN k.ported = 'no' THEN 'none' ELSE 'not seen' END AS evidence
FROM accelerator a
LEFT JOIN accelerator_model b ON b.vendor = a.vendor AND b.device = a.device AND b.subsystem = ''
LEFT JOIN (SELECT s.host, coalesce(m.value, t.machine_type) AS machine,
                  CASE WHEN c.value IN ('root-port', 'switch-port') OR h.value IN ('root-port', 'switch-port')
                            OR t.root_port = 1 OR (r.value NOT IN ('none', '0') AND o.value = 'true') THEN 'yes'
                       WHEN t.root_port = 0 OR r.value IN ('none', '0')
                            OR (c.value = 'no-port' AND h.value = 'no-port') THEN 'no' END AS ported
           FROM host_summary s
           LEFT JOIN intent t ON t.host = s.host AND t.surface = 'kata'
           LEFT JOIN setting m ON m.host = s.host AND m.component = 'kata' AND m.name = 'machine_type'
           LEFT JOIN setting r ON r.host = s.host AND r.component = 'kata' AND r.name = 'pcie_root_port'
           LEFT JOIN setting o ON o.host = s.host AND o.component = 'kata' AND o.name = 'hotplug_vfio_on_root_bus'
           LEFT JOIN setting c ON c.host = s.host AND c.component = 'kata' AND c.name = 'cold_plug_vfio'
           LEFT JOIN setting h ON h.host = s.host AND h.component = 'kata' AND h.name = 'hot_plug_vfio') k ON k.host = a.host
WHERE a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('kata-version', 'This Kata knows how to pass GPUs with large BARs', 'blocks', 'kata:whole',
  'Use Kata 1.11 or later for large BARs; NVIDIA''s own instructions ask for 3.29.',
  'kata-containers/kata-containers:docs/use-cases/NVIDIA-GPU-passthrough-and-Kata.md | NVIDIA/cloud-native-docs:gpu-operator/deploy-kata-containers.rst@52dcb7b',
  'software.name=kata');
CREATE VIEW rule_kata_version AS
SELECT s.host, '' AS subject, 'kata' AS surface, 'whole' AS share,
       CASE WHEN w.version_key >= version_key('1.11.0') THEN 'pass' WHEN w.version_key < version_key('1.11.0') THEN 'fail'
            ELSE 'unknown' END AS result,
       'Kata ' || coalesce(w.version, 'not seen') AS evidence
FROM host_summary s
JOIN software w ON w.host = s.host AND w.name = 'kata' AND coalesce(w.version, '') NOT IN ('present', 'none');

-- Until August 2026 Kata took every device of base class 06 of an IOMMU group for a bridge, NVSwitches among them.
INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('kata-passes-nvswitch', 'Kata hands NVSwitches to the guest that shall manage them', 'blocks', 'kata:whole',
  'Use a Kata after 4.0.0, or leave the NVSwitches on the host''s driver and run Fabric Manager there in shared mode: until '
  || 'then Kata takes them for bridges and drops them; GPUs in the guest have no NVLink, and Hopper''s CUDA returns error 802.',
  'https://github.com/kata-containers/kata-containers/issues/13430 | '
  || 'https://github.com/kata-containers/kata-containers/pull/13524 | '
  || 'https://github.com/kata-containers/kata-containers/pull/13540 | '
  || 'https://github.com/kata-containers/kata-containers/issues/11912',
  'software.name=kata accelerator.nvswitch=?yes');
CREATE VIEW rule_kata_passes_nvswitch AS
WITH switch AS (
  SELECT host, COUNT(*) AS total, SUM(CASE WHEN driver = 'vfio-pci' THEN 1 ELSE 0 END) AS passed
  FROM pci_function WHERE vendor = '10de' AND substr(class, 1, 4) = '0680' GROUP BY host
)
SELECT s.host, '' AS subject, 'kata' AS surface, 'whole' AS share,
       CASE WHEN k.version_key >= version_key('3.2') AND k.version_key <= version_key('4.0.0') THEN 'fail'
            WHEN k.version_key > version_key('4.0.0') THEN 'pass'
            ELSE 'unknown' END AS result,
       'Kata ' || coalesce(k.version, 'not seen') || ', ' || CAST(w.passed AS TEXT) || ' of ' || CAST(w.total AS TEXT)
         || ' NVSwitches on vfio-pci, GPUs for one VM: ' || CAST(t.devices AS TEXT) AS evidence
FROM host_summary s
JOIN software k ON k.host = s.host AND k.name = 'kata'
JOIN switch w ON w.host = s.host AND w.passed > 0
JOIN intent t ON t.host = s.host AND t.devices > 1;
