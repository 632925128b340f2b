"""``wudao labels bootstrap|train|evaluate|calibrate|apply``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
from rich.console import Console
from rich.table import Table

from corpus.config.label import LabelSettings
from corpus.config.load import load_config
from corpus.errors import BuildError, ConfigError
from corpus.schema import SOURCE_TYPES
from corpus.shards.label_codes import MAX_DOMAINS
from corpus.shards.reader import open_corpus, read_corpus
from corpus.shards.verify import SUMMARY_NAME
from pipelines.commands.extract import with_derivation
from pipelines.derivation import IN_PLACE, Derivation, selected_funnel
from pipelines.passes.relabel import RelabelTask

if TYPE_CHECKING:
    from corpus.labels.artifact import DomainModel
    from corpus.labels.labeller import Labeller


def _labeller(settings: LabelSettings) -> Labeller:
    from corpus.labels.artifact import ArtifactError
    from corpus.labels.domains import CalibrationError
    from corpus.labels.labeller import Labeller
    from corpus.labels.lexicon import LexiconError

    try:
        return Labeller(settings)
    except (LexiconError, CalibrationError, ArtifactError) as error:
        raise ConfigError(str(error)) from None


def _empty_folder(output: Path) -> Path:
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise BuildError(f"{output}: is not an empty folder; name a new one with -o")
    return output


def _say_artifact(output: Path, model: DomainModel) -> None:
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"artifact  {output}  domains: {', '.join(sorted(model.combination))}")
    console.print(f"use it with --set label.domain_model={output}, or `wudao labels apply CORPUS {output}`")


def bootstrap_command(
    corpus: str, output: Path, per_domain: int, min_documents: int, config: Path | None, overrides: list[str]
) -> None:
    """Train a domain labeller on documents that the lexicons are sure of."""
    from corpus.labels.bootstrap import BootstrapOptions, bootstrap

    settings = load_config(config, overrides).label.model_copy(update={"domain_model": None})
    options = BootstrapOptions(per_domain=per_domain, min_documents=min_documents)
    folder = _empty_folder(output)
    try:
        model = bootstrap(read_corpus(open_corpus(corpus), "train"), folder, _labeller(settings), options)
    except ValueError as error:
        raise BuildError(f"{corpus}: {error}") from None
    _say_artifact(output, model)


def train_command(files: Sequence[Path], output: Path, config: Path | None, overrides: list[str]) -> None:
    """Train a domain labeller on labelled documents."""
    from corpus.labels.labelled import read_labelled
    from corpus.labels.training import train

    settings = load_config(config, overrides).label.model_copy(update={"domain_model": None})
    folder = _empty_folder(output)
    try:
        model = train(read_labelled(files, settings.domains), folder, _labeller(settings))
    except ValueError as error:
        raise BuildError(f"{files[0]}: {error}") from None
    _say_artifact(output, model)


def calibrate_command(files: Sequence[Path], output: Path, config: Path | None, overrides: list[str]) -> None:
    """Fit the lexicons' probabilities to labelled documents."""
    from corpus.labels.domains import save_calibration
    from corpus.labels.labelled import read_labelled
    from corpus.labels.training import calibrate

    settings = load_config(config, overrides).label.model_copy(update={"domain_model": None})
    documents = list(read_labelled(files, settings.domains))
    source = f"wudao labels calibrate on {', '.join(path.name for path in files)}, {len(documents)} documents"
    try:
        calibration = calibrate(documents, _labeller(settings), source)
    except ValueError as error:
        raise BuildError(f"{files[0]}: {error}") from None
    output.parent.mkdir(parents=True, exist_ok=True)
    save_calibration(calibration, output)
    Console(soft_wrap=True, highlight=False).print(f"{output}: use it with --set label.calibration={output}")


def evaluate_command(
    files: Sequence[Path], artifact: Path | None, as_json: bool, config: Path | None, overrides: list[str]
) -> None:
    """Measure the domain labels on labelled documents: F1 by class, source and length, calibration error."""
    import numpy as np
    import pyarrow as pa

    from corpus.labels.evaluate import OTHER, evaluate
    from corpus.labels.labelled import read_labelled

    settings = load_config(config, overrides).label
    if artifact is not None:
        settings = settings.model_copy(update={"domain_model": str(artifact)})
    documents = list(read_labelled(files, settings.domains))
    # Domains that no document has would only turn right answers into wrong ones.
    names = [name for name in settings.domains if any(name in document.domains for document in documents)]
    if not names:
        raise BuildError(f"{files[0]}: no document has a domain")
    labeller = _labeller(settings)
    texts = pa.array([document.text for document in documents], pa.large_string())
    features, _ = labeller.evidence(texts, None)
    places = [labeller.domains.index(name) for name in names]
    scores = np.asarray(labeller.domain_scores(features, texts)[:, places], np.float64)
    result = evaluate(
        scores,
        names,
        [next((name for name in names if name in document.domains), OTHER) for document in documents],
        [document.source for document in documents],
        [len(document.text) for document in documents],
        settings.min_score,
    )
    if as_json:
        by_source = {f"{source}/{name}": row for (source, name), row in result.by_source.items()}
        told = {
            "macro_f1": result.macro_f1,
            "accuracy": result.accuracy,
            "by_class": {name: row.f1 for name, row in result.by_class.items()},
            "by_source": by_source,
            "by_length": result.by_length,
            "calibration_error": result.calibration_error,
        }
        print(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode())
        return
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"{len(documents):,} documents: macro F1 {result.macro_f1:.3f}, accuracy {result.accuracy:.3f}")
    table = Table(box=None, pad_edge=False)
    for title in ("class", "documents", "precision", "recall", "F1", "calibration error"):
        table.add_column(title, justify="left" if title == "class" else "right")
    for name, row in result.by_class.items():
        numbers = (f"{row.documents:,}", f"{row.precision:.3f}", f"{row.recall:.3f}", f"{row.f1:.3f}")
        error = result.calibration_error.get(name)
        table.add_row(name, *numbers, "" if error is None else f"{error:.3f}")
    console.print(table)
    for length, (count, f1) in result.by_length.items():
        console.print(f"{length} characters: {count:,} documents, macro F1 {f1:.3f}")
    for (source, name), (count, share) in result.by_source.items():
        console.print(f"{source}, {name}: {share:.3f} of {count:,}", markup=False)


def apply_command(
    corpus: str,
    artifact: Path | None,
    output: str | None,
    engine: str | None,
    workers: int | None,
    config: Path | None,
    overrides: list[str],
) -> None:
    """Label a finished corpus again, in place or into a copy."""
    in_place = output is None
    if output is None:
        root = open_corpus(corpus).store.root.rstrip("/")
        if not root.endswith("/corpus"):
            raise BuildError(f"{corpus}: not the output of a build; name the folder that holds corpus/manifest.json")
        output = root.rpartition("/")[0]

    def run(derivation: Derivation) -> None:
        relabel(derivation, artifact, in_place=in_place)

    with_derivation(corpus, output, engine, workers, config, overrides, run)


def relabel(derivation: Derivation, artifact: Path | None, *, in_place: bool) -> None:
    """Write shards with new labels and their manifests. Raises BuildError for a view, whose rows are not its own."""
    from corpus.labels.labeller import artifact_hashes

    parent, config = derivation.parent, derivation.config
    if parent.corpus.is_view:
        raise BuildError("a view has no rows of its own: relabel the corpus that it was made from, then extract again")
    settings = config.label
    if artifact is not None:
        settings = settings.model_copy(update={"domain_model": str(artifact.absolute())})
    if len(settings.domains) > MAX_DOMAINS:
        raise ConfigError(f"label.domains: {len(settings.domains)} domains; token shards have room for {MAX_DOMAINS}")
    _labeller(settings)  # what is wrong with it is said before any work begins
    if in_place:
        derivation.build.work.make_private()
    else:
        derivation.prepare()
    place = parent.place()
    assert place is not None
    task = RelabelTask(
        derivation.output.root, place, parent.place(tokens=True), settings, SOURCE_TYPES,
        config.publish.compression_level,
    )  # fmt: skip
    mark = task.settings_fingerprint()
    reports = derivation.run(task, [task.item(*pair, mark) for pair in parent.shards()])
    tables = {"domains": list(settings.domains), "source_types": list(SOURCE_TYPES)}
    derived = {
        "by": IN_PLACE if in_place else f"{IN_PLACE} -o",
        "selection": {"artifacts": artifact_hashes(settings), "settings": settings.model_dump(mode="json")},
    }
    manifest = derivation.write_text(reports, derived, view=False, tables=tables)
    tokens = derivation.write_tokens(reports, manifest, view=False)
    rows = manifest.root["totals"]["rows"]
    if in_place:
        derivation.keep_summary(manifest, tokens, derived)
    else:
        derivation.finish(manifest, tokens, selected_funnel(rows, {}, rows), {}, derived)
    console = derivation.console
    table = Table(box=None, pad_edge=False)
    for title in ("domain", "documents before", "now"):
        table.add_column(title, justify="left" if title == "domain" else "right")
    before = parent.corpus.manifest.root["totals"].get("columns", {}).get("domain", {})
    now = manifest.root["totals"]["columns"].get("domain", {})
    for name in sorted(set(before) | set(now)):
        table.add_row(name, f"{before.get(name, 0):,}", f"{now.get(name, 0):,}")
    console.print(table)
    derivation.show_places()
    if in_place and derivation.output.exists(SUMMARY_NAME):
        console.print("the shards with the old labels are still there; `wudao clean` deletes them", highlight=False)
