#!/bin/bash
# What Spark on Kubernetes asks of an image: "executor" starts one, by the variables that Spark sets in the pod.
# Everything else is an argument of wudao.
set -euo pipefail
if [ "${1:-}" != executor ]; then
    exec wudao "$@"
fi
: "${SPARK_HOME:=$(python3 -c 'from pyspark.find_spark_home import _find_spark_home; print(_find_spark_home())')}"
export SPARK_HOME
# Java options come one by one, numbered: SPARK_JAVA_OPT_0, SPARK_JAVA_OPT_1, …
options=()
for ((number = 0; ; number++)); do
    name=SPARK_JAVA_OPT_$number
    [ -n "${!name+set}" ] || break
    options+=("${!name}")
done
exec "${JAVA_HOME:+$JAVA_HOME/bin/}java" "${options[@]}" \
    "-Xms$SPARK_EXECUTOR_MEMORY" "-Xmx$SPARK_EXECUTOR_MEMORY" \
    -cp "${SPARK_EXTRA_CLASSPATH:+$SPARK_EXTRA_CLASSPATH:}$SPARK_HOME/jars/*" \
    org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend \
    --driver-url "$SPARK_DRIVER_URL" --executor-id "$SPARK_EXECUTOR_ID" --cores "$SPARK_EXECUTOR_CORES" \
    --app-id "$SPARK_APPLICATION_ID" --hostname "$SPARK_EXECUTOR_POD_IP" \
    --resourceProfileId "$SPARK_RESOURCE_PROFILE_ID" --podName "$SPARK_EXECUTOR_POD_NAME"
