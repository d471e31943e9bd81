"""`mka store`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from mka.cli.command import command
from mka.cli.options import Json


def store(
    clear: Annotated[bool, typer.Option("--clear", help="Delete every kept result.")] = False,
    json: Json = None,
) -> None:
    """Show the results that are kept so that nothing is computed twice, or delete them.

    They lie in the user's cache folder, or in MKA_STORE (off: nowhere); MKA_STORE_LIMIT is their size at most.
    """
    with command(json) as run:
        from mka.cli.analysis_tables import show_store
        from mka.cli.tables import plain, say
        from mka.objects.sizes import bytes_text
        from mka.store import open_store

        kept = open_store()
        if clear:
            count, size = kept.clear()
            run.answer(
                {"place": str(kept.root), "cleared": count, "bytes": size},
                lambda console: say(
                    console, f"{count} results of {bytes_text(size)} deleted from {plain(str(kept.root))}"
                ),
            )
            return
        entries = kept.entries()
        kinds: dict[str, dict[str, Any]] = {}
        for entry in entries:
            kind = kinds.setdefault(entry.kind, {"number": 0, "bytes": 0})
            kind["number"] += 1
            kind["bytes"] += entry.size
        answer = {
            "place": str(kept.root),
            "on": kept.on,
            "number": len(entries),
            "bytes": sum(entry.size for entry in entries),
            "limit": kept.limit,
            "kinds": {name: kinds[name] for name in sorted(kinds)},
        }
        run.answer(answer, lambda console: show_store(console, answer))
