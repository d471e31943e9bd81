"""What stands around every page: the sidebar, the jobs at work, and the rules of style."""
