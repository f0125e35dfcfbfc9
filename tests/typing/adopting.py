"""What a type checker sees of `Client`, `adopt` and `hold_events`."""

from contextlib import ExitStack
from typing import Any, assert_type

from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlalchemy.orm import Session, sessionmaker

from segment_integrations import Analytics
from segment_integrations.analytics_python import Client, adopt
from segment_integrations.sqlalchemy import hold_events

client = Client("a-key", upload_size=10, spool="off")
assert_type(client.track("u", "E", {"a": 1}), tuple[bool, dict[str, Any]])
assert_type(client.alias("old", "u"), tuple[bool, dict[str, Any]])
assert_type(client.analytics, Analytics | None)

assert_type(adopt(), ExitStack)
adopt(Analytics("a-key")).close()
adopt("a-key")  # type: ignore[arg-type]

with hold_events(sessionmaker()):
    hold_events(async_sessionmaker())
    hold_events(Session)
