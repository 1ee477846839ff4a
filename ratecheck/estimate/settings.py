"""What the command line says of prompts."""

from dataclasses import dataclass

from ratecheck.estimate.models import DEFAULT_MODEL, Model, resolve


@dataclass(frozen=True, slots=True)
class Settings:
    """What the command line says over what the requests say; ``None``: nothing."""

    model: str | None = None
    max_output_tokens: int | None = None
    n: int | None = None
    provider: str | None = None
    charging: str | None = None
    on: str | None = None
    """ISO date whose rules are taken; ``None`` for today's."""
    default_model: str = DEFAULT_MODEL
    """Where neither ``model`` nor a request names one."""

    def model_for(self, named: str | None = None) -> Model:
        """Return the model of a request that names ``named``, and of a text."""
        return resolve(self.model or named or self.default_model)
