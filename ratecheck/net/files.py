"""Files and stdin that options name: read whole, bounded, with an error that names the option."""

import sys
from pathlib import Path

from ratecheck.errors import UsageError

# A recording of a million attempts is below this; what is larger is not one.
_LARGEST_BYTES = 2_000_000_000


def read_text(name: str, option: str) -> str:
    """Return the text of a file, or of stdin for ``-``. Raises ``UsageError`` where it cannot be read."""
    try:
        if name == "-":
            if sys.stdin.isatty():
                raise UsageError(f"{option} - reads stdin, and nothing is piped in")
            return sys.stdin.buffer.read().decode("utf-8-sig", "replace")
        path = Path(name)
        if path.stat().st_size > _LARGEST_BYTES:
            raise UsageError(f"{option} {name}: larger than {_LARGEST_BYTES:,} bytes")
        return path.read_bytes().decode("utf-8-sig", "replace")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "cannot be read"
        raise UsageError(f"{option} {name}: {reason}") from None
