# Concord in a container: `docker build -t concord .`, or see docker-compose.yml.

# The first stage makes an environment from the lock; every file is held against its hash, and nothing is built from
# sources that the lock does not pin.
FROM python:3.11-slim AS built
WORKDIR /build
RUN python -m venv /opt/concord
COPY requirements.lock ./
RUN /opt/concord/bin/pip install --disable-pip-version-check --no-cache-dir --only-binary=:all: \
        --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY core core
COPY connectors connectors
COPY api api
COPY mappings mappings
COPY profiles profiles
RUN /opt/concord/bin/pip install --disable-pip-version-check --no-cache-dir --no-deps --no-build-isolation .

# The second one runs it, as a user that may write nowhere but in /data.
FROM python:3.11-slim
RUN useradd --system --uid 10001 --create-home concord \
    && install --directory --owner=concord --group=concord /data
COPY --from=built /opt/concord /opt/concord
ENV PATH=/opt/concord/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    CONCORD_DATA=/data
USER concord
WORKDIR /home/concord
VOLUME /data
EXPOSE 8000
# Whether the process lives, since whoever runs containers may start one anew that is not well; whether it can do its
# work says /readyz.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
# The page has no sign-in: publish the port on 127.0.0.1 only, or put a proxy with a sign-in before it.
CMD ["concord", "up", "--host", "0.0.0.0", "--port", "8000"]
