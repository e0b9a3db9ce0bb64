-- ARM servers: what their kernels must have, and must not. SPDX-License-Identifier: Apache-2.0

-- GB10 shares its memory with the processor: the driver binds the process's page tables (SVA), or CUDA does not start.
INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('smmu-shares-page-tables', 'The kernel can share page tables with a GPU that needs it', 'blocks', '@host-driver',
  'Boot a kernel with CONFIG_ARM_SMMU_V3_SVA=y (NVIDIA''s and Ubuntu''s have it): without it CUDA does not initialise.',
  'https://github.com/siderolabs/talos/issues/14087 | kernel:drivers/iommu/arm/arm-smmu-v3/Kconfig',
  'kernel_config.option=CONFIG_ARM_SMMU_V3_SVA');
CREATE VIEW rule_smmu_shares_page_tables AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN k.value = 'n' THEN 'fail' WHEN k.value = 'y' THEN 'pass' ELSE 'unknown' END AS result,
       coalesce(a.name, a.address) || ', CONFIG_ARM_SMMU_V3_SVA=' || coalesce(k.value, 'not seen') AS evidence
FROM accelerator a
JOIN kernel_config k ON k.host = a.host AND k.option = 'CONFIG_ARM_SMMU_V3_SVA'
WHERE a.vendor = '10de' AND a.device = '2e12' AND a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('nvidia-64k-pages', 'The driver maps memory right on a kernel with 64 KiB pages', 'blocks', '@host-driver',
  'Use branch 580 on a kernel with 64 KiB pages, or a kernel with 4 KiB pages: from 590 to 610 mappings of 4 GiB and more '
  || 'fault below each boundary of 4 GiB (Xid 31, FAULT_PTE).',
  'https://github.com/NVIDIA/open-gpu-kernel-modules/issues/1269',
  'kernel_config.option=CONFIG_ARM64_64K_PAGES');
CREATE VIEW rule_nvidia_64k_pages AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN k.value = 'n' OR d.loaded_version_key < version_key('581') THEN 'pass'
            WHEN k.value = 'y' AND d.loaded_version_key >= version_key('590') AND d.loaded_version_key <= version_key('610.43.3')
              THEN 'fail'
            ELSE 'unknown' END AS result,
       'driver ' || coalesce(d.loaded_version, 'not seen') || ', CONFIG_ARM64_64K_PAGES=' || coalesce(k.value, 'not seen')
         AS evidence
FROM accelerator a
JOIN kernel_config k ON k.host = a.host AND k.option = 'CONFIG_ARM64_64K_PAGES'
LEFT JOIN nvidia_driver d ON d.host = a.host
WHERE a.vendor = '10de' AND a.is_vf = 0 AND d.loaded_version IS DISTINCT FROM 'none';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('kernel-handover-leaves-memory', 'The kernel keeps no memory for kexec handover that pins cannot use', 'degrades',
  '@host-driver',
  'Add kho=off to the kernel''s command line: in NVIDIA''s kernel 7.0 with 4 KiB pages the handover is on by default and '
  || 'takes gigabytes as CMA, in which RDMA and GPUs cannot pin; registering memory fails when GPU memory is tight.',
  'https://github.com/NVIDIA/NV-Kernels/pull/590',
  'machine.architecture=aarch64 kernel.cmdline');
CREATE VIEW rule_kernel_handover_leaves_memory AS
SELECT k.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN o.value IN ('off', '0', 'n') THEN 'pass'
            WHEN k.flavour = 1 AND o.host IS NULL AND k.release_key >= version_key('7.0') AND k.release_key < version_key('7.1')
              THEN 'fail'
            WHEN k.flavour = 0 AND o.host IS NULL THEN 'pass'
            ELSE 'unknown' END AS result,
       'kernel ' || coalesce(k.release, 'not seen') || ', kho on its command line: ' || coalesce(o.value, 'not there') AS evidence
FROM (SELECT x.host, x.release, x.release_key, x.cmdline,
             CASE WHEN replace(x.release, '-nvidia', '') <> x.release AND replace(x.release, '64k', '') = x.release THEN 1
                  WHEN x.release IS NOT NULL THEN 0 END AS flavour
      FROM kernel x) k
JOIN machine m ON m.host = k.host AND m.architecture = 'aarch64'
JOIN host_summary s ON s.host = k.host AND s.nvidia_accelerators > 0
LEFT JOIN cmdline_option o ON o.host = k.host AND o.which = 'running' AND o.name = 'kho'
WHERE k.cmdline IS NOT NULL;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('iommufd-locks-bars', 'The lock limit of the VMM holds the BARs too where iommufd counts them', 'blocks', '@qemu',
  'Give QEMU CAP_IPC_LOCK or no lock limit (libvirt: <memtune><hard_limit>, or LimitMEMLOCK=infinity): iommufd of NVIDIA''s '
  || 'kernels 6.14 and 6.17 counted BARs as locked memory, and mapping a large one ends in ENOMEM.',
  'https://github.com/NVIDIA/NV-Kernels/pull/248 | https://bugs.launchpad.net/ubuntu/+source/linux-nvidia/+bug/2131970',
  'intent.iommufd=1 intent.guest_memory_bytes');
CREATE VIEW rule_iommufd_locks_bars AS
SELECT a.host, a.address AS subject, NULL AS surface, 'whole' AS share,
       CASE WHEN m.memlock_bytes = -1 OR t.guest_memory_bytes + a.bar_bytes <= m.memlock_bytes THEN 'pass'
            WHEN k.counts = 1 AND t.guest_memory_bytes + a.bar_bytes > m.memlock_bytes THEN 'fail'
            WHEN k.counts = 0 THEN 'pass'
            ELSE 'unknown' END AS result,
       'iommufd, kernel ' || coalesce(k.release, 'not seen') || ', lock limit '
         || CASE WHEN m.memlock_bytes = -1 THEN 'unlimited' ELSE coalesce(size_text(m.memlock_bytes), 'not seen') END
         || ', guest memory ' || size_text(t.guest_memory_bytes) || ', BARs ' || coalesce(size_text(a.bar_bytes), 'not seen')
         AS evidence
FROM accelerator a
JOIN intent t ON t.host = a.host AND t.iommufd = 1 AND t.guest_memory_bytes > 0
LEFT JOIN memory m ON m.host = a.host
LEFT JOIN (SELECT host, release,
                  CASE WHEN replace(release, '-nvidia', '') = release THEN 0
                       WHEN (release_key >= version_key('6.14') AND release_key < version_key('6.15'))
                         OR (release_key >= version_key('6.17') AND release_key < version_key('6.18')) THEN 1
                  END AS counts
           FROM kernel) k ON k.host = a.host
WHERE a.is_vf = 0;
