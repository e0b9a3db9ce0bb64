-- IOMMU groups, and what lies below them. SPDX-License-Identifier: Apache-2.0

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('iommu-group-viable', 'Every other endpoint of the IOMMU group is free for VFIO', 'blocks', '@vfio',
  'Bind the other endpoints of the group to vfio-pci or leave them without a driver (audio, USB and UCSI functions of the same card, neighbours): one on a host driver makes the group unusable. Bridges do not count; pci-stub is fine.',
  'kernel:Documentation/driver-api/vfio.rst | https://github.com/NVIDIA/kubevirt-gpu-device-plugin/issues/27 | https://github.com/kubernetes-sigs/dra-driver-nvidia-gpu/issues/1191 | https://github.com/kubevirt/kubevirt/issues/6718');
CREATE VIEW rule_iommu_group_viable AS
SELECT a.host, a.address AS subject, NULL AS surface, 'whole' AS share,
       CASE WHEN g.foreign_bound > 0 THEN 'fail'
            WHEN o.state = 'complete' AND a.iommu_group <> 'none' AND coalesce(g.unsure, 0) = 0
                 AND w.ungrouped = 0 THEN 'pass'
            ELSE 'unknown' END AS result,
       'IOMMU group ' || coalesce(a.iommu_group, 'not seen')
         || CASE WHEN a.iommu_group_origin = 'predicted' THEN ' (predicted)' ELSE '' END || ': '
         || CASE WHEN g.foreign_bound > 0 THEN g.foreign_listing
                 WHEN g.companions IS NOT NULL THEN g.companions
                 WHEN a.iommu_group IS NULL THEN 'members not seen'
                 ELSE 'no other endpoint seen' END
         || CASE WHEN o.state = 'complete' THEN '' ELSE ', PCI not seen whole' END AS evidence
FROM accelerator a
LEFT JOIN observed o ON o.host = a.host AND o.tbl = 'pci_function' AND o.subject = ''
LEFT JOIN host_summary w ON w.host = a.host
LEFT JOIN (SELECT a2.host, a2.address,
                  COUNT(CASE WHEN p.driver NOT IN ('none', 'pci-stub', 'pcieport')
                              AND replace(p.driver, 'vfio', '') = p.driver THEN 1 END) AS foreign_bound,
                  COUNT(CASE WHEN p.driver IS NULL THEN 1 END) AS unsure,
                  sorted_list(CASE WHEN p.driver NOT IN ('none', 'pci-stub', 'pcieport')
                                    AND replace(p.driver, 'vfio', '') = p.driver
                                   THEN p.address || ' is bound to ' || p.driver END) AS foreign_listing,
                  sorted_list(p.address || ' ' || coalesce(p.driver, '(driver not seen)')) AS companions
           FROM accelerator a2
           JOIN iommu_group_function m ON m.host = a2.host AND m.iommu_group = a2.iommu_group
           JOIN pci_function p ON p.host = m.host AND p.address = m.address AND p.address <> a2.address
           WHERE a2.is_vf = 0 AND a2.iommu_group <> 'none' AND p.header_type IS DISTINCT FROM 'bridge'
             AND substr(coalesce(p.class, 'ffffff'), 1, 2) <> '06'
           GROUP BY a2.host, a2.address) g ON g.host = a.host AND g.address = a.address
WHERE a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('group-one-accelerator', 'No accelerator of another slot shares the IOMMU group', 'degrades', '@vfio',
  'All accelerators of the group must go to one VM. To split them: enable ACS in the firmware, use other slots, or accept the risk of an ACS override patch.',
  'kernel:Documentation/driver-api/vfio.rst | https://github.com/Quansight/open-gpu-server/issues/7');
CREATE VIEW rule_group_one_accelerator AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN g.others > 0 THEN 'fail'
            WHEN o.state = 'complete' AND a.iommu_group <> 'none' AND coalesce(g.unsure, 0) = 0
                 AND w.ungrouped = 0 THEN 'pass'
            ELSE 'unknown' END AS result,
       'IOMMU group ' || coalesce(a.iommu_group, 'not seen')
         || CASE WHEN a.iommu_group_origin = 'predicted' THEN ' (predicted)' ELSE '' END
         || CASE WHEN g.others > 0 THEN ' also holds ' || g.listing || ', which must go to the same VM as ' || a.address
                 ELSE ': no accelerator of another slot seen' END AS evidence
FROM accelerator a
LEFT JOIN observed o ON o.host = a.host AND o.tbl = 'pci_function' AND o.subject = ''
LEFT JOIN host_summary w ON w.host = a.host
LEFT JOIN (SELECT a2.host, a2.address, COUNT(CASE WHEN n.is_vf = 0 THEN 1 END) AS others,
                  COUNT(CASE WHEN n.address IS NULL AND (p.vendor IS NULL OR p.device IS NULL OR p.class IS NULL)
                             THEN 1 END) AS unsure,
                  sorted_list(CASE WHEN n.is_vf = 0 THEN p.address END) AS listing
           FROM accelerator a2
           JOIN iommu_group_function m ON m.host = a2.host AND m.iommu_group = a2.iommu_group
           JOIN pci_function p ON p.host = m.host AND p.address = m.address
                              AND substr(p.address, 1, length(p.address) - 2)
                                  <> substr(a2.address, 1, length(a2.address) - 2)
           LEFT JOIN accelerator n ON n.host = p.host AND n.address = p.address
           WHERE a2.is_vf = 0 AND a2.iommu_group <> 'none' AND p.header_type IS DISTINCT FROM 'bridge'
             AND substr(coalesce(p.class, 'ffffff'), 1, 2) <> '06'
           GROUP BY a2.host, a2.address) g ON g.host = a.host AND g.address = a.address
WHERE a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('group-one-slot', 'No other kind of device, of another slot, shares the IOMMU group', 'degrades', '@vfio',
  'What shares the group goes along to the VM or stays without a driver: a NIC or disk among them is lost to the host. Another slot, ACS in the firmware, or an ACS override patch splits the group.',
  'https://github.com/tiiuae/ghaf/pull/1711 | https://github.com/NVIDIA/gpu-admin-tools/issues/23');
CREATE VIEW rule_group_one_slot AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN g.neighbours > 0 THEN 'fail'
            WHEN o.state = 'complete' AND a.iommu_group <> 'none' AND coalesce(g.unsure, 0) = 0
                 AND w.ungrouped = 0 THEN 'pass'
            ELSE 'unknown' END AS result,
       'IOMMU group ' || coalesce(a.iommu_group, 'not seen')
         || CASE WHEN a.iommu_group_origin = 'predicted' THEN ' (predicted)' ELSE '' END
         || coalesce(' also holds ' || g.listing, ': no other endpoint of another slot seen') AS evidence
FROM accelerator a
LEFT JOIN observed o ON o.host = a.host AND o.tbl = 'pci_function' AND o.subject = ''
LEFT JOIN host_summary w ON w.host = a.host
LEFT JOIN (SELECT a2.host, a2.address, COUNT(CASE WHEN n.address IS NULL THEN 1 END) AS neighbours,
                  COUNT(CASE WHEN f.vendor IS NULL OR f.device IS NULL OR f.class IS NULL THEN 1 END) AS unsure,
                  sorted_list(CASE WHEN n.address IS NULL
                                   THEN p.address || ' ' || coalesce(p.driver, '(driver not seen)') END) AS listing
           FROM accelerator a2
           JOIN iommu_group_function m ON m.host = a2.host AND m.iommu_group = a2.iommu_group
           JOIN pci_function p ON p.host = m.host AND p.address = m.address
                              AND substr(p.address, 1, length(p.address) - 2)
                                  <> substr(a2.address, 1, length(a2.address) - 2)
           LEFT JOIN pci_function f ON f.host = p.host
                                   AND f.address = substr(p.address, 1, length(p.address) - 2) || '.0'
           LEFT JOIN accelerator n ON n.host = f.host AND n.address = f.address
           WHERE a2.is_vf = 0 AND a2.iommu_group <> 'none' AND p.header_type IS DISTINCT FROM 'bridge'
             AND substr(coalesce(p.class, 'ffffff'), 1, 2) <> '06'
           GROUP BY a2.host, a2.address) g ON g.host = a.host AND g.address = a.address
WHERE a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('peer-bypasses-iommu', 'No peer reaches the accelerator below the IOMMU', 'degrades', '@vfio',
  'Turn on ACS request and completion redirect at the ports of this switch (firmware, or pci=config_acs=), or give everything below the switch to one tenant: requests between ports of a switch without redirect never reach the IOMMU, whatever the groups say.',
  'kernel:drivers/pci/pci.c (pci_acs_enabled) | kernel:Documentation/admin-guide/kernel-parameters.txt (pci=config_acs) | PCI Express Base Specification 5.0, 6.12');
CREATE VIEW rule_peer_bypasses_iommu AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN d.open_ports > 0 THEN 'fail'
            WHEN o.state = 'complete' AND (a.parent = 'none' OR r.rooted > 0) AND coalesce(d.unsure, 0) = 0 THEN 'pass'
            ELSE 'unknown' END AS result,
       a.address || CASE WHEN d.open_ports > 0 THEN ': no ACS redirect at ' || d.listing
                         WHEN d.unsure > 0 THEN ': ports of the switch above not read'
                         WHEN d.ports > 0 THEN ': ACS redirect at every switch port above'
                         WHEN a.parent = 'none' OR r.rooted > 0 THEN ': no switch with other devices above it'
                         ELSE ': bridges above not seen' END AS evidence
FROM (SELECT a1.host, a1.address, p.parent
      FROM accelerator a1
      JOIN pci_function p ON p.host = a1.host AND p.address = a1.address
      WHERE a1.is_vf = 0) a
LEFT JOIN observed o ON o.host = a.host AND o.tbl = 'pci_function' AND o.subject = ''
LEFT JOIN (SELECT n.host, n.address, COUNT(*) AS rooted
           FROM pci_ancestor n
           JOIN pci_function b ON b.host = n.host AND b.address = n.ancestor AND b.parent = 'none'
           GROUP BY n.host, n.address) r ON r.host = a.host AND r.address = a.address
LEFT JOIN (SELECT t.host, t.address, COUNT(*) AS ports,
                  COUNT(CASE WHEN t.redirects = 0 THEN 1 END) AS open_ports,
                  COUNT(CASE WHEN t.redirects IS NULL THEN 1 END) AS unsure,
                  sorted_list(CASE WHEN t.redirects = 0 THEN t.port || ' (ACS ' || t.acs || ')' END) AS listing
           FROM (SELECT x.host, x.address, x.port, coalesce(x.acs, '?') AS acs,
                        CASE WHEN x.port_type IS NULL OR x.acs IS NULL THEN NULL
                             WHEN has_word(replace(x.acs, '+', ' '), 'RR') = 1
                              AND has_word(replace(x.acs, '+', ' '), 'CR') = 1 THEN 1
                             ELSE 0 END AS redirects
                 FROM (SELECT n.host, n.address, b.address AS port, b.port_type,
                              CASE WHEN i.state = 'off' THEN b.acs_capable ELSE b.acs_enabled END AS acs
                       FROM pci_ancestor n
                       JOIN pci_function b ON b.host = n.host AND b.address = n.ancestor
                       LEFT JOIN iommu i ON i.host = n.host
                       WHERE coalesce(b.port_type, 'downstream') = 'downstream' AND b.parent <> 'none' AND n.beside > 0) x) t
           GROUP BY t.host, t.address) d ON d.host = a.host AND d.address = a.address;

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('no-acs-override', 'IOMMU groups are real: no ACS override patch splits them', 'degrades', '@vfio',
  'Take pcie_acs_override away where tenants do not trust each other: the groups that it makes say nothing about what devices can do.',
  'https://github.com/Quansight/open-gpu-server/issues/44 | https://github.com/tiiuae/ghaf/pull/1711');
CREATE VIEW rule_no_acs_override AS
SELECT s.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN c.given > 0 THEN 'fail' WHEN k.cmdline IS NOT NULL THEN 'pass' ELSE 'unknown' END AS result,
       'command line: ' || coalesce(c.listing, CASE WHEN k.cmdline IS NULL THEN 'not seen'
                                                   ELSE 'no pcie_acs_override' END) AS evidence
FROM host_summary s
LEFT JOIN kernel k ON k.host = s.host
LEFT JOIN (SELECT host, COUNT(*) AS given, sorted_list(name || '=' || coalesce(value, '?')) AS listing
           FROM cmdline_option WHERE which = 'running' AND name = 'pcie_acs_override' GROUP BY host) c
       ON c.host = s.host;
