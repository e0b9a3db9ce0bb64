-- Ways out of the rules on the kernel command line. SPDX-License-Identifier: Apache-2.0

INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('cmdline-of-real-loader', 'cmdline-applied', 'kernel-cmdline', 'reboot', 'Write the options where the bootloader that boots this host reads them', 'exact'),
 ('cmdline-for-next-boot', 'cmdline-survives-reboot', 'kernel-cmdline', 'live', 'Add the options to the default boot entry', 'exact'),
 ('spell-the-option', 'cmdline-spelling', 'kernel-cmdline', 'reboot', 'Correct the spelling of the option', 'exact'),
 ('reboot-into-next', 'kernel-stays', 'advice', 'reboot', 'Reboot into the kernel that was installed', 'equivalent');
