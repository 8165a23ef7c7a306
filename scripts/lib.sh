# Shared by the scripts beside it: finds a Python, keeps a virtual environment up to date.
# Sourced by bash with `set -euo pipefail`; the current folder is the project's root.

say() { printf '%s\n' "$*" >&2; }
die() { say "$(basename "$0"): $*"; exit 1; }

runs() { # PYTHON: is it a working Python of 3.11 or newer? (a pyenv shim may be neither)
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

version_of() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])'; }

find_python() { # [VERSION ...]: the first that works, of these versions
    local version candidate found
    for version in "$@"; do
        for candidate in "python$version" python3 /usr/bin/python3 \
            "$HOME/.pyenv/versions/$version".*/bin/python3 \
            "$HOME/.pyenv/versions/$version/bin/python3" /opt/python"$version"/bin/python3; do
            found=$(command -v "$candidate" 2>/dev/null) || continue
            if runs "$found" && [ "$(version_of "$found")" = "$version" ]; then
                printf '%s\n' "$found"
                return 0
            fi
        done
    done
    return 1
}

choose_python() { # $PYTHON if given, else the system's own if it will do, else any that will
    local found
    if [ -n "${PYTHON:-}" ]; then
        found=$(command -v "$PYTHON" 2>/dev/null) || found=""
        case "$PYTHON" in
        python3.*) if [ -z "$found" ] || ! runs "$found"; then found=$(find_python "${PYTHON#python}") || found=""; fi ;;
        esac
        { [ -n "$found" ] && runs "$found"; } || die "PYTHON=$PYTHON is not a working Python of 3.11 or newer."
        printf '%s\n' "$found"
        return 0
    fi
    if found=$(command -v python3 2>/dev/null) && runs "$found"; then
        case "$(version_of "$found")" in
        3.11 | 3.12 | 3.13)
            printf '%s\n' "$found"
            return 0
            ;;
        esac
    fi
    find_python 3.13 3.12 3.11 && return 0
    if [ -n "$found" ] && runs "$found"; then # newer than what is tested
        printf '%s\n' "$found"
        return 0
    fi
    try_apt python3 && found=$(find_python 3.13 3.12 3.11) && printf '%s\n' "$found" && return 0
    die "Python 3.11 or newer is needed and was not found: install the package python3."
}

try_apt() { # PACKAGE ...: installs them where we may; fails quietly where we may not
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
    say "Installing $* ..."
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" </dev/null >/dev/null 2>&1 && return 0
    apt-get update </dev/null >/dev/null 2>&1 || true
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" </dev/null >/dev/null 2>&1
}

make_venv() { # PYTHON VENV
    local python=$1 venv=$2 version
    if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
        version=$(version_of "$python")
        try_apt "python$version-venv" || try_apt python3-venv || true
        "$python" -c 'import ensurepip, venv' >/dev/null 2>&1 ||
            die "Python $version cannot make a virtual environment: install the package python$version-venv (or python3-venv)."
    fi
    rm -rf "$venv"
    "$python" -m venv "$venv" </dev/null
    link_systemd "$python" "$venv"
}

link_systemd() { # READY=1 and the watchdog need python3-systemd; a folder beside ours is enough
    local where
    where=$("$1" -c 'import os, systemd.daemon, systemd; print(os.path.dirname(systemd.__file__))' 2>/dev/null) || return 0
    ln -sfn "$where" "$("$2/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/systemd"
}

ensure_venv() { # PYTHON VENV REQUIREMENTS...: makes or refreshes VENV; does nothing when it is fresh
    local python=$1 venv=$2 stamp
    shift 2
    if [ -x "$venv/bin/python" ] && [ "$("$venv/bin/python" -c 'print(1)' 2>/dev/null)" != 1 ]; then
        rm -f "$venv/.stamp"
    fi
    # What the environment was made of: where it lies, its Python, and every file that shaped it.
    stamp=$({
        pwd
        "$python" -c 'import sys; print(sys.version, sys.base_prefix)'
        cat "$@" requirements/build.txt pyproject.toml setup.cfg btrmd/__init__.py
    } | sha256sum)
    if [ -x "$venv/bin/btrmd" ] && [ "$(cat "$venv/.stamp" 2>/dev/null)" = "$stamp" ]; then
        return 0
    fi
    say "Preparing $venv with Python $(version_of "$python") (once; needs the network) ..."
    make_venv "$python" "$venv"
    local list=()
    for file in "$@" requirements/build.txt; do list+=(-r "$file"); done
    local pip=("$venv/bin/python" -m pip --quiet --disable-pip-version-check --no-input)
    quietly "${pip[@]}" install --no-compile --no-deps "${list[@]}" ||
        die "the Python packages could not be installed (no network?); what pip said stands above."
    # as pip would, but on all processors; a file of a package that is no Python of today is none of ours
    "$venv/bin/python" -m compileall -qq -j 0 "$venv/lib" </dev/null >/dev/null 2>&1 || true
    quietly "${pip[@]}" install --no-deps --no-build-isolation --editable . ||
        die "btrmd itself could not be installed; what pip said stands above."
    printf '%s\n' "$stamp" >"$venv/.stamp"
}

ensure_packages() { # PYTHON VENV REQUIREMENTS: an environment without btrmd, of any Python there is
    local python=$1 venv=$2 stamp
    stamp=$({ pwd; cat "$3"; } | sha256sum)
    [ -x "$venv/bin/python" ] && "$venv/bin/python" -c '' 2>/dev/null &&
        [ "$(cat "$venv/.stamp" 2>/dev/null)" = "$stamp" ] && return 0
    say "Preparing $venv (once; needs the network) ..."
    make_venv "$python" "$venv"
    quietly "$venv/bin/python" -m pip --quiet --disable-pip-version-check --no-input install \
        --no-deps -r "$3" || return 1
    printf '%s\n' "$stamp" >"$venv/.stamp"
}

quietly() { # COMMAND...: what it says is shown only when it fails
    local out
    out=$("$@" </dev/null 2>&1) && return 0
    say "$out"
    return 1
}

locked() { # LOCKFILE COMMAND...: one at a time, so that two demos may start at once
    local file=$1
    shift
    exec 9>"$file"
    if command -v flock >/dev/null; then flock 9; fi
    "$@"
    exec 9>&-
}
