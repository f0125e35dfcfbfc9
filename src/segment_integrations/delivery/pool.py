"""Which way requests go: through which proxy, and whose certificates are trusted."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3

from segment_integrations.delivery.connection import Deadline, timed, tls_context
from segment_integrations.errors import ConfigurationError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

# urllib3 encodes host names with it, and Python would import it on the worker: a fork
# in that moment leaves the child with an import lock that nobody holds any more.
codecs.lookup("idna")


def http_url(url: str, setting: str) -> str:
    """
    Return *url* if it is an http(s) URL with a host.

    Raises:
        ConfigurationError: It is not; names *setting*, never the URL.
    """
    try:
        parts = urlsplit(url)
        valid = parts.scheme in {"http", "https"} and bool(parts.hostname)
        _ = parts.port
    except ValueError:  # brackets that do not match, a port that is no number
        valid = False
    if not valid:
        raise ConfigurationError(
            f"{setting} must be a URL that begins with http:// or https://",
            setting=setting,
        )
    return url


def proxy_of_environment(host: str) -> str | None:
    """
    Give the proxy that the environment names for *host*, as curl and urllib read it.

    Raises:
        ConfigurationError: It is of another kind than http(s).
    """
    parts = urlsplit(host)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    return http_url(proxy if "://" in proxy else f"http://{proxy}", "proxy")


def target_of(url: str, proxy: str | None) -> str:
    """Give the request line's target: all of *url* where *proxy* has to read it."""
    forwarded = proxy is not None and url.startswith("http://")
    return url if forwarded else urlsplit(url).path


def make_pool(
    url: str,
    proxy: str | None,
    ca_bundle: str | None,
    deadline: Deadline,
    connecting: Callable[[], None],
) -> urllib3.HTTPConnectionPool:
    """
    Make a pool of one kept connection to *url*'s host.

    Args:
        url: Where requests go, http or https.
        proxy: Proxy URL, user and password included. None: go there directly.
        ca_bundle: Path of the certificates to trust, for the proxy too. None: the
            system's. Read once, here.
        deadline: What each request keeps to.
        connecting: Called when a socket is about to be opened.

    Raises:
        OSError: *ca_bundle* cannot be read, or is no file of certificates.
    """
    secure = any((one or "").startswith("https:") for one in (url, proxy))
    context = tls_context(ca_bundle, deadline) if secure else None
    manager = _manager(proxy, context)
    pool = manager.connection_from_url(url)
    pool.ConnectionCls = timed(pool.ConnectionCls, deadline, connecting)
    return pool


def _manager(proxy: str | None, context: ssl.SSLContext | None) -> urllib3.PoolManager:
    """A manager for one kept connection."""
    if proxy is None:
        return urllib3.PoolManager(1, maxsize=1, retries=False, ssl_context=context)
    parts = urlsplit(proxy)
    headers = None
    if parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers = urllib3.make_headers(proxy_basic_auth=login)
    return urllib3.ProxyManager(
        parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl(),
        1,
        proxy_headers=headers,
        maxsize=1,
        retries=False,
        ssl_context=context,
        proxy_ssl_context=context,
    )
