"""The pages, a file each: what an address shows, and what its forms do."""
