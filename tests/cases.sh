#!/bin/sh
# Small traces as people meet them (shared/cases), each with what flowmint must make of it: exit status and words. A case that
# holds must not be lost; one that does not hold yet gets its line with the change that makes it hold.
# usage: cases.sh [FLOWMINT]
# shellcheck disable=SC2086 # UNCONFINED is one word or none
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"
CASES=$(realpath -m "$ROOT/../shared/cases")

# The cases' commands know no option of ours.
cat >fm <<WRAP
#!/bin/sh
verb=\$1
shift
[ "\$verb" = run ] && exec "$F" run $UNCONFINED "\$@"
exec "$F" "\$verb" "\$@"
WRAP
chmod +x fm

one() { # CASE STATUS WORDS [DIALECT]: up to where the trace is read, by another dialect than the case's own
	if [ ! -d "$CASES/$1" ]; then
		skip "$1" "shared/cases is not here"
		return
	fi
	sed 's/--set train.steps=.*/--until ingest/' "$CASES/$1/cmd.txt" >cmd
	grep -q source.dialect= cmd || sed -i 's|--until|--set source.dialect=ugr16 --until|' cmd
	[ -z "${4-}" ] || sed -i "s|source.dialect=[^ ]*|source.dialect=$4|" cmd
	(cd "$CASES/$1" && FM="$T/fm" P="$T/$1" TMPDIR="$T" sh "$T/cmd") >said 2>&1
	got=$?
	rm -rf "${T:?}/$1"
	if [ $got -eq "$2" ] && grep -qF -e "$3" said; then
		holds "$1: $3" true
	else
		sed 's/^/# /' said
		holds "$1: status $got, not $2, or without \"$3\"" false
	fi
}

while IFS='|' read -r name status words; do
	one "$name" "$status" "$words"
done <<'TABLE'
01-nfdump16-summary-footer|0|3 lines of nfdump's summary are passed over
03-nfdump-hms-duration-M-suffix|3|have plain numbers written (nfdump -N)
05-nfdump-fmt-header-not-csv|3|which is no CSV
08-negative-duration|3|first at line 4: td is negative
09-rfc3339-Z|0|ingest: 120 rows
101-dialect-timezone-key|3|ingest: 60 rows
105-utf16-excel|3|iconv -f UTF-16 -t UTF-8
11-epoch-seconds-read-as-ms|3|all 120 times lie in 1970
113-tenth-of-times-1970|0|46 years from the others (first at line 1, then 11 and 21)
114-newest-first-end-to-end|0|is not in the order of time: 
14-ipv6-rows-5-percent|0|ingest: 120 rows
15-cicids-spaces-dup-infinity|0|ingest: 100 rows
17-cicids-ddmmyyyy-hhmm|3|te is not a time
18-cicids-12h-clock|3|te is not a time
19-cicids-windows1252-label|3|set encoding: windows-1252 in the dialect
21-header-repeated-in-middle|0|the header stands 1 times more
23-hex-ports-argus-unsw|0|ingest: 120 rows
24-dash-ports-unsw|0|30 missing values are 0 now
26-float-ports-from-pandas|0|ingest: 120 rows
28-trailing-comma-header|0|ingest: 120 rows
29-decimal-comma-semicolon|3|it has a comma, where a point is expected
30-thousands-separator|3|byt is not a nonnegative integer: it has a comma
32-ip-port-glued|3|an IPv4 address with a port behind it
35-gzip-zero-padding|0|ingest: 120 rows
36-gzip-truncated|3|the file is truncated or damaged
39-tar-several-members|3|choose one with source.member (a.csv, README.txt)
40-tar-empty-member|3|is empty
42-zip-ds-store|3|choose one with source.member (.DS_Store, a.csv)
43-zip-lzma-method|0|ingest: 120 rows
45-rar-file|3|a RAR archive: unpack it first
47-bom-crlf|0|ingest: 120 rows
49-nfdump-pipe-format|3|1 column where 13 are expected
50-nfdump-line-format|3|with nfdump -r FILE -o csv
54-inf-in-bytes|3|byt is not a nonnegative integer
55-empty-label-all|0|120 missing values are 0 now
56-protocol-number-and-name-mixed|0|ingest: 120 rows
57-fifo-or-stdin|1|rc fifo 0
58-dst-fall-back-one-hour|0|1 row is earlier than the row before it
59-one-row-in-2038|0|times about 2038, 22 years from the others (first at line 51)
60-zeek-tsv-comment-lines|0|lines of comment are passed over
62-argus-slash-dates|0|ingest: 100 rows
63-argus-mac-addresses|3|sa is a MAC address
65-nfstream-csv|0|ingest: 100 rows
66-header-case|3|in another case
67-nbsp-in-label|0|differs from another in case or blanks alone
68-label-case-and-spaces|0|differs from another in case or blanks alone
69-zero-packets-zero-bytes|0|40 of 120 rows have 0 packets (first at line 1, then 4 and 7)
70-duration-below-1ms|0|ingest: 120 rows
72-missing-td-column-blank-all|0|column td is missing in every row
73-cidds-padded-fields|0|ingest: 100 rows
75-cidds-names-for-addresses|3|sa is a name and no address
76-some-times-without-seconds|0|ingest: 120 rows
77-compact-date|3|te is not a time
78-hour-24|0|ingest: 120 rows
80-eval-constant-columns|0|"pair_jsd"
82-eval-new-category-in-synthetic|0|0.69314718055994
84-eval-all-missing-column|0|column td is missing in every row
85-eval-extra-column|3|14 columns where 13 are expected
86-eval-identical|0|"jsd_mean8": 0,
88-eval-empty-synthetic|3|is empty: a trace needs at least one row
89-eval-half-negative-bytes|0|byt is negative
91-eval-fractional-counts|3|pkt is not a nonnegative integer
92-eval-ipv6-in-synthetic|0|sa and da are of two families, IPv4 and IPv6
93-eval-two-dialects|3|it is that of dialect netshare
94-eval-real-one-row|0|"jsd_mean8"
95-eval-single-host|0|"jsd_mean8"
96-label-map-of-raw-byte|0|ingest: 100 rows
97-label-map-of-replacement-char|0|ingest: 100 rows
110-protocol-by-number-released|0|ingest: 12,000 rows
112-zero-packet-flows|0|1333 of 4000 rows have 0 packets
115-constant-trace-leak-alarm|0|ingest: 4,000 rows
118-dropped-ipv6-not-in-data-sheet|0|2000 rows are left out: sa and da are of two families, IPv4 and IPv6
99-infinity-as-missing-token|0|22 missing values are 0 now
TABLE

# What the case's own dialect cannot say: by a built-in one, or by its own with the key that says it.
own() { # CASE SED: its dialect, changed
	sed "$2" "$CASES/$1/dialect.yaml" >"$T/$1.yaml"
}
if [ -d "$CASES" ]; then
	own 102-tsv-with-bare-quotes '1a quote: none'
	own 104-zeek-sorted-by-end 's/column: te,/column: start,/'
	own 17-cicids-ddmmyyyy-hhmm 's|column: te, format: datetime|column: start, format: "%d/%m/%Y %H:%M"|'
	own 18-cicids-12h-clock 's|column: te, format: datetime|column: start, format: "%d/%m/%Y %H:%M"|'
	own 19-cicids-windows1252-label '1a encoding: windows-1252'
fi
one 01-nfdump16-summary-footer 0 "ingest: 120 rows" nfdump16
one 02-nfdump17-default-csv 0 "ingest: 120 rows" nfdump
one 03-nfdump-hms-duration-M-suffix 0 "ingest: 120 rows" nfdump
one 62-argus-slash-dates 0 "ingest: 100 rows" argus
one 73-cidds-padded-fields 0 "ingest: 100 rows" cidds
one 75-cidds-names-for-addresses 0 "ingest: 100 rows" cidds
one 49-nfdump-pipe-format 3 "60 rows make 30 windows" nfdump-pipe
one 50-nfdump-line-format 3 "60 rows make 30 windows" nfdump-line
one 65-nfstream-csv 0 "ingest: 100 rows" nfstream
one 102-tsv-with-bare-quotes 0 "ingest: 100 rows" "$T/102-tsv-with-bare-quotes.yaml"
one 104-zeek-sorted-by-end 0 "ingest: 100 rows" "$T/104-zeek-sorted-by-end.yaml"
if [ -d "$CASES" ]; then
	holds "104: and none of them is earlier than the row before it" sh -c '! grep -q "earlier than the row" said'
fi
one 17-cicids-ddmmyyyy-hhmm 0 "ingest: 100 rows" "$T/17-cicids-ddmmyyyy-hhmm.yaml"
one 18-cicids-12h-clock 3 "the times are those of a 12-hour clock" "$T/18-cicids-12h-clock.yaml"
one 19-cicids-windows1252-label 0 "ingest: 100 rows" "$T/19-cicids-windows1252-label.yaml"
finish
