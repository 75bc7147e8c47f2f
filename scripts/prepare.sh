# Shared by run, test, scripts/install and scripts/models (sourced, not run): what the machine must have, and the build.
# Expects `me`, the name to speak under, and `home`, the project's folder.

say() { printf '%s: %s\n' "$me" "$*" >&2; }

# Swift 6.2 or later, or a line that says how to get it.
need_swift() {
  local found=""
  if command -v swift >/dev/null; then
    found=$(swift --version 2>/dev/null </dev/null | sed -n 's/.*Swift version \([0-9.]*\).*/\1/p')
    if [ "$(printf '%s\n' 6.2 "$found" | sort -V | head -n 1)" = 6.2 ]; then return; fi
  fi
  say "needs Swift 6.2 or later; found ${found:-none on PATH}. See https://swift.org/install, or on Debian and Ubuntu:"
  say '  curl -fO https://download.swift.org/swiftly/linux/swiftly-$(uname -m).tar.gz && tar zxf swiftly-$(uname -m).tar.gz && ./swiftly init'
  exit 1
}

# Whether a C program that includes header $1 links with library $2.
links() {
  "$(command -v clang || command -v cc || echo cc)" -x c -include "$1" - "-l$2" -o /dev/null \
    >/dev/null 2>&1 <<<'int main(void) { return 0; }'
}

# The libraries, and the tools named as arguments; installed with apt where that needs no password.
need_packages() {
  local missing=() tool
  links ncurses.h ncursesw || missing+=(libncurses-dev)
  links cblas.h openblas || missing+=(libopenblas-dev)
  for tool in "$@"; do command -v "$tool" >/dev/null || missing+=("$tool"); done
  if [ ${#missing[@]} -eq 0 ]; then return; fi

  if ! command -v apt-get >/dev/null; then
    say "missing, by their Debian names: ${missing[*]}. Install ncurses (wide characters) and OpenBLAS with headers${*:+, and $*}."
    exit 1
  fi
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    as_root=(sudo -n)
    if ! sudo -n true >/dev/null 2>&1; then
      old_name_of_ncurses
      say "missing packages; type: sudo apt-get update && sudo apt-get install -y ${missing[*]}"
      exit 1
    fi
  fi
  say "installing ${missing[*]} with apt-get"
  quietly "${as_root[@]}" apt-get update || say "apt-get update failed; going on with the lists at hand"
  old_name_of_ncurses
  if ! quietly "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y --no-install-recommends "${missing[@]}"; then
    say "could not install; type: sudo apt-get update && sudo apt-get install -y ${missing[*]}"
    exit 1
  fi
}

# Older releases have only libncursesw5-dev. Changes the caller's `missing`.
old_name_of_ncurses() {
  if ! apt-cache show libncurses-dev >/dev/null 2>&1 && apt-cache show libncursesw5-dev >/dev/null 2>&1; then
    missing=("${missing[@]/#libncurses-dev/libncursesw5-dev}")
  fi
}

# Runs a command and shows what it said only if it fails.
quietly() {
  local said
  said=$("$@" 2>&1 </dev/null) || { local status=$?; printf '%s\n' "$said" >&2; return "$status"; }
}

# Leaves an up-to-date release build in .build/release/specola, with the standard library inside.
build() {
  local stamp="$home/.build/specola.stamp" arguments
  if [ -x "$home/.build/release/specola" ] && [ -e "$stamp" ] &&
    [ -z "$(find "$home/Sources" "$home/Package.swift" -newer "$stamp" -print -quit)" ]; then
    return
  fi
  need_swift
  need_packages
  mkdir -p "$home/.build"
  if [ -e "$stamp" ]; then say "building"; else say "building (the first time takes a few minutes)"; fi
  touch "$stamp.new"
  arguments=(swift build --package-path "$home" -c release --product specola --static-swift-stdlib)
  if [ -t 2 ]; then
    "${arguments[@]}" >&2 </dev/null
  else
    quietly "${arguments[@]}"
  fi || { say "the build failed"; exit 1; }
  mv "$stamp.new" "$stamp"
}
