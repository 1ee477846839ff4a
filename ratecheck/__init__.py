"""ratecheck: find out why an LLM API answers 429."""

__version__ = "0.1.0"
