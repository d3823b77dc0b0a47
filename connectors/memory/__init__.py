"""A tool that lives in memory: the reference connector, and the tool of the simulation and the demo."""
