"""Recognisers of Chinese personal information: rules as YAML, validators as functions, tables as data.

The ``*.yaml`` files are in the format of Presidio's recogniser registry and load in Presidio as they are; the
key ``rule`` of an entry, which Presidio ignores, names the validator, the cues and the evidence (documented in
:mod:`corpus.pii.rules`). Expressions are written for shadow text (:mod:`corpus.pii.shadow`): ASCII digits and
letters, no zero-width characters, traditional trigger words folded to simplified ones.
"""
