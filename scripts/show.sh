#!/bin/sh
# Say where a page is, and open it when a person with a screen is watching.
set -eu

page=$(CDPATH='' cd -- "$(dirname -- "$1")" && pwd)/$(basename -- "$1")
echo "Report: file://$page"
[ -t 1 ] || exit 0
if [ "$(uname)" = Darwin ]; then
    open "$page"
elif [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] && command -v xdg-open >/dev/null 2>&1; then
    xdg-open "$page" >/dev/null 2>&1 || true
fi
