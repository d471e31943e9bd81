"""The Export page, and the commands and scripts that repeat what a page shows."""
