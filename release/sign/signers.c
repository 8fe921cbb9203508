#include "release/sign/signers.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/num.h"

/* A line, taken apart from the left. */
struct line {
	const char *p;
	size_t n;
};

/* A blank between options and keys; OpenSSH takes a carriage return for a blank only after the principals. */
static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_space(char c)
{
	return is_blank(c) || c == '\r';
}

static void skip_blanks(struct line *l)
{
	while (l->n && is_blank(*l->p)) {
		l->p++;
		l->n--;
	}
}

/* The next word; blanks between double quotes belong to it, and \" inside quotes does not end them.  -1: open quote. */
static int next_word(struct line *l, struct line *word)
{
	bool quoted = false;
	size_t i;

	skip_blanks(l);
	for (i = 0; i < l->n && (quoted || !is_blank(l->p[i])); i++) {
		if (quoted && l->p[i] == '\\' && i + 1 < l->n && l->p[i + 1] == '"')
			i++;
		else if (l->p[i] == '"')
			quoted = !quoted;
	}
	if (quoted)
		return -1;
	word->p = l->p;
	word->n = i;
	l->p += i;
	l->n -= i;
	return 0;
}

static bool word_is(const struct line *w, const char *s)
{
	return w->n == strlen(s) && strncasecmp(w->p, s, w->n) == 0;
}

/*
 * The principals, as OpenSSH's strdelim takes the first word: up to a blank; a double quote hides blanks up to the next
 * one, which ends the word, and a backslash means nothing.  -1: open quote, empty, too long or unprintable.
 */
static int take_principals(struct line *l, char out[FM_PRINCIPALS_MAX])
{
	bool quoted = false, done = false;
	size_t n = 0, i;

	for (i = 0; i < l->n && !done && (quoted || !is_space(l->p[i])); i++) {
		unsigned char c = (unsigned char)l->p[i];

		if (c == '"') {
			done = quoted;
			quoted = !quoted;
			continue;
		}
		if (c < 0x20 || c == 0x7f || n + 1 >= FM_PRINCIPALS_MAX)
			return -1;
		out[n++] = (char)c;
	}
	out[n] = 0;
	while (i < l->n && is_space(l->p[i]))
		i++;
	l->p += i;
	l->n -= i;
	return quoted || n == 0 ? -1 : 0;
}

/* The text between two double quotes that are all of w; -1 when it is something else, does not fit or has unprintable
 * bytes. */
static int unquote(const struct line *w, char *out, size_t cap)
{
	size_t n = 0;

	if (w->n < 2 || w->p[0] != '"' || w->p[w->n - 1] != '"')
		return -1;
	for (size_t i = 1; i < w->n - 1; i++) {
		if (w->p[i] == '"')
			return -1;
		if (w->p[i] == '\\' && i + 1 < w->n - 1 && w->p[i + 1] == '"')
			i++;
		if ((unsigned char)w->p[i] < 0x20 || (unsigned char)w->p[i] == 0x7f || n + 1 >= cap)
			return -1;
		out[n++] = w->p[i];
	}
	out[n] = 0;
	return 0;
}

static int digits(const char *s, size_t n)
{
	int v = 0;

	while (n--)
		v = 10 * v + (*s++ - '0');
	return v;
}

/* A day that its month does not have is one of the next month, as with strptime and timegm. */
static int parse_time(const char *s, int64_t *out)
{
	size_t n = strlen(s);
	char day[] = "0000-00-01";
	int d, h = 0, m = 0, sec = 0;

	if (n && (s[n - 1] == 'Z' || s[n - 1] == 'z'))
		n--;
	else if (n > 3 && strcasecmp(s + n - 3, "UTC") == 0)
		n -= 3;
	if (n != 8 && n != 12 && n != 14)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (s[i] < '0' || s[i] > '9')
			return -1;
	memcpy(day, s, 4);
	memcpy(day + 5, s + 4, 2);
	d = digits(s + 6, 2);
	if (n >= 12) {
		h = digits(s + 8, 2);
		m = digits(s + 10, 2);
	}
	if (n == 14)
		sec = digits(s + 12, 2);
	if (fm_parse_date_s(day, out) || d < 1 || d > 31 || h > 23 || m > 59 || sec > 61)
		return -1;
	*out += (d - 1) * 86400 + h * 3600 + m * 60 + sec;
	return *out > 0 ? 0 : -1; /* ssh-keygen takes 0 for no time at all */
}

/* What a line says, before it is kept. */
struct draft {
	struct fm_signer s;
	char principals[FM_PRINCIPALS_MAX], namespaces[FM_PRINCIPALS_MAX];
	bool authority;
};

/* One option of the comma-separated list. */
static int parse_option(struct draft *to, const struct line *o, struct fm_error *err)
{
	struct fm_signer *s = &to->s;
	const char *eq = memchr(o->p, '=', o->n);
	struct line name = {o->p, eq ? (size_t)(eq - o->p) : o->n}, value = {0};
	char text[FM_PRINCIPALS_MAX], shown[64];

	if (eq)
		value = (struct line){eq + 1, o->n - name.n - 1};
	fm_printable(name.p, name.n, shown, sizeof shown);
	if (word_is(&name, "cert-authority") && !eq) {
		to->authority = true;
		return FM_OK;
	}
	if (!word_is(&name, "namespaces") && !word_is(&name, "valid-after") && !word_is(&name, "valid-before"))
		return isalpha((unsigned char)shown[0]) ? fm_fail(err, FM_EINPUT, "option %s is not known", shown)
							: fm_fail(err, FM_EINPUT, "what stands there is no option");
	if (value.n < 3 || unquote(&value, text, sizeof text))
		return fm_fail(err, FM_EINPUT, "option %s wants a value in double quotes", shown);
	if (word_is(&name, "namespaces")    ? to->namespaces[0] != 0
	    : word_is(&name, "valid-after") ? s->valid_after_s != INT64_MIN
					    : s->valid_before_s != INT64_MAX)
		return fm_fail(err, FM_EINPUT, "option %s stands twice", shown);
	if (word_is(&name, "namespaces")) {
		memcpy(to->namespaces, text, strlen(text) + 1);
	} else if (parse_time(text, word_is(&name, "valid-after") ? &s->valid_after_s : &s->valid_before_s)) {
		return fm_fail(err, FM_EINPUT, "option %s wants YYYYMMDD or YYYYMMDDHHMM[SS], with a Z for UTC", shown);
	}
	return FM_OK;
}

/* As in ssh-keygen, an empty text before a comma is no option; one after the last comma is an error. */
static int parse_options(struct draft *to, struct line w, struct fm_error *err)
{
	while (w.n) {
		struct line one = {w.p, 0};
		bool quoted = false;
		int rc;

		while (one.n < w.n && (quoted || w.p[one.n] != ',')) {
			if (quoted && w.p[one.n] == '\\' && one.n + 1 < w.n && w.p[one.n + 1] == '"')
				one.n++;
			else if (w.p[one.n] == '"')
				quoted = !quoted;
			one.n++;
		}
		if (one.n && (rc = parse_option(to, &one, err)) < 0)
			return rc;
		w.p += one.n;
		w.n -= one.n;
		if (w.n) {
			w.p++;
			w.n--;
			if (!w.n)
				return fm_fail(err, FM_EINPUT, "an option is missing after the last comma");
		}
	}
	if (to->s.valid_after_s != INT64_MIN && to->s.valid_before_s <= to->s.valid_after_s)
		return fm_fail(err, FM_EINPUT, "valid-before lies before valid-after: the key is never valid");
	return FM_OK;
}

static bool is_key_type(const struct line *w)
{
	static const char *const prefix[] = {"ssh-", "sk-ssh-", "ecdsa-sha2-", "sk-ecdsa-sha2-", "rsa-sha2-"};

	for (size_t i = 0; i < sizeof prefix / sizeof *prefix; i++) {
		size_t n = strlen(prefix[i]);

		if (w->n > n && memcmp(w->p, prefix[i], n) == 0)
			return true;
	}
	return false;
}

/* The base64 of a key up to the next blank; other white space belongs to it and is ignored. */
static int take_blob(const struct line *l, uint8_t *blob, size_t cap, size_t *n)
{
	char text[4 * FM_SSHKEY_BLOB];
	size_t used = 0;

	for (size_t i = 0; i < l->n && !is_blank(l->p[i]); i++) {
		if (l->p[i] == '\r' || l->p[i] == '\v' || l->p[i] == '\f')
			continue;
		if (used == sizeof text)
			return -1;
		text[used++] = l->p[i];
	}
	return fm_base64_decode(text, used, blob, cap, n);
}

/* 1: *to is a signer; 0: nothing for us on this line. */
static int parse_line(struct line l, struct draft *to, struct fm_error *err)
{
	struct fm_signer *s = &to->s;
	struct line word;
	uint8_t blob[FM_SSHKEY_BLOB + 64];
	struct fm_wire w = {blob, 0};
	int rc;

	skip_blanks(&l);
	while (l.n && is_space(l.p[l.n - 1]))
		l.n--;
	if (l.n == 0 || *l.p == '#')
		return 0;
	if (l.n >= 3 && memcmp(l.p, "\xef\xbb\xbf", 3) == 0)
		return fm_fail(err, FM_EINPUT, "the line begins with a byte-order mark: save the file without one");
	memset(to, 0, sizeof *to);
	s->valid_after_s = INT64_MIN;
	s->valid_before_s = INT64_MAX;
	if (take_principals(&l, to->principals))
		return fm_fail(err, FM_EINPUT, "the principals are unreadable or longer than %d bytes",
			       FM_PRINCIPALS_MAX - 1);
	word = (struct line){to->principals, strlen(to->principals)};
	if (is_key_type(&word))
		return fm_fail(err, FM_EINPUT,
			       "this is a public key; a line of an allowed_signers file begins with the signer's name: "
			       "NAME namespaces=\"" FM_SSH_NAMESPACES "\" %s ... (flowmint keygen prints it)",
			       to->principals);
	if (next_word(&l, &word))
		return fm_fail(err, FM_EINPUT, "a double quote is not closed");
	if (!is_key_type(&word)) {
		if (word.n == 0)
			return fm_fail(err, FM_EINPUT, "a line is: PRINCIPALS [OPTIONS] ssh-ed25519 BASE64");
		if ((rc = parse_options(to, word, err)) < 0)
			return rc;
		if (next_word(&l, &word))
			return fm_fail(err, FM_EINPUT, "a double quote is not closed");
		if (!is_key_type(&word))
			return fm_fail(err, FM_EINPUT,
				       "no key after the options (a line is: PRINCIPALS [OPTIONS] ssh-ed25519 BASE64)");
	}
	if (to->authority || (!word_is(&word, "ssh-ed25519") && !word_is(&word, "sk-ssh-ed25519@openssh.com")))
		return 0;
	skip_blanks(&l);
	if (take_blob(&l, blob, sizeof blob, &w.n) || fm_sshpub_from_blob(&s->key, &w, NULL))
		return fm_fail(err, FM_EINPUT, "the %.*s key is damaged", (int)word.n, word.p);
	if (!word_is(&word, s->key.application[0] ? "sk-ssh-ed25519@openssh.com" : "ssh-ed25519"))
		return fm_fail(err, FM_EINPUT, "the key is of another type than the line says");
	if (fm_sshpub_is_weak(&s->key))
		return fm_fail(err, FM_EINPUT, "the key is of small order: anybody can sign for it");
	return 1;
}

/* A copy in the list's text, which has room: no copy is more than one byte longer than what it was read from. */
static const char *keep(struct fm_signers *list, size_t *used, const char *s)
{
	char *at = list->text + *used;
	size_t n = strlen(s) + 1;

	memcpy(at, s, n);
	*used += n;
	return at;
}

/* Room for one more. */
static int grow(struct fm_signers *list, size_t *cap, size_t number, struct fm_error *err)
{
	size_t more = *cap ? 2 * *cap : 16;
	struct fm_signer *grown;

	if (list->n < *cap)
		return FM_OK;
	if (more > FM_SIGNERS_MAX)
		return fm_fail(err, FM_EINPUT, "%zu: more than %d keys", number, FM_SIGNERS_MAX);
	if (!(grown = realloc(list->s, more * sizeof *grown)))
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	list->s = grown;
	*cap = more;
	return FM_OK;
}

/* Like parse_line, for text that may be no line at all. */
static int take_line(struct line l, struct draft *to, struct fm_error *err)
{
	if (l.n > FM_SIGNERS_LINE_MAX)
		return fm_fail(err, FM_EINPUT, "the line is longer than %d bytes", FM_SIGNERS_LINE_MAX);
	if (memchr(l.p, 0, l.n))
		return fm_fail(err, FM_EINPUT, "the line has NUL bytes: is this an allowed_signers file?");
	return parse_line(l, to, err);
}

int fm_signers_parse(struct fm_signers *list, const char *text, size_t n, struct fm_error *err)
{
	size_t cap = 0, number = 0, used = 0;
	int rc = FM_OK;

	memset(list, 0, sizeof *list);
	if (!(list->text = malloc(2 * n + 2)))
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	while (n) {
		const char *nl = memchr(text, '\n', n);
		struct line l = {text, nl ? (size_t)(nl - text) : n};
		struct draft one;
		int got;

		number++;
		if ((got = take_line(l, &one, err)) < 0) {
			rc = got;
			fm_error_prefix(err, "%zu: ", number);
			goto out;
		}
		if (got) {
			if ((rc = grow(list, &cap, number, err)) < 0)
				goto out;
			one.s.line = number;
			one.s.principals = keep(list, &used, one.principals);
			one.s.namespaces = keep(list, &used, one.namespaces);
			list->s[list->n++] = one.s;
		}
		text += l.n + (nl ? 1 : 0);
		n -= l.n + (nl ? 1 : 0);
	}
out:
	if (rc < 0)
		fm_signers_free(list);
	return rc;
}

#define A_LINE "a list of signers has lines like: NAME namespaces=\"" FM_SSH_NAMESPACES "\" ssh-ed25519 AAAA..."

/* What a text without any line of a list seems to be, or NULL. */
static const char *what_else(const char *text, size_t n)
{
	static const struct {
		const char *has, *is;
	} kinds[] = {{"-----BEGIN SSH SIGNATURE", "a signature"},
		     {"PRIVATE KEY-----", "a secret key, for no other eyes"}};
	static const char *const types[] = {"ssh-", "ecdsa-sha2-", "cert-authority"};

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (memmem(text, n < 64 ? n : 64, kinds[i].has, strlen(kinds[i].has)))
			return kinds[i].is;
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (memmem(text, n, types[i], strlen(types[i])))
			return NULL;
	return "no list of signers";
}

int fm_signers_load(struct fm_signers *list, const char *path, struct fm_error *err)
{
	struct fm_buf b = {0};
	const char *text, *other;
	struct stat st;
	int rc;

	memset(list, 0, sizeof *list);
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		rc = fm_fail(err, FM_EINPUT, "%s is a folder; " A_LINE " (flowmint keygen prints one)", path);
		goto out;
	}
	if ((rc = fm_file_read(path, FM_SIGNERS_FILE_MAX, &b, err)) < 0)
		goto out;
	text = b.data ? b.data : "";
	if ((rc = fm_signers_parse(list, text, b.len, err)) < 0) {
		if (rc == FM_EINPUT && (other = what_else(text, b.len)))
			rc = fm_fail(err, FM_EINPUT, "%s is %s; " A_LINE " (flowmint keygen prints one)", path, other);
		else
			fm_error_prefix(err, "%s:", path);
	}
out:
	fm_buf_free(&b);
	return rc;
}

void fm_signers_free(struct fm_signers *list)
{
	if (!list)
		return;
	free(list->s);
	free(list->text);
	list->s = NULL;
	list->text = NULL;
	list->n = 0;
}

/* Shell-like pattern of n bytes with * and ?, without recursion on the text's length. */
static bool glob(const char *pat, size_t n, const char *s)
{
	size_t i = 0, star = SIZE_MAX;
	const char *back = NULL;

	for (;;) {
		if (i < n && pat[i] == '*') {
			star = i++;
			back = s;
		} else if (*s && i < n && (pat[i] == '?' || pat[i] == *s)) {
			i++;
			s++;
		} else if (!*s && i == n) {
			return true;
		} else if (star != SIZE_MAX && *back) {
			i = star + 1;
			s = ++back;
		} else {
			return false;
		}
	}
}

/* As OpenSSH's match_pattern_list: a matching !pattern refuses, whatever else matches. */
static bool in_pattern_list(const char *list, const char *s)
{
	bool found = false;

	while (*list) {
		size_t n = strcspn(list, ",");
		bool negated = *list == '!';

		if (glob(list + negated, n - negated, s)) {
			if (negated)
				return false;
			found = true;
		}
		list += n + (list[n] == ',');
	}
	return found;
}

/* One name of a list against another list. */
static bool is_in(const char *name, size_t n, const char *list)
{
	bool wild = memchr(name, '*', n) || memchr(name, '?', n);
	char one[FM_PRINCIPALS_MAX];

	for (size_t len; *list; list += len + (list[len] == ',')) {
		len = strcspn(list, ",");
		if (len == 0 || len >= sizeof one)
			continue;
		memcpy(one, list, len);
		one[len] = 0;
		if (strpbrk(one, "*?") && wild)
			return true;
		if (glob(name, n, one))
			return true;
		memcpy(one, name, n);
		one[n] = 0;
		if (glob(list, len, one))
			return true;
	}
	return false;
}

bool fm_signers_share(const char *a, const char *b, char name[FM_PRINCIPALS_MAX])
{
	for (size_t n; *a; a += n + (a[n] == ',')) {
		n = strcspn(a, ",");
		if (n == 0 || n >= FM_PRINCIPALS_MAX || !is_in(a, n, b))
			continue;
		if (name) {
			memcpy(name, a, n);
			name[n] = 0;
		}
		return true;
	}
	return false;
}

static bool is_of(const struct fm_signer *s, const char *name)
{
	return name ? in_pattern_list(s->principals, name) : s->principals[0] != '!' && !strstr(s->principals, ",!");
}

enum fm_signer_state fm_signers_find(const struct fm_signers *list, const struct fm_sshpub *key, const char *ns,
				     int64_t now_s, const struct fm_signer **who)
{
	return fm_signers_find_name(list, key, NULL, ns, now_s, who);
}

enum fm_signer_state fm_signers_find_name(const struct fm_signers *list, const struct fm_sshpub *key, const char *name,
					  const char *ns, int64_t now_s, const struct fm_signer **who)
{
	enum fm_signer_state best = FM_SIGNER_UNKNOWN;

	*who = NULL;
	for (size_t i = 0; i < list->n; i++) {
		const struct fm_signer *s = &list->s[i];
		enum fm_signer_state state = FM_SIGNER_OK;

		if (!fm_sshpub_same(&s->key, key))
			continue;
		if (!is_of(s, name))
			state = FM_SIGNER_OTHER_NAME;
		else if (s->namespaces[0] && !in_pattern_list(s->namespaces, ns))
			state = FM_SIGNER_OTHER_NAMESPACE;
		else if (now_s < s->valid_after_s)
			state = FM_SIGNER_NOT_YET;
		else if (now_s > s->valid_before_s)
			state = FM_SIGNER_EXPIRED;
		if (state == FM_SIGNER_OK || state > best) {
			best = state;
			*who = s;
		}
		if (state == FM_SIGNER_OK)
			break;
	}
	return best;
}

bool fm_signer_ever(enum fm_signer_state state)
{
	return state == FM_SIGNER_OK || state == FM_SIGNER_NOT_YET || state == FM_SIGNER_EXPIRED;
}

bool fm_signers_name(const struct fm_signers *list, const struct fm_sshpub *key, const char *ns,
		     const struct fm_signer **who)
{
	return fm_signer_ever(fm_signers_find(list, key, ns, 0, who));
}
