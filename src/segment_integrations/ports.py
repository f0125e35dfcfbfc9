"""The ports for your own sink, transport or processor, and the facts a policy sees."""

from segment_integrations.core.gateways import from_environ, from_scope
from segment_integrations.core.message import Message
from segment_integrations.core.ports import (
    Answer,
    Batch,
    Deferral,
    Processor,
    Sink,
    Transport,
)
from segment_integrations.core.request import (
    RequestInfo,
    ResponseInfo,
    Routing,
)

__all__ = [
    "Answer",
    "Batch",
    "Deferral",
    "Message",
    "Processor",
    "RequestInfo",
    "ResponseInfo",
    "Routing",
    "Sink",
    "Transport",
    "from_environ",
    "from_scope",
]
