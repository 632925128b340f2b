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
# user@host that is an account on a machine, not a mailbox. Before it: a URL's authority (RFC 3986, 3.2.1), a program
# that logs in, a folder of a path. After it: a path (the remote of git, scp and rsync is [user@]host:path), a folder.
AUTHORITY = re.compile(r"://[^\s/@]{0,64}$")
REMOTE_PROGRAM = re.compile(
    r"(?<![0-9A-Za-z])(?:(?:ssh|scp|sftp|rsync|ssh-copy-id|mosh|autossh)(?: [^\s@]{1,40}){0,4}"
    r"|git (?:clone|remote(?: [a-z\-]{1,10}){1,2} [^\s@]{1,40})) $"
)
REMOTE_PATH = re.compile(r":(?:[~/]|\.{1,2}/|[0-9A-Za-z._\-]+/|[0-9A-Za-z._\-]+\.git(?![0-9A-Za-z]))")
FOLDER_BEFORE = re.compile(r"[0-9A-Za-z._\-]/$")
FOLDER_AFTER = re.compile(r"/[0-9A-Za-z._\-]*(?![0-9A-Za-z._%+\-@])")
REACH = 120  # characters of a command line before its argument
CODE_HOSTS = frozenset({"github.com", "gitlab.com", "gitee.com", "bitbucket.org", "coding.net", "e.coding.net"})
# Four numbers that are all this small number a section, a clause or a version far more often than a host: of the
# addresses in use one in a thousand is like that.
SMALL_OCTET = 40
SECTION_BEFORE = re.compile(r"(?:^|\n)[ \t>#*+\-|(§]*$")
SECTION_AFTER = re.compile(r"[.)]?[ \t]*[一-龥A-Za-z《“\"(]|\.(?:[ \t]|$)")
BARE_LABEL = re.compile(r"([^\n]*)(?<![0-9A-Za-z_])[Vv]:[^0-9A-Za-z一-龥\n]*$")
CODE_BEFORE = re.compile(r"[0-9A-Za-z_][;:=,.{\"'&|]+$|[;{\"'=<>|&]$")
HAN = re.compile(r"[一-龥]")
PREFIX_LENGTH = re.compile(r"/[0-9]{1,2}(?![0-9])")
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
    return None if _is_login(candidate, domain) else candidate


def _is_login(candidate: Candidate, domain: str) -> bool:
    """Whether what stands around says that this is an account on a machine or a part of a path."""
    text, start, end = candidate.text, candidate.start, candidate.end
    before = text[max(0, start - REACH) : start]
    if AUTHORITY.search(before) or REMOTE_PROGRAM.search(before) or REMOTE_PATH.match(text, end):
        return True
    if FOLDER_BEFORE.search(before) and FOLDER_AFTER.match(text, end):
        return True
    return domain in CODE_HOSTS and text[end : end + 1] in (":", "/")


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
    if isinstance(address, ipaddress.IPv4Address) and not _is_host(candidate):
        return None
    return candidate


def _is_host(candidate: Candidate) -> bool:
    """Whether a dotted quad is the address of one machine, not a network's, a version or the number of a section."""
    text, start, end = candidate.text, candidate.start, candidate.end
    octets = candidate.value.split(".")
    if any(len(octet) > 1 and octet[0] == "0" for octet in octets) or octets[2:] == ["0", "0"]:
        return False
    if octets[3] == "0" and PREFIX_LENGTH.match(text, end):
        return False
    small = all(int(octet) < SMALL_OCTET for octet in octets)
    if small and SECTION_BEFORE.search(text[max(0, start - REACH) : start]) and SECTION_AFTER.match(text, end):
        return False
    known = candidate.cued or text[max(0, start - 2) : start] == "//"
    # 4.1.2.3, 12.6.2.1, 32.0.0.101: without a cue a version or a section.
    return known or not (small or int(octets[0]) < 6 or octets.count("0") > 1)


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
    """A WeChat id: where it has no digit, ``_`` or ``-``, a colon or 号 must stand right before it.

    After ``v:`` alone it needs a digit, Chinese text on its line and no code before: the same characters are a field
    in programs and in tables of tags.
    """
    value = candidate.value
    if value.lower() in words("not_user_names"):
        return None
    label = BARE_LABEL.search(candidate.text[max(0, candidate.start - REACH) : candidate.start])
    if label and not (re.search(r"[0-9]", value) and HAN.search(label.group(1) + _rest_of_line(candidate))):
        return None
    if label and CODE_BEFORE.search(label.group(1)):
        return None
    if re.search(r"[0-9_-]", value):
        return candidate
    before = candidate.text[max(0, candidate.start - 3) : candidate.start].rstrip(" \"'“‘「[(")
    return candidate if before.endswith((":", "：", "号", "是", "为")) and not value.isupper() else None


def _rest_of_line(candidate: Candidate) -> str:
    """Return what follows on the line, as far as it matters."""
    return candidate.text[candidate.end : candidate.end + REACH].partition("\n")[0]
