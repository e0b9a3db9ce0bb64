-- The guest: its address space, firmware and driver. SPDX-License-Identifier: Apache-2.0

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('guest-bits-within-host', 'The guest is given no more physical address bits than the host has', 'blocks', '@vm -@foreign',
  'Use the host''s width (QEMU: -cpu host,host-phys-bits=on, or phys-bits=N): OVMF since edk2-stable202211 uses all of it and faults beyond the host''s.',
  'https://github.com/tianocore/edk2/issues/9340',
  'intent.guest_address_bits');
CREATE VIEW rule_guest_bits_within_host AS
SELECT s.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN t.guest_address_bits > c.physical_address_bits THEN 'fail'
            WHEN t.guest_address_bits <= c.physical_address_bits THEN 'pass' ELSE 'unknown' END AS result,
       'guest: ' || CAST(t.guest_address_bits AS TEXT) || ' physical address bits, host: '
         || coalesce(CAST(c.physical_address_bits AS TEXT), 'not seen')
         || coalesce(', firmware ' || t.guest_firmware || coalesce(' ' || t.guest_firmware_version, ''), '') AS evidence
FROM host_summary s
JOIN intent t ON t.host = s.host AND t.guest_address_bits > 0
LEFT JOIN cpu c ON c.host = s.host;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('guest-window-holds-bars', 'The VMM''s PCI windows hold the BARs of the device', 'blocks', '@vfio',
  'Give the VMM or firmware a 64-bit MMIO window of at least the sum of the BARs, rounded up to a power of two (OVMF: -fw_cfg name=opt/ovmf/X-PciMmio64Mb,string=N); with a 32-bit window alone: shrink the BAR (resourceN_resize) or switch Resizable BAR off.',
  'https://github.com/LekKit/RVVM/issues/197 | https://github.com/tianocore/edk2/issues/8745 | https://github.com/kata-containers/kata-containers/issues/2938',
  'intent.guest_mmio64_bytes|intent.guest_mmio32_bytes');
CREATE VIEW rule_guest_window_holds_bars AS
SELECT p.host, p.address AS subject, NULL AS surface, 'whole' AS share,
       CASE WHEN t.guest_mmio64_bytes > 0 AND b.largest * coalesce(t.devices, 1) > t.guest_mmio64_bytes
                 AND b.largest > coalesce(t.guest_mmio32_bytes, 0) THEN 'fail'
            WHEN coalesce(t.guest_mmio64_bytes, 0) = 0 AND t.guest_mmio32_bytes IS NOT NULL
                 AND b.largest > t.guest_mmio32_bytes THEN 'fail'
            WHEN t.guest_mmio64_bytes = 0 AND b.largest >= 4294967296 THEN 'fail'
            WHEN a.bar_bytes IS NULL AND m.memory_gib * 1073741824 * coalesce(t.devices, 1) > t.guest_mmio64_bytes
                 AND t.guest_mmio64_bytes > 0 AND m.model NOT IN ('T4', 'P4')
                 AND m.segment = 'datacenter' THEN 'fail'
            WHEN o.state = 'complete' AND b.unsure = 0
                 AND (a.bar_bytes * coalesce(t.devices, 1) <= t.guest_mmio64_bytes
                      OR a.bar_bytes * coalesce(t.devices, 1) <= t.guest_mmio32_bytes) THEN 'pass'
            ELSE 'unknown' END AS result,
       p.address || ': largest BAR ' || coalesce(size_text(b.largest), 'not seen')
         || coalesce(', board memory ' || CAST(m.memory_gib AS TEXT) || ' GiB', '')
         || ', ' || CAST(coalesce(t.devices, 1) AS TEXT) || ' device(s), the VMM''s window: 64-bit '
         || coalesce(CASE WHEN t.guest_mmio64_bytes = 0 THEN 'none' ELSE size_text(t.guest_mmio64_bytes) END, 'not given')
         || ', 32-bit ' || coalesce(size_text(t.guest_mmio32_bytes), 'not given') AS evidence
FROM pci_function p
JOIN intent t ON t.host = p.host AND (t.guest_mmio64_bytes IS NOT NULL OR t.guest_mmio32_bytes IS NOT NULL)
LEFT JOIN accelerator a ON a.host = p.host AND a.address = p.address
LEFT JOIN accelerator_model m ON m.vendor = p.vendor AND m.device = p.device AND m.subsystem = ''
LEFT JOIN observed o ON o.host = p.host AND o.tbl = 'pci_bar' AND o.subject = p.address
LEFT JOIN (SELECT host, address, MAX(size_bytes) AS largest, COUNT(CASE WHEN size_bytes IS NULL THEN 1 END) AS unsure
           FROM pci_bar WHERE kind = 'bar' AND io IS DISTINCT FROM 1 GROUP BY host, address) b
       ON b.host = p.host AND b.address = p.address
WHERE a.is_vf = 0 OR (a.address IS NULL AND substr(p.class, 1, 2) IN ('03', '12'));

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('ovmf-window-holds-bars', 'OVMF''s own 64-bit window holds the BARs of the device', 'blocks', '@qemu -:vgpu -:mig-vgpu',
  'Add -fw_cfg name=opt/ovmf/X-PciMmio64Mb,string=262144 (for 256 GiB), or use edk2-stable202211 or later with -cpu host,host-phys-bits=on. A guest without EFI is not concerned. Eight boards with BARs of 512 GiB need more than its eighth of 46 bits (8 TiB): edk2-stable202608 takes a quarter.',
  'https://github.com/tianocore/edk2/issues/8745 | https://github.com/kubevirt/kubevirt/issues/11093 | tianocore/edk2:OvmfPkg/README | '
  || 'https://github.com/tianocore/edk2/pull/12997',
  'intent.guest_firmware=ovmf');
CREATE VIEW rule_ovmf_window_holds_bars AS
SELECT a.host, a.address AS subject, NULL AS surface, 'whole' AS share,
       CASE WHEN t.guest_mmio64_bytes > 0 OR pow2(a.bar_bytes * coalesce(t.devices, 1)) <= 34359738368 THEN 'pass'
            WHEN coalesce(t.guest_firmware_version_key, e.version_key) >= version_key('202211') THEN
              CASE WHEN t.guest_address_bits = 46 AND t.devices > 1 AND pow2(a.bar_bytes) * t.devices >= 8796093022208
                        AND coalesce(t.guest_firmware_version_key, e.version_key) < version_key('202608') THEN 'fail'
                   WHEN t.guest_address_bits >= 46 AND pow2(a.bar_bytes) * coalesce(t.devices, 1) < 8796093022208 THEN 'pass'
                   WHEN t.guest_address_bits > 46 AND coalesce(t.devices, 1) = 1 THEN 'pass'
                   WHEN a.largest_bar_bytes * coalesce(t.devices, 1)
                        > CASE WHEN t.guest_address_bits <= 36 THEN 8589934592 WHEN t.guest_address_bits <= 39 THEN 68719476736
                               WHEN t.guest_address_bits <= 40 THEN 137438953472 WHEN t.guest_address_bits <= 42 THEN 549755813888
                               WHEN t.guest_address_bits <= 45 THEN 4398046511104 END THEN 'fail'
                   ELSE 'unknown' END
            WHEN coalesce(t.guest_firmware_version_key, e.version_key) < version_key('202211')
                 AND pow2(a.bar_bytes * coalesce(t.devices, 1)) > 34359738368 THEN 'fail'
            WHEN a.largest_bar_bytes * coalesce(t.devices, 1) >= 34359738368 AND t.guest_address_bits IS NULL
                 AND t.guest_firmware_version IS NULL AND e.version IS NULL THEN 'fail'
            ELSE 'unknown' END AS result,
       a.address || ': BARs ' || coalesce(size_text(a.bar_bytes), 'not seen') || ', '
         || CAST(coalesce(t.devices, 1) AS TEXT) || ' device(s), OVMF '
         || coalesce(t.guest_firmware_version, e.version, 'version not seen') || ' without X-PciMmio64Mb (32 GiB before edk2-stable202211), guest address bits '
         || coalesce(CAST(t.guest_address_bits AS TEXT), 'not given') AS evidence
FROM accelerator a
JOIN intent t ON t.host = a.host AND t.guest_firmware = 'ovmf'
LEFT JOIN software e ON e.host = a.host AND e.name = 'edk2' AND e.version_key IS NOT NULL
WHERE a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('guest-driver-knows-gpu', 'The guest''s driver drives this GPU', 'blocks', '@passthrough',
  'Put a driver into the guest that is no older than the GPU, and of a branch that still has it; Blackwell and Grace need the open kernel modules.',
  'NVIDIA/open-gpu-kernel-modules:src/nvidia/generated/g_nv_name_released.h | https://github.com/NVIDIA/nvtrust/issues/55',
  'intent.driver_version');
CREATE VIEW rule_guest_driver_knows_gpu AS
SELECT a.host, a.address AS subject, NULL AS surface, 'whole' AS share,
       CASE WHEN substr(t.driver_version_key, 1, 10) < substr(a.first_driver_key, 1, 10)
                 OR substr(t.driver_version_key, 1, 10) > substr(a.last_driver_key, 1, 10) THEN 'fail'
            WHEN substr(t.driver_version_key, 1, 10) >= substr(a.first_driver_key, 1, 10)
                 AND (a.last_driver = 'none' OR substr(t.driver_version_key, 1, 10) <= substr(a.last_driver_key, 1, 10)) THEN 'pass'
            WHEN a.first_driver IS NULL AND a.generation IN ('kepler', 'maxwell', 'pascal', 'volta', 'turing', 'ampere')
                 AND t.driver_version_key >= version_key('535')
                 AND (a.last_driver = 'none' OR substr(t.driver_version_key, 1, 10) <= substr(a.last_driver_key, 1, 10)) THEN 'pass'
            ELSE 'unknown' END AS result,
       'guest driver ' || t.driver_version || ', ' || coalesce(a.name, a.address) || ': first driver '
         || coalesce(a.first_driver, 'not known') || ', last branch ' || coalesce(a.last_driver, 'not known') AS evidence
FROM accelerator a
JOIN intent t ON t.host = a.host AND t.driver_version IS NOT NULL
WHERE a.is_vf = 0 AND coalesce(a.vendor, '10de') = '10de';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('geforce-driver-allows-vm', 'The guest''s GeForce driver runs in a VM', 'degrades', '@passthrough',
  'Use driver 465 or later in the guest; older ones stop with code 43 unless the hypervisor is hidden (kvm=off, hv_vendor_id).',
  'https://nvidia.custhelp.com/app/answers/detail/a_id/5173 | https://github.com/canonical/lxd/pull/7524',
  'intent.driver_version');
CREATE VIEW rule_geforce_driver_allows_vm AS
SELECT a.host, a.address AS subject, NULL AS surface, 'whole' AS share,
       CASE WHEN t.driver_version_key >= version_key('465') OR a.segment NOT IN ('consumer', 'mobile') THEN 'pass'
            WHEN t.driver_version_key < version_key('465') AND a.segment IN ('consumer', 'mobile') THEN 'fail'
            ELSE 'unknown' END AS result,
       coalesce(a.name, a.address) || ', guest driver ' || t.driver_version AS evidence
FROM accelerator a
JOIN intent t ON t.host = a.host AND t.driver_version IS NOT NULL
WHERE a.is_vf = 0 AND coalesce(a.vendor, '10de') = '10de';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('guest-window-within-host', 'The guest''s 64-bit window lies within what the processor can address', 'blocks', '@vm',
  'Ask for a smaller window: it must leave room for the guest''s memory below the processor''s limit (Hyper-V: '
  || 'Set-VM -HighMemoryMappedIoSpace 512MB on a processor with 36 bits).',
  'https://github.com/jamesstringer90/Easy-GPU-PV/issues/40 | https://github.com/microsoft/wslg/issues/33',
  'intent.guest_mmio64_bytes cpu.physical_address_bits');
CREATE VIEW rule_guest_window_within_host AS
SELECT t.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN pow2(t.guest_mmio64_bytes) >= c.reach THEN 'fail'
            WHEN pow2(t.guest_mmio64_bytes) < c.reach THEN 'pass'
            ELSE 'unknown' END AS result,
       'window ' || size_text(t.guest_mmio64_bytes) || ', the processor addresses '
         || coalesce(CAST(c.bits AS TEXT) || ' bits (' || size_text(c.reach) || ')', 'bits not seen') AS evidence
FROM intent t
JOIN (SELECT host, physical_address_bits AS bits,
             CASE physical_address_bits WHEN 36 THEN 68719476736 WHEN 38 THEN 274877906944 WHEN 39 THEN 549755813888
                  WHEN 40 THEN 1099511627776 WHEN 42 THEN 4398046511104 WHEN 43 THEN 8796093022208
                  WHEN 44 THEN 17592186044416 WHEN 45 THEN 35184372088832 WHEN 46 THEN 70368744177664
                  WHEN 48 THEN 281474976710656 WHEN 52 THEN 4503599627370496 END AS reach
      FROM cpu WHERE physical_address_bits IS NOT NULL) c ON c.host = t.host
WHERE t.guest_mmio64_bytes > 0;
