"""Main text, kind, title, date and features of a web page, from its markup alone.

A page is parsed into flat arrays (:mod:`corpus.kernels.markup`); everything
after that is linear loops over them. :func:`corpus.extraction.engine.extract`
is the entry point.
"""
