"""
Segment's video events: the playback, content, ads and quality.

Positions and lengths are in whole seconds, bit rates in kbps, `sound` goes from 0 to
100.

Source: Segment, Spec, "Video".
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta, Struct, UnsetType, field

from segment_integrations.core.event import Event
from segment_integrations.spec.kinds import UNSET, Flag, Number, Text, Texts, Whole

__all__ = [
    "VideoAdCompleted",
    "VideoAdPlaying",
    "VideoAdStarted",
    "VideoContent",
    "VideoContentCompleted",
    "VideoContentPlaying",
    "VideoContentStarted",
    "VideoPlaybackBufferCompleted",
    "VideoPlaybackBufferStarted",
    "VideoPlaybackCompleted",
    "VideoPlaybackExited",
    "VideoPlaybackInterrupted",
    "VideoPlaybackPaused",
    "VideoPlaybackResumed",
    "VideoPlaybackSeekCompleted",
    "VideoPlaybackSeekStarted",
    "VideoPlaybackStarted",
    "VideoQualityUpdated",
]

Roll = Literal["pre-roll", "mid-roll", "post-roll"]


class _Playback(Event):
    session_id: str
    content_asset_id: str | list[str] | UnsetType = UNSET
    content_asset_ids: Texts = UNSET
    content_pod_id: str | list[str] | UnsetType = UNSET
    content_pod_ids: Texts = UNSET
    ad_asset_id: str | list[str] | UnsetType = UNSET
    ad_pod_id: str | list[str] | UnsetType = UNSET
    ad_type: Roll | list[Roll] | UnsetType = UNSET
    position: Whole = UNSET
    total_length: Whole = UNSET
    bitrate: Number = UNSET
    framerate: Number = UNSET
    video_player: Text = UNSET
    sound: Annotated[float, Meta(ge=0, le=100)] | UnsetType = UNSET
    full_screen: Flag = UNSET
    ad_enabled: Flag = UNSET
    quality: Text = UNSET
    livestream: Flag = UNSET
    method: Text = UNSET


class VideoPlaybackStarted(_Playback, name="Video Playback Started"):
    """A user pressed play."""


class VideoPlaybackPaused(_Playback, name="Video Playback Paused"):
    """A user paused the playback."""


class VideoPlaybackInterrupted(_Playback, name="Video Playback Interrupted"):
    """The playback stopped against the user's will; `method` says by what."""


class VideoPlaybackBufferStarted(_Playback, name="Video Playback Buffer Started"):
    """The playback waits for data."""


class VideoPlaybackBufferCompleted(_Playback, name="Video Playback Buffer Completed"):
    """The playback has its data and goes on."""


class VideoPlaybackSeekStarted(_Playback, name="Video Playback Seek Started"):
    """A user began to look for another position; `position` is the one before."""


class VideoPlaybackSeekCompleted(_Playback, name="Video Playback Seek Completed"):
    """A user found another position."""


class VideoPlaybackResumed(_Playback, name="Video Playback Resumed"):
    """A user went on after a pause."""


class VideoPlaybackCompleted(_Playback, name="Video Playback Completed"):
    """The playback came to its end."""


class VideoPlaybackExited(_Playback, name="Video Playback Exited"):
    """A user left the playback before its end."""


class VideoContent(Struct, kw_only=True):
    """The content that an ad interrupts."""

    session_id: Text = UNSET
    asset_id: Text = UNSET
    pod_id: Text = UNSET
    title: Text = UNSET
    description: Text = UNSET
    keywords: Texts = UNSET
    season: Text = UNSET
    episode: Text = UNSET
    genre: Text = UNSET
    program: Text = UNSET
    publisher: Text = UNSET
    position: Whole = UNSET
    total_length: Whole = UNSET
    channel: Text = UNSET
    full_episode: Flag = UNSET
    livestream: Flag = UNSET
    airdate: date | UnsetType = UNSET
    bitrate: Number = UNSET
    framerate: Number = UNSET


class _Content(Event):
    session_id: Text = UNSET
    asset_id: Text = UNSET
    pod_id: Text = UNSET
    title: Text = UNSET
    description: Text = UNSET
    keywords: Texts = UNSET
    season: Text = UNSET
    episode: Text = UNSET
    genre: Text = UNSET
    program: Text = UNSET
    publisher: Text = UNSET
    position: Whole = UNSET
    total_length: Whole = UNSET
    channel: Text = UNSET
    full_episode: Flag = UNSET
    livestream: Flag = UNSET
    airdate: date | UnsetType = UNSET
    bitrate: Number = UNSET
    framerate: Number = UNSET


class VideoContentStarted(_Content, name="Video Content Started"):
    """A piece of content began to play."""


class VideoContentPlaying(_Content, name="Video Content Playing"):
    """A piece of content is playing; sent again every few seconds."""


class VideoContentCompleted(_Content, name="Video Content Completed"):
    """A piece of content came to its end."""


class _Ad(Event):
    session_id: Text = UNSET
    asset_id: Text = UNSET
    pod_id: Text = UNSET
    pod_position: Whole = UNSET
    pod_length: Whole = UNSET
    type: Roll | UnsetType = UNSET
    title: Text = UNSET
    publisher: Text = UNSET
    position: Whole = UNSET
    total_length: Whole = UNSET
    load_type: Literal["linear", "dynamic"] | UnsetType = UNSET
    content: VideoContent | UnsetType = UNSET
    quartile: Literal[1, 2, 3, 4] | UnsetType = UNSET


class VideoAdStarted(_Ad, name="Video Ad Started"):
    """An ad began to play."""


class VideoAdPlaying(_Ad, name="Video Ad Playing"):
    """An ad is playing; sent again every few seconds, or at each quartile."""


class VideoAdCompleted(_Ad, name="Video Ad Completed"):
    """An ad came to its end."""


class VideoQualityUpdated(Event, name="Video Quality Updated"):
    """The quality of the playback changed."""

    bitrate: Number = UNSET
    framerate: Number = UNSET
    startup_time: Number = field(default=UNSET, name="startupTime")
    dropped_frames: Whole = field(default=UNSET, name="droppedFrames")
