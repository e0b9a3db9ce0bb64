-- What rules may use beside standard SQL, for PostgreSQL: the same functions that hp_db_add_functions gives
-- SQLite (lib/base/database.h tells what each does). least() and greatest() it has. SPDX-License-Identifier: Apache-2.0

CREATE FUNCTION has_word(list text, word text) RETURNS bigint IMMUTABLE STRICT LANGUAGE sql AS $$
  SELECT CASE WHEN word <> ''
               AND strpos(' ' || translate(list, E'\t\n', '  ') || ' ', ' ' || word || ' ') > 0 THEN 1 ELSE 0 END
$$;

CREATE FUNCTION size_text(bytes bigint) RETURNS text IMMUTABLE STRICT LANGUAGE plpgsql AS $$
DECLARE
  units text[] := ARRAY['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  unit integer := 1;
BEGIN
  WHILE bytes >= 1024 AND bytes % 1024 = 0 AND unit < 6 LOOP
    bytes := bytes / 1024;
    unit := unit + 1;
  END LOOP;
  RETURN bytes || ' ' || units[unit];
END
$$;

CREATE FUNCTION pow2(n bigint) RETURNS bigint IMMUTABLE STRICT LANGUAGE plpgsql AS $$
DECLARE
  power bigint := 1;
BEGIN
  WHILE power < n AND power < 4611686018427387904 LOOP
    power := power * 2;
  END LOOP;
  RETURN power;
END
$$;

CREATE FUNCTION sorted_list_step(items text[], item text) RETURNS text[] IMMUTABLE LANGUAGE sql AS $$
  SELECT CASE WHEN item IS NULL THEN items ELSE items || item END
$$;

CREATE FUNCTION sorted_list_final(items text[]) RETURNS text IMMUTABLE LANGUAGE sql AS $$
  SELECT string_agg(item, ', ' ORDER BY item COLLATE "C")
  FROM (SELECT DISTINCT item COLLATE "C" AS item FROM unnest(items) AS u (item)) AS distinct_items
$$;

CREATE AGGREGATE sorted_list (text) (
  SFUNC = sorted_list_step, STYPE = text[], FINALFUNC = sorted_list_final, INITCOND = '{}'
);
