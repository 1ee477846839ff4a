"""Large pages of memory for a tokenizer's tables: 60 MB that are looked into at random."""

import mmap
from ctypes import c_int, c_size_t, c_ssize_t, c_void_p
from functools import cache

from ratecheck.clibrary import c_function

# What Linux calls a huge page on every processor with pages of 4 kB: one entry of the processor's own table of pages
# covers 512 times as much.
_LARGE_BYTES = 2 << 20
# Of address space; memory is used as far as something is written there. The tables of o200k and what making them takes
# are 60 MB in toktok, 200 MB in tiktoken, whose tables of words for decoding need not lie here.
_ROOM_BYTES = 128 << 20
# Pieces below this come out of the room: 32 MB is the most that glibc accepts.
_PIECE_BYTES = 32 << 20

# Options of glibc's `mallopt`, and Linux's advice that large pages are welcome.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3
_HUGEPAGE = getattr(mmap, "MADV_HUGEPAGE", None)


@cache
def large_pages() -> bool:
    """Have what is allocated from here on lie in large pages, once for all; return whether the system was told so.

    Making the tables of a vocabulary and counting with them take a fifth less time: with pages of 4 kB the processor
    misses the page of nearly every look-up. Where the C library is another or the system has no large pages, all stays
    as it was.
    """
    if _HUGEPAGE is None:
        return False
    malloc = c_function("malloc", c_void_p, c_size_t)
    free = c_function("free", None, c_void_p)
    sbrk = c_function("sbrk", c_void_p, c_ssize_t)
    mallopt = c_function("mallopt", c_int, c_int, c_int)
    madvise = c_function("madvise", c_int, c_void_p, c_size_t, c_int)
    if None in (malloc, free, sbrk, mallopt, madvise):
        return False
    if not (mallopt(_MMAP_THRESHOLD, _PIECE_BYTES) and mallopt(_TRIM_THRESHOLD, 2 * _ROOM_BYTES)):
        return False
    # The heap grows once by as much as all will take, and what it has grown by is told to the system.
    mallopt(_TOP_PAD, _ROOM_BYTES)
    begin = malloc(_LARGE_BYTES)
    end = sbrk(0)
    free(begin)
    mallopt(_TOP_PAD, _LARGE_BYTES)
    if begin is None or not begin < end <= begin + _ROOM_BYTES + 2 * _LARGE_BYTES:
        return False  # the room came from elsewhere
    begin += -begin % _LARGE_BYTES
    return bool(madvise(begin, (end - begin) // _LARGE_BYTES * _LARGE_BYTES, _HUGEPAGE) == 0)
