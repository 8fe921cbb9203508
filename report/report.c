#include "report/report.h"

#include <stdio.h>
#include <string.h>

#include "base/json_text.h"
#include "report/html.h"
#include "report/part.h"
#include "report/style.h"

#define MAX_ENTRIES 4096

int fm_page_head(struct fm_buf *out, const char *title, struct fm_error *err)
{
	char digest[FM_STYLE_DIGEST_MAX];
	int rc = fm_style_digest(digest, err);

	if (rc < 0)
		return rc;
	/* img-src data: is for the empty icon, without which a browser asks the server for one. */
	fm_buf_printf(
	    out,
	    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
	    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src '%s'; img-src data:; "
	    "base-uri 'none'; form-action 'none'\"/>\n"
	    "<meta name=\"referrer\" content=\"no-referrer\"/>\n"
	    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
	    "<meta name=\"color-scheme\" content=\"light dark\"/>\n<link rel=\"icon\" href=\"data:,\"/>\n<title>",
	    digest);
	fm_html_text(out, title);
	fm_buf_puts(out, "</title>\n<style>");
	fm_buf_puts(out, fm_style_text);
	fm_buf_puts(out, "</style>\n</head>\n");
	return FM_OK;
}

static int put_head(const struct fm_page *p, struct fm_buf *out, struct fm_error *err)
{
	const json_t *release = json_object_get(p->facts, "release");
	struct fm_buf title = {0};
	int rc;

	if (p->evaluation)
		fm_buf_printf(&title, "%s: evaluation", fm_json_str(release, "name"));
	else
		fm_buf_printf(&title, "%s %s: release report", fm_json_str(release, "name"),
			      fm_json_str(release, "version"));
	if ((rc = fm_buf_check(&title, err)) < 0)
		goto out;
	rc = fm_page_head(out, title.data, err);
out:
	fm_buf_free(&title);
	return rc;
}

/* No run has more entries; looking up each entry of one list in another must stay quick. */
static int check_size(const json_t *facts, struct fm_error *err)
{
	static const char *const lists[] = {"metrics", "checks", "controls", "waivers", "stages", "files"};
	const json_t *gate = json_object_get(json_object_get(facts, "config"), "gate");

	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		if (json_array_size(json_object_get(facts, lists[i])) > MAX_ENTRIES)
			return fm_fail(err, FM_EINPUT, "%s has over %d entries: this is no manifest of flowmint's",
				       lists[i], MAX_ENTRIES);
	if (json_object_size(gate) > MAX_ENTRIES)
		return fm_fail(err, FM_EINPUT, "config.gate has over %d entries: this is no manifest of flowmint's",
			       MAX_ENTRIES);
	return FM_OK;
}

/* The sections of an evaluation of files; a section without anything to show is left out, in the list of sections
 * too. */
static void put_evaluation(const struct fm_page *p, struct fm_buf *html)
{
	static const struct {
		const char *id, *words;
	} sections[] = {{"fields", "Fields"}, {"hosts", "Hosts"},       {"checks", "Checks"},
			{"tasks", "Tasks"},   {"controls", "Controls"}, {"measures", "All measures"}};
	struct fm_buf body = {0};
	char begin[64];

	fm_part_fields(p, &body);
	fm_part_hosts(p, &body);
	if (json_array_size(json_object_get(p->facts, "checks")))
		fm_part_checks(p, &body);
	fm_part_tasks(p, &body);
	if (json_array_size(json_object_get(p->facts, "controls")))
		fm_part_controls(p, &body);
	fm_part_measures(p, &body);
	fm_part_verdict(p, html);
	fm_buf_puts(html, "<nav aria-label=\"Sections\">");
	for (size_t i = 0; body.data && i < sizeof sections / sizeof *sections; i++) {
		snprintf(begin, sizeof begin, "<section id=\"%s\"", sections[i].id);
		if (strstr(body.data, begin))
			fm_buf_printf(html, "<a href=\"#%s\">%s</a> ", sections[i].id, sections[i].words);
	}
	fm_buf_puts(html, "</nav>\n");
	fm_buf_add(html, body.data, body.len);
	html->failed |= body.failed;
	fm_buf_free(&body);
}

static void put_release(const struct fm_page *p, struct fm_buf *html)
{
	fm_part_verdict(p, html);
	fm_buf_puts(html, "<nav aria-label=\"Sections\"><a href=\"#fields\">Fields</a> "
			  "<a href=\"#hosts\">Hosts</a> <a href=\"#checks\">Checks</a> "
			  "<a href=\"#tasks\">Tasks</a> "
			  "<a href=\"#controls\">Controls</a> <a href=\"#privacy\">Privacy</a> <a "
			  "href=\"#provenance\">Provenance</a> "
			  "<a href=\"#verify\">How to verify</a> <a href=\"#measures\">All measures</a></nav>\n");
	fm_part_fields(p, html);
	fm_part_hosts(p, html);
	fm_part_checks(p, html);
	fm_part_tasks(p, html);
	fm_part_controls(p, html);
	fm_part_privacy(p, html);
	fm_part_provenance(p, html);
	fm_part_verify(p, html);
	fm_part_measures(p, html);
}

static int put_page(const struct fm_page *p, struct fm_buf *html, struct fm_error *err)
{
	int rc;

	if (!json_is_object(p->facts))
		return fm_fail(err, FM_EINPUT, "there are no facts to report: the manifest is no JSON object");
	if ((rc = check_size(p->facts, err)) < 0 || (rc = put_head(p, html, err)) < 0)
		return rc;
	fm_buf_puts(html, "<body>\n<main>\n");
	if (p->evaluation)
		put_evaluation(p, html);
	else
		put_release(p, html);
	fm_buf_puts(html, "</main>\n</body>\n</html>\n");
	return fm_buf_check(html, err);
}

int fm_report_html(const json_t *facts, bool partner, struct fm_buf *html, struct fm_error *err)
{
	return put_page(&(struct fm_page){.facts = facts, .partner = partner}, html, err);
}

int fm_report_evaluation(const json_t *facts, struct fm_buf *html, struct fm_error *err)
{
	return put_page(&(struct fm_page){.facts = facts, .evaluation = true}, html, err);
}
