"""Plan files into configs of mergekit and back, with the files and the model that both speak of."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from mka.errors import BadInput
from mka.models.locate import HubModel, resolve
from mka.objects.plan import MergePlan
from mka.planning import mergekit
from mka.planning.planner import plan

if TYPE_CHECKING:
    from mka.models.loaded import LoadedModel

SPECIAL = re.compile(r"[@+]")
"""What mergekit reads in a model's name as the beginning of a revision or an adapter."""


def config_text(made: MergePlan, model: str | None = None) -> str:
    """The YAML by which mergekit does what `made` does to `model`, by default the plan's source.

    BadInput where neither names a model, where layers are summed and the model is no folder, and as `to_mergekit`.
    """
    config = mergekit.to_mergekit(made, _reference(made, model))
    head = f"# What plan {made.key} of mka does, for mergekit 0.1.5: mergekit-yaml THIS_FILE OUT\n"
    if any(group.merges for group in made.groups):
        head += "# mergekit takes a model once in a sum: path, path/. and path/./. are one folder, named anew.\n"
    return head + yaml.safe_dump(config, sort_keys=False, default_flow_style=None, allow_unicode=True, width=10**6)


def read_config(path: str | Path) -> Any:
    """The content of a YAML file; BadInput where it cannot be read."""
    try:
        return yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BadInput(f"{path}: no such file; name a config of mergekit") from error
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}; name a config of mergekit") from error
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise BadInput(f"{path} is no YAML ({' '.join(str(error).split())}); correct the config") from error


def plan_of(config: Any, model: LoadedModel) -> MergePlan:
    """The plan that does to `model` what the config says to the model that it names. BadInput as `from_mergekit`."""
    return plan(model, groups=mergekit.from_mergekit(config, model.stack.depth))


def _reference(made: MergePlan, model: str | None) -> str:
    named = model or made.source
    if named is None:
        raise BadInput("the plan names no model, and a config of mergekit must; name it with --model")
    place = resolve(named)
    if isinstance(place, HubModel):
        if mergekit.merges(made):
            raise BadInput(
                f"mergekit sums layers of one model only by several spellings of its folder, and {named} is a hub id; "
                "download it and name the folder with --model"
            )
        return str(place)
    found = str(place.absolute())
    if SPECIAL.search(found):
        raise BadInput(f"mergekit reads @ and + in {found} as a revision or an adapter; give the folder another name")
    return found
