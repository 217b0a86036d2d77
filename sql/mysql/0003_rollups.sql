-- What the fold makes of the queue: counts, sets of users, dimensions and measures, by tier and bucket. Dashboards read
-- these tables, never the events. Tiers: 1 minute, 2 quarter of an hour (UTC), 3 day, 4 month (reporting time zone).
-- A bucket is the Unix second of its start. Event type 0 is "any type", source 0 "any source".

-- One row, whose lock is leadership: whoever folds holds it. `version` grows with each transaction that changes a rollup;
-- `heartbeat_ms` is the primary's clock, each second, so that a replica shows its age by it. What begins before
-- `closed_...` is whole in that tier of the piled tables (sets, dimensions, measures); what begins before `kept_...` was
-- dropped there; below `raw_from` raw rows were dropped.
CREATE TABLE IF NOT EXISTS fold_state (
  fold_id TINYINT UNSIGNED NOT NULL,
  version BIGINT UNSIGNED NOT NULL DEFAULT 0,
  leader VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
  heartbeat_ms BIGINT UNSIGNED NOT NULL DEFAULT 0,
  floor_seq BIGINT UNSIGNED NOT NULL DEFAULT 0,
  declarations INT UNSIGNED NOT NULL DEFAULT 0,
  next_user_number BIGINT UNSIGNED NOT NULL DEFAULT 2147483648,
  closed_quarter BIGINT UNSIGNED NOT NULL DEFAULT 0,
  closed_day BIGINT UNSIGNED NOT NULL DEFAULT 0,
  closed_month BIGINT UNSIGNED NOT NULL DEFAULT 0,
  closed_session BIGINT UNSIGNED NOT NULL DEFAULT 0,
  kept_minute BIGINT UNSIGNED NOT NULL DEFAULT 0,
  kept_quarter BIGINT UNSIGNED NOT NULL DEFAULT 0,
  kept_day BIGINT UNSIGNED NOT NULL DEFAULT 0,
  raw_from BIGINT UNSIGNED NOT NULL DEFAULT 0,
  PRIMARY KEY (fold_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- Counts, in every tier at once. PRIMARY serves the series of one type (with the bucket second it took 166 ms, not 1.3).
CREATE TABLE IF NOT EXISTS rollup (
  tier TINYINT UNSIGNED NOT NULL,
  event_type_id SMALLINT UNSIGNED NOT NULL,
  source_id SMALLINT UNSIGNED NOT NULL,
  bucket BIGINT UNSIGNED NOT NULL,
  events BIGINT UNSIGNED NOT NULL,
  PRIMARY KEY (tier, event_type_id, source_id, bucket),
  KEY bucket (tier, bucket)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- Sets of numbers as Roaring bitmaps, in parts whose union is the set: users (dimension 0), or the values of a dimension
-- that is counted distinct. Also for any type and any source.
CREATE TABLE IF NOT EXISTS rollup_users (
  tier TINYINT UNSIGNED NOT NULL,
  event_type_id SMALLINT UNSIGNED NOT NULL,
  source_id SMALLINT UNSIGNED NOT NULL,
  dimension_id SMALLINT UNSIGNED NOT NULL,
  bucket BIGINT UNSIGNED NOT NULL,
  part BIGINT UNSIGNED NOT NULL,
  packed MEDIUMBLOB NOT NULL,
  PRIMARY KEY (tier, event_type_id, source_id, dimension_id, bucket, part),
  KEY bucket (tier, bucket)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- The values of a dimension in a bucket, in parts whose sum is the bucket; by type and source, never for any type. For
-- any source, too, but in minutes.
CREATE TABLE IF NOT EXISTS rollup_dimension (
  tier TINYINT UNSIGNED NOT NULL,
  event_type_id SMALLINT UNSIGNED NOT NULL,
  source_id SMALLINT UNSIGNED NOT NULL,
  dimension_id SMALLINT UNSIGNED NOT NULL,
  bucket BIGINT UNSIGNED NOT NULL,
  part BIGINT UNSIGNED NOT NULL,
  packed MEDIUMBLOB NOT NULL,
  PRIMARY KEY (tier, event_type_id, source_id, dimension_id, bucket, part),
  KEY bucket (tier, bucket)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- The sets behind the values of a dimension, of closed days and months: users (counted_id 0), or the values of another
-- dimension. Finer tiers hold them within rollup_dimension.
CREATE TABLE IF NOT EXISTS rollup_value_users (
  tier TINYINT UNSIGNED NOT NULL,
  event_type_id SMALLINT UNSIGNED NOT NULL,
  source_id SMALLINT UNSIGNED NOT NULL,
  dimension_id SMALLINT UNSIGNED NOT NULL,
  bucket BIGINT UNSIGNED NOT NULL,
  value_id INT UNSIGNED NOT NULL,
  counted_id SMALLINT UNSIGNED NOT NULL,
  part BIGINT UNSIGNED NOT NULL,
  packed MEDIUMBLOB NOT NULL,
  PRIMARY KEY (tier, event_type_id, source_id, dimension_id, bucket, value_id, counted_id, part),
  KEY bucket (tier, bucket)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- The count, exact sum, least, greatest and quantile sketch of a measure in a bucket, in parts; by type and source, as values
-- of dimensions.
CREATE TABLE IF NOT EXISTS rollup_measure (
  tier TINYINT UNSIGNED NOT NULL,
  event_type_id SMALLINT UNSIGNED NOT NULL,
  source_id SMALLINT UNSIGNED NOT NULL,
  measure_id SMALLINT UNSIGNED NOT NULL,
  bucket BIGINT UNSIGNED NOT NULL,
  part BIGINT UNSIGNED NOT NULL,
  packed MEDIUMBLOB NOT NULL,
  PRIMARY KEY (tier, event_type_id, source_id, measure_id, bucket, part),
  KEY bucket (tier, bucket)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- Sessions that have ended, by the bucket that they began in and their source; `packed` holds entries and exits by type.
CREATE TABLE IF NOT EXISTS rollup_session (
  tier TINYINT UNSIGNED NOT NULL,
  source_id SMALLINT UNSIGNED NOT NULL,
  bucket BIGINT UNSIGNED NOT NULL,
  sessions BIGINT UNSIGNED NOT NULL,
  bounced BIGINT UNSIGNED NOT NULL,
  events BIGINT UNSIGNED NOT NULL,
  milliseconds BIGINT UNSIGNED NOT NULL,
  packed MEDIUMBLOB NOT NULL,
  PRIMARY KEY (tier, source_id, bucket)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- Days (UTC, by the Unix second of their start) that late events have touched, and when: answers kept before are stale.
CREATE TABLE IF NOT EXISTS day_version (
  day BIGINT UNSIGNED NOT NULL,
  version BIGINT UNSIGNED NOT NULL,
  PRIMARY KEY (day)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- Users whose number does not fit 31 bits, by the dense number that sets hold for them.
CREATE TABLE IF NOT EXISTS user_number (
  user_id BIGINT UNSIGNED NOT NULL,
  number INT UNSIGNED NOT NULL,
  PRIMARY KEY (user_id),
  UNIQUE KEY number_unique (number)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- Dotted paths into payloads that are counted; `second_path` makes it a pair.
CREATE TABLE IF NOT EXISTS dimension (
  dimension_id SMALLINT UNSIGNED NOT NULL,
  path VARCHAR(255) NOT NULL,
  second_path VARCHAR(255) NOT NULL DEFAULT '',
  next_value_id BIGINT UNSIGNED NOT NULL DEFAULT 1,
  PRIMARY KEY (dimension_id),
  UNIQUE KEY path_unique (path, second_path)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS measure (
  measure_id SMALLINT UNSIGNED NOT NULL,
  path VARCHAR(255) NOT NULL,
  PRIMARY KEY (measure_id),
  UNIQUE KEY path_unique (path)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- What an event type declares. Its rollups hold everything from `filled_from` on, a Unix second; its index of values
-- (where searchable) and its sets (where counted distinct) from moments of their own, since both can be wanted later.
CREATE TABLE IF NOT EXISTS declared_dimension (
  event_type_id SMALLINT UNSIGNED NOT NULL,
  dimension_id SMALLINT UNSIGNED NOT NULL,
  searchable TINYINT UNSIGNED NOT NULL,
  counted_distinct TINYINT UNSIGNED NOT NULL,
  filled_from BIGINT UNSIGNED NOT NULL,
  searchable_from BIGINT UNSIGNED NOT NULL,
  distinct_from BIGINT UNSIGNED NOT NULL,
  PRIMARY KEY (event_type_id, dimension_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS declared_measure (
  event_type_id SMALLINT UNSIGNED NOT NULL,
  measure_id SMALLINT UNSIGNED NOT NULL,
  filled_from BIGINT UNSIGNED NOT NULL,
  PRIMARY KEY (event_type_id, measure_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- value_unique serves: the number of a value, when it is folded or asked for. Value 0 is "no value" and has no row.
CREATE TABLE IF NOT EXISTS dimension_value (
  dimension_id SMALLINT UNSIGNED NOT NULL,
  value_id INT UNSIGNED NOT NULL,
  value VARCHAR(255) NOT NULL,
  PRIMARY KEY (dimension_id, value_id),
  UNIQUE KEY value_unique (dimension_id, value)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- PRIMARY serves: all events with one value of a searchable dimension, page by page.
CREATE TABLE IF NOT EXISTS event_dimension (
  dimension_id SMALLINT UNSIGNED NOT NULL,
  value_id INT UNSIGNED NOT NULL,
  event_id BIGINT UNSIGNED NOT NULL,
  PRIMARY KEY (dimension_id, value_id, event_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin
PARTITION BY RANGE (event_id) (PARTITION future VALUES LESS THAN MAXVALUE);

-- A named goal: an event type and values of its dimensions, as JSON; `measure` names what a conversion is worth.
CREATE TABLE IF NOT EXISTS goal (
  goal_id INT UNSIGNED NOT NULL AUTO_INCREMENT,
  name VARCHAR(100) NOT NULL,
  event_type VARCHAR(100) NOT NULL,
  filters TEXT NOT NULL,
  measure VARCHAR(255) NOT NULL DEFAULT '',
  PRIMARY KEY (goal_id),
  UNIQUE KEY name_unique (name)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;
