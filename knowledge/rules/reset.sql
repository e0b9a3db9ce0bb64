-- Resets and power states: whether the device comes back for the next guest. SPDX-License-Identifier: Apache-2.0

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('config-space-readable', 'The device answers with a readable config header', 'blocks', '*',
  'Power-cycle the host (cold, not warm). A header of 127 or all ones means that the device fell off the bus, mostly after an unbind that hung, a reset that failed or D3cold.',
  'https://github.com/bryansteiner/gpu-passthrough-tutorial/issues/39 | https://github.com/kata-containers/kata-containers/issues/11708');
CREATE VIEW rule_config_space_readable AS
SELECT p.host, p.address AS subject, NULL AS surface, NULL AS share,
       'fail' AS result,
       p.address || ': config header ' || coalesce(p.header_type, 'not read') || ', power state '
         || coalesce(p.power_state, 'not seen') || coalesce(', kernel log: ' || m.first_line, '') AS evidence
FROM pci_function p
JOIN accelerator a ON a.host = p.host AND a.address = p.address
LEFT JOIN kernel_told m ON m.host = p.host AND m.kind = 'unknown-header-type' AND m.address = p.address
WHERE p.header_type = 'broken' OR (p.header_type IS NULL AND (p.power_state = 'error' OR m.told > 0));

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('reset-method-present', 'The device can be reset between guests', 'degrades', '@vfio',
  'Give it to one tenant only, or reboot the host between tenants: without any reset method the next guest finds the state that the last one left.',
  'kernel:Documentation/ABI/testing/sysfs-bus-pci | kernel:Documentation/driver-api/vfio.rst');
CREATE VIEW rule_reset_method_present AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN a.reset_methods <> 'none' OR a.flr = 1 THEN 'pass'
            WHEN a.reset_methods = 'none' THEN 'fail' ELSE 'unknown' END AS result,
       a.address || ': reset methods ' || coalesce(a.reset_methods, 'not seen')
         || CASE WHEN a.flr = 1 THEN ', has FLR' WHEN a.flr = 0 THEN ', no FLR' ELSE '' END AS evidence
FROM accelerator a
WHERE a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('reset-comes-back', 'The chip is not one that stays down after a guest had it', 'degrades', '@vfio',
  'Polaris, Vega and early Navi have no function-level reset that works: load vendor-reset (for Vega 10 one with the PSP mode 1 reset) and write device_specific to reset_method, never let amdgpu touch the card, and expect to reboot the host after a guest crash.',
  'https://github.com/gnif/vendor-reset/pull/108 | https://github.com/gnif/vendor-reset/issues/52 | https://github.com/ROCm/legacy-rocm-build/issues/3414',
  'accelerator.reset_bug=yes|accelerator.vendor=?1002|kernel_message');
CREATE VIEW rule_reset_comes_back AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN has_word(a.reset_methods, 'flr') = 1 OR a.flr = 1 THEN CASE WHEN m.told > 0 THEN 'fail' ELSE 'pass' END
            WHEN a.reset_bug = 'yes' OR m.told > 0 THEN 'fail'
            ELSE 'unknown' END AS result,
       a.address || ' (' || coalesce(a.name, a.vendor || ':' || a.device, 'id not seen') || '): reset methods '
         || coalesce(a.reset_methods, 'not seen') || CASE WHEN a.flr = 0 THEN ', no FLR' ELSE '' END
         || coalesce(', module vendor_reset ' || v.state, '')
         || coalesce(', bound to ' || a.driver, '')
         || coalesce(', kernel log: ' || m.first_line, '') AS evidence
FROM accelerator a
LEFT JOIN module v ON v.host = a.host AND v.module = 'vendor_reset'
LEFT JOIN (SELECT host, address, COUNT(*) AS told, MIN(message) AS first_line FROM kernel_message
           WHERE kind IN ('reset-not-ready', 'smu-error') GROUP BY host, address) m
       ON m.host = a.host AND m.address = a.address
WHERE a.is_vf = 0 AND (a.reset_bug = 'yes' OR m.told > 0 OR (a.device IS NULL AND coalesce(a.vendor, '1002') = '1002'));

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('amd-pf-comes-back', 'A whole Instinct GPU is not one whose config space is reported to be lost at a reset', 'degrades', '@vfio',
  'Give the VM a VF made by gim instead of the whole function. With the whole one, expect to reboot the host when the VM stops: the reset of VFIO was seen to leave the config space at all ones, which no rescan mends.',
  'https://github.com/amd/MxGPU-Virtualization/issues/25',
  'accelerator.device=74a1|accelerator.device=75a3');
CREATE VIEW rule_amd_pf_comes_back AS
SELECT a.host, a.address AS subject, NULL AS surface, 'whole' AS share, 'fail' AS result,
       a.address || ' (' || coalesce(a.name, a.device) || '): reported in 2026-07 on Linux 7.0, reset methods '
         || coalesce(a.reset_methods, 'not seen') AS evidence
FROM accelerator a
WHERE a.is_vf = 0 AND a.vendor = '1002' AND a.device IN ('74a1', '75a3');

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('amd-reserved-from-boot', 'A card that amdgpu cannot hand over cleanly is reserved for VFIO from boot', 'degrades', '@vfio',
  'Reserve it with vfio-pci.ids and load vfio-pci first: what amdgpu has initialised, vendor-reset does not fully restore.',
  'https://github.com/gnif/vendor-reset/issues/52',
  'accelerator.reset_bug=yes|accelerator.vendor=?1002');
CREATE VIEW rule_amd_reserved_from_boot AS
SELECT a.host, a.address AS subject, NULL AS surface, 'whole' AS share,
       CASE WHEN a.driver NOT IN ('amdgpu', 'radeon') THEN 'pass'
            WHEN a.driver IS NOT NULL AND a.reset_bug = 'yes' THEN 'fail' ELSE 'unknown' END AS result,
       a.address || ' (' || coalesce(a.name, a.device, 'id not seen') || ') is bound to '
         || coalesce(a.driver, 'a driver not seen') AS evidence
FROM accelerator a
WHERE a.is_vf = 0 AND (a.reset_bug = 'yes' OR (a.device IS NULL AND coalesce(a.vendor, '1002') = '1002'));

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('reset-of-its-own', 'The device has a reset that touches nothing else', 'notes', '@vfio',
  'A bus or slot reset hits every function behind the same bridge: VFIO allows it only if one user owns them all, so pass the whole card to one guest.',
  'kernel:Documentation/ABI/testing/sysfs-bus-pci | kernel:drivers/vfio/pci/vfio_pci_core.c');
CREATE VIEW rule_reset_of_its_own AS
SELECT a.host, a.address AS subject, NULL AS surface, 'whole' AS share,
       CASE WHEN a.flr = 1 OR has_word(a.reset_methods, 'flr') = 1 OR has_word(a.reset_methods, 'af_flr') = 1
                 OR has_word(a.reset_methods, 'device_specific') = 1 OR has_word(a.reset_methods, 'pm') = 1
                 OR has_word(a.reset_methods, 'acpi') = 1 THEN 'pass'
            WHEN a.reset_methods IS NOT NULL THEN 'fail' ELSE 'unknown' END AS result,
       a.address || ': reset methods ' || coalesce(a.reset_methods, 'not seen') AS evidence
FROM accelerator a
WHERE a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('amd-more-than-bus-reset', 'An AMD GPU has more than a bus reset', 'degrades', '@vfio',
  'Expect that after a guest crash the card does not come back without a power cycle of the host; Instinct boards with FLR are not affected.',
  'https://github.com/ROCm/legacy-rocm-build/issues/3414',
  'accelerator.vendor=?1002');
CREATE VIEW rule_amd_more_than_bus_reset AS
SELECT a.host, a.address AS subject, NULL AS surface, 'whole' AS share,
       CASE WHEN a.vendor IS NULL THEN 'unknown'
            WHEN a.reset_methods IN ('bus', 'slot', 'slot bus', 'bus slot', 'pm bus', 'pm', 'none') THEN 'fail'
            WHEN a.reset_methods IS NOT NULL THEN 'pass' ELSE 'unknown' END AS result,
       a.address || ': reset methods ' || coalesce(a.reset_methods, 'not seen') AS evidence
FROM accelerator a
WHERE a.is_vf = 0 AND coalesce(a.vendor, '1002') = '1002';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('blackwell-flr', 'No GPU whose function-level reset is reported to hang it', 'degrades', '@vfio',
  'Test a shutdown and a crash of the guest before relying on it; write bus to reset_method if FLR hangs the card. Reported for GeForce RTX 50 and RTX PRO 6000 Blackwell, not for H100, B200 or RTX 4090.',
  'https://github.com/NVIDIA/open-gpu-kernel-modules/issues/853 | https://www.guiahardware.es/rtx-5090-y-rtx-6000-pro-el-bug-de-reset-en-virtualizacion-que-congela-las-vms',
  'accelerator.generation=?blackwell');
CREATE VIEW rule_blackwell_flr AS
SELECT a.host, a.address AS subject, NULL AS surface, 'whole' AS share,
       CASE WHEN has_word(a.reset_methods, 'flr') = 0 THEN 'pass'
            WHEN a.device IS NULL THEN 'unknown'
            WHEN has_word(a.reset_methods, 'flr') = 1 OR a.flr = 1 THEN 'fail'
            WHEN a.reset_methods IS NULL AND a.flr IS NULL THEN 'fail'
            ELSE 'unknown' END AS result,
       a.address || ' (' || coalesce(a.name, a.device, 'id not seen') || '): reset methods '
         || coalesce(a.reset_methods, 'not seen, by default FLR comes first') AS evidence
FROM accelerator a
WHERE a.is_vf = 0 AND coalesce(a.vendor, '10de') = '10de'
  AND (a.device IS NULL OR a.device IN ('2bb1', '2bb4', '2bb5')
       OR (a.generation = 'blackwell' AND a.segment IN ('consumer', 'workstation', 'mobile')));

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('no-idle-d3cold', 'The idle device is kept out of D3cold', 'notes', '@vfio',
  'Set disable_idle_d3=1 for vfio_pci, or write 0 to d3cold_allowed: some platforms cannot wake a device that vfio-pci let fall into D3cold.',
  'https://github.com/kata-containers/kata-containers/issues/11708 | kernel:drivers/vfio/pci/vfio_pci.c');
CREATE VIEW rule_no_idle_d3cold AS
SELECT p.host, p.address AS subject, NULL AS surface, 'whole' AS share,
       CASE WHEN p.d3cold_allowed = 0 OR m.value IN ('Y', 'y', '1') THEN 'pass'
            WHEN p.d3cold_allowed = 1 AND (m.value IN ('N', 'n', '0') OR p.driver = 'vfio-pci') THEN 'fail'
            ELSE 'unknown' END AS result,
       p.address || ': d3cold_allowed ' || coalesce(CAST(p.d3cold_allowed AS TEXT), 'not seen')
         || ', vfio_pci.disable_idle_d3 ' || coalesce(m.value, 'not seen') || ', bound to '
         || coalesce(p.driver, 'a driver not seen') AS evidence
FROM pci_function p
JOIN accelerator a ON a.host = p.host AND a.address = p.address
LEFT JOIN module_parameter m ON m.host = p.host AND m.module = 'vfio_pci' AND m.parameter = 'disable_idle_d3'
WHERE a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('not-in-d3cold', 'The device is not stuck in D3cold', 'degrades', '@vfio',
  'Wake it (write on to power/control) and see whether it answers; if not, power-cycle the host, and keep it out of D3cold afterwards (vfio_pci.disable_idle_d3=1).',
  'https://github.com/kata-containers/kata-containers/issues/11708');
CREATE VIEW rule_not_in_d3cold AS
SELECT p.host, p.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN p.power_state = 'D3cold' OR m.told > 0 THEN 'fail'
            WHEN p.power_state NOT IN ('unknown', 'error') THEN 'pass' ELSE 'unknown' END AS result,
       p.address || ': power state ' || coalesce(p.power_state, 'not seen')
         || coalesce(', kernel log: ' || m.first_line, '') AS evidence
FROM pci_function p
JOIN accelerator a ON a.host = p.host AND a.address = p.address
LEFT JOIN kernel_told m ON m.host = p.host AND m.kind = 'd3cold-inaccessible' AND m.address = p.address
WHERE a.is_vf = 0;

-- Stable kernels of April 2025 asked each function for a reset of its own before they reset the bus; cards of several
-- functions have none. It came with 6.14.2, 6.12.23, 6.6.87 and 6.1.134 and was reverted two weeks later.
INSERT INTO rule (id, title, impact, applies, resolution, reference, minds) VALUES
 ('kernel-resets-bus', 'The kernel is none of those that do not reset a card by its bus', 'degrades', '@vfio',
  'Boot 6.14.4, 6.12.25, 6.6.88, 6.1.135 or later, or the kernel before: with these the card hangs at the guest''s second start.',
  'https://github.com/zen-kernel/zen-kernel/issues/380 | '
  || 'https://www.kernel.org/pub/linux/kernel/v6.x/ChangeLog-6.1.135',
  'accelerator.flr!=1');
CREATE VIEW rule_kernel_resets_bus AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN k.bad = 0 OR a.flr = 1
              OR (a.reset_methods <> 'none' AND a.reset_methods <> 'bus') THEN 'pass'
            WHEN k.bad = 1 AND (a.reset_methods IN ('none', 'bus') OR s.others > 0) THEN 'fail'
            ELSE 'unknown' END AS result,
       'kernel ' || coalesce(k.release, 'not seen') || ', reset methods of ' || a.address || ': '
         || coalesce(a.reset_methods, 'not seen') || ', functions beside it: ' || CAST(coalesce(s.others, 0) AS TEXT) AS evidence
FROM accelerator a
LEFT JOIN (SELECT host, release,
             CASE WHEN (release_key >= version_key('6.14.2') AND release_key < version_key('6.14.4'))
                    OR (release_key >= version_key('6.12.23') AND release_key < version_key('6.12.25'))
                    OR (release_key >= version_key('6.6.87') AND release_key < version_key('6.6.88'))
                    OR (release_key >= version_key('6.1.134') AND release_key < version_key('6.1.135')) THEN 1
                  WHEN release_key IS NOT NULL THEN 0 END AS bad
      FROM kernel) k ON k.host = a.host
LEFT JOIN (SELECT f.host, f.address, COUNT(*) AS others
           FROM accelerator f
           JOIN pci_function o ON o.host = f.host AND o.address <> f.address
             AND o.address >= substr(f.address, 1, length(f.address) - 1) || '0'
             AND o.address <= substr(f.address, 1, length(f.address) - 1) || '7'
           GROUP BY f.host, f.address) s ON s.host = a.host AND s.address = a.address
WHERE a.is_vf = 0;
