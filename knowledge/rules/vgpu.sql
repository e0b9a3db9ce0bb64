-- vGPU on KVM: chip, host driver, mode, types, and the VMM's command line. SPDX-License-Identifier: Apache-2.0
--
-- NVIDIA's host driver offers vGPUs in one of three modes (mdev, sriov-mdev, vendor-vfio), which sysfs tells; what
-- is right for passthrough (the function on vfio-pci) is wrong for each of them.

INSERT INTO rule (id, title, impact, applies, resolution, reference, minds) VALUES
 ('vgpu-chip', 'The vendor makes vGPUs of this device', 'blocks', '@vgpu -@host-driver',
  'Pass the whole device instead. Unlock tools make some consumer boards look like their professional siblings, without the vendor''s support.',
  'https://github.com/harvester/harvester/issues/8059 | https://github.com/intel/gvt-linux/issues/190 | https://github.com/mbilker/vgpu_unlock-rs/issues/29 | NVIDIA/open-gpu-kernel-modules:src/common/shared/inc/g_vgpu_chip_flags.h',
  'accelerator.vgpu!=yes');
CREATE VIEW rule_vgpu_chip AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN a.vgpu_mode IN ('mdev', 'sriov-mdev', 'vendor-vfio') OR d.made > 0 OR a.vgpu = 'yes' THEN 'pass'
            WHEN a.vgpu = 'no' OR m.told > 0 THEN 'fail' ELSE 'unknown' END AS result,
       coalesce(a.name, a.address) || ' (' || coalesce(a.vendor || ':' || a.device, 'id not seen') || '): vGPU by the vendor: '
         || coalesce(a.vgpu, 'not known') || ', mode ' || coalesce(a.vgpu_mode, 'not seen')
         || CASE WHEN d.made > 0 THEN ', mediated devices exist' ELSE '' END
         || coalesce(', vgpu_unlock ' || u.version, '')
         || coalesce(', kernel log: ' || m.first_line, '') AS evidence
FROM accelerator a
LEFT JOIN software u ON u.host = a.host AND u.name = 'vgpu-unlock'
LEFT JOIN (SELECT host, parent, COUNT(*) AS made FROM mdev GROUP BY host, parent) d
       ON d.host = a.host AND d.parent = a.address
LEFT JOIN (SELECT host, address, COUNT(*) AS told, MIN(message) AS first_line FROM kernel_message
           WHERE kind IN ('gvt-unsupported', 'vgpu-not-supported') GROUP BY host, address) m
       ON m.host = a.host AND m.address = a.address
WHERE a.is_vf = 0 AND coalesce(a.vendor, '10de') IN ('10de', '8086');

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('vgpu-host-driver', 'The host runs NVIDIA''s vGPU host driver', 'blocks', '@vgpu -@host-driver -@foreign',
  'Install the vGPU host package (vgpu-kvm, licensed) instead of the data-centre or desktop driver.',
  'https://github.com/NVIDIA/gpu-operator/issues/591 | https://github.com/NVIDIA/gpu-operator/issues/2594');
CREATE VIEW rule_vgpu_host_driver AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN a.vgpu_mode IN ('mdev', 'sriov-mdev', 'vendor-vfio') OR d.kind = 'vgpu-host'
                 OR m.state IN ('loaded', 'builtin') THEN 'pass'
            WHEN d.kind IN ('standard', 'vgpu-guest', 'none') OR (d.disk_version = 'none' AND d.kind IS NULL) THEN 'fail'
            ELSE 'unknown' END AS result,
       'NVIDIA driver on the host: ' || coalesce(d.kind, 'kind not seen') || ' ' || coalesce(d.loaded_version, d.disk_version, '')
         || ', module nvidia_vgpu_vfio ' || coalesce(m.state, 'not seen')
         || ', vGPU mode of ' || a.address || ' ' || coalesce(a.vgpu_mode, 'not seen') AS evidence
FROM accelerator a
LEFT JOIN nvidia_driver d ON d.host = a.host
LEFT JOIN module m ON m.host = a.host AND m.module = 'nvidia_vgpu_vfio'
WHERE a.is_vf = 0 AND coalesce(a.vendor, '10de') = '10de';

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('vgpu-mode-on', 'The host driver offers vGPUs on this GPU', 'blocks', '@vgpu -@host-driver -@foreign',
  'With the vGPU host driver loaded: enable the VFs (/usr/lib/nvidia/sriov-manage -e ADDRESS) on Ampere and later; start nvidia-vgpud; see its log if no type appears.',
  'openstack/nova:doc/source/admin/virtual-gpu.rst@00a0304 | NVIDIA/gpu-driver-container:vgpu-manager/ubuntu24.04/nvidia-driver@06a208c');
CREATE VIEW rule_vgpu_mode_on AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN a.vgpu_mode IN ('mdev', 'sriov-mdev', 'vendor-vfio') THEN 'pass'
            WHEN a.vgpu_mode = 'none' THEN 'fail' ELSE 'unknown' END AS result,
       a.address || ': vGPU mode ' || coalesce(a.vgpu_mode, 'not seen') || ', VFs '
         || coalesce(CAST(a.sriov_numvfs AS TEXT), 'not seen') AS evidence
FROM accelerator a
WHERE a.is_vf = 0 AND coalesce(a.vendor, '10de') = '10de';

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('vgpu-manager-running', 'NVIDIA''s vGPU manager runs', 'blocks', '@vgpu -@host-driver -@foreign',
  'Start nvidia-vgpu-mgr (and nvidia-vgpud once before): it answers for every vGPU that a VM opens.',
  'NVIDIA/gpu-driver-container:vgpu-manager/ubuntu24.04/nvidia-driver@06a208c');
CREATE VIEW rule_vgpu_manager_running AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN s.state = 'active' THEN 'pass' WHEN s.state IS NOT NULL THEN 'fail' ELSE 'unknown' END AS result,
       'nvidia-vgpu-mgr: ' || coalesce(s.state, 'not seen') AS evidence
FROM accelerator a
LEFT JOIN service s ON s.host = a.host AND s.service = 'nvidia-vgpu-mgr'
WHERE a.is_vf = 0 AND coalesce(a.vendor, '10de') = '10de';

INSERT INTO rule (id, title, impact, applies, resolution, reference, minds) VALUES
 ('vgpu-sriov-capable', 'A GPU whose vGPUs are VFs shows SR-IOV', 'blocks', '@vgpu -@host-driver -@foreign',
  'Enable SR-IOV in the firmware setup (Dell: SR-IOV Global Enable), and switch a workstation board into its no-display mode (displaymodeselector).',
  'NVIDIA/cloud-native-docs:gpu-operator/gpu-operator-kubevirt.rst@52dcb7b',
  'accelerator.sriov_totalvfs=?0');
CREATE VIEW rule_vgpu_sriov_capable AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN a.sriov_totalvfs > 0 OR a.sriov_numvfs > 0 OR a.vgpu_mode = 'mdev'
                 OR a.generation NOT IN ('ampere', 'ada', 'hopper', 'blackwell') THEN 'pass'
            WHEN (a.sriov_totalvfs = 0 OR w.value = 'disabled')
                 AND a.generation IN ('ampere', 'ada', 'hopper', 'blackwell') THEN 'fail'
            ELSE 'unknown' END AS result,
       a.address || ' (' || coalesce(a.generation, 'generation not known') || '): sriov_totalvfs '
         || coalesce(CAST(a.sriov_totalvfs AS TEXT), 'not seen')
         || coalesce(', SR-IOV in the firmware: ' || w.value, '') AS evidence
FROM accelerator a
LEFT JOIN setting w ON w.host = a.host AND w.component = 'firmware' AND w.name = 'sriov'
WHERE a.is_vf = 0 AND coalesce(a.vendor, '10de') = '10de';

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('vgpu-vfs-exist', 'A GPU whose vGPUs are VFs has its VFs', 'blocks', '@vgpu -@host-driver -@foreign',
  'Run /usr/lib/nvidia/sriov-manage -e ADDRESS, at each boot (Proxmox: pve-nvidia-sriov@), and look at sriov_numvfs afterwards: it returns 0 although it failed.',
  'openstack/nova:doc/source/admin/virtual-gpu.rst@00a0304 | https://github.com/NVIDIA/gpu-driver-container/pull/29');
CREATE VIEW rule_vgpu_vfs_exist AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN a.sriov_numvfs > 0 OR a.vgpu_mode = 'mdev'
                 OR a.generation NOT IN ('ampere', 'ada', 'hopper', 'blackwell') THEN 'pass'
            WHEN a.sriov_numvfs = 0 AND (a.generation IN ('ampere', 'ada', 'hopper', 'blackwell')
                                         OR a.vgpu_mode IN ('sriov-mdev', 'vendor-vfio')) THEN 'fail'
            ELSE 'unknown' END AS result,
       a.address || ' (' || coalesce(a.generation, 'generation not known') || '): VFs '
         || coalesce(CAST(a.sriov_numvfs AS TEXT), 'not seen') || ' of '
         || coalesce(CAST(a.sriov_totalvfs AS TEXT), 'an unseen number') AS evidence
FROM accelerator a
WHERE a.is_vf = 0 AND coalesce(a.vendor, '10de') = '10de';

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('vgpu-iommu-on', 'The IOMMU is on for vGPUs that are VFs', 'blocks', '@vgpu -@host-driver -@foreign',
  'Enable VT-d or AMD-Vi in the firmware and the kernel (Intel: intel_iommu=on), then reboot.',
  'NVIDIA/cloud-native-docs:gpu-operator/gpu-operator-kubevirt.rst@52dcb7b');
CREATE VIEW rule_vgpu_iommu_on AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN i.state = 'on' OR a.vgpu_mode = 'mdev' OR (a.iommu_group <> 'none' AND a.iommu_group_origin IS DISTINCT FROM 'predicted')
                 OR a.generation NOT IN ('ampere', 'ada', 'hopper', 'blackwell') THEN 'pass'
            WHEN (i.state = 'off' OR a.iommu_group = 'none')
                 AND (a.generation IN ('ampere', 'ada', 'hopper', 'blackwell')
                      OR a.vgpu_mode IN ('sriov-mdev', 'vendor-vfio')) THEN 'fail'
            ELSE 'unknown' END AS result,
       'IOMMU ' || coalesce(i.state, 'state not seen') || ', ' || a.address || ' ('
         || coalesce(a.generation, 'generation not known') || '), IOMMU group ' || coalesce(a.iommu_group, 'not seen')
         || CASE WHEN a.iommu_group_origin = 'predicted' THEN ' (predicted)' ELSE '' END AS evidence
FROM accelerator a
LEFT JOIN iommu i ON i.host = a.host
WHERE a.is_vf = 0 AND coalesce(a.vendor, '10de') = '10de';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('vgpu-vf-not-on-vfio', 'A VF that is to be a vGPU stays on the nvidia driver', 'blocks', '@vgpu -@host-driver -@foreign',
  'Leave the VF on nvidia and write the type to nvidia/current_vgpu_type (vendor VFIO) or make a mediated device: binding it to vfio-pci is right for passthrough and wrong here (EINVAL), and a VF that was rebound works again only after the VFs were made anew.',
  'https://github.com/kubevirt/kubevirt/issues/17642 | kernel/hypeman:lib/devices/GPU.md@0d87fe24',
  'accelerator.is_vf=1');
CREATE VIEW rule_vgpu_vf_not_on_vfio AS
SELECT v.host, v.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN replace(v.driver, 'vfio', '') <> v.driver OR v.driver = 'pci-stub'
                 OR replace(v.driver_override, 'vfio', '') <> v.driver_override THEN 'fail'
            WHEN v.driver = 'nvidia' AND (v.driver_override IS NULL OR v.driver_override IN ('none', 'nvidia')) THEN
                 CASE WHEN v.driver_override IS NULL THEN 'unknown' ELSE 'pass' END
            WHEN v.driver = 'none' THEN 'fail'
            ELSE 'unknown' END AS result,
       'VF ' || v.address || coalesce(' of ' || v.parent, '') || ' is bound to ' || coalesce(v.driver, 'a driver not seen')
         || ', driver_override ' || coalesce(v.driver_override, 'not seen') || ', vGPU mode '
         || coalesce(v.vgpu_mode, p.vgpu_mode, 'not seen') || ': it belongs to nvidia, binding it to vfio-pci is wrong' AS evidence
FROM accelerator v
LEFT JOIN accelerator p ON p.host = v.host AND p.address = v.parent
WHERE v.is_vf = 1 AND coalesce(v.vendor, '10de') = '10de';

INSERT INTO rule (id, title, impact, applies, resolution, reference, minds) VALUES
 ('vgpu-vendor-vfio', 'The vGPU mode of the host is the one that tools of old expect', 'notes', '@vgpu -@host-driver -@foreign',
  'In vendor-VFIO mode there are no mediated devices: write the type to each VF''s nvidia/current_vgpu_type, leave the VF on nvidia, hand it over as a PCI device with managed=no; binding it to vfio-pci is wrong. The types are lost at reboot.',
  'https://github.com/kubevirt/kubevirt/issues/17642 | openstack/nova:doc/source/admin/virtual-gpu.rst@00a0304',
  'accelerator.vgpu_mode=?vendor-vfio');
CREATE VIEW rule_vgpu_vendor_vfio AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN a.vgpu_mode = 'vendor-vfio' THEN 'fail' WHEN a.vgpu_mode IS NOT NULL THEN 'pass' ELSE 'unknown' END AS result,
       a.address || ': vGPU mode ' || coalesce(a.vgpu_mode, 'not seen')
         || CASE WHEN a.vgpu_mode = 'vendor-vfio' THEN ': VFs stay on nvidia, binding one to vfio-pci is wrong' ELSE '' END AS evidence
FROM accelerator a
WHERE a.is_vf = 0 AND coalesce(a.vendor, '10de') = '10de';

INSERT INTO rule (id, title, impact, applies, resolution, reference, minds) VALUES
 ('vgpu-tool-knows-mode', 'The platform knows vendor-VFIO vGPUs where the host has them', 'blocks',
  'kubevirt:vgpu kubevirt:mig-vgpu openstack:vgpu openstack:mig-vgpu proxmox:vgpu proxmox:mig-vgpu',
  'Use KubeVirt 1.9.0, OpenStack 2025.1 (Nova 31, device_spec managed=no), Proxmox VE 8.3 or later; until then write current_vgpu_type by hand.',
  'https://github.com/kubevirt/kubevirt/issues/17642 | openstack/nova:doc/source/admin/pci-passthrough.rst | proxmox/qemu-server@48ada698',
  'accelerator.vgpu_mode=?vendor-vfio');
CREATE VIEW rule_vgpu_tool_knows_mode AS
SELECT a.host, a.address AS subject, n.surface, NULL AS share,
       CASE WHEN a.vgpu_mode IN ('mdev', 'sriov-mdev', 'none') OR w.version_key >= n.since_key THEN 'pass'
            WHEN a.vgpu_mode = 'vendor-vfio' AND w.version_key < n.since_key THEN 'fail'
            WHEN a.vgpu_mode = 'vendor-vfio' AND t.value <> 'none' AND w.version_key IS NULL THEN 'fail'
            ELSE 'unknown' END AS result,
       a.address || ': vGPU mode ' || coalesce(a.vgpu_mode, 'not seen') || ', ' || n.program || ' '
         || coalesce(w.version, 'not seen') || ' (vendor VFIO from ' || n.since || ' on)'
         || coalesce(', enabled_mdev_types ' || t.value || ': mediated devices are asked for', '') AS evidence
FROM accelerator a
CROSS JOIN (SELECT 'kubevirt' AS surface, 'kubevirt' AS program, '1.9.0' AS since, version_key('1.9.0-beta.0') AS since_key
            UNION ALL SELECT 'openstack', 'openstack-nova', '31.0.0', version_key('31.0.0')
            UNION ALL SELECT 'proxmox', 'proxmox-ve', '8.3', version_key('8.3')) n
LEFT JOIN software w ON w.host = a.host AND w.name = n.program
LEFT JOIN setting t ON t.host = a.host AND t.component = 'openstack-nova' AND t.name = 'enabled_mdev_types'
                   AND n.surface = 'openstack'
WHERE a.is_vf = 0 AND coalesce(a.vendor, '10de') = '10de';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('vgpu-libvirt-takes-vf', 'This libvirt takes a VF that stays with its vendor''s driver', 'degrades',
  'qemu-vgpu openstack:vgpu openstack:mig-vgpu',
  'Use libvirt 9.7.0 or later, or QEMU without libvirt: older ones want a device with managed=no to be on vfio-pci ("must be manually detached from the host").',
  'libvirt/libvirt:NEWS.rst (v9.7.0, 2023-09-01)',
  'software.name=libvirt');
CREATE VIEW rule_vgpu_libvirt_takes_vf AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN a.vgpu_mode IN ('mdev', 'sriov-mdev', 'none') OR w.version = 'none'
              OR w.version_key >= version_key('9.7.0') THEN 'pass'
            WHEN a.vgpu_mode = 'vendor-vfio' AND w.version_key < version_key('9.7.0') THEN 'fail'
            ELSE 'unknown' END AS result,
       a.address || ': vGPU mode ' || coalesce(a.vgpu_mode, 'not seen') || ', libvirt ' || coalesce(w.version, 'not seen') AS evidence
FROM accelerator a
JOIN software w ON w.host = a.host AND w.name = 'libvirt'
WHERE a.is_vf = 0 AND coalesce(a.vendor, '10de') = '10de';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('vgpu-device-manager-mode', 'NVIDIA''s vGPU Device Manager finds mediated devices', 'blocks',
  'kubevirt:vgpu kubevirt:mig-vgpu',
  'It makes mediated devices only (up to 0.5.0): in vendor-VFIO mode write the type to current_vgpu_type of each VF by hand or by a boot unit.',
  'https://github.com/NVIDIA/gpu-operator/issues/2594 | https://github.com/NVIDIA/vgpu-device-manager/pull/195',
  'software.name=vgpu-device-manager');
CREATE VIEW rule_vgpu_device_manager_mode AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN a.vgpu_mode IN ('mdev', 'sriov-mdev', 'none') OR w.version = 'none' THEN 'pass'
            WHEN a.vgpu_mode = 'vendor-vfio' AND (w.version_key <= version_key('0.5.0') OR w.version = 'present') THEN 'fail'
            ELSE 'unknown' END AS result,
       a.address || ': vGPU mode ' || coalesce(a.vgpu_mode, 'not seen') || ', vgpu-device-manager '
         || coalesce(w.version, 'not seen') || ': mediated devices only' AS evidence
FROM accelerator a
JOIN software w ON w.host = a.host AND w.name = 'vgpu-device-manager'
WHERE a.is_vf = 0 AND coalesce(a.vendor, '10de') = '10de';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('vgpu-uuid-given', 'The VMM is started with the VM''s UUID on its command line', 'blocks', '@vgpu -@host-driver -@foreign',
  'Add -uuid UUID to QEMU''s arguments (Proxmox: args: -uuid …; libvirt does so itself): NVIDIA''s vGPU manager reads it from there.',
  'https://github.com/DualCoder/vgpu_unlock/issues/71 | https://github.com/cloud-hypervisor/cloud-hypervisor/issues/5319',
  'intent.uuid|intent_argument.target=vmm|kernel_message');
CREATE VIEW rule_vgpu_uuid_given AS
SELECT s.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN t.uuid = 1 OR g.uuids > 0 THEN 'pass'
            WHEN t.uuid = 0 THEN 'fail'
            WHEN g.vgpus > 0 AND o.state = 'complete' THEN 'fail'
            WHEN m.told > 0 THEN 'fail'
            ELSE 'unknown' END AS result,
       'arguments of the VMM: ' || CASE WHEN t.uuid = 1 OR g.uuids > 0 THEN 'with -uuid'
                                        WHEN t.uuid = 0 OR g.vgpus > 0 THEN 'without -uuid'
                                        ELSE 'not seen' END
         || coalesce(' (' || g.listing || ')', '') || coalesce(', kernel log: ' || m.first_line, '') AS evidence
FROM host_summary s
LEFT JOIN intent t ON t.host = s.host
LEFT JOIN (SELECT host, COUNT(CASE WHEN name IN ('-uuid', '--uuid', 'uuid') THEN 1 END) AS uuids,
                  COUNT(CASE WHEN replace(value, 'sysfsdev', '') <> value OR replace(value, 'vfio-pci', '') <> value THEN 1 END) AS vgpus,
                  sorted_list(name) AS listing
           FROM intent_argument WHERE target = 'vmm' GROUP BY host) g ON g.host = s.host
LEFT JOIN observed o ON o.host = s.host AND o.tbl = 'intent_argument' AND o.subject = 'vmm'
LEFT JOIN kernel_told m ON m.host = s.host AND m.kind = 'vgpu-no-uuid' AND m.address = ''
WHERE t.uuid IS NOT NULL OR g.vgpus > 0 OR m.told > 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('vgpu-needs-qemu', 'The VMM is one whose command line NVIDIA''s vGPU manager reads', 'blocks', '@vgpu -@host-driver -@qemu -@foreign',
  'Use QEMU: the manager looks for QEMU''s -uuid, and where that was faked, guests on GPUs whose vGPUs are VFs still failed.',
  'https://github.com/cloud-hypervisor/cloud-hypervisor/issues/5319 | https://github.com/cloud-hypervisor/cloud-hypervisor/issues/7572 | https://github.com/NVIDIA/open-gpu-kernel-modules/issues/548');
CREATE VIEW rule_vgpu_needs_qemu AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN t.uuid = 1 AND coalesce(t.surface, 'custom-vmm') = 'custom-vmm' THEN 'unknown' ELSE 'fail' END AS result,
       a.address || ', vGPU mode ' || coalesce(a.vgpu_mode, 'not seen') || ': nvidia-vgpu-mgr reads QEMU''s command line'
         || CASE WHEN t.uuid = 1 THEN ', a -uuid is given' ELSE '' END AS evidence
FROM accelerator a
LEFT JOIN intent t ON t.host = a.host
WHERE a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('vgpu-type-available', 'One more vGPU of the wanted type can be made', 'blocks', '@vgpu -@host-driver -@foreign',
  'Take another GPU, or the type that the GPU already carries: without mixed-size mode all vGPUs of a GPU have one size, and once one exists the other types offer 0 instances.',
  'https://github.com/DualCoder/vgpu_unlock/issues/54 | https://github.com/anomixer/proxmox-vgpu-installer/issues/22',
  'intent.vgpu_type');
CREATE VIEW rule_vgpu_type_available AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN y.left_over > 0 THEN 'pass'
            WHEN y.rows_of_type > 0 AND y.unsure = 0 THEN 'fail'
            WHEN y.rows_of_type = 0 AND y.rows_of_others > 0 AND o.state = 'complete' THEN 'fail'
            ELSE 'unknown' END AS result,
       a.address || ': type ' || t.vgpu_type || ', available '
         || coalesce(CASE WHEN y.rows_of_type > 0 THEN CAST(y.left_over AS TEXT) WHEN y.rows_of_others > 0 THEN 'not offered' END, 'not seen')
         || coalesce(', existing: ' || d.listing, '') AS evidence
FROM accelerator a
JOIN intent t ON t.host = a.host AND t.vgpu_type IS NOT NULL
LEFT JOIN observed o ON o.host = a.host AND o.tbl = 'vgpu_type' AND o.subject = a.address
LEFT JOIN (SELECT a2.host, a2.address,
                  COUNT(CASE WHEN (v.type = t2.vgpu_type OR v.name = t2.vgpu_type OR v.name = 'NVIDIA ' || t2.vgpu_type
                                   OR v.name = 'GRID ' || t2.vgpu_type) THEN 1 END) AS rows_of_type,
                  COUNT(CASE WHEN (v.type = t2.vgpu_type OR v.name = t2.vgpu_type OR v.name = 'NVIDIA ' || t2.vgpu_type
                                   OR v.name = 'GRID ' || t2.vgpu_type) AND v.available > 0 THEN 1 END) AS left_over,
                  COUNT(CASE WHEN (v.type = t2.vgpu_type OR v.name = t2.vgpu_type OR v.name = 'NVIDIA ' || t2.vgpu_type
                                   OR v.name = 'GRID ' || t2.vgpu_type) AND v.available IS NULL THEN 1 END) AS unsure,
                  COUNT(v.type) AS rows_of_others
           FROM accelerator a2
           JOIN intent t2 ON t2.host = a2.host
           JOIN pci_function f ON f.host = a2.host AND (f.address = a2.address OR f.physical_function = a2.address)
           JOIN vgpu_type v ON v.host = f.host AND v.address = f.address
           GROUP BY a2.host, a2.address) y ON y.host = a.host AND y.address = a.address
LEFT JOIN (SELECT host, parent, sorted_list(type) AS listing FROM mdev GROUP BY host, parent) d
       ON d.host = a.host AND d.parent = a.address
WHERE a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('vgpu-one-size', 'vGPUs of one GPU have one type where the host mixes none', 'blocks', '@vgpu -@host-driver -@foreign',
  'Use one type on this GPU. GPUs whose vGPUs are mediated devices of the PF (Turing and older) do not mix sizes.',
  'https://github.com/DualCoder/vgpu_unlock/issues/54',
  'accelerator.vgpu_mode=?mdev');
CREATE VIEW rule_vgpu_one_size AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN d.types > 1 OR (d.types = 1 AND y.found = 0 AND t.vgpu_type IS NOT NULL AND d.other > 0) THEN 'fail'
            WHEN o.state = 'complete' AND coalesce(d.types, 0) <= 1 AND coalesce(d.unsure, 0) = 0 THEN
              CASE WHEN t.vgpu_type IS NULL OR coalesce(d.other, 0) = 0 THEN 'pass' ELSE 'unknown' END
            ELSE 'unknown' END AS result,
       a.address || ': mediated devices of type ' || coalesce(d.listing, 'none or not seen')
         || coalesce(', wanted ' || t.vgpu_type, '') AS evidence
FROM accelerator a
LEFT JOIN intent t ON t.host = a.host
LEFT JOIN observed o ON o.host = a.host AND o.tbl = 'mdev' AND o.subject = ''
LEFT JOIN (SELECT m.host, m.parent, COUNT(DISTINCT m.type) AS types, COUNT(CASE WHEN m.type IS NULL THEN 1 END) AS unsure,
                  COUNT(CASE WHEN m.type <> i.vgpu_type THEN 1 END) AS other, sorted_list(m.type) AS listing
           FROM mdev m LEFT JOIN intent i ON i.host = m.host
           GROUP BY m.host, m.parent) d ON d.host = a.host AND d.parent = a.address
LEFT JOIN (SELECT i.host, COUNT(v.type) AS found FROM intent i
           LEFT JOIN vgpu_type v ON v.host = i.host AND v.name = i.vgpu_type AND v.type <> i.vgpu_type
           GROUP BY i.host) y ON y.host = a.host
WHERE a.is_vf = 0 AND coalesce(a.vendor, '10de') = '10de' AND coalesce(a.vgpu_mode, 'mdev') = 'mdev';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('vgpu-types-creatable', 'A vGPU type can be made on the GPU or one of its VFs', 'blocks', '@vgpu -@host-driver -@foreign',
  'Where every type is taken: remove vGPUs. Where none was ever offered: switch MIG mode on and make GPU instances (boards whose types are MIG-backed), check the licence of the host driver, look at nvidia-vgpud''s log.',
  'https://github.com/harvester/harvester/issues/7111 | https://github.com/mbilker/vgpu_unlock-rs/issues/29',
  'accelerator.vgpu_mode=?mdev|accelerator.vgpu_mode=sriov-mdev|accelerator.vgpu_mode=vendor-vfio');
CREATE VIEW rule_vgpu_types_creatable AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN y.left_over > 0 THEN 'pass'
            WHEN y.seen > 0 AND y.unsure = 0 THEN 'fail'
            ELSE 'unknown' END AS result,
       a.address || ': vGPU types seen: ' || coalesce(CAST(y.seen AS TEXT), 'none') || ', with instances left: '
         || coalesce(CAST(y.left_over AS TEXT), 'not seen') || ', MIG mode ' || coalesce(n.mig_current, 'not seen') AS evidence
FROM accelerator a
LEFT JOIN nvidia_gpu n ON n.host = a.host AND n.address = a.address
LEFT JOIN (SELECT a2.host, a2.address, COUNT(v.type) AS seen, COUNT(CASE WHEN v.available > 0 THEN 1 END) AS left_over,
                  COUNT(CASE WHEN v.available IS NULL THEN 1 END) AS unsure
           FROM accelerator a2
           JOIN pci_function f ON f.host = a2.host AND (f.address = a2.address OR f.physical_function = a2.address)
           JOIN vgpu_type v ON v.host = f.host AND v.address = f.address
           GROUP BY a2.host, a2.address) y ON y.host = a.host AND y.address = a.address
WHERE a.is_vf = 0 AND a.vgpu_mode IS DISTINCT FROM 'none';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('harvester-mig-vgpu', 'Harvester offers the MIG-backed vGPUs of this GPU', 'blocks', 'kubevirt:vgpu kubevirt:mig-vgpu',
  'Upgrade to Harvester 1.7, and enable MIG: older releases know time-sliced types only, and this generation shows its types once MIG is on.',
  'https://github.com/harvester/harvester/issues/7111',
  'software.name=harvester');
CREATE VIEW rule_harvester_mig_vgpu AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN w.version_key >= version_key('1.7.0') OR w.version = 'none'
                 OR (a.device IS NOT NULL AND a.mig = 'no') THEN 'pass'
            WHEN a.generation IN ('hopper', 'blackwell') AND a.mig = 'yes' AND w.version_key < version_key('1.7.0') THEN 'fail'
            WHEN a.generation NOT IN ('hopper', 'blackwell') THEN 'pass'
            ELSE 'unknown' END AS result,
       coalesce(a.name, a.address) || ': MIG mode ' || coalesce(n.mig_current, 'not seen') || ', Harvester '
         || coalesce(w.version, 'not seen') AS evidence
FROM accelerator a
JOIN software w ON w.host = a.host AND w.name = 'harvester'
LEFT JOIN nvidia_gpu n ON n.host = a.host AND n.address = a.address
WHERE a.is_vf = 0 AND coalesce(a.vendor, '10de') = '10de';

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('vgpu-release-has-board', 'The vGPU release still has this board', 'blocks', '@vgpu -@host-driver -@foreign',
  'Use the last vGPU branch that has it: 16 for P4, P6, P40, P100, M6 and M60, 19 for V100 and Quadro RTX 6000/8000.',
  'NVIDIA/open-gpu-kernel-modules:src/common/shared/inc/g_vgpu_chip_flags.h (tags 550 to 595) | https://github.com/anomixer/proxmox-vgpu-installer/issues/29');
CREATE VIEW rule_vgpu_release_has_board AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN m.vgpu_last = 'none' OR substr(d.vgpu_release_key, 1, 10) <= substr(m.vgpu_last_key, 1, 10) THEN 'pass'
            WHEN substr(d.vgpu_release_key, 1, 10) > substr(m.vgpu_last_key, 1, 10) THEN 'fail'
            ELSE 'unknown' END AS result,
       coalesce(a.name, a.address) || ': last vGPU branch ' || coalesce(m.vgpu_last, 'not known') || ', host has release '
         || coalesce(d.vgpu_release, 'not seen') AS evidence
FROM accelerator a
LEFT JOIN accelerator_model m ON m.vendor = a.vendor AND m.device = a.device AND m.subsystem = ''
LEFT JOIN nvidia_driver d ON d.host = a.host
WHERE a.is_vf = 0 AND coalesce(a.vendor, '10de') = '10de';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('vgpu-guest-driver', 'The guest''s vGPU driver is not newer than the host''s', 'degrades', '@vgpu -@host-driver -@foreign',
  'Use a guest driver of the host''s release, its branch, or the one before (or the previous long-term branch).',
  'https://docs.nvidia.com/vgpu/19.0/grid-vgpu-release-notes-vmware-vsphere/index.html',
  'intent.driver_version');
CREATE VIEW rule_vgpu_guest_driver AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN substr(t.driver_version_key, 1, 10) > substr(d.loaded_version_key, 1, 10) THEN 'fail'
            WHEN substr(t.driver_version_key, 1, 10) <= substr(d.loaded_version_key, 1, 10) THEN 'pass'
            ELSE 'unknown' END AS result,
       'guest driver ' || t.driver_version || ', host driver ' || coalesce(d.loaded_version, 'not seen') AS evidence
FROM accelerator a
JOIN intent t ON t.host = a.host AND t.driver_version IS NOT NULL
LEFT JOIN nvidia_driver d ON d.host = a.host
WHERE a.is_vf = 0 AND coalesce(a.vendor, '10de') = '10de';

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('vgpu-x86-host', 'The vGPU host is an x86 machine', 'degrades', '@vgpu -@host-driver -@foreign',
  'Ask NVIDIA: public vGPU host packages are x86-64 only by the community''s word; NVIDIA lists Grace boards for KubeVirt without saying which package.',
  'anomixer/proxmox-vgpu-installer:README.md@abe9ff9 | NVIDIA/cloud-native-docs:gpu-operator/platform-support.rst@52dcb7b');
CREATE VIEW rule_vgpu_x86_host AS
SELECT s.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN m.architecture = 'x86_64' THEN 'pass' WHEN m.architecture IS NOT NULL THEN 'fail' ELSE 'unknown' END AS result,
       'architecture ' || coalesce(m.architecture, 'not seen') AS evidence
FROM host_summary s
LEFT JOIN machine m ON m.host = s.host;

INSERT INTO rule (id, title, impact, applies, resolution, reference, minds) VALUES
 ('nova-leaves-vf-alone', 'Nova does not rebind the VF of a vendor-VFIO vGPU', 'blocks', 'openstack:vgpu openstack:mig-vgpu',
  'Set managed = no in [pci] device_spec: libvirt must not bind the VF to vfio-pci.',
  'openstack/nova:doc/source/admin/pci-passthrough.rst | https://github.com/OpenNebula/one/issues/6841',
  'accelerator.vgpu_mode=?vendor-vfio');
CREATE VIEW rule_nova_leaves_vf_alone AS
SELECT a.host, a.address AS subject, 'openstack' AS surface, NULL AS share,
       CASE WHEN a.vgpu_mode IN ('mdev', 'sriov-mdev', 'none') OR lower(g.value) = 'no' THEN 'pass'
            WHEN a.vgpu_mode = 'vendor-vfio' AND g.value IS NOT NULL THEN 'fail' ELSE 'unknown' END AS result,
       a.address || ': vGPU mode ' || coalesce(a.vgpu_mode, 'not seen') || ', managed of device_spec: '
         || coalesce(g.value, 'not seen') AS evidence
FROM accelerator a
LEFT JOIN setting g ON g.host = a.host AND g.component = 'openstack-nova' AND g.name = 'device_spec-managed'
WHERE a.is_vf = 0 AND coalesce(a.vendor, '10de') = '10de';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('vgpu-release-not-broken', 'The vGPU software is no release that is known to bring the host down', 'degrades', ':vgpu :mig-vgpu',
  'Install 16.10 or later of branch 16: before, hosts with Hopper or Ada boards stop with an IOMMU fault (Xid 32; a purple '
  || 'screen on ESXi).',
  'https://knowledge.broadcom.com/external/article/394974/esxi-psod-iommu-fault-detected-for-vmgp.html | '
  || 'https://docs.nvidia.com/vgpu/16.0/grid-vgpu-release-notes-vmware-vsphere/index.html',
  'nvidia_driver.kind=?vgpu-host');
CREATE VIEW rule_vgpu_release_not_broken AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN a.generation NOT IN ('hopper', 'ada') OR d.vgpu_release_key >= version_key('16.10')
              OR d.vgpu_release_key < version_key('16.0') THEN 'pass'
            WHEN a.generation IN ('hopper', 'ada') AND d.kind = 'vgpu-host' AND d.vgpu_release_key < version_key('16.10') THEN 'fail'
            ELSE 'unknown' END AS result,
       coalesce(a.name, a.address) || ', vGPU software ' || coalesce(d.vgpu_release, 'not seen') AS evidence
FROM accelerator a
JOIN nvidia_driver d ON d.host = a.host AND coalesce(d.kind, 'vgpu-host') = 'vgpu-host'
WHERE a.vendor = '10de' AND a.is_vf = 0;

-- A vGPU shows the ids of its board, with subsystem ids that tell its type: the guest's side of a cloud's slice.
INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('vgpu-slice-has-guest-driver', 'A vGPU that this machine was given is driven by the vGPU guest driver', 'blocks',
  '@host-driver',
  'Install the vGPU (GRID) guest driver of the host''s vGPU branch or the one before (Azure NVadsA10: Microsoft''s list of '
  || 'GRID drivers); with the GPU Operator a driver image made from it, with a licence. The data-centre driver finds no device.',
  'https://github.com/NVIDIA/gpu-operator/issues/691 | https://github.com/skypilot-org/skypilot/issues/10468 | '
  || 'NVIDIA/open-gpu-kernel-modules:src/common/shared/inc/g_vgpu_chip_flags.h',
  'accelerator.subsystem_device');
CREATE VIEW rule_vgpu_slice_has_guest_driver AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN d.kind IN ('standard', 'vgpu-host') THEN 'fail' WHEN d.kind = 'vgpu-guest' THEN 'pass'
            ELSE 'unknown' END AS result,
       a.address || ' is a ' || a.slice || ' by its subsystem ids, driver: ' || coalesce(d.kind, 'not seen')
         || coalesce(' ' || d.loaded_version, '') AS evidence
FROM (SELECT x.host, x.address,
             (SELECT sorted_list(t.name) FROM vgpu_type_model t
              WHERE t.device = x.device AND t.subsystem = x.subsystem_vendor || ':' || x.subsystem_device) AS slice
      FROM accelerator x
      WHERE x.vendor = '10de' AND x.is_vf = 0) a
LEFT JOIN nvidia_driver d ON d.host = a.host
WHERE a.slice IS NOT NULL;
