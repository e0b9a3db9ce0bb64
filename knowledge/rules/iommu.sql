-- The IOMMU as a whole. SPDX-License-Identifier: Apache-2.0

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('iommu-on', 'The IOMMU is on: devices have IOMMU groups', 'blocks', '@vfio',
  'Enable VT-d, AMD-Vi or SMMU in the firmware and in the kernel (Intel: intel_iommu=on), then reboot.',
  'kernel:Documentation/driver-api/vfio.rst | https://github.com/cloud-hypervisor/cloud-hypervisor/pull/856 | NVIDIA/cloud-native-docs:confidential-containers/prerequisites.rst@52dcb7b');
CREATE VIEW rule_iommu_on AS
SELECT s.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN i.state = 'on' OR g.grouped > 0 OR l.told > 0 THEN 'pass'
            WHEN i.state = 'off' OR g.ungrouped > 0 OR c.told_off > 0 OR w.value = 'disabled' THEN 'fail'
            ELSE 'unknown' END AS result,
       'IOMMU ' || coalesce(i.state, 'state not seen')
         || CASE WHEN g.ungrouped > 0 THEN ', no IOMMU group: ' || g.without ELSE '' END
         || ', firmware table ' || coalesce(i.firmware_table, 'not seen')
         || ', command line: ' || coalesce(c.listing, CASE WHEN k.cmdline IS NULL THEN 'not seen'
                                                           ELSE 'no word of an IOMMU' END)
         || coalesce(', VT-d or AMD-Vi in the firmware: ' || w.value, '')
         || coalesce(', kernel log: ' || l.first_line, '') AS evidence
FROM host_summary s
LEFT JOIN iommu i ON i.host = s.host
LEFT JOIN kernel k ON k.host = s.host
LEFT JOIN setting w ON w.host = s.host AND w.component = 'firmware' AND w.name = 'vtd'
LEFT JOIN kernel_told l ON l.host = s.host AND l.kind = 'iommu-group' AND l.address = ''
LEFT JOIN (SELECT host, COUNT(CASE WHEN iommu_group <> 'none'
                                    AND iommu_group_origin IS DISTINCT FROM 'predicted' THEN 1 END) AS grouped,
                  COUNT(CASE WHEN iommu_group = 'none' THEN 1 END) AS ungrouped,
                  sorted_list(CASE WHEN iommu_group = 'none' THEN address END) AS without
           FROM accelerator GROUP BY host) g ON g.host = s.host
LEFT JOIN (SELECT host, COUNT(CASE WHEN has_word(replace(value, ',', ' '), 'off') = 1 THEN 1 END) AS told_off,
                  sorted_list(name || '=' || coalesce(value, '?')) AS listing
           FROM cmdline_option
           WHERE which = 'running' AND name IN ('intel_iommu', 'amd_iommu', 'iommu')
           GROUP BY host) c ON c.host = s.host;

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('accelerator-has-group', 'The IOMMU covers this accelerator: it is in a group', 'blocks', '@vfio',
  'Find out why the IOMMU leaves this device out: the firmware does not describe the unit above it, or it sits behind a VMD or RAID controller.',
  'kernel:Documentation/driver-api/vfio.rst | https://github.com/cloud-hypervisor/cloud-hypervisor/pull/856');
CREATE VIEW rule_accelerator_has_group AS
SELECT a.host, a.address AS subject, NULL AS surface, 'whole' AS share,
       CASE WHEN a.iommu_group = 'none' THEN 'fail'
            WHEN a.iommu_group <> 'none' AND a.iommu_group_origin IS DISTINCT FROM 'predicted' THEN 'pass'
            ELSE 'unknown' END AS result,
       a.address || ': IOMMU group ' || coalesce(a.iommu_group, 'not seen')
         || CASE WHEN a.iommu_group_origin = 'predicted' THEN ' (predicted)' ELSE '' END
         || ', IOMMU ' || coalesce(i.state, 'state not seen') AS evidence
FROM accelerator a
LEFT JOIN iommu i ON i.host = a.host
WHERE a.is_vf = 0 AND (i.state = 'on' OR (i.state IS NULL AND a.iommu_group = 'none'));

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('iommu-firmware-table', 'The firmware describes an IOMMU to the kernel', 'blocks', '@vfio',
  'Enable VT-d (Intel), AMD-Vi/IOMMU (AMD) or SMMU (Arm) in the firmware setup; on some AMD boards it sits under North Bridge or AER options.',
  'kernel:Documentation/arch/x86/iommu.rst | NVIDIA/cloud-native-docs:gpu-operator/deploy-kata-containers.rst@52dcb7b');
CREATE VIEW rule_iommu_firmware_table AS
SELECT s.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN i.state = 'on' OR i.firmware_table <> 'none' THEN 'pass'
            WHEN i.firmware_table = 'none' OR w.value = 'disabled' THEN 'fail'
            ELSE 'unknown' END AS result,
       'ACPI table of the IOMMU: ' || coalesce(i.firmware_table, 'not seen')
         || coalesce(', VT-d or AMD-Vi in the firmware: ' || w.value, '')
         || ', IOMMU ' || coalesce(i.state, 'state not seen') AS evidence
FROM host_summary s
LEFT JOIN iommu i ON i.host = s.host
LEFT JOIN setting w ON w.host = s.host AND w.component = 'firmware' AND w.name = 'vtd'
WHERE i.state = 'off' OR i.firmware_table = 'none' OR w.value = 'disabled';

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('intel-iommu-requested', 'An Intel host whose IOMMU is off asks for it with intel_iommu=on', 'blocks', '@vfio',
  'Add intel_iommu=on to the command line of the boot entry that really boots, and reboot: many kernels leave VT-d off unless told.',
  'kernel:Documentation/admin-guide/kernel-parameters.txt | https://github.com/strongtz/i915-sriov-dkms/issues/339 | NVIDIA/cloud-native-docs:gpu-operator/gpu-operator-kubevirt.rst@52dcb7b');
CREATE VIEW rule_intel_iommu_requested AS
SELECT s.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN i.state = 'on' OR c.asked > 0 OR p.vendor <> 'intel' OR g.grouped > 0 THEN 'pass'
            WHEN k.cmdline IS NULL OR coalesce(p.vendor, CASE WHEN i.firmware_table = 'DMAR' OR i.kind = 'intel'
                                                              THEN 'intel' END) IS NULL THEN 'unknown'
            WHEN i.state = 'off' OR g.ungrouped > 0 OR f.value = 'n' THEN 'fail'
            ELSE 'unknown' END AS result,
       'CPU ' || coalesce(p.vendor, 'vendor not seen') || ', IOMMU ' || coalesce(i.state, 'state not seen')
         || ', firmware table ' || coalesce(i.firmware_table, 'not seen')
         || CASE WHEN c.asked > 0 THEN ', intel_iommu=on is on the command line'
                 WHEN k.cmdline IS NULL THEN ', command line not seen'
                 ELSE ', the running command line has no intel_iommu=on' END AS evidence
FROM host_summary s
LEFT JOIN iommu i ON i.host = s.host
LEFT JOIN cpu p ON p.host = s.host
LEFT JOIN kernel k ON k.host = s.host
LEFT JOIN kernel_config f ON f.host = s.host AND f.option = 'CONFIG_INTEL_IOMMU_DEFAULT_ON'
LEFT JOIN (SELECT host, COUNT(CASE WHEN iommu_group <> 'none'
                                    AND iommu_group_origin IS DISTINCT FROM 'predicted' THEN 1 END) AS grouped,
                  COUNT(CASE WHEN iommu_group = 'none' THEN 1 END) AS ungrouped
           FROM accelerator GROUP BY host) g ON g.host = s.host
LEFT JOIN (SELECT host, COUNT(*) AS asked FROM cmdline_option
           WHERE which = 'running' AND name = 'intel_iommu' AND has_word(replace(value, ',', ' '), 'on') = 1
           GROUP BY host) c ON c.host = s.host
WHERE i.state = 'off' OR (i.state IS NULL AND g.ungrouped > 0);

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('interrupt-remapping', 'Interrupts of assigned devices are remapped, or the risk is accepted', 'blocks', '@vfio',
  'Enable interrupt remapping (x2APIC and VT-d in the firmware, no intremap=off, CONFIG_IRQ_REMAP). Where the platform lacks it: vfio_iommu_type1.allow_unsafe_interrupts=1, which lets a guest inject interrupts into the host.',
  'cloud-hypervisor/cloud-hypervisor:docs/vfio.md@ae44c29 | https://github.com/siderolabs/pkgs/pull/852');
CREATE VIEW rule_interrupt_remapping AS
SELECT s.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN i.interrupt_remapping = 'on' OR m.architecture <> 'x86_64' OR p.value IN ('Y', 'y', '1')
                 OR c.unsafe > 0 OR d.unsafe > 0 OR (l.remapped > 0 AND l.off = 0) THEN 'pass'
            WHEN i.interrupt_remapping = 'off' OR f.value = 'n' OR c.told_off > 0 THEN 'fail'
            WHEN l.off > 0 THEN 'fail'
            ELSE 'unknown' END AS result,
       'interrupt remapping ' || coalesce(i.interrupt_remapping, 'not seen')
         || ', CONFIG_IRQ_REMAP=' || coalesce(f.value, 'not seen')
         || ', allow_unsafe_interrupts=' || coalesce(p.value, 'not seen')
         || coalesce(', command line: ' || c.listing, '')
         || coalesce(', kernel log: ' || l.first_line, '') AS evidence
FROM host_summary s
LEFT JOIN iommu i ON i.host = s.host
LEFT JOIN machine m ON m.host = s.host
LEFT JOIN kernel_config f ON f.host = s.host AND f.option = 'CONFIG_IRQ_REMAP'
LEFT JOIN (SELECT host, COUNT(CASE WHEN kind = 'dmar-irq-remap-on' THEN 1 END) AS remapped,
                  COUNT(CASE WHEN kind <> 'dmar-irq-remap-on' THEN 1 END) AS off, MIN(message) AS first_line
           FROM kernel_message WHERE kind IN ('dmar-irq-remap-on', 'dmar-irq-remap-off', 'no-irq-remap')
           GROUP BY host) l ON l.host = s.host
LEFT JOIN module_parameter p ON p.host = s.host AND p.module = 'vfio_iommu_type1'
                            AND p.parameter = 'allow_unsafe_interrupts'
LEFT JOIN (SELECT host,
                  COUNT(CASE WHEN name = 'vfio_iommu_type1.allow_unsafe_interrupts'
                              AND value IN ('1', 'Y', 'y', 'none') THEN 1 END) AS unsafe,
                  COUNT(CASE WHEN name = 'nointremap' OR (name = 'intremap' AND value = 'off') THEN 1 END) AS told_off,
                  sorted_list(name || '=' || coalesce(value, '?')) AS listing
           FROM cmdline_option
           WHERE which = 'running'
             AND name IN ('vfio_iommu_type1.allow_unsafe_interrupts', 'intremap', 'nointremap')
           GROUP BY host) c ON c.host = s.host
LEFT JOIN (SELECT host, COUNT(*) AS unsafe FROM module_directive
           WHERE directive = 'options' AND module = 'vfio_iommu_type1'
             AND (has_word(argument, 'allow_unsafe_interrupts=1') = 1
                  OR has_word(argument, 'allow_unsafe_interrupts=Y') = 1)
           GROUP BY host) d ON d.host = s.host;

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('no-noiommu-mode', 'VFIO''s unsafe no-IOMMU mode is off', 'degrades', '@vfio',
  'Unset vfio.enable_unsafe_noiommu_mode: in that mode the device reaches all host memory, and no VMM isolates it.',
  'kernel:drivers/vfio/Kconfig | https://github.com/rust-vmm/vfio/issues/152');
CREATE VIEW rule_no_noiommu_mode AS
SELECT s.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN i.noiommu = 1 THEN 'fail' WHEN i.noiommu = 0 THEN 'pass' WHEN m.told > 0 THEN 'fail'
            ELSE 'unknown' END AS result,
       'vfio.enable_unsafe_noiommu_mode: '
         || CASE WHEN i.noiommu = 1 THEN 'on' WHEN i.noiommu = 0 THEN 'off' ELSE 'not seen' END
         || coalesce(', kernel log: ' || m.first_line, '') AS evidence
FROM host_summary s
LEFT JOIN iommu i ON i.host = s.host
LEFT JOIN kernel_told m ON m.host = s.host AND m.kind = 'vfio-no-iommu' AND m.address = '';

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('no-firmware-reserved-region', 'Firmware claims no 1:1 memory region for the device', 'blocks', '@vfio',
  'Switch off the platform feature that claims it (HP: shared memory features of the slot), or run a kernel that relaxes RMRRs; where the firmware has no such switch there is no clean way.',
  'kernel:Documentation/ABI/testing/sysfs-kernel-iommu_groups | https://github.com/harvester/harvester/issues/7340 | https://github.com/NVIDIA/OpenShell/issues/1780');
CREATE VIEW rule_no_firmware_reserved_region AS
SELECT p.host, p.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN m.told > 0 OR g.reserved_direct > 0 THEN 'fail'
            WHEN g.reserved_direct = 0 THEN 'pass'
            ELSE 'unknown' END AS result,
       p.address || ', IOMMU group ' || coalesce(p.iommu_group, 'not seen')
         || CASE WHEN p.iommu_group_origin = 'predicted' THEN ' (predicted)' ELSE '' END || ': direct reserved regions '
         || coalesce(CAST(g.reserved_direct AS TEXT), 'not seen')
         || coalesce(', kernel log: ' || m.first_line, '') AS evidence
FROM (SELECT host, address FROM accelerator UNION
      SELECT host, address FROM kernel_message WHERE kind IN ('rmrr-ineligible', 'firmware-1to1')) c
JOIN pci_function p ON p.host = c.host AND p.address = c.address
LEFT JOIN accelerator a ON a.host = p.host AND a.address = p.address
LEFT JOIN iommu_group g ON g.host = p.host AND g.iommu_group = p.iommu_group
LEFT JOIN (SELECT host, address, COUNT(*) AS told, MIN(message) AS first_line FROM kernel_message
           WHERE kind IN ('rmrr-ineligible', 'firmware-1to1') GROUP BY host, address) m
       ON m.host = p.host AND m.address = p.address
WHERE a.is_vf = 0 OR m.told > 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('iommu-covers-address-bits', 'The IOMMU maps as many address bits as the guest uses', 'degrades', '@vfio',
  'Cap the guest''s physical address bits at what the IOMMU covers (QEMU: -cpu …,guest-phys-bits=N or phys-bits=N): otherwise BARs land where DMA mapping fails with EINVAL.',
  'https://github.com/strongtz/i915-sriov-dkms/issues/359 | https://github.com/bpg/terraform-provider-proxmox/issues/1353');
CREATE VIEW rule_iommu_covers_address_bits AS
SELECT s.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN coalesce(t.guest_address_bits, p.physical_address_bits) > i.address_bits THEN 'fail'
            WHEN coalesce(t.guest_address_bits, p.physical_address_bits) <= i.address_bits THEN 'pass'
            ELSE 'unknown' END AS result,
       'IOMMU: ' || coalesce(CAST(i.address_bits AS TEXT), 'unseen') || ' bits, '
         || CASE WHEN t.guest_address_bits IS NULL THEN 'host CPU: ' ELSE 'guest: ' END
         || coalesce(CAST(coalesce(t.guest_address_bits, p.physical_address_bits) AS TEXT), 'unseen')
         || ' bits' AS evidence
FROM host_summary s
LEFT JOIN iommu i ON i.host = s.host
LEFT JOIN cpu p ON p.host = s.host
LEFT JOIN intent t ON t.host = s.host;

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('outer-hypervisor-gives-iommu', 'A host that is itself a VM was given a virtual IOMMU', 'blocks', '@vfio',
  'Use bare metal or an instance type with nested passthrough, or give the outer VM a virtual IOMMU (QEMU: intel-iommu,intremap=on).',
  'https://github.com/kata-containers/kata-containers/issues/10753 | https://github.com/NVIDIA/gpu-operator/issues/650');
CREATE VIEW rule_outer_hypervisor_gives_iommu AS
SELECT s.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN m.hypervisor = 'none' OR i.state = 'on' THEN 'pass'
            -- What the firmware describes is there, and the kernel has it off: that is this host's to mend.
            WHEN m.hypervisor <> 'none' AND i.firmware_table <> 'none' THEN 'pass'
            WHEN m.hypervisor <> 'none' AND (i.state = 'off' OR i.firmware_table = 'none') THEN 'fail'
            ELSE 'unknown' END AS result,
       'this host runs under: ' || coalesce(m.hypervisor, 'not seen')
         || ', IOMMU ' || coalesce(i.state, 'state not seen')
         || ', firmware table ' || coalesce(i.firmware_table, 'not seen') AS evidence
FROM host_summary s
LEFT JOIN machine m ON m.host = s.host
LEFT JOIN iommu i ON i.host = s.host
WHERE i.state = 'off' OR i.firmware_table = 'none';

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('no-iommu-faults', 'The kernel log has no IOMMU fault or PCIe error of the device', 'degrades', '@vfio',
  'Find the cause before handing the device out: a broken riser or slot (AER), a device that another owner still drives, or firmware that describes the IOMMU wrongly.',
  'kernel:Documentation/PCI/pcieaer-howto.rst | kernel:Documentation/arch/x86/iommu.rst');
CREATE VIEW rule_no_iommu_faults AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN m.told > 0 THEN 'fail' WHEN o.state = 'complete' THEN 'pass' ELSE 'unknown' END AS result,
       a.address || coalesce(', kernel log: ' || m.first_line, CASE WHEN o.state = 'complete' THEN ': no such line in the kernel log'
                                                                   ELSE ': kernel log not seen' END) AS evidence
FROM accelerator a
LEFT JOIN observed o ON o.host = a.host AND o.tbl = 'kernel_message' AND o.subject = ''
LEFT JOIN (SELECT k.host, x.address, COUNT(*) AS told, MIN(k.message) AS first_line
           FROM kernel_message k
           JOIN accelerator x ON x.host = k.host AND (x.address = k.address OR replace(k.message, x.address, '') <> k.message)
           WHERE k.kind IN ('dmar-fault', 'aer-error') GROUP BY k.host, x.address) m
       ON m.host = a.host AND m.address = a.address
WHERE a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('iommu-firmware-sound', 'The kernel does not call the firmware''s IOMMU tables broken', 'degrades', '@vfio',
  'Update the firmware: the kernel works around what it found wrong, or leaves units out.',
  'kernel:drivers/iommu/intel/dmar.c');
CREATE VIEW rule_iommu_firmware_sound AS
SELECT s.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN m.told > 0 THEN 'fail' WHEN o.state = 'complete' THEN 'pass' ELSE 'unknown' END AS result,
       coalesce('kernel log: ' || m.first_line, CASE WHEN o.state = 'complete' THEN 'no such line in the kernel log'
                                                     ELSE 'kernel log not seen' END) AS evidence
FROM host_summary s
LEFT JOIN observed o ON o.host = s.host AND o.tbl = 'kernel_message' AND o.subject = ''
LEFT JOIN kernel_told m ON m.host = s.host AND m.kind = 'dmar-firmware-bug' AND m.address = '';
