-- VFIO in the running kernel. SPDX-License-Identifier: Apache-2.0

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('vfio-pci-in-kernel', 'The running kernel has vfio-pci', 'blocks', '@vfio',
  'Boot a kernel with CONFIG_VFIO_PCI, CONFIG_VFIO and CONFIG_VFIO_IOMMU_TYPE1 (or CONFIG_IOMMUFD), or install its extra modules package.',
  'kernel:drivers/vfio/Kconfig | kata-containers/kata-containers:docs/use-cases/NVIDIA-GPU-passthrough-and-Kata.md | https://github.com/bryansteiner/gpu-passthrough-tutorial/issues/30');
CREATE VIEW rule_vfio_pci_in_kernel AS
SELECT s.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN m.state IN ('loaded', 'builtin', 'available') OR c.value IN ('y', 'm') OR s.vfio_bound > 0 THEN 'pass'
            WHEN m.state = 'absent' OR c.value = 'n' THEN 'fail' ELSE 'unknown' END AS result,
       'module vfio_pci ' || coalesce(m.state, 'not seen') || ', CONFIG_VFIO_PCI=' || coalesce(c.value, 'not seen')
         || ', functions on vfio-pci: ' || CAST(s.vfio_bound AS TEXT) AS evidence
FROM host_summary s
LEFT JOIN module m ON m.host = s.host AND m.module = 'vfio_pci'
LEFT JOIN kernel_config c ON c.host = s.host AND c.option = 'CONFIG_VFIO_PCI';

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('vfio-iommu-backend', 'The running kernel has a way to map guest memory for VFIO', 'blocks', '@vfio',
  'Boot a kernel with CONFIG_VFIO_IOMMU_TYPE1 (x86, Arm) or CONFIG_IOMMUFD with VFIO containers.',
  'kernel:drivers/vfio/Kconfig');
CREATE VIEW rule_vfio_iommu_backend AS
SELECT s.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN m.state IN ('loaded', 'builtin', 'available') OR c.value IN ('y', 'm') OR f.value IN ('y', 'm')
                 OR i.iommufd = 'present' THEN 'pass'
            WHEN m.state = 'absent' OR c.value = 'n' THEN 'fail' ELSE 'unknown' END AS result,
       'module vfio_iommu_type1 ' || coalesce(m.state, 'not seen') || ', CONFIG_VFIO_IOMMU_TYPE1='
         || coalesce(c.value, 'not seen') || ', CONFIG_IOMMUFD=' || coalesce(f.value, 'not seen') || ', /dev/iommu '
         || coalesce(i.iommufd, 'not seen') AS evidence
FROM host_summary s
LEFT JOIN iommu i ON i.host = s.host
LEFT JOIN module m ON m.host = s.host AND m.module = 'vfio_iommu_type1'
LEFT JOIN kernel_config c ON c.host = s.host AND c.option = 'CONFIG_VFIO_IOMMU_TYPE1'
LEFT JOIN kernel_config f ON f.host = s.host AND f.option = 'CONFIG_IOMMUFD';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('vfio-cdev-for-iommufd', 'VFIO by iommufd finds VFIO''s character devices', 'blocks', '@vfio',
  'Use Linux 6.6 or later with CONFIG_IOMMUFD and CONFIG_VFIO_DEVICE_CDEV (Debian''s kernels lack them), or leave iommufd off and use the legacy group.',
  'kernel:Documentation/driver-api/vfio.rst | https://github.com/kubevirt/kubevirt/issues/18895 | https://github.com/intel/tdx-linux/issues/8',
  'intent.iommufd=1');
CREATE VIEW rule_vfio_cdev_for_iommufd AS
SELECT s.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN i.vfio_cdev = 'present' OR (c.value = 'y' AND f.value IN ('y', 'm')) THEN 'pass'
            WHEN c.value = 'n' OR f.value = 'n' OR i.iommufd = 'none' OR k.release_key < version_key('6.6')
                 OR i.vfio_cdev = 'none' THEN 'fail'
            ELSE 'unknown' END AS result,
       '/dev/vfio/devices ' || coalesce(i.vfio_cdev, 'not seen') || ', /dev/iommu ' || coalesce(i.iommufd, 'not seen')
         || ', CONFIG_VFIO_DEVICE_CDEV=' || coalesce(c.value, 'not seen') || ', CONFIG_IOMMUFD='
         || coalesce(f.value, 'not seen') || ', kernel ' || coalesce(k.release, 'not seen') AS evidence
FROM host_summary s
JOIN intent t ON t.host = s.host
LEFT JOIN iommu i ON i.host = s.host
LEFT JOIN kernel k ON k.host = s.host
LEFT JOIN kernel_config c ON c.host = s.host AND c.option = 'CONFIG_VFIO_DEVICE_CDEV'
LEFT JOIN kernel_config f ON f.host = s.host AND f.option = 'CONFIG_IOMMUFD'
WHERE t.iommufd = 1;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('kubevirt-cdev', 'KubeVirt 1.9.0 finds VFIO''s character devices', 'blocks', 'kubevirt:whole kubevirt:vf',
  'Upgrade KubeVirt beyond 1.9.0, or boot a kernel with CONFIG_IOMMUFD and CONFIG_VFIO_DEVICE_CDEV: that release looks for /dev/vfio/devices although iommufd was not asked for.',
  'https://github.com/kubevirt/kubevirt/issues/18895',
  'software.name=kubevirt');
CREATE VIEW rule_kubevirt_cdev AS
SELECT s.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN w.version_key <> version_key('1.9.0') OR i.vfio_cdev = 'present' OR c.value = 'y' THEN 'pass'
            WHEN w.version_key = version_key('1.9.0') AND (i.vfio_cdev = 'none' OR c.value = 'n') THEN 'fail'
            ELSE 'unknown' END AS result,
       'KubeVirt ' || coalesce(w.version, 'not seen') || ', /dev/vfio/devices ' || coalesce(i.vfio_cdev, 'not seen')
         || ', CONFIG_VFIO_DEVICE_CDEV=' || coalesce(c.value, 'not seen') AS evidence
FROM host_summary s
JOIN software w ON w.host = s.host AND w.name = 'kubevirt' AND w.version IS DISTINCT FROM 'present'
LEFT JOIN iommu i ON i.host = s.host
LEFT JOIN kernel_config c ON c.host = s.host AND c.option = 'CONFIG_VFIO_DEVICE_CDEV';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('iommufd-peers', 'iommufd can map the BARs of peers where several devices go to one guest', 'degrades', '@vfio',
  'Use Linux 6.19 or later, or the legacy VFIO group: before, iommufd cannot map BARs, so PCIe peer-to-peer is off (NVLink is not affected).',
  'qemu/qemu:docs/devel/vfio-iommufd.rst | https://github.com/kata-containers/kata-containers/issues/12289 | kernel commit a3ebb59eee2e',
  'intent.iommufd=1');
CREATE VIEW rule_iommufd_peers AS
SELECT s.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN k.release_key >= version_key('6.19') THEN 'pass'
            WHEN k.release_key < version_key('6.19') THEN 'fail' ELSE 'unknown' END AS result,
       'iommufd with ' || coalesce(CAST(t.devices AS TEXT), 'several') || ' devices, kernel '
         || coalesce(k.release, 'not seen') AS evidence
FROM host_summary s
JOIN intent t ON t.host = s.host
LEFT JOIN kernel k ON k.host = s.host
WHERE t.iommufd = 1 AND (t.devices > 1 OR t.p2p_clique = 1);

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('vfio-group-node', 'VFIO''s device node of the group is there', 'blocks', '@vfio',
  'Load vfio and vfio_iommu_type1, look whether every endpoint of the group is free, and make /dev/vfio visible where the VMM runs (container, chroot).',
  'kernel:Documentation/driver-api/vfio.rst',
  'accelerator.driver=?vfio-pci');
CREATE VIEW rule_vfio_group_node AS
SELECT a.host, a.address AS subject, NULL AS surface, 'whole' AS share,
       CASE WHEN g.vfio_node = 'present' OR i.vfio_cdev = 'present' THEN 'pass' WHEN g.vfio_node = 'none' AND a.driver = 'vfio-pci' THEN 'fail'
            ELSE 'unknown' END AS result,
       a.address || ' is bound to ' || coalesce(a.driver, 'a driver not seen') || ', /dev/vfio/'
         || coalesce(a.iommu_group, '?') || ' ' || coalesce(g.vfio_node, 'not seen') AS evidence
FROM accelerator a
LEFT JOIN iommu_group g ON g.host = a.host AND g.iommu_group = a.iommu_group
LEFT JOIN iommu i ON i.host = a.host
WHERE a.is_vf = 0 AND (a.driver = 'vfio-pci' OR (a.driver IS NULL AND g.vfio_node IS NOT NULL));

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('kubevirt-permits-device', 'KubeVirt is told to offer this device', 'blocks', 'kubevirt:whole',
  'Add its id to permittedHostDevices.pciHostDevices of the KubeVirt resource (with externalResourceProvider where a device plugin offers it).',
  'kubevirt/user-guide:docs/compute/host-devices.md | https://github.com/NVIDIA/kubevirt-gpu-device-plugin/issues/45',
  'setting.name=permittedHostDevices');
CREATE VIEW rule_kubevirt_permits_device AS
SELECT a.host, a.address AS subject, 'kubevirt' AS surface, 'whole' AS share,
       CASE WHEN has_word(lower(replace(g.value, ',', ' ')), a.vendor || ':' || a.device) = 1 THEN 'pass'
            WHEN has_word(lower(replace(g.value, ',', ' ')), a.vendor || ':' || a.device) = 0 THEN 'fail'
            ELSE 'unknown' END AS result,
       a.address || ' is ' || coalesce(a.vendor || ':' || a.device, 'of an id not seen') || ', permittedHostDevices: '
         || coalesce(g.value, 'not seen') AS evidence
FROM accelerator a
JOIN setting g ON g.host = a.host AND g.component = 'kubevirt' AND g.name = 'permittedHostDevices'
WHERE a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('vfio-virqfd-gone', 'Nothing asks for the module vfio_virqfd on a kernel that has none', 'degrades', '@vfio',
  'Take vfio_virqfd out of modules-load.d and of the initramfs''s lists: since Linux 6.2 it is part of vfio. dracut and mkinitcpio '
  || 'fail on a module that is not there, and then the image that boots is an old one, or none.',
  'kernel:drivers/vfio/virqfd.c | https://github.com/uwzis/GPU-Passthrough-Manager/issues/40',
  'module_directive.module=vfio_virqfd');
CREATE VIEW rule_vfio_virqfd_gone AS
SELECT d.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN m.state IN ('loaded', 'builtin', 'available') THEN 'pass'
            WHEN m.state = 'absent' OR k.release_key >= version_key('6.2') THEN 'fail'
            WHEN k.release_key < version_key('6.2') THEN 'pass'
            ELSE 'unknown' END AS result,
       'vfio_virqfd is asked for in ' || d.files || ', kernel ' || coalesce(k.release, 'not seen') || ', module '
         || coalesce(m.state, 'not seen') AS evidence
FROM (SELECT host, sorted_list(file) AS files FROM module_directive
      WHERE module = 'vfio_virqfd' AND directive = 'load' GROUP BY host) d
LEFT JOIN kernel k ON k.host = d.host
LEFT JOIN module m ON m.host = d.host AND m.module = 'vfio_virqfd';
