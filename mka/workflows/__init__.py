"""The verbs that the command line and the studio share."""
