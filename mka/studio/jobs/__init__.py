"""Long work off the script run: the queue, how far a job is, and the models it holds."""
