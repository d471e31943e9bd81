"""What several tests read off activations."""

from __future__ import annotations

from mka.objects.activations import Activations


def losses(found: Activations) -> list[float]:
    return [float("nan") if point.loss is None else point.loss for point in found.points]
