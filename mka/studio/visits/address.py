"""What the page's address says of the view. No streamlit here.

The address is a permalink: it names what is shown by keys of the store, never the content itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from urllib.parse import urlencode

LONGEST = 60
"""So many letters of a value that is not understood are said again."""


@dataclass(frozen=True)
class Address:
    """Each field is a parameter of the same name; "" where the address leaves it out.

    visit:   name of the visit, for its own browser
    model:   source of the open model
    version: fingerprint of the open model, since a source may hold another one tomorrow; without it, the one that was
             opened last
    measure: the one that the Explore page shows
    plan:    key of the plan with its provenance (see `mka.workflows.desks.plan_id`); left out while it is empty
    run:     key of the run that is looked at
    """

    visit: str = ""
    model: str = ""
    measure: str = ""
    plan: str = ""
    run: str = ""
    version: str = ""

    @classmethod
    def read(cls, query: Mapping[str, str]) -> Address:
        """From the parameters of an address; others are left alone."""
        return cls(**{name: query.get(name, "") for name in NAMES})

    @property
    def words(self) -> dict[str, str]:
        """As parameters; what is "" is left out."""
        return {name: value for name in NAMES if (value := getattr(self, name))}

    @property
    def permalink(self) -> Address:
        """For another person or another day: without the visit."""
        return replace(self, visit="")

    def among(self, query: Mapping[str, str]) -> dict[str, str]:
        """The parameters of an address with these in it; a page's own stay, after them."""
        return self.words | {name: value for name, value in query.items() if name not in NAMES}


NAMES = tuple(one.name for one in fields(Address))


def query_string(words: Mapping[str, str]) -> str:
    """The parameters as they stand behind the question mark. A file name that is no Unicode loses those letters."""
    return urlencode(words, errors="replace")


def said(value: str) -> str:
    """A value of an address as a sentence repeats it: on one line, and not all of it where it is long."""
    plain = "".join(letter if letter.isprintable() else "�" for letter in value[: LONGEST + 1])
    return f"“{plain[:LONGEST]}…”" if len(value) > LONGEST else f"“{plain}”"
