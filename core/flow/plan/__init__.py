"""Plans: what a change would do is found out on a shadow of the store, and then carried out, a few records first."""
