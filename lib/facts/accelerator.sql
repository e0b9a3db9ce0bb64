-- One row of accelerator. Its class alone, or a ticket, can say what it is where the matrix does not have its id; a VF
-- takes its model from its PF. SPDX-License-Identifier: Apache-2.0
-- ?1 host, ?2 address, ?3 whether it is a VF, ?4 its row in accelerator_model: the subsystem, ?5 its kind if no row
-- says so; of its PF: ?6 vendor, ?7 device, ?8 subsystem
INSERT INTO accelerator (host, address, parent, is_vf, vendor, device, subsystem_vendor, subsystem_device, class,
  kind, name, model, generation, chip, segment, mig, vgpu, vgpu_needs_mig, open_module, last_driver, last_driver_key,
  first_driver, first_driver_key, nvswitch, confidential, reset_bug, driver, driver_override, iommu_group,
  iommu_group_origin, numa_node, vgpu_mode, sriov_totalvfs, sriov_numvfs, reset_methods, flr, msix_vectors,
  msi_vectors, power_state, boot_vga, bars_known, largest_bar_bytes, bar_bytes, bar_bytes_32, bars_unassigned,
  vf_bars_unassigned)
SELECT f.host, f.address, f.physical_function,
       CASE WHEN ?3 = 1 OR m.is_vf = 1 THEN 1 ELSE 0 END, f.vendor, f.device, f.subsystem_vendor,
       f.subsystem_device, f.class,
       coalesce(m.kind, ?5),
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
       b.count > 0, CASE WHEN b.whole = 1 THEN b.largest END, CASE WHEN b.whole = 1 THEN CAST(b.total AS INTEGER) END,
       CASE WHEN b.whole = 1 AND b.odd = 0 AND b.total32 > 0 THEN CAST(b.total32 AS INTEGER) END, b.lost, b.vf_lost
FROM pci_function f
-- The largest of some and the sum of some say nothing of all: they are known where each BAR is. TOTAL: a hostile
-- file's sizes can be too many for an integer.
JOIN (SELECT COUNT(*) AS count,
             COUNT(CASE WHEN kind = 'bar' AND io IS NOT 1 THEN 1 END) > 0
               AND COUNT(CASE WHEN kind = 'bar' AND io IS NOT 1 AND size_bytes IS NULL THEN 1 END) = 0
               AND EXISTS (SELECT 1 FROM observed WHERE host = ?1 AND tbl = 'pci_bar' AND subject = ?2
                           AND state = 'complete') AS whole,
             COUNT(CASE WHEN kind = 'bar' AND io IS NOT 1 AND bits64 IS NULL AND size_bytes > 0 THEN 1 END) AS odd,
             MAX(CASE WHEN kind = 'bar' AND io IS NOT 1 THEN size_bytes END) AS largest,
             TOTAL(CASE WHEN kind = 'bar' AND io IS NOT 1 THEN size_bytes END) AS total,
             TOTAL(CASE WHEN kind = 'bar' AND io IS NOT 1 AND bits64 = 0 THEN size_bytes END) AS total32,
             SUM(CASE WHEN kind = 'bar' AND io IS NOT 1 AND size_bytes > 0 AND assigned = 0 THEN 1 ELSE 0 END) AS lost,
             SUM(CASE WHEN kind = 'vf-bar' AND size_bytes > 0 AND assigned = 0 THEN 1 ELSE 0 END) AS vf_lost
      FROM pci_bar WHERE host = ?1 AND address = ?2) b
LEFT JOIN accelerator_model m ON m.vendor = f.vendor AND m.device = f.device AND m.subsystem = ?4
LEFT JOIN accelerator_model pm ON pm.vendor = ?6 AND pm.device = ?7 AND pm.subsystem = ?8
WHERE f.host = ?1 AND f.address = ?2
