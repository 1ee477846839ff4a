"""Every finding code: what it means, how it was told, what to do. Codes stay; the README lists them all.

A new code is a new row at the end of its area's table.
"""

from collections.abc import Mapping

from ratecheck.diagnose.codes.answers import ANSWERS
from ratecheck.diagnose.codes.estimated import ESTIMATED
from ratecheck.diagnose.codes.probed import PROBED
from ratecheck.diagnose.codes.row import Area, Code
from ratecheck.diagnose.codes.simulated import SIMULATED
from ratecheck.diagnose.codes.traffic import TRAFFIC

__all__ = ["AREAS", "CODES", "Area", "Code", "area_of"]

AREAS: tuple[Area, ...] = (
    Area("RC1", "what an answer says", ("headers", "decode"), ANSWERS),
    Area("RC2", "what a client does over many requests", ("watch", "serve"), TRAFFIC),
    Area("RC3", "what a simulation shows", ("simulate",), SIMULATED),
    Area("RC4", "what a prompt costs", ("estimate",), ESTIMATED),
    Area("RC5", "how a limiter behaves", ("probe",), PROBED),
)

CODES: Mapping[str, Code] = {row.code: row for area in AREAS for row in area.rows}


def area_of(code: str) -> Area:
    """Return the area that a code stands in."""
    return next(area for area in AREAS if code.startswith(area.prefix))
