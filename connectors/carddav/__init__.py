"""The `carddav` connector: contacts in any address-book server; see README.md beside this file."""
