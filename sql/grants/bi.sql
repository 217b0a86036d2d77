-- The role of the BI: it reads events, on the replica where there is one, and writes its own tables alone.
-- Run as an administrator; change the name of the database, the host and the password first.
CREATE USER IF NOT EXISTS 'picoevent_bi'@'%' IDENTIFIED BY 'change-me';
GRANT SELECT ON picoevent.event_log TO 'picoevent_bi'@'%';
GRANT SELECT ON picoevent.event_data TO 'picoevent_bi'@'%';
GRANT SELECT ON picoevent.event_type TO 'picoevent_bi'@'%';
GRANT SELECT ON picoevent.source TO 'picoevent_bi'@'%';
GRANT SELECT ON picoevent.user_key TO 'picoevent_bi'@'%';
GRANT SELECT ON picoevent.rejected_event TO 'picoevent_bi'@'%';
GRANT SELECT ON picoevent.installation TO 'picoevent_bi'@'%';
GRANT SELECT ON picoevent.schema_step TO 'picoevent_bi'@'%';
GRANT SELECT, INSERT, UPDATE ON picoevent.analyst TO 'picoevent_bi'@'%';
GRANT SELECT, INSERT, DELETE ON picoevent.sign_in_link TO 'picoevent_bi'@'%';
-- What reports read, and how far it is.
GRANT SELECT ON picoevent.pending TO 'picoevent_bi'@'%';
GRANT SELECT ON picoevent.fold_state TO 'picoevent_bi'@'%';
GRANT SELECT ON picoevent.rollup TO 'picoevent_bi'@'%';
GRANT SELECT ON picoevent.rollup_users TO 'picoevent_bi'@'%';
GRANT SELECT ON picoevent.rollup_dimension TO 'picoevent_bi'@'%';
GRANT SELECT ON picoevent.rollup_value_users TO 'picoevent_bi'@'%';
GRANT SELECT ON picoevent.rollup_measure TO 'picoevent_bi'@'%';
GRANT SELECT ON picoevent.rollup_session TO 'picoevent_bi'@'%';
GRANT SELECT ON picoevent.day_version TO 'picoevent_bi'@'%';
GRANT SELECT ON picoevent.user_number TO 'picoevent_bi'@'%';
GRANT SELECT ON picoevent.dimension TO 'picoevent_bi'@'%';
GRANT SELECT ON picoevent.measure TO 'picoevent_bi'@'%';
GRANT SELECT ON picoevent.declared_dimension TO 'picoevent_bi'@'%';
GRANT SELECT ON picoevent.declared_measure TO 'picoevent_bi'@'%';
GRANT SELECT ON picoevent.withdrawn TO 'picoevent_bi'@'%';
GRANT SELECT ON picoevent.dimension_value TO 'picoevent_bi'@'%';
GRANT SELECT ON picoevent.event_dimension TO 'picoevent_bi'@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON picoevent.goal TO 'picoevent_bi'@'%';
