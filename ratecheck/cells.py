"""How wide text is in a terminal."""

from unicodedata import combining, east_asian_width


def cells(text: str) -> int:
    """Return how many columns of a terminal the text takes: two for a Chinese character, none for an accent."""
    if text.isascii():
        return len(text)
    return sum(map(cells_of, text))


def cells_of(character: str) -> int:
    """Return how many columns one character takes."""
    return 0 if combining(character) else 2 if east_asian_width(character) in "WF" else 1
