"""The console: pages for the admin and the support person, printed on the server, and usable without scripts."""
