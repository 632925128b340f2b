"""The WuDao corpus builder: what happens to a document. Knows no engine."""

from corpus.kernel_cache import choose_cache

choose_cache()
