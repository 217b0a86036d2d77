"""The pages, a file each. They ask the event log and fill a template; what is asked and how it looks is elsewhere."""
