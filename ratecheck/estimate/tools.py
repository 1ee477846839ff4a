"""What tool definitions and tool calls cost: nobody publishes it; these rules come from measured requests.

Definitions are counted as the TypeScript namespace that models are shown (found by hmarr/openai-chat-tokens and
pamelafox/openai-messages-token-helper), each object by the same rule at every level. Of 88 recorded requests with
definitions alone 82 come out exact, the rest within 9 tokens; of 63 with calls 50, within 4.
`tests/test_estimate_truth.py` prints how far each is off.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ratecheck.model import Source

Count = Callable[[str], int]

# Added to the tokens of the namespace's text: in Chat Completions and for the Responses of models that reason; for the
# Responses of 4o and 4.1; and once more in Chat for models that reason.
_NAMESPACE = 9
_NAMESPACE_RESPONSES = 3
_REASONING = 82
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
    legacy: bool = False
    """Given as one of ``functions``, the parameter before ``tools``."""


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
class Style:
    """How a schema is written as TypeScript; told apart by what recorded requests cost."""

    said: tuple[str, ...] = ("description",)
    """What is said of each property, as comments before it …"""
    own: tuple[str, ...] = ()
    """… and of each object, before its brace."""
    defaults: bool = True
    """A property's default is a comment too."""
    references: bool = False
    """Definitions that a schema refers to are written out."""
    one_line: bool = False
    """An object of whose properties nothing is said stands on one line."""
    indent: int = 0
    """Blanks by which what lies inside a property stands back …"""
    inside: bool = True
    """… and whether anything is said of it."""
    trimmed: bool = False
    """White space at the end of a comment is cut off."""

    def comment(self, said: Any) -> str:
        """Return a comment without its line break."""
        written = f"// {said}"
        return written.rstrip() if self.trimmed else written


# `functions`, the parameter of 2023: as hmarr's tests found it, all 36 of which asserted the API's figure.
LEGACY = Style(defaults=False, indent=2, inside=False)
# `tools`: pamelafox's nested tools of 2024 fit only this way. The same at every level.
CHAT = Style(one_line=True)
# The Responses API shows all that a schema says, on 4o and 4.1 as on the models that reason.
RESPONSES = Style(said=("title", "description"), own=("title", "description"), references=True, trimmed=True)


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes one tool's schema as TypeScript; ``root`` holds the definitions that references point to."""

    root: Mapping[str, Any]
    style: Style

    def resolve(self, schema: Any, depth: int) -> Any:
        """Follow a local reference (``#/$defs/Name``); a chain of them ends at the depth limit."""
        follow = self.style.references
        while follow and isinstance(schema, Mapping) and isinstance(schema.get("$ref"), str) and depth < _DEEPEST:
            target: Any = self.root
            for step in schema["$ref"].removeprefix("#/").split("/"):
                target = target.get(step) if isinstance(target, Mapping) else None
            schema, depth = target, depth + 1
        return schema

    def type(self, schema: Any, depth: int) -> str:
        """Return the type of a value that lies ``depth`` levels deep."""
        schema = self.resolve(schema, 0)
        if not isinstance(schema, Mapping) or depth > _DEEPEST:
            return "any"
        values = schema.get("enum")
        if isinstance(values, list):
            return _enum(values)
        for choice in ("anyOf", "oneOf"):
            if isinstance(schema.get(choice), list):
                return " | ".join(self.type(each, depth + 1) for each in schema[choice][:_WIDEST])
        kind = schema.get("type")
        if isinstance(kind, list):
            return " | ".join(self.type({**schema, "type": each}, depth + 1) for each in kind[:_WIDEST])
        match kind:
            case "integer" | "number":
                return "number"
            case "array":
                return f"{self.type(schema['items'], depth + 1)}[]" if schema.get("items") else "any[]"
            case "object":
                return self.object(schema, depth + 1)
            case "string" | "boolean" | "null":
                return str(kind)
            case _:
                return "any"

    def object(self, schema: Mapping[str, Any], depth: int) -> str:
        """Return an object's type, with what is said of it."""
        properties = schema.get("properties")
        named = properties if isinstance(properties, Mapping) else {}
        head = "".join(f"{self.style.comment(schema[key])}\n" for key in self.style.own if schema.get(key))
        if not named:
            return f"{head}{{}}"
        required = schema.get("required")
        wanted = required if isinstance(required, list) else []
        fields = [f"{name}{'' if name in wanted else '?'}: {self.type(each, depth)}," for name, each in named.items()]
        said = [self.comments(each) if depth == 0 or self.style.inside else [] for each in named.values()]
        if self.style.one_line and not any(said):
            return f"{head}{{ {' '.join(fields).removesuffix(',')} }}"
        lines: list[str] = []
        for field, comments, each in zip(fields, said, named.values(), strict=True):
            lines += comments
            if self.style.defaults and isinstance(each, Mapping) and "default" in each:
                default = each["default"]
                told = default if isinstance(default, str) else json.dumps(default, ensure_ascii=False)
                lines.append(self.style.comment(f"default: {told}"))
            lines.append(field)
        blanks = " " * self.style.indent * depth
        return "\n".join((f"{head}{{", *(blanks + line for line in lines), "}"))

    def comments(self, schema: Any) -> list[str]:
        """Return what is said of a property."""
        if not isinstance(schema, Mapping):
            return []
        return [self.style.comment(schema[key]) for key in self.style.said if schema.get(key)]


def namespace(tools: Sequence[Tool], style: Style = CHAT) -> str:
    """Return the text in which models see ``tools``; those given as ``functions`` always in the older style."""
    lines = ["namespace functions {", ""]
    for tool in tools:
        if tool.description:
            lines.append(style.comment(tool.description))
        schema = tool.parameters or {}
        written = _Writer(schema, LEGACY if tool.legacy else style).object(schema, 0)
        parameters = f"(_: {written})" if schema.get("properties") else "()"
        lines += [f"type {tool.name} = {parameters} => any;", ""]
    lines.append("} // namespace functions")
    return "\n".join(lines)


def tools_tokens(tools: Sequence[Tool], count: Count, *, endpoint: str, reasoning: bool, system: str | None) -> int:
    """Return about what offering ``tools`` adds to a request that begins with a system message saying ``system``."""
    if not tools:
        return 0
    if endpoint == "responses":
        return count(namespace(tools, RESPONSES)) + (_NAMESPACE if reasoning else _NAMESPACE_RESPONSES)
    total = count(namespace(tools)) + _NAMESPACE
    if system is not None:
        # The definitions go into the system message: a message of their own is saved, a line break comes after it,
        # which is often one token with what stands before.
        total += count(system + "\n") - count(system) - 4
    return total + (_REASONING if reasoning else 0)


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


def calls_tokens(
    calls: Sequence[tuple[str, str]], count: Count, *, endpoint: str, reasoning: bool, legacy: bool = False
) -> int:
    """Return about what an assistant message's calls (name, arguments as JSON text) and their results add to it."""
    if not calls:
        return 0
    if legacy:  # as hmarr's tests found it for `function_call`
        return 3 + count(calls[0][0]) + count(calls[0][1])
    # Fitted: a round of call and result costs 3 tokens more than the rule in Chat, 4 in Responses, 9 when reasoning.
    fixed = 9 if reasoning else 4 if endpoint == "responses" else 3
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
