"""What was looked at, as numbers for Prometheus: the figures behind the rows of `check`, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from storyline_core import Health

_LEVELS = {"healthy": 0, "degraded": 1, "unhealthy": 2}


def metrics_text(health: Health, age: timedelta | None) -> tuple[str, str]:
    """The type and the text of the answer. `age` is that of the look; None when there was none yet."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(health, age))
    ProcessCollector(registry=registry)
    return CONTENT_TYPE_LATEST, generate_latest(registry).decode()


class _Figures(Collector):
    def __init__(self, health: Health, age: timedelta | None) -> None:
        self._health = health
        self._age = age

    def collect(self) -> Iterable[Metric]:
        yield _gauge(
            "storyline_health", "All in all: 0 healthy, 1 degraded, 2 unhealthy.", _LEVELS[self._health.status]
        )
        about = GaugeMetricFamily("storyline_info", "Which Storyline this is.", labels=["version"])
        about.add_metric([version("storyline")], 1)
        yield about
        if self._age is not None:
            yield _gauge("storyline_look_age_seconds", "How old these figures are.", self._age.total_seconds())
        yield self._checks()
        yield from self._figures()

    def _checks(self) -> Metric:
        worst: dict[str, int] = {}
        for row in self._health.checks:
            worst[row.name] = max(worst.get(row.name, 0), _LEVELS[row.status])
        checks = GaugeMetricFamily(
            "storyline_check", "Each row of check: 0 healthy, 1 degraded, 2 unhealthy.", labels=["name"]
        )
        for name, level in worst.items():
            checks.add_metric([name], level)
        return checks

    def _figures(self) -> Iterable[Metric]:
        from storyline_core import FIGURES

        figures = [figure for row in self._health.checks for figure in row.figures]
        for name, what in FIGURES.items():
            found = [figure for figure in figures if figure.name == name]
            if not found:
                continue
            labels = list(found[0].labels)
            gauge = GaugeMetricFamily(f"storyline_{name}", what, labels=labels)
            for figure in found:
                gauge.add_metric([figure.labels[label] for label in labels], figure.value)
            yield gauge


def _gauge(name: str, what: str, value: float) -> Metric:
    return GaugeMetricFamily(name, what, value=value)
