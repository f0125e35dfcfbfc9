"""
Segment's events for B2B SaaS; the account goes in ``context.groupId``.

Inside a request it is there after ``group(...)``; elsewhere ``bind(group_id=...)``
gives it.

Source: Segment, Spec, "B2B SaaS".
"""

from __future__ import annotations

from typing import Literal

from msgspec import UnsetType

from segment_integrations.core.event import Event
from segment_integrations.spec.kinds import UNSET, Moment, Text

__all__ = [
    "AccountAddedUser",
    "AccountCreated",
    "AccountDeleted",
    "AccountRemovedUser",
    "InviteSent",
    "SignedIn",
    "SignedOut",
    "SignedUp",
    "TrialEnded",
    "TrialStarted",
]


class AccountCreated(Event, name="Account Created"):
    """An account was opened."""

    account_name: Text = UNSET


class AccountDeleted(Event, name="Account Deleted"):
    """An account was closed."""

    account_name: Text = UNSET


class SignedUp(Event, name="Signed Up"):
    """Somebody became a user of an account."""

    type: Literal["invited", "organic"] | UnsetType = UNSET
    first_name: Text = UNSET
    last_name: Text = UNSET
    email: Text = UNSET
    phone: Text = UNSET
    username: Text = UNSET
    title: Text = UNSET


class SignedIn(Event, name="Signed In"):
    """A user signed in."""

    username: Text = UNSET


class SignedOut(Event, name="Signed Out"):
    """A user signed out."""

    username: Text = UNSET


class InviteSent(Event, name="Invite Sent"):
    """A user invited somebody to the account."""

    invitee_email: Text = UNSET
    invitee_first_name: Text = UNSET
    invitee_last_name: Text = UNSET
    invitee_role: Text = UNSET


class AccountAddedUser(Event, name="Account Added User"):
    """A user was added to an account."""

    role: Text = UNSET


class AccountRemovedUser(Event, name="Account Removed User"):
    """A user was removed from an account."""


class _Trial(Event):
    trial_start_date: Moment = UNSET
    trial_end_date: Moment = UNSET
    trial_plan_name: Text = UNSET


class TrialStarted(_Trial, name="Trial Started"):
    """An account began its trial."""


class TrialEnded(_Trial, name="Trial Ended"):
    """An account's trial is over."""
