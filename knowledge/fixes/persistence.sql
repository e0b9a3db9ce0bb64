-- Ways out of the rules in rules/persistence.sql. SPDX-License-Identifier: Apache-2.0
INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('enable-persistenced', 'persistence-on', 'persistence', 'live', 'Enable nvidia-persistenced', 'exact');

CREATE VIEW step_enable_persistenced AS
SELECT v.host, coalesce(a.address, '') AS subject, 'unit' AS kind, 'nvidia-persistenced' AS target,
       'running enabled' AS want
FROM service v
LEFT JOIN accelerator a ON a.host = v.host AND a.vendor = '10de' AND a.is_vf = 0
WHERE v.service = 'nvidia-persistenced' AND v.state <> 'absent';
