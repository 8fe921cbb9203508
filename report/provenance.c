/* Where the release comes from, and how to check that it does. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "report/html.h"
#include "report/part.h"

static void put_digest(struct fm_buf *out, const char *hex)
{
	if (*hex) {
		fm_buf_puts(out, "<code class=\"digest\">");
		fm_html_text(out, hex);
		fm_buf_puts(out, "</code>");
	} else {
		fm_buf_puts(out, "<span class=\"nil\">\xe2\x80\x93</span>");
	}
}

static void put_fact_digest(struct fm_buf *out, const char *name, const char *hex)
{
	if (!*hex)
		return;
	fm_page_fact(out, name);
	put_digest(out, hex);
	fm_buf_puts(out, "</dd></div>\n");
}

/* ---- stages ---- */

static void put_stages(const struct fm_page *p, struct fm_buf *out)
{
	const json_t *run = json_object_get(p->facts, "run"), *list = json_object_get(run, "stages");

	if (!list)
		list = json_object_get(p->facts, "stages");
	fm_buf_puts(out, "<h3>Stages</h3>\n");
	if (json_array_size(list) == 0) {
		fm_buf_puts(out, "<p class=\"missing\">Missing: no stages are recorded.</p>\n");
		return;
	}
	fm_buf_printf(out,
		      "<div class=\"wide\"><table><thead><tr><th scope=\"col\">Stage</th>%s<th scope=\"col\">Digest of "
		      "its output</th></tr></thead><tbody>\n",
		      run ? "<th scope=\"col\" class=\"num\">Seconds</th><th scope=\"col\" class=\"num\">Peak MiB</th>"
			  : "");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *s = json_array_get(list, i);
		const char *output = fm_json_str(s, "output");

		fm_buf_puts(out, "<tr><th scope=\"row\">");
		fm_html_text(out, fm_json_str(s, "name"));
		fm_buf_puts(out, "</th>");
		if (run) {
			fm_buf_puts(out, "<td class=\"num\" data-label=\"seconds\">");
			if (json_is_true(json_object_get(s, "cached")))
				fm_buf_puts(out, "cached");
			else
				fm_html_fixed(out, fm_json_real(s, "seconds"), 1);
			fm_buf_puts(out, "</td><td class=\"num\" data-label=\"peak MiB\">");
			fm_html_fixed(out, fm_json_real(s, "peak_rss_bytes") / 1048576, 0);
			fm_buf_puts(out, "</td>");
		}
		fm_buf_puts(out, "<td class=\"long\" data-label=\"output\">");
		if (*output)
			put_digest(out, output);
		else
			fm_buf_puts(out, "<span class=\"nil\">private: committed to below</span>");
		fm_buf_puts(out, "</td></tr>\n");
	}
	fm_buf_puts(out, "</tbody></table></div>\n");
}

static void put_commitments(const struct fm_page *p, struct fm_buf *out)
{
	const json_t *c = json_object_get(p->facts, "commitments"), *of = json_object_get(c, "of"), *v;
	const char *name;

	fm_buf_puts(out, "<h3>Commitments to private inputs</h3>\n");
	if (!json_object_size(of)) {
		fm_buf_puts(out, "<p class=\"missing\">Missing: no commitments are recorded.</p>\n");
		return;
	}
	fm_buf_puts(out, "<p>");
	fm_html_text(out, fm_json_str(c, "method"));
	fm_buf_puts(out, " under a secret of the team, of the digest of each. They tell nothing by themselves; with "
			 "the secret the team can "
			 "show later what it used.</p>\n<dl class=\"facts long\">\n");
	json_object_foreach((json_t *)of, name, v)
	{
		fm_page_fact(out, name);
		put_digest(out, json_string_value(v) ? json_string_value(v) : "");
		fm_buf_puts(out, "</dd></div>\n");
	}
	fm_buf_puts(out, "</dl>\n");
}

/* ---- config ---- */

static void put_json_value(struct fm_buf *out, const json_t *v)
{
	char *text;

	if (json_is_string(v)) {
		if (*json_string_value(v))
			fm_html_text(out, json_string_value(v));
		else
			fm_buf_puts(out, "\xe2\x80\x93");
		return;
	}
	if (json_is_integer(v)) {
		fm_buf_printf(out, "%lld", (long long)json_integer_value(v));
		return;
	}
	text = json_dumps(v, JSON_ENCODE_ANY | JSON_SORT_KEYS | JSON_REAL_PRECISION(6));
	fm_html_text(out, text);
	free(text);
}

static void put_config(const struct fm_page *p, struct fm_buf *out)
{
	const json_t *config = json_object_get(p->facts, "config"), *section, *v;
	const char *name, *key;

	fm_buf_puts(out, "<h3>Config</h3>\n");
	if (!json_is_object(config)) {
		fm_buf_puts(out, "<p class=\"missing\">Missing: no config is recorded.</p>\n");
		return;
	}
	fm_buf_puts(out, "<details><summary>Every effective value</summary>\n<div class=\"config\">\n");
	json_object_foreach((json_t *)config, name, section)
	{
		if (!json_is_object(section) || !json_object_size(section))
			continue;
		fm_buf_puts(out, "<table><caption>");
		fm_html_text(out, name);
		fm_buf_puts(out, "</caption><tbody>\n");
		json_object_foreach((json_t *)section, key, v)
		{
			fm_buf_puts(out, "<tr><th scope=\"row\">");
			fm_html_text(out, key);
			fm_buf_puts(out, "</th><td>");
			put_json_value(out, v);
			fm_buf_puts(out, "</td></tr>\n");
		}
		fm_buf_puts(out, "</tbody></table>\n");
	}
	fm_buf_puts(out, "</div></details>\n");
}

/* ---- what only the team sees ---- */

static void put_run(const struct fm_page *p, struct fm_buf *out)
{
	const json_t *run = json_object_get(p->facts, "run"), *ingest = json_object_get(run, "ingest");
	const char *message = fm_json_str(run, "message");
	double rows = fm_json_real(ingest, "rows"), bad = fm_json_real(ingest, "bad");

	if (!run)
		return;
	fm_page_fact_text(out, "Run", fm_json_str(run, "id"));
	fm_page_fact_text(out, "Started", fm_json_str(run, "time"));
	if (*message)
		fm_page_fact_text(out, "Ended because", message);
	fm_page_fact_text(out, "Trace", fm_json_str(run, "source"));
	put_fact_digest(out, "SHA-256 of the trace", fm_json_str(run, "trace_sha256"));
	if (isfinite(rows)) {
		fm_page_fact(out, "Read from it");
		fm_html_count(out, (int64_t)rows);
		fm_buf_puts(out, " flows");
		if (isfinite(bad)) {
			fm_buf_puts(out, ", ");
			fm_html_count(out, (int64_t)bad);
			fm_buf_puts(out, " lines refused");
		}
		fm_buf_puts(out, "</dd></div>\n");
	}
}

/* How many attempts to get out of a stage there were in all, and how many got through. */
static void put_escapes(const json_t *escapes, struct fm_buf *out)
{
	json_int_t tried = 0;
	size_t through = 0;
	const char *stage;
	char text[96];
	json_t *one;

	if (!json_is_object(escapes))
		return;
	json_object_foreach((json_t *)(uintptr_t)escapes, stage, one)
	{
		tried += json_integer_value(json_object_get(one, "tried"));
		through += json_array_size(json_object_get(one, "through"));
	}
	snprintf(text, sizeof text, "%lld, of which %zu got through", (long long)tried, through);
	fm_page_fact_text(out, "Attempts to get out of a stage", text);
}

void fm_part_provenance(const struct fm_page *p, struct fm_buf *out)
{
	const json_t *release = json_object_get(p->facts, "release"),
		     *environment = json_object_get(p->facts, "environment"),
		     *config = json_object_get(p->facts, "config"), *archive = json_object_get(p->facts, "archive");

	fm_buf_puts(out, "<section id=\"provenance\"><h2>Provenance</h2>\n<dl class=\"facts long\">\n");
	put_run(p, out);
	fm_page_fact_text(out, "flowmint", fm_json_str(environment, "flowmint"));
	if (*fm_json_str(config, "preset"))
		fm_page_fact_text(out, "Preset", fm_json_str(config, "preset"));
	fm_page_fact_text(out, "Stages ran in", fm_json_str(environment, "confinement"));
	put_escapes(json_object_get(environment, "escapes"), out);
	fm_page_fact_text(out, "BLAS of the logistic judge", fm_json_str(environment, "evaluate_blas_kernel"));
	fm_page_fact_text(out, "Licence", fm_json_str(release, "license"));
	put_fact_digest(out, "SHA-256 of the archive", fm_json_str(archive, "sha256"));
	put_fact_digest(out, "SHA-256 of the tar in it", fm_json_str(archive, "tar_sha256"));
	fm_buf_puts(out, "</dl>\n");
	put_stages(p, out);
	put_commitments(p, out);
	put_config(p, out);
	fm_buf_puts(out, "</section>\n");
}

/* ---- how to verify ---- */

static void put_files(const struct fm_page *p, struct fm_buf *out)
{
	const json_t *files = json_object_get(p->facts, "files");

	if (json_array_size(files) == 0)
		return;
	fm_buf_puts(out,
		    "<h3>Files of the archive</h3>\n<div class=\"wide\"><table><thead><tr><th scope=\"col\">File</th>"
		    "<th scope=\"col\" class=\"num\">Bytes</th><th scope=\"col\">SHA-256</th></tr></thead><tbody>\n");
	for (size_t i = 0; i < json_array_size(files); i++) {
		const json_t *f = json_array_get(files, i);

		fm_buf_puts(out, "<tr><th scope=\"row\">");
		fm_html_text(out, fm_json_str(f, "path"));
		fm_buf_puts(out, "</th><td class=\"num\" data-label=\"bytes\">");
		fm_html_count(out, (int64_t)json_integer_value(json_object_get(f, "bytes")));
		fm_buf_puts(out, "</td><td class=\"long\" data-label=\"sha-256\">");
		put_digest(out, fm_json_str(f, "sha256"));
		fm_buf_puts(out, "</td></tr>\n");
	}
	fm_buf_puts(out, "</tbody></table></div>\n");
}

/* NAME-VERSION as the release stage allows it; else words that no shell takes for a file by mistake. */
static void archive_stem(const struct fm_page *p, char *out, size_t cap)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-";
	const json_t *release = json_object_get(p->facts, "release");
	const char *name = fm_json_str(release, "name"), *version = fm_json_str(release, "version");
	bool good = *name && *version && *name != '-' && *name != '.' && !name[strspn(name, allowed)] &&
		    !version[strspn(version, allowed)];

	snprintf(out, cap, "%.63s%s%.31s", good ? name : "NAME-VERSION", good ? "-" : "", good ? version : "");
}

void fm_part_verify(const struct fm_page *p, struct fm_buf *out)
{
	const char *signer = fm_json_str(json_object_get(p->facts, "archive"), "fingerprint");
	char stem[128];

	archive_stem(p, stem, sizeof stem);
	if (fm_json_says(p->facts, "verdict", "fail") && !json_object_get(p->facts, "archive")) {
		fm_buf_puts(
		    out, "<section id=\"verify\" class=\"prose\"><h2>How to verify</h2>\n"
			 "<p>Nothing was released, so there is no archive to verify. What ran stands in the ledger: "
			 "<code>flowmint log</code> shows it, <code>flowmint audit</code> whether it is intact.</p>\n"
			 "</section>\n");
		return;
	}
	fm_buf_puts(
	    out,
	    "<section id=\"verify\" class=\"prose\"><h2>How to verify</h2>\n"
	    "<p>By itself this page is not signed: it repeats what <code>manifest.json</code> in the archive says. "
	    "Check the archive before you "
	    "unpack it, with the sender\xe2\x80\x99s <code>allowed_signers</code>, which should have come "
	    "by another way.</p>\n");
	fm_buf_printf(out,
		      "<pre><code>flowmint-verify --signers allowed_signers \\\n    %s.tar.zst</code></pre>\n"
		      "<p>The same with OpenSSH alone; PRINCIPAL is the first word of the sender\xe2\x80\x99s line in "
		      "that file.</p>\n"
		      "<pre><code>ssh-keygen -Y verify -f allowed_signers -I PRINCIPAL -n flowmint \\\n"
		      "    -s %s.tar.zst.sig &lt; %s.tar.zst</code></pre>\n"
		      "<p>Then unpack, and check each file.</p>\n"
		      "<pre><code>tar --zstd -xf %s.tar.zst\ncd %s\nsha256sum -c SHA256SUMS</code></pre>\n",
		      stem, stem, stem, stem, stem);
	if (*signer) {
		fm_buf_puts(out, "<p>When this page was made the signature was good, by the key <code>");
		fm_html_text(out, signer);
		fm_buf_puts(out, "</code>.</p>\n");
	}
	put_files(p, out);
	fm_buf_puts(out, "</section>\n");
}
