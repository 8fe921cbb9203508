/* sniff: which dialect a trace is in, and a dialect file to start from. */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "manifests/embed.h"
#include "pipeline/cli/cli.h"
#include "pipeline/cli/flows.h"
#include "pipeline/cli/walls.h"
#include "pipeline/input.h"
#include "traces/sniff.h"

#define ENOUGH (UINT64_C(32) << 20) /* of standard input, whose first rows are looked at */

struct sniff_args {
	const char *member;
	bool unconfined, json;
};

static const struct fm_option options[] = {
    {FM_SETS_TEXT(struct sniff_args, member), .name = "member", .value = "NAME",
     .help = "the member to look at, where FILE is an archive with several"},
    FM_OPTION_UNCONFINED(struct sniff_args),
    FM_OPTION_JSON(struct sniff_args),
    {0},
};

static void put_why(const struct fm_sniff_candidate *c, struct fm_buf *out)
{
	fm_buf_printf(out, "%s (built in): reads %llu of the first %llu rows, %d columns of each", c->name,
		      (unsigned long long)c->rows, (unsigned long long)c->rows + c->bad, c->columns);
	if (c->mapped)
		fm_buf_printf(out, ", and %d label%s of its own", c->mapped, c->mapped == 1 ? "" : "s");
}

/* The file of the best built-in dialect, with lines for what it leaves unread. */
static void put_built_in(const struct fm_sniffed *s, const struct fm_embed *e, struct fm_buf *out)
{
	fm_buf_printf(out, "# %s source.dialect: %s%s\n",
		      s->sure || s->nunread ? "set" : "the first one may be it:", e->name,
		      s->nunread ? " to go without the last columns below, or to this file with them" : "");
	fm_buf_add(out, e->text, e->n);
	for (int i = 0; i < s->nunread; i++)
		fm_buf_printf(out, "  - {name: \"%s\", %s}   # by its name: not read by the built-in one\n",
			      s->unread[i].name, s->unread[i].key);
}

/* Does the file have columns that the best built-in dialect says its source lacks? */
static bool has_more(const struct fm_sniffed *s)
{
	for (int i = 0; i < s->nunread; i++)
		if (s->unread[i].denied)
			return true;
	return false;
}

/* What there is to say, as comments, with the dialect file behind it. */
static int describe(const struct fm_sniffed *s, const char *file, const char *member, struct fm_sniff_tried *tried,
		    struct fm_buf *out, struct fm_error *err)
{
	struct fm_embed e;
	struct fm_buf yaml = {0};
	bool whole;
	int rc;

	for (int i = 0; i < s->n; i++) {
		fm_buf_puts(out, "# ");
		put_why(&s->candidate[i], out);
		fm_buf_puts(out, "\n");
	}
	if (s->n && !has_more(s) && fm_embed_find(&e, FM_EMBED_DIALECT, s->candidate[0].name)) {
		put_built_in(s, &e, out);
		return fm_buf_check(out, err);
	}
	if (s->n)
		fm_buf_printf(
		    out,
		    "# set source.dialect: %s to go without columns that the file has, or to this file with them\n",
		    s->candidate[0].name);
	else
		fm_buf_puts(out, "# No built-in dialect reads it.\n");
	if ((rc = fm_sniff_guess(file, member, &yaml, &whole, err)) >= 0 &&
	    (rc = fm_sniff_try(file, member, yaml.data, yaml.len, tried, err)) >= 0) {
		fm_sniff_tell(tried, out);
		fm_buf_add(out, yaml.data, yaml.len);
		rc = fm_buf_check(out, err);
	}
	fm_buf_free(&yaml);
	return rc;
}

/* null where it cannot be made. */
static json_t *tried_json(const struct fm_sniff_tried *t)
{
	char shown[4 * sizeof t->why + 1];

	shown[fm_text_show(t->why, strlen(t->why), shown, sizeof shown)] = 0;
	return json_pack("{s:b, s:I, s:I, s:s}", "sure", t->sure, "rows", (json_int_t)t->rows, "bad",
			 (json_int_t)t->bad, "why", shown);
}

static json_t *sniffed_json(const struct fm_sniffed *s, const struct fm_sniff_tried *tried, const struct fm_buf *text)
{
	json_t *list = json_array(), *o;

	for (int i = 0; i < s->n; i++) {
		const struct fm_sniff_candidate *c = &s->candidate[i];

		json_array_append_new(list, json_pack("{s:s, s:i, s:I, s:I}", "name", c->name, "columns", c->columns,
						      "rows", (json_int_t)c->rows, "bad", (json_int_t)c->bad));
	}
	o = json_pack("{s:b, s:o, s:s%}", "sure", s->sure, "candidates", list, "file", text->data, text->len);
	if (o && s->sure)
		json_object_set_new(o, "dialect", json_string(s->candidate[0].name));
	if (o && tried->tried)
		json_object_set_new(o, "guess", tried_json(tried));
	return o;
}

/* Names of columns may be of any bytes, and a dialect file is UTF-8: a line at a time as it is shown. */
static int make_legible(struct fm_buf *text, struct fm_error *err)
{
	struct fm_buf out = {0};
	char *shown = malloc(4 * text->len + 1);

	if (!shown)
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	for (size_t at = 0, n; at < text->len; at += n + 1) {
		const char *line = (const char *)text->data + at, *end = memchr(line, '\n', text->len - at);

		n = end ? (size_t)(end - line) : text->len - at;
		fm_buf_add(&out, shown, fm_text_show(line, n, shown, 4 * text->len + 1));
		fm_buf_puts(&out, "\n");
	}
	free(shown);
	fm_buf_free(text);
	*text = out;
	return fm_buf_check(text, err);
}

/* In a child behind walls, as a trace may be a stranger's. */
struct sniffing {
	const char *file, *member;
};

static int sniff_fn(void *ctx, json_t **result, struct fm_error *err)
{
	const struct sniffing *f = ctx;
	struct fm_sniffed s;
	struct fm_sniff_tried tried = {0};
	struct fm_buf text = {0};
	int rc;

	if ((rc = fm_sniff(&s, f->file, f->member, err)) < 0)
		goto out;
	if (!fm_log_is_quiet())
		fm_log_quiet(1); /* that the same member is read again */
	if ((rc = describe(&s, f->file, f->member, &tried, &text, err)) < 0 || (rc = make_legible(&text, err)) < 0)
		goto out;
	if (!(*result = sniffed_json(&s, &tried, &text)))
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
out:
	fm_buf_free(&text);
	return rc;
}

/* The beginning of standard input as a file, because it is read more than once: *file in a folder *dir, both the
 * caller's. */
static int keep_input(char **dir, char **file, struct fm_error *err)
{
	int fd, rc;

	if ((rc = fm_flows_spill_make(dir, err)) < 0)
		return rc;
	if (!(*file = fm_path_join(*dir, "standard-input")))
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	if ((fd = open(*file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0)
		return fm_fail_errno(err, "%s", *file);
	rc = fm_input_copy(STDIN_FILENO, fd, "standard input", ENOUGH, err);
	close(fd);
	return rc;
}

static int sniff(const void *args, const struct fm_call *call, struct fm_error *err)
{
	const struct sniff_args *a = args;
	struct sniffing f = {call->operand[0], a->member};
	char *dir = NULL, *file = NULL;
	struct fm_walls w = {0};
	json_t *result = NULL;
	int rc;

	if (strcmp(f.file, "-") == 0) {
		if ((rc = keep_input(&dir, &file, err)) < 0)
			goto out;
		f.file = file;
	}
	if ((rc = fm_walls_begin(&w, "sniff", a->unconfined, err)) < 0 ||
	    (rc = fm_walls_show(&w, f.file, false, err)) < 0)
		goto out;
	fm_walls_threads(&w, 4); /* what is packed is unpacked ahead */
	if ((rc = fm_walls_run(&w, sniff_fn, &f, &result, err)) < 0)
		goto out;
	if (a->json)
		rc = fm_cli_json(json_incref(result), err);
	else
		rc = fm_walls_print(json_string_value(json_object_get(result, "file")), err);
out:
	fm_flows_spill_end(dir);
	free(file);
	fm_walls_end(&w);
	json_decref(result);
	return rc;
}

const struct fm_verb fm_verb_sniff = {
    .name = "sniff",
    .summary = "which dialect a trace is in",
    .about =
	"Reads the first rows of FILE by each built-in dialect and prints those that fit, why, and the dialect file of "
	"the best of them. Where none fits, it prints a dialect file to start from, guessed from the header and the "
	"values, with what is unsure in comments. What is printed is a dialect file: flowmint sniff FILE > mine.yaml. "
	"FILE - is standard input. Exit status 0 in all three cases; 3 when FILE is no text with columns.",
    .operands = "FILE",
    .offer = FM_OFFER_FILE,
    .options = options,
    .args_size = sizeof(struct sniff_args),
    .run = sniff,
};
