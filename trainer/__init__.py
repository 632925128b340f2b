"""Pretraining of CPM and GLM from token shards: ``torchrun -m trainer train TOKENS --preset cpm-109m --out RUN``."""
