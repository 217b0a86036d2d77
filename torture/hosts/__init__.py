"""Programs of other people's kind that use an event log: a web application, a task queue, forking scripts."""
