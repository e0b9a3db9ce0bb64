-- Regressions of single releases, as matrices/regression.csv lists them: one rule for those that block, one for those that
-- make it worse. The row without a surface tells what was looked at, and of regressions of all ways of attaching; the others
-- tell of the ways that are hit, or may be. A release that is not seen is told by the second alone: nearly all releases are
-- good, and not to know one must not leave a whole host undecided. A kernel whose number ends in .0 and a build
-- ("6.8.0-45-generic") has patches of its distribution: what a stable release within the range began or ended is open there.
-- Red Hat's numbers tell nothing. SPDX-License-Identifier: Apache-2.0

INSERT INTO rule (id, title, impact, applies, resolution, reference, minds) VALUES
 ('regression-blocks', 'No release here is known to break this way of attaching', 'blocks',
  '* -@foreign', 'Do as the evidence says: mostly, run a release from before the regression or after its fix.',
  'repo:knowledge/matrices/regression.csv', 'suspect_release');
CREATE VIEW rule_regression_blocks AS
WITH release AS (
  SELECT host, name, version, version_key, '' AS minor FROM program WHERE coalesce(version, '') <> 'none'
  UNION ALL
  SELECT host, 'linux', release, release_key,
         CASE WHEN replace(release, '.0-', '') = release THEN ''
              ELSE substr(replace(release_key, '+', '.0000000000'), 1, 21) END
  FROM kernel WHERE replace(coalesce(release, ''), '.el', '') = coalesce(release, '')
  UNION ALL SELECT host, 'nvidia-driver', loaded_version, loaded_version_key, '' FROM nvidia_driver
            WHERE coalesce(loaded_version, '') <> 'none'
),
met AS (
  SELECT a.host, a.address, a.kind, a.vendor, r.mechanism, r.surface, r.share,
         CASE WHEN coalesce(r.mechanism, r.surface, r.share) IS NULL THEN 1 ELSE 0 END AS everywhere,
         v.name || ' ' || coalesce(v.version, 'of unseen version') AS release,
         CASE WHEN v.version_key IS NOT NULL THEN ': ' || r.what || ' ' || r.resolution || ' (' || r.source || ')' ELSE '' END AS words,
         CASE WHEN v.version_key >= r.until_key THEN 0
              WHEN v.version_key < r.since_key AND v.minor <> substr(r.since_key, 1, 21) THEN 0
              WHEN v.version_key IS NULL OR v.version_key < r.since_key
                OR (v.minor <> '' AND (length(r.since_key) > 22 OR length(r.until_key) > 22))
                OR (r.vendor IS NOT NULL AND a.vendor IS NULL)
                OR (r.generation IS NOT NULL AND a.generation IS NULL) OR (r.model IS NOT NULL AND a.model IS NULL)
                OR (r.architecture IS NOT NULL AND m.architecture IS NULL) OR (r.processor IS NOT NULL AND c.vendor IS NULL) THEN 1
              ELSE 2 END AS hit
  FROM accelerator a
  JOIN release v ON v.host = a.host
  JOIN regression r ON r.name = v.name AND r.impact = 'blocks' AND v.version_key IS NOT NULL
  LEFT JOIN machine m ON m.host = a.host
  LEFT JOIN cpu c ON c.host = a.host
  WHERE (r.vendor IS NULL OR a.vendor IS NULL OR a.vendor = r.vendor)
    AND (r.generation IS NULL OR a.generation IS NULL OR a.generation = r.generation)
    AND (r.model IS NULL OR a.model IS NULL OR a.model = r.model)
    AND (r.architecture IS NULL OR m.architecture IS NULL OR m.architecture = r.architecture)
    AND (r.processor IS NULL OR c.vendor IS NULL OR c.vendor = r.processor)
),
told AS (
  SELECT m.host, m.address, s.surface, s.share, m.hit, m.release || m.words AS words
  FROM met m
  JOIN surface_share s ON s.kind = m.kind AND s.vendor IN (m.vendor, '*')
                      AND (m.mechanism IS NULL OR has_word(s.mechanism, m.mechanism) = 1)
                      AND (m.surface IS NULL OR m.surface = s.surface) AND (m.share IS NULL OR m.share = s.share)
  WHERE m.hit > 0 AND m.everywhere = 0
  UNION ALL
  SELECT host, address, NULL, NULL, CASE WHEN everywhere = 1 THEN hit ELSE 0 END,
         release || CASE WHEN everywhere = 1 AND hit > 0 THEN words ELSE '' END
  FROM met
  UNION ALL SELECT host, address, NULL, NULL, 0, NULL FROM accelerator
)
SELECT host, address AS subject, surface, share,
       CASE MAX(hit) WHEN 2 THEN 'fail' WHEN 1 THEN 'unknown' ELSE 'pass' END AS result,
       coalesce(sorted_list(CASE WHEN hit = 2 THEN words END), sorted_list(CASE WHEN hit = 1 THEN words END),
                sorted_list(words), 'no release with known regressions') AS evidence
FROM told GROUP BY host, address, surface, share;

INSERT INTO rule (id, title, impact, applies, resolution, reference, minds) VALUES
 ('regression-degrades', 'No release here is known to make this way of attaching worse', 'degrades',
  '* -@foreign', 'Do as the evidence says: mostly, run a release from before the regression or after its fix.',
  'repo:knowledge/matrices/regression.csv', 'suspect_release');
CREATE VIEW rule_regression_degrades AS
WITH release AS (
  SELECT host, name, version, version_key, '' AS minor FROM program WHERE coalesce(version, '') <> 'none'
  UNION ALL
  SELECT host, 'linux', release, release_key,
         CASE WHEN replace(release, '.0-', '') = release THEN ''
              ELSE substr(replace(release_key, '+', '.0000000000'), 1, 21) END
  FROM kernel WHERE replace(coalesce(release, ''), '.el', '') = coalesce(release, '')
  UNION ALL SELECT host, 'nvidia-driver', loaded_version, loaded_version_key, '' FROM nvidia_driver
            WHERE coalesce(loaded_version, '') <> 'none'
),
met AS (
  SELECT a.host, a.address, a.kind, a.vendor, r.mechanism, r.surface, r.share,
         CASE WHEN coalesce(r.mechanism, r.surface, r.share) IS NULL THEN 1 ELSE 0 END AS everywhere,
         v.name || ' ' || coalesce(v.version, 'of unseen version') AS release,
         CASE WHEN v.version_key IS NOT NULL THEN ': ' || r.what || ' ' || r.resolution || ' (' || r.source || ')' ELSE '' END AS words,
         CASE WHEN v.version_key >= r.until_key THEN 0
              WHEN v.version_key < r.since_key AND v.minor <> substr(r.since_key, 1, 21) THEN 0
              WHEN v.version_key IS NULL OR v.version_key < r.since_key
                OR (v.minor <> '' AND (length(r.since_key) > 22 OR length(r.until_key) > 22))
                OR (r.vendor IS NOT NULL AND a.vendor IS NULL)
                OR (r.generation IS NOT NULL AND a.generation IS NULL) OR (r.model IS NOT NULL AND a.model IS NULL)
                OR (r.architecture IS NOT NULL AND m.architecture IS NULL) OR (r.processor IS NOT NULL AND c.vendor IS NULL) THEN 1
              ELSE 2 END AS hit
  FROM accelerator a
  JOIN release v ON v.host = a.host
  JOIN regression r ON r.name = v.name AND (r.impact = 'degrades' OR v.version_key IS NULL)
  LEFT JOIN machine m ON m.host = a.host
  LEFT JOIN cpu c ON c.host = a.host
  WHERE (r.vendor IS NULL OR a.vendor IS NULL OR a.vendor = r.vendor)
    AND (r.generation IS NULL OR a.generation IS NULL OR a.generation = r.generation)
    AND (r.model IS NULL OR a.model IS NULL OR a.model = r.model)
    AND (r.architecture IS NULL OR m.architecture IS NULL OR m.architecture = r.architecture)
    AND (r.processor IS NULL OR c.vendor IS NULL OR c.vendor = r.processor)
),
told AS (
  SELECT m.host, m.address, s.surface, s.share, m.hit, m.release || m.words AS words
  FROM met m
  JOIN surface_share s ON s.kind = m.kind AND s.vendor IN (m.vendor, '*')
                      AND (m.mechanism IS NULL OR has_word(s.mechanism, m.mechanism) = 1)
                      AND (m.surface IS NULL OR m.surface = s.surface) AND (m.share IS NULL OR m.share = s.share)
  WHERE m.hit > 0 AND m.everywhere = 0
  UNION ALL
  SELECT host, address, NULL, NULL, CASE WHEN everywhere = 1 THEN hit ELSE 0 END,
         release || CASE WHEN everywhere = 1 AND hit > 0 THEN words ELSE '' END
  FROM met
  UNION ALL SELECT host, address, NULL, NULL, 0, NULL FROM accelerator
)
SELECT host, address AS subject, surface, share,
       CASE MAX(hit) WHEN 2 THEN 'fail' WHEN 1 THEN 'unknown' ELSE 'pass' END AS result,
       coalesce(sorted_list(CASE WHEN hit = 2 THEN words END), sorted_list(CASE WHEN hit = 1 THEN words END),
                sorted_list(words), 'no release with known regressions') AS evidence
FROM told GROUP BY host, address, surface, share;
