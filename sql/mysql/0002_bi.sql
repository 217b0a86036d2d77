-- The BI's own tables: who may sign in, and the one-time links that sign somebody in once.

-- name_unique serves: the analyst of a name, at sign-in. `session_salt` changes with the password, which ends
-- every session that was opened before.
CREATE TABLE IF NOT EXISTS analyst (
  analyst_id INT UNSIGNED NOT NULL AUTO_INCREMENT,
  name VARCHAR(100) NOT NULL,
  password_hash VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  session_salt CHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  status VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'active',
  created_ms BIGINT UNSIGNED NOT NULL,
  PRIMARY KEY (analyst_id),
  UNIQUE KEY name_unique (name)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- Only the SHA-256 of a link's token is kept; a used link is deleted.
CREATE TABLE IF NOT EXISTS sign_in_link (
  token_sha256 BINARY(32) NOT NULL,
  analyst_id INT UNSIGNED NOT NULL,
  expires_ms BIGINT UNSIGNED NOT NULL,
  PRIMARY KEY (token_sha256)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;
