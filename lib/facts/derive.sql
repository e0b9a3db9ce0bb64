-- The derived tables, by SQLite, after probes or an import and before any rule. Each statement fills a
-- table for all hosts at once. Runs once for a set of facts; other engines are given the result.
-- SPDX-License-Identifier: Apache-2.0

-- The loop ends where a parent is unknown, 'none', or seen before (a hand-written file may hold a ring).
WITH RECURSIVE above (host, address, ancestor, depth) AS (
  SELECT host, address, parent, 1 FROM pci_function WHERE parent IS NOT NULL AND parent <> 'none'
  UNION ALL
  SELECT above.host, above.address, p.parent, above.depth + 1
  FROM above JOIN pci_function p ON p.host = above.host AND p.address = above.ancestor
  WHERE p.parent IS NOT NULL AND p.parent <> 'none' AND above.depth < 32
)
INSERT OR IGNORE INTO pci_ancestor (host, address, ancestor, depth)
SELECT host, address, ancestor, depth FROM above ORDER BY depth;

-- An accelerator is a function whose id is a known one, or whose vendor and class say so. Of rows that
-- match in accelerator_model the one with the subsystem wins. A VF takes its model from its PF.
INSERT INTO accelerator (host, address, parent, is_vf, vendor, device, subsystem_vendor, subsystem_device, class,
  kind, name, model, generation, chip, segment, mig, vgpu, vgpu_needs_mig, open_module, last_driver, last_driver_key,
  first_driver, first_driver_key, nvswitch, confidential, reset_bug, driver, driver_override, iommu_group,
  iommu_group_origin, numa_node, vgpu_mode, sriov_totalvfs, sriov_numvfs, reset_methods, flr, msix_vectors,
  msi_vectors, power_state, boot_vga, bars_known, largest_bar_bytes, bar_bytes, bar_bytes_32, bars_unassigned,
  vf_bars_unassigned)
WITH known AS MATERIALIZED (
  SELECT f.host, f.address, f.physical_function AS parent,
         f.vendor, f.device,
         -- Only VFs are set to a vGPU type, also where the PF did not make it into a copy of sysfs.
         CASE WHEN f.physical_function <> 'none' OR f.vgpu_type_current IS NOT NULL THEN 1 ELSE 0 END AS is_vf,
         (SELECT m.subsystem FROM accelerator_model m
          WHERE m.vendor = f.vendor AND m.device = f.device
            AND m.subsystem IN ('', f.subsystem_vendor || ':' || f.subsystem_device)
          ORDER BY m.subsystem DESC LIMIT 1) AS model_row,
         (SELECT c.kind FROM accelerator_class c
          WHERE c.vendor = f.vendor AND substr(f.class, 1, length(c.class_prefix)) = c.class_prefix
          ORDER BY length(c.class_prefix) DESC LIMIT 1) AS class_kind,
         -- A ticket may say "an NVIDIA GPU at 01:00.0" and no more.
         CASE WHEN f.vendor = '10de' AND f.class IS NULL AND f.device IS NULL
               AND (substr(f.address, -2) = '.0' OR f.vgpu_mode IS NOT NULL) THEN 'gpu'
              WHEN f.address = i.address THEN 'other' END AS told_kind
  FROM pci_function f
  LEFT JOIN intent i ON i.host = f.host
  WHERE NOT EXISTS (SELECT 1 FROM fabric_device d WHERE d.vendor = f.vendor
                    AND f.device BETWEEN d.device_first AND d.device_last)
), hit AS MATERIALIZED (
  SELECT * FROM known WHERE model_row IS NOT NULL OR class_kind IS NOT NULL OR told_kind IS NOT NULL OR is_vf = 1
), bars AS MATERIALIZED (
  SELECT b.host, b.address,
         MAX(CASE WHEN kind = 'bar' AND io IS NOT 1 THEN size_bytes END) AS largest,
         SUM(CASE WHEN kind = 'bar' AND io IS NOT 1 THEN size_bytes END) AS total,
         SUM(CASE WHEN kind = 'bar' AND io IS NOT 1 AND bits64 = 0 THEN size_bytes END) AS total32,
         SUM(CASE WHEN kind = 'bar' AND io IS NOT 1 AND size_bytes > 0 AND assigned = 0 THEN 1 ELSE 0 END) AS lost,
         SUM(CASE WHEN kind = 'vf-bar' AND size_bytes > 0 AND assigned = 0 THEN 1 ELSE 0 END) AS vf_lost
  FROM hit JOIN pci_bar b ON b.host = hit.host AND b.address = hit.address GROUP BY b.host, b.address
)
SELECT f.host, f.address, f.physical_function,
       CASE WHEN k.is_vf = 1 OR m.is_vf = 1 THEN 1 ELSE 0 END, f.vendor, f.device, f.subsystem_vendor,
       f.subsystem_device, f.class,
       coalesce(m.kind, k.class_kind, k.told_kind),
       m.name, coalesce(m.model, pm.model), coalesce(m.generation, pm.generation), coalesce(m.chip, pm.chip),
       coalesce(m.segment, pm.segment),
       coalesce(m.mig, pm.mig), coalesce(m.vgpu, pm.vgpu), coalesce(m.vgpu_needs_mig, pm.vgpu_needs_mig),
       coalesce(m.open_module, pm.open_module),
       coalesce(m.last_driver, pm.last_driver), coalesce(m.last_driver_key, pm.last_driver_key),
       coalesce(m.first_driver, pm.first_driver), coalesce(m.first_driver_key, pm.first_driver_key),
       coalesce(m.nvswitch, pm.nvswitch), coalesce(m.confidential, pm.confidential), coalesce(m.reset_bug, pm.reset_bug),
       f.driver, f.driver_override, f.iommu_group, f.iommu_group_origin, f.numa_node, f.vgpu_mode,
       f.sriov_totalvfs, f.sriov_numvfs, f.reset_methods, f.flr, f.msix_vectors, f.msi_vectors, f.power_state,
       f.boot_vga,
       CASE WHEN b.host IS NULL THEN 0 ELSE 1 END, b.largest, b.total, b.total32, b.lost, b.vf_lost
FROM hit k
JOIN pci_function f ON f.host = k.host AND f.address = k.address
LEFT JOIN accelerator_model m ON m.vendor = k.vendor AND m.device = k.device AND m.subsystem = k.model_row
LEFT JOIN hit pk ON pk.host = k.host AND pk.address = k.parent
LEFT JOIN accelerator_model pm ON pm.vendor = pk.vendor AND pm.device = pk.device AND pm.subsystem = pk.model_row
LEFT JOIN bars b ON b.host = f.host AND b.address = f.address
WHERE k.model_row IS NOT NULL OR k.class_kind IS NOT NULL OR k.told_kind IS NOT NULL
   OR (k.is_vf = 1 AND pk.model_row IS NOT NULL);

-- The groups that accelerators are in. A group is viable while each endpoint has no driver, a VFIO driver or pci-stub
-- (kernel: drivers/vfio/group.c and vfio_iommu_type1); bridges stay with pcieport.
INSERT INTO iommu_group_member (host, iommu_group, members, endpoints, accelerators, slots, foreign_bound,
  driver_unknown, listing, foreign_listing)
WITH wanted AS MATERIALIZED (
  SELECT DISTINCT host, iommu_group FROM accelerator WHERE iommu_group <> 'none'
), member AS (
  SELECT f.host, f.iommu_group, f.address, f.driver, a.address IS NOT NULL AND a.is_vf = 0 AS accelerator,
         CASE WHEN substr(f.class, 1, 2) = '06' OR f.header_type = 'bridge' OR f.driver = 'pcieport'
              THEN 0 ELSE 1 END AS endpoint,
         CASE WHEN f.driver IN ('none', 'pci-stub', 'pcieport') OR instr(f.driver, 'vfio') > 0 THEN 0
              WHEN f.driver IS NOT NULL THEN 1 END AS is_foreign
  FROM pci_function f
  JOIN wanted w ON w.host = f.host AND w.iommu_group = f.iommu_group
  LEFT JOIN accelerator a ON a.host = f.host AND a.address = f.address
)
SELECT host, iommu_group, COUNT(*), SUM(endpoint), SUM(accelerator),
       COUNT(DISTINCT CASE WHEN accelerator THEN substr(address, 1, length(address) - 2) END),
       SUM(CASE WHEN endpoint = 1 AND is_foreign = 1 THEN 1 ELSE 0 END),
       SUM(CASE WHEN endpoint = 1 AND is_foreign IS NULL THEN 1 ELSE 0 END),
       sorted_list(address || ' ' || coalesce(driver, '(driver not seen)')),
       coalesce(sorted_list(CASE WHEN endpoint = 1 AND is_foreign = 1 THEN address || ' ' || driver END), 'none')
FROM member GROUP BY host, iommu_group;

INSERT INTO host_summary (host, accelerators, nvidia_accelerators, nvswitches, pci_seen)
SELECT h.host,
       (SELECT COUNT(*) FROM accelerator a WHERE a.host = h.host AND a.is_vf = 0),
       (SELECT COUNT(*) FROM accelerator a WHERE a.host = h.host AND a.is_vf = 0 AND a.vendor = '10de'),
       (SELECT COUNT(*) FROM pci_function f
        JOIN fabric_device d ON d.vendor = f.vendor AND f.device BETWEEN d.device_first AND d.device_last
        WHERE f.host = h.host AND d.kind = 'nvswitch'),
       EXISTS (SELECT 1 FROM observed o WHERE o.host = h.host AND o.tbl = 'pci_function' AND o.subject = ''
               AND o.state = 'complete')
FROM (SELECT DISTINCT host FROM observed UNION SELECT DISTINCT host FROM pci_function
      UNION SELECT DISTINCT host FROM machine) h;
