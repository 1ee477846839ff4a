"""A pasted refusal in any wrapping -> what it says about a limit.

``decode_text`` takes any text (a body, a traceback, a log, a ``curl -i`` dump); ``finding_of`` one live answer;
``decode_stream`` a log of any size. Nothing here reads a clock or a file.
"""

from ratecheck.decode.paste import DecodeReport, decode_text, finding_of, merged
from ratecheck.decode.stream import decode_stream

__all__ = ["DecodeReport", "decode_stream", "decode_text", "finding_of", "merged"]
