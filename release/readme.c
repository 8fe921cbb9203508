/*
 * The data sheet.  Numbers are rounded to what a person reads; the exact ones are in manifest.json.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json_text.h"
#include "base/num.h"
#include "manifests/registry.h"
#include "release/columns.h"
#include "release/metadata.h"
#include "release/readme_parts.h"

#define MAX_LABELS 40

void fm_readme_put_text(struct fm_buf *out, const char *s)
{
	for (; *s; s++) {
		char c = (unsigned char)*s < 0x20 || *s == 0x7f ? ' ' : *s;

		if (c == '|' || c == '<' || c == '`')
			fm_buf_puts(out, "\\");
		fm_buf_add(out, &c, 1);
	}
}

void fm_readme_put_number(struct fm_buf *out, double v)
{
	if (isnan(v))
		fm_buf_puts(out, "none");
	else
		fm_buf_printf(out, "%.4g", v);
}

static void put_count(struct fm_buf *out, uint64_t v)
{
	char digits[24];
	int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)v);

	for (int i = 0; i < n; i++)
		fm_buf_printf(out, i && (n - i) % 3 == 0 ? ",%c" : "%c", digits[i]);
}

static void put_span(const struct fm_table *t, struct fm_buf *out)
{
	char first[FM_TIME_MAX], last[FM_TIME_MAX];
	int64_t lo, hi;
	int nfirst, nlast;

	if (!t->rows || !FM_HAS(t, FM_TE))
		return;
	lo = hi = t->te[0];
	for (size_t i = 1; i < t->rows; i++) {
		lo = t->te[i] < lo ? t->te[i] : lo;
		hi = t->te[i] > hi ? t->te[i] : hi;
	}
	nfirst = (int)fm_format_time_s(lo, first);
	nlast = (int)fm_format_time_s(hi, last);
	fm_buf_printf(out, ", from %.*s to %.*s UTC", nfirst, first, nlast, last);
}

static void put_what(const struct fm_metadata_in *in, struct fm_buf *out)
{
	const struct fm_config *c = in->cfg;

	fm_buf_puts(out, "# ");
	fm_readme_put_text(out, c->release.name);
	fm_buf_puts(out, " ");
	fm_readme_put_text(out, c->release.version);
	fm_buf_puts(out, "\n\n");
	if (c->release.description[0]) {
		fm_readme_put_text(out, c->release.description);
		fm_buf_puts(out, "\n\n");
	}
	fm_buf_printf(out, "Synthetic network flows: `data/flows.%s` holds ", fm_data_suffix(in->dialect));
	put_count(out, in->table->rows);
	fm_buf_puts(out, " flows");
	put_span(in->table, out);
	fm_buf_puts(out, ".\nNone of them was observed; a model that was trained on real flows made them up.");
	if (in->date[0])
		fm_buf_printf(out, " Released on %s.", in->date);
	fm_buf_puts(out, "\n\n");
}

static bool has_family(const struct fm_table *t, bool ipv6)
{
	const struct fm_address_dict *d = t->addresses;

	for (size_t i = 0; d && i < d->n; i++)
		if (fm_address_is_ipv6(&d->at[i]) == ipv6)
			return true;
	return !ipv6 && (!d || d->n == 0);
}

/* The ranges of a side, of the families that the flows have. */
static void put_ranges(const struct fm_metadata_in *in, bool inside, struct fm_buf *out)
{
	struct fm_fresh f;
	struct fm_error ignored; /* the config has been checked */

	for (int ipv6 = 0; ipv6 < 2; ipv6++)
		if (has_family(in->table, ipv6) && fm_config_fresh(&f, in->cfg, inside, ipv6, &ignored) == FM_OK)
			for (int i = 0; i < f.n; i++)
				fm_buf_printf(out, " %s", f.text[i]);
}

static void put_how(const struct fm_metadata_in *in, struct fm_buf *out)
{
	fm_buf_printf(out, "## How it was made\n\nBy flowmint, with %s", fm_json_str(in->generator, "model"));
	if (!(in->cfg->absent >> FM_SA & 1u)) {
		fm_buf_printf(out, " Addresses are drawn %s from these ranges,\ninside:",
			      fm_json_str(in->generator, "addresses"));
		put_ranges(in, true, out);
		fm_buf_puts(out, "; outside:");
		put_ranges(in, false, out);
		fm_buf_puts(out, ".");
	}
	fm_buf_puts(
	    out, "\nAll parameters, the version of the code and the digests of each stage are in `manifest.json`.\n\n");
}

/* Which rows of the trace these flows do not represent. */
static void put_left_out(const struct fm_metadata_in *in, struct fm_buf *out)
{
	const json_t *reasons = json_object_get(in->left_out, "reasons");

	if (strcmp(in->cfg->privacy.mode, "dp") == 0)
		fm_buf_puts(out, "These flows stand for IPv4 alone: in `privacy.mode: dp` IPv6 is left out.\n\n");
	if (!in->left_out)
		return;
	fm_buf_printf(out,
		      "Up to %.0f %% of the rows of the trace could not be used and were left out: these flows do not "
		      "stand for them.\n\n",
		      100 * json_number_value(json_object_get(in->left_out, "share")));
	for (size_t i = 0; i < json_array_size(reasons); i++) {
		const json_t *r = json_array_get(reasons, i);

		fm_buf_printf(out, "- up to %.0f %%: ", 100 * json_number_value(json_object_get(r, "share")));
		fm_readme_put_text(out, fm_json_str(r, "reason"));
		fm_buf_puts(out, "\n");
	}
	fm_buf_puts(out, "\n");
}

static void put_filled(const struct fm_metadata_in *in, struct fm_buf *out)
{
	if (in->filled)
		fm_buf_printf(out,
			      "In up to %.0f %% of the rows of the trace a value was missing and counts as 0 "
			      "(`source.missing: zero`):\nthe model learned these zeros with the others.\n\n",
			      100 * json_number_value(json_object_get(in->filled, "share")));
}

/* What no row of the trace has; the preset's checks of that were not asked. */
static int put_absent(const struct fm_metadata_in *in, struct fm_buf *out, struct fm_error *err)
{
	struct fm_config *preset = NULL;
	bool any = false;
	int rc;

	if (!in->cfg->absent)
		return FM_OK;
	fm_buf_puts(out, "The trace has no ");
	fm_columns_absent(in->cfg->absent, out);
	fm_buf_puts(out,
		    ", and neither have these flows: the model learned rows that have the same there,\nand what it "
		    "made in that place was left out. What needs them was not measured.");
	if (in->cfg->absent >> FM_TE & 1u)
		fm_buf_puts(out, " Rows are in an order as in the trace,\nwhich is all that is known of time.");
	if ((rc = fm_config_preset(&preset, in->cfg->preset, NULL, 0, err)) == FM_ESYSTEM)
		return rc;
	if (rc < 0)
		preset = NULL; /* a preset of a later version, or none */
	for (int i = 0; preset && i < preset->gate.n; i++) {
		const char *name = preset->gate.check[i].name;

		if (!fm_metric_lacks(name, ~in->cfg->absent, NULL))
			continue;
		fm_buf_puts(out, any ? ", " : "\nNot asked of the checks of its preset, as they need them: ");
		fm_readme_put_text(out, name);
		any = true;
	}
	fm_buf_puts(out, any ? ".\n\n" : "\n\n");
	fm_config_free(preset);
	return FM_OK;
}

/* What the flows had and this dialect cannot say. */
static void put_losses(const struct fm_metadata_in *in, struct fm_buf *out)
{
	char text[FM_DIALECT_LOSSES][256];
	int n = in->source ? fm_dialect_losses(in->source, in->dialect, text) : 0;

	if (!n)
		return;
	fm_buf_puts(out, "The trace was in the dialect ");
	fm_readme_put_text(out, in->source->name);
	fm_buf_puts(out, ". What this one cannot say of its flows:\n\n");
	for (int i = 0; i < n; i++) {
		fm_buf_puts(out, "- ");
		fm_readme_put_text(out, text[i]);
		fm_buf_puts(out, "\n");
	}
	fm_buf_puts(out, "\n");
}

/* Labels that the file spells in another way than the table below. */
static void put_spellings(const struct fm_metadata_in *in, struct fm_buf *out)
{
	const struct fm_dict *labels = &in->table->dict[FM_LABEL];
	bool first = true;

	for (size_t i = 0; in->dialect->nlabels && FM_HAS(in->table, FM_LABEL) && i < labels->n; i++) {
		const char *spelled = fm_dialect_label(in->dialect, labels->value[i]);
		const char *read = fm_dialect_label_read(in->dialect, spelled);

		if (strcmp(read, labels->value[i]) != 0) {
			fm_buf_puts(out, first ? "In the file, as in this dialect, " : "; ");
			fm_readme_put_text(out, spelled);
			fm_buf_puts(out, " is another word for ");
			fm_readme_put_text(out, read);
			first = false;
			continue;
		}
		if (strcmp(spelled, read) == 0)
			continue;
		fm_buf_puts(out, first ? "In the file, as in this dialect, " : "; ");
		fm_readme_put_text(out, labels->value[i]);
		fm_buf_puts(out, *spelled ? " is written " : " is an empty field");
		fm_readme_put_text(out, spelled);
		first = false;
	}
	if (!first)
		fm_buf_puts(out, ".\n\n");
}

static void put_columns(const struct fm_metadata_in *in, struct fm_buf *out)
{
	const struct fm_dialect *d = in->dialect;

	fm_buf_printf(out, "## Columns\n\nThe file is %s in the dialect ", d->json ? "JSON" : "CSV");
	fm_readme_put_text(out, d->name);
	fm_buf_printf(out, ", %s. `datapackage.json` says the same for programs.\n\n",
		      d->json                  ? "an object a line"
		      : !d->header             ? "without a header line"
		      : fm_header_has_names(d) ? "with a header line"
					       : "with a header line among comments");
	if (d->ipfix)
		fm_buf_puts(out, "`" FM_ARCHIVE_DATA_IPFIX
				 "` has the same flows as messages of IPFIX (RFC 7011), which collectors read.\n\n");
	for (int i = 0; in->parts && i < FM_METADATA_PARTS; i++)
		fm_buf_printf(out, "%s`data/%s.%s` has %s %llu of these flows%s",
			      i ? ", " : "The flows are also there in two parts: ", in->parts[i].name,
			      fm_data_suffix(d), i ? "the last" : "the first", (unsigned long long)in->parts[i].rows,
			      i + 1 == FM_METADATA_PARTS ? ".\n\n" : "");
	fm_buf_puts(out, "| # | column | type | unit | meaning |\n|---:|---|---|---|---|\n");
	for (int i = 0, n = 0; i < d->ncols; i++) {
		for (int cell = 0; fm_dialect_writes(d, i) && cell < fm_column_cells(d, i); cell++) {
			char name[FM_CELL_NAME];

			fm_buf_printf(out, "| %d | ", ++n);
			fm_readme_put_text(out, fm_cell_name(d, i, cell, name));
			fm_buf_printf(out, " | %s | %s | %s |\n", fm_cell_type(d, i, cell),
				      fm_column_unit(d->cols[i].col, d->cols[i].format), fm_column_meaning(d, i));
		}
	}
	fm_buf_puts(out, "\n");
	put_losses(in, out);
	put_spellings(in, out);
}

/* The meaning of the usual words for classes of flows; NULL for others. */
static const char *label_meaning(const char *label)
{
	static const struct {
		const char *label, *meaning;
	} known[] = {
	    {"background", "traffic that nobody gave another label"},
	    {"dos", "denial of service, by many requests"},
	    {"scan11", "port scan, by one host of one host"},
	    {"scan44", "port scan, by four hosts of four hosts"},
	    {"nerisbotnet", "traffic of the botnet Neris"},
	    {"blacklist", "an address of it is on a public blacklist"},
	    {"anomaly-udpscan", "found as an anomaly: a scan over UDP"},
	    {"anomaly-sshscan", "found as an anomaly: a scan of SSH"},
	    {"anomaly-spam", "found as an anomaly: unsolicited mail"},
	};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strcmp(known[i].label, label) == 0)
			return known[i].meaning;
	return strncmp(label, "anomaly-", 8) == 0 ? "found as an anomaly" : NULL;
}

static void put_labels(const struct fm_table *t, struct fm_buf *out)
{
	uint64_t count[MAX_LABELS] = {0};
	size_t n = t->dict[FM_LABEL].n;
	bool explained = false;
	size_t met = 0;

	if (!FM_HAS(t, FM_LABEL) || n > MAX_LABELS)
		return;
	for (size_t i = 0; i < t->rows; i++)
		if (t->label[i] < n)
			count[t->label[i]]++;
	for (size_t i = 0; i < n; i++) {
		explained |= count[i] && label_meaning(t->dict[FM_LABEL].value[i]);
		met += count[i] > 0;
	}
	if (met < 2 && !explained)
		return;
	fm_buf_puts(out,
		    explained ? "| label | flows | meaning |\n|---|---:|---|\n" : "| label | flows |\n|---|---:|\n");
	for (size_t i = 0; i < n; i++) {
		if (!count[i])
			continue;
		fm_buf_puts(out, "| ");
		fm_readme_put_text(out, t->dict[FM_LABEL].value[i]);
		fm_buf_puts(out, " | ");
		put_count(out, count[i]);
		if (explained) {
			const char *meaning = label_meaning(t->dict[FM_LABEL].value[i]);

			fm_buf_printf(out, " | %s", meaning ? meaning : "");
		}
		fm_buf_puts(out, " |\n");
	}
	fm_buf_puts(out, "\n");
}

static bool asks_counts(const struct fm_verdict *v)
{
	for (size_t i = 0; i < v->n; i++)
		if (strncmp(v->check[i].name, "counts.", 7) == 0)
			return true;
	return false;
}

static void put_checks(const struct fm_metadata_in *in, struct fm_buf *out)
{
	fm_buf_puts(out, "## What was measured\n\n");
	fm_buf_puts(out, in->verdict->waivers
			     ? "The release was let out because every check below passed or was waived.\n"
			     : "The release was let out because every check below passed.\n");
	if (asks_counts(in->verdict))
		fm_buf_puts(out,
			    "Values of `counts.` set the synthetic flows beside the noisy counts that they were made "
			    "from, which\nthe guarantee below covers. Of the others:\n\n");
	fm_buf_puts(
	    out,
	    fm_config_pays_gate(in->cfg)
		? "Values are of the synthetic flows alone, except\n"
		  "for those of `paid.`: real flows that the model did not see were counted through noise, which "
		  "the\n"
		  "guarantee below covers. Each is the most that the difference may be, whatever the noise hides, "
		  "and its\n"
		  "rows are a noisy number too. Nothing else that compares with real flows was let to decide, or "
		  "is published.\n\n"
	    : fm_config_dp(in->cfg)
		? "Values are of the synthetic flows alone: nothing\n"
		  "that compares them with real ones was let to decide, or is published.\n\n"
		: "Values compare the synthetic flows with the\n"
		  "real flows that the model learned from; a task's score is of real flows that it did not see, and "
		  "the\n"
		  "checks of leakage ask which of the two the synthetic flows are nearer to.\n\n");
	if (fm_config_pays_gate(in->cfg) && fm_config_window(in->cfg))
		fm_buf_printf(
		    out,
		    "Of the real flows and of the synthetic ones at most %u exchanges of a window were counted.\n\n",
		    fm_config_window(in->cfg));
	fm_buf_puts(out, "| check | value | 95 % interval | threshold | margin | rows | result |\n"
			 "|---|---:|---:|---:|---:|---:|---|\n");
	for (size_t i = 0; i < in->verdict->n; i++) {
		const struct fm_check_result *c = &in->verdict->check[i];

		fm_buf_puts(out, "| ");
		fm_readme_put_text(out, c->name);
		fm_buf_puts(out, " | ");
		fm_readme_put_number(out, c->value);
		fm_buf_puts(out, " | ");
		if (!isnan(c->ci_lo) && !isnan(c->ci_hi)) {
			fm_readme_put_number(out, c->ci_lo);
			fm_buf_puts(out, " to ");
			fm_readme_put_number(out, c->ci_hi);
		}
		fm_buf_printf(out, " | at %s ", strcmp(c->direction, "min") == 0 ? "least" : "most");
		fm_readme_put_number(out, c->threshold);
		fm_buf_puts(out, " | ");
		fm_readme_put_number(out, fm_check_margin(c));
		fm_buf_puts(out, " | ");
		if (c->n > 0)
			put_count(out, (uint64_t)c->n);
		fm_buf_puts(out, c->waived ? " | **failed, waived** |\n" : " | pass |\n");
	}
	for (size_t i = 0; i < json_array_size(in->verdict->unasked); i++) {
		fm_buf_puts(out, i ? ", " : "\nNot asked, as the real flows cannot answer: ");
		fm_readme_put_text(out, json_string_value(json_array_get(in->verdict->unasked, i)));
	}
	if (json_array_size(in->verdict->unasked) > 0)
		fm_buf_puts(out, ".\n");
	fm_buf_puts(out, "\n`jsd` is the Jensen-Shannon divergence with natural logarithms (0: the same distribution, "
			 "0.69: nothing in\n"
			 "common), `emd` the earth mover's distance. The other checks are described in flowmint's "
			 "documentation.\n\n");
}

static void put_waivers(const struct fm_metadata_in *in, struct fm_buf *out)
{
	const json_t *list = in->verdict->waivers;

	if (json_array_size(list) == 0)
		return;
	fm_buf_puts(
	    out,
	    "### Waivers\n\nThese checks failed, and somebody signed that the release may go out all the same:\n\n");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *w = json_array_get(list, i);

		fm_buf_puts(out, "- ");
		fm_readme_put_text(out, fm_json_str(w, "check"));
		fm_buf_puts(out, ": ");
		fm_readme_put_text(out, fm_json_str(w, "reason"));
		fm_buf_puts(out, " (signed by ");
		fm_readme_put_text(out, fm_json_str(w, "signer"));
		fm_buf_puts(out, ", key ");
		fm_readme_put_text(out, fm_json_str(w, "key"));
		fm_buf_puts(out, ", until ");
		fm_readme_put_text(out, fm_json_str(w, "expires"));
		fm_buf_puts(out, ")\n");
	}
	fm_buf_puts(out, "\n");
}

static void put_controls(const struct fm_metadata_in *in, struct fm_buf *out)
{
	const struct fm_verdict *v = in->verdict;
	size_t negative = 0, caught = 0;

	for (size_t i = 0; i < json_array_size(v->controls); i++) {
		const json_t *o = json_array_get(v->controls, i);

		if (!fm_json_says(o, "kind", "negative"))
			continue;
		negative++;
		caught += fm_json_says(o, "got", "fail");
	}
	if (negative == 0)
		return;
	fm_buf_puts(out, "The checks themselves were tried in the same run: on ");
	put_count(out, negative);
	fm_buf_puts(out, " planted generators that are useless or copy real flows, of which they\ncaught ");
	put_count(out, caught);
	fm_buf_puts(out, ", and on real flows. ");
	if (v->smallest_leak_caught > 0)
		fm_buf_printf(out, "The smallest leak caught was %.4g %% of the rows copied from the training flows.",
			      100 * v->smallest_leak_caught);
	fm_buf_puts(out, "\n`manifest.json` lists them all.\n\n");
}

static void put_verification(const struct fm_metadata_in *in, struct fm_buf *out)
{
	const char *name = in->cfg->release.name, *version = in->cfg->release.version;

	fm_buf_printf(out,
		      "## How to verify it\n\n"
		      "With the sender's `allowed_signers` file, which should have come by another way, and its "
		      "RELEASE.json beside\n"
		      "the archive; the files are put into a new folder if all is good:\n\n"
		      "    flowmint-verify --signers allowed_signers --extract DIR %s-%s.tar.zst\n\n"
		      "or with OpenSSH alone, where PRINCIPAL is the first word of the sender's line in that file:\n\n"
		      "    ssh-keygen -Y verify -f allowed_signers -I PRINCIPAL -n flowmint \\\n"
		      "        -s %s-%s.tar.zst.sig < %s-%s.tar.zst\n\n"
		      "After unpacking (`tar --zstd -xf %s-%s.tar.zst`), in the folder `%s-%s`:\n\n"
		      "    sha256sum -c SHA256SUMS\n\n",
		      name, version, name, version, name, version, name, version, name, version);
}

static void put_licence(const struct fm_metadata_in *in, struct fm_buf *out)
{
	fm_buf_puts(out, "## Licence\n\n");
	if (in->cfg->release.license[0]) {
		fm_buf_puts(out, "SPDX identifier: ");
		fm_readme_put_text(out, in->cfg->release.license);
		fm_buf_puts(out, in->license_text ? "; its text is in `LICENSE.txt`.\n" : "\n");
	} else {
		fm_buf_puts(out, "None was stated: ask the sender before you pass these data on.\n");
	}
}

int fm_readme_text(const struct fm_metadata_in *in, struct fm_buf *out, struct fm_error *err)
{
	int rc;

	put_what(in, out);
	put_how(in, out);
	put_left_out(in, out);
	put_filled(in, out);
	if ((rc = put_absent(in, out, err)) < 0)
		return rc;
	put_columns(in, out);
	put_labels(in->table, out);
	put_checks(in, out);
	put_waivers(in, out);
	put_controls(in, out);
	fm_readme_put_privacy(in, out);
	put_verification(in, out);
	put_licence(in, out);
	return fm_buf_check(out, err);
}
