-- Ways out of the rules in rules/cdi.sql. SPDX-License-Identifier: Apache-2.0
INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('upgrade-podman', 'podman-cdi', 'package', 'reload', 'Install Podman 4.1 or later', 'equivalent'),
 ('docker-feature-cdi', 'docker-cdi', 'runtime', 'reload', 'Switch Docker''s CDI feature on (from Docker 25)', 'exact'),
 ('upgrade-docker', 'docker-cdi', 'package', 'reload', 'Install Docker 28.2 or later', 'equivalent'),
 ('containerd-enable-cdi', 'containerd-cdi', 'runtime', 'reload', 'Set enable_cdi and restart containerd', 'exact'),
 ('generate-cdi', 'cdi-spec-present', 'cdi', 'live', 'Generate the CDI specification', 'exact'),
 ('regenerate-cdi', 'cdi-spec-fresh', 'cdi', 'live', 'Generate the CDI specification anew', 'exact'),
 ('regenerate-cdi-for-driver', 'cdi-spec-driver', 'cdi', 'live', 'Generate the CDI specification anew', 'exact'),
 ('mend-cdi', 'cdi-spec-readable', 'cdi', 'live', 'Mend or remove the broken file', 'exact');
