"""A folder of spreadsheets as a tool. Inside this package `import csv` still finds the standard library."""
