-- Ways out of the rules in rules/licence.sql. SPDX-License-Identifier: Apache-2.0
INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('licence-guest', 'vgpu-guest-licensed', 'advice', 'reload',
  'Install the client configuration token and start nvidia-gridd', 'exact');
