-- Ways out of the rules in rules/package.sql. SPDX-License-Identifier: Apache-2.0
INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('hold-nvidia-packages', 'nvidia-not-auto-upgraded', 'package', 'live',
  'Keep the NVIDIA packages out of unattended upgrades', 'exact'),
 ('fixed-release', 'release-not-vulnerable', 'package', 'reload', 'Install a release with the fix', 'equivalent');
