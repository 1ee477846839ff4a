"""What may be kept of a text or a key: secrets are masked, control characters neutralised.

Text that a server or a paste holds is data. It passes through here before it is shown, recorded or put into JSON.
"""

import re
import unicodedata
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import TypeVar, cast

_T = TypeVar("_T")

# What a key is shown as: its last four characters and nothing more.
_SHOWN = 4

# Known shapes of keys, then anything that is labelled as one. Each pattern is linear: no nested quantifiers.
_SECRETS = re.compile(
    r"""(?x)
    \b(?:
        (?:sk|pk|rk|gsk|xai|fw|nvapi|hf|r8|ghp|gho|ghu|ghs|ghr|glpat|pplx|csk|tgp|AIza|AKIA|ASIA)[-_A-Za-z0-9]{12,}
      | github_pat_[A-Za-z0-9_]{20,}
      | eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*)?
    )
    """
)
# A colon or an equals sign may stand bare; a comma only between quotes, as in a printed pair ('api-key', 'abc'): in a
# sentence it only separates words.
_TO = r"""(?:["']?\s*[:=]\s*b?["']?|["']\s*,\s*b?["'])"""
_LABELLED = re.compile(
    rf"""(?ix)
    (?P<label>
        (?:authorization|proxy-authorization){_TO}(?:(?:bearer|basic|token|key)\s+)?
      | \bbearer\s+
      | (?:x-)?(?:api|subscription|goog-api|access|secret)[-_ ]?(?:api[-_])?(?:key|token){_TO}
      | (?:ocp-apim-subscription-key|client[-_]secret|password|set-cookie|cookie){_TO}
      | [?&](?:api[-_]?key|key|token|sig|signature|access_token|code)=
    )
    (?P<secret>[^\s"'&,;<>\\]{{6,}})
    """
)


def mask(key: str) -> str:
    """Return what may be shown of a key: ``"…abcd"``; nothing of one too short to hide the rest."""
    return f"…{key[-_SHOWN:]}" if len(key) >= 4 * _SHOWN else "…"


def scrub(text: str, secrets: tuple[str, ...] = ()) -> str:
    """Mask everything that looks like a credential, and each of ``secrets`` wherever and however cut it stands."""
    for secret in secrets:
        if len(secret) > _SHOWN:
            text = text.replace(secret, mask(secret))
            # A server may quote a key back shortened ("...uvwxyz12"): longer tails than the shown one go as well.
            for cut in range(min(len(secret) - 1, 24), _SHOWN, -1):
                text = text.replace(secret[-cut:], mask(secret))
    text = _SECRETS.sub(lambda found: mask(found[0]), text)
    return _LABELLED.sub(lambda found: found["label"] + mask(found["secret"]), text)


def scrub_all(value: _T, secrets: tuple[str, ...]) -> _T:
    """Return ``value`` with every text in it scrubbed: a server may quote a key anywhere, in an id as well."""
    if isinstance(value, Enum):
        return value
    if isinstance(value, str):
        return cast("_T", scrub(value, secrets))
    if isinstance(value, tuple):
        parts = tuple(scrub_all(each, secrets) for each in value)
        return cast("_T", type(value)(*parts) if hasattr(value, "_fields") else parts)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{each.name: scrub_all(getattr(value, each.name), secrets) for each in fields(value)})
    return value


def neutralise(text: str, limit: int | None = None) -> str:
    """Make server text safe to print: no escape or control characters, no bidi overrides, at most ``limit`` characters.

    Line breaks and tabs become single spaces: what a server says is shown on one line.
    """
    if limit is not None and len(text) > 4 * limit:
        text = text[: 4 * limit]
    text = re.sub(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])", "", text)
    text = re.sub(r"\s+", " ", text)
    if not text.isprintable():  # nearly always it is, and told at once
        text = "".join(c for c in text if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co"))
    text = text.strip()
    return text if limit is None or len(text) <= limit else text[: limit - 1] + "…"
