"""What tool definitions and tool calls cost: nobody publishes it; these rules come from measured requests.

Definitions are counted as the TypeScript namespace that models are shown (found by hmarr/openai-chat-tokens and
pamelafox/openai-messages-token-helper): exact for most requests to 3.5, 4 and 4o in Chat Completions, an estimate
elsewhere. The constants per generation and endpoint were fitted to recorded requests; `tests/test_estimate_truth.py`
prints how far each is off.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ratecheck.model import Source

Count = Callable[[str], int]

# Added to the tokens of the namespace's text.
_NAMESPACE = 9
# A schema nested deeper than this is written on one line: text from outside must not exhaust the stack.
_DEEPEST = 20
# As many alternatives of one type are written out: nested unions grow with the power of their depth.
_WIDEST = 50


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that is offered; ``parameters`` is its JSON schema."""

    name: str
    description: str = ""
    parameters: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Schema:
    """What an answer must look like."""

    schema: Any
    description: str = ""
    name: str = ""
    strict: bool = False


@dataclass(frozen=True, slots=True)
class HiddenRow:
    """The system text that comes with tools on all models whose base name starts with ``prefix``."""

    prefix: str
    free: int
    """Tokens of it where the model may choose, or must not use a tool …"""
    forced: int
    """… and where it must."""
    source: Source


_CLAUDE = Source("https://platform.claude.com/docs/en/agents-and-tools/tool-use/overview", "2026-11")
_NEWER = Source(_CLAUDE.url, "2026-11", verified=False, note="the copy read ends at Claude 4.5")

HIDDEN = (
    HiddenRow("claude", 346, 313, _NEWER),
    HiddenRow("claude-3-5-haiku", 264, 340, _CLAUDE), HiddenRow("claude-haiku-3-5", 264, 340, _CLAUDE),
    HiddenRow("claude-3-opus", 530, 281, _CLAUDE),
    HiddenRow("claude-3-sonnet", 159, 235, _CLAUDE),
    HiddenRow("claude-3-haiku", 264, 340, _CLAUDE),
    *(HiddenRow(prefix, 346, 313, _CLAUDE)
      for prefix in ("claude-3-7-sonnet", "claude-opus-4", "claude-sonnet-4", "claude-haiku-4")),
    *(HiddenRow(f"claude-{kind}-4{sign}{minor}", 346, 313, _NEWER)
      for kind in ("opus", "sonnet", "haiku") for minor in ("6", "7", "8", "9") for sign in "-."),
)  # fmt: skip
_HIDDEN_BY_LENGTH = sorted(HIDDEN, key=lambda row: -len(row.prefix))


def hidden_row(base_name: str) -> HiddenRow | None:
    """Return what a model is told beside its tools' definitions; ``None`` where the rules below hold."""
    return next((row for row in _HIDDEN_BY_LENGTH if base_name.startswith(row.prefix)), None)


def hidden_tokens(row: HiddenRow, choice: Any) -> int:
    """Return the tokens of the hidden text under a ``tool_choice``."""
    wanted = choice.get("type") if isinstance(choice, Mapping) else choice
    return row.free if wanted in (None, "auto", "none") else row.forced


def as_json(tools: Sequence[Tool]) -> str:
    """Return the definitions as JSON: how models are shown them that are not shown TypeScript."""
    told = [{"name": tool.name, "description": tool.description, "parameters": tool.parameters} for tool in tools]
    return json.dumps(told, ensure_ascii=False)


def _enum(values: Sequence[Any]) -> str:
    return " | ".join(json.dumps(value, ensure_ascii=False) for value in values)


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes one tool's schema as TypeScript; ``root`` holds the definitions that references point to."""

    root: Mapping[str, Any]
    whole: bool
    """Responses shows titles and follows references; Chat Completions does not, and drops what inner objects say."""

    def resolve(self, schema: Any, depth: int) -> Any:
        """Follow a local reference (``#/$defs/Name``); a chain of them ends at the depth limit."""
        while isinstance(schema, Mapping) and isinstance(schema.get("$ref"), str) and self.whole and depth < _DEEPEST:
            target: Any = self.root
            for step in schema["$ref"].removeprefix("#/").split("/"):
                target = target.get(step) if isinstance(target, Mapping) else None
            schema, depth = target, depth + 1
        return schema

    def type(self, schema: Any, indent: int) -> str:
        schema = self.resolve(schema, 0)
        if not isinstance(schema, Mapping) or indent > 2 * _DEEPEST:
            return "any"
        values = schema.get("enum")
        if isinstance(values, list):
            return _enum(values)
        for choice in ("anyOf", "oneOf"):
            if isinstance(schema.get(choice), list):
                return " | ".join(self.type(each, indent + 1) for each in schema[choice][:_WIDEST])
        kind = schema.get("type")
        if isinstance(kind, list):
            return " | ".join(self.type({**schema, "type": each}, indent + 1) for each in kind[:_WIDEST])
        match kind:
            case "integer" | "number":
                return "number"
            case "array":
                return f"{self.type(schema['items'], indent + 1)}[]" if schema.get("items") else "any[]"
            case "object":
                return "\n".join(("{", self.properties(schema, indent + 2), "}"))
            case "string" | "boolean" | "null":
                return str(kind)
            case _:
                return "any"

    def properties(self, schema: Mapping[str, Any], indent: int) -> str:
        properties = schema.get("properties")
        required = schema.get("required")
        wanted = required if isinstance(required, list) else []
        lines: list[str] = []
        for name, each in properties.items() if isinstance(properties, Mapping) else ():
            if isinstance(each, Mapping) and (indent < 2 or self.whole):
                said = ("title", "description") if self.whole else ("description",)
                lines += [f"// {each[key]}" for key in said if each.get(key)]
            lines.append(f"{name}{'' if name in wanted else '?'}: {self.type(each, indent)},")
        return "\n".join(" " * indent + line for line in lines)


def _parameters(schema: Mapping[str, Any], whole: bool) -> str:
    properties = schema.get("properties")
    if not properties:
        return "()"
    written = _Writer(schema, whole).properties(schema, 0)
    described = isinstance(properties, Mapping) and any(
        isinstance(each, Mapping) and each.get("description") for each in properties.values()
    )
    if whole or described:
        return f"(_: {{\n{written}\n}})"
    # Where nothing is said of any of them, Chat Completions has them on one line: recorded requests to 4o and 3.5
    # are a token a tool shorter than lines of their own would make them.
    on_one_line = written.removesuffix(",").replace("\n", " ")
    return f"(_: {{ {on_one_line} }})"


def namespace(tools: Sequence[Tool], whole: bool = False) -> str:
    """Return the text in which models see ``tools``; ``whole``: as Responses shows them."""
    lines = ["namespace functions {", ""]
    for tool in tools:
        if tool.description:
            lines.append(f"// {tool.description}")
        lines += [f"type {tool.name} = {_parameters(tool.parameters or {}, whole)} => any;", ""]
    lines.append("} // namespace functions")
    return "\n".join(lines)


def tools_tokens(tools: Sequence[Tool], count: Count, *, endpoint: str, reasoning: bool, system: str | None) -> int:
    """Return about what offering ``tools`` adds to a request whose first system message says ``system``."""
    if not tools:
        return 0
    total = count(namespace(tools, whole=endpoint == "responses")) + _NAMESPACE
    if system is not None:
        # The definitions go into the system message: a message of their own is saved, a line break comes after it,
        # which is often one token with what stands before.
        total += count(system + "\n") - count(system) - 4
    if reasoning:
        total += 82 if endpoint == "chat" else 17
    return total


def choice_tokens(choice: Any, count: Count) -> int:
    """Return what ``tool_choice`` or the older ``function_call`` adds."""
    if choice == "none":
        return 1
    if isinstance(choice, Mapping):
        if "type" not in choice and isinstance(choice.get("name"), str):
            return 4 + count(choice["name"])  # `function_call`
        inner = choice.get("function")
        named = inner.get("name") if isinstance(inner, Mapping) else choice.get("name")
        if isinstance(named, str):
            return 7 + count(named)
    return 0


def _compact(arguments: str) -> str:
    """Return JSON without blanks between its parts, as models see it; any other text as it is."""
    try:
        return json.dumps(json.loads(arguments), ensure_ascii=False, separators=(",", ":"))
    except (ValueError, RecursionError):
        return arguments


def calls_tokens(calls: Sequence[tuple[str, str]], count: Count, *, endpoint: str, reasoning: bool) -> int:
    """Return about what an assistant message's calls (name, arguments as JSON text) and their results add to it."""
    if not calls:
        return 0
    # Fitted: a round of call and result costs 3 tokens more than the rule in Chat, 6 in Responses, 9 when reasoning.
    fixed = 9 if reasoning else 6 if endpoint == "responses" else 3
    if len(calls) == 1:
        name, arguments = calls[0]
        return 2 + fixed + 2 * count(name) + count(_compact(arguments))
    total = 18 + fixed
    for name, arguments in calls:
        total += 7 + count(name)
        try:
            parsed = json.loads(arguments)
        except (ValueError, RecursionError):
            parsed = None
        if isinstance(parsed, Mapping):
            for key, value in parsed.items():
                written = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
                total += 2 + count(str(key)) + count(written)
        else:
            total += count(arguments)
    return total


def schema_tokens(schema: Schema, count: Count) -> int:
    """Return about what a JSON schema for the answer adds: its compact text, with a heading where it is not strict.

    The heading is that of OpenAI's published message format. Strict schemas come without what the heading costs: of
    eight recorded ones none is off by more than six tokens, of two others none by more than eight.
    """
    text = json.dumps(schema.schema, ensure_ascii=False, separators=(",", ":"))
    if schema.strict:
        return count(text) + (count(schema.description) if schema.description else 0)
    described = f"// {schema.description}\n" if schema.description else ""
    return count(f"# Response Formats\n\n## {schema.name}\n\n{described}{text}")
