-- The kernel command line that was meant, and the one that runs. SPDX-License-Identifier: Apache-2.0

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('cmdline-applied', 'The running kernel has the options that the bootloader''s configuration asks for', 'degrades', '*',
  'Edit the file of the bootloader that really boots this host (Limine: limine.conf, systemd-boot: the loader entry or /etc/kernel/cmdline, GRUB: run update-grub, Proxmox: proxmox-boot-tool refresh), then reboot.',
  'https://forums.unraid.net/topic/196680-complete-technical-report-vfio-gpu-passthrough-failure/ | https://github.com/strongtz/i915-sriov-dkms/issues/339');
CREATE VIEW rule_cmdline_applied AS
SELECT s.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN c.missing > 0 THEN 'fail'
            WHEN k.cmdline IS NOT NULL AND k.cmdline_configured IS NOT NULL THEN 'pass'
            ELSE 'unknown' END AS result,
       CASE WHEN c.missing > 0 THEN 'in ' || coalesce(k.cmdline_configured_file, 'the bootloader''s configuration')
                                      || ', not in /proc/cmdline: ' || c.listing
            WHEN k.cmdline_configured IS NULL THEN 'configured command line not seen'
            WHEN k.cmdline IS NULL THEN 'running command line not seen'
            ELSE 'what ' || coalesce(k.cmdline_configured_file, 'the bootloader''s configuration')
                   || ' asks for is in /proc/cmdline' END
         || coalesce(', booted by ' || m.bootloader, '') AS evidence
FROM host_summary s
LEFT JOIN kernel k ON k.host = s.host
LEFT JOIN machine m ON m.host = s.host
LEFT JOIN (SELECT w.host, COUNT(*) AS missing,
                  sorted_list(w.name || CASE WHEN w.value = 'none' THEN '' ELSE coalesce('=' || w.value, '') END) AS listing
           FROM cmdline_option w
           JOIN kernel x ON x.host = w.host AND x.cmdline IS NOT NULL
           LEFT JOIN cmdline_option r ON r.host = w.host AND r.which = 'running' AND r.name = w.name
                                     AND r.value IS NOT DISTINCT FROM w.value
           WHERE w.which = 'configured' AND r.host IS NULL
             AND w.name NOT IN ('quiet', 'splash', 'root', 'ro', 'rw', 'BOOT_IMAGE', 'initrd', 'loglevel', 'console',
                                'rootflags', 'resume', 'rd.luks.uuid')
           GROUP BY w.host) c ON c.host = s.host;

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('cmdline-survives-reboot', 'What the running kernel was told for VFIO is told to the next one too', 'notes', '@vfio',
  'Add the options to the configuration of the boot entry that is the default.',
  'https://forums.unraid.net/topic/196680-complete-technical-report-vfio-gpu-passthrough-failure/');
CREATE VIEW rule_cmdline_survives_reboot AS
SELECT s.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN c.missing > 0 THEN 'fail'
            WHEN k.cmdline IS NOT NULL AND k.cmdline_next IS NOT NULL THEN 'pass' ELSE 'unknown' END AS result,
       CASE WHEN c.missing > 0 THEN 'running, but not in ' || coalesce(k.cmdline_next_file, 'the next boot''s entry')
                                      || ': ' || c.listing
            WHEN k.cmdline_next IS NULL THEN 'command line of the next boot not seen'
            ELSE 'nothing of it is missing' END AS evidence
FROM host_summary s
LEFT JOIN kernel k ON k.host = s.host
LEFT JOIN (SELECT r.host, COUNT(*) AS missing,
                  sorted_list(r.name || CASE WHEN r.value = 'none' THEN '' ELSE coalesce('=' || r.value, '') END) AS listing
           FROM cmdline_option r
           JOIN kernel x ON x.host = r.host AND x.cmdline_next IS NOT NULL
           LEFT JOIN cmdline_option n ON n.host = r.host AND n.which = 'next' AND n.name = r.name
                                     AND n.value IS NOT DISTINCT FROM r.value
           WHERE r.which = 'running' AND n.host IS NULL
             AND r.name IN ('intel_iommu', 'amd_iommu', 'iommu', 'iommu.passthrough', 'vfio_pci.ids', 'pci_stub.ids',
                            'pcie_acs_override', 'video', 'initcall_blacklist', 'hugepages', 'hugepagesz',
                            'default_hugepagesz', 'modprobe.blacklist', 'module_blacklist', 'i915.enable_gvt',
                            'i915.enable_guc', 'i915.max_vfs', 'xe.max_vfs', 'vfio_pci.disable_idle_d3',
                            'vfio_iommu_type1.allow_unsafe_interrupts', 'pci')
           GROUP BY r.host) c ON c.host = s.host;

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('kernel-stays', 'The next boot starts the kernel that runs now', 'notes', '*',
  'Reboot before you rely on this verdict: modules built for the running kernel, and what was verified with it, may not hold for the next one.',
  'https://github.com/intel/gvt-linux/issues/32');
CREATE VIEW rule_kernel_stays AS
SELECT s.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN k.next_release = k.release THEN 'pass' WHEN k.next_release <> k.release THEN 'fail'
            ELSE 'unknown' END AS result,
       'running ' || coalesce(k.release, 'not seen') || ', next boot ' || coalesce(k.next_release, 'not seen') AS evidence
FROM host_summary s
LEFT JOIN kernel k ON k.host = s.host;

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('cmdline-spelling', 'No option for VFIO or the IOMMU is misspelt', 'degrades', '@vfio',
  'Write vfio-pci.ids=VENDOR:DEVICE (a dot before ids, one list with commas), intel_iommu=on, iommu=pt. The kernel hands a '
  || 'name that it does not know to init and says nothing.',
  'kernel:Documentation/admin-guide/kernel-parameters.txt | https://github.com/foxlet/macOS-Simple-KVM/issues/497');
CREATE VIEW rule_cmdline_spelling AS
SELECT s.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN w.wrong > 0 THEN 'fail' WHEN k.cmdline IS NOT NULL THEN 'pass' ELSE 'unknown' END AS result,
       CASE WHEN w.wrong > 0 THEN 'on the command line, and no such option: ' || w.listing
            WHEN k.cmdline IS NULL THEN 'command line not seen' ELSE 'no misspelt option' END AS evidence
FROM host_summary s
LEFT JOIN kernel k ON k.host = s.host
LEFT JOIN (SELECT host, COUNT(*) AS wrong,
                  sorted_list(name || CASE WHEN value = 'none' THEN '' ELSE coalesce('=' || value, '') END) AS listing
           FROM cmdline_option
           WHERE which = 'running'
             AND (name IN ('vfio_pci_ids', 'vfio_ids', 'vfio.ids', 'vfio.pci.ids', 'vfio_pci.id', 'vfiopci.ids', 'vfio_pci.idS',
                           'vifo_pci.ids', 'intel_immou', 'intel_iommo', 'intel_iomu', 'intel_immu', 'intel.iommu',
                           'inteliommu', 'iommu_intel', 'iommu_amd', 'intel_iommu:on',
                           'intel_iommu.on', 'intel_iommu_on', 'intel_iommu;on', 'intel_iommu=on;', 'iommu:pt', 'iommu_pt',
                           'iommu.pt', 'intel_iommu:pt', 'intel_iommu_pt', 'vfio_pci:ids', 'vfio_pci_id', 'vfio_pci.idss',
                           'vfio_pci.device', 'vfio_pci.devices', 'xen_pciback_hide', 'pcie_acs_overide',
                           'pci_acs_override', 'pcie_acs_overrride', 'amd_iommu:on', 'amd_immou', 'amd_iommo', 'amd_iomu', 'amd_immu', 'immou', 'iommo', 'iomu')
                  OR (name = 'intel_iommu' AND value IN ('none', '1', 'yes', 'true', 'enable', 'enabled', 'pt', 'On', 'ON')))
           GROUP BY host) w ON w.host = s.host
WHERE k.cmdline IS DISTINCT FROM 'none';
