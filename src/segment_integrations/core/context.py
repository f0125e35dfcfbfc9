"""Builds the spec's `context` object and a page call's properties from a request."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from segment_integrations.core import addresses, privacy

if TYPE_CHECKING:
    from collections.abc import Callable

    from segment_integrations.core.request import RequestInfo, Routing
    from segment_integrations.core.settings import Settings

_BRANDS_MAX: Final = 10
_SLASH = re.compile("%2f", re.IGNORECASE)


def address(info: RequestInfo, settings: Settings) -> str | None:
    """The client's address under the `ip` and `trusted_proxies` settings."""
    if settings.ip == "drop":
        return None
    proxies = settings.trusted_proxies
    hops: list[str] = []
    if proxies.count or proxies.networks:
        headers = info.headers
        hops = addresses.forwarded_hops(
            headers.get("x-forwarded-for"), headers.get("forwarded")
        )
    client = proxies.client(info.client, hops)
    if client and settings.ip == "truncate":
        return addresses.truncated(client)
    return client


def page(
    info: RequestInfo,
    routing: Routing,
    settings: Settings,
    resolve: Callable[[str], Routing | None] | None = None,
) -> dict[str, str]:
    """
    The spec's `context.page`: path, referrer, search and url, cleaned.

    Args:
        info: The request.
        routing: Where it was routed; names the path parameters to mask.
        settings: The privacy settings.
        resolve: Routes a path of this site as the framework would, so that secrets
            are masked in a referrer of this site too.
    """
    # Each page call comes by: what nearly all paths are is seen by calls of C's.
    path = info.path
    params = routing.params
    masks = settings.redact_path_params
    if params and privacy.secrets(tuple(params), masks):
        # Before the cut, which would leave the beginning of a long secret.
        path = privacy.masked(path, params, masks, routing.template)
    if len(path) > privacy.URL_MAX_CHARS or not (path.isascii() and path.isprintable()):
        path = privacy.clean(path, privacy.URL_MAX_CHARS)
    query = info.query_string
    search = privacy.search(query, settings.search_params) if query else ""
    origin = info.origin()
    plain = path if privacy.PLAIN_PATH.fullmatch(path) else privacy.quoted(path)
    referrer = (info.taken or info.take()).referer
    return {
        "path": path,
        "referrer": referrer and _referrer(referrer, origin, settings, resolve),
        "search": search,
        "url": origin + plain + search,
    }


def _referrer(
    given: str,
    own: str,
    settings: Settings,
    resolve: Callable[[str], Routing | None] | None,
) -> str:
    """The ``Referer``, by the rules of the page's own address."""
    parts = privacy.split_url(given)
    if parts is None:
        return ""
    origin, path, query = parts
    # Another scheme is the same site.
    if resolve is not None and origin.partition("://")[2] == own.partition("://")[2]:
        if not query and len(given) > privacy.URL_MAX_CHARS:
            return f"{origin}/{privacy.MASK}"  # cut, so that no route has such a path
        masks = settings.redact_path_params
        # Some routers take a quoted slash for one that parts, others for a letter.
        for plain in dict.fromkeys((unquote(path), unquote(_SLASH.sub("%252F", path)))):
            routing = resolve(plain)
            if routing is not None and routing.params:
                params = {
                    name: value
                    if not isinstance(value, str) or value in plain
                    else value.replace("/", "%2F")
                    for name, value in routing.params.items()
                }
                masked = privacy.masked(plain, params, masks, routing.template)
                path = path if masked == plain else privacy.quoted(masked)
                break
    search = privacy.search(query, settings.search_params) if query else ""
    return origin + path + search


def request_context(
    info: RequestInfo,
    page_facts: dict[str, str],
    settings: Settings,
) -> dict[str, Any]:
    """The part of the spec's `context` that one request's events share."""
    fields = info.taken or info.take()
    context: dict[str, Any] = {"page": page_facts}
    proxies = settings.trusted_proxies
    if settings.ip == "full" and not proxies.count and not proxies.networks:
        client = addresses.canonical(info.client)  # the default, in a call less
    else:
        client = address(info, settings)
    if client:
        context["ip"] = client
    agent = fields.user_agent
    if agent:
        context["userAgent"] = privacy.text(agent[: privacy.TEXT_MAX_CHARS])
    hints = fields.sec_ch_ua
    if hints:
        context["userAgentData"] = user_agent_data(
            hints[: privacy.TEXT_MAX_CHARS],
            fields.sec_ch_ua_mobile,
            fields.sec_ch_ua_platform[: privacy.TEXT_MAX_CHARS],
        )
    language = fields.accept_language
    if language and (tag := privacy.locale(language)):
        context["locale"] = tag
    query = info.query_string
    if query and (campaign := privacy.campaign(query)):
        context["campaign"] = campaign
    referrer = page_facts["referrer"]
    if referrer:
        # Up to the path: scheme and host, of which another scheme is the same site.
        site = referrer.split("/", 3)[2]
        if page_facts["url"].split("/", 3)[2:3] != [site]:
            context["referrer"] = {"url": referrer}
    return context


@lru_cache(maxsize=256)
def _user_agent_data(
    brands: str, mobile: str, platform: str
) -> tuple[tuple[tuple[str, str], ...], bool, str]:
    pairs = []
    # "Chromium";v="130", "Not?A_Brand";v="99": a name may hold a comma, but no quote.
    for quoted, version in zip(
        brands.split('"')[1::4], brands.split('"')[3::4], strict=False
    ):
        pairs.append((privacy.clean(quoted), privacy.clean(version)))
    return (
        tuple(pairs[:_BRANDS_MAX]),
        mobile == "?1",
        privacy.clean(platform).strip('"'),
    )


def user_agent_data(brands: str, mobile: str, platform: str) -> dict[str, Any]:
    """
    `context.userAgentData` out of the client hints that browsers send by default.

    Source: segment-spec 2.3; ``Sec-CH-UA``, ``-Mobile`` and ``-Platform``.
    """
    pairs, is_mobile, system = _user_agent_data(brands, mobile, platform)
    return {
        "brands": [{"brand": brand, "version": version} for brand, version in pairs],
        "mobile": is_mobile,
        "platform": system,
    }
