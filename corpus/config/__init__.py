"""The configuration: one pydantic section per step and pass, loaded by :mod:`corpus.config.load`."""
