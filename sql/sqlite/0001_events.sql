-- The same tables as sql/mysql/0001_events.sql, for the embedded database: no partitions, no two-byte integers.

CREATE TABLE IF NOT EXISTS installation (
  name TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS id_counter (
  name TEXT NOT NULL PRIMARY KEY,
  next_id INTEGER NOT NULL,
  undeclared INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS event_type (
  event_type_id INTEGER NOT NULL PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  description TEXT NOT NULL DEFAULT '',
  owner TEXT NOT NULL DEFAULT '',
  status TEXT NOT NULL DEFAULT 'active',
  declared INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE IF NOT EXISTS source (
  source_id INTEGER NOT NULL PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  description TEXT NOT NULL DEFAULT '',
  owner TEXT NOT NULL DEFAULT '',
  status TEXT NOT NULL DEFAULT 'active',
  declared INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE IF NOT EXISTS user_key (
  user_id INTEGER NOT NULL PRIMARY KEY,
  user_key TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS event_log (
  event_id INTEGER NOT NULL PRIMARY KEY,
  event_type_id INTEGER NOT NULL,
  source_id INTEGER NOT NULL,
  user_id INTEGER NULL
);

CREATE INDEX IF NOT EXISTS event_log_event_type_id ON event_log (event_type_id);

CREATE INDEX IF NOT EXISTS event_log_user_id ON event_log (user_id);

CREATE TABLE IF NOT EXISTS event_data (
  event_id INTEGER NOT NULL PRIMARY KEY,
  event_data TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS pending (
  seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  events INTEGER NOT NULL,
  packed BLOB NOT NULL
);

CREATE TABLE IF NOT EXISTS rejected_event (
  rejected_id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  rejected_ms INTEGER NOT NULL,
  source TEXT NOT NULL,
  reason TEXT NOT NULL,
  detail TEXT NOT NULL,
  raw BLOB NOT NULL
);
