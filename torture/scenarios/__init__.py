"""The faults, a file for each row or two of the table; each has a `run(site, size)` that returns a verdict."""
