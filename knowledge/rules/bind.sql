-- Which driver holds the accelerator. SPDX-License-Identifier: Apache-2.0

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('accelerator-not-on-host-driver', 'No host driver holds the accelerator', 'blocks', '@vfio',
  'Stop what uses the device, unbind it from its host driver and bind it to vfio-pci (driver_override); keep it there over reboots with vfio-pci.ids or driverctl.',
  'kernel:Documentation/driver-api/vfio.rst | https://github.com/64kramsystem/vga-passthrough/issues/15 | https://github.com/NVIDIA/k8s-driver-manager/issues/191');
CREATE VIEW rule_accelerator_not_on_host_driver AS
SELECT a.host, a.address AS subject, NULL AS surface, 'whole' AS share,
       CASE WHEN a.driver IN ('none', 'pci-stub') OR replace(a.driver, 'vfio', '') <> a.driver THEN 'pass'
            WHEN a.driver IS NOT NULL THEN 'fail'
            ELSE 'unknown' END AS result,
       a.address || ' is bound to ' || coalesce(a.driver, 'a driver not seen')
         || CASE WHEN a.driver IN ('none', 'pci-stub') OR replace(a.driver, 'vfio', '') <> a.driver THEN ''
                 ELSE ', not to vfio-pci' END AS evidence
FROM accelerator a
WHERE a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference, minds) VALUES
 ('accelerator-bound-for-vfio', 'The accelerator is bound to a VFIO driver, or the manager of the VM binds it', 'blocks',
  '@vfio -openstack -proxmox -ovirt',
  'Bind the free device to vfio-pci: write vfio-pci to driver_override, then probe. libvirt does so itself with managed=''yes''.',
  'kernel:Documentation/driver-api/vfio.rst | https://github.com/kata-containers/kata-containers/issues/5598',
  'accelerator.driver!=nvidia');
CREATE VIEW rule_accelerator_bound_for_vfio AS
SELECT a.host, a.address AS subject, NULL AS surface, 'whole' AS share,
       CASE WHEN a.driver NOT IN ('none', 'pci-stub') OR l.version <> 'none' THEN 'pass'
            WHEN a.driver IN ('none', 'pci-stub') AND l.version = 'none' THEN 'fail'
            ELSE 'unknown' END AS result,
       a.address || ' is bound to ' || coalesce(a.driver, 'a driver not seen')
         || CASE WHEN l.version = 'none' THEN ', libvirt is not installed'
                 WHEN l.version IS NOT NULL THEN ', libvirt (' || l.version || ') can bind it'
                 ELSE ', libvirt not seen' END AS evidence
FROM accelerator a
LEFT JOIN software l ON l.host = a.host AND l.name = 'libvirt'
WHERE a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('vfio-ids-win-the-race', 'vfio-pci gets the device that it is told to take before another driver does', 'blocks', '@vfio',
  'Load vfio-pci first: put it into the initramfs (mkinitcpio MODULES, booster modules_force_load, dracut force_drivers, NixOS boot.initrd.kernelModules), build it in, or add "softdep DRIVER pre: vfio-pci"; or blacklist the other driver. The order in modules-load.d is no order.',
  'https://github.com/anatol/booster/issues/20 | https://github.com/NixOS/nixpkgs/issues/18473 | https://github.com/64kramsystem/vga-passthrough/issues/15',
  'stub_id');
CREATE VIEW rule_vfio_ids_win_the_race AS
SELECT a.host, a.address AS subject, NULL AS surface, 'whole' AS share,
       CASE WHEN replace(a.driver, 'vfio', '') <> a.driver OR a.driver = 'pci-stub' THEN 'pass'
            WHEN a.driver <> 'none' THEN 'fail'
            WHEN v.state = 'builtin' OR v.loaded_early = 1 OR d.softdeps > 0 OR c.value = 'y' THEN 'pass'
            WHEN v.in_initramfs = 0 AND v.loaded_early = 0 THEN 'fail'
            ELSE 'unknown' END AS result,
       t.driver || ' is told to take ' || a.vendor || ':' || a.device || ' (' || t.sources || '), and '
         || a.address || ' is bound to ' || coalesce(a.driver, 'a driver not seen') || '; vfio_pci is '
         || coalesce(v.state, 'a module not seen')
         || CASE WHEN v.in_initramfs = 0 THEN ', not in the initramfs' WHEN v.in_initramfs = 1 THEN ', in the initramfs'
                 ELSE '' END
         || CASE WHEN v.loaded_early = 0 THEN ', not loaded early' WHEN v.loaded_early = 1 THEN ', loaded early'
                 ELSE '' END
         || CASE WHEN d.softdeps > 0 THEN ', a softdep puts it first' ELSE ', no softdep seen' END AS evidence
FROM accelerator a
JOIN (SELECT u.host, u.vendor, u.device, MIN(u.driver) AS driver, sorted_list(u.source) AS sources
      FROM (SELECT host, vendor, device, source, MIN(driver) AS driver FROM stub_id
            GROUP BY host, vendor, device, source) u
      GROUP BY u.host, u.vendor, u.device) t
  ON t.host = a.host AND t.vendor = a.vendor AND t.device = a.device
LEFT JOIN module v ON v.host = a.host AND v.module = 'vfio_pci'
LEFT JOIN kernel_config c ON c.host = a.host AND c.option = 'CONFIG_VFIO_PCI'
LEFT JOIN (SELECT host, COUNT(*) AS softdeps FROM module_directive
           WHERE directive = 'softdep' AND has_word(replace(argument, '-', '_'), 'vfio_pci') = 1 GROUP BY host) d
       ON d.host = a.host
WHERE a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('vfio-ids-spare-host', 'vfio-pci is told to take no disk, network or bridge that the host uses', 'degrades', '@vfio',
  'Take the id out of vfio-pci.ids: it means every function of that id, and at the next boot vfio-pci can be first. Where one '
  || 'of several alike is meant, name it by address: driver_override, driverctl.',
  'kernel:drivers/vfio/pci/vfio_pci.c | https://github.com/Danilop95/Proxmox-Enhanced-Configuration-Utility/issues/33',
  'stub_id');
CREATE VIEW rule_vfio_ids_spare_host AS
SELECT s.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN u.used > 0 THEN 'fail'
            WHEN s.pci_seen = 1 AND coalesce(u.unseen, 0) = 0 THEN 'pass'
            ELSE 'unknown' END AS result,
       CASE WHEN u.used > 0 THEN 'told to take by id, and in use: ' || u.listing
            WHEN u.unseen > 0 THEN 'functions of these ids whose driver or class was not seen: ' || CAST(u.unseen AS TEXT)
            ELSE 'of the ids that vfio-pci is told, no disk, network or bridge is in use' END AS evidence
FROM host_summary s
JOIN (SELECT host, COUNT(*) AS ids FROM stub_id GROUP BY host) t ON t.host = s.host
LEFT JOIN (SELECT f.host, SUM(CASE WHEN f.used = 1 THEN 1 ELSE 0 END) AS used,
                  SUM(CASE WHEN f.used IS NULL THEN 1 ELSE 0 END) AS unseen,
                  sorted_list(CASE WHEN f.used = 1 THEN f.address || ' (' || f.vendor || ':' || f.device || ', ' || f.driver || ')' END)
                    AS listing
           FROM (SELECT p.host, p.address, p.vendor, p.device, p.driver,
                        CASE WHEN substr(p.class, 1, 2) NOT IN ('01', '02', '06') THEN 0
                             WHEN p.driver IN ('none', 'pci-stub') OR replace(p.driver, 'vfio', '') <> p.driver THEN 0
                             WHEN p.driver IS NOT NULL AND p.class IS NOT NULL THEN 1 END AS used
                 FROM (SELECT DISTINCT host, vendor, device FROM stub_id) i
                 JOIN pci_function p ON p.host = i.host AND p.vendor = i.vendor AND p.device = i.device) f
           GROUP BY f.host) u ON u.host = s.host;

INSERT INTO rule (id, title, impact, applies, resolution, reference, minds) VALUES
 ('open-driver-leaves-gpu', 'Neither nouveau nor nova_core claims the NVIDIA GPU', 'blocks', '* -@foreign',
  'Blacklist nouveau, nova_core, nova_drm and nova together, rebuild the initramfs and reboot: neither the vendor''s driver nor vfio-pci gets a GPU that one of them holds, and a blacklist of nouveau does not cover its successor.',
  'https://github.com/beclab/Olares/pull/3963 | NVIDIA/cloud-native-docs:gpu-operator/deploy-kata-containers.rst@52dcb7b',
  'accelerator.driver!=nvidia');
CREATE VIEW rule_open_driver_leaves_gpu AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN lower(a.driver) IN ('nouveau', 'nova', 'nova_core', 'nova-core', 'novacore', 'nova_drm', 'nova-drm',
                                     'nvidiafb', 'rivafb') THEN 'fail'
            WHEN a.driver IS NOT NULL THEN 'pass'
            WHEN m.told > 0 THEN 'fail'
            ELSE 'unknown' END AS result,
       a.address || ' is bound to ' || coalesce(a.driver, 'a driver not seen')
         || coalesce(', module nova_core ' || n.state, '')
         || coalesce(', blacklisted: ' || b.listing, '')
         || coalesce(', kernel log: ' || m.first_line, '') AS evidence
FROM accelerator a
LEFT JOIN module n ON n.host = a.host AND n.module = 'nova_core'
LEFT JOIN (SELECT host, sorted_list(module) AS listing FROM module_directive
           WHERE directive = 'blacklist' AND module IN ('nouveau', 'nova', 'nova_core', 'nova_drm') GROUP BY host) b
       ON b.host = a.host
LEFT JOIN kernel_told m ON m.host = a.host AND m.kind = 'nvrm-already-bound' AND m.address = a.address
WHERE a.vendor = '10de' AND a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('open-driver-stays-away', 'At the next boot no in-tree driver takes the GPU before the one that is wanted', 'notes', '*',
  'Blacklist nova_core, nova_drm and nouveau, not nouveau alone.',
  'https://github.com/beclab/Olares/pull/3963');
CREATE VIEW rule_open_driver_stays_away AS
SELECT s.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN n.state = 'absent' OR c.value = 'n' OR b.given > 0
              OR (s.pci_seen = 1 AND s.nvidia_accelerators = 0) THEN 'pass'
            WHEN n.state IN ('loaded', 'builtin', 'available') OR c.value IN ('y', 'm') THEN
                 CASE WHEN o.state = 'complete' AND k.cmdline IS NOT NULL OR n.state IN ('loaded', 'builtin')
                      THEN 'fail' ELSE 'unknown' END
            ELSE 'unknown' END AS result,
       'nova_core: ' || coalesce(n.state, 'not seen') || ', CONFIG_NOVA_CORE=' || coalesce(c.value, 'not seen')
         || CASE WHEN b.given > 0 THEN ', blacklisted' ELSE ', no blacklist of it seen' END AS evidence
FROM host_summary s
LEFT JOIN module n ON n.host = s.host AND n.module = 'nova_core'
LEFT JOIN kernel_config c ON c.host = s.host AND c.option = 'CONFIG_NOVA_CORE'
LEFT JOIN observed o ON o.host = s.host AND o.tbl = 'module_directive' AND o.subject = ''
LEFT JOIN kernel k ON k.host = s.host
LEFT JOIN (SELECT host, COUNT(*) AS given
           FROM (SELECT host FROM module_directive WHERE directive = 'blacklist' AND module = 'nova_core'
                 UNION ALL
                 SELECT host FROM cmdline_option
                 WHERE which = 'running' AND name IN ('modprobe.blacklist', 'module_blacklist')
                   AND has_word(replace(replace(value, ',', ' '), '-', '_'), 'nova_core') = 1) x
           GROUP BY host) b ON b.host = s.host;

INSERT INTO rule (id, title, impact, applies, resolution, reference, minds) VALUES
 ('driver-override-honest', 'No driver_override is left over from an earlier use', 'degrades', '* -@foreign',
  'Clear driver_override (write a newline), or finish the rebinding that it was set for: at the next probe the device goes to the driver named there.',
  'kernel:Documentation/ABI/testing/sysfs-bus-pci | https://github.com/kata-containers/kata-containers/issues/13837',
  'accelerator.driver_override!=none');
CREATE VIEW rule_driver_override_honest AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN a.driver_override = 'none' OR replace(a.driver_override, '_', '-') = replace(a.driver, '_', '-') THEN 'pass'
            WHEN a.driver_override IS NOT NULL AND a.driver IS NOT NULL THEN 'fail'
            ELSE 'unknown' END AS result,
       a.address || ': driver_override ' || coalesce(a.driver_override, 'not seen') || ', bound to '
         || coalesce(a.driver, 'a driver not seen') AS evidence
FROM accelerator a;

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('nothing-holds-device', 'Nothing on the host holds the device when it is to change drivers', 'degrades', '@vfio',
  'Before unbinding: stop nvidia-persistenced, DCGM, display managers and containers that use the GPU, unload nvidia_drm or set modeset=0. Unbinding a held GPU hangs the writer, or leaves a device whose header reads 127.',
  'https://github.com/bryansteiner/gpu-passthrough-tutorial/issues/39 | https://github.com/kubernetes-sigs/dra-driver-nvidia-gpu/issues/1037 | https://github.com/NVIDIA/OpenShell/pull/851');
CREATE VIEW rule_nothing_holds_device AS
SELECT a.host, a.address AS subject, NULL AS surface, 'whole' AS share,
       CASE WHEN (a.driver IN ('none', 'pci-stub') OR replace(a.driver, 'vfio', '') <> a.driver)
                 AND coalesce(t.rebind, 0) = 0 THEN 'pass'
            WHEN h.holders > 0 OR (a.vendor = '10de' AND (p.state = 'active' OR m.value IN ('Y', 'y', '1'))) THEN 'fail'
            WHEN o.state = 'complete'
                 AND (a.vendor <> '10de' OR (p.state IS NOT NULL AND coalesce(m.value, n.state) IS NOT NULL)) THEN 'pass'
            ELSE 'unknown' END AS result,
       a.address || ' (bound to ' || coalesce(a.driver, 'a driver not seen') || '): '
         || CASE WHEN h.holders > 0 THEN 'held by ' || h.listing WHEN o.state = 'complete' THEN 'no holder'
                 ELSE 'holders not seen' END
         || CASE WHEN a.vendor = '10de' THEN ', nvidia-persistenced ' || coalesce(p.state, 'not seen')
                   || ', nvidia_drm modeset=' || coalesce(m.value, 'not seen') ELSE '' END AS evidence
FROM accelerator a
LEFT JOIN intent t ON t.host = a.host
LEFT JOIN (SELECT host, address, COUNT(*) AS holders, sorted_list(holder || coalesce(' (' || via || ')', '')) AS listing
           FROM holder GROUP BY host, address) h ON h.host = a.host AND h.address = a.address
LEFT JOIN observed o ON o.host = a.host AND o.tbl = 'holder' AND o.subject = a.address
LEFT JOIN service p ON p.host = a.host AND p.service = 'nvidia-persistenced'
LEFT JOIN module n ON n.host = a.host AND n.module = 'nvidia_drm' AND n.state <> 'loaded'
LEFT JOIN module_parameter m ON m.host = a.host AND m.module = 'nvidia_drm' AND m.parameter = 'modeset'
WHERE a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('accelerator-free-of-vms', 'No running VM has the accelerator', 'degrades', '@vfio',
  'Shut down the VM that holds it, or look for a VMM left over from a crash: a second attach fails with EBUSY or EINVAL.',
  'https://github.com/kata-containers/kata-containers/issues/13179 | https://github.com/NVIDIA/gpu-operator/issues/1187');
CREATE VIEW rule_accelerator_free_of_vms AS
SELECT a.host, a.address AS subject, NULL AS surface, 'whole' AS share,
       CASE WHEN h.holders > 0 THEN 'fail'
            WHEN o.state = 'complete' AND coalesce(h.unsure, 0) = 0 THEN 'pass' ELSE 'unknown' END AS result,
       a.address || ': ' || coalesce('held by ' || h.listing,
         CASE WHEN o.state = 'complete' THEN 'no VMM holds it' ELSE 'holders not seen' END) AS evidence
FROM accelerator a
LEFT JOIN (SELECT host, address, COUNT(CASE WHEN kind = 'vmm' THEN 1 END) AS holders,
                  COUNT(CASE WHEN kind IS NULL THEN 1 END) AS unsure,
                  sorted_list(CASE WHEN kind = 'vmm' THEN holder END) AS listing
           FROM holder GROUP BY host, address) h ON h.host = a.host AND h.address = a.address
LEFT JOIN observed o ON o.host = a.host AND o.tbl = 'holder' AND o.subject = a.address
WHERE a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('coherent-gpu-on-variant-driver', 'A Grace Hopper or Grace Blackwell GPU is passed by its own VFIO driver', 'blocks', '@vfio',
  'Bind it to nvgrace-gpu-vfio-pci (Linux 6.9 and later, CONFIG_NVGRACE_GPU_VFIO_PCI): plain vfio-pci does not show the guest the GPU''s coherent memory.',
  'kernel:drivers/vfio/pci/nvgrace-gpu/Kconfig | https://gitlab.com/redhat/centos-stream/src/kernel/centos-stream-9/-/merge_requests/4776',
  'accelerator.device=?2342|accelerator.device=2345|accelerator.device=2348|accelerator.device=2941|accelerator.device=31c2');
CREATE VIEW rule_coherent_gpu_on_variant_driver AS
SELECT a.host, a.address AS subject, NULL AS surface, 'whole' AS share,
       CASE WHEN a.device IS NULL THEN 'unknown'
            WHEN replace(a.driver, '_', '-') = 'nvgrace-gpu-vfio-pci' THEN 'pass'
            WHEN a.driver IN ('vfio-pci', 'vfio_pci') OR m.state = 'absent' OR f.value = 'n' THEN 'fail'
            WHEN m.state IN ('loaded', 'builtin', 'available') OR f.value IN ('y', 'm') THEN 'pass'
            WHEN k.release_key < version_key('6.9') THEN 'fail'
            ELSE 'unknown' END AS result,
       a.address || ' (' || coalesce(a.name, a.device, 'id not seen') || ') is bound to ' || coalesce(a.driver, 'a driver not seen')
         || ', module nvgrace_gpu_vfio_pci ' || coalesce(m.state, 'not seen') || ', kernel '
         || coalesce(k.release, 'not seen') AS evidence
FROM accelerator a
LEFT JOIN module m ON m.host = a.host AND m.module = 'nvgrace_gpu_vfio_pci'
LEFT JOIN kernel_config f ON f.host = a.host AND f.option = 'CONFIG_NVGRACE_GPU_VFIO_PCI'
LEFT JOIN kernel k ON k.host = a.host
WHERE a.vendor = '10de' AND a.is_vf = 0 AND coalesce(a.device, '2342') IN ('2342', '2345', '2348', '2941', '31c2');

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('modprobe-file-read', 'modprobe reads the files that options for drivers stand in', 'degrades', '@vfio @host-driver @vgpu',
  'Move the lines to a file in /etc/modprobe.d whose name ends in .conf, and make the initramfs anew: whatever else it is '
  || 'called, modprobe passes it over and says nothing.',
  'repo:kmod-project/kmod:man/modprobe.d.5.scd | '
  || 'https://github.com/Uhh-IDontKnow/Proxmox_AMD_AI_Max_395_Radeon_8060s_GPU_Passthrough/issues/1 | '
  || 'https://github.com/Uhh-IDontKnow/Proxmox_AMD_AI_Max_395_Radeon_8060s_GPU_Passthrough/issues/6',
  'module_directive.directive=ignored');
CREATE VIEW rule_modprobe_file_read AS
SELECT d.host, '' AS subject, NULL AS surface, NULL AS share, 'fail' AS result,
       'not read: ' || d.listing AS evidence
FROM (SELECT host, sorted_list(file || ' (' || module || ')') AS listing
      FROM module_directive
      WHERE directive = 'ignored'
        AND module IN ('vfio', 'vfio_pci', 'vfio_iommu_type1', 'pci_stub', 'nvidia', 'nvidia_drm', 'nvidia_modeset',
                       'nvidia_uvm', 'nvidia_vgpu_vfio', 'nvidiafb', 'nouveau', 'nova_core', 'amdgpu', 'radeon', 'gim', 'i915',
                       'xe', 'kvmgt', 'habanalabs', 'snd_hda_intel')
      GROUP BY host) d;
