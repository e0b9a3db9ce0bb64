-- Ways out of the rules in rules/gvisor.sql. SPDX-License-Identifier: Apache-2.0
INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('listed-driver', 'gvisor-driver-listed', 'package', 'reload', 'Install a driver that runsc lists', 'equivalent'),
 ('nvproxy', 'gvisor-nvproxy-on', 'advice', 'reload', 'Add --nvproxy=true to the runtime', 'exact'),
 ('install-runsc', 'gvisor-installed', 'package', 'reload', 'Install runsc', 'equivalent');
