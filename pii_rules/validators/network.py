"""E-mail, network addresses, coordinates, secrets, user names."""

from __future__ import annotations

import ipaddress
import re

from corpus.pii.candidate import Candidate
from pii_rules.validators.tables import words

RESERVED_DOMAINS = (
    "example.com",
    "example.org",
    "example.net",
    "example.cn",
    "example",
    "invalid",
    "test",
    "localhost",
)
RESERVED_TLDS = {"invalid", "test", "localhost", "example", "local"}
# Names of functions, not of persons or offices: nobody is reached or known by them.
MACHINE_MAILBOXES = {"git", "noreply", "no-reply", "donotreply", "do-not-reply", "mailer-daemon", "postmaster"}
CHINA = (3.5, 54.0, 73.0, 136.0)  # bounding box: latitude, longitude (GB/T 2260 territory with the South China Sea)


def email(candidate: Candidate) -> Candidate | None:
    """A domain with a known top-level domain (IANA), not reserved for documentation (RFC 2606)."""
    plain = plain_email(candidate.value)
    local, _, domain = plain.rpartition("@")
    tld = domain.rpartition(".")[2]
    if not local or tld not in words("tlds") or tld in RESERVED_TLDS or ".." in local:
        return None
    if (
        local in MACHINE_MAILBOXES
        or domain in RESERVED_DOMAINS
        or domain.endswith(tuple("." + d for d in RESERVED_DOMAINS))
    ):
        return None
    return candidate


def plain_email(value: str) -> str:
    """Return the address that an obfuscated spelling stands for, in lower case."""
    text = value.lower()
    text = re.sub(
        r"\s*[\[({<【]?\s*(?:艾特|爱特|小老鼠|@|#|\*|\bat\b|(?<=[\[({<【])at)\s*[\])}>】]?\s*", "@", text, count=1
    )
    text = re.sub(r"\s*[\[({<【]?\s*(?:点|。|\bdot\b|(?<=[\[({<【])dot|\.)\s*[\])}>】]?\s*", ".", text)
    return text.replace(" ", "")


def ip_address(candidate: Candidate) -> Candidate | None:
    """A globally routable address that is no public resolver."""
    try:
        address = ipaddress.ip_address(candidate.value)
    except ValueError:
        return None
    if not address.is_global or address.is_multicast or str(address) in words("public_resolvers"):
        return None
    if isinstance(address, ipaddress.IPv4Address):
        octets = candidate.value.split(".")
        if any(len(octet) > 1 and octet[0] == "0" for octet in octets):
            return None
        if octets[2:] == ["0", "0"] or (int(octets[0]) < 6 and not candidate.cued):
            return None  # 3.2.0.0, 4.1.2.3: versions far more often than hosts
    return candidate


def mac_address(candidate: Candidate) -> Candidate | None:
    """A unicast address that is not a pattern (00:00:00:00:00:00, the example 00:11:22:33:44:55)."""
    digits = re.sub(r"[^0-9a-f]", "", candidate.value.lower())
    if len(digits) != 12 or len(set(digits)) < 4 or digits == "001122334455":
        return None
    if int(digits[:2], 16) & 1 and not candidate.cued:
        return None  # a group address belongs to no card
    return candidate


def coordinates(candidate: Candidate) -> Candidate | None:
    """A pair of decimal degrees; without a cue only inside China and with five decimals or more."""
    numbers = [float(n) for n in re.findall(r"-?[0-9]{1,3}\.[0-9]+", candidate.value)]
    if len(numbers) != 2:
        return None
    first, second = numbers
    if abs(first) > 90:
        first, second = second, first
    if abs(first) > 90 or abs(second) > 180:
        return None
    south, north, west, east = CHINA
    inside = south <= first <= north and west <= second <= east
    precise = all(len(n) >= 5 for n in re.findall(r"\.([0-9]+)", candidate.value))
    return candidate._replace(score=0.6 if inside and precise and "," in candidate.value.replace("，", ",") else 0.3)


def secret(candidate: Candidate) -> Candidate | None:
    """A key that is not the placeholder of a manual."""
    value = candidate.value
    body = value.lower()
    if "example" in body or "xxxx" in body or "your" in body or "****" in body or "1234567890abcdef" in body:
        return None
    return candidate if len(set(value)) >= 10 else None


def user_url(candidate: Candidate) -> Candidate | None:
    """A profile's address whose last part is no page of the site itself."""
    name = re.split(r"[/@=]", candidate.value.rstrip("/"))[-1].lower()
    return None if name in words("site_pages") else candidate


def user_name(candidate: Candidate) -> Candidate | None:
    """A WeChat id: where it has no digit, ``_`` or ``-``, a colon or 号 must stand right before it."""
    value = candidate.value
    if value.lower() in words("not_user_names"):
        return None
    if re.search(r"[0-9_-]", value):
        return candidate
    before = candidate.text[max(0, candidate.start - 3) : candidate.start].rstrip(" \"'“‘「[(")
    return candidate if before.endswith((":", "：", "号", "是", "为")) and not value.isupper() else None
