"""What an evaluation measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Perplexity:
    """exp of the mean negative log-likelihood per real token; `stderr` by the delta method over texts.

    split: how many of the texts are longer than the context, and so were read in pieces that do not see each other
    """

    value: float
    stderr: float
    tokens: int
    texts: int
    split: int = 0


@dataclass(frozen=True)
class SubjectAccuracy:
    """Share of one subject's questions answered right, by answer likelihood and by letter, in [0, 1]."""

    accuracy: float
    letter: float
    n: int


@dataclass(frozen=True)
class Choices:
    """Four-choice accuracy. `ci95` is the Wilson interval of `accuracy`; `letter` picks A, B, C or D.

    cut:   how many of the 2 n prompts, of both formats, lost their beginning because the context is shorter
    marks: a character for each question in the order of asking: in how many options the highest score stands, so
           that "1" is right alone and "2" shares it with one wrong option; "0" wrong, "-" no value. "" in what an
           earlier version wrote
    """

    accuracy: float
    ci95: tuple[float, float]
    letter: float
    letter_ci95: tuple[float, float]
    n: int
    shots: int
    subjects: Mapping[str, SubjectAccuracy]
    cut: int = 0
    marks: str = ""


@dataclass(frozen=True)
class Halves:
    """How the divergence changes within a text, in nats per token: the means over `texts` texts of the mean KL of
    their first and of their second half, and the standard error of late - early (NaN for one text)."""

    early: float
    late: float
    stderr: float
    texts: int


@dataclass(frozen=True)
class Divergence:
    """Against the baseline, per real token: KL(baseline || model) in nats, and how often the most
    likely next token is the same, in [0, 1]. `by_position` is the mean KL at each token position.

    position_stderr: of each of these means, over texts; empty in what an earlier version wrote
    halves:          None where no text has two tokens, and in what an earlier version wrote
    """

    kl: float
    kl_stderr: float
    top1: float
    tokens: int
    by_position: tuple[float, ...] = ()
    position_stderr: tuple[float, ...] = ()
    halves: Halves | None = None


@dataclass(frozen=True)
class Generation:
    """One prompt continued greedily by the baseline and by the model."""

    prompt: str
    baseline: str
    model: str


@dataclass(frozen=True)
class Cost:
    """Size and speed: weights only, tokens per second of a batched forward pass on this machine."""

    layers: int
    parameters: int
    bytes: int
    tokens_per_second: float


@dataclass(frozen=True)
class Result:
    """Every figure measured of one model; a task that was not asked for is None."""

    name: str
    cost: Cost
    perplexity: Perplexity | None = None
    choices: Choices | None = None
    divergence: Divergence | None = None
    generations: tuple[Generation, ...] = ()


@dataclass(frozen=True)
class Report:
    """A model against its baseline and against the controls that cost nothing.

    controls:         name ("truncate", "drop-keep-last") -> its result at the same number of removed layers
    refused_controls: name -> why this model's architecture does not allow it
    verdict:          plain sentences: what the merge cost and whether it beat the controls
    dtype:            of the weights, as "bfloat16"; "" in what an earlier version wrote
    """

    result: Result
    baseline: Result | None
    controls: Mapping[str, Result]
    verdict: str
    plan_key: str
    source: str
    seed: int
    versions: Mapping[str, str] = field(default_factory=dict)
    text_source: str = ""
    question_source: str = ""
    refused_controls: Mapping[str, str] = field(default_factory=dict)
    dtype: str = ""
