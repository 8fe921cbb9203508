#include "traces/binary.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"

#define SNIFF_BYTES 4096

struct magic {
	const char *bytes;
	size_t n;
	const char *what;
};
static const struct magic magics[] = {
    {"\xff\xfe\0\0", 4, "UTF-32 text: convert it with iconv -f UTF-32 -t UTF-8"},
    {"\0\0\xfe\xff", 4, "UTF-32 text: convert it with iconv -f UTF-32 -t UTF-8"},
    {"\xff\xfe", 2,
     "UTF-16 text: convert it with iconv -f UTF-16 -t UTF-8, or set encoding: "
     "utf-16 in a dialect of your own"},
    {"\xfe\xff", 2,
     "UTF-16 text: convert it with iconv -f UTF-16 -t UTF-8, or set encoding: "
     "utf-16 in a dialect of your own"},
    {"\xd4\xc3\xb2\xa1", 4, "a packet capture: set source.dialect: pcap"},
    {"\xa1\xb2\xc3\xd4", 4, "a packet capture: set source.dialect: pcap"},
    {"\x0a\x0d\x0d\x0a", 4, "a packet capture: set source.dialect: pcap"},
    {"\0\x0a", 2, "an IPFIX file, or a damaged one: set source.dialect: ipfix"},
    {"\x0c\xa5", 2, "an nfcapd file: write it as CSV with nfdump -r FILE -o csv"},
    {"\x1f\x8b", 2, "gzip data once more: unpack it first"},
    {"\xfd\x37zXZ", 5, "xz data once more: unpack it first"},
    {"\x28\xb5\x2f\xfd", 4, "zstd data once more: unpack it first"},
    {"PK\x03\x04", 4, "a zip archive once more: unpack it first"},
    {"\x4d\x3c\xb2\xa1", 4, "a packet capture: set source.dialect: pcap"},
    {"\xa1\xb2\x3c\x4d", 4, "a packet capture: set source.dialect: pcap"},
    {"Rar!\x1a\x07", 6, "a RAR archive: unpack it first (unrar, bsdtar)"},
    {"MSCF", 4, "a CAB archive: unpack it first"},
    {"\xde\xad\xbe\xef", 4, "a SiLK file: write it as text with rwcut"},
    {"\xd0\xcf\x11\xe0", 4, "an Excel workbook: save the sheet as CSV first"},
    {"PAR1", 4, "a Parquet file: write it as CSV first"},
    {"ARROW1", 6, "an Arrow file: write it as CSV first"},
    {"\x89HDF", 4, "an HDF5 file: write the table as CSV first"},
    {"Obj\x01", 4, "an Avro file: write it as CSV first"},
    {"\x93NUMPY", 6, "a NumPy array: write the table as CSV first"},
    {"\x80\x03", 2, "a pickle of Python: write the table as CSV first (to_csv)"},
    {"\x80\x04\x95", 3, "a pickle of Python: write the table as CSV first (to_csv)"},
    {"\x80\x05\x95", 3, "a pickle of Python: write the table as CSV first (to_csv)"},
    {"%PDF", 4, "a PDF document"},
    {"version https://git-lfs", 23, "a pointer of Git LFS: fetch the file behind it with git lfs pull"},
    {"SQLite format 3", 15, "a SQLite data base: write the flows as CSV first"},
};

/* What stands between < and >, behind blanks too; NULL: none of that does. */
static const char *markup(const char *s, size_t n)
{
	while (n && (*s == ' ' || *s == '\t' || *s == '\r' || *s == '\n')) {
		s++;
		n--;
	}
	if ((n > 8 && !strncasecmp(s, "<!doctype", 9)) || (n > 4 && !strncasecmp(s, "<html", 5)))
		return "a web page: what was fetched is not the trace";
	return n > 4 && !memcmp(s, "<?xml", 5) ? "an XML document: write its flows as CSV first, if it has some" : NULL;
}

/* Single bad bytes are left to their rows. */
int fm_binary_refuse(const char *path, const char *s, size_t n, struct fm_error *err)
{
	size_t strange = 0, nul[2] = {0};
	const char *what = markup(s, n);

	if (what)
		return fm_fail(err, FM_EINPUT, "%s is not a CSV file but %s", path, what);

	for (size_t i = 0; i < sizeof magics / sizeof *magics; i++)
		if (n >= magics[i].n && !memcmp(s, magics[i].bytes, magics[i].n))
			return fm_fail(err, FM_EINPUT, "%s is not a CSV file but %s", path, magics[i].what);
	n = n < SNIFF_BYTES ? n : SNIFF_BYTES;
	for (size_t i = 0, len; i < n; i += len) {
		unsigned char c = (unsigned char)s[i];

		len = c < 0x80 ? 1 : fm_utf8_next(s + i, n - i, NULL);
		nul[i % 2] += !c;
		strange += !len || (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f;
		len += !len;
	}
	if (n > 16 && (nul[0] > n / 3 || nul[1] > n / 3) && (!nul[0] || !nul[1]))
		return fm_fail(
		    err, FM_EINPUT,
		    "%s is not a CSV file but UTF-16 text without a byte-order mark: convert it with iconv -f "
		    "UTF-16%s -t UTF-8, or set encoding: utf-16 in a dialect of your own",
		    path, nul[0] ? "BE" : "LE");
	if (strange > 8 && strange > n / 4)
		return fm_fail(err, FM_EINPUT, "%s is not a CSV file: binary data at its beginning", path);
	return FM_OK;
}
