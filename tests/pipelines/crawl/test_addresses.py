"""Server-side request forgery: every way to write or reach an inner address is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from pipelines.crawl.addresses import AddressRefused, Endpoint, Guard, ResolutionFailed, parse_ipv4, why_refused

PUBLIC = "93.184.216.34"


def guard(
    answers: Sequence[str] = (PUBLIC,), allowed: Sequence[str] = (), resolve: dict[str, str] | None = None
) -> Guard:
    async def lookup(host: str, port: int) -> Sequence[str]:
        return answers

    return Guard(resolve or {}, allowed, [80, 443], lookup)


def connect(guard: Guard, host: str, port: int = 80) -> Endpoint:
    return asyncio.run(guard.endpoint(host, port))


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "127.0.0.1."]
)
def test_every_spelling_of_loopback_is_the_same_address(host: str) -> None:
    assert str(parse_ipv4(host)) == "127.0.0.1"
    with pytest.raises(AddressRefused, match="loopback"):
        connect(guard(), host)


@pytest.mark.parametrize("host", ["1.2.3.4.5", "256.1.1.1", "99999999999", "1.2.0400.4"])
def test_numbers_that_are_no_address_are_refused(host: str) -> None:
    with pytest.raises(AddressRefused):
        connect(guard(), host)


def test_names_are_no_addresses() -> None:
    assert parse_ipv4("www.example") is None
    assert parse_ipv4("1.example") is None


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "192.0.2.1", "198.18.0.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe", "2002:7f00:1::", "64:ff9b::7f00:1", "64:ff9b::a00:1",
        "::7f00:1", "2001:db8::1", "2001:0:7f00:1::", "nonsense",
    ],
)  # fmt: skip
def test_what_is_not_on_the_public_internet_is_refused(address: str) -> None:
    assert why_refused(address) is not None
    with pytest.raises(AddressRefused):
        connect(guard([address]), "www.example")


@pytest.mark.parametrize("address", [PUBLIC, "2606:4700:4700::1111", "::ffff:93.184.216.34"])
def test_public_addresses_pass(address: str) -> None:
    assert why_refused(address) is None


def test_one_private_address_among_public_ones_refuses_the_name() -> None:
    with pytest.raises(AddressRefused, match=r"www.example: 10.0.0.1 is private"):
        connect(guard([PUBLIC, "10.0.0.1"]), "www.example")


def test_the_connection_goes_to_the_address_that_was_checked() -> None:
    assert connect(guard([PUBLIC]), "www.example") == Endpoint(PUBLIC, 80)


def test_ports_outside_of_the_list_are_refused() -> None:
    with pytest.raises(AddressRefused, match="port 22"):
        connect(guard(), "www.example", 22)


def test_private_addresses_only_for_hosts_that_are_named() -> None:
    table = {"a.test": "127.0.0.1:8123", "b.test": "127.0.0.1", "c.test": "[::1]:99"}
    named = guard(allowed=["a.*", "c.test"], resolve=table)
    assert connect(named, "a.test") == Endpoint("127.0.0.1", 8123)
    assert connect(named, "c.test") == Endpoint("::1", 99)
    with pytest.raises(AddressRefused):
        connect(named, "b.test")


def test_a_name_without_an_address_fails_and_is_not_refused() -> None:
    with pytest.raises(ResolutionFailed):
        connect(guard([]), "www.example")
