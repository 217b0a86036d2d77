-- The role of applications that log events: they add, they never change and never delete an event.
-- Run as an administrator; change the name of the database, the host and the password first.
CREATE USER IF NOT EXISTS 'picoevent_app'@'%' IDENTIFIED BY 'change-me';
GRANT SELECT, INSERT ON picoevent.event_log TO 'picoevent_app'@'%';
GRANT SELECT, INSERT ON picoevent.event_data TO 'picoevent_app'@'%';
GRANT SELECT, INSERT ON picoevent.event_type TO 'picoevent_app'@'%';
GRANT SELECT, INSERT ON picoevent.source TO 'picoevent_app'@'%';
GRANT SELECT, INSERT ON picoevent.user_key TO 'picoevent_app'@'%';
GRANT SELECT, UPDATE ON picoevent.id_counter TO 'picoevent_app'@'%';
GRANT INSERT ON picoevent.pending TO 'picoevent_app'@'%';
-- Refused events are capped by whoever adds one.
GRANT SELECT, INSERT, DELETE ON picoevent.rejected_event TO 'picoevent_app'@'%';
GRANT SELECT ON picoevent.installation TO 'picoevent_app'@'%';
GRANT SELECT ON picoevent.schema_step TO 'picoevent_app'@'%';
