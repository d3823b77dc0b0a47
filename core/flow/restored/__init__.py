"""After the database was set back: what is read again before anything is written, and which records are one."""
