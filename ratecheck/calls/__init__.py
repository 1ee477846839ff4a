"""Which HTTP requests belong to one call: attempts become SDK calls, SDK calls become what the app meant to do once.

Two steps. While traffic flows, the SDK's own counter or an id that it repeats joins attempts into a *run*: one call of
an SDK (``grouper``). Runs of the same request are held until nothing more can follow; then ``loops`` tells which of
them an outer loop repeated and which the app simply meant again. A request is "the same" when target, model, body,
program and key are equal: its *lane*.
"""

from ratecheck.calls.attempt import Attempt, Call, Layer, Outcome, Request
from ratecheck.calls.grouper import Grouper, group

__all__ = ["Attempt", "Call", "Grouper", "Layer", "Outcome", "Request", "group"]
