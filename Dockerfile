# Builds an image that serves over Streamable HTTP on port 8787, as a user without rights, with nothing writable in it.
# docs/serving.md says how to run it, and what it needs: callers or an issuer, and a key of PostHog's.

ARG PYTHON=python:3.13-slim

FROM ${PYTHON} AS build
WORKDIR /build
COPY constraints.txt pyproject.toml hatch_build.py README.md LICENSE ./
COPY src src
# pip compiles what it installs. It is compiled once more, without the dates of the sources, so that the bytecode stays
# valid however the layers are copied: a start without it takes more than twice as long.
RUN python -m venv /opt/projects-mcp \
    && PIP_CONSTRAINT=/build/constraints.txt \
        /opt/projects-mcp/bin/pip install --no-cache-dir --disable-pip-version-check '.[aiohttp,metrics,redis]' \
    && /opt/projects-mcp/bin/pip uninstall --yes --quiet pip \
    && python -m compileall -q -f --invalidation-mode unchecked-hash /opt/projects-mcp/lib

FROM ${PYTHON}
LABEL io.modelcontextprotocol.server.name="io.github.projects-mcp/projects-mcp"
# The image of Python comes without bytecode of its standard library, and the user below could not keep any.
RUN python -m compileall -q --invalidation-mode unchecked-hash /usr/local/lib/python3.*
COPY --from=build /opt/projects-mcp /opt/projects-mcp
# Certificates: PostHog is checked against the list of `certifi`, an issuer of tokens against that of the system, which
# the image has. SSL_CERT_FILE replaces both, where either has a certificate of a company's own.
ENV PATH=/opt/projects-mcp/bin:$PATH
# A number, so that Kubernetes can see that it is not root.
USER 10001:10001
EXPOSE 8787
# http.client goes through no proxy, whatever the environment names.
HEALTHCHECK --interval=30s --timeout=5s --start-period=15s --retries=3 \
    CMD ["python", "-c", "import http.client as h, sys; c = h.HTTPConnection('127.0.0.1', 8787, timeout=3); c.request('GET', '/healthz'); sys.exit(c.getresponse().status != 200)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["projects-mcp"]
CMD ["serve", "--host", "0.0.0.0"]
