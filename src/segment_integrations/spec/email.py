"""
Segment's events of email campaigns.

The address goes in ``context.traits.email``; for what the reader did, the reader's
address and client go in ``context.ip`` and ``context.userAgent``.

Source: Segment, Spec, "Email".
"""

from __future__ import annotations

from segment_integrations.core.event import Event
from segment_integrations.spec.kinds import UNSET, Text

__all__ = [
    "EmailBounced",
    "EmailDelivered",
    "EmailLinkClicked",
    "EmailMarkedAsSpam",
    "EmailOpened",
    "Unsubscribed",
]


class _Email(Event):
    email_id: Text = UNSET
    email_subject: Text = UNSET
    campaign_id: Text = UNSET
    campaign_name: Text = UNSET


class EmailDelivered(_Email, name="Email Delivered"):
    """An email was accepted by the receiver's server."""


class EmailBounced(_Email, name="Email Bounced"):
    """An email was refused by the receiver's server."""


class EmailOpened(_Email, name="Email Opened"):
    """An email was opened."""


class EmailMarkedAsSpam(_Email, name="Email Marked as Spam"):
    """An email was reported as spam."""


class EmailLinkClicked(_Email, name="Email Link Clicked"):
    """A link in an email was clicked."""

    link_id: Text = UNSET
    link_url: Text = UNSET


class Unsubscribed(_Email, name="Unsubscribed"):
    """Somebody left a list of receivers."""

    list_id: Text = UNSET
    list_name: Text = UNSET
