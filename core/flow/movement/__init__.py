"""The four elements of open records: judged as they change and as the clock goes on."""
