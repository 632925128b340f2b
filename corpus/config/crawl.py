"""The ``crawl`` section: which pages are taken from the web, and with what manners."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import AwareDatetime, Field, PositiveInt, field_validator

from corpus.config.section import Section

Reservation = Literal["noindex", "noarchive", "noai", "noimageai", "tdm-reservation", "ai.txt"]

_PRODUCT = re.compile(r"[A-Za-z_-]+(?:/[\w.-]+)?")
DAY = 86_400


class CrawlSettings(Section):
    """Scope, manners, limits and safety of the crawler. ``contact`` must be given before anything is fetched."""

    contact: str = Field(
        default="",
        description="URL or e-mail address of the operator, sent in the User-Agent of every request. Mandatory: a "
        "crawler that nobody can write to gets blocked, and rightly.",
    )
    product: str = Field(
        default="wudaobot/1.0",
        description="Product token and version. robots.txt groups are matched against the token (RFC 9309, 2.2.1).",
    )

    hosts: list[str] = Field(
        default=[],
        description="Hosts in scope, globs allowed ('*.gov.cn'). Empty: the hosts of the seeds and no other.",
    )
    exclude: list[str] = Field(default=[], description="Globs of URLs that are never fetched ('*/print/*').")
    max_depth: int = Field(
        default=16,
        ge=0,
        description="Links from a seed. Heritrix's TooManyHops default is 20; sitemaps shorten real sites.",
    )
    max_pages: int | None = Field(default=None, ge=1, description="Pages fetched in the whole crawl; null: no limit.")
    max_pages_per_host: int = Field(
        default=100_000,
        ge=1,
        description="Pages fetched from one host in the whole crawl; keeps farms of pages limited.",
    )
    sitemaps: bool = Field(
        default=True, description="Fetch the sitemaps that robots.txt names (sitemaps.org protocol)."
    )

    host_batch: PositiveInt = Field(
        default=200,
        description="Pages of one host that a round selects; at a page a second a round then takes minutes.",
    )
    hosts_per_task: PositiveInt = Field(
        default=64, description="Hosts that one task crawls side by side, a connection each."
    )
    round_seconds: float = Field(
        default=600,
        gt=0,
        description="A task starts no further request after this; what is left waits for the next round.",
    )
    freshness_seconds: float = Field(
        default=30 * DAY,
        gt=0,
        description="A page is not fetched again before it is this old. Common Crawl's cycle: a month.",
    )

    min_delay: float = Field(
        default=1.0,
        ge=0,
        description="Seconds between two requests to a host, at least. Nutch waits 5, Heritrix 3, Scrapy 0.",
    )
    max_delay: float = Field(
        default=60.0,
        gt=0,
        description="Upper bound of the delay that adapts. Crawl-delay and Retry-After may exceed it.",
    )
    delay_factor: float = Field(
        default=2.0, ge=0, description="The delay is at least this many times the last response time. Heritrix: 5."
    )
    delay_jitter: float = Field(
        default=0.2, ge=0, le=1, description="Random share added to each delay, so that none is a beat."
    )
    max_retry_after: float = Field(
        default=1.0 * DAY, gt=0, description="A longer Retry-After counts as this many seconds."
    )
    max_tries: PositiveInt = Field(
        default=4, description="Tries of a page whose server fails (5xx, 429, time-out, no answer)."
    )
    retry_seconds: float = Field(
        default=60, ge=0, description="Wait before the second try of a page; doubled for each further one."
    )
    max_failures: PositiveInt = Field(
        default=3, description="Failures of a host in a row after which the task leaves it for the next round."
    )
    wait_seconds: float = Field(
        default=120,
        ge=0,
        description="The crawl waits for pages that fall due within this time; else it ends and says when.",
    )

    robots_max_age: float = Field(
        default=1.0 * DAY, gt=0, description="robots.txt is fetched again when older (RFC 9309, 2.4)."
    )
    robots_max_bytes: int = Field(
        default=500 * 1024,
        ge=500 * 1024,
        description="Bytes of robots.txt that are read: at least 500 KiB (RFC 9309, 2.5).",
    )
    reservations: list[Reservation] = Field(
        default=["noindex", "noarchive", "noai", "tdm-reservation", "ai.txt"],
        description="Reservations that are obeyed: such pages are not kept, and not fetched where the site says so in "
        "advance (tdmrep.json, ai.txt). One that is not listed is recorded in the documents' opt_out and no more.",
    )

    max_body_bytes: PositiveInt = Field(
        default=5 << 20,
        description="A body is cut here and marked WARC-Truncated. Common Crawl: 5 MiB since March 2025.",
    )
    max_expansion: PositiveInt = Field(
        default=100,
        description="A body that decompresses to more than this many times its size (and 10 MiB) is a bomb.",
    )
    connect_seconds: float = Field(default=15, gt=0, description="Time to resolve, connect and shake hands.")
    read_seconds: float = Field(default=30, gt=0, description="Longest silence while a response arrives.")
    total_seconds: float = Field(
        default=120, gt=0, description="Longest time of one request: a server that drips bytes is not waited for."
    )
    max_redirects: PositiveInt = Field(
        default=10,
        description="Redirects that lead to a page, one after the other; RFC 9309 asks for 5 for robots.txt.",
    )

    max_url_length: PositiveInt = Field(
        default=2048, description="Longer URLs are refused; sitemaps.org has the same limit."
    )
    max_path_segments: PositiveInt = Field(default=20, description="Heritrix's TooManyPathSegments default.")
    max_repeated_segments: PositiveInt = Field(
        default=2, description="A path segment may occur so often. Heritrix's PathologicalPath default."
    )
    max_query_fields: PositiveInt = Field(default=12, description="Query fields of a URL; faceted search has more.")
    trap_pages: PositiveInt = Field(
        default=32,
        description="URLs of one shape (digits and query values aside) whose pages differ in nothing but digits: "
        "after so many the rest of the shape is refused. Calendars and counters without end look like this.",
    )

    ports: list[int] = Field(
        default=[80, 443, 8000, 8008, 8080, 8081, 8088, 8443, 8888],
        description="Ports that are connected to; others serve no pages and are what port scans through crawlers want.",
    )
    allow_private_hosts: list[str] = Field(
        default=[], description="Hosts (globs) whose address may be private or loopback; any other is refused."
    )
    resolve: dict[str, str] = Field(
        default={},
        description="Host -> 'address' or 'address:port' used instead of DNS, as curl's --resolve. For tests.",
    )
    record_date: AwareDatetime | None = Field(
        default=None,
        description="Date of every WARC record instead of its own, for a site that does not change (example, test): "
        "with hosts_per_task: 1 two crawls of it give the same bytes. Waiting goes by the real time all the same.",
    )

    @field_validator("product")
    @classmethod
    def _is_product(cls, value: str) -> str:
        if not _PRODUCT.fullmatch(value):
            raise ValueError("a product token is letters, '-' and '_', then perhaps '/version' (RFC 9309, 2.2.1)")
        return value

    @field_validator("contact")
    @classmethod
    def _is_contact(cls, value: str) -> str:
        if value and not re.fullmatch(r"(?:https?://[^\s()]+|[^\s()@]+@[^\s()@]+\.[^\s()@]+)", value):
            raise ValueError("give a URL (https://…) or an e-mail address")
        return value

    @property
    def robots_token(self) -> str:
        """The product token without version, lower case."""
        return self.product.partition("/")[0].lower()

    @property
    def user_agent(self) -> str:
        """The User-Agent header: product, then the contact in a comment, as crawlers do."""
        mark = "+" if self.contact.startswith("http") else ""
        return f"{self.product} ({mark}{self.contact})"
