"""An emulated account in this process: what ``--demo`` probes. No socket, no key, and its time takes no time."""

from ratecheck import dialects, provider
from ratecheck.dialects.charging import Admission
from ratecheck.headers import PROMPT, Target
from ratecheck.model import Ask, Call, Exchange
from ratecheck.net.clock import utc_now

# About what a small model takes for one token of answer.
_LATENCY_NS = 350 * 1_000_000


class Demo:
    """Answers asks as an account of ``profile`` would. Raises ``UsageError`` for a profile that nobody knows."""

    def __init__(self, profile: str, model: str | None = None) -> None:
        account = provider.get(profile)
        # Its time starts at this second of the wall clock, so that dates in its headers are today's.
        epoch = utc_now().replace(microsecond=0)
        self._provider = provider.Provider(account, latency_ns=_LATENCY_NS, epoch=epoch)
        row = dialects.get(account.dialect) or dialects.COMPATIBLE
        kind = self._provider.voice.speaks
        self.target = Target(
            dialect=row,
            base_url=row.base_url or f"https://{account.dialect}.invalid",
            model=model or account.model,
            kind=kind,
            api_version=row.api_version,
            told_from=f"--demo {profile}",
            profile=account.source,
        )
        self._calls = 0

    def send(self, ask: Ask) -> Exchange:
        """Answer at ``ask.at_ns`` of the demo's own time."""
        self._calls += 1
        wanted = provider.Inference(
            self.target.kind,
            self.target.model,
            # The framing of one short chat message is 7 tokens beside its words.
            Admission(len(PROMPT) * ask.prompt_tokens, 1, 7 + ask.prompt_tokens, ask.max_output_tokens),
            ask.max_output_tokens or 1,
        )
        cost = self._provider.cost_of(wanted)
        call = Call(self._calls, self.target.model, cost, wanted.output_tokens, ask.at_ns)
        answer = self._provider.answer(call, ask.at_ns, key=f"demo-{ask.key}")
        return Exchange(None, 1, ask.at_ns, ask.at_ns + answer.service_ns, cost, answer, self.target.model)
