"""Each figure that the README quotes, by one command: `python -m benchmarks.NAME`, or all by `make bench`."""
