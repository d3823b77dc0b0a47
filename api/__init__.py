"""The doors: command line, status page, and the assembly that builds a hub from its configuration."""
