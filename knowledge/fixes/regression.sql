-- Ways out of the rules in rules/regression.sql. SPDX-License-Identifier: Apache-2.0
INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('release-without-regression', 'regression-blocks', 'package', 'reload', 'Run a release without the regression', 'equivalent'),
 ('release-that-is-better', 'regression-degrades', 'package', 'reload', 'Run a release without the regression', 'equivalent');
