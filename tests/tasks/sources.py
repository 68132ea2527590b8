"""A split's charts as parsed resources."""

import json

from medenv.fhir import jsontext
from medenv.fhir.partial import Block

__all__ = ["parsed"]


def parsed(sources):
    """Yields what a store is built from as resources: objects, JSON texts, and blocks of filled forms."""
    for source in sources:
        if isinstance(source, Block):
            for form, blanks in source.filled:
                yield json.loads(form.template.text((form.values % blanks).split("\n"), None))
        else:
            yield json.loads(source if isinstance(source, str) else jsontext.compact(source))
