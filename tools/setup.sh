#!/usr/bin/env bash
# Makes a machine ready, in three steps that the Makefile asks for one by one:
#   tools/setup.sh need demo|run|test  what the system must have: as root installed through apt, else named, one a line
#   tools/setup.sh python              .venv (everything) and .venv-base (what `pip install ersr` gives, and no more)
#   tools/setup.sh node                node_modules/ for the tests' outside judge
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

die() {
    printf '%s\n' "$@" >&2
    exit 1
}

find_python() {
    local candidate
    for candidate in "${PYTHON:-python3}" python3 python3.11 /usr/bin/python3 python3.12 python3.13; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    die "Python 3.11 or newer is needed, and no python3 here is (PYTHON=/path/to/python3 names another)."
}

# ---- the system

has() { command -v "$1" >/dev/null 2>&1; }

has_venv() { "$python" -c 'import ensurepip, venv' 2>/dev/null; }

# The same three places as tests/postgres.py; Debian keeps initdb out of PATH.
has_postgresql() { has initdb || [ -x "$(pg_config --bindir 2>/dev/null)/initdb" ] || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; }

# Sets `missing` to the packages, one "package: reason" each, that the step `$1` cannot do without.
look() {
    missing=()
    # The venv module is asked for only while there is no .venv: who has one needs no package for it.
    [ -x .venv/bin/python ] && [ -x .venv-base/bin/python ] || has_venv || missing+=("python3-venv: Debian's python3 cannot make a virtual environment without it")
    [ "$1" = test ] || return 0
    has chromium || missing+=("chromium: the browser tests and the demo's pictures")
    has_postgresql || missing+=("postgresql: the tests on PostgreSQL")
    has pdfsig || missing+=("poppler-utils: pdfsig judges our signed letters")
    has openssl || missing+=("openssl: judges our keys and certificates")
    has msgfmt && has xgettext || missing+=("gettext: compares the translations with the texts")
    has softhsm2-util || missing+=("softhsm2: the tests of a key that lies in hardware")
}

may_install() { [ "$(id -u)" = 0 ] && has apt-get; }

install() {
    echo "Installing $* ..."
    export DEBIAN_FRONTEND=noninteractive
    local log
    log=$(mktemp)
    if ! { apt-get update && apt-get install --yes --no-install-recommends -o DPkg::Lock::Timeout=120 "$@"; } </dev/null >"$log" 2>&1; then
        tail -n 15 "$log" >&2
        rm -f "$log"
        return 1
    fi
    rm -f "$log"
}

need() {
    python=$(find_python)
    look "$1"
    if [ ${#missing[@]} -gt 0 ] && may_install; then
        install "${missing[@]%%:*}" || true
        look "$1"
    fi
    if [ ${#missing[@]} -gt 0 ]; then
        die "Missing for make $1 (as root, this installs them: make setup):" "${missing[@]/#/  }"
    fi
    # Pictures are worth having, but the case is proved without them.
    if [ "$1" = demo ] && ! has chromium; then
        { may_install && install chromium; } || echo "No Chromium here (package chromium): the demo takes no pictures."
    fi
}

# ---- Python

# The last word of the user's own pip settings on $1, e.g. "index-url"; empty if there is none.
pip_setting() {
    local scope
    for scope in :env: install global; do
        sed -n "s/^$scope\\.$1='\\(.*\\)'\$/\\1/p" <<<"$pip_settings" | head -n 1 | grep . && return
    done || true
}

# How to reach an index is the user's business and kept. Everything else in the settings of pip and uv (constraints, find-links,
# --user, --target, extra indexes, old-resolver switches) was meant for other work and would contradict our hashes: it is left out.
keep_only_the_way_to_the_index() {
    local pip_settings index cert client_cert proxy trusted timeout name
    pip_settings=$(.venv/bin/python -m pip --disable-pip-version-check config list 2>/dev/null || true)
    index=$(pip_setting index-url)
    cert=$(pip_setting cert)
    client_cert=$(pip_setting client-cert)
    proxy=$(pip_setting proxy)
    trusted=$(pip_setting trusted-host)
    timeout=$(pip_setting default-timeout)
    [ -n "$timeout" ] || timeout=$(pip_setting timeout)
    for name in $(compgen -e); do
        case $name in
            UV_DEFAULT_INDEX | UV_INDEX_URL | UV_CACHE_DIR | UV_NATIVE_TLS | UV_SYSTEM_CERTS | UV_INSECURE_HOST | UV_HTTP_TIMEOUT) ;;
            PIP_* | UV_* | PYTHONPATH | PYTHONHOME | VIRTUAL_ENV) unset "$name" ;;
        esac
    done
    export PIP_CONFIG_FILE=/dev/null PIP_DISABLE_PIP_VERSION_CHECK=1
    export UV_NO_CONFIG=1 UV_NO_PROGRESS=1
    if [ -n "$index" ]; then
        export PIP_INDEX_URL=$index
        [ -n "${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}" ] || export UV_DEFAULT_INDEX=$index
    fi
    if [ -n "$cert" ]; then export PIP_CERT=$cert SSL_CERT_FILE=${SSL_CERT_FILE:-$cert}; fi
    if [ -n "$client_cert" ]; then export PIP_CLIENT_CERT=$client_cert SSL_CLIENT_CERT=${SSL_CLIENT_CERT:-$client_cert}; fi
    if [ -n "$proxy" ]; then export HTTPS_PROXY=${HTTPS_PROXY:-$proxy} HTTP_PROXY=${HTTP_PROXY:-$proxy}; fi
    if [ -n "$trusted" ]; then export PIP_TRUSTED_HOST=$trusted UV_INSECURE_HOST=${UV_INSECURE_HOST:-$trusted}; fi
    if [ -n "$timeout" ]; then export PIP_DEFAULT_TIMEOUT=$timeout UV_HTTP_TIMEOUT=${UV_HTTP_TIMEOUT:-$timeout}; fi
}

# An environment whose interpreter is gone cannot be mended; nothing in it is anybody's, so it is made anew.
environment() {
    local folder=$1
    shift
    "$folder/bin/python" -c '' 2>/dev/null && return
    rm -rf "$folder"
    "$python" -m venv "$@" "$folder"
}

python_environments() {
    python=$(find_python)
    [ -x .venv/bin/python ] && [ -x .venv-base/bin/python ] || has_venv || die "Missing: package python3-venv (as root, this installs it: make setup)"
    environment .venv
    environment .venv-base --without-pip
    keep_only_the_way_to_the_index

    echo "Installing $(grep -c == requirements/dev.txt) Python packages into .venv ..."
    .venv/bin/python -m pip install --quiet --require-hashes --only-binary :all: --requirement requirements/uv.txt
    .venv/bin/uv --quiet pip install --python .venv/bin/python --require-hashes --requirement requirements/dev.txt
    .venv/bin/uv --quiet pip install --python .venv-base/bin/python --require-hashes --requirement requirements/base.txt

    # One editable wheel for both: built here with the setuptools whose hash was checked, so nothing is fetched to build it,
    # and .venv-base needs no setuptools of its own.
    local wheel
    wheel=$(mktemp -d)
    .venv/bin/python -W ignore -c 'import sys, setuptools.build_meta as b; b.build_editable(sys.argv[1])' "$wheel" >"$wheel/log" 2>&1 || {
        cat "$wheel/log" >&2
        rm -rf "$wheel"
        die "The project itself could not be installed."
    }
    local folder
    for folder in .venv .venv-base; do
        .venv/bin/uv --quiet pip install --python "$folder/bin/python" --offline --no-deps --reinstall "$wheel"/*.whl
    done
    rm -rf "$wheel"
}

# ---- Node

# Fetches each file, compares its digest with ours and unpacks it: no install scripts run and no lock file appears.
node_packages() {
    local folder package integrity name files=()
    # Node trusts only the authorities it was built with; the rest of the machine trusts the system's.
    [ -n "${NODE_EXTRA_CA_CERTS:-}" ] || [ ! -r /etc/ssl/certs/ca-certificates.crt ] || export NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
    echo "Fetching the Node packages of the tests ..."
    folder=$(mktemp -d)
    trap "rm -rf '$folder'" EXIT
    rm -rf node_modules
    while read -r package integrity; do
        [ "${package:0:1}" != "#" ] || continue
        .venv/bin/npm pack --loglevel=error --pack-destination "$folder" "$package" >/dev/null </dev/null || die "$package could not be fetched."
        files=("$folder"/*.tgz)
        [ "sha512-$(openssl dgst -sha512 -binary "${files[0]}" | base64 --wrap=0)" = "$integrity" ] || die "$package is not the file whose digest requirements/node.txt names."
        name=${package%@*}
        mkdir -p "node_modules/$name"
        tar --extract --gzip --strip-components=1 --no-same-owner --file "${files[0]}" --directory "node_modules/$name"
        rm -f "${files[0]}"
    done <requirements/node.txt
}

case "${1:-} ${2:-}" in
    "need demo" | "need run" | "need test") need "$2" ;;
    "python ") python_environments ;;
    "node ") node_packages ;;
    *) die "usage: tools/setup.sh need demo|run|test, python, or node" ;;
esac
