#!/bin/sh
# The names of the checks of a preset file, one a line.  usage: preset_checks.sh FILE
awk '/^[a-z]/ { gate = $1 == "gate:" } gate && /^  [a-zA-Z]/ { sub(/:.*/, "", $1); print $1 }' "$1" |
	grep -v '^control_'
