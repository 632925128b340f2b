"""Configuration and seeds of the crawl commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from corpus.config.build import RunSettings
from corpus.config.commoncrawl import CommonCrawlSettings
from corpus.config.crawl import CrawlSettings
from corpus.config.section import Section
from corpus.errors import ConfigError

MAX_CONFIG_BYTES = 1 << 20
MAX_SEED_BYTES = 256 << 20


class CrawlConfig(Section):
    """What the two commands read."""

    crawl: CrawlSettings = CrawlSettings()
    commoncrawl: CommonCrawlSettings = CommonCrawlSettings()
    run: RunSettings = RunSettings.model_validate({})


def load_crawl_config(path: Path | None, overrides: list[str], **given: dict[str, Any]) -> CrawlConfig:
    """Return the configuration of file ``path`` with ``section.key=value`` overrides, then the ``given`` values, if not
    None, applied. Raises ConfigError with one sentence for anything that is not right."""
    tree: dict[str, Any] = {}
    if path is not None:
        try:
            data = path.read_bytes()
            read: Any = yaml.safe_load(data) if len(data) <= MAX_CONFIG_BYTES else None
        except OSError as error:
            raise ConfigError(
                f"{path}: cannot be read ({error.strerror}); give an existing YAML file with -c"
            ) from None
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: not valid YAML ({str(error).splitlines()[0]})") from None
        if not isinstance(read, dict):
            raise ConfigError(f"{path}: a configuration is a mapping of sections: crawl, commoncrawl, run")
        for name in sorted({*CrawlConfig.model_fields, "input"} & read.keys()):
            if not isinstance(read[name], dict):
                raise ConfigError(f"{path}: {name} is a section, a mapping of keys to values")
        tree = {name: dict(section) for name, section in read.items() if name in CrawlConfig.model_fields}
        nested = read.get("input", {}).get("commoncrawl")  # of `wudao build`: one file serves both
        if "commoncrawl" not in tree and isinstance(nested, dict):
            tree["commoncrawl"] = dict(nested)
    for override in overrides:
        name, equals, value = override.partition("=")
        section, dot, key = name.partition(".")
        if not (equals and dot):
            raise ConfigError(f"--set {override}: write it as section.key=value")
        try:
            tree.setdefault(section, {})[key] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise ConfigError(f"--set {override}: the value is not valid YAML; quote it") from None
    for section, values in given.items():
        tree.setdefault(section, {}).update({key: value for key, value in values.items() if value is not None})
    try:
        return CrawlConfig.model_validate(tree)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        raise ConfigError(f"{place} is {json.dumps(first.get('input'), default=str)}: {message}") from None


def read_seeds(seeds: list[str]) -> list[str]:
    """Return URLs: those given, and the lines of the files given, without blank lines and those that begin with #."""
    found: list[str] = []
    for seed in seeds:
        path = Path(seed)
        if "://" not in seed and path.is_file():
            if path.stat().st_size > MAX_SEED_BYTES:
                raise ConfigError(f"{path}: more than {MAX_SEED_BYTES >> 20} MiB of seeds; give several files")
            lines = path.read_text(encoding="utf-8-sig").splitlines()
            found += [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
        elif "://" in seed or ("." in seed and "/" not in seed.partition(".")[0]):
            found.append(seed)
        else:
            raise ConfigError(f"{seed} is neither a URL nor a file of seeds")
    return found
