"""`python -m mka`: the command line."""

from mka.cli import main

main()
