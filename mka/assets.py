"""Files that come with MKA: the demo model, its texts and questions, an example, pictures."""

from __future__ import annotations

from pathlib import Path

from mka.errors import BadInput

PACKAGE = Path(__file__).parent


def asset(*parts: str) -> Path:
    """The path of a bundled file or folder, as in ``asset("demo-texts", "dev.txt")``. BadInput where it is missing."""
    # An installed wheel carries the assets inside the package, a checkout beside it.
    for root in (PACKAGE / "_assets", PACKAGE.parent / "assets"):
        path = root.joinpath(*parts)
        if path.exists():
            return path
    raise BadInput(f"the bundled {'/'.join(parts)} is missing from this installation; install MKA again")
