-- VMware ESXi, judged by knowledge and intent: its hosts are not probed. SPDX-License-Identifier: Apache-2.0

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('esxi-64-bit-mmio', 'The VM has 64-bit MMIO switched on for large BARs', 'blocks', 'esxi-passthrough:whole esxi-vgpu:vgpu esxi-vgpu:mig-vgpu',
  'Set pciPassthru.use64bitMMIO = TRUE in the VM''s advanced configuration.',
  'https://t2.re/archives/1199 | https://github.com/NVIDIA/gpu-operator/issues/492 | https://blogs.vmware.com/apps/2018/10/how-to-enable-nvidia-v100-gpu-in-passthrough-mode-on-vsphere-for-machine-learning-and-other-hpc-workloads.html',
  'intent.use_64bit_mmio|intent_argument.target=vmm');
CREATE VIEW rule_esxi_64_bit_mmio AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN x.wanted = 1 OR a.largest_bar_bytes < 4294967296
                 OR (a.largest_bar_bytes IS NULL AND m.model IN ('T4', 'P4')) THEN 'pass'
            WHEN x.wanted = 0 AND (a.largest_bar_bytes >= 4294967296 OR m.memory_gib >= 8 OR a.device IS NULL OR m.device IS NULL) THEN 'fail'
            ELSE 'unknown' END AS result,
       coalesce(a.name, a.address) || ': largest BAR ' || coalesce(size_text(a.largest_bar_bytes), 'not seen')
         || coalesce(', board memory ' || CAST(m.memory_gib AS TEXT) || ' GiB', '') || ', pciPassthru.use64bitMMIO '
         || CASE WHEN x.wanted = 1 THEN 'TRUE' ELSE 'not set' END AS evidence
FROM accelerator a
JOIN (SELECT s.host, CASE WHEN t.use_64bit_mmio IS NOT NULL THEN t.use_64bit_mmio
                          WHEN g.given > 0 THEN 1 WHEN g.seen > 0 THEN 0 END AS wanted
      FROM host_summary s
      LEFT JOIN intent t ON t.host = s.host
      LEFT JOIN (SELECT host, COUNT(CASE WHEN lower(name) = 'pcipassthru.use64bitmmio'
                                          AND lower(value) = 'true' THEN 1 END) AS given,
                        COUNT(CASE WHEN substr(lower(name), 1, 11) = 'pcipassthru' THEN 1 END) AS seen
                 FROM intent_argument WHERE target = 'vmm' GROUP BY host) g ON g.host = s.host) x
  ON x.host = a.host AND x.wanted IS NOT NULL
LEFT JOIN accelerator_model m ON m.vendor = a.vendor AND m.device = a.device AND m.subsystem = ''
WHERE a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('esxi-mmio-size', 'The VM''s 64-bit MMIO space is large enough for its devices', 'blocks', 'esxi-passthrough:whole esxi-vgpu:vgpu esxi-vgpu:mig-vgpu',
  'Set pciPassthru.64bitMMIOSizeGB: sum the devices'' memory, round up to a power of two, and double it (H100 80 GB: 80, 128, 256).',
  'https://knowledge.broadcom.com/external/article/323402/failed-to-power-on-virtual-machines-with.html | frankdenneman.nl 2023-05-30 | https://blogs.vmware.com/apps/2018/10/how-to-enable-nvidia-v100-gpu-in-passthrough-mode-on-vsphere-for-machine-learning-and-other-hpc-workloads.html',
  'intent.guest_mmio64_bytes');
CREATE VIEW rule_esxi_mmio_size AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN t.guest_mmio64_bytes >= n.needed THEN 'pass' WHEN t.guest_mmio64_bytes < n.needed THEN 'fail'
            ELSE 'unknown' END AS result,
       '64bitMMIOSizeGB ' || CAST(t.guest_mmio64_bytes / 1073741824 AS TEXT) || ', '
         || CAST(coalesce(t.devices, 1) AS TEXT) || ' x ' || coalesce(a.name, a.address) || ' need '
         || coalesce(CAST(n.needed / 1073741824 AS TEXT), 'an unknown number') || ' (BARs '
         || coalesce(size_text(a.bar_bytes), 'not seen')
         || coalesce(', board memory ' || CAST(m.memory_gib AS TEXT) || ' GiB', '') || ')' AS evidence
FROM accelerator a
JOIN intent t ON t.host = a.host AND t.guest_mmio64_bytes IS NOT NULL
              AND substr(coalesce(t.surface, 'esxi'), 1, 4) = 'esxi'
LEFT JOIN accelerator_model m ON m.vendor = a.vendor AND m.device = a.device AND m.subsystem = ''
LEFT JOIN (SELECT a2.host, a2.address,
                  CASE WHEN a2.bar_bytes > 0 THEN pow2(a2.bar_bytes * coalesce(t2.devices, 1))
                       WHEN m2.model IN ('T4', 'P4') THEN 0
                       ELSE 2 * pow2(m2.memory_gib * 1073741824 * coalesce(t2.devices, 1)) END AS needed
           FROM accelerator a2
           LEFT JOIN intent t2 ON t2.host = a2.host
           LEFT JOIN accelerator_model m2 ON m2.vendor = a2.vendor AND m2.device = a2.device AND m2.subsystem = '') n
       ON n.host = a.host AND n.address = a.address
WHERE a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('esxi-efi', 'A VM with large BARs boots by EFI', 'blocks', 'esxi-passthrough:whole esxi-vgpu:vgpu esxi-vgpu:mig-vgpu',
  'Create the VM with EFI firmware: BIOS VMs cannot map BARs above 4 GiB.',
  'https://docs.nvidia.com/ai-enterprise/release-5/5.2/appendix/appendix-misc.html',
  'intent.guest_firmware');
CREATE VIEW rule_esxi_efi AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN t.guest_firmware <> 'seabios' OR a.largest_bar_bytes < 4294967296 OR m.model IN ('T4', 'P4') THEN 'pass'
            WHEN t.guest_firmware = 'seabios' AND (a.largest_bar_bytes >= 4294967296 OR m.memory_gib >= 8) THEN 'fail'
            ELSE 'unknown' END AS result,
       coalesce(a.name, a.address) || ', firmware of the VM: ' || t.guest_firmware AS evidence
FROM accelerator a
JOIN intent t ON t.host = a.host AND t.guest_firmware IS NOT NULL
              AND substr(coalesce(t.surface, 'esxi'), 1, 4) = 'esxi'
LEFT JOIN accelerator_model m ON m.vendor = a.vendor AND m.device = a.device AND m.subsystem = ''
WHERE a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('esxi-device-count', 'ESXi passes as many devices to one VM as are wanted', 'blocks', 'esxi-passthrough:whole',
  'DirectPath takes 16 devices a VM in 7.x, 32 in 8.0, 64 in 8.0 U1, 128 in 8.0 U2, with the virtual hardware version of each.',
  'https://knowledge.broadcom.com/external/article/309986',
  'intent.devices');
CREATE VIEW rule_esxi_device_count AS
SELECT s.host, '' AS subject, 'esxi-passthrough' AS surface, 'whole' AS share,
       CASE WHEN t.devices <= 16 THEN 'pass'
            WHEN t.devices > 128 OR t.vmm_version_key < version_key('8.0')
                 OR (t.devices > 32 AND t.vmm_version_key < version_key('8.0.1'))
                 OR (t.devices > 64 AND t.vmm_version_key < version_key('8.0.2')) THEN 'fail'
            WHEN t.vmm_version IS NOT NULL THEN 'pass' ELSE 'unknown' END AS result,
       CAST(t.devices AS TEXT) || ' devices, ESXi ' || coalesce(t.vmm_version, 'version not given') AS evidence
FROM host_summary s
JOIN intent t ON t.host = s.host AND t.devices IS NOT NULL
WHERE coalesce(t.vmm, 'esxi') IN ('esxi', 'vmware', 'vmware-esxi');

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('esxi-no-snapshot', 'No vMotion or snapshot is wanted of a VM with DirectPath', 'blocks', 'esxi-passthrough:whole',
  'Use vGPU, or Enhanced DirectPath I/O (8.0 and later) where the device''s vendor implements it.',
  'https://vmw-docs.broadcom.com/en/VMware-vSphere/8.0/vsphere-vm-administration/GUID-5B3CAB26-5D06-4A99-92A0-3A04C69CE64B.html',
  'intent.snapshot');
CREATE VIEW rule_esxi_no_snapshot AS
SELECT s.host, '' AS subject, 'esxi-passthrough' AS surface, 'whole' AS share,
       CASE WHEN t.snapshot = 1 THEN 'fail' ELSE 'pass' END AS result,
       'snapshot or migration ' || CASE WHEN t.snapshot = 1 THEN 'wanted' ELSE 'not wanted' END AS evidence
FROM host_summary s
JOIN intent t ON t.host = s.host AND t.snapshot IS NOT NULL;

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('esxi-shared-direct', 'The ESXi host offers vGPU: its graphics type is Shared Direct', 'blocks', 'esxi-vgpu:vgpu esxi-vgpu:mig-vgpu',
  'Set the host graphics to Shared Direct, install the vGPU VIB of the release, and reboot or restart Xorg.',
  'https://docs.nvidia.com/vgpu/19.0/grid-vgpu-release-notes-vmware-vsphere/index.html');
CREATE VIEW rule_esxi_shared_direct AS
SELECT s.host, '' AS subject, 'esxi-vgpu' AS surface, NULL AS share,
       CASE WHEN g.value = 'shared-direct' THEN 'pass' WHEN g.value IS NOT NULL THEN 'fail' ELSE 'unknown' END AS result,
       'graphics type of the ESXi host: ' || coalesce(g.value, 'not known') AS evidence
FROM host_summary s
LEFT JOIN setting g ON g.host = s.host AND g.component = 'esxi' AND g.name = 'graphics-type';
