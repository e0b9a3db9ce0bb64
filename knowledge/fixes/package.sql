-- Ways out of the rules in rules/package.sql. SPDX-License-Identifier: Apache-2.0
INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('hold-nvidia-packages', 'nvidia-not-auto-upgraded', 'package', 'live',
  'Keep the NVIDIA packages out of unattended upgrades', 'exact'),
 ('other-release', 'release-not-known-broken', 'package', 'reload', 'Install a release that is not broken', 'equivalent'),
 ('fixed-release', 'release-not-vulnerable', 'package', 'reload', 'Install a release with the fix', 'equivalent');

INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('newer-vm-stack', 'vm-stack-release-not-broken', 'package', 'reload', 'Install a later release', 'equivalent');
