/* Text that is laid out for people (sniff_parts.h): blanks between columns, below a line of titles such as "Date first
 * seen" and "Src IP Addr:Port", as nfdump -o fmt:... and Argus's ra write it. */
#include <string.h>

#include "base/table.h"
#include "traces/no_row.h"
#include "traces/sniff_parts.h"

#define WORDS_MAX 64  /* of a line */
#define TITLE_WORDS 4 /* of the longest title */

struct titles {
	struct fm_sniff_field at[WORDS_MAX];
	struct fm_sniff_name name[WORDS_MAX];
	bool known[WORDS_MAX]; /* name[k] is set */
	int n;
};

static int cut(const struct fm_sniff_field *line, struct fm_sniff_field out[WORDS_MAX])
{
	int n = 0;

	for (size_t at = 0, to; at < line->n; at = to) {
		for (; at < line->n && (line->s[at] == ' ' || line->s[at] == '\t'); at++)
			;
		for (to = at; to < line->n && line->s[to] != ' ' && line->s[to] != '\t'; to++)
			;
		if (to > at && n == WORDS_MAX)
			return 0;
		if (to > at)
			out[n++] = (struct fm_sniff_field){line->s + at, to - at};
	}
	return n;
}

/* From the first byte of a to the last one of b, which stands behind it. */
static struct fm_sniff_field span(const struct fm_sniff_field *a, const struct fm_sniff_field *b)
{
	return (struct fm_sniff_field){a->s, (size_t)(b->s + b->n - a->s)};
}

/* Is it the first half of a title such as "Src AS" and "Out Vlan"? */
static bool is_half(const struct fm_sniff_field *f)
{
	static const char *const halves[] = {"Src", "Dst", "In", "Out"};

	for (size_t i = 0; i < sizeof halves / sizeof *halves; i++)
		if (f->n == strlen(halves[i]) && !memcmp(f->s, halves[i], f->n))
			return true;
	return false;
}

/* As many words as make a name that is known are one title, at each place the longest. */
static void read_titles(const struct fm_sniff_field *line, struct titles *t)
{
	struct fm_sniff_field word[WORDS_MAX];
	int words = cut(line, word);

	t->n = 0;
	for (int i = 0, to; i < words; i = to) {
		for (to = i + TITLE_WORDS < words ? i + TITLE_WORDS : words; to > i; to--) {
			struct fm_sniff_field f = span(&word[i], &word[to - 1]);

			/* Of "Addr:Port  Dst" the part behind the colon is a name too. */
			if (to > i + 1 && memchr(f.s, ':', (size_t)(word[to - 1].s - f.s)))
				t->known[t->n] = false;
			else if ((t->known[t->n] = fm_sniff_name(f.s, f.n, &t->name[t->n])))
				break;
		}
		if (to == i + 1 && to < words && is_half(&word[i]))
			t->known[t->n] = false;
		to = to == i || !t->known[t->n] ? i + 1 + (is_half(&word[i]) && i + 1 < words) : to;
		t->at[t->n++] = span(&word[i], &word[to - 1]);
	}
}

static bool is_arrow(const struct fm_sniff_field *f)
{
	size_t i = 0;

	while (i < f->n && f->s[i] && strchr("<-=>|?", f->s[i]))
		i++;
	return f->n > 1 && i == f->n;
}

static bool is_way(const struct titles *t, int k)
{
	const char *aside = t->known[k] ? NULL : fm_sniff_aside(t->at[k].s, t->at[k].n);

	return aside && !strncmp(aside, "reversed", 8);
}

/* How many words from *at on are the value of title k: two of a date and a time of day, and of a number with its K. */
static int words_of(const struct titles *t, int k, const struct fm_sniff_field *word, int left)
{
	enum fm_kind kind = t->known[k] ? fm_cols[t->name[k].col].kind : FM_KIND_CATEGORY;

	if (left > 1 && kind == FM_KIND_TIME && word[0].n == 10 && memchr(word[1].s, ':', word[1].n))
		return 2;
	return 1 + (left > 1 && word[1].n == 1 && *word[1].s && strchr("KMGT", *word[1].s) &&
		    word[0].s[word[0].n - 1] >= '0' && word[0].s[word[0].n - 1] <= '9');
}

/* Has title k no value of its own, as the port is in the word of the address before it? */
static bool is_in_address(const struct titles *t, int k, const struct fm_sniff_field *before)
{
	const char *format;
	uint64_t number;

	return k > 0 && k < t->n && t->known[k] && t->known[k - 1] && fm_cols[t->name[k].col].kind == FM_KIND_PORT &&
	       fm_cols[t->name[k - 1].col].kind == FM_KIND_ADDRESS &&
	       fm_sniff_kind_of(before, &format, &number) == ADDRESS && format;
}

/* The columns of a line in cell, and their titles in name; 0: they are not those of the titles. */
static int cut_row(const struct titles *t, const struct fm_sniff_field *line, struct fm_sniff_field *cell,
		   struct fm_sniff_field *name)
{
	static const struct fm_sniff_field arrow = {"->", 2};
	struct fm_sniff_field word[WORDS_MAX];
	int words = cut(line, word), at = 0, n = 0;

	for (int k = 0; k < t->n; k++) {
		int take;

		if (n && is_in_address(t, k, &cell[n - 1]))
			continue;
		if (at < words && is_arrow(&word[at]) && !is_way(t, k)) {
			name[n] = arrow;
			cell[n++] = word[at++];
		}
		if (at >= words)
			return 0;
		take = words_of(t, k, &word[at], words - at);
		name[n] = t->at[k];
		cell[n++] = span(&word[at], &word[at + take - 1]);
		at += take;
	}
	return at == words ? n : 0;
}

void fm_sniff_titles(struct fm_sniff_page *p)
{
	struct fm_sniff_field cell[2 * WORDS_MAX], name[2 * WORDS_MAX], other[2 * WORDS_MAX];
	struct titles t = {.n = 0};
	int known = 0, fits = 0, n, end = 1;

	if (p->nlines < 2)
		return;
	read_titles(&p->line[0], &t);
	for (int k = 0; k < t.n; k++)
		known += t.known[k];
	if (known < FM_SNIFF_FEWEST || (n = cut_row(&t, &p->line[1], cell, name)) < FM_SNIFF_FEWEST)
		return;
	for (; end < p->nlines && !fm_no_row_summary(p->line[end].s, p->line[end].n); end++)
		fits += cut_row(&t, &p->line[end], cell, other) == n;
	if (fits * 5 < (end - 1) * 4)
		return;
	memcpy(p->cell[0], name, (size_t)n * sizeof *name);
	p->nlines = 1;
	for (int i = 1; i < end; i++)
		if (cut_row(&t, &p->line[i], p->cell[p->nlines], other) == n)
			p->line[p->nlines++] = p->line[i];
	for (int i = 0; i < p->nlines; i++)
		p->ncells[i] = n;
	p->nfields = n;
	p->blanks = true;
}
