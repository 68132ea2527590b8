# medenv serve as an image: the embedded FHIR server on port 8080, with the charts of the `test` split or a file that is mounted.
#
#     docker build -t medenv .
#     docker run --rm -p 127.0.0.1:8080:8080 medenv
#     docker run --rm -p 127.0.0.1:8080:8080 -v "$PWD/charts.ndjson:/data/charts.ndjson:ro" medenv --data /data/charts.ndjson
#
# The base is any image with Python 3.10 or later. `scripts/build_image.sh` builds without a network: it lays the packages into wheels/
# first, through this machine's own pip.
ARG BASE=python:3.12-slim-bookworm

FROM ${BASE} AS build
# For a registry of one's own; unset, pip's defaults hold.
ARG PIP_INDEX_URL
ARG PIP_TRUSTED_HOST
ARG PIP_CERT
COPY . /src
RUN set -eu; \
    python3 -m venv --without-pip /opt/medenv; \
    pip=$(ls /src/wheels/pip-*.whl 2>/dev/null || true); \
    if [ -n "$pip" ]; then \
        /opt/medenv/bin/python "$pip/pip" install -q --no-index --find-links /src/wheels medagentbench-gym; \
    else \
        python3 -m pip --version >/dev/null 2>&1 || { python3 -m venv /tmp/tools; PATH=/tmp/tools/bin:$PATH; }; \
        python3 -m pip --python /opt/medenv/bin/python install -q --no-cache-dir /src; \
    fi

FROM ${BASE}
COPY --from=build /opt/medenv /opt/medenv
# Nobody in particular: the server needs no account, and writes nothing but the charts' cache.
ENV PATH=/opt/medenv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 HOME=/var/cache/medenv MEDENV_CACHE_DIR=/var/cache/medenv
RUN mkdir /var/cache/medenv && chown 10001:10001 /var/cache/medenv
USER 10001:10001
WORKDIR /var/cache/medenv
RUN medenv data build --split test
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/fhir/metadata', timeout=4)"]
# The container's own interface must be listened on; who reaches it is for the published port to say.
ENTRYPOINT ["medenv", "serve", "--host", "0.0.0.0", "--expose", "--port", "8080"]
CMD ["--split", "test"]
