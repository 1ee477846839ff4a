"""Sentences that servers write when they refuse, as rows; which file a row stands in says who wrote it.

``makers`` has OpenAI, Anthropic, Azure and Google, ``hosts`` every other service by name, ``chinese`` what is written
in Chinese, ``general`` what any server may write.
"""

from ratecheck.dialects.sentences.chinese import CHINESE
from ratecheck.dialects.sentences.general import GENERIC, SOMETHING_ELSE
from ratecheck.dialects.sentences.hosts import HOSTS
from ratecheck.dialects.sentences.makers import ANTHROPIC, AZURE, GOOGLE, OPENAI
from ratecheck.dialects.signs import Signs

# The first matching words are the provider's own: general ones come last.
SENTENCES = Signs((*OPENAI, *ANTHROPIC, *AZURE, *GOOGLE, *HOSTS, *CHINESE, *GENERIC, *SOMETHING_ELSE))

__all__ = ["SENTENCES"]
