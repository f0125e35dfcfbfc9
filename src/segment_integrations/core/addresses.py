"""Who the client is, by what trusted proxies say, and in what form that is sent."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from segment_integrations.core.privacy import URL_MAX_CHARS

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Proxies:
    """
    Which hops in front of the application are trusted to name the client.

    Args:
        count: How many proxies append to ``X-Forwarded-For``; 0 trusts no header.
        networks: Or: the networks whose addresses are proxies.
    """

    count: int = 0
    networks: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, value: object) -> Proxies:
        """A count, or a list of addresses and networks (or one text with commas)."""
        if isinstance(value, Proxies):
            return value
        if isinstance(value, str):
            parts = [part.strip() for part in value.split(",") if part.strip()]
            value = int(parts[0]) if parts and parts[0].isdecimal() else parts
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return cls(count=value)
        if isinstance(value, Iterable):
            try:
                networks = tuple(
                    ipaddress.ip_network(str(one), strict=False) for one in value
                )
            except ValueError:
                networks = ()
            if networks:
                return cls(networks=networks)
        raise ValueError(
            "must be the number of proxies in front of the application, or a list of"
            f" their addresses and networks, got {type(value).__name__}"
        )

    def client(self, peer: str | None, forwarded: Iterable[str]) -> str | None:
        """
        The client's address.

        Args:
            peer: The address of the direct peer; None on a Unix socket, which only a
                proxy on the same machine can reach.
            forwarded: The hops that the header names, the client's claim first.

        Returns:
            The first hop from the right that is not trusted, else the peer.
        """
        if not self.count and not self.networks:
            return canonical(peer)
        direct = _address(peer)
        if self.networks and direct is not None and not self._trusts(direct):
            return str(direct)
        client = direct
        # The header's last hop was written by the direct peer, and so on leftwards.
        for index, hop in enumerate(reversed(list(forwarded)), start=1):
            address = _address(hop)
            if address is None:
                break
            client = address
            if index >= self.count if self.count else not self._trusts(address):
                break
        return str(client) if client else None

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self.networks)


def forwarded_hops(x_forwarded_for: str | None, forwarded: str | None) -> list[str]:
    """
    The hops of ``X-Forwarded-For``, else those of the ``for=`` pairs of ``Forwarded``.

    The first wins where both are there: most proxies write only that one and pass the
    other on as the client sent it.
    """
    if x_forwarded_for:
        # The end is what the proxies wrote; a client can make the start long.
        return [hop.strip() for hop in x_forwarded_for[-URL_MAX_CHARS:].split(",")]
    hops = []
    for element in (forwarded or "")[-URL_MAX_CHARS:].split(","):
        for pair in element.split(";"):
            name, _, value = pair.strip().partition("=")
            if name.lower() == "for":
                hops.append(value.strip().strip('"'))
    return hops


@lru_cache(maxsize=1024)
def _address(text: str | None) -> Address | None:
    """Parse an address with or without a port, in brackets or not."""
    if not text:
        return None
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address


@lru_cache(maxsize=1024)
def canonical(text: str | None) -> str | None:
    """*text* in the one form of its address, or None."""
    address = _address(text)
    return str(address) if address else None


def truncated(address: str) -> str:
    """
    *address* with its last octet, or all but its first 48 bits, set to zero.

    Source: the same cut as Google Analytics' IP masking.
    """
    prefix = 48 if ":" in address else 24
    return str(ipaddress.ip_network(f"{address}/{prefix}", strict=False)[0])
