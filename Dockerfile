FROM python:3.13-slim AS build
WORKDIR /build
RUN python -m venv /venv
COPY requirements/runtime.txt requirements/
RUN /venv/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements/runtime.txt
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN /venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /data --create-home catalog
COPY --from=build /venv /venv
# Callers sign in. Without the settings of a first admin, the start prints a link that creates one.
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 CATALOG_HTTP__HOST=0.0.0.0 CATALOG_IDENTITY__MODE=required
USER catalog
WORKDIR /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s \
    CMD ["python", "-c", "import os, urllib.request as u; host = os.environ.get('CATALOG_HTTP__ALLOWED_HOSTS', '').split(',')[0].strip('[\"] ') or 'localhost'; u.urlopen(u.Request('http://127.0.0.1:8000/health/ready', headers={'Host': host}), timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["catalog"]
CMD ["serve"]
