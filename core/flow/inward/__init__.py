"""What comes in: pages are walked, readings become claims, and who is new, moved or gone is found out."""
