-- Ways out of the rules in rules/persistence.sql. SPDX-License-Identifier: Apache-2.0
INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('enable-persistenced', 'persistence-on', 'persistence', 'live', 'Enable nvidia-persistenced', 'exact');
