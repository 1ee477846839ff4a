"""The numbers of a monitor in Prometheus' text format, for node_exporter's textfile collector and its like."""

from collections.abc import Iterable, Mapping

from ratecheck.headers import HeadersReport, share_left
from ratecheck.model import LimitReading

# Name, type, help: https://prometheus.io/docs/instrumenting/exposition_formats/ (read 2026-11).
_METRICS = {
    "ratecheck_up": ("gauge", "Whether the last probe was answered."),
    "ratecheck_limit": ("gauge", "The limit that the server announces."),
    "ratecheck_remaining": ("gauge", "What is left of the limit."),
    "ratecheck_remaining_ratio": ("gauge", "What is left of the limit as a share, 0 to 1."),
    "ratecheck_reset_seconds": ("gauge", "Seconds until the server's reset, counted from the last probe."),
    "ratecheck_below_alert": ("gauge", "Whether the smallest share left is below --alert."),
    "ratecheck_probes_total": ("counter", "Probes sent."),
    "ratecheck_refused_total": ("counter", "Probes that ran into a limit."),
    "ratecheck_errors_total": ("counter", "Probes that got no usable answer."),
    "ratecheck_last_probe_timestamp_seconds": ("gauge", "When the last probe was sent, in seconds since 1970."),
}


def exposition(
    report: HeadersReport, *, up: bool, below: bool | None, sent: int, refused: int, errors: int, at_unix_s: float
) -> str:
    """Return the whole file. A number that the server does not state is left out: Prometheus knows no null."""
    who = {"provider": report.provider, "model": report.model}
    samples: list[tuple[str, Mapping[str, str], float]] = [
        ("ratecheck_up", who, float(up)),
        ("ratecheck_probes_total", who, float(sent)),
        ("ratecheck_refused_total", who, float(refused)),
        ("ratecheck_errors_total", who, float(errors)),
        ("ratecheck_last_probe_timestamp_seconds", who, at_unix_s),
    ]
    if below is not None:
        samples.append(("ratecheck_below_alert", who, float(below)))
    for limit in report.probes[-1].limits if report.probes else ():
        labels = who | _labels(limit)
        told = {
            "ratecheck_limit": limit.limit,
            "ratecheck_remaining": limit.remaining,
            "ratecheck_remaining_ratio": share_left(limit),
            "ratecheck_reset_seconds": limit.reset_s,
        }
        samples += [(name, labels, float(value)) for name, value in told.items() if value is not None]
    return "".join(_lines(samples))


def _labels(limit: LimitReading) -> dict[str, str]:
    return {
        "dimension": limit.dimension or "unknown",
        "window_s": "" if limit.window_s is None else f"{limit.window_s:g}",
        "scope": limit.scope or "",
        # Two limits of one dimension differ in their headers if in nothing else.
        "header": limit.headers[0].lower() if limit.headers else "",
    }


def _lines(samples: Iterable[tuple[str, Mapping[str, str], float]]) -> Iterable[str]:
    samples = list(samples)
    for name, (kind, text) in _METRICS.items():
        mine = {_series(name, labels): value for each, labels, value in samples if each == name}
        if mine:
            yield f"# HELP {name} {text}\n# TYPE {name} {kind}\n"
        for series, value in mine.items():
            yield f"{series} {value:.15g}\n"


def _series(name: str, labels: Mapping[str, str]) -> str:
    written = ",".join(f'{label}="{_escaped(value)}"' for label, value in labels.items())
    return f"{name}{{{written}}}"


def _escaped(value: str) -> str:
    """Escape what the format asks for; other control characters have been neutralised where they were read."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", " ")
