-- Ways out of the rules in rules/cdi.sql. SPDX-License-Identifier: Apache-2.0
INSERT INTO fix (id, rule, kind, distance, title, undo) VALUES
 ('upgrade-podman', 'podman-cdi', 'package', 'reload', 'Install Podman 4.1 or later', 'equivalent'),
 ('docker-feature-cdi', 'docker-cdi', 'runtime', 'reload', 'Switch Docker''s CDI feature on (from Docker 25)', 'exact'),
 ('upgrade-docker', 'docker-cdi', 'package', 'reload', 'Install Docker 28.2 or later', 'equivalent'),
 ('containerd-enable-cdi', 'containerd-cdi', 'runtime', 'reload', 'Set enable_cdi and restart containerd', 'exact'),
 ('generate-cdi', 'cdi-spec-present', 'cdi', 'live', 'Generate the CDI specification', 'exact'),
 ('regenerate-cdi', 'cdi-spec-fresh', 'cdi', 'live', 'Generate the CDI specification anew', 'exact'),
 ('regenerate-cdi-for-driver', 'cdi-spec-driver', 'cdi', 'live', 'Generate the CDI specification anew', 'exact'),
 ('cdi-to-etc', 'podman-cdi-directories', 'advice', 'live', 'Write the specification to /etc/cdi', 'exact'),
 ('mend-cdi', 'cdi-spec-readable', 'advice', 'live', 'Mend or remove the broken file', 'exact');

CREATE VIEW step_docker_feature_cdi AS
SELECT s.host, coalesce(a.address, '') AS subject, 'runtime' AS kind, 'docker' AS target, 'nvidia cdi' AS want
FROM host_summary s
LEFT JOIN accelerator a ON a.host = s.host AND a.is_vf = 0;

CREATE VIEW step_containerd_enable_cdi AS
SELECT n.host, '' AS subject, 'runtime' AS kind, 'containerd' AS target, 'nvidia cdi' AS want
FROM kubernetes_node n
WHERE n.container_runtime = 'containerd';

CREATE VIEW step_generate_cdi AS
SELECT s.host, coalesce(a.address, '') AS subject, 'cdi' AS kind, '/etc/cdi/nvidia.yaml' AS target, 'generated' AS want
FROM host_summary s
LEFT JOIN accelerator a ON a.host = s.host AND a.is_vf = 0;

CREATE VIEW step_regenerate_cdi AS
SELECT c.host, coalesce(a.address, '') AS subject, 'cdi' AS kind, c.path AS target, 'generated' AS want
FROM cdi_spec c
LEFT JOIN accelerator a ON a.host = c.host AND a.vendor = '10de' AND a.is_vf = 0
WHERE c.kind = 'nvidia.com/gpu' AND c.missing_paths > 0
  AND (substr(c.path, 1, 9) = '/etc/cdi/' OR substr(c.path, 1, 9) = '/run/cdi/' OR substr(c.path, 1, 13) = '/var/run/cdi/');

CREATE VIEW step_regenerate_cdi_for_driver AS
SELECT c.host, coalesce(a.address, '') AS subject, 'cdi' AS kind, c.path AS target, 'generated' AS want
FROM cdi_spec c
LEFT JOIN accelerator a ON a.host = c.host AND a.vendor = '10de' AND a.is_vf = 0
WHERE c.kind = 'nvidia.com/gpu' AND c.driver_version <> 'none'
  AND (substr(c.path, 1, 9) = '/etc/cdi/' OR substr(c.path, 1, 9) = '/run/cdi/' OR substr(c.path, 1, 13) = '/var/run/cdi/');
