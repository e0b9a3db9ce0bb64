-- Ways out of the rules on what a tenant leaves. SPDX-License-Identifier: Apache-2.0

INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('scrub-memory', 'tenant-memory-cleared', 'advice', 'drain', 'Overwrite the device''s memory before the next tenant', 'exact'),
 ('own-bridge', 'tenant-bus-reset', 'advice', 'hardware', 'Put the GPU behind a bridge of its own', 'equivalent'),
 ('record-firmware', 'tenant-firmware-on-record', 'advice', 'live', 'Record the VBIOS version before giving the device away', 'exact'),
 ('default-settings', 'tenant-settings-default', 'advice', 'drain', 'Put MIG mode, ECC and confidential mode back', 'exact'),
 ('no-unsafe-interrupts', 'tenant-no-unsafe-interrupts', 'modprobe', 'reload', 'Take allow_unsafe_interrupts away', 'exact');

CREATE VIEW step_no_unsafe_interrupts AS
SELECT d.host, '' AS subject, 'modprobe' AS kind, substr(d.file, 17) AS target, '-options vfio_iommu_type1 allow_unsafe_interrupts' AS want
FROM module_directive d
WHERE d.directive = 'options' AND d.module = 'vfio_iommu_type1' AND substr(d.file, 1, 16) = '/etc/modprobe.d/'
  AND replace(d.argument, 'allow_unsafe_interrupts', '') <> d.argument
UNION ALL
SELECT c.host, '' AS subject, 'kernel-cmdline' AS kind, '' AS target, '-vfio_iommu_type1.allow_unsafe_interrupts' AS want
FROM cmdline_option c
WHERE c.which = 'running' AND c.name = 'vfio_iommu_type1.allow_unsafe_interrupts';
