"""The way of an event from the store to a person: one `Query`, its filters, pages by key and never by number."""
