"""
Segment's lifecycle events of mobile applications.

Source: Segment, Spec, "Native Mobile".
"""

from __future__ import annotations

from msgspec import Struct, UnsetType

from segment_integrations.core.event import Event
from segment_integrations.spec.kinds import UNSET, Build, Flag, Text

__all__ = [
    "ApplicationBackgrounded",
    "ApplicationCrashed",
    "ApplicationForegrounded",
    "ApplicationInstalled",
    "ApplicationOpened",
    "ApplicationUninstalled",
    "ApplicationUpdated",
    "DeepLinkClicked",
    "DeepLinkOpened",
    "InstallAttributed",
    "InstallCampaign",
    "PushCampaign",
    "PushNotificationBounced",
    "PushNotificationReceived",
    "PushNotificationTapped",
]


class PushCampaign(Struct, kw_only=True):
    """The campaign of a push notification."""

    name: Text = UNSET
    medium: Text = UNSET
    content: Text = UNSET
    source: Text = UNSET


class InstallCampaign(Struct, kw_only=True):
    """The campaign that led to an installation."""

    source: Text = UNSET
    name: Text = UNSET
    medium: Text = UNSET
    content: Text = UNSET
    ad_creative: Text = UNSET
    ad_group: Text = UNSET


class ApplicationInstalled(Event, name="Application Installed"):
    """The application was opened for the first time after its installation."""

    version: Text = UNSET
    build: Build = UNSET


class ApplicationOpened(Event, name="Application Opened"):
    """The application was started or brought to the front."""

    from_background: Flag = UNSET
    url: Text = UNSET
    referring_application: Text = UNSET
    version: Text = UNSET
    build: Build = UNSET


class ApplicationBackgrounded(Event, name="Application Backgrounded"):
    """The application went to the background."""


class ApplicationForegrounded(Event, name="Application Foregrounded"):
    """The application came back to the front."""


class ApplicationUninstalled(Event, name="Application Uninstalled"):
    """The application was removed; told by a server, for the device can't."""


class ApplicationCrashed(Event, name="Application Crashed"):
    """The application crashed."""


class ApplicationUpdated(Event, name="Application Updated"):
    """The application was opened for the first time in a newer version."""

    previous_version: Text = UNSET
    previous_build: Build = UNSET
    version: Text = UNSET
    build: Build = UNSET


class InstallAttributed(Event, name="Install Attributed"):
    """An installation was attributed to a campaign."""

    provider: Text = UNSET
    campaign: InstallCampaign | UnsetType = UNSET


class PushNotificationReceived(Event, name="Push Notification Received"):
    """A push notification reached the device."""

    campaign: PushCampaign | UnsetType = UNSET


class _PushAnswered(Event):
    action: Text = UNSET
    campaign: PushCampaign | UnsetType = UNSET


class PushNotificationTapped(_PushAnswered, name="Push Notification Tapped"):
    """A push notification was tapped; `action` is "Open" where nothing else is said."""


class PushNotificationBounced(_PushAnswered, name="Push Notification Bounced"):
    """A push notification did not reach the device."""


class _DeepLink(Event):
    provider: Text = UNSET
    url: Text = UNSET


class DeepLinkOpened(_DeepLink, name="Deep Link Opened"):
    """The application was opened by a deep link."""


class DeepLinkClicked(_DeepLink, name="Deep Link Clicked"):
    """A deep link was clicked."""
