-- The same tables as sql/mysql/0003_rollups.sql, which says what each is for.

CREATE TABLE IF NOT EXISTS fold_state (
  fold_id INTEGER NOT NULL,
  version INTEGER NOT NULL DEFAULT 0,
  leader TEXT NOT NULL DEFAULT '',
  heartbeat_ms INTEGER NOT NULL DEFAULT 0,
  floor_seq INTEGER NOT NULL DEFAULT 0,
  declarations INTEGER NOT NULL DEFAULT 0,
  next_user_number INTEGER NOT NULL DEFAULT 2147483648,
  closed_quarter INTEGER NOT NULL DEFAULT 0,
  closed_day INTEGER NOT NULL DEFAULT 0,
  closed_month INTEGER NOT NULL DEFAULT 0,
  closed_session INTEGER NOT NULL DEFAULT 0,
  kept_minute INTEGER NOT NULL DEFAULT 0,
  kept_quarter INTEGER NOT NULL DEFAULT 0,
  kept_day INTEGER NOT NULL DEFAULT 0,
  raw_from INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (fold_id)
);

CREATE TABLE IF NOT EXISTS rollup (
  tier INTEGER NOT NULL,
  event_type_id INTEGER NOT NULL,
  source_id INTEGER NOT NULL,
  bucket INTEGER NOT NULL,
  events INTEGER NOT NULL,
  PRIMARY KEY (tier, event_type_id, source_id, bucket)
) WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS rollup_bucket ON rollup (tier, bucket);

CREATE TABLE IF NOT EXISTS rollup_users (
  tier INTEGER NOT NULL,
  event_type_id INTEGER NOT NULL,
  source_id INTEGER NOT NULL,
  dimension_id INTEGER NOT NULL,
  bucket INTEGER NOT NULL,
  part INTEGER NOT NULL,
  packed BLOB NOT NULL,
  PRIMARY KEY (tier, event_type_id, source_id, dimension_id, bucket, part)
) WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS rollup_users_bucket ON rollup_users (tier, bucket);

CREATE TABLE IF NOT EXISTS rollup_dimension (
  tier INTEGER NOT NULL,
  event_type_id INTEGER NOT NULL,
  source_id INTEGER NOT NULL,
  dimension_id INTEGER NOT NULL,
  bucket INTEGER NOT NULL,
  part INTEGER NOT NULL,
  packed BLOB NOT NULL,
  PRIMARY KEY (tier, event_type_id, source_id, dimension_id, bucket, part)
) WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS rollup_dimension_bucket ON rollup_dimension (tier, bucket);

CREATE TABLE IF NOT EXISTS rollup_value_users (
  tier INTEGER NOT NULL,
  event_type_id INTEGER NOT NULL,
  source_id INTEGER NOT NULL,
  dimension_id INTEGER NOT NULL,
  bucket INTEGER NOT NULL,
  value_id INTEGER NOT NULL,
  counted_id INTEGER NOT NULL,
  part INTEGER NOT NULL,
  packed BLOB NOT NULL,
  PRIMARY KEY (tier, event_type_id, source_id, dimension_id, bucket, value_id, counted_id, part)
) WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS rollup_value_users_bucket ON rollup_value_users (tier, bucket);

CREATE TABLE IF NOT EXISTS rollup_measure (
  tier INTEGER NOT NULL,
  event_type_id INTEGER NOT NULL,
  source_id INTEGER NOT NULL,
  measure_id INTEGER NOT NULL,
  bucket INTEGER NOT NULL,
  part INTEGER NOT NULL,
  packed BLOB NOT NULL,
  PRIMARY KEY (tier, event_type_id, source_id, measure_id, bucket, part)
) WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS rollup_measure_bucket ON rollup_measure (tier, bucket);

CREATE TABLE IF NOT EXISTS rollup_session (
  tier INTEGER NOT NULL,
  source_id INTEGER NOT NULL,
  bucket INTEGER NOT NULL,
  sessions INTEGER NOT NULL,
  bounced INTEGER NOT NULL,
  events INTEGER NOT NULL,
  milliseconds INTEGER NOT NULL,
  packed BLOB NOT NULL,
  PRIMARY KEY (tier, source_id, bucket)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS day_version (
  day INTEGER NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (day)
);

CREATE TABLE IF NOT EXISTS user_number (
  user_id INTEGER NOT NULL,
  number INTEGER NOT NULL,
  PRIMARY KEY (user_id),
  UNIQUE (number)
);

CREATE TABLE IF NOT EXISTS dimension (
  dimension_id INTEGER NOT NULL,
  path TEXT NOT NULL,
  second_path TEXT NOT NULL DEFAULT '',
  next_value_id INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (dimension_id),
  UNIQUE (path, second_path)
);

CREATE TABLE IF NOT EXISTS measure (
  measure_id INTEGER NOT NULL,
  path TEXT NOT NULL,
  PRIMARY KEY (measure_id),
  UNIQUE (path)
);

CREATE TABLE IF NOT EXISTS declared_dimension (
  event_type_id INTEGER NOT NULL,
  dimension_id INTEGER NOT NULL,
  searchable INTEGER NOT NULL,
  counted_distinct INTEGER NOT NULL,
  filled_from INTEGER NOT NULL,
  searchable_from INTEGER NOT NULL,
  distinct_from INTEGER NOT NULL,
  PRIMARY KEY (event_type_id, dimension_id)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS declared_measure (
  event_type_id INTEGER NOT NULL,
  measure_id INTEGER NOT NULL,
  filled_from INTEGER NOT NULL,
  PRIMARY KEY (event_type_id, measure_id)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS dimension_value (
  dimension_id INTEGER NOT NULL,
  value_id INTEGER NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (dimension_id, value_id),
  UNIQUE (dimension_id, value)
);

CREATE TABLE IF NOT EXISTS event_dimension (
  dimension_id INTEGER NOT NULL,
  value_id INTEGER NOT NULL,
  event_id INTEGER NOT NULL,
  PRIMARY KEY (dimension_id, value_id, event_id)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS goal (
  goal_id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  event_type TEXT NOT NULL,
  filters TEXT NOT NULL,
  measure TEXT NOT NULL DEFAULT '',
  UNIQUE (name)
);

CREATE TABLE IF NOT EXISTS withdrawn (
  event_type_id INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  number INTEGER NOT NULL,
  value_id INTEGER NOT NULL DEFAULT 0,
  event_id INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (event_type_id, kind, number)
) WITHOUT ROWID;
