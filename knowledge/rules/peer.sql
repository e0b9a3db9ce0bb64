-- Peers: accelerators that reach each other directly over PCI Express. SPDX-License-Identifier: Apache-2.0

-- Asked where the workload gets several boards and no NVSwitch joins them. With the IOMMU off a redirect still
-- sends every transfer up to the root complex, so the IOMMU's state does not matter here.
INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('p2p-not-redirected', 'No port above boards that work together redirects their transfers', 'degrades', '@host-driver',
  'Where no device goes to a VM: switch ACS off in the firmware, or with pci=config_acs=… (Linux 6.11) or setpci on these '
  || 'ports (setpci -s PORT ECAP_ACS+6.w=0, at each boot). Else set NCCL_P2P_DISABLE=1: NCCL hangs or crawls otherwise.',
  'https://github.com/NVIDIA/nccl/issues/2079 | '
  || 'https://docs.nvidia.com/deeplearning/nccl/user-guide/docs/troubleshooting.html | '
  || 'https://github.com/NVIDIA/nccl/issues/304',
  'intent.devices');
CREATE VIEW rule_p2p_not_redirected AS
WITH above AS (
  SELECT p.host, p.address,
         SUM(CASE WHEN has_word(replace(b.acs_enabled, '+', ' '), 'RR') = 1 THEN 1 ELSE 0 END) AS redirecting,
         SUM(CASE WHEN b.acs_enabled IS NULL THEN 1 ELSE 0 END) AS unseen,
         sorted_list(CASE WHEN has_word(replace(b.acs_enabled, '+', ' '), 'RR') = 1
                          THEN p.ancestor || ' ' || b.acs_enabled END) AS listing
  FROM pci_ancestor p
  JOIN pci_function b ON b.host = p.host AND b.address = p.ancestor
  GROUP BY p.host, p.address
)
SELECT a.host, a.address AS subject, NULL AS surface, 'whole' AS share,
       CASE WHEN w.redirecting > 0 AND a.nvswitch = 'no' THEN 'fail'
            WHEN w.redirecting = 0 AND w.unseen = 0 THEN 'pass'
            ELSE 'unknown' END AS result,
       CAST(t.devices AS TEXT) || ' boards for one workload; ACS redirects above ' || a.address || ': '
         || coalesce(w.listing, CASE WHEN w.unseen = 0 THEN 'none' ELSE 'not seen' END) AS evidence
FROM accelerator a
JOIN intent t ON t.host = a.host AND t.devices > 1
LEFT JOIN above w ON w.host = a.host AND w.address = a.address
WHERE a.is_vf = 0 AND a.kind = 'gpu' AND a.nvswitch IS DISTINCT FROM 'yes';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('p2p-clique-of-datacenter', 'A GPUDirect clique is declared for boards that have peer access', 'degrades', '@passthrough',
  'Leave x-nv-gpudirect-clique away for GeForce boards, or set NCCL_P2P_DISABLE=1 in the guest: the driver grants peer '
  || 'access, but the window leads to a private mirror; NCCL hangs, or copies end in wrong results.',
  'https://github.com/NVIDIA/nccl/issues/2335',
  'intent.p2p_clique=1');
CREATE VIEW rule_p2p_clique_of_datacenter AS
SELECT a.host, a.address AS subject, NULL AS surface, 'whole' AS share,
       CASE WHEN a.segment IN ('consumer', 'mobile') THEN 'fail'
            WHEN a.segment IN ('datacenter', 'workstation') THEN 'pass'
            ELSE 'unknown' END AS result,
       coalesce(a.name, a.address) || ' (' || coalesce(a.segment, 'segment not known') || ') with a GPUDirect clique' AS evidence
FROM accelerator a
JOIN intent t ON t.host = a.host AND t.p2p_clique = 1
WHERE a.vendor = '10de' AND a.is_vf = 0;
