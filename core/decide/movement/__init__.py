"""Movement: the four elements of open records (owner, action, timing, recovery), by a policy that is data. Pure."""
