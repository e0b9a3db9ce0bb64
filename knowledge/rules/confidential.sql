-- Confidential computing on the GPU's side. SPDX-License-Identifier: Apache-2.0

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('confidential-gpu', 'The GPU can be part of a confidential VM', 'blocks', '@vfio',
  'Nothing can be done on this board: confidential computing needs Hopper or Blackwell data-centre boards.',
  'repo:NVIDIA/cloud-native-docs:confidential-containers/supported-platforms.rst@52dcb7b',
  'intent.confidential=1');
CREATE VIEW rule_confidential_gpu AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN a.confidential = 'no' OR g.cc_mode = 'unsupported' THEN 'fail'
            WHEN a.confidential = 'yes' OR g.cc_mode IS NOT NULL THEN 'pass'
            ELSE 'unknown' END AS result,
       coalesce(a.name, a.address) || ': confidential computing ' || coalesce(a.confidential, 'not known of this id')
         || ', mode ' || coalesce(g.cc_mode, 'not seen') AS evidence
FROM accelerator a
JOIN intent i ON i.host = a.host
LEFT JOIN nvidia_gpu g ON g.host = a.host AND g.address = a.address
WHERE a.vendor = '10de' AND a.is_vf = 0 AND i.confidential = 1;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('confidential-mode-on', 'Every GPU for confidential VMs is in a confidential computing mode', 'blocks', '@vfio',
  'Set the mode with nvidia_gpu_tools.py (--set-cc-mode=on, or ppcie for several Hopper GPUs in one VM, with '
  || '--reset-after-cc-mode-switch), the same on all GPUs of the node.',
  'repo:NVIDIA/cloud-native-docs:confidential-containers/supported-platforms.rst@52dcb7b',
  'accelerator.confidential=?yes intent.confidential=1');
CREATE VIEW rule_confidential_mode_on AS
WITH modes AS (
  SELECT host, COUNT(DISTINCT cc_mode) AS kinds, sorted_list(cc_mode) AS listing
  FROM nvidia_gpu WHERE cc_mode IS NOT NULL GROUP BY host
)
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN g.cc_mode = 'off' OR m.kinds > 1 THEN 'fail'
            WHEN g.cc_mode IN ('on', 'ppcie', 'devtools') AND m.kinds = 1 THEN 'pass'
            ELSE 'unknown' END AS result,
       'confidential computing mode of ' || a.address || ': ' || coalesce(g.cc_mode, 'not seen') || '; modes on this host: '
         || coalesce(m.listing, 'not seen') AS evidence
FROM accelerator a
JOIN intent i ON i.host = a.host
LEFT JOIN nvidia_gpu g ON g.host = a.host AND g.address = a.address
LEFT JOIN modes m ON m.host = a.host
WHERE a.vendor = '10de' AND a.is_vf = 0 AND i.confidential = 1 AND a.confidential IS DISTINCT FROM 'no';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('confidential-mode-off', 'A GPU for ordinary use is not in a confidential computing mode', 'blocks', '@host-driver',
  'Set the mode off with nvidia_gpu_tools.py --set-cc-mode=off --reset-after-cc-mode-switch: in confidential mode the GPU '
  || 'refuses work outside a confidential VM.',
  'repo:NVIDIA/cloud-native-docs:confidential-containers/supported-platforms.rst@52dcb7b',
  'nvidia_gpu.cc_mode');
CREATE VIEW rule_confidential_mode_off AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN g.cc_mode IN ('on', 'ppcie') AND c.confidential = 'none' AND m.hypervisor = 'none' THEN 'fail'
            WHEN g.cc_mode IN ('off', 'unsupported', 'devtools') THEN 'pass'
            ELSE 'unknown' END AS result,
       'confidential computing mode of ' || a.address || ': ' || coalesce(g.cc_mode, 'not seen') || ', hypervisor '
         || coalesce(m.hypervisor, 'not seen') AS evidence
FROM accelerator a
JOIN nvidia_gpu g ON g.host = a.host AND g.address = a.address
LEFT JOIN machine m ON m.host = a.host
LEFT JOIN cpu c ON c.host = a.host
WHERE a.vendor = '10de' AND a.is_vf = 0 AND g.cc_mode IS NOT NULL;
