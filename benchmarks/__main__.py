"""Run every benchmark, one after the other."""

from __future__ import annotations

from benchmarks import collection, start


def main() -> None:
    for benchmark in (collection, start):
        print(f"== {(benchmark.__doc__ or '').splitlines()[0]}")
        benchmark.main()


if __name__ == "__main__":
    main()
