-- What is left of one tenant for the next. SPDX-License-Identifier: Apache-2.0

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('tenant-memory-cleared', 'The device''s memory is cleared between tenants', 'notes', '@passthrough -@foreign',
  'Have your own pass over the memory before the next tenant, or use a confidential-computing mode: no vendor statement says that a function-level reset clears a GPU''s memory. Gaudi scrubs at its boot, NVIDIA''s vGPU manager per vGPU.',
  'https://docs.habana.ai/en/latest/Management_and_Monitoring/Hypervisor_Tools/Memory_Scrub_Verification_Tool.html | https://mail-archive.com/dri-devel@lists.freedesktop.org/msg650814.html');
CREATE VIEW rule_tenant_memory_cleared AS
SELECT a.host, a.address AS subject, NULL AS surface, 'whole' AS share,
       CASE WHEN n.cc_mode IN ('on', 'ppcie') OR a.vendor = '1da3' THEN 'pass' ELSE 'unknown' END AS result,
       a.address || CASE WHEN a.vendor = '1da3' THEN ': scrubbed by its firmware at boot'
                         WHEN n.cc_mode IS NOT NULL THEN ': confidential computing mode ' || n.cc_mode
                         ELSE ': confidential computing mode not seen, nothing known to clear its memory' END
         || ', reset methods ' || coalesce(a.reset_methods, 'not seen') AS evidence
FROM accelerator a
LEFT JOIN nvidia_gpu n ON n.host = a.host AND n.address = a.address
WHERE a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('tenant-bus-reset', 'A reset of the bus can clear what a function-level reset leaves in the firmware', 'notes', '@passthrough -@foreign',
  'Put each GPU behind a bridge of its own and reset that bus (reset_method bus) before the next tenant: after an aborted start, stale GSP and SPDM sessions survived FLR on an H200 and were cleared by a secondary bus reset only.',
  'https://github.com/Dstack-TEE/dstack/pull/1048');
CREATE VIEW rule_tenant_bus_reset AS
SELECT a.host, a.address AS subject, NULL AS surface, 'whole' AS share,
       CASE WHEN has_word(a.reset_methods, 'bus') = 1 THEN 'pass' WHEN a.reset_methods IS NOT NULL THEN 'fail'
            ELSE 'unknown' END AS result,
       a.address || ': reset methods ' || coalesce(a.reset_methods, 'not seen') AS evidence
FROM accelerator a
WHERE a.is_vf = 0 AND coalesce(a.vendor, '10de') = '10de';

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('tenant-firmware-on-record', 'The device''s firmware version is on record, so that a tenant''s change shows', 'notes', '@passthrough -@foreign',
  'Record the VBIOS version (nvidia-smi, /proc/driver/nvidia/gpus/*/information) before the device is given away, and compare it when it comes back: who has the whole device can write its firmware.',
  'https://github.com/NVIDIA/gpu-admin-tools | https://docs.nvidia.com/ai-enterprise/planning-resource/optimizing-vm-configuration-ai-inference-blackwell-ultra-hgx/latest/known-limitations.html');
CREATE VIEW rule_tenant_firmware_on_record AS
SELECT a.host, a.address AS subject, NULL AS surface, 'whole' AS share,
       CASE WHEN n.vbios IS NOT NULL AND n.vbios <> 'none' THEN 'pass' ELSE 'unknown' END AS result,
       a.address || ': VBIOS ' || coalesce(n.vbios, 'not seen') AS evidence
FROM accelerator a
LEFT JOIN nvidia_gpu n ON n.host = a.host AND n.address = a.address
WHERE a.is_vf = 0 AND coalesce(a.vendor, '10de') = '10de';

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('tenant-settings-default', 'The last user left no persistent setting on the GPU', 'notes', '@passthrough -@foreign',
  'Put MIG mode, ECC and confidential mode back before the next tenant: they are kept over resets (MIG mode on Ampere over reboots).',
  'https://docs.nvidia.com/datacenter/tesla/mig-user-guide/620/deployment-considerations.html');
CREATE VIEW rule_tenant_settings_default AS
SELECT a.host, a.address AS subject, NULL AS surface, 'whole' AS share,
       CASE WHEN n.mig_current = 'enabled' OR n.mig_pending = 'enabled' OR n.cc_mode = 'devtools'
                 OR n.ecc_current = 'disabled' THEN 'fail'
            WHEN n.mig_current IS NOT NULL AND n.mig_pending IS NOT NULL AND n.cc_mode IS NOT NULL
                 AND n.ecc_current IS NOT NULL THEN 'pass'
            ELSE 'unknown' END AS result,
       a.address || ': MIG ' || coalesce(n.mig_current, 'not seen') || ' (pending ' || coalesce(n.mig_pending, 'not seen')
         || '), ECC ' || coalesce(n.ecc_current, 'not seen') || ', confidential mode '
         || coalesce(n.cc_mode, 'not seen') AS evidence
FROM accelerator a
LEFT JOIN nvidia_gpu n ON n.host = a.host AND n.address = a.address
WHERE a.is_vf = 0 AND coalesce(a.vendor, '10de') = '10de';

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('tenant-no-unsafe-interrupts', 'No guest can inject interrupts into the host', 'degrades', '@vfio',
  'Take allow_unsafe_interrupts away where tenants are not trusted: it is meant for platforms without interrupt remapping.',
  'cloud-hypervisor/cloud-hypervisor:docs/vfio.md@ae44c29');
CREATE VIEW rule_tenant_no_unsafe_interrupts AS
SELECT s.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN p.value IN ('Y', 'y', '1') OR c.given > 0 THEN 'fail'
            WHEN p.value IN ('N', 'n', '0') THEN 'pass'
            ELSE 'unknown' END AS result,
       'vfio_iommu_type1.allow_unsafe_interrupts: ' || coalesce(p.value, 'not seen')
         || CASE WHEN c.given > 0 THEN ', set on the command line' ELSE '' END AS evidence
FROM host_summary s
LEFT JOIN module_parameter p ON p.host = s.host AND p.module = 'vfio_iommu_type1'
                            AND p.parameter = 'allow_unsafe_interrupts'
LEFT JOIN (SELECT host, COUNT(*) AS given FROM cmdline_option
           WHERE which = 'running' AND name = 'vfio_iommu_type1.allow_unsafe_interrupts'
             AND value IN ('1', 'Y', 'y', 'none') GROUP BY host) c ON c.host = s.host;
