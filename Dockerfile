# Two stages: what builds stays behind. The base is pinned to minor version and Debian release; hashes pin the rest.
FROM python:3.13-slim-bookworm AS build
WORKDIR /src
RUN python -m venv /opt/hourmeter
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements.lock .
RUN /opt/hourmeter/bin/pip install --require-hashes --requirement requirements.lock
COPY pyproject.toml README.md ./
COPY api api
COPY analytics analytics
COPY dashboards dashboards
COPY meter meter
COPY sql sql
RUN /opt/hourmeter/bin/pip install --no-deps .

FROM python:3.13-slim-bookworm
# Pango draws the PDFs; the slim image has neither it nor a font. The second font has Chinese, Japanese and Korean letters.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends \
        libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core fonts-droid-fallback \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --create-home --home-dir /var/lib/hourmeter --shell /usr/sbin/nologin hourmeter
COPY --from=build /opt/hourmeter /opt/hourmeter
ENV PATH=/opt/hourmeter/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    METER_HOST=0.0.0.0 \
    METER_PORT=8100 \
    METER_DATA_DIR=/var/lib/hourmeter
USER hourmeter
WORKDIR /var/lib/hourmeter
VOLUME /var/lib/hourmeter
EXPOSE 8100
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['METER_PORT'] + '/v1/health', timeout=4)"]
ENTRYPOINT ["meter"]
CMD ["serve"]
