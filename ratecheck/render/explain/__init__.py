"""The reference as text and as JSON."""

from ratecheck.render.explain.document import document
from ratecheck.render.explain.pages import pages

__all__ = ["document", "pages"]
