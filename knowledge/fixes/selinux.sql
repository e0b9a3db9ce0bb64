-- Ways out of the rules in rules/selinux.sql. SPDX-License-Identifier: Apache-2.0
INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('allow-devices', 'selinux-device-label', 'advice', 'live',
  'Run with label=disable, or load a policy that allows the nodes', 'exact');
