"""Images that a request names by a path: their first bytes say how large they are."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".webp"})
# Of an image: a JPEG's size may stand behind a thumbnail and a colour profile.
IMAGE_HEAD_BYTES = 1 << 19


def completing(path: str) -> Callable[[Any], Any]:
    """Return what puts the first bytes of local images where a value read from ``path`` names them."""
    return partial(_inlined, folder=Path(path).parent)


def _inlined(value: Any, folder: Path) -> Any:
    """Put the first bytes of images that are named by a local path in their place, as data URLs."""
    stack = [value]
    while stack:
        each = stack.pop()
        if isinstance(each, dict):
            for key in ("url", "image_url"):
                named = each.get(key)
                if isinstance(named, str) and len(named) < 1024 and Path(named).suffix.lower() in IMAGE_SUFFIXES:
                    each[key] = _data_url(named, folder) or named
            stack.extend(each.values())
        elif isinstance(each, list):
            stack.extend(each)
    return value


def _data_url(named: str, folder: Path) -> str | None:
    import base64

    if named.startswith(("http:", "https:", "data:")):
        return None
    try:
        with open(folder / named.removeprefix("file://"), "rb") as file:
            head = file.read(IMAGE_HEAD_BYTES * 3 // 4)
    except (OSError, ValueError):
        return None
    return f"data:image/*;base64,{base64.b64encode(head).decode()}"
