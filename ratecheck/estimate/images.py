"""What an image costs: its size, read from its first bytes, and the tile and patch formulas.

OpenAI's guide: https://developers.openai.com/api/docs/guides/images-vision (read 2026-10). The tile formula agrees with
all eight recorded requests that hold an image; the patch formula with the guide's own examples.
"""

import base64
import binascii
import math
from dataclasses import dataclass

from ratecheck.model import Source

_GUIDE = Source("https://developers.openai.com/api/docs/guides/images-vision", "2026-10")

# Taken where the size is unknown (an address that would have to be fetched), and said so.
ASSUMED_SIZE = (1024, 1024)


@dataclass(frozen=True, slots=True)
class Image:
    """An image in a request. ``width`` and ``height`` in pixels are ``None`` where they cannot be told."""

    width: int | None = None
    height: int | None = None
    detail: str = "auto"


@dataclass(frozen=True, slots=True)
class Tiles:
    """A base and a price for each tile of 512 pixels."""

    base: int
    tile: int

    def tokens(self, width: int, height: int, detail: str) -> int:
        """Return the tokens of an image."""
        if detail == "low":
            return self.base
        scale = min(1.0, 2048 / max(width, height))
        wide, high = width * scale, height * scale
        scale = min(1.0, 768 / min(wide, high))
        # Rounded as pixels are: a side of 512.0000001 is one tile.
        wide, high = round(wide * scale), round(high * scale)
        return self.base + self.tile * math.ceil(max(wide, 1) / 512) * math.ceil(max(high, 1) / 512)


@dataclass(frozen=True, slots=True)
class Patches:
    """Patches of 32 pixels, at most ``budget`` of them, times ``factor``."""

    budget: int | None
    longest: int | None
    factor: float = 1.0

    def tokens(self, width: int, height: int, detail: str) -> int:
        """Return the tokens of an image."""
        wide, high = float(width), float(height)
        if self.longest is not None and max(wide, high) > self.longest:
            scale = self.longest / max(wide, high)
            wide, high = wide * scale, high * scale
        count = math.ceil(wide / 32) * math.ceil(high / 32)
        if self.budget is not None and count > self.budget:
            shrink = math.sqrt(32 * 32 * self.budget / (wide * high))
            across, down = wide * shrink / 32, high * shrink / 32
            shrink *= min(max(math.floor(across), 1) / across, max(math.floor(down), 1) / down)
            count = min(math.ceil(round(wide * shrink, 6) / 32) * math.ceil(round(high * shrink, 6) / 32), self.budget)
        return math.ceil(count * self.factor)


@dataclass(frozen=True, slots=True)
class Area:
    """Pixels divided by a number, at most ``most`` tokens."""

    pixels_per_token: int
    most: int

    def tokens(self, width: int, height: int, detail: str) -> int:
        """Return the tokens of an image."""
        return min(math.ceil(width * height / self.pixels_per_token), self.most)


@dataclass(frozen=True, slots=True)
class ImageRow:
    """The formula of all models whose base name starts with ``prefix``."""

    prefix: str
    formula: Tiles | Patches | Area
    source: Source = _GUIDE


_MINI, _NANO = Patches(1536, 2048, 1.62), Patches(1536, 2048, 2.46)
_UNVERIFIED = Source(_GUIDE.url, "2026-10", verified=False, note="the model is not in the guide; its family's row")

ROWS = (
    ImageRow("gpt-5", Tiles(70, 140)),
    ImageRow("gpt-4o", Tiles(85, 170)),
    ImageRow("chatgpt-4o", Tiles(85, 170)),
    ImageRow("gpt-4.1", Tiles(85, 170)),
    ImageRow("gpt-4.5", Tiles(85, 170)),
    ImageRow("gpt-4", Tiles(85, 170), _UNVERIFIED),
    ImageRow("gpt-4o-mini", Tiles(2833, 5667)),
    ImageRow("o1", Tiles(75, 150)),
    ImageRow("o3", Tiles(75, 150)),
    ImageRow("computer-use", Tiles(65, 129)),
    ImageRow("gpt-5-mini", _MINI),
    ImageRow("gpt-5.4-mini", _MINI),
    ImageRow("gpt-4.1-mini", _MINI),
    ImageRow("gpt-5-nano", _NANO),
    ImageRow("gpt-5.4-nano", _NANO),
    ImageRow("gpt-4.1-nano", _NANO),
    ImageRow("o4-mini", Patches(1536, 2048, 1.72)),
    ImageRow("gpt-5.2", Patches(1536, 2048)),
    ImageRow("gpt-5.3-codex", Patches(1536, 2048)),
    ImageRow("gpt-5-codex-mini", Patches(1536, 2048)),
    ImageRow("gpt-5.1-codex-mini", Patches(1536, 2048)),
    ImageRow("gpt-5.4", Patches(2500, 2048)),
    ImageRow("gpt-5.5", Patches(2500, 2048), _UNVERIFIED),
    ImageRow("gpt-5.6", Patches(None, None)),
    ImageRow("claude", Area(750, 1600), Source("https://platform.claude.com/docs/en/build-with-claude/vision",
                                               "2026-10", verified=False)),
)  # fmt: skip
_BY_LENGTH = sorted(ROWS, key=lambda row: -len(row.prefix))
_FALLBACK = ImageRow("", Tiles(85, 170), _UNVERIFIED)


def row_for(base_name: str) -> ImageRow:
    """Return the formula for a model's base name; the tiles of 4o, marked unverified, where none is known."""
    return next((row for row in _BY_LENGTH if base_name.startswith(row.prefix)), _FALLBACK)


def image_tokens(image: Image, row: ImageRow) -> tuple[int, bool]:
    """Return the tokens of ``image`` and whether its size is known, or does not matter, rather than assumed."""
    width, height = image.width or ASSUMED_SIZE[0], image.height or ASSUMED_SIZE[1]
    known = (image.width is not None and image.height is not None) or (
        image.detail == "low" and isinstance(row.formula, Tiles)
    )
    formula = row.formula
    if image.detail == "original" and isinstance(formula, Patches) and formula.budget == 2500:
        formula = Patches(10_000, 6000, formula.factor)  # gpt-5.4's own row for `original`
    return formula.tokens(width, height, image.detail), known


def size_of(head: bytes) -> tuple[int, int] | None:
    """Return width and height in pixels of a PNG, GIF, WebP or JPEG from its bytes, ``None`` where they do not say."""
    if head[:8] == b"\x89PNG\r\n\x1a\n" and len(head) >= 24:
        return _sane(int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big"))
    if head[:6] in (b"GIF87a", b"GIF89a") and len(head) >= 10:
        return _sane(int.from_bytes(head[6:8], "little"), int.from_bytes(head[8:10], "little"))
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP" and len(head) >= 30:
        return _webp(head)
    if head[:2] == b"\xff\xd8":
        return _jpeg(head)
    return None


def _sane(width: int, height: int) -> tuple[int, int] | None:
    return (width, height) if 0 < width < 1 << 20 and 0 < height < 1 << 20 else None


def _webp(head: bytes) -> tuple[int, int] | None:
    kind = head[12:16]
    if kind == b"VP8X":
        return _sane(1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little"))
    if kind == b"VP8 ":
        return _sane(int.from_bytes(head[26:28], "little") & 0x3FFF, int.from_bytes(head[28:30], "little") & 0x3FFF)
    if kind == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return _sane((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    return None


def _jpeg(head: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(head):
        if head[at] != 0xFF:
            return None
        mark = head[at + 1]
        if mark == 0xFF:  # a fill byte
            at += 1
            continue
        if 0xC0 <= mark <= 0xCF and mark not in (0xC4, 0xC8, 0xCC):
            return _sane(int.from_bytes(head[at + 7 : at + 9], "big"), int.from_bytes(head[at + 5 : at + 7], "big"))
        at += 2 + max(int.from_bytes(head[at + 2 : at + 4], "big"), 2)
    return None


def size_of_data_url(url: str) -> tuple[int, int] | None:
    """Return the pixels of an image in a ``data:`` URL, or of bare base64."""
    if url[:5].lower() == "data:":
        head, comma, url = url.partition(",")
        if not comma or ";base64" not in head.lower():
            return None
    # JPEG may carry a thumbnail and a colour profile before its size; half a megabyte reaches past all of them.
    sample = url[: 1 << 19]
    try:
        return size_of(base64.b64decode(sample[: len(sample) // 4 * 4], validate=False))
    except (binascii.Error, ValueError):
        return None
