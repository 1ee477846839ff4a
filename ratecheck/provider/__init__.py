"""A provider as a pure function: limits, refusals, settlement and the dialect's own words, with time as an argument."""

from ratecheck.provider.core import EPOCH, Provider, charging_rule
from ratecheck.provider.inference import Inference, InvalidRequest, read
from ratecheck.provider.profiles import LimitRule, Profile, get, load, of_dialect, profiles, rule_of

__all__ = [
    "EPOCH",
    "Inference",
    "InvalidRequest",
    "LimitRule",
    "Profile",
    "Provider",
    "charging_rule",
    "get",
    "load",
    "of_dialect",
    "profiles",
    "read",
    "rule_of",
]
