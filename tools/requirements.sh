#!/usr/bin/env bash
# Compiles requirements/*.txt: base -> service -> dev, each bound to the one before, so that a version is the same everywhere.
# Hashes are kept, addresses are not: whoever installs decides where the files come from, the hash decides whether they are right.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../requirements"

compile() {
    ../.venv/bin/uv --no-config --quiet pip compile --python ../.venv/bin/python --generate-hashes \
        --no-emit-index-url --no-emit-find-links --no-header "$@"
}

compile base.in --output-file base.txt "$@"
compile base.in lists.in service.in pkcs11.in --constraint base.txt --output-file service.txt "$@"
compile base.in lists.in service.in pkcs11.in keyring.in dev.in --constraint service.txt --output-file dev.txt "$@"
compile uv.in --constraint dev.txt --output-file uv.txt "$@"
