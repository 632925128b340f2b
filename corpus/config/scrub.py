"""Configuration of the scrub step: which personal information is replaced, and how."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from corpus.config.section import Section

Action = Literal["placeholder", "mask", "pseudonym", "drop", "tag", "keep"]

KINDS = (
    "SECRET",
    "CRYPTO",
    "URL_USER",
    "EMAIL",
    "CN_PR_CARD",
    "CN_ID_CARD",
    "CN_USCC",
    "IMEI",
    "BANK_CARD",
    "MAC_ADDRESS",
    "IP_ADDRESS",
    "GPS",
    "LICENSE_PLATE",
    "TW_ID",
    "HK_ID",
    "MACAU_ID",
    "TRAVEL_PERMIT",
    "PASSPORT",
    "MILITARY_ID",
    "SOCIAL_SECURITY",
    "MEDICAL_RECORD",
    "HOTLINE",
    "CN_MOBILE",
    "ORG_PHONE",
    "CN_LANDLINE",
    "QQ",
    "WECHAT_ID",
    "BIRTH_DATE",
    "ORG_ADDRESS",
    "ADDRESS",
    "PERSON",
)
"""Every kind, in the order that settles overlaps: the earlier one wins, whatever the lengths.

Kinds with a checksum or a fixed syntax come first, then numbers that their context names, then bare numbers,
then free text. Neutral kinds (:data:`NEUTRAL`) stand where they protect their digits from the kinds below.
"""

NEUTRAL = ("CN_USCC", "HOTLINE", "ORG_PHONE", "ORG_ADDRESS")
"""Found so that nothing else claims their characters, and kept: organisations are not persons."""


def _keep_neutral() -> dict[str, Action]:
    return dict.fromkeys(NEUTRAL, "keep")


class ScrubSettings(Section):
    """Section ``scrub``."""

    enabled: bool = Field(True, description="False: the step passes every document through untouched")
    rules: str | None = Field(None, description="Folder of *.yaml rules; null: the installed pii_rules package")
    extra_rules: tuple[str, ...] = Field((), description="Further folders of rules, read after `rules`")
    validator_packages: tuple[str, ...] = Field(
        ("pii_rules",), description="Packages that a rule's validator may come from; nothing else is imported"
    )
    ner: str | None = Field(
        None,
        description="module:attribute of a callable that returns a Presidio EntityRecognizer (a neural NER), or null. "
        "Its package must be in validator_packages. It sees every document, so it sets the step's speed",
    )
    action: Action = Field("placeholder", description="Action for kinds that `actions` does not name")
    actions: dict[str, Action] = Field(
        default_factory=_keep_neutral,
        description="Action per kind. Organisations' codes, phones and addresses are kept: PIPL protects persons",
    )
    score_threshold: float = Field(
        0.5, ge=0, le=1, description="Findings below are ignored (score 1.0: checksum and context)"
    )
    prefilter: Literal["auto", "hyperscan", "re2", "none"] = Field(
        "auto", description="Scan that decides which recognisers are called; findings are the same with each"
    )
    names_off: tuple[str, ...] = Field(
        ("news", "encyclopedia"),
        description="Source types in which a name needs a form's label or a nearby identifier (public persons)",
    )
    name_distance: int = Field(50, ge=0, description="Characters within which an identifier makes a name personal")
    public_names: tuple[str, ...] = Field(
        (), description="Names never replaced (public figures, the site's own authors)"
    )
    key_env: str = Field(
        "WUDAO_PII_KEY", description="Environment variable with the key of pseudonyms and audit hashes"
    )
    key_file: str | None = Field(None, description="File with that key; read where the variable is not set")
    max_count: int = Field(
        10,
        ge=0,
        description="A document with more identifiers than this is dropped: a leaked table. Names, addresses, "
        "birth dates, links to users' pages, machines and places do not count. 0: never",
    )
    max_density: float = Field(
        0.05,
        ge=0,
        le=1,
        description="A document with a larger share of characters in such identifiers is dropped. 0: never",
    )
    density_min_count: int = Field(
        3, ge=1, description="Findings from which on density counts: short texts keep one phone"
    )

    max_leaks: float | None = Field(
        None,
        ge=0,
        description="A build whose shards hold more findings per million characters after scrubbing fails, and so does "
        "`wudao verify --pii`; null: neither. Costs one more scan of what is published",
    )

    @field_validator("actions")
    @classmethod
    def _neutral_kinds_keep(cls, actions: dict[str, Action]) -> dict[str, Action]:
        return {**_keep_neutral(), **actions}
