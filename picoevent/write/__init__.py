"""The way of an event from `log()` into the store: accept, resolve names, one transaction, cache."""
