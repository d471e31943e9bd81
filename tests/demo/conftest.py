from __future__ import annotations

from itertools import islice

import pytest

from mka.demo.statements import Question, Split
from mka.demo.tokens import training_documents
from mka.demo.world import World
from tests.demo.reader import Knowledge, learn

TRAINING_DOCUMENTS = 25_000


@pytest.fixture(scope="session")
def world() -> World:
    return World()


@pytest.fixture(scope="session")
def asked(world: World) -> dict[Split, dict[str, list[Question]]]:
    """The held-out questions by split and subject."""
    return {split: world.questions(split) for split in ("dev", "test")}


@pytest.fixture(scope="session")
def training(world: World) -> list[str]:
    """A good part of the documents that the model is trained on, in their order."""
    return list(islice(training_documents(world), TRAINING_DOCUMENTS))


@pytest.fixture(scope="session")
def knowledge(training: list[str]) -> Knowledge:
    """What a careful reader of the training text knows."""
    return learn(training)
