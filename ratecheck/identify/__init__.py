"""Find out how a limiter really behaves: hypotheses, the next most telling request, findings with evidence.

``Investigation(budget, see).plan()`` is a generator: requests out, exchanges in. ``report_of`` says what is known at
any point. Nothing here sends, sleeps or reads a clock.
"""

from ratecheck.identify.findings import ProbeReport, report_of
from ratecheck.identify.plan import Budget, Investigation
from ratecheck.identify.report import LimiterFound
from ratecheck.identify.seeing import see
from ratecheck.identify.sight import Sight

__all__ = ["Budget", "Investigation", "LimiterFound", "ProbeReport", "Sight", "report_of", "see"]
