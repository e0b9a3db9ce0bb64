-- Intel GVT-g: mediated devices of integrated GPUs from Broadwell to Comet Lake. SPDX-License-Identifier: Apache-2.0

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('gvt-in-kernel', 'The running kernel has GVT-g', 'blocks', '@gvt',
  'Boot a kernel with CONFIG_DRM_I915_GVT and CONFIG_DRM_I915_GVT_KVMGT, the one that was built for it, and load kvmgt.',
  'https://github.com/intel/gvt-linux/issues/32 | kernel:drivers/gpu/drm/i915/Kconfig',
  'accelerator.vendor=?8086');
CREATE VIEW rule_gvt_in_kernel AS
SELECT a.host, a.address AS subject, NULL AS surface, 'vgpu' AS share,
       CASE WHEN a.vgpu_mode = 'mdev' OR c.value IN ('y', 'm') OR m.state IN ('loaded', 'builtin', 'available') THEN 'pass'
            WHEN c.value = 'n' OR m.state = 'absent' THEN 'fail' ELSE 'unknown' END AS result,
       'CONFIG_DRM_I915_GVT_KVMGT=' || coalesce(c.value, 'not seen') || ', module kvmgt ' || coalesce(m.state, 'not seen')
         || ', running kernel ' || coalesce(k.release, 'not seen') || ', mediated types on ' || a.address || ': '
         || CASE WHEN a.vgpu_mode = 'mdev' THEN 'there' WHEN a.vgpu_mode = 'none' THEN 'none' ELSE 'not seen' END AS evidence
FROM accelerator a
LEFT JOIN kernel k ON k.host = a.host
LEFT JOIN kernel_config c ON c.host = a.host AND c.option = 'CONFIG_DRM_I915_GVT_KVMGT'
LEFT JOIN module m ON m.host = a.host AND m.module = 'kvmgt'
WHERE a.is_vf = 0 AND coalesce(a.vendor, '8086') = '8086';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('gvt-enabled', 'GVT-g is enabled in i915', 'blocks', '@gvt',
  'Boot with i915.enable_gvt=1 (and without i915.enable_guc): the option is off by default.',
  'https://github.com/intel/gvt-linux/issues/32 | kernel:drivers/gpu/drm/i915/i915_params.c',
  'accelerator.vendor=?8086');
CREATE VIEW rule_gvt_enabled AS
SELECT a.host, a.address AS subject, NULL AS surface, 'vgpu' AS share,
       CASE WHEN a.vgpu_mode = 'mdev' THEN 'pass'
            WHEN g.given > 0 THEN 'fail'
            WHEN p.value IN ('Y', 'y', '1') OR c.given > 0 OR d.given > 0 THEN 'pass'
            WHEN p.value IN ('N', 'n', '0') THEN 'fail'
            WHEN k.cmdline IS NOT NULL AND (o.state = 'complete' OR a.vgpu_mode = 'none') THEN 'fail'
            ELSE 'unknown' END AS result,
       'i915.enable_gvt: parameter ' || coalesce(p.value, 'not seen') || ', command line: '
         || CASE WHEN c.given > 0 THEN 'enable_gvt=1' WHEN k.cmdline IS NULL THEN 'not seen' ELSE 'not there' END
         || CASE WHEN d.given > 0 THEN ', modprobe.d: enable_gvt=1' ELSE '' END
         || CASE WHEN g.given > 0 THEN ', i915.enable_guc submits by the GuC, which GVT-g cannot' ELSE '' END AS evidence
FROM accelerator a
LEFT JOIN (SELECT host, COUNT(*) AS given FROM cmdline_option
           WHERE which = 'running' AND name = 'i915.enable_guc' AND value IN ('1', '3') GROUP BY host) g
       ON g.host = a.host
LEFT JOIN kernel k ON k.host = a.host
LEFT JOIN module_parameter p ON p.host = a.host AND p.module = 'i915' AND p.parameter = 'enable_gvt'
LEFT JOIN observed o ON o.host = a.host AND o.tbl = 'module_directive' AND o.subject = ''
LEFT JOIN (SELECT host, COUNT(*) AS given FROM cmdline_option
           WHERE which = 'running' AND name = 'i915.enable_gvt' AND value IN ('1', 'Y', 'y') GROUP BY host) c
       ON c.host = a.host
LEFT JOIN (SELECT host, COUNT(*) AS given FROM module_directive
           WHERE directive = 'options' AND module = 'i915' AND has_word(argument, 'enable_gvt=1') = 1 GROUP BY host) d
       ON d.host = a.host
WHERE a.is_vf = 0 AND coalesce(a.vendor, '8086') = '8086';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('gvt-kernel-knows-chip', 'The kernel''s GVT-g knows this GPU', 'blocks', '@gvt',
  'Boot a newer kernel: Coffee Lake and Comet Lake came to GVT-g after the 4.19 kernels (patches of 2019).',
  'https://github.com/intel/gvt-linux/issues/177 | https://github.com/intel/gvt-linux/issues/75 | https://github.com/intel/gvt-linux/issues/14',
  'accelerator.vendor=?8086');
CREATE VIEW rule_gvt_kernel_knows_chip AS
SELECT a.host, a.address AS subject, NULL AS surface, 'vgpu' AS share,
       CASE WHEN a.vgpu_mode = 'mdev' OR k.release_key >= version_key('5.8')
                 OR a.chip IN ('broadwell', 'skylake', 'kabylake') THEN 'pass'
            WHEN (k.release_key < version_key('5.0') AND a.chip = 'coffeelake')
                 OR (k.release_key < version_key('5.4') AND a.chip = 'cometlake') THEN 'fail'
            ELSE 'unknown' END AS result,
       coalesce(a.name, a.address) || ' (' || coalesce(a.chip, 'chip not known') || '), kernel '
         || coalesce(k.release, 'not seen') AS evidence
FROM accelerator a
LEFT JOIN kernel k ON k.host = a.host
WHERE a.is_vf = 0 AND coalesce(a.vendor, '8086') = '8086';
