-- Ways out of the rules in rules/secure-boot.sql. SPDX-License-Identifier: Apache-2.0
INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('trust-module-key', 'module-signature-trusted', 'advice', 'reboot',
  'Install a module that this kernel trusts, or enrol its key (mokutil) and reboot', 'one-way'),
 ('use-signed-driver', 'secure-boot-driver-container', 'package', 'reload',
  'Use a precompiled, signed driver', 'equivalent'),
 ('gds-flavour', 'gds-open-modules', 'package', 'reload', 'Install the open kernel modules', 'equivalent');
