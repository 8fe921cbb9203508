/* The marks of numbers in a page that a dialect is guessed from (sniff_parts.h): 1.234,5 and 1,234.5. */
#include <string.h>

#include "base/num.h"
#include "traces/marks.h"
#include "traces/sniff_parts.h"

/* How the numbers of a column look. */
struct looks {
	int other;              /* no numbers */
	int comma, point;       /* a fraction behind it */
	int small, large;       /* digits alone, below 1000 and above */
	int groups[4], sure[4]; /* thousands by each mark; sure: more than one, or with a fraction behind them */
	int addresses;          /* those with points that may also be addresses, such as 192.168.178.101 */
};
static const char marks[] = ",.' ";
enum { BY_COMMA, BY_POINT };

static size_t digits(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && s[i] >= '0' && s[i] <= '9')
		i++;
	return i;
}

static void look_at(const char *s, size_t n, struct looks *l)
{
	size_t first, at, groups = 0;
	const char *mark;
	uint32_t ip;

	if (n && *s == '-') {
		s++;
		n--;
	}
	if (!n)
		return;
	at = first = digits(s, n);
	if (first == n) {
		*(n > 3 ? &l->large : &l->small) += 1;
		return;
	}
	mark = first ? memchr(marks, s[first], sizeof marks - 1) : NULL;
	if (mark && first < 4 && *s != '0')
		for (; at + 4 <= n && s[at] == *mark && digits(s + at + 1, n - at - 1) == 3; at += 4)
			groups++;
	if (at < n && (s[at] == ',' || s[at] == '.') && (!groups || s[at] != *mark) && at + 1 < n &&
	    digits(s + at + 1, n - at - 1) == n - at - 1) {
		*(s[at] == ',' ? &l->comma : &l->point) += 1;
		if (groups)
			l->sure[mark - marks]++;
	} else if (groups && at == n) {
		*(groups > 1 ? &l->sure[mark - marks] : &l->groups[mark - marks]) += 1;
		l->addresses += !fm_parse_ipv4(s, n, &ip);
	} else {
		l->other++;
	}
}

/* The field with blanks for no-break ones, as French programs have between thousands, and with plain apostrophes; 0: it
 * has none, or is too long for a number. */
static size_t with_plain_marks(const struct fm_sniff_field *f, char out[FM_NUMBER_MAX])
{
	bool other = false;
	size_t n = 0;

	for (size_t i = 0, len; i < f->n && f->n < FM_NUMBER_MAX; i += len) {
		size_t blank = fm_thousands_at(' ', f->s + i, f->n - i),
		       apostrophe = fm_thousands_at('\'', f->s + i, f->n - i);

		out[n++] = blank ? ' ' : apostrophe ? '\'' : f->s[i];
		other = other || out[n - 1] != f->s[i];
		len = blank + apostrophe ? blank + apostrophe : 1;
	}
	return other ? n : 0;
}

static struct looks looks_of(const struct fm_sniff_page *p, int k)
{
	struct looks l = {0};

	for (int i = p->header; i < p->nlines; i++)
		if (k < p->ncells[i]) {
			char text[FM_NUMBER_MAX];
			const char *s = text;
			size_t n = with_plain_marks(&p->cell[i][k], text);

			look_at(n ? s : p->cell[i][k].s, n ? n : p->cell[i][k].n, &l);
		}
	if (l.addresses && l.addresses == l.sure[BY_POINT])
		l.other += l.addresses;
	return l;
}

/* Does column k have durations, by its name? */
static bool is_duration(const struct fm_sniff_page *p, int k)
{
	struct fm_sniff_name name;

	return p->header && k < p->ncells[0] && fm_sniff_column(p, k, &name) && name.col == FM_TD;
}

/* 7.250 in a column of such numbers is more often a duration than thousands, so a point counts as thousands only with
 * commas elsewhere; and 7,250 s is a duration with a decimal comma. Blanks and apostrophes stand for nothing else. */
static bool groups_by(const struct looks *l, int mark, bool comma, bool duration)
{
	if (l->sure[mark] || (l->groups[mark] && strchr(" '", marks[mark])))
		return true;
	if (duration && marks[mark] == ',')
		return false;
	if (!l->groups[mark] || !l->small || l->large)
		return false;
	return marks[mark] == ',' ? !l->comma && !comma : comma && !l->point;
}

static void find_thousands(const struct fm_sniff_page *p, bool comma, bool thousands[])
{
	for (int k = 0; k < p->nfields && !p->json && !p->blanks; k++) {
		struct looks l = looks_of(p, k);

		for (int m = 0; !l.other && marks[m]; m++)
			thousands[m] = thousands[m] || groups_by(&l, m, comma, is_duration(p, k));
	}
}

void fm_sniff_marks(struct fm_sniff_page *p)
{
	bool comma = false, durations = false, thousands[sizeof marks] = {false}, sure = false;
	struct fm_dialect d = {.decimal = '.'};
	char out[FM_NUMBER_MAX];

	for (int k = 0; k < p->nfields && !p->json && !p->blanks; k++) {
		struct looks l = looks_of(p, k);

		comma = comma || (!l.other && l.comma && !l.point && !l.sure[BY_COMMA]);
		durations =
		    durations || (!l.other && l.groups[BY_COMMA] && !l.point && !l.sure[BY_COMMA] && is_duration(p, k));
		sure = sure || (!l.other && (l.sure[BY_COMMA] || l.sure[BY_POINT]));
	}
	find_thousands(p, comma, thousands);
	/* Where only durations have it, the comma in 1,234 is a decimal comma. */
	p->guessed_mark = !sure && !comma && (durations || thousands[BY_COMMA]);
	if (!comma && durations && !thousands[BY_COMMA]) {
		comma = true;
		find_thousands(p, comma, thousands);
	}
	d.decimal = comma ? ',' : '.';
	for (int m = 0; marks[m] && !d.thousands; m++)
		if (thousands[m] && marks[m] != d.decimal)
			d.thousands = marks[m];
	p->decimal = comma ? ',' : 0;
	p->thousands = d.thousands;
	for (int k = 0; k < p->nfields && (comma || d.thousands); k++) {
		struct looks l = looks_of(p, k);

		for (int i = p->header; i < p->nlines && !l.other; i++) {
			struct fm_sniff_field *f = &p->cell[i][k];
			const char *s = f->s;
			size_t n = f->n;

			if (k >= p->ncells[i] || !n || fm_plain_number(&d, &s, &n, out) || s == f->s)
				continue;
			memcpy(p->text.data + (f->s - p->text.data), s, n);
			f->n = n;
		}
	}
}
