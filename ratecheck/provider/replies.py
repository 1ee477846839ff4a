"""What a provider says when it says yes: one body, or the frames of a stream, for each kind of endpoint.

The words mean nothing; their number is what was asked for, and ``usage`` tells it.
"""

import json
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from ratecheck.provider.inference import EMBEDDINGS, Inference, vector

# A stream of more frames shows no more about pacing, and costs both sides.
_MOST_FRAMES = 64
_WORDS = ("Within", "its", "limits", "all", "goes", "well", "so", "this", "local", "answer", "came", "at", "once")


class Reply(NamedTuple):
    """An answer's particulars."""

    wanted: Inference
    request_id: str
    created_s: int

    @property
    def prompt_tokens(self) -> int:
        return self.wanted.admission.prompt_tokens

    @property
    def total_tokens(self) -> int:
        return self.wanted.admission.prompt_tokens + self.wanted.output_tokens


def _dumps(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _pieces(tokens: int) -> list[str]:
    words = [_WORDS[index % len(_WORDS)] + " " for index in range(tokens)]
    size = max(-(-len(words) // _MOST_FRAMES), 1)
    return ["".join(words[start : start + size]) for start in range(0, len(words), size)]


def _text(reply: Reply) -> str:
    return "".join(_pieces(reply.wanted.output_tokens // reply.wanted.admission.n)).strip()


def _usage(reply: Reply) -> dict[str, Any]:
    return {
        "prompt_tokens": reply.prompt_tokens,
        "completion_tokens": reply.wanted.output_tokens,
        "total_tokens": reply.total_tokens,
    }


def _chat(reply: Reply) -> Any:
    message = {"role": "assistant", "content": _text(reply), "refusal": None}
    return {
        "id": f"chatcmpl-{reply.request_id}", "object": "chat.completion", "created": reply.created_s,
        "model": reply.wanted.model,
        "choices": [
            {"index": index, "message": message, "logprobs": None, "finish_reason": "stop"}
            for index in range(reply.wanted.admission.n)
        ],
        "usage": _usage(reply),
    }  # fmt: skip


def _chat_frames(reply: Reply) -> Iterator[bytes]:
    def frame(choices: list[Any], **more: Any) -> bytes:
        return b"data: %b\n\n" % _dumps({**head, "choices": choices, **more})

    head = {
        "id": f"chatcmpl-{reply.request_id}", "object": "chat.completion.chunk", "created": reply.created_s,
        "model": reply.wanted.model,
    }  # fmt: skip
    none = {"usage": None} if reply.wanted.include_usage else {}
    choices = range(reply.wanted.admission.n)
    for index in choices:
        delta = {"role": "assistant", "content": ""}
        yield frame([{"index": index, "delta": delta, "finish_reason": None}], **none)
    for piece in _pieces(reply.wanted.output_tokens // reply.wanted.admission.n):
        for index in choices:
            yield frame([{"index": index, "delta": {"content": piece}, "finish_reason": None}], **none)
    for index in choices:
        yield frame([{"index": index, "delta": {}, "finish_reason": "stop"}], **none)
    if reply.wanted.include_usage:
        yield frame([], usage=_usage(reply))
    yield b"data: [DONE]\n\n"


def _completions(reply: Reply) -> Any:
    text = _text(reply)
    return {
        "id": f"cmpl-{reply.request_id}", "object": "text_completion", "created": reply.created_s,
        "model": reply.wanted.model,
        "choices": [
            {"index": index, "text": text, "logprobs": None, "finish_reason": "stop"}
            for index in range(reply.wanted.admission.n)
        ],
        "usage": _usage(reply),
    }  # fmt: skip


def _completions_frames(reply: Reply) -> Iterator[bytes]:
    head = {
        "id": f"cmpl-{reply.request_id}", "object": "text_completion", "created": reply.created_s,
        "model": reply.wanted.model,
    }  # fmt: skip
    pieces = _pieces(reply.wanted.output_tokens // reply.wanted.admission.n)
    for number, piece in enumerate(pieces, start=1):
        finish = "stop" if number == len(pieces) else None
        choices = [{"index": 0, "text": piece, "logprobs": None, "finish_reason": finish}]
        yield b"data: %b\n\n" % _dumps({**head, "choices": choices})
    if reply.wanted.include_usage:
        yield b"data: %b\n\n" % _dumps({**head, "choices": [], "usage": _usage(reply)})
    yield b"data: [DONE]\n\n"


def _embeddings(reply: Reply) -> Any:
    values = vector(reply.wanted.vector, reply.wanted.as_base64)
    return {
        "object": "list",
        "data": [{"object": "embedding", "index": index, "embedding": values} for index in range(reply.wanted.inputs)],
        "model": reply.wanted.model,
        "usage": {"prompt_tokens": reply.prompt_tokens, "total_tokens": reply.prompt_tokens},
    }


def _responses(reply: Reply, *, text: str | None = None, status: str = "completed") -> Any:
    done = status == "completed"
    return {
        "id": f"resp_{reply.request_id}", "object": "response", "created_at": reply.created_s, "status": status,
        "error": None, "incomplete_details": None, "instructions": None,
        "max_output_tokens": reply.wanted.admission.max_output_tokens, "model": reply.wanted.model,
        "output": [_responses_message(reply, _text(reply) if text is None else text)] if done else [],
        "parallel_tool_calls": True, "previous_response_id": None, "store": False, "temperature": 1.0,
        "text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": [], "top_p": 1.0,
        "truncation": "disabled", "metadata": {},
        "usage": {
            "input_tokens": reply.prompt_tokens, "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": reply.wanted.output_tokens, "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": reply.total_tokens,
        } if done else None,
    }  # fmt: skip


def _responses_message(reply: Reply, text: str | None) -> dict[str, Any]:
    """Return the output item; ``None`` for one that has only begun."""
    return {
        "type": "message", "id": f"msg_{reply.request_id}", "role": "assistant",
        "status": "in_progress" if text is None else "completed",
        "content": [] if text is None else [_responses_part(text)],
    }  # fmt: skip


def _responses_part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": []}


def _responses_frames(reply: Reply) -> Iterator[bytes]:
    number = 0

    def event(name: str, **fields: Any) -> bytes:
        nonlocal number
        document = {"type": name, "sequence_number": number, **fields}
        number += 1
        return b"event: %b\ndata: %b\n\n" % (name.encode(), _dumps(document))

    place = {"item_id": f"msg_{reply.request_id}", "output_index": 0, "content_index": 0}
    text = _text(reply)
    yield event("response.created", response=_responses(reply, status="in_progress"))
    yield event("response.in_progress", response=_responses(reply, status="in_progress"))
    yield event("response.output_item.added", output_index=0, item=_responses_message(reply, None))
    yield event("response.content_part.added", **place, part=_responses_part(""))
    for piece in _pieces(reply.wanted.output_tokens):
        yield event("response.output_text.delta", **place, delta=piece, logprobs=[])
    yield event("response.output_text.done", **place, text=text, logprobs=[])
    yield event("response.content_part.done", **place, part=_responses_part(text))
    yield event("response.output_item.done", output_index=0, item=_responses_message(reply, text))
    yield event("response.completed", response=_responses(reply, text=text))


def _messages(reply: Reply) -> Any:
    return {
        "id": f"msg_{reply.request_id}", "type": "message", "role": "assistant", "model": reply.wanted.model,
        "content": [{"type": "text", "text": _text(reply)}], "stop_reason": "end_turn", "stop_sequence": None,
        "usage": {
            "input_tokens": reply.prompt_tokens, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
            "output_tokens": reply.wanted.output_tokens,
        },
    }  # fmt: skip


def _messages_frames(reply: Reply) -> Iterator[bytes]:
    def event(name: str, **fields: Any) -> bytes:
        return b"event: %b\ndata: %b\n\n" % (name.encode(), _dumps({"type": name, **fields}))

    begun = {**_messages(reply), "content": [], "stop_reason": None}
    begun["usage"] = {**begun["usage"], "output_tokens": 1}
    yield event("message_start", message=begun)
    yield event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    yield event("ping")
    for piece in _pieces(reply.wanted.output_tokens):
        yield event("content_block_delta", index=0, delta={"type": "text_delta", "text": piece})
    yield event("content_block_stop", index=0)
    ending = {"stop_reason": "end_turn", "stop_sequence": None}
    yield event("message_delta", delta=ending, usage={"output_tokens": reply.wanted.output_tokens})
    yield event("message_stop")


def _google(reply: Reply, text: str | None = None, last: bool = True) -> Any:
    candidate: dict[str, Any] = {
        "content": {"parts": [{"text": _text(reply) if text is None else text}], "role": "model"}, "index": 0,
    }  # fmt: skip
    if last:
        candidate["finishReason"] = "STOP"
    return {
        "candidates": [candidate],
        "usageMetadata": {
            "promptTokenCount": reply.prompt_tokens, "candidatesTokenCount": reply.wanted.output_tokens,
            "totalTokenCount": reply.total_tokens,
        },
        "modelVersion": reply.wanted.model, "responseId": reply.request_id,
    }  # fmt: skip


def _google_frames(reply: Reply) -> Iterator[bytes]:
    pieces = _pieces(reply.wanted.output_tokens)
    for number, piece in enumerate(pieces, start=1):
        yield b"data: %b\n\n" % _dumps(_google(reply, piece, number == len(pieces)))


def _google_vectors(reply: Reply) -> Any:
    one = {"values": vector(reply.wanted.vector, as_base64=False)}
    return {"embedding": one} if reply.wanted.kind == "embedContent" else {"embeddings": [one] * reply.wanted.inputs}


def _google_count(reply: Reply) -> Any:
    details = [{"modality": "TEXT", "tokenCount": reply.prompt_tokens}]
    return {"totalTokens": reply.prompt_tokens, "promptTokensDetails": details}


_BODIES: dict[str, Callable[[Reply], Any]] = {
    "chat": _chat, "completions": _completions, "embeddings": _embeddings, "responses": _responses,
    "messages": _messages, "generateContent": _google, "embedContent": _google_vectors,
    "batchEmbedContents": _google_vectors, "countTokens": _google_count,
}  # fmt: skip
_FRAMES: dict[str, Callable[[Reply], Iterator[bytes]]] = {
    "chat": _chat_frames, "completions": _completions_frames, "responses": _responses_frames,
    "messages": _messages_frames, "generateContent": _google_frames,
}  # fmt: skip


def body(reply: Reply) -> bytes:
    """Return the whole answer as JSON."""
    wanted = reply.wanted
    # A list of embeddings may be megabytes: not to be remembered by the hundred. A model may be called like a mark.
    if wanted.kind in EMBEDDINGS or _ID in wanted.model or _CREATED in wanted.model:
        return _dumps(_BODIES[wanted.kind](reply))
    shape = _shape(wanted)
    return shape.replace(_ID.encode(), reply.request_id.encode()).replace(_CREATED.encode(), b"%d" % reply.created_s)


# Stand-ins of what differs from one answer to the next.
_ID, _CREATED = "00000000ratecheck00000000request0", "1000000000000001"


@lru_cache(maxsize=512)
def _shape(wanted: Inference) -> bytes:
    """Return the answer to ``wanted`` with marks in place of its id and its time: all else is the same each time."""
    return _dumps(_BODIES[wanted.kind](Reply(wanted, _ID, int(_CREATED))))


def frames(reply: Reply) -> Iterator[bytes]:
    """Yield the answer as server-sent events."""
    return _FRAMES[reply.wanted.kind](reply)


def models(names: tuple[str, ...], kind: str) -> bytes:
    """Return the list of models, as the kind of API words it."""
    if kind == "generateContent":
        return _dumps({"models": [{"name": f"models/{name}", "displayName": name} for name in names]})
    if kind == "messages":
        entries = [
            {"type": "model", "id": name, "display_name": name, "created_at": "2026-01-01T00:00:00Z"} for name in names
        ]
        return _dumps({"data": entries, "has_more": False, "first_id": names[0], "last_id": names[-1]})
    listed = [{"id": name, "object": "model", "created": 1_767_225_600, "owned_by": "ratecheck"} for name in names]
    return _dumps({"object": "list", "data": listed})
