#!/usr/bin/env bash
# Fine-tuning: a model that was pretrained on a whole corpus goes on with the documents of one domain.
#
#     examples/fine_tuning.sh OUTPUT DOMAIN [PRESET]        # after: make corpus pretrain OUTPUT=OUTPUT
#
# Writes OUTPUT-DOMAIN (a corpus of its own with its token shards, same tokenizer) and OUTPUT-DOMAIN/runs/PRESET.
set -euo pipefail
output=${1:?OUTPUT of a build with token shards and a run} domain=${2:?domain, for example medical} preset=${3:-cpm-tiny}
subset=$output-$domain
base=$output/runs/$preset

wudao extract "$output" --domain "$domain" -o "$subset"
# A tenth of the rate and of the steps; the configuration of the model itself must be that of the checkpoint.
wudao train "$subset/tokens" --preset "$preset" --init-from "$base" --out "$subset/runs/$preset" \
    --set optim.lr=4e-4 --set run.eval_every=20 --steps 60
for run in "$base" "$subset/runs/$preset"; do
    wudao generate "$run" --tokenizer "$output/tokenizer" --prompt 医生说 -n 2 --length 60
done
