"""What the Model page says of a model's layers."""

from __future__ import annotations

import csv

from mka.studio.model.model_view import layers_csv
from tests.studio.builders import a_summary


def test_the_layers_as_a_table_of_numbers():
    header, *rows = csv.reader(layers_csv(a_summary(3)).splitlines())
    assert header == ["layer", "kind", "parameters", "bytes"]
    assert [[int(row[place]) for place in (0, 2, 3)] for row in rows] == [[layer, 100, 400] for layer in range(3)]
