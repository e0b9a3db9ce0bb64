-- Ways out of the rules on what a tenant leaves. SPDX-License-Identifier: Apache-2.0

INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('scrub-memory', 'tenant-memory-cleared', 'advice', 'drain', 'Overwrite the device''s memory before the next tenant', 'exact'),
 ('own-bridge', 'tenant-bus-reset', 'advice', 'hardware', 'Put the GPU behind a bridge of its own', 'equivalent'),
 ('record-firmware', 'tenant-firmware-on-record', 'advice', 'live', 'Record the VBIOS version before giving the device away', 'exact'),
 ('default-settings', 'tenant-settings-default', 'mig', 'drain', 'Put MIG mode, ECC and confidential mode back', 'exact'),
 ('no-unsafe-interrupts', 'tenant-no-unsafe-interrupts', 'modprobe', 'reload', 'Take allow_unsafe_interrupts away', 'exact');
