#include "release/columns.h"

#include <stdio.h>
#include <string.h>

/* What a column means, by the table's column. */
static const char *const meaning[FM_NFLOWCOL] = {
    [FM_TE] = "Time of the flow (its end, where the source recorded that), UTC",
    [FM_TD] = "Duration of the flow",
    [FM_SA] = "Source address, IPv4 or IPv6 (RFC 5952), made up",
    [FM_DA] = "Destination address, IPv4 or IPv6 (RFC 5952), made up",
    [FM_SP] = "Source port, 0 for protocols without ports",
    [FM_DP] = "Destination port, 0 for protocols without ports",
    [FM_PR] = "Transport protocol",
    [FM_FLG] =
	"TCP flags as nfdump prints them: Urgent, Acknowledge, Push, Reset, Synchronise, Finish; a dot where none",
    [FM_FWD] =
	"Forwarding status (RFC 7270): 0 to 63 unknown, 64 to 127 forwarded, 128 to 191 dropped, 192 to 255 consumed",
    [FM_STOS] =
	"Source type of service: the IP header's octet, 4 times the DSCP (RFC 2474) and the ECN bits (RFC 3168)",
    [FM_PKT] = "Packets of the flow",
    [FM_BYT] = "Bytes of the flow",
    [FM_LABEL] = "Class of the traffic",
};

/* Does a column before k hold the sum? */
static bool is_later_part(const struct fm_dialect *d, int k)
{
	for (int i = 0; i < k; i++)
		if (d->cols[k].role == FM_ROLE_SUM && d->cols[i].col == d->cols[k].col)
			return true;
	return false;
}

const char *fm_data_suffix(const struct fm_dialect *d)
{
	return d->json ? "jsonl" : "csv";
}

const char *fm_column_meaning(const struct fm_dialect *d, int k)
{
	int col = d->cols[k].col;
	bool clock = d->cols[k].format == FM_FMT_DATETIME || d->cols[k].format == FM_FMT_PATTERN;

	if (is_later_part(d, k))
		return "0: the column before it of the same kind has the sum of both";
	/* Zeek, Argus and UNSW-NB15 have a state of the connection where others have flags. */
	if (col == FM_FLG && strcasestr(d->cols[k].name, "state"))
		return "State of the connection, in the words of the trace";
	if (col == FM_TE && d->timezone && clock)
		return d->cols[k].role == FM_ROLE_START ? "Start of the flow, in the time zone of the dialect"
							: "End of the flow, in the time zone of the dialect";
	if (col == FM_TE && d->cols[k].role == FM_ROLE_START)
		return "Start of the flow, UTC";
	return col >= 0 && col < FM_NFLOWCOL ? meaning[col] : "Not modelled: empty in every row";
}

void fm_columns_absent(unsigned absent, struct fm_buf *out)
{
	static const struct {
		enum fm_col col;
		const char *words;
	} of[] = {{FM_TE, "times"},
		  {FM_TD, "durations"},
		  {FM_SA, "addresses"},
		  {FM_SP, "source ports"},
		  {FM_DP, "destination ports"},
		  {FM_PR, "protocols"},
		  {FM_PKT, "packets"},
		  {FM_BYT, "bytes"}};
	int left = 0;

	for (size_t i = 0; i < sizeof of / sizeof *of; i++)
		left += absent >> of[i].col & 1u;
	for (size_t i = 0, first = 1; i < sizeof of / sizeof *of; i++)
		if (absent >> of[i].col & 1u) {
			fm_buf_printf(out, "%s%s", first ? "" : left > 1 ? ", " : " and ", of[i].words);
			first = 0;
			left--;
		}
}

const char *fm_column_unit(int col, enum fm_format format)
{
	if (col == FM_PKT)
		return "packets";
	if (col == FM_BYT)
		return "bytes";
	switch (format) {
	case FM_FMT_SECONDS:
		return "seconds";
	case FM_FMT_MILLISECONDS:
		return "milliseconds";
	case FM_FMT_MICROSECONDS:
		return "microseconds";
	case FM_FMT_NANOSECONDS:
		return "nanoseconds";
	case FM_FMT_DAYS:
	case FM_FMT_DAYS_1900:
	case FM_FMT_DAYS_1904:
		return "days";
	case FM_FMT_MINUTES:
		return "minutes";
	case FM_FMT_HOURS:
		return "hours";
	default:
		return "";
	}
}

const char *fm_column_type(int col, enum fm_format format, int decimals)
{
	if (col < 0)
		return "string";
	switch (format) {
	case FM_FMT_DATETIME:
		return "datetime";
	case FM_FMT_SECONDS:
	case FM_FMT_MILLISECONDS:
	case FM_FMT_MICROSECONDS:
	case FM_FMT_NANOSECONDS:
	case FM_FMT_DAYS:
	case FM_FMT_DAYS_1900:
	case FM_FMT_DAYS_1904:
	case FM_FMT_MINUTES:
	case FM_FMT_HOURS:
		return decimals > 0 ? "number" : "integer";
	case FM_FMT_IPV4_INTEGER:
	case FM_FMT_ADDRESS_WORD:
	case FM_FMT_FAMILY:
	case FM_FMT_ICMP_TYPE:
	case FM_FMT_ICMP_CODE:
	case FM_FMT_INTEGER:
	case FM_FMT_NUMBER:
		return "integer";
	default:
		return "string";
	}
}

static bool is_date_and_time(const struct fm_dialect *d, int k)
{
	return d->cols[k].col >= 0 && d->cols[k].format == FM_FMT_DATETIME && fm_column_cells(d, k) == 2;
}

int fm_column_cells(const struct fm_dialect *d, int k)
{
	return d->blanks && d->cols[k].words > 1 ? d->cols[k].words : 1;
}

const char *fm_cell_name(const struct fm_dialect *d, int k, int cell, char name[FM_CELL_NAME])
{
	if (cell == 0)
		snprintf(name, FM_CELL_NAME, "%s", d->cols[k].name);
	else if (is_date_and_time(d, k))
		snprintf(name, FM_CELL_NAME, "%s (time)", d->cols[k].name);
	else
		snprintf(name, FM_CELL_NAME, "%s (%d)", d->cols[k].name, cell + 1);
	return name;
}

const char *fm_cell_type(const struct fm_dialect *d, int k, int cell)
{
	if (fm_column_cells(d, k) == 1)
		return fm_column_type(d->cols[k].col, d->cols[k].format, d->cols[k].decimals);
	return !is_date_and_time(d, k) ? "string" : cell == 0 ? "date" : "time";
}

bool fm_header_has_names(const struct fm_dialect *d)
{
	if (!d->header || *d->header_mark)
		return false;
	for (int k = 0; d->blanks && k < d->ncols; k++)
		if (fm_column_cells(d, k) > 1 || strpbrk(d->cols[k].name, " \t"))
			return false;
	return true;
}
