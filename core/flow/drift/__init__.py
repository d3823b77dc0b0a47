"""Schema drift: what a tool says of its fields is kept and compared; only the lines that a change concerns rest."""
