"""The Presidio recogniser of a rule, for use in Presidio's own engine.

Presidio's own context enhancer compares lemmas, which no Chinese pipeline produces, so it never fires; and its
YAML recognisers cannot name a checksum. :class:`RuleRecognizer` has both from :class:`corpus.pii.matcher.RuleMatcher`,
with which the engine here works directly.

Importing this module imports Presidio.
"""

from __future__ import annotations

from collections.abc import Mapping

from presidio_analyzer import Pattern, PatternRecognizer, RecognizerResult

from corpus.pii.matcher import FLAGS, Finding, RuleMatcher
from corpus.pii.windows import Windows


class RuleRecognizer(PatternRecognizer):
    """A Presidio pattern recogniser that finds what ``matcher`` finds."""

    def __init__(self, matcher: RuleMatcher) -> None:
        self.name: str
        self.matcher = matcher
        rule = matcher.rule
        super().__init__(
            supported_entity=rule.supported_entity,
            name=rule.name,
            supported_language=rule.supported_language,
            patterns=[Pattern(p.name, p.regex, p.score) for p in rule.patterns],
            context=list(rule.context),
            global_regex_flags=FLAGS,
        )

    def find(self, text: str, within: Mapping[int, Windows | None] | None = None) -> list[Finding]:
        """See :meth:`corpus.pii.matcher.RuleMatcher.find`."""
        return self.matcher.find(text, within)

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: object = None, regex_flags: int | None = None
    ) -> list[RecognizerResult]:
        """Return Presidio results; positions are of ``text``, which is taken as it is (make it a shadow first)."""
        return [
            RecognizerResult(
                finding.kind,
                finding.start,
                finding.end,
                finding.score,
                recognition_metadata={
                    RecognizerResult.RECOGNIZER_NAME_KEY: self.name,
                    RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: self.id,
                },
            )
            for finding in self.find(text)
        ]
