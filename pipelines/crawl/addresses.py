"""Which addresses may be connected to: the guard against server-side request forgery.

A name is resolved once, every address that it has is checked, and the
connection goes to the checked address itself, so that a second answer of the
DNS (rebinding) changes nothing.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

IPAddress = IPv4Address | IPv6Address
Lookup = Callable[[str, int], Awaitable[Sequence[str]]]

# RFC 6052 (NAT64), RFC 4291 2.5.5.1 (IPv4-compatible): the last 32 bits are an IPv4 address that is reached in the end.
_EMBEDDING = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"), IPv6Network("::/96"))


class AddressRefused(ValueError):
    """An address that must not be connected to; the message says which and why."""


class ResolutionFailed(OSError):
    """A name that has no address (now)."""


@dataclass(frozen=True)
class Endpoint:
    """A checked address and port."""

    address: str
    port: int


def parse_ipv4(host: str) -> IPv4Address | None:
    """Return the IPv4 address that ``host`` writes, in any form that inet_aton and browsers read, or None.

    Dotted, decimal (2130706433), octal (0177.0.0.1), hexadecimal (0x7f.1) and
    short forms (127.1), as in the URL Standard's IPv4 parser. A host whose last
    label is a number but that is no such address raises :class:`AddressRefused`.
    """
    labels = host.removesuffix(".").split(".")
    if not _is_number(labels[-1]):
        return None
    values = [_number(label) for label in labels]
    if len(values) > 4 or any(value is None for value in values):
        raise AddressRefused(f"{host} ends in a number and is no IPv4 address")
    numbers = [value for value in values if value is not None]
    if any(value > 255 for value in numbers[:-1]) or numbers[-1] >= 256 ** (5 - len(numbers)):
        raise AddressRefused(f"{host} is beyond the range of IPv4")
    return IPv4Address(numbers[-1] + sum(value << 8 * (3 - index) for index, value in enumerate(numbers[:-1])))


def _is_number(label: str) -> bool:
    return label.isascii() and (label.isdigit() or label.lower().startswith("0x")) and _number(label) is not None


def _number(label: str) -> int | None:
    try:
        if label[:2].lower() == "0x":
            return int(label[2:] or "0", 16)
        if len(label) > 1 and label.startswith("0"):
            return int(label, 8)
        return int(label) if label.isascii() and label.isdigit() else None
    except ValueError:
        return int(label) if label.isdigit() else None  # 08 and 09: no octal number; out of range or refused later


def reached(address: IPAddress) -> list[IPAddress]:
    """Return ``address`` and every IPv4 address that it stands for: mapped, 6to4, Teredo, NAT64, compatible."""
    found: list[IPAddress] = [address]
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            found = [address.ipv4_mapped]
        if address.sixtofour is not None:
            found.append(address.sixtofour)
        if address.teredo is not None:
            found.extend(address.teredo)
        if any(address in network for network in _EMBEDDING):
            found.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return found


def why_refused(address: str) -> str | None:
    """Return why ``address`` is not on the public Internet, None where it is."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return f"{address} is no address"
    for one in reached(parsed):
        for kind in ("loopback", "link_local", "multicast", "unspecified", "private", "reserved"):
            if getattr(one, f"is_{kind}"):
                return f"{address} is {kind.replace('_', '-')}"
        if not one.is_global:
            return f"{address} is not global"
    return None


def is_inner_literal(host: str) -> bool:
    """Return whether ``host`` (normalised, no brackets) is an address, no name, and not on the public Internet."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return why_refused(host) is not None


async def system_lookup(host: str, port: int) -> list[str]:
    """Resolve ``host`` with the system's resolver, IPv4 first."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in sorted(found, key=lambda entry: entry[0] != socket.AF_INET)]


class Guard:
    """Resolves hosts to addresses that may be connected to."""

    def __init__(
        self,
        resolve: Mapping[str, str],
        allow_private_hosts: Sequence[str],
        ports: Sequence[int],
        lookup: Lookup = system_lookup,
    ) -> None:
        self._resolve, self._allowed, self._ports, self._lookup = resolve, allow_private_hosts, ports, lookup

    async def endpoint(self, host: str, port: int) -> Endpoint:
        """Return where to connect for ``host`` (lower case, no brackets) and ``port``.

        Every address of the name is checked, not the first alone: one private
        address among public ones is an attack or a mistake.

        Raises
        ------
        AddressRefused
            where an address or the port must not be connected to.
        ResolutionFailed
            where the name has no address.
        """
        if port not in self._ports:
            raise AddressRefused(f"port {port} is not among crawl.ports")
        private_allowed = any(fnmatchcase(host, pattern) for pattern in self._allowed)
        fixed = self._resolve.get(host)
        if fixed is not None:
            address, port = _split_port(fixed, port)
            addresses: Sequence[str] = [address]
        elif ":" in host:
            addresses = [host]
        elif (literal := parse_ipv4(host)) is not None:
            addresses = [str(literal)]
        else:
            try:
                addresses = await self._lookup(host, port)
            except OSError as error:
                raise ResolutionFailed(f"{host}: {error.strerror or error}") from error
            except UnicodeError as error:
                raise AddressRefused(f"{host} is no host name") from error
        if not addresses:
            raise ResolutionFailed(f"{host} has no address")
        if not private_allowed:
            for address in addresses:
                why = why_refused(address)
                if why is not None:
                    raise AddressRefused(f"{host}: {why}")
        return Endpoint(addresses[0], port)


def _split_port(value: str, port: int) -> tuple[str, int]:
    if value.startswith("["):
        address, _, rest = value[1:].partition("]")
        return address, int(rest[1:]) if rest.startswith(":") else port
    address, colon, rest = value.partition(":")
    return (address, int(rest)) if colon and ":" not in rest else (value, port)
