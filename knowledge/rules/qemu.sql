-- QEMU: what single releases lack. SPDX-License-Identifier: Apache-2.0

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('qemu-aligns-large-bars', 'QEMU maps large BARs so that huge pages can be used', 'degrades', '@qemu -:vgpu -:mig-vgpu -:mig',
  'Use QEMU 9.2 or later (10.1 by an operator''s report) with Linux 6.12 or later, or x-no-mmap=true: otherwise a guest with a large BAR stalls at start.',
  'https://gitlab.com/redhat/centos-stream/src/qemu-kvm/-/merge_requests/366 | https://www.ubicloud.com/blog/virtualizing-nvidia-hgx-b200-gpus-with-open-source');
CREATE VIEW rule_qemu_aligns_large_bars AS
SELECT a.host, a.address AS subject, NULL AS surface, 'whole' AS share,
       CASE WHEN a.largest_bar_bytes < 17179869184 OR v.version_key >= version_key('9.2') THEN 'pass'
            WHEN a.largest_bar_bytes >= 17179869184 AND v.version_key < version_key('9.2') THEN 'fail'
            ELSE 'unknown' END AS result,
       a.address || ': largest BAR ' || coalesce(size_text(a.largest_bar_bytes), 'not seen') || ', QEMU '
         || coalesce(v.version, 'of unseen version') AS evidence
FROM accelerator a
LEFT JOIN program v ON v.host = a.host AND v.name = 'qemu'
WHERE a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('qemu-iommufd', 'This QEMU can use iommufd', 'blocks', '@qemu -:vgpu -:mig-vgpu -:mig',
  'Use QEMU 9.0 or later, or leave iommufd off.',
  'qemu/qemu:docs/devel/vfio-iommufd.rst | https://lore.kernel.org/qemu-devel/20250217173455.449983-1-clg@redhat.com',
  'intent.iommufd=1 intent.vmm=?qemu');
CREATE VIEW rule_qemu_iommufd AS
SELECT s.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN v.version_key >= version_key('9.0') THEN 'pass' WHEN v.version_key < version_key('9.0') THEN 'fail'
            ELSE 'unknown' END AS result,
       'iommufd wanted, QEMU ' || coalesce(v.version, 'of unseen version') AS evidence
FROM host_summary s
JOIN intent t ON t.host = s.host AND t.iommufd = 1
LEFT JOIN program v ON v.host = s.host AND v.name = 'qemu'
WHERE coalesce(t.vmm, 'qemu') = 'qemu';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('libvirt-iommufd', 'This libvirt can hand out devices by iommufd', 'degrades', '@libvirt -:vgpu -:mig-vgpu -:mig',
  'Use libvirt 12.1 or later (12.2 for the whole domain).',
  'libvirt/libvirt:NEWS.rst',
  'intent.iommufd=1');
CREATE VIEW rule_libvirt_iommufd AS
SELECT s.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN w.version_key >= version_key('12.1.0') THEN 'pass' WHEN w.version_key < version_key('12.1.0') THEN 'fail'
            ELSE 'unknown' END AS result,
       'iommufd wanted, libvirt ' || coalesce(w.version, 'not seen') AS evidence
FROM host_summary s
JOIN intent t ON t.host = s.host AND t.iommufd = 1
LEFT JOIN software w ON w.host = s.host AND w.name = 'libvirt';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('qemu-root-port', 'The GPU is put behind a PCIe root port', 'blocks', '@qemu -:vgpu -:mig-vgpu -:mig -kata',
  'Add -device pcie-root-port and put the GPU on its bus: B200 and B300 do not start on the root bus, and firmware finds large BARs there only.',
  'ubicloud/ubicloud commit 3e2fa8488 | https://github.com/cloud-hypervisor/cloud-hypervisor/issues/5108',
  'intent.root_port');
CREATE VIEW rule_qemu_root_port AS
SELECT a.host, a.address AS subject, NULL AS surface, 'whole' AS share,
       CASE WHEN t.root_port = 1 OR (a.device IS NOT NULL AND a.device NOT IN ('2901', '3182')
                                     AND coalesce(a.model, '') NOT IN ('B200', 'B300')) THEN 'pass'
            WHEN t.root_port = 0 AND a.device IS NOT NULL THEN 'fail'
            ELSE 'unknown' END AS result,
       coalesce(a.name, a.address) || ', root port: ' || CASE WHEN t.root_port = 1 THEN 'yes' ELSE 'no' END AS evidence
FROM accelerator a
JOIN intent t ON t.host = a.host AND t.root_port IS NOT NULL
WHERE a.is_vf = 0 AND coalesce(a.vendor, '10de') = '10de';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('i440fx-large-bar', 'A device with large BARs is on a PCI Express machine', 'degrades', '@qemu -:vgpu -:mig-vgpu -:mig -kata',
  'Use the machine type q35 (virt on Arm): i440fx has no PCI Express, hides extended capabilities, and its bridges have small windows.',
  'https://github.com/kata-containers/runtime/issues/2432 | qemu/qemu:docs/pcie.txt',
  'intent.machine_type');
CREATE VIEW rule_i440fx_large_bar AS
SELECT a.host, a.address AS subject, NULL AS surface, 'whole' AS share,
       CASE WHEN t.machine_type <> 'pc' OR a.largest_bar_bytes < 4294967296 THEN 'pass'
            WHEN t.machine_type = 'pc' AND a.largest_bar_bytes >= 4294967296 THEN 'fail' ELSE 'unknown' END AS result,
       a.address || ': largest BAR ' || coalesce(size_text(a.largest_bar_bytes), 'not seen') || ', machine type '
         || t.machine_type AS evidence
FROM accelerator a
JOIN intent t ON t.host = a.host AND t.machine_type IS NOT NULL
WHERE a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('microvm-has-pcie', 'QEMU''s microvm machine has a PCI bus', 'blocks', 'qemu-microvm',
  'Add pcie=on to the machine (-M microvm,pcie=on): by default microvm has none, and vfio-pci says "No ''PCI'' bus found".',
  'https://github.com/microvm-nix/microvm.nix/pull/90 | qemu/qemu:docs/system/i386/microvm.rst',
  'intent_argument.target=vmm');
CREATE VIEW rule_microvm_has_pcie AS
SELECT a.host, '' AS subject, 'qemu-microvm' AS surface, NULL AS share,
       CASE WHEN has_word(replace(a.value, ',', ' '), 'pcie=on') = 1 THEN 'pass'
            WHEN substr(a.value, 1, 7) = 'microvm' THEN 'fail'
            ELSE 'unknown' END AS result,
       'machine ' || coalesce(a.value, 'not given') AS evidence
FROM (SELECT host, MIN(value) AS value FROM intent_argument
      WHERE target = 'vmm' AND name IN ('-M', '-machine', '--machine') AND substr(coalesce(value, 'microvm'), 1, 7) = 'microvm'
      GROUP BY host) a;

-- vfio_pci_enable_rp_atomics() lets the emulated root port complete AtomicOps for a single function alone.
INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('qemu-atomics-single-function', 'QEMU lets the root port above the GPU complete AtomicOps', 'degrades', '@qemu -:vf -:partition',
  'Hand over the GPU alone, as one function behind a root port of its own (Proxmox: hostpci0: 0000:0b:00.0,pcie=1, not '
  || '0000:0b:00; no multifunction=on): else the guest says "PCIE atomic ops is not supported", and HIP''s hostcalls and '
  || 'RCCL fail ("operation cannot be performed in the present state").',
  'https://github.com/ROCm/legacy-rocm-build/issues/6520 | qemu/qemu:hw/vfio/pci.c (vfio_pci_enable_rp_atomics, 8.1)',
  'intent_argument.target=vmm');
CREATE VIEW rule_qemu_atomics_single_function AS
WITH given AS (
  SELECT host, replace(value, ',', ' ') AS words FROM intent_argument
  WHERE target = 'vmm' AND name IN ('-device', '--device') AND substr(value, 1, 8) = 'vfio-pci'
)
SELECT a.host, a.address AS subject, NULL AS surface, 'whole' AS share,
       CASE WHEN has_word(g.words, 'multifunction=on') = 1 THEN 'fail'
            WHEN has_word(g.words, 'multifunction=on') = 0 AND t.root_port = 1 THEN 'pass'
            ELSE 'unknown' END AS result,
       coalesce(a.name, a.address) || ': ' || g.words AS evidence
FROM accelerator a
JOIN given g ON g.host = a.host AND (has_word(g.words, 'host=' || a.address) = 1
                                     OR has_word(g.words, 'host=' || substr(a.address, 6)) = 1)
LEFT JOIN intent t ON t.host = a.host
WHERE a.vendor = '1002' AND a.kind = 'gpu' AND a.is_vf = 0;
