/* The clock of a dialect: its zone, and what its times count from. */
#include "manifests/dialect_loader.h"

#include <string.h>

#include "base/num.h"

int fm_dialect_timezone(struct fm_dialect *d, const struct fm_yaml *v, struct fm_error *err)
{
	struct fm_error why;
	char text[64];
	const char *s = text;
	int rc;

	if ((rc = fm_yaml_text(v, "timezone", text, sizeof(text), err)) < 0)
		return rc;
	if (strcmp(text, "UTC") == 0)
		return FM_OK;
	if (fm_time_offset_read(&s, text + strlen(text), &d->timezone) == 0 && !*s)
		return FM_OK;
	if (!strchr("+-0123456789", text[0])) {
		d->timezone = 0;
		if ((rc = fm_zone_find(&d->zone, text, &why)) >= 0)
			return FM_OK;
		return fm_yaml_fail(v, err, "timezone: %s", why.message);
	}
	return fm_yaml_fail(v, err,
			    "timezone takes UTC, a difference to it such as \"+02:00\", or the name of a zone such as "
			    "Europe/Madrid, not '%s'",
			    text);
}

bool fm_dialect_says_zone(const struct fm_dialect *d, int k)
{
	for (int i = 0; i < d->ncols; i++)
		if (d->cols[i].format == FM_FMT_PATTERN && fm_time_pattern_has_zone(d->cols[i].pattern) &&
		    (i == k || (d->cols[i].part && d->cols[k].part && d->cols[i].role == d->cols[k].role)))
			return true;
	return false;
}

/* A time in the form datetime, by the dialect's clock where no offset follows it; read after all other keys. */
int fm_dialect_relative_to(struct fm_dialect *d, const struct fm_yaml *v, struct fm_error *err)
{
	char text[64];
	const char *offset;
	int minutes = d->timezone, rc;
	size_t n;

	if ((rc = fm_yaml_text(v, "relative_to", text, sizeof(text) - 10, err)) < 0)
		return rc;
	if (strlen(text) == 10)
		strcat(text, " 00:00:00");
	n = strlen(text) < 19 ? strlen(text) : 19;
	n += text[n] == '.' ? 1 + strspn(text + n + 1, "0123456789") : 0;
	offset = text + n + (text[n] == ' ');
	if (fm_parse_time_ms(text, n, &d->relative_ms) ||
	    (*offset && (fm_time_offset_read(&offset, text + strlen(text), &minutes) || *offset)))
		goto bad;
	if (text[n] || !d->zone)
		d->relative_ms -= (int64_t)minutes * 60000;
	else if (fm_zone_utc(d->zone, d->relative_ms, &d->relative_ms))
		return fm_yaml_fail(v, err, "relative_to: the time zone skips that time, as summer time begins");
	if (d->relative_ms >= 0)
		return FM_OK;
bad:
	return fm_yaml_fail(v, err,
			    "relative_to takes a time YYYY-MM-DD HH:MM:SS from 1970 on, with an offset such as "
			    "+02:00 or without, not '%s'",
			    text);
}
