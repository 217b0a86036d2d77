-- The same tables as sql/mysql/0002_bi.sql, for the embedded database.

CREATE TABLE IF NOT EXISTS analyst (
  analyst_id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  password_hash TEXT NOT NULL,
  session_salt TEXT NOT NULL,
  status TEXT NOT NULL DEFAULT 'active',
  created_ms INTEGER NOT NULL
);

CREATE TABLE IF NOT EXISTS sign_in_link (
  token_sha256 BLOB NOT NULL PRIMARY KEY,
  analyst_id INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL
) WITHOUT ROWID;
