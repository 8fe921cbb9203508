/* The names that collectors give the columns of a flow. */
#include "traces/sniff_names.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/table.h"

static const struct {
	const char *names; /* in lower case and digits only, between blanks */
	int col;
	bool start;
	enum fm_sniff_way way;
	bool rare; /* the other names come first */
} known[] = {
    {" te end endtime ltime lasttime lastseen tslast timestampend etime flowend flowendmilliseconds lastswitched last "
     "timeflowend timeflowendns timeflowendms switchedlast timelast timeend "
     "lastpacket dateflowend stop stoptime bidirectionallastseenms datelastseen tlast endsec etimestamp flowendtime "
     "etimemsec stopdatetime "
     "flowendsec "
     "flowendseconds flowendmicroseconds flowendnanoseconds flowendtimestamp endtimestamp ",
     FM_TE, false, FM_WAY_ONE, false},
    {" ts start starttime stime firsttime firstseen timestamp timestampstart datefirstseen flowstart "
     "flowstartmilliseconds firstswitched first time date datetime bidirectionalfirstseenms tfirst timeflowstart "
     "timeflowstartns timeflowstartms starttimestamp startsec stimestamp timefirst timestart flowstarttime "
     "firstpacket stimemsec startdatetime flowstartsec flowstartseconds flowstartmicroseconds "
     "flowstartnanoseconds relstart ",
     FM_TE, true, FM_WAY_ONE, false},
    {" td dur duration flowduration durationms bidirectionaldurationms flowdurationmilliseconds "
     "elapsedtime elapsed durationsec durationseconds durationus durationns durationmsec durationmilliseconds "
     "durationmicroseconds flowdurationms flowdurationus durations flowdurations durs durmsec ",
     FM_TD, false, FM_WAY_ONE, false},
    {" sa srcip srcaddr sourceip sourceaddress saddr sip ipsrc src srcipaddr srchost idorigh srcipaddress "
     "sourceipv4address ipv4srcaddr origh addressa srcaddress src4addr ipsrcaddr ip4srcaddr srcipaddrport srcaddrport ",
     FM_SA, false, FM_WAY_ONE, false},
    {" da dstip dstaddr destinationip destinationaddress daddr dip ipdst dst dstipaddr dsthost idresph dstipaddress "
     "destinationipv4address ipv4dstaddr resph addressb destip dstaddress dst4addr ipdstaddr ip4dstaddr "
     "destinationipaddress "
     "dstipaddrport dstaddrport ",
     FM_DA, false, FM_WAY_ONE, false},
    {" sp srcport sport srcpt sourceport initiatorport idorigp l4srcport sourcetransportport origp portsrc ipsrcport "
     "porta "
     "srcl4portid srcp ",
     FM_SP, false, FM_WAY_ONE, false},
    {" dp dstport dport dsport dstpt destinationport destport responderport idrespp l4dstport destinationtransportport "
     "respp "
     "portdst ipdstport portb dstl4portid dstp ",
     FM_DP, false, FM_WAY_ONE, false},
    {" source cliip clientip client cliaddr clientaddr clientaddress clientipaddr clientipaddress subjectipaddress "
     "initiatorip initiatoripaddress pktsrcaddr ",
     FM_SA, false, FM_WAY_ELSE, false},
    {" destination srvip serverip server srvaddr serveraddr serveraddress serveripaddr serveripaddress peeripaddress "
     "responderip responderipaddress pktdstaddr ",
     FM_DA, false, FM_WAY_ELSE, false},
    {" cliport clientport clientl4portid subjectportprotocol ", FM_SP, false, FM_WAY_ELSE, false},
    {" srvport serverport serverl4portid peerportprotocol ", FM_DP, false, FM_WAY_ELSE, false},
    {" pr proto protocol prot ipprotocol ipproto protocolidentifier pro networktransport transport "
     "ianaproto ianaprotocol iananumber protocolname protoname protoid protocolid protonum protonumber protocolnumber "
     "l4proto l4protocol ",
     FM_PR, false, FM_WAY_ONE, false},
    {" flg flags tcpflags flag state connstate tcpcontrolbits ", FM_FLG, false, FM_WAY_ONE, false},
    {" fwd ", FM_FWD, false, FM_WAY_ONE, false},
    {" tos stos srctos iptos ipclassofservice ", FM_STOS, false, FM_WAY_ONE, false},
    {" pkt pkts packets packet ipkt numpktssnt totpkts inpkts inpackets packetcount packettotalcount packetdeltacount "
     "totalpackets "
     "bidirectionalpackets packetscount inpkt ",
     FM_PKT, false, FM_WAY_ONE, false},
    {" byt bytes byte ibyt oct inoctets numbytessnt totbytes inbytes octets octetcount octettotalcount octetdeltacount "
     "totalbytes "
     "bidirectionalbytes doctets inbyte ",
     FM_BYT, false, FM_WAY_ONE, false},
    {" spkts dpkts origpkts resppkts totalfwdpackets totalbackwardpackets totalfwdpacket totalbwdpackets "
     "src2dstpackets dst2srcpackets totfwdpkts "
     "totbwdpkts flowpktstoserver flowpktstoclient srcpkts dstpkts fwdpkts bwdpkts fwdpackets bwdpackets sentpkt "
     "rcvdpkt sentpkts rcvdpkts "
     "sentpackets "
     "rcvdpackets packetssent packetsreceived numpktsout numpktsin pktssent pktsreceived sourcepackets "
     "destinationpackets dstpackets "
     "srcpackets packetsin packetsout pktsin pktsout packetssrctodest packetsdesttosrc packetsab packetsba "
     "outboundpackets "
     "inboundpackets cli2srvpackets srv2clipackets subjectpackets peerpackets "
     "initiatorpackets responderpackets totalsourcepackets totaldestinationpackets "
     "txpackets rxpackets txpkts rxpkts pktstoserver pktstoclient packetstoserver packetstoclient pktsc2s pktss2c ",
     FM_PKT, false, FM_WAY_SUM, false},
    {" sbytes dbytes totallengthoffwdpackets totallengthofbwdpackets totallengthoffwdpacket totallengthofbwdpacket "
     "src2dstbytes "
     "dst2srcbytes totlenfwdpkts totlenbwdpkts flowbytestoserver flowbytestoclient srcbytes dstbytes fwdbytes "
     "bwdbytes sentbyte rcvdbyte sentbytes rcvdbytes bytessent bytesreceived bytesout bytesin sourcebytes "
     "destinationbytes bytessrctodest bytesdesttosrc bytesab bytesba outboundbytes inboundbytes cli2srvbytes "
     "srv2clibytes subjectbytes peerbytes initiatorbytes responderbytes totalsourcebytes "
     "totaldestinationbytes txbytes rxbytes bytestoserver bytestoclient bytesc2s bytess2c ",
     FM_BYT, false, FM_WAY_SUM, false},
    {" origipbytes respipbytes srcipbytes dstipbytes ", FM_BYT, false, FM_WAY_WITH_HEADERS, false},
    {" origbytes respbytes fwdtotalpayloadbytes bwdtotalpayloadbytes ", FM_BYT, false, FM_WAY_PAYLOAD, false},
    {" opkt opkts outpkt outpkts outpackets rpkt rpackets packetsrev reversepacketdeltacount "
     "reversepackettotalcount ",
     FM_PKT, false, FM_WAY_REPLY, false},
    {" obyt obytes outbyte outbytes outoctets roct roctets bytesrev reverseoctetdeltacount "
     "reverseoctettotalcount ",
     FM_BYT, false, FM_WAY_REPLY, false},
    {" label class attack attackcat category type attacktype ", FM_LABEL, false, FM_WAY_ONE, false},
    /* Others that are less common, or say less. */
    {" flowstop finish finishtime stoptimestamp timestamplast tsend timestampstop tsstop ", FM_TE, false, FM_WAY_ONE,
     true},
    {" begin begintime flowbegin timestampfirst tsstart timestampbegin ", FM_TE, true, FM_WAY_ONE, true},
    {" sourceipaddress sourceaddr sourceipaddr ", FM_SA, false, FM_WAY_ONE, true},
    {" destinationaddr destinationipaddr destipaddress destaddr destaddress ", FM_DA, false, FM_WAY_ONE, true},
    {" srcl4port l4srcportid spt sourcel4port ", FM_SP, false, FM_WAY_ONE, true},
    {" dstl4port l4dstportid dpt destinationl4port ", FM_DP, false, FM_WAY_ONE, true},
    {" transportprotocol ", FM_PR, false, FM_WAY_ONE, true},
    {" numpackets numpkts npackets npkts numberofpackets pktcount pktcnt pktscount pktscnt packetcnt "
     "totalpkts packetsfwd pktsfwd ",
     FM_PKT, false, FM_WAY_ONE, true},
    {" numbytes nbytes numberofbytes bytecount bytecnt bytescount bytescnt octs totaloctets bytesfwd "
     "octetsfwd ",
     FM_BYT, false, FM_WAY_ONE, true},
    {" forwardpackets backwardpackets uppackets downpackets packetsup packetsdown uploadpackets "
     "downloadpackets clientpackets serverpackets srctodstpackets dsttosrcpackets a2bpackets b2apackets "
     "packetssrc packetsdst packetsstod packetsdtos packetsc2s packetss2c ",
     FM_PKT, false, FM_WAY_SUM, true},
    {" forwardbytes backwardbytes upbytes downbytes bytesup bytesdown uploadbytes downloadbytes clientbytes "
     "serverbytes srctodstbytes dsttosrcbytes a2bbytes b2abytes bytessrc bytesdst bytesstod bytesdtos "
     "initiatoroctets responderoctets txoctets rxoctets ",
     FM_BYT, false, FM_WAY_SUM, true},
    {" revpackets revpkts reversepackets ", FM_PKT, false, FM_WAY_REPLY, true},
    {" revbytes reversebytes ", FM_BYT, false, FM_WAY_REPLY, true},
};

/* Does a name end with the unit of a count that is no byte and no packet, in brackets: Bytes (KB), Octets [MiB]? */
static bool has_other_unit(const char *s, size_t n)
{
	static const char *const units[] = {"kb", "mb", "gb", "tb", "kib", "mib", "gib", "k", "m", "g", "bit", "bits"};
	char unit[8] = "";

	for (const char *pair = "()[]"; *pair && n; pair += 2) {
		const char *open = memrchr(s, pair[0], n);
		size_t len = open ? (size_t)(s + n - open) - 2 : 0;

		if (open && s[n - 1] == pair[1] && len && len < sizeof unit)
			memcpy(unit, open + 1, len);
	}
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (!strcasecmp(unit, units[i]))
			return true;
	return false;
}

/* Lower-case letters and digits only, between blanks. */
static void to_word(const char *s, size_t len, char word[66])
{
	size_t n = 1;

	for (const char *pair = "()[]"; *pair && len; pair += 2) { /* Elapsed Time (sec), duration [s] */
		const char *unit = memchr(s, pair[0], len);

		if (unit && unit > s && s[len - 1] == pair[1])
			len = (size_t)(unit - s);
	}
	word[0] = ' ';
	for (size_t i = 0; i < len && n < 64; i++)
		if (isalnum((unsigned char)s[i]))
			word[n++] = (char)tolower((unsigned char)s[i]);
	word[n++] = ' ';
	word[n] = 0;
}

static int find(const char *s, size_t len)
{
	char word[66];

	to_word(s, len, word);
	for (size_t i = 0; word[1] != ' ' && i < sizeof known / sizeof *known; i++)
		if (strstr(known[i].names, word))
			return (int)i;
	return -1;
}

/* The unit that a word is. m, h, d and min (which may be the least one) are units between brackets alone, and s there
 * or behind a mark. */
static const char *unit_of(const char *s, size_t n, bool bracket, bool apart)
{
	static const struct {
		const char *words, *unit;
	} units[] = {
	    {" s sec secs second seconds ", "seconds"},
	    {" ms msec msecs millis millisec millisecs millisecond milliseconds ", "milliseconds"},
	    {" us usec usecs micros microsec microsecs microsecond microseconds \xc2\xb5s \xce\xbcs \xb5s ",
	     "microseconds"},
	    {" ns nsec nsecs nanos nanosec nanosecs nanosecond nanoseconds ", "nanoseconds"},
	    {" m min mins minute minutes ", "minutes"},
	    {" h hr hrs hour hours ", "hours"},
	    {" d day days ", "days"},
	};
	char word[16] = " ";

	if (!n || n > sizeof word - 3 || memchr(s, ' ', n) || (n == 1 && !bracket && (!apart || (*s | 0x20) != 's')) ||
	    (n == 3 && !bracket && !strncasecmp(s, "min", 3)))
		return NULL;
	for (size_t i = 0; i < n; i++)
		word[1 + i] = (char)(s[i] >= 'A' && s[i] <= 'Z' ? s[i] + 32 : s[i]);
	word[1 + n] = ' ';
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (strstr(units[i].words, word))
			return units[i].unit;
	return NULL;
}

/* Is known[i] a time, or a duration, that can be in that unit? */
static bool has_unit(int i, const char *unit)
{
	return i >= 0 && known[i].way == FM_WAY_ONE &&
	       (known[i].col == FM_TD || (known[i].col == FM_TE && strstr(unit, "seconds")));
}

/* The name of a time or a duration behind which its unit stands: firstSeenMs, durationInSeconds, Elapsed [min]. */
static int find_with_unit(const char *s, size_t n, const char **unit)
{
	const int whole = find(s, n);

	for (size_t at = 1; at < n; at++) {
		const bool bracket = (s[at - 1] == '(' && s[n - 1] == ')') || (s[at - 1] == '[' && s[n - 1] == ']');
		const bool camel = isupper((unsigned char)s[at]) && islower((unsigned char)s[at - 1]);
		size_t before = at - bracket;
		int i;

		if (!(*unit = unit_of(s + at, n - at - bracket, bracket, camel || !isalpha((unsigned char)s[at - 1]))))
			continue;
		if ((i = find(s, before)) < 0 && before > 4) {
			before -= !isalnum((unsigned char)s[before - 1]);
			if (!strncasecmp(s + before - 2, "in", 2))
				i = find(s, before - 2);
		}
		if (has_unit(i, *unit))
			return i;
		if (has_unit(whole, *unit))
			return whole;
	}
	*unit = NULL;
	return -1;
}

const char *fm_sniff_unit_name(const char *s, size_t n)
{
	const char *point, *unit;

	if (find_with_unit(s, n, &unit) >= 0)
		return unit;
	point = memchr(s, '.', n); /* of a key inside others, its end */
	return point ? fm_sniff_unit_name(point + 1, n - (size_t)(point + 1 - s)) : NULL;
}

bool fm_sniff_same_stem(const char *a, size_t na, const char *b, size_t nb)
{
	const struct {
		const char *s;
		size_t n;
	} of[] = {{a, na}, {b, nb}};
	size_t same = 0;

	while (same < na && same < nb && tolower((unsigned char)a[same]) == tolower((unsigned char)b[same]))
		same++;
	for (int i = 0; i < 2; i++) {
		const char *s = of[i].s + same;
		size_t n = of[i].n - same;

		n -= n && strchr(")]", s[n - 1]) && s[n - 1];
		for (; n && strchr("_-.( [", *s) && *s; n--)
			s++;
		if (n && !unit_of(s, n, true, true))
			return false;
	}
	return same > 1;
}

/* NEMEA writes the type before each name: ipaddr SRC_IP. */
static size_t type_before(const char *s, size_t n)
{
	static const char *const types[] = {"ipaddr ", "macaddr ", "time ",  "uint8 ", "uint16 ", "uint32 ", "uint64 ",
					    "int8 ",   "int16 ",   "int32 ", "int64 ", "string ", "double ", "float "};

	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (n > strlen(types[i]) && !strncmp(s, types[i], strlen(types[i])))
			return strlen(types[i]);
	return 0;
}

/* What programs put around the names of others: MongoDB the type of a value (bytes.$numberLong), Azure's tables a zone
 * (TimeGenerated [UTC]), Splunk and SQL what they did (sum(bytes)), BigQuery the keys that GCP's records have outside
 * (jsonPayload_connection_src_ip), ipfixcol who named the element, and that it is of the way back
 * (iana@reverse:octetDeltaCount). */
static bool strip(const char **s, size_t *n)
{
	static const char *const before[] = {"jsonPayload_", "connection_", "jsonPayload.", "connection."};
	const char *point, *colon = memchr(*s, ':', *n);
	bool back = colon && memmem(*s, (size_t)(colon - *s), "@reverse", 8);

	while ((point = memrchr(*s, '.', *n)) && point > *s && point + 1 < *s + *n && point[1] == '$')
		*n = (size_t)(point - *s);
	if (*n > 6 && !memcmp(*s + *n - 6, " [UTC]", 6))
		*n -= 6;
	if (*n > 5 && !strncasecmp(*s, "sum(", 4) && (*s)[*n - 1] == ')') {
		*s += 4;
		*n -= 5;
	}
	for (size_t i = 0; i < sizeof before / sizeof *before; i++)
		if (*n > strlen(before[i]) && !strncmp(*s, before[i], strlen(before[i]))) {
			*n -= strlen(before[i]);
			*s += strlen(before[i]);
		}
	if (colon && colon + 1 < *s + *n) {
		*n -= (size_t)(colon + 1 - *s);
		*s = colon + 1;
	}
	return back;
}

/* What a name stands for, whatever its unit. */
static bool find_name(const char *s, size_t n, struct fm_sniff_name *out)
{
	const char *point, *unit = NULL;
	size_t type = type_before(s, n);
	int i = find(s + type, n - type);
	bool sum = n > 4 && !strncasecmp(s, "sum(", 4), back = i < 0 && strip(&s, &n);

	if (i < 0)
		i = find(s, n);
	if (i < 0)
		i = find_with_unit(s, n, &unit);
	while (i < 0 && (point = memchr(s, '.', n))) {
		n -= (size_t)(point + 1 - s);
		s = point + 1;
		if ((i = find(s, n)) < 0)
			i = find_with_unit(s, n, &unit);
		if (i >= 0 && known[i].col == FM_LABEL && strncasecmp(s, "label", n) != 0)
			i = -1; /* network.type is no label */
	}
	if (i >= 0 && back && (known[i].way != FM_WAY_ONE || fm_cols[known[i].col].kind != FM_KIND_COUNT))
		return false;
	if (i >= 0)
		*out = (struct fm_sniff_name){known[i].col, known[i].start, back ? FM_WAY_REPLY : known[i].way,
					      known[i].rare || sum ||
						  (unit && (known[i].col == FM_TD || !strcmp(unit, "seconds")))};
	return i >= 0;
}

bool fm_sniff_other_unit(const char *s, size_t n, struct fm_sniff_name *out)
{
	return has_other_unit(s, n) && find_name(s, n, out) && fm_cols[out->col].kind == FM_KIND_COUNT;
}

bool fm_sniff_name(const char *s, size_t n, struct fm_sniff_name *out)
{
	struct fm_sniff_name name;

	if (!find_name(s, n, &name) || (fm_cols[name.col].kind == FM_KIND_COUNT && has_other_unit(s, n)))
		return false;
	*out = name;
	return true;
}

/* Is b the word a with `from` changed to `to` in one place? */
static bool is_changed(const char *a, const char *b, const char *from, const char *to)
{
	size_t n = strlen(from), len = strlen(to);

	for (const char *at = strstr(a, from); at; at = strstr(at + 1, from)) {
		size_t before = (size_t)(at - a);

		if (!strncmp(a, b, before) && !strncmp(b + before, to, len) && !strcmp(at + n, b + before + len))
			return true;
	}
	return false;
}

bool fm_sniff_are_ways(const char *a, size_t na, const char *b, size_t nb)
{
	static const char *const ways[][2] = {
	    {"src2dst", "dst2src"},
	    {"srctodest", "desttosrc"},
	    {"cli2srv", "srv2cli"},
	    {"toserver", "toclient"},
	    {"c2s", "s2c"},
	    {"tx", "rx"},
	    {"src", "dst"},
	    {"source", "destination"},
	    {"orig", "resp"},
	    {"fwd", "bwd"},
	    {"fwd", "backward"},
	    {"forward", "backward"},
	    {"up", "down"},
	    {"upload", "download"},
	    {"client", "server"},
	    {"srctodst", "dsttosrc"},
	    {"a2b", "b2a"},
	    {"stod", "dtos"},
	    {"sent", "rcvd"},
	    {"sent", "received"},
	    {"out", "in"},
	    {"outbound", "inbound"},
	    {"initiator", "responder"},
	    {"subject", "peer"},
	    {"ab", "ba"},
	    {"spkts", "dpkts"},
	    {"sbytes", "dbytes"},
	    {"fwdpacket", "bwdpackets"},
	};
	char one[66], other[66];

	to_word(a, na, one);
	to_word(b, nb, other);
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
		if (is_changed(one, other, ways[i][0], ways[i][1]) || is_changed(other, one, ways[i][0], ways[i][1]))
			return true;
	return false;
}

bool fm_sniff_is_kind(const char *s, size_t n)
{
	char word[66];

	to_word(s, n, word); /* DateTime64(3): its letters alone */
	for (size_t i = strlen(word) - 1; i > 1 && isdigit((unsigned char)word[i - 1]); i--) {
		word[i - 1] = ' ';
		word[i] = 0;
	}
	return strstr(
	    " string text varchar char int uint integer bigint long short float double decimal number numeric "
	    "bool boolean time timestamp datetime date ip ipv addr address ipaddr ipaddress port enum count "
	    "interval sec secs second seconds ms milliseconds us microseconds ns nanoseconds bytes packets unit "
	    "type lowcardinality nullable object ",
	    word);
}

bool fm_sniff_is_type(const char *s, size_t n)
{
	return (n == 4 && !strncasecmp(s, "type", 4)) || (n == 5 && !strncasecmp(s, "@type", 5));
}

int fm_sniff_ipv6_name(const char *s, size_t n)
{
	char word[66];

	strip(&s, &n);
	to_word(s, n, word);
	if (strstr(" ipv6srcaddr src6addr sourceipv6address ipv6src srcipv6 srcip6 sourceipv6 ip6srcaddr ", word))
		return FM_SA;
	return strstr(" ipv6dstaddr dst6addr destinationipv6address ipv6dst dstipv6 dstip6 destinationipv6 ip6dstaddr ",
		      word)
		   ? FM_DA
		   : -1;
}

const char *fm_sniff_aside(const char *s, size_t n)
{
	static const struct {
		const char *names, *keys;
	} asides[] = {
	    {" dir direction ", "reversed: [\"<-\", \"<|\", \"<o\", \"<?\"]}   # who began the flow is at its right"},
	    {" logstatus ", "only: [\"OK\"], others: skip}   # NODATA and SKIPDATA are no flows"},
	    {" flows ", "flows: true}   # by its name: of how many flows the row is the sum"},
	    {" samplingrate samplinginterval samplerate samplerrate samplingratio ",
	     "sampling: true}   # by its name: one packet of so many was counted"},
	    {" itype ity icmptype ", "column: dp, format: icmp-type}   # by its name: of rows of ICMP"},
	    {" icode ico icmpcode ", "column: dp, format: icmp-code}   # by its name: of rows of ICMP"},
	};
	const char *point = memrchr(s, '.', n);
	char word[66];

	to_word(s, n, word);
	for (size_t i = 0; word[1] != ' ' && i < sizeof asides / sizeof *asides; i++)
		if (strstr(asides[i].names, word))
			return asides[i].keys;
	if (point) { /* netflow.sampling_interval */
		const char *keys = fm_sniff_aside(point + 1, n - (size_t)(point + 1 - s));

		return keys && strncmp(keys, "sampling", 8) == 0 ? keys : NULL;
	}
	return NULL;
}
