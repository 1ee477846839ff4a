"""Files and stdin that options name: read whole, bounded, with an error that names the option."""

import codecs
import sys
from pathlib import Path

from ratecheck.errors import UsageError

# A recording of a million attempts is below this; what is larger is not one.
_LARGEST_BYTES = 2_000_000_000
# What `ratecheck headers --json > limits.json` writes in an older PowerShell.
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_text(name: str, option: str) -> str:
    """Return the text of a file, or of stdin for ``-``. Raises ``UsageError`` where it cannot be read."""
    try:
        if name == "-":
            if sys.stdin.isatty():
                raise UsageError(f"{option} - reads stdin, and nothing is piped in")
            data = sys.stdin.buffer.read(_LARGEST_BYTES + 1)
        else:
            with Path(name).open("rb") as file:
                data = file.read(_LARGEST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "cannot be read"
        raise UsageError(f"{option} {name}: {reason}") from None
    if len(data) > _LARGEST_BYTES:
        raise UsageError(f"{option} {name}: larger than {_LARGEST_BYTES:,} bytes")
    return data.decode("utf-16" if data.startswith(_UTF_16) else "utf-8-sig", "replace")
