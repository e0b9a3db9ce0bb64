-- Ways out of the rules on Intel GVT-g. SPDX-License-Identifier: Apache-2.0

INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('kernel-with-gvt', 'gvt-in-kernel', 'package', 'reboot', 'Boot a kernel with CONFIG_DRM_I915_GVT_KVMGT', 'equivalent'),
 ('enable-gvt', 'gvt-enabled', 'kernel-cmdline', 'reboot', 'Add i915.enable_gvt=1 to the kernel command line', 'exact'),
 ('newer-kernel-for-gvt', 'gvt-kernel-knows-chip', 'package', 'reboot', 'Boot a kernel whose GVT-g knows the chip', 'equivalent');

CREATE VIEW step_enable_gvt AS
SELECT a.host, a.address AS subject, 'kernel-cmdline' AS kind, '' AS target, '+i915.enable_gvt=1' AS want
FROM accelerator a
WHERE a.is_vf = 0;
