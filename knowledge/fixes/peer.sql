-- Ways out of the rules on peers. SPDX-License-Identifier: Apache-2.0

INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('acs-redirect-off', 'p2p-not-redirected', 'advice', 'reboot', 'Switch ACS redirection off on these ports', 'exact'),
 ('no-clique', 'p2p-clique-of-datacenter', 'advice', 'live', 'Leave the clique away', 'exact');
