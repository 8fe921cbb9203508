#!/bin/sh
# deb.sh - what `make deb` does once everything is built: two Debian packages, flowmint and flowmint-verify alone. A partner needs
# no more than the second one.
#
#     packaging/deb.sh [BUILD [FOLDER]]      writes FOLDER/NAME_VERSION_ARCH.deb (default: build, BUILD/deb)
#
# The same programs give the same packages: dates are those of the last commit, or SOURCE_DATE_EPOCH's.  XZ_LEVEL: 0 to 9,
# from quick to small (6).  DEBFULLNAME and DEBEMAIL: who answers for them (debchange(1)).
set -eu
cd "$(dirname "$0")/.."
B=${1:-build}
out=${2:-$B/deb}
for tool in dpkg-deb dpkg-shlibdeps; do
	command -v $tool >/dev/null || { echo "make deb: no $tool here (Debian: dpkg-dev)" >&2; exit 4; }
done
version=$(sed -n 's/^#define FM_VERSION "\(.*\)"$/\1/p' base/version.h)
arch=$(dpkg --print-architecture)
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y base/version.h)}
export SOURCE_DATE_EPOCH
maintainer="${DEBFULLNAME:-flowmint} <${DEBEMAIL:-flowmint@localhost}>"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 022
mkdir -p "$out"

# size ROOT: in KiB as dpkg-gencontrol counts it, which no file system changes
size() {
	find "$1" -path "$1/DEBIAN" -prune -o -printf '%y %s\n' | awk '{ n += $1 == "f" ? int(($2 + 1023) / 1024) : 1 } END { print n }'
}

# documents NAME: what Debian's policy (12.5, 12.7) asks of /usr/share/doc/NAME; the text of the licence is in base-files
documents() {
	cat >"$work/$1/usr/share/doc/$1/copyright" <<-END
		Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
		Upstream-Name: flowmint

		Files: *
		Copyright: $(date -u -d "@$SOURCE_DATE_EPOCH" +%Y) the authors of flowmint
		License: Apache-2.0
		 On Debian systems the text of the Apache License, Version 2.0, is in
		 /usr/share/common-licenses/Apache-2.0.
	END
	printf '%s (%s) unstable; urgency=medium\n\n  * Version %s.\n\n -- %s  %s\n' "flowmint" "$version" "$version" "$maintainer" \
		"$(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")" | gzip -9n >"$work/$1/usr/share/doc/$1/changelog.gz"
}

# package NAME PROGRAM DEPENDS SUMMARY TEXT: what lies in $work/NAME as NAME_VERSION_ARCH.deb
package() {
	name=$1 root=$work/$1
	strip --strip-unneeded "$root/usr/bin/$2"
	mkdir -p "$root/DEBIAN" "$work/source/debian"
	echo "Source: flowmint" >"$work/source/debian/control"
	needs=$(cd "$work/source" && dpkg-shlibdeps -O "$root/usr/bin/$2" 2>/dev/null | sed -n 's/^shlibs:Depends=//p')
	[ -n "$needs" ] || { echo "make deb: dpkg-shlibdeps found no packages for the libraries of $2" >&2; exit 4; }
	cat >"$root/DEBIAN/control" <<-END
		Package: $name
		Version: $version
		Architecture: $arch
		Maintainer: $maintainer
		Section: net
		Priority: optional
		Installed-Size: $(size "$root")
		Depends: $needs$3
		Description: $4
		$(printf '%s\n' "$5" | fold -sw 76 | sed 's/ *$//; s/^/ /')
	END
	find "$root" -type d -exec chmod g-s {} + # as the folder for temporary files may have it
	find "$root" -exec touch -hd "@$SOURCE_DATE_EPOCH" {} +
	dpkg-deb --root-owner-group -Zxz -z"${XZ_LEVEL:-6}" -b "$root" "$out/${name}_${version}_$arch.deb" >/dev/null
	echo "$out/${name}_${version}_$arch.deb"
}

make -s -o all install B="$B" DESTDIR="$work/flowmint" PREFIX=/usr
mkdir -p "$work/flowmint-verify/usr/bin" "$work/flowmint-verify/usr/share/man/man1" "$work/flowmint-verify/usr/share/doc/flowmint-verify"
mv "$work/flowmint/usr/bin/flowmint-verify" "$work/flowmint-verify/usr/bin"
mv "$work/flowmint/usr/share/man/man1/flowmint-verify.1" "$work/flowmint-verify/usr/share/man/man1"
for f in bash-completion/completions/flowmint-verify zsh/site-functions/_flowmint-verify fish/vendor_completions.d/flowmint-verify.fish; do
	mkdir -p "$work/flowmint-verify/usr/share/${f%/*}"
	mv "$work/flowmint/usr/share/$f" "$work/flowmint-verify/usr/share/$f"
done
rm "$work/flowmint/usr/share/doc/flowmint/LICENSE"
documents flowmint
documents flowmint-verify
for unit in packaging/*.service packaging/*.timer; do
	install -D -m 644 "$unit" "$work/flowmint/usr/lib/systemd/system/$(basename "$unit")"
done
find "$work"/*/usr/share/man -type f -exec gzip -9n {} +

package flowmint flowmint ", flowmint-verify (= $version), openssh-client" "synthetic network flows from private traces" \
	"Trains a diffusion model on private NetFlow in a restricted workspace, generates flows, gates the release on distances, tasks and leakage, and emits signed archives."
package flowmint-verify flowmint-verify "" "check archives of synthetic network flows" \
	"Checks signature, digests and verdict of an archive that flowmint released, and remembers what was accepted. It needs nothing else of flowmint."
