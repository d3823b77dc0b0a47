"""What address books and calendars on WebDAV have in common: calls, discovery, walks, writes, and servers to try on."""
