"""
Segment's events of live chats.

Source: Segment, Spec, "Live Chat".
"""

from __future__ import annotations

from segment_integrations.core.event import Event
from segment_integrations.spec.kinds import UNSET, Number, Text

__all__ = [
    "LiveChatConversationEnded",
    "LiveChatConversationStarted",
    "LiveChatMessageReceived",
    "LiveChatMessageSent",
]


class _Chat(Event):
    agent_id: Text = UNSET
    agent_name: Text = UNSET
    agent_username: Text = UNSET
    conversation_id: Text = UNSET
    conversation_duration: Number = UNSET
    message_id: Text = UNSET


class LiveChatConversationStarted(_Chat, name="Live Chat Conversation Started"):
    """A conversation began."""


class LiveChatConversationEnded(_Chat, name="Live Chat Conversation Ended"):
    """A conversation is over; `conversation_duration` is in seconds."""


class LiveChatMessageSent(_Chat, name="Live Chat Message Sent"):
    """The user sent a message."""


class LiveChatMessageReceived(_Chat, name="Live Chat Message Received"):
    """The user received a message."""
