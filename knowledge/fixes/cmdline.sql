-- Ways out of the rules on the kernel command line. SPDX-License-Identifier: Apache-2.0

INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('cmdline-of-real-loader', 'cmdline-applied', 'kernel-cmdline', 'reboot', 'Write the options where the bootloader that boots this host reads them', 'exact'),
 ('cmdline-for-next-boot', 'cmdline-survives-reboot', 'kernel-cmdline', 'live', 'Add the options to the default boot entry', 'exact'),
 ('spell-the-option', 'cmdline-spelling', 'advice', 'reboot', 'Correct the spelling of the option', 'exact'),
 ('reboot-into-next', 'kernel-stays', 'advice', 'reboot', 'Reboot into the kernel that was installed', 'equivalent');

CREATE VIEW step_cmdline_of_real_loader AS
SELECT w.host, '' AS subject, 'kernel-cmdline' AS kind, '' AS target,
       '+' || w.name || CASE WHEN w.value = 'none' THEN '' ELSE '=' || w.value END AS want
FROM cmdline_option w
LEFT JOIN cmdline_option r ON r.host = w.host AND r.which = 'running' AND r.name = w.name
     AND r.value IS NOT DISTINCT FROM w.value
WHERE w.which = 'configured' AND w.value IS NOT NULL AND r.host IS NULL
  AND w.name IN ('intel_iommu', 'amd_iommu', 'iommu', 'vfio_pci.ids', 'pci', 'initcall_blacklist', 'modprobe.blacklist',
                 'module_blacklist', 'i915.enable_gvt', 'i915.enable_guc', 'i915.max_vfs', 'xe.max_vfs',
                 'vfio_pci.disable_idle_d3', 'hugepagesz', 'hugepages', 'default_hugepagesz');

CREATE VIEW step_cmdline_for_next_boot AS
SELECT w.host, '' AS subject, 'kernel-cmdline' AS kind, '' AS target,
       '+' || w.name || CASE WHEN w.value = 'none' THEN '' ELSE '=' || w.value END AS want
FROM cmdline_option w
LEFT JOIN cmdline_option r ON r.host = w.host AND r.which = 'next' AND r.name = w.name
     AND r.value IS NOT DISTINCT FROM w.value
WHERE w.which = 'running' AND w.value IS NOT NULL AND r.host IS NULL
  AND w.name IN ('intel_iommu', 'amd_iommu', 'iommu', 'vfio_pci.ids', 'pci', 'initcall_blacklist', 'modprobe.blacklist',
                 'module_blacklist', 'i915.enable_gvt', 'i915.enable_guc', 'i915.max_vfs', 'xe.max_vfs',
                 'vfio_pci.disable_idle_d3', 'hugepagesz', 'hugepages', 'default_hugepagesz');
