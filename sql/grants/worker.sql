-- The role of whoever keeps the schema: `picoevent init`, and of `picoevent worker` and `serve`, which make partitions ahead
-- and count events into the rollups.
-- Run as an administrator; change the name of the database, the host and the password first.
CREATE USER IF NOT EXISTS 'picoevent_worker'@'%' IDENTIFIED BY 'change-me';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, DROP, LOCK TABLES ON picoevent.* TO 'picoevent_worker'@'%';
-- Optional: whoever folds deletes what it has counted, and logs these rows by their keys alone, which halves its share
-- of the binary log. MariaDB asks for this right; MySQL calls it SESSION_VARIABLES_ADMIN.
GRANT BINLOG ADMIN ON *.* TO 'picoevent_worker'@'%';
