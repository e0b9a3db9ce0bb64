-- The console that firmware put onto a BAR. SPDX-License-Identifier: Apache-2.0

INSERT INTO rule (id, title, impact, applies, resolution, reference, minds) VALUES
 ('boot-framebuffer-off-bar', 'No boot console sits on a BAR of the accelerator', 'blocks', '@vfio',
  'Release it: echo 0 > /sys/class/vtconsole/vtcon1/bind, then unbind efi-framebuffer.0 (or simple-framebuffer.0); for good: another primary display in the firmware, or initcall_blacklist=sysfb_init (older kernels: video=efifb:off) on the command line. Else mapping the BAR fails with "can''t reserve".',
  'https://github.com/harvester/pcidevices/issues/81 | kernel:drivers/firmware/sysfb.c',
  'framebuffer|kernel_told.kind=bar-cant-reserve|accelerator.class!=030200');
CREATE VIEW rule_boot_framebuffer_off_bar AS
SELECT a.host, a.address AS subject, NULL AS surface, 'whole' AS share,
       CASE WHEN f.sitting > 0 THEN 'fail'
            WHEN m.told > 0 AND a.boot_vga IS DISTINCT FROM 0 THEN 'fail'
            WHEN o.state = 'complete' AND coalesce(f.unsure, 0) = 0 THEN 'pass'
            WHEN substr(a.class, 1, 4) <> '0300' OR (a.boot_vga = 0 AND coalesce(f.unsure, 0) = 0) THEN 'pass'
            WHEN c.off > 0 AND coalesce(f.unsure, 0) = 0 THEN 'pass'
            ELSE 'unknown' END AS result,
       a.address || CASE WHEN a.boot_vga = 1 THEN ' is the boot display' WHEN a.boot_vga = 0 THEN ' is not the boot display'
                         ELSE '' END || ': '
         || CASE WHEN f.sitting > 0 THEN f.listing || ' sits on it'
                 WHEN o.state = 'complete' THEN 'no boot framebuffer on it'
                 WHEN substr(a.class, 1, 4) <> '0300' THEN 'class ' || a.class || ' is no VGA controller'
                 ELSE 'framebuffers not seen' END
         || coalesce(', command line: ' || c.listing, '')
         || coalesce(', kernel log: ' || m.first_line, '') AS evidence
FROM accelerator a
LEFT JOIN observed o ON o.host = a.host AND o.tbl = 'framebuffer' AND o.subject = ''
LEFT JOIN (SELECT a2.host, a2.address,
                  COUNT(CASE WHEN x.address = a2.address OR b.address IS NOT NULL
                              OR (x.address IS NULL AND x.start_address IS NULL AND a2.boot_vga = 1) THEN 1 END) AS sitting,
                  COUNT(CASE WHEN x.address IS NULL AND b.address IS NULL AND a2.boot_vga IS NULL THEN 1 END) AS unsure,
                  sorted_list(CASE WHEN x.address = a2.address OR b.address IS NOT NULL
                                     OR (x.address IS NULL AND x.start_address IS NULL AND a2.boot_vga = 1)
                                   THEN x.name || ' (' || coalesce(x.driver, 'driver not seen') || ')'
                                     || coalesce(' in BAR ' || CAST(b.bar AS TEXT), '') END) AS listing
           FROM accelerator a2
           JOIN framebuffer x ON x.host = a2.host AND x.driver IS DISTINCT FROM 'none'
                AND coalesce(x.driver, 'efifb') IN ('efifb', 'simpledrm', 'simplefb', 'simple-framebuffer', 'vesafb', 'efidrm',
                                                    'vesadrm', 'ofdrm', 'offb', 'efi-framebuffer')
           LEFT JOIN pci_bar b ON b.host = a2.host AND b.address = a2.address AND b.kind = 'bar'
                              AND x.address IS DISTINCT FROM 'none' AND x.start_address > 0
                              AND x.start_address >= b.start_address
                              AND x.start_address < b.start_address + b.size_bytes
           WHERE a2.is_vf = 0
           GROUP BY a2.host, a2.address) f ON f.host = a.host AND f.address = a.address
LEFT JOIN kernel_told m ON m.host = a.host AND m.kind = 'bar-cant-reserve' AND m.address = a.address
LEFT JOIN (SELECT host, COUNT(*) AS off, sorted_list(name || '=' || coalesce(value, '?')) AS listing
           FROM cmdline_option
           WHERE which = 'running'
             AND ((name = 'video' AND value IN ('efifb:off', 'vesafb:off', 'simplefb:off', 'vesafb:off,efifb:off', 'efifb:off,vesafb:off'))
               OR (name = 'initcall_blacklist' AND has_word(replace(value, ',', ' '), 'sysfb_init') = 1)
               OR name = 'nofb')
           GROUP BY host) c ON c.host = a.host
WHERE a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference, minds) VALUES
 ('not-the-only-console', 'The accelerator is not the display that the host boots on', 'notes', '@vfio',
  'Choose another primary display in the firmware setup, or run the host by serial or network: once the guest has this device, the host has no console, and some cards show a VBIOS that the boot has altered.',
  'kernel:Documentation/ABI/testing/sysfs-bus-pci | https://github.com/harvester/pcidevices/issues/81',
  'accelerator.boot_vga!=0 accelerator.class!=030200');
CREATE VIEW rule_not_the_only_console AS
SELECT a.host, a.address AS subject, NULL AS surface, 'whole' AS share,
       CASE WHEN a.boot_vga = 0 OR substr(a.class, 1, 4) <> '0300' THEN 'pass' WHEN a.boot_vga = 1 THEN 'fail'
            ELSE 'unknown' END AS result,
       a.address || ': boot_vga ' || coalesce(CAST(a.boot_vga AS TEXT), 'not seen') || ', class '
         || coalesce(a.class, 'not seen') AS evidence
FROM accelerator a
WHERE a.is_vf = 0;
