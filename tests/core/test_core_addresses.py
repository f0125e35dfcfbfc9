"""Who the client is, by its connection and by what proxies say."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_integrations.core import addresses
from segment_integrations.core.addresses import Proxies

ADDRESS = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str)


@given(ADDRESS, st.lists(st.text()))
def test_no_header_is_trusted_by_default(peer, hops):
    """Without proxies the peer is the client, whatever the header says."""
    expected = ipaddress.ip_address(peer)
    expected = getattr(expected, "ipv4_mapped", None) or expected
    assert str(expected) == Proxies().client(peer, hops)


@given(st.ip_addresses(v=4).map(str), st.lists(st.ip_addresses(v=4).map(str)))
def test_what_a_client_writes_does_not_matter(real, forged):
    """Behind one proxy the last hop is the client, however many a client forges."""
    assert real == Proxies(count=1).client("10.0.0.1", [*forged, real])
    trusted = Proxies.parse(["10.0.0.0/8"])
    if ipaddress.ip_address(real) not in trusted.networks[0]:
        assert real == trusted.client("10.0.0.1", [*forged, real])


@pytest.mark.parametrize(
    ("proxies", "peer", "hops", "expected"),
    [
        (0, None, ["1.1.1.1"], None),
        (1, None, ["1.1.1.1"], "1.1.1.1"),
        (1, "10.0.0.1", [], "10.0.0.1"),
        (1, "10.0.0.1", [""], "10.0.0.1"),
        (2, "10.0.0.1", ["1.1.1.1"], "1.1.1.1"),
        (2, "10.0.0.1", ["6.6.6.6", "1.1.1.1", "10.0.0.2"], "1.1.1.1"),
        (["10.0.0.0/8"], None, ["6.6.6.6", "1.1.1.1"], "1.1.1.1"),
        (["10.0.0.0/8"], "10.0.0.1", ["10.0.0.3", "10.0.0.2"], "10.0.0.3"),
        (["10.0.0.0/8"], "9.9.9.9", ["1.1.1.1"], "9.9.9.9"),
        (["fd00::/8"], "fd00::1", ["[2001:db8::5]:80"], "2001:db8::5"),
        (1, "10.0.0.1", ["fe80::1%eth0"], "fe80::1"),
        (1, "10.0.0.1", ["_hidden"], "10.0.0.1"),
    ],
)
def test_proxies(proxies, peer, hops, expected):
    """Hops are walked from the right; the first that is not trusted is the client."""
    assert expected == Proxies.parse(proxies).client(peer, hops)


@pytest.mark.parametrize(
    ("x_forwarded_for", "forwarded", "expected"),
    [
        (None, None, []),
        ("a, b", None, ["a", "b"]),
        ("a", "for=b", ["a"]),
        (None, "for=a;proto=http, For=b", ["a", "b"]),
        (None, 'for="[::1]:80", by=x', ["[::1]:80"]),
        (None, "proto=https", []),
        (None, ";;,=,for", []),
    ],
)
def test_forwarded_hops(x_forwarded_for, forwarded, expected):
    """Both headers give hops in the order in which they were added."""
    found = addresses.forwarded_hops(x_forwarded_for, forwarded)
    assert expected == [hop for hop in found if hop]


@given(ADDRESS)
def test_truncated(address):
    """Truncating is idempotent, and what is left names a network only."""
    once = addresses.truncated(address)
    assert once == addresses.truncated(once)
    keeps = 48 if ":" in address else 24
    network = ipaddress.ip_network(f"{once}/{keeps}")
    assert ipaddress.ip_address(address) in network
