"""The page: a template filled with sections."""

from __future__ import annotations

from importlib.resources import files
from string import Template

from corpus.report.gather import Facts
from corpus.report.markup import element, escaped, joined
from corpus.report.sections.composition import composition
from corpus.report.sections.cost import cost
from corpus.report.sections.distributions import distributions
from corpus.report.sections.duplicates import duplicates
from corpus.report.sections.flow import funnel, quarantine
from corpus.report.sections.origin import configuration, personal_information, provenance
from corpus.report.sections.overview import header, overview
from corpus.report.sections.samples import commands, samples

SECTIONS = (
    overview, funnel, composition, distributions, duplicates, personal_information, cost, configuration, provenance,
    quarantine, samples, commands,
)  # fmt: skip


def page(facts: Facts) -> bytes:
    """Return the report as one HTML file in UTF-8: a function of ``facts`` alone."""
    body = joined(made for one in SECTIONS if (made := one(facts)) is not None)
    footer = element(
        "footer", "Written by ", element("code", "wudao report"), " from manifests, shards and build.json."
    )
    template = Template(files("corpus.report").joinpath("page.html").read_text(encoding="utf-8"))
    return template.substitute(title=escaped(facts.name, 120), header=header(facts), body=body, footer=footer).encode()
