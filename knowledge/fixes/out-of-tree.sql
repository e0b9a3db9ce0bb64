-- Ways out of the rules on modules from outside of the kernel. SPDX-License-Identifier: Apache-2.0

INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('newer-module-package', 'out-of-tree-module-builds', 'package', 'reload', 'Install a release that knows this kernel', 'equivalent'),
 ('older-kernel-for-module', 'out-of-tree-module-builds', 'advice', 'reboot', 'Boot an older kernel', 'exact'),
 ('intel-own-dkms', 'intel-dkms-drives-chip', 'package', 'reload', 'Install Intel''s driver in a release that has the GPU', 'equivalent');
