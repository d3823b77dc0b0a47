"""The `caldav` connector: events and tasks in any calendar server; see README.md beside this file."""
