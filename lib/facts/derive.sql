-- Derived tables that SQL alone makes, by SQLite, after probes or an import and before any rule. Each statement fills a
-- table for all hosts at once. Runs once for a set of facts; other engines are given the result.
-- SPDX-License-Identifier: Apache-2.0

-- The functions of the groups that accelerators are in: one pass over all functions, of which there are hundreds.
INSERT INTO iommu_group_function (host, iommu_group, address)
WITH wanted AS MATERIALIZED (
  SELECT DISTINCT host, iommu_group FROM accelerator WHERE iommu_group <> 'none'
)
SELECT f.host, f.iommu_group, f.address
FROM pci_function f CROSS JOIN wanted w ON w.host = f.host AND w.iommu_group = f.iommu_group;

-- What these groups hold. A group is viable while each endpoint has no driver, a VFIO driver or pci-stub
-- (kernel: drivers/vfio/group.c and vfio_iommu_type1); bridges stay with pcieport.
INSERT INTO iommu_group_member (host, iommu_group, members, endpoints, accelerators, slots, foreign_bound,
  driver_unknown, listing, foreign_listing)
WITH member AS (
  SELECT m.host, m.iommu_group, f.address, f.driver, a.address IS NOT NULL AND a.is_vf = 0 AS accelerator,
         CASE WHEN substr(f.class, 1, 2) = '06' OR f.header_type = 'bridge' OR f.driver = 'pcieport'
              THEN 0 ELSE 1 END AS endpoint,
         CASE WHEN f.driver IN ('none', 'pci-stub', 'pcieport') OR instr(f.driver, 'vfio') > 0 THEN 0
              WHEN f.driver IS NOT NULL THEN 1 END AS is_foreign
  FROM iommu_group_function m
  JOIN pci_function f ON f.host = m.host AND f.address = m.address
  LEFT JOIN accelerator a ON a.host = m.host AND a.address = m.address
)
SELECT host, iommu_group, COUNT(*), SUM(endpoint), SUM(accelerator),
       COUNT(DISTINCT CASE WHEN accelerator THEN substr(address, 1, length(address) - 2) END),
       SUM(CASE WHEN endpoint = 1 AND is_foreign = 1 THEN 1 ELSE 0 END),
       SUM(CASE WHEN endpoint = 1 AND is_foreign IS NULL THEN 1 ELSE 0 END),
       sorted_list(address || ' ' || coalesce(driver, '(driver not seen)')),
       coalesce(sorted_list(CASE WHEN endpoint = 1 AND is_foreign = 1 THEN address || ' ' || driver END), 'none')
FROM member GROUP BY host, iommu_group;

-- The version of each program that counts.
INSERT INTO program (host, name, version, version_key)
SELECT host, name, version, version_key FROM software
WHERE NOT EXISTS (SELECT 1 FROM intent i WHERE i.host = software.host AND i.vmm = software.name AND i.vmm_version IS NOT NULL)
UNION ALL
SELECT host, vmm, vmm_version, vmm_version_key FROM intent WHERE vmm IS NOT NULL AND vmm_version IS NOT NULL;

-- Releases that a regression may be of: what the rules on regressions would ask first, asked once for both. The releases are
-- those of rules/regression.sql, which tells more of them.
INSERT INTO suspect_release (host, name)
WITH release AS (
  SELECT host, name, version_key, '' AS minor FROM program WHERE coalesce(version, '') <> 'none'
  UNION ALL
  SELECT host, 'linux', release_key,
         CASE WHEN replace(release, '.0-', '') = release THEN ''
              ELSE substr(replace(release_key, '+', '.0000000000'), 1, 21) END
  FROM kernel
  UNION ALL SELECT host, 'nvidia-driver', loaded_version_key, '' FROM nvidia_driver WHERE coalesce(loaded_version, '') <> 'none'
)
SELECT DISTINCT v.host, v.name
FROM release v JOIN regression r ON r.name = v.name
WHERE coalesce(v.version_key < r.until_key, 1) = 1
  AND coalesce(v.version_key >= r.since_key OR v.minor = substr(r.since_key, 1, 21), 1) = 1;

-- What the kernel log tells, by class of message.
INSERT INTO kernel_told (host, kind, address, told, first_line)
SELECT host, kind, coalesce(address, 'none'), COUNT(*), MIN(message)
FROM kernel_message WHERE kind <> 'other' GROUP BY host, kind, coalesce(address, 'none')
UNION ALL
SELECT host, kind, '', COUNT(*), MIN(message) FROM kernel_message WHERE kind <> 'other' GROUP BY host, kind;
