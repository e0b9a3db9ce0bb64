-- SR-IOV: functions that carry VFs. SPDX-License-Identifier: Apache-2.0

INSERT INTO rule (id, title, impact, applies, resolution, reference, minds) VALUES
 ('pf-without-vfs', 'The function has no VFs while it is to be passed whole', 'blocks', '@vfio',
  'Write 0 to sriov_numvfs (NVIDIA: sriov-manage -d) before the PF is bound to vfio-pci: its probe refuses a PF with VFs since Linux 4.19.',
  'https://git.zx2c4.com/linux-dev/commit/?id=0dd0e297f0ec',
  'accelerator.sriov_numvfs!=0');
CREATE VIEW rule_pf_without_vfs AS
SELECT a.host, a.address AS subject, NULL AS surface, 'whole' AS share,
       CASE WHEN a.sriov_numvfs = 0 OR a.sriov_totalvfs = 0 THEN 'pass'
            WHEN a.sriov_numvfs > 0 THEN 'fail'
            ELSE 'unknown' END AS result,
       a.address || ': ' || coalesce(CAST(a.sriov_numvfs AS TEXT), 'an unseen number of') || ' VFs exist, of '
         || coalesce(CAST(a.sriov_totalvfs AS TEXT), 'an unseen number') || ' possible' AS evidence
FROM accelerator a
WHERE a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('vf-bars-assigned', 'The firmware left room for the BARs of the VFs', 'blocks', ':vf :vgpu :mig-vgpu',
  'Enable SR-IOV and Above 4G Decoding in the firmware setup; pci=realloc lets the kernel try by itself. Writing sriov_numvfs fails with ENOMEM until the VF BARs have addresses.',
  'https://github.com/openshift/openshift-docs/pull/32619 | https://github.com/xcp-ng/xcp/issues/200 | https://github.com/strongtz/i915-sriov-dkms/issues/129');
CREATE VIEW rule_vf_bars_assigned AS
SELECT p.host, p.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN p.sriov_numvfs > 0 OR p.vgpu_mode = 'mdev'
                 OR (a.vendor = '10de' AND a.generation IN ('maxwell', 'pascal', 'volta', 'turing')) THEN 'pass'
            WHEN b.unassigned > 0 OR m.told > 0 OR (w.value = 'disabled' AND p.sriov_numvfs = 0) THEN 'fail'
            WHEN o.state = 'complete' AND b.unsure = 0 AND b.assigned > 0 THEN 'pass'
            ELSE 'unknown' END AS result,
       p.address || ': VF BARs without an address: ' || coalesce(CAST(b.unassigned AS TEXT), 'not seen')
         || coalesce(' (' || b.listing || ')', '') || ', VFs now: ' || coalesce(CAST(p.sriov_numvfs AS TEXT), 'not seen')
         || coalesce(', SR-IOV in the firmware: ' || w.value, '')
         || coalesce(', kernel log: ' || m.first_line, '') AS evidence
FROM (SELECT host, address FROM accelerator UNION
      SELECT host, address FROM pci_bar WHERE kind = 'vf-bar' AND assigned = 0 UNION
      SELECT host, address FROM kernel_message WHERE kind IN ('vf-bar-unassigned', 'sriov-not-enough-mmio')) c
JOIN pci_function p ON p.host = c.host AND p.address = c.address
LEFT JOIN accelerator a ON a.host = p.host AND a.address = p.address
LEFT JOIN (SELECT host, address, COUNT(CASE WHEN assigned = 0 THEN 1 END) AS unassigned,
                  COUNT(CASE WHEN assigned = 1 THEN 1 END) AS assigned,
                  COUNT(CASE WHEN assigned IS NULL THEN 1 END) AS unsure,
                  sorted_list(CASE WHEN assigned = 0 THEN 'VF BAR ' || CAST(bar AS TEXT)
                                   || coalesce(', ' || size_text(size_bytes), '') END) AS listing
           FROM pci_bar WHERE kind = 'vf-bar' AND size_bytes IS DISTINCT FROM 0 AND io IS DISTINCT FROM 1
           GROUP BY host, address) b ON b.host = p.host AND b.address = p.address
LEFT JOIN observed o ON o.host = p.host AND o.tbl = 'pci_bar' AND o.subject = p.address
LEFT JOIN setting w ON w.host = p.host AND w.component = 'firmware' AND w.name = 'sriov'
LEFT JOIN (SELECT host, address, COUNT(*) AS told, MIN(message) AS first_line FROM kernel_message
           WHERE kind IN ('vf-bar-unassigned', 'sriov-not-enough-mmio') GROUP BY host, address) m ON m.host = p.host AND m.address = p.address
WHERE (a.is_vf = 0 AND p.sriov_totalvfs IS DISTINCT FROM 0) OR b.unassigned > 0 OR m.told > 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('vf-ari-forwarding', 'The port above forwards ARI, so that VFs beyond function 7 can be reached', 'blocks', ':vf :vgpu :mig-vgpu',
  'Enable ARI forwarding (or SR-IOV, or the board''s "PCIe ARI support") in the firmware setup, use another slot, or ask for fewer VFs than fit into functions 0 to 7.',
  'https://github.com/GPUOpen-LibrariesAndSDKs/MxGPU-Virtualization/issues/18 | kernel:drivers/pci/pci.c (pci_configure_ari) | ROCm/gpu-operator:docs/kubevirt/kubevirt.md@6df13c17');
CREATE VIEW rule_vf_ari_forwarding AS
SELECT p.host, p.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN coalesce(t.vfs, p.sriov_totalvfs) <= 7 OR p.sriov_numvfs > 7 OR p.vgpu_mode = 'mdev'
                 OR (a.vendor = '10de' AND a.generation IN ('maxwell', 'pascal', 'volta', 'turing')) THEN 'pass'
            WHEN u.ari_forwarding = 1 OR p.parent = 'none' THEN 'pass'
            WHEN coalesce(t.vfs, p.sriov_totalvfs) > 7
                 AND (u.ari_forwarding = 0 OR u.ari_forwarding_capable = 0 OR p.ari = 0 OR w.value = 'disabled')
                 THEN 'fail'
            ELSE 'unknown' END AS result,
       p.address || ': ' || coalesce(CAST(coalesce(t.vfs, p.sriov_totalvfs) AS TEXT), 'an unseen number of') || ' VFs, ARI at '
         || coalesce(p.parent, 'the port above') || ': '
         || CASE WHEN u.ari_forwarding = 1 THEN 'forwarded' WHEN u.ari_forwarding_capable = 0 THEN 'not supported'
                 WHEN u.ari_forwarding = 0 THEN 'off' WHEN w.value IS NOT NULL THEN w.value || ' in the firmware'
                 ELSE 'not seen' END AS evidence
FROM (SELECT host, address FROM accelerator UNION
      SELECT host, address FROM pci_function WHERE sriov_totalvfs > 0) c
JOIN pci_function p ON p.host = c.host AND p.address = c.address
LEFT JOIN pci_function u ON u.host = p.host AND u.address = p.parent
LEFT JOIN setting w ON w.host = p.host AND w.component = 'firmware' AND w.name = 'ari'
LEFT JOIN intent t ON t.host = p.host
LEFT JOIN accelerator a ON a.host = p.host AND a.address = p.address
WHERE (a.is_vf = 0 AND p.sriov_totalvfs IS DISTINCT FROM 0) OR p.sriov_totalvfs > 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference, minds) VALUES
 ('pf-has-sriov', 'The function can carry VFs', 'blocks', ':vf',
  'Enable SR-IOV in the firmware setup and load a driver that offers VFs. A chip without the capability has no way there.',
  'kernel:Documentation/PCI/pci-iov-howto.rst | intel/intel-device-plugins-for-kubernetes:cmd/gpu_plugin/README.md',
  'accelerator.sriov_totalvfs=?0');
CREATE VIEW rule_pf_has_sriov AS
SELECT a.host, a.address AS subject, NULL AS surface, 'vf' AS share,
       CASE WHEN a.sriov_totalvfs > 0 OR a.sriov_numvfs > 0 THEN 'pass'
            WHEN a.sriov_totalvfs = 0 OR w.value = 'disabled' THEN 'fail'
            ELSE 'unknown' END AS result,
       a.address || ': sriov_totalvfs ' || coalesce(CAST(a.sriov_totalvfs AS TEXT), 'not seen')
         || ', VFs now ' || coalesce(CAST(a.sriov_numvfs AS TEXT), 'not seen')
         || coalesce(', SR-IOV in the firmware: ' || w.value, '') AS evidence
FROM accelerator a
LEFT JOIN setting w ON w.host = a.host AND w.component = 'firmware' AND w.name = 'sriov'
WHERE a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('vf-count-possible', 'As many VFs are possible as are wanted', 'blocks', ':vf',
  'Ask for no more VFs than sriov_totalvfs, or raise the device''s own limit (i915.max_vfs, xe.max_vfs, vendor tool).',
  'kernel:Documentation/PCI/pci-iov-howto.rst',
  'intent.vfs');
CREATE VIEW rule_vf_count_possible AS
SELECT a.host, a.address AS subject, NULL AS surface, 'vf' AS share,
       CASE WHEN t.vfs <= a.sriov_totalvfs OR t.vfs <= a.sriov_numvfs THEN 'pass'
            WHEN t.vfs > a.sriov_totalvfs THEN 'fail'
            ELSE 'unknown' END AS result,
       a.address || ': ' || CAST(t.vfs AS TEXT) || ' VFs wanted, '
         || coalesce(CAST(a.sriov_totalvfs AS TEXT), 'an unseen number') || ' possible' AS evidence
FROM accelerator a
JOIN intent t ON t.host = a.host
WHERE a.is_vf = 0 AND t.vfs > 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('pf-on-its-driver', 'The PF is on a driver that makes VFs, not given away itself', 'blocks', ':vf -@foreign',
  'Bind the PF to its vendor''s driver (gim for AMD Instinct, i915 or xe for Intel): VFs vanish, or never come, while it is on vfio-pci without a driver for its own side.',
  'kernel:Documentation/PCI/pci-iov-howto.rst | amd/MxGPU-Virtualization:README.md@695afe2');
CREATE VIEW rule_pf_on_its_driver AS
SELECT a.host, a.address AS subject, NULL AS surface, 'vf' AS share,
       CASE WHEN a.sriov_numvfs > 0 THEN 'pass'
            WHEN a.driver IN ('none', 'pci-stub') OR replace(a.driver, 'vfio', '') <> a.driver
                 OR (a.vendor = '1002' AND a.driver IN ('amdgpu', 'radeon')) THEN 'fail'
            WHEN a.driver IS NOT NULL AND a.vendor IS NOT NULL THEN 'pass'
            ELSE 'unknown' END AS result,
       a.address || ' is bound to ' || coalesce(a.driver, 'a driver not seen') || ', VFs now: '
         || coalesce(CAST(a.sriov_numvfs AS TEXT), 'not seen') AS evidence
FROM accelerator a
WHERE a.is_vf = 0 AND a.vendor IS DISTINCT FROM '10de';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('amd-gim-board', 'AMD''s SR-IOV driver (gim) covers this board', 'blocks', ':vf',
  'AMD''s public GIM covers MI210, MI300X, MI325X, MI350X, MI355X, MI350P and Radeon PRO V710; drivers of older boards (S7150, V340, V520, V620) are withdrawn or unsupported.',
  'amd/MxGPU-Virtualization:README.md@695afe2 | https://github.com/amd/MxGPU-Virtualization/releases/tag/9.4.0.K | https://github.com/amd/MxGPU-Virtualization/issues/5',
  'accelerator.vendor=1002');
CREATE VIEW rule_amd_gim_board AS
SELECT a.host, a.address AS subject, NULL AS surface, 'vf' AS share,
       CASE WHEN a.device IN ('740f', '74a1', '74a5', '74a9', '75a0', '75a3', '75a8', '7460') OR a.sriov_numvfs > 0
                 OR g.version <> 'none' OR l.state IN ('loaded', 'builtin') THEN 'pass'
            WHEN a.device IS NOT NULL AND (g.version = 'none' OR a.sriov_totalvfs = 0) THEN 'fail'
            ELSE 'unknown' END AS result,
       a.address || ' is ' || coalesce(a.name, a.vendor || ':' || coalesce(a.device, '(id not seen)'))
         || ', gim ' || coalesce(g.version, l.state, 'not seen') || ', VFs now: '
         || coalesce(CAST(a.sriov_numvfs AS TEXT), 'not seen') AS evidence
FROM accelerator a
LEFT JOIN software g ON g.host = a.host AND g.name = 'gim'
LEFT JOIN module l ON l.host = a.host AND l.module = 'gim'
WHERE a.vendor = '1002' AND a.is_vf = 0 AND a.kind = 'gpu';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('amd-gim-loaded', 'AMD''s SR-IOV driver (gim) is there', 'blocks', ':vf -@foreign',
  'Install gim (amd/MxGPU-Virtualization), keep amdgpu off the PF (modprobe.blacklist=amdgpu), and load it.',
  'amd/MxGPU-Virtualization:README.md@695afe2 | ROCm/gpu-operator:docs/kubevirt/kubevirt.md@6df13c17',
  'accelerator.vendor=1002');
CREATE VIEW rule_amd_gim_loaded AS
SELECT a.host, a.address AS subject, NULL AS surface, 'vf' AS share,
       CASE WHEN a.driver = 'gim' OR l.state IN ('loaded', 'builtin') OR a.sriov_numvfs > 0 THEN 'pass'
            WHEN l.state IN ('absent', 'available') OR g.version = 'none' OR a.driver = 'amdgpu' THEN 'fail'
            ELSE 'unknown' END AS result,
       a.address || ' is bound to ' || coalesce(a.driver, 'a driver not seen') || ', module gim '
         || coalesce(l.state, 'not seen') || ', package ' || coalesce(g.version, 'not seen') AS evidence
FROM accelerator a
LEFT JOIN software g ON g.host = a.host AND g.name = 'gim'
LEFT JOIN module l ON l.host = a.host AND l.module = 'gim'
WHERE a.vendor = '1002' AND a.is_vf = 0 AND a.kind = 'gpu';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('intel-vf-driver', 'The Intel GPU''s driver offers VFs', 'blocks', ':vf -@foreign',
  'Integrated GPUs: install i915-sriov-dkms and boot with i915.enable_guc=3 i915.max_vfs=N, or a kernel whose xe drives this GPU. Meteor and Arrow Lake: i915 of i915-sriov-dkms, not xe (module_blacklist=xe). Battlemage and Panther Lake: xe of Linux 6.17 and later, or xe.max_vfs=N. Flex and Max: Intel''s i915 backports.',
  'https://raw.githubusercontent.com/strongtz/i915-sriov-dkms/master/README.md | kernel:drivers/gpu/drm/xe/xe_pci_sriov.c | kernel:drivers/gpu/drm/xe/xe_pci.c (has_sriov) | https://github.com/strongtz/i915-sriov-dkms/issues/461 | https://github.com/strongtz/i915-sriov-dkms/issues/339 | https://github.com/strongtz/i915-sriov-dkms/issues/96',
  'accelerator.vendor=8086');
CREATE VIEW rule_intel_vf_driver AS
SELECT a.host, a.address AS subject, NULL AS surface, 'vf' AS share,
       -- The PCI core tells of VFs whatever the driver can: in-tree i915 makes none, and has no max_vfs.
       CASE WHEN a.sriov_numvfs > 0 THEN 'pass'
            -- xe has SR-IOV for some platforms alone: not for Meteor, Arrow and Lunar Lake.
            WHEN a.driver = 'xe' AND a.device IN ('7d40', '7d45', '7d55', '7d60', '7dd5', '7d41', '7d51', '7d67', '7dd1',
                                                  'b640', '6420', '64a0', '64b0') THEN 'fail'
            WHEN a.driver = 'i915' AND m.value IS NULL AND (d.version = 'none' OR o.state = 'complete') THEN 'fail'
            WHEN a.sriov_totalvfs > 0 AND (a.driver <> 'i915' OR m.value IS NOT NULL OR d.version <> 'none') THEN 'pass'
            WHEN a.driver = 'xe' AND coalesce(c.max_vfs, 0) = 0 AND k.cmdline IS NOT NULL
                 AND k.release_key < version_key('6.17') THEN 'fail'
            WHEN a.driver = 'i915' AND d.version <> 'none' AND k.cmdline IS NOT NULL AND coalesce(c.max_vfs, 0) = 0
                 AND coalesce(c.enable_guc, 0) = 0 THEN 'fail'
            WHEN a.sriov_totalvfs = 0 THEN 'fail'
            ELSE 'unknown' END AS result,
       a.address || ' is bound to ' || coalesce(a.driver, 'a driver not seen') || ', i915-sriov-dkms '
         || coalesce(d.version, 'not seen') || ', its parameter max_vfs '
         || coalesce(m.value, CASE WHEN o.state = 'complete' THEN 'none' ELSE 'not seen' END)
         || ', kernel ' || coalesce(k.release, 'not seen') || ', command line: '
         || coalesce(c.listing, CASE WHEN k.cmdline IS NULL THEN 'not seen' ELSE 'no max_vfs' END) AS evidence
FROM accelerator a
LEFT JOIN kernel k ON k.host = a.host
LEFT JOIN software d ON d.host = a.host AND d.name = 'i915-sriov-dkms'
LEFT JOIN module_parameter m ON m.host = a.host AND m.module = a.driver AND m.parameter = 'max_vfs'
LEFT JOIN observed o ON o.host = a.host AND o.tbl = 'module_parameter' AND o.subject = a.driver
LEFT JOIN (SELECT host, COUNT(CASE WHEN name IN ('i915.max_vfs', 'xe.max_vfs') AND value <> '0' THEN 1 END) AS max_vfs,
                  COUNT(CASE WHEN name = 'i915.enable_guc' AND value IN ('3', '2') THEN 1 END) AS enable_guc,
                  sorted_list(name || '=' || coalesce(value, '?')) AS listing
           FROM cmdline_option
           WHERE which = 'running' AND name IN ('i915.max_vfs', 'i915.enable_guc', 'xe.max_vfs')
           GROUP BY host) c ON c.host = a.host
WHERE a.vendor = '8086' AND a.is_vf = 0 AND a.kind = 'gpu';

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('vf-autoprobe', 'New VFs are not grabbed by the host''s own driver', 'notes', ':vf -@foreign',
  'Write 0 to sriov_drivers_autoprobe before creating VFs that are meant for guests, or bind each VF to vfio-pci afterwards.',
  'kernel:Documentation/ABI/testing/sysfs-bus-pci');
CREATE VIEW rule_vf_autoprobe AS
SELECT p.host, p.address AS subject, NULL AS surface, 'vf' AS share,
       CASE WHEN p.sriov_drivers_autoprobe = 1 THEN 'fail' WHEN p.sriov_drivers_autoprobe = 0 THEN 'pass'
            ELSE 'unknown' END AS result,
       p.address || ': sriov_drivers_autoprobe '
         || coalesce(CAST(p.sriov_drivers_autoprobe AS TEXT), 'not seen') AS evidence
FROM pci_function p
JOIN accelerator a ON a.host = p.host AND a.address = p.address
WHERE a.is_vf = 0 AND p.sriov_totalvfs IS DISTINCT FROM 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('vf-free-for-vm', 'A VF is free for a VM', 'degrades', ':vf -@foreign',
  'Bind the VF to vfio-pci or its variant driver; leave those on the host''s graphics driver alone.',
  'kernel:Documentation/driver-api/vfio.rst',
  'accelerator.is_vf=1');
CREATE VIEW rule_vf_free_for_vm AS
SELECT v.host, v.address AS subject, NULL AS surface, 'vf' AS share,
       CASE WHEN v.driver IN ('none', 'pci-stub') OR replace(v.driver, 'vfio', '') <> v.driver THEN 'pass'
            WHEN v.driver IS NOT NULL THEN 'fail' ELSE 'unknown' END AS result,
       'VF ' || v.address || ' is bound to ' || coalesce(v.driver, 'a driver not seen') AS evidence
FROM accelerator v
LEFT JOIN accelerator f ON f.host = v.host AND f.address = v.parent
WHERE v.is_vf = 1 AND v.vendor IS DISTINCT FROM '10de';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('vf-bus-numbers', 'The bridge above has bus numbers left for the VFs', 'blocks', ':vf :vgpu :mig-vgpu',
  'Enable SR-IOV (and ARI) in the firmware setup so that it reserves bus numbers, or boot with pci=assign-busses.',
  'kernel:drivers/pci/iov.c (sriov_enable) | kernel:Documentation/admin-guide/kernel-parameters.txt',
  'kernel_message');
CREATE VIEW rule_vf_bus_numbers AS
SELECT p.host, p.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN p.sriov_numvfs > 0 THEN 'pass' ELSE 'fail' END AS result,
       p.address || ', VFs now: ' || coalesce(CAST(p.sriov_numvfs AS TEXT), 'not seen') || ', kernel log: '
         || m.first_line AS evidence
FROM pci_function p
JOIN (SELECT host, address, MIN(message) AS first_line FROM kernel_message
      WHERE kind = 'sriov-not-enough-buses' AND message IS NOT NULL GROUP BY host, address) m
  ON m.host = p.host AND m.address = p.address;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('amd-gim-vf-count', 'This gim makes as many VFs of an MI300 as are wanted', 'blocks', ':vf -@foreign',
  'Ask for one VF a GPU, or try gim 8.4.1.K and later: 8.4.0.K has a limit of one (exceeds the vf limit 1).',
  'https://github.com/amd/MxGPU-Virtualization/issues/13',
  'accelerator.vendor=1002 intent.vfs');
CREATE VIEW rule_amd_gim_vf_count AS
SELECT a.host, a.address AS subject, NULL AS surface, 'vf' AS share,
       CASE WHEN a.device IS NOT NULL AND i.vfs > 1 AND coalesce(g.version_key, l.version_key) < version_key('8.4.1') THEN 'fail'
            WHEN i.vfs <= 1 OR a.sriov_numvfs >= i.vfs THEN 'pass'
            ELSE 'unknown' END AS result,
       a.address || ': ' || CAST(i.vfs AS TEXT) || ' VFs wanted, gim ' || coalesce(g.version, l.version, '(version not seen)')
         AS evidence
FROM accelerator a
JOIN intent i ON i.host = a.host AND i.vfs IS NOT NULL
LEFT JOIN software g ON g.host = a.host AND g.name = 'gim'
LEFT JOIN module l ON l.host = a.host AND l.module = 'gim'
WHERE a.vendor = '1002' AND a.is_vf = 0 AND (a.device IS NULL OR a.device IN ('74a1', '74a5', '74a9'));

-- Proxmox kernels of July 2025, from an update of Ubuntu's.
INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('kernel-opens-vfs', 'The kernel is none of those that refuse to open VFs', 'blocks', '@vfio -:whole -:vgpu -:mig-vgpu',
  'Boot another kernel and pin it (proxmox-boot-tool kernel pin 6.8.12-11-pve, or 6.14.8-2 and later): with these QEMU says '
  || '"error getting device from group: Permission denied" for VFs of GPUs and NICs.',
  'https://github.com/strongtz/i915-sriov-dkms/issues/322 | https://github.com/strongtz/i915-sriov-dkms/issues/321 | '
  || 'https://github.com/strongtz/i915-sriov-dkms/issues/312');
CREATE VIEW rule_kernel_opens_vfs AS
SELECT s.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN k.release IN ('6.8.12-12-pve', '6.14.6-1-pve', '6.14.6-1-bpo12-pve', '6.14.8-1-pve', '6.14.8-1-bpo12-pve')
              THEN 'fail'
            WHEN k.release IS NOT NULL THEN 'pass'
            ELSE 'unknown' END AS result,
       'kernel ' || coalesce(k.release, 'not seen') AS evidence
FROM host_summary s
LEFT JOIN kernel k ON k.host = s.host;
