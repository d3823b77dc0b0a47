"""The brake: what waits for a connection is weighed, a source that misses its records is doubted; a person is asked."""
