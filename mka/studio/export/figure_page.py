"""Every picture of the present view in one page that needs no network."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from mka.figures import evaluation_words, takeaways, words
from mka.figures.adjacent import adjacent_strip
from mka.figures.heatmap import heatmap
from mka.figures.overview import overview_dots
from mka.figures.plan_ruler import plan_ruler
from mka.figures.subjects import subject_dots
from mka.figures.theme import Theme
from mka.figures.token_divergence import by_position, divergence_curves
from mka.objects.report import Report
from mka.studio.parts.chart import PAGE
from mka.studio.selection.state import StudioState
from mka.studio.visits.desk import Desk

CONFIG = {**PAGE, "responsive": True}


@dataclass(frozen=True)
class Shown:
    """A picture, its title and the sentence under it."""

    title: str
    sentence: str
    figure: go.Figure


def figures_of(desk: Desk, measure: str, state: StudioState, report: Report | None, theme: Theme) -> list[Shown]:
    """What there is: heatmap and neighbours by `measure`, the plan, and the pictures of its report."""
    shown = []
    similarity = desk.similarities.get(measure)
    if similarity is not None:
        groups, candidates = state.plan.groups, state.candidate_layers
        said, by = takeaways.of_similarity(similarity), words.measure_title(measure)
        shown += [
            Shown(f"Similarity by {by}", said, heatmap(similarity, theme, groups=groups, candidates=candidates)),
            Shown(f"Neighbours by {by}", said, adjacent_strip(similarity, theme, groups=groups, candidates=candidates)),
        ]
    if state.plan.groups:
        shown.append(Shown("Plan", takeaways.of_plan(state.plan), plan_ruler(state.plan, theme)))
    return shown if report is None else [*shown, *_of_report(report, theme)]


def _of_report(report: Report, theme: Theme) -> list[Shown]:
    result, shown = report.result, []
    if result.perplexity or result.choices:
        said = evaluation_words.of_overview(report)
        shown.append(Shown("Language and answers", f"{said} {report.verdict}", overview_dots(report, theme)))
    if result.choices:
        said = evaluation_words.of_subjects(report)
        shown.append(Shown("Subject by subject", said, subject_dots(report, theme)))
    if by_position(report):
        said = evaluation_words.of_positions(report)
        shown.append(Shown("Where in a text they part", said, divergence_curves(report, theme)))
    return shown


def gallery(source: str, shown: Sequence[Shown], theme: Theme) -> str:
    """The pictures below each other, each with its sentence; `source` is the model's name."""
    title = html.escape(f"{source}: MKA studio")
    pictures = "\n".join(
        f"<figure><h2>{html.escape(one.title)}</h2>\n"
        f"{one.figure.to_html(full_html=False, include_plotlyjs=not place, config=CONFIG)}\n"
        f"<figcaption>{html.escape(one.sentence)}</figcaption></figure>"
        for place, one in enumerate(shown)
    )
    style = (
        f"body {{ background: {theme.page}; color: {theme.text}; font-family: 'Segoe UI', sans-serif; "
        "max-width: 960px; margin: 2rem auto; padding: 0 1rem } "
        "figure { margin: 0 0 3rem; overflow-x: auto } figcaption { line-height: 1.5 }"
    )
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{style}</style></head>\n'
        f"<body><h1>{title}</h1>\n{pictures}\n</body></html>\n"
    )


def page_name(measure: str) -> str:
    """What the page is, as part of its file's name; measure: "" before an analysis."""
    return "-".join(filter(None, ("figures", measure))) + ".html"
