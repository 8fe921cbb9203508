#include "traces/sniff_unread.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "traces/files.h"
#include "traces/hints.h"
#include "traces/row.h"
#include "traces/sniff_names.h"
#include "traces/sniff_parts.h"

#define KNOWN 3 /* of the dialect's names that a header must have */

/* Is the field the name of a column of the dialect?  Each column of that name is set in has. */
static bool is_column(const struct fm_dialect *d, const struct fm_sniff_field *f, bool *has)
{
	bool is = false;

	for (int k = 0; k < d->ncols; k++)
		if (fm_dialect_is_name(d, k, f->s, f->n, true)) {
			is = true;
			has[k] = true;
		}
	return is;
}

static bool has_two_ways(const struct fm_dialect *d, int col)
{
	for (int k = 0; k < d->ncols; k++)
		if (d->cols[k].col == col && d->cols[k].role != FM_ROLE_VALUE)
			return true;
	return false;
}

static bool has_rate(const struct fm_dialect *d)
{
	for (int k = 0; k < d->ncols; k++)
		if (d->cols[k].samples)
			return true;
	return d->sampling > 1;
}

/* Does the file have what the dialect says that its source lacks? */
static bool denies(const struct fm_dialect *d, const struct fm_sniff_name *name)
{
	return name->col < FM_NFLOWCOL && d->absent >> name->col & 1u && name->way == FM_WAY_ONE;
}

/* Is the name for something that the dialect has no column for? */
static bool lacks(const struct fm_dialect *d, const struct fm_sniff_field *f, struct fm_unread *u)
{
	static const char *const keys[FM_NFLOWCOL] = {
	    [FM_TE] = "column: start", [FM_TD] = "column: td",   [FM_SA] = "column: sa",
	    [FM_DA] = "column: da",    [FM_SP] = "column: sp",   [FM_DP] = "column: dp",
	    [FM_PR] = "column: pr",    [FM_PKT] = "column: pkt", [FM_BYT] = "column: byt"};
	const char *aside = fm_sniff_aside(f->s, f->n);
	struct fm_sniff_name name;

	*u = (struct fm_unread){0};
	if (aside && strncmp(aside, "sampling", 8) == 0 && !has_rate(d)) {
		u->what = "the rate of sampling";
		u->key = "sampling: true";
	} else if (f->n && !memchr(f->s, '.', f->n) && fm_sniff_name(f->s, f->n, &name)) {
		if (denies(d, &name)) {
			u->what = "what the dialect names under absent";
			u->key = keys[name.col];
			u->denied = true;
		} else if (name.way == FM_WAY_REPLY && !has_two_ways(d, name.col)) {
			u->what = "the way back";
			u->key = name.col == FM_PKT ? "column: pkt, reply: true" : "column: byt, reply: true";
		} else if (name.col == FM_FLG && !(d->present >> FM_FLG & 1u)) {
			u->what = "the flags";
			u->key = "column: flg";
		} else if (name.col == FM_LABEL && !(d->present >> FM_LABEL & 1u) && !fm_sniff_is_type(f->s, f->n)) {
			u->what = "the label";
			u->key = "column: label";
		}
	}
	return u->key != NULL;
}

/* Does a row have something in column k: more than a word for no value (nfdump's label is <none>), zeros, and a rate of
 * 1? */
static bool says_something(const struct fm_sniff_page *p, int k, const struct fm_unread *u)
{
	bool rate = strncmp(u->key, "sampling", 8) == 0;

	for (int i = 1; i < p->nlines; i++) {
		const struct fm_sniff_field f = k < p->ncells[i] ? p->cell[i][k] : (struct fm_sniff_field){0};

		if (f.n && !fm_hint_is_no_value(f.s, f.n) && (f.n != 6 || strncasecmp(f.s, "<none>", 6) != 0) &&
		    (f.n != 1 || (*f.s != '0' && (!rate || *f.s != '1'))))
			return true;
	}
	return false;
}

/* How many fields most rows of a file without a header have; -1 where the first ones do not say. *open: the last one is
 * empty in all of them, and may be no column, as rows may end with the delimiter. */
static int columns_of(const struct fm_dialect *d, const char *path, const char *member, bool *open)
{
	struct fm_sniff_page *p = NULL;
	struct fm_error err = {0};
	int n = -1, most = 0;

	*open = true;
	if (fm_alloc(&p, 1, sizeof *p, "the first lines", &err) < 0)
		return -1;
	if (fm_sniff_page(p, path, member, d->delimiter, &err) < 0 || p->json)
		goto out;
	for (int row = 0; row < p->nlines; row++) {
		int alike = 0;

		for (int i = 0; i < p->nlines; i++)
			alike += p->ncells[i] == p->ncells[row];
		if (alike > most) {
			most = alike;
			n = p->ncells[row];
		}
	}
	for (int row = 0; row < p->nlines; row++)
		*open = *open && (p->ncells[row] != n || (n > 0 && !p->cell[row][n - 1].n));
out:
	fm_buf_free(&p->text);
	free(p);
	return n;
}

/* The unread columns of one file, and in has those of the dialect that it has; -1 where its header says nothing. */
static int look(const struct fm_dialect *d, const char *path, const char *member, bool names_alone,
		bool has[FM_DIALECT_MAXCOLS], struct fm_unread list[FM_UNREAD_MAX])
{
	struct fm_sniff_page *p = NULL;
	struct fm_error err = {0};
	int n = 0, known = 0;

	memset(has, 0, FM_DIALECT_MAXCOLS * sizeof *has);
	if (!d->header || (d->json && names_alone) || fm_alloc(&p, 1, sizeof *p, "the first lines", &err) < 0)
		return -1;
	if (fm_sniff_page(p, path, member, d->delimiter, &err) < 0)
		goto out;
	for (int k = 0; k < p->ncells[0]; k++) {
		const struct fm_sniff_field *f = &p->cell[0][k];
		bool is = is_column(d, f, has);
		char text[4 * 64 + 1];

		known += is;
		if (n == FM_UNREAD_MAX || f->n >= 64 || is || !lacks(d, f, &list[n]) ||
		    (!names_alone && !says_something(p, k, &list[n])))
			continue;
		text[fm_text_show(f->s, f->n, text, sizeof text)] = 0;
		if (strlen(text) == f->n && !strpbrk(text, "\"\\")) {
			strcpy(list[n].name, text);
			n++;
		}
	}
out:
	fm_buf_free(&p->text);
	free(p);
	return known < KNOWN ? -1 : n;
}

int fm_unread(const struct fm_dialect *d, const char *path, const char *member, bool names_alone,
	      struct fm_unread list[FM_UNREAD_MAX])
{
	bool has[FM_DIALECT_MAXCOLS];
	int n = look(d, path, member, names_alone, has, list);

	return n < 0 ? 0 : n;
}

#define NAMES 16 /* unread ones that are told of all files */

/* How many files something is true of, and the first of them. */
struct some {
	size_t files;
	char first[FM_FILE_PATH];
};
struct across {
	struct fm_unread unread[NAMES];
	struct some with[NAMES], lacking[FM_DIALECT_MAXCOLS];
	int n;
	size_t has[FM_DIALECT_MAXCOLS], files; /* of those whose header says something */
};

static void count(struct some *s, const char *path)
{
	if (!s->files++)
		snprintf(s->first, sizeof s->first, "%s", path);
}

static void count_unread(struct across *a, const struct fm_unread *u, const char *path)
{
	int i = 0;

	while (i < a->n && strcmp(a->unread[i].name, u->name) != 0)
		i++;
	if (i == NAMES)
		return;
	if (i == a->n)
		a->unread[a->n++] = *u;
	count(&a->with[i], path);
}

/* " and 2 more files" */
static const char *and_more(const struct some *s, char text[48])
{
	*text = '\0';
	if (s->files > 1)
		snprintf(text, 48, " and %zu more file%s", s->files - 1, s->files == 2 ? "" : "s");
	return text;
}

static void tell(const struct across *a, const struct fm_dialect *d)
{
	char more[48];

	for (int i = 0; i < a->n; i++) {
		const struct fm_unread *u = &a->unread[i];
		const struct some *s = &a->with[i];

		if (s->files == a->files)
			fm_warn("%s%s: column %s is not read: by its name it has %s, which dialect %s has no column "
				"for; a dialect file with {name: \"%s\", %s} reads it (flowmint sniff)",
				s->first, and_more(s, more), u->name, u->what, d->name, u->name, u->key);
		else
			fm_warn("%s%s: column %s, which %zu of the %zu files of this trace lack%s, is not read: by its "
				"name it has %s, which dialect %s has no column for; what reads it is another dialect, "
				"in a run of the files that have it (flowmint sniff)",
				s->first, and_more(s, more), u->name, a->files - s->files, a->files,
				a->files - s->files == 1 ? "s" : "", u->what, d->name);
	}
	for (int k = 0; k < d->ncols && d->json; k++)
		if (a->has[k] && a->lacking[k].files && d->cols[k].col >= 0 && !fm_dialect_is_icmp(d, k) &&
		    d->cols[k].role != FM_ROLE_START)
			fm_warn("%s%s: no key %s in the first rows, which %zu of the %zu files of this trace %s: "
				"dialect %s reads rows without it as missing it",
				a->lacking[k].first, and_more(&a->lacking[k], more), d->cols[k].name, a->has[k],
				a->files, a->has[k] == 1 ? "has" : "have", d->name);
	for (int k = 0; k < d->ncols && !d->json; k++)
		if (a->has[k] && a->lacking[k].files && fm_row_reads(d, k) && d->cols[k].role != FM_ROLE_START)
			fm_warn("%s%s: no column %s in the header, which %zu of the %zu files of this trace %s: "
				"dialect %s reads these rows without it",
				a->lacking[k].first, and_more(&a->lacking[k], more), d->cols[k].name, a->has[k],
				a->files, a->has[k] == 1 ? "has" : "have", d->name);
}

/* Files without a header, whose further columns the dialect lets pass: some have more of them than others. */
static void tell_columns(const struct fm_dialect *d, const char *paths, const char *member)
{
	char path[FM_FILE_PATH], more[48];
	struct fm_error err = {0};
	struct some wider = {0};
	size_t files = fm_files_count(paths), at = 0;
	int *n, least = INT_MAX, most = 0;
	bool open;

	if (fm_alloc(&n, files + 1, sizeof *n, "numbers of columns", &err) < 0)
		return;
	for (const char *list = paths; at < files && fm_files_next(&list, path); at++) {
		n[at] = columns_of(d, path, member, &open);
		if (n[at] >= d->ncols && n[at] < least)
			least = n[at];
		n[at] -= open; /* those that are columns for certain */
	}
	at = 0;
	for (const char *list = paths; at < files && fm_files_next(&list, path); at++)
		if (n[at] > least) {
			count(&wider, path);
			most = n[at] > most ? n[at] : most;
		}
	if (wider.files)
		fm_warn("%s%s: rows of up to %d columns, where other files of this trace have %d: dialect %s reads the "
			"first %d of each",
			wider.first, and_more(&wider, more), most, least, d->name, d->ncols);
	free(n);
}

void fm_unread_warn(const struct fm_dialect *d, const char *paths, const char *member, bool names_alone)
{
	char path[FM_FILE_PATH];
	struct across *a = NULL;
	struct fm_error err = {0};

	if (d->extra_columns && !d->header && !d->blanks)
		tell_columns(d, paths, member);
	if (fm_alloc(&a, 1, sizeof *a, "names of columns", &err) < 0)
		return;
	while (fm_files_next(&paths, path)) {
		struct fm_unread list[FM_UNREAD_MAX];
		bool has[FM_DIALECT_MAXCOLS];
		int n = look(d, path, member, names_alone, has, list);

		a->files += n >= 0;
		for (int i = 0; i < n; i++)
			count_unread(a, &list[i], path);
		for (int k = 0; n >= 0 && k < d->ncols; k++) {
			a->has[k] += has[k];
			if (!has[k])
				count(&a->lacking[k], path);
		}
	}
	tell(a, d);
	free(a);
}
