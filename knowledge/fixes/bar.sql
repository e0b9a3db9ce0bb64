-- Ways out of the rules on BARs. SPDX-License-Identifier: Apache-2.0

INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('above-4g-in-firmware', 'bars-assigned', 'advice', 'firmware', 'Enable Above 4G Decoding in the firmware setup', 'equivalent'),
 ('above-4g-on', 'above-4g-decoding', 'advice', 'firmware', 'Enable Above 4G Decoding in the firmware setup', 'equivalent'),
 ('kernel-6-12', 'large-bar-huge-mappings', 'package', 'reboot', 'Boot Linux 6.12 or later', 'equivalent');
