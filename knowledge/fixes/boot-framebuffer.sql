-- Ways out of the rules on the boot console. SPDX-License-Identifier: Apache-2.0

INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('unbind-framebuffer', 'boot-framebuffer-off-bar', 'advice', 'live', 'Unbind the consoles and the firmware framebuffer, until the next boot', 'exact'),
 ('no-sysfb', 'boot-framebuffer-off-bar', 'kernel-cmdline', 'reboot', 'Boot without the firmware framebuffer: initcall_blacklist=sysfb_init', 'exact'),
 ('other-primary-display', 'not-the-only-console', 'advice', 'firmware', 'Choose another primary display in the firmware setup', 'equivalent');

CREATE VIEW step_no_sysfb AS
SELECT a.host, a.address AS subject, 'kernel-cmdline' AS kind, '' AS target,
       '+initcall_blacklist=sysfb_init' AS want
FROM accelerator a
WHERE a.is_vf = 0;
