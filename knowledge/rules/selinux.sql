-- SELinux and the device nodes. SPDX-License-Identifier: Apache-2.0

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('selinux-device-label', 'SELinux lets containers use the GPU''s device nodes', 'degrades', 'container kubernetes',
  'Run the container with --security-opt label=disable, or load a policy that lets container_t use and map '
  || 'xserver_misc_device_t (newer container-selinux with container_use_devices), or relabel the nodes '
  || 'container_file_t.',
  'https://github.com/fedora-selinux/selinux-policy/issues/1695 | '
  || 'https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/cdi-support.html');
CREATE VIEW rule_selinux_device_label AS
WITH node AS (
  SELECT host, sorted_list(path || ' ' || selinux_context) AS listing,
         MAX(CASE WHEN selinux_context IN ('container_file_t', 'container_device_t') THEN 0 ELSE 1 END) AS foreign_label
  FROM device_node
  WHERE (substr(path, 1, 11) = '/dev/nvidia' OR path = '/dev/kfd' OR substr(path, 1, 9) = '/dev/dri/')
    AND selinux_context IS NOT NULL AND selinux_context <> 'none'
  GROUP BY host
), arg AS (
  SELECT host,
         MAX(CASE WHEN replace(coalesce(name, '') || '=' || coalesce(value, ''), 'label=disable', '')
                       <> coalesce(name, '') || '=' || coalesce(value, '')
                    OR replace(coalesce(value, ''), 'label:disable', '') <> coalesce(value, '')
                    OR name = '--privileged' THEN 1 ELSE 0 END) AS unconfined
  FROM intent_argument WHERE target = 'container' GROUP BY host
)
SELECT m.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN m.selinux IN ('permissive', 'disabled', 'none') THEN 'pass'
            WHEN g.unconfined = 1 THEN 'pass'
            WHEN e.value IN ('false', 'off', '0', 'none') AND p.host IS NULL THEN 'pass'
            WHEN m.selinux = 'enforcing' AND n.foreign_label = 1 THEN 'fail'
            WHEN n.foreign_label = 0 THEN 'pass'
            ELSE 'unknown' END AS result,
       'SELinux ' || coalesce(m.selinux, 'not seen') || '; ' || coalesce(n.listing, 'labels not seen')
         || '; container_use_devices ' || coalesce(b.value, 'not seen')
         || ', policy ' || coalesce(w.version, 'not seen') AS evidence
FROM machine m
LEFT JOIN node n ON n.host = m.host
LEFT JOIN arg g ON g.host = m.host
LEFT JOIN setting b ON b.host = m.host AND b.component = 'selinux' AND b.name = 'container_use_devices'
LEFT JOIN setting e ON e.host = m.host AND e.component = 'docker' AND e.name = 'selinux-enabled'
LEFT JOIN software p ON p.host = m.host AND p.name IN ('podman') AND coalesce(p.version, '') <> 'none'
LEFT JOIN software w ON w.host = m.host AND w.name = 'selinux-policy';
