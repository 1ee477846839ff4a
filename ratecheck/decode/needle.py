"""Which lines of a log may belong to a refusal: those that hold one of a few pieces of words."""

from collections.abc import Iterator

from ratecheck.decode.block import Search, searcher
from ratecheck.decode.records import RECORD_BYTES

# What a refusal holds at least one of. Each is one pass over the input at memory speed, so they are few.
STATUS = b"429"
NEEDLES = (
    STATUS, b"imit", b"verload", b"uota", b"hrottl", b"xhaust", b"EXHAUST", b"apacity", b"oo many", b"nsufficient",
    b"redit", b"oncurren", b"udget", b"busy", b"igh demand", b"rrear",
)  # fmt: skip
# Looked for only where a block holds more than ASCII: what refusals say in Chinese.
CHINESE = tuple(
    word.encode()
    for word in (
        "频率", "限流", "限制", "并发", "余额", "欠费", "额度", "配额", "上限", "繁忙", "过载", "访问量",
        "资源包", "充值", "调用次数",
    )
)  # fmt: skip
# Looked for only where a block holds escapes: the same as JSON writes it in ASCII, with small letters or capitals.
ESCAPED = tuple(
    dict.fromkeys(
        "".join(f"\\u{ord(letter):{form}}" for letter in word.decode()).encode()
        for word in CHINESE
        for form in ("04x", "04X")
    )
)
_DIGITS = frozenset(b"0123456789")
_HEX_LETTERS = frozenset(b"abcdefABCDEF")


def candidates(block: bytes) -> Iterator[tuple[int, int]]:
    """Yield the lines that hold a needle, in order, each once; of an endless line a window."""
    nowhere = len(block)
    search_for = searcher(block)
    needles = NEEDLES if block.isascii() else NEEDLES + CHINESE
    if b"\\" in block and search_for(b"\\u")(0) < nowhere:
        needles += ESCAPED
    searches: list[Search] = []
    places: list[int] = []
    for needle in needles:
        search = search_for(needle)
        if (at := search(0)) < nowhere:
            if needle is STATUS:
                search = _outside_numbers(search, block)
                at = search(0)
            searches.append(search)
            places.append(at)
    while places and (at := min(places)) < nowhere:
        start = block.rfind(b"\n", 0, at) + 1
        if at - start > RECORD_BYTES:
            start = at - RECORD_BYTES // 2
        end = block.find(b"\n", at)
        if not 0 <= end - at <= RECORD_BYTES:
            end = min(at + RECORD_BYTES, nowhere)
        yield start, end
        for index, place in enumerate(places):
            if place < end:
                places[index] = searches[index](end)


def _outside_numbers(search: Search, block: bytes) -> Search:
    """Return a search for a status that passes over the digits of longer numbers and of hexadecimal ids."""
    nowhere = len(block)
    beyond = nowhere - len(STATUS)

    def whole(start: int) -> int:
        at = search(start)
        while at < nowhere:
            before = block[at - 1] if at else 0
            after = block[at + len(STATUS)] if at < beyond else 0
            inside = before in _DIGITS or after in _DIGITS or (before in _HEX_LETTERS and after in _HEX_LETTERS)
            if not inside:
                return at
            at = search(at + len(STATUS))
        return nowhere

    return whole
