/* The report: safe whatever the facts say, the same in every locale, nothing private in a partner's edition, nothing
 * that is missing passed over. */
#include <ctype.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "base/hash.h"
#include "manifests/config.h"
#include "manifests/registry.h"
#include "report/html.h"
#include "report/part.h"
#include "report/report.h"
#include "stages/table.h"

#define MARK "987654"
#define MARK_GROUPED "987,654"

/* A manifest as a run makes it, small; %s: the config's publish section. */
static const char facts_text[] =
    "{'format':'flowmint-manifest/"
    "1','release':{'name':'demo','version':'1.0.0','description':'Flows','license':'CC0-1.0','date':'2016-04-11'},"
    "'rows':300,'config':{'preset':'demo','gate':{'jsd.BYT':{'max':0.08},'jsd.PKT':{'max':0.08},'leak.rows_equal':{'"
    "max':0},'control_rows':100,'control_limit':0.005,'memory':1024},"
    "'model':{'min_count':9},'privacy':{'min_count':20},'source':{'dialect':'ugr16'},'publish':{'report':'%s'}},"
    "'stages':[{'name':'ingest'},{'name':'train'},{'name':'generate','output':'aa'},{'name':'evaluate','output':'bb'},{"
    "'name':'gate','output':'cc'}],"
    "'commitments':{'method':'HMAC-SHA-256','of':{'source':'s1','store':'s2','model':'s3'}},"
    "'metrics':[{'name':'rows.real','value':300,'n':300},{'name':'jsd.BYT','value':0.0123,'n':300},{'name':'jsd.PKT','"
    "value':null,'n':300},"
    "{'name':'floor.jsd.BYT','value':0.004,'n':100},{'name':'leak.rows_equal','value':0,'n':300,'ci':[0,0.01]}],"
    "'checks':[{'name':'jsd.BYT','value':0.0123,'threshold':0.08,'direction':'max','n':300,'pass':true,'why':''},"
    "{'name':'leak.rows_equal','value':0,'threshold':0,'direction':'max','n':300,'pass':true,'ci':[0,0.01],'why':''}],"
    "'verdict':'pass','privacy':{'mode':'none','statement':'No differential privacy.'},"
    "'environment':{'flowmint':'0.1.0','evaluate_blas_kernel':'Haswell','confinement':'namespaces'},"
    "'controls':[{'name':'copy','kind':'negative','level':0.005,'expected':'fail','got':'fail','ok':true,'failed_"
    "checks':['leak.rows_equal']},"
    "{'name':'fresh','kind':'positive','level':0,'expected':'pass','got':'fail','ok':false,'failed_checks':[]}],"
    "'control_rows':100,'control_limit':0.005,'smallest_leak_caught':0.005}";

/* A team's histograms: what only private flows tell has the digits of MARK. */
static const char histograms_text[] =
    "{'format':'flowmint-histograms/1','rows':{'real':300,'synthetic':300,'holdout':100},"
    "'real_cells':[{'name':'PR','kind':'values','values':['TCP','PRIVATE" MARK "','other'],'real':[" MARK
    "1,2,3],'synthetic':[1,2,3],'holdout':[1,2,3]},"
    "{'name':'BYT','kind':'bins','scale':'log1p','unit':'bytes','lo':3.0,'hi':9." MARK
    ",'real':[0,1,2,1,0],'synthetic':[0,1,2,1,0]}],"
    "'synthetic_cells':[{'name':'PR','kind':'values','values':['TCP','UDP','other'],'real':[250,45,5],'synthetic':[240,"
    "55,5],'holdout':[" MARK ",9,1],"
    "'extra':" MARK "},"
    "{'name':'SA','kind':'ranks','real':[100,90,80,25,20,40],'synthetic':[100,90,80,25,20,40]},"
    "{'name':'BYT','kind':'bins','scale':'log1p','unit':'bytes','lo':3.0,'hi':9.0,'real':[39,41,19,201,0],'synthetic':["
    "0,100,100,100,0]}]}";

static json_t *parse(const char *text)
{
	char *copy = strdup(text);
	json_error_t e;
	json_t *v;

	for (char *p = copy; *p; p++)
		if (*p == '\'')
			*p = '"';
	v = json_loads(copy, 0, &e);
	if (!v)
		fail_msg("%s at %d of %s", e.text, e.position, text);
	free(copy);
	return v;
}

static json_t *facts_with(const char *publish)
{
	char text[sizeof facts_text + 64];
	json_t *v;

	snprintf(text, sizeof text, facts_text, publish);
	v = parse(text);
	assert_int_equal(json_object_set_new(v, "histograms", parse(histograms_text)), 0);
	return v;
}

static char *page(const json_t *facts, bool partner)
{
	struct fm_buf b = {0};
	struct fm_error err = {0};

	if (fm_report_html(facts, partner, &b, &err))
		fail_msg("%s", err.message);
	assert_int_equal(strlen(b.data), b.len);
	return b.data;
}

static json_t *partner_facts(const json_t *facts)
{
	struct fm_error err = {0};
	json_t *v = NULL;

	if (fm_report_partner(facts, fm_stage_shows_output, &v, &err))
		fail_msg("%s", err.message);
	return v;
}

#define HAS(text, words)                                                                                               \
	do {                                                                                                           \
		if (!strstr(text, words))                                                                              \
			fail_msg("the page does not say: %s", words);                                                  \
	} while (0)
#define HAS_NOT(text, words)                                                                                           \
	do {                                                                                                           \
		if (strstr(text, words))                                                                               \
			fail_msg("the page says: %.60s", strstr(text, words));                                         \
	} while (0)

/* ---- what every page must be ---- */

/* Every tag closed in its turn, every attribute in double quotes and once, no stray < or &, no control character. */
static void check_form(const char *text)
{
	char open[64][16];
	const char *p = text;
	int depth = 0;

	assert_memory_equal(p, "<!DOCTYPE html>\n", 16);
	for (p += 16; *p; p++) {
		if ((unsigned char)*p < 0x20 && *p != '\n' && *p != '\t')
			fail_msg("a control character: %02x", *p);
		if (*p == '&') {
			size_t n = strspn(p + 1, "#abcdefghijklmnopqrstuvwxyz0123456789");
			assert_in_range(n, 1, 8);
			assert_int_equal(p[1 + n], ';');
		}
		if (*p == '>')
			fail_msg("a stray >: %.40s", p);
		if (*p != '<')
			continue;
		bool closing = p[1] == '/';
		const char *name = p + 1 + closing;
		size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789");
		assert_in_range(n, 1, 15);
		p = name + n;
		if (closing) {
			assert_true(depth > 0);
			depth--;
			assert_int_equal(strlen(open[depth]), n);
			assert_memory_equal(open[depth], name, n);
			assert_int_equal(*p, '>');
			continue;
		}
		while (*p == ' ') {
			size_t a = strspn(++p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-:");
			assert_true(a > 0);
			if ((a == 5 && memcmp(p, "style", 5) == 0) || (p[0] == 'o' && p[1] == 'n') ||
			    (a == 3 && memcmp(p, "src", 3) == 0))
				fail_msg("an attribute that has no place here: %.40s", p);
			p += a;
			assert_int_equal(p[0], '=');
			assert_int_equal(p[1], '"');
			for (p += 2; *p && *p != '"'; p++)
				if (*p == '<' || *p == '>')
					fail_msg("an unescaped %c in an attribute: %.40s", *p, p - 10);
			assert_int_equal(*p++, '"');
		}
		if (p[0] == '/' && p[1] == '>') {
			p++;
			continue;
		}
		assert_int_equal(*p, '>');
		snprintf(open[depth++], 16, "%.*s", (int)n, name);
		assert_true(depth < 64);
		if (strcmp(open[depth - 1], "style") == 0)
			p = strstr(p, "</style>") - 1;
	}
	assert_int_equal(depth, 0);
}

/* One policy, which admits the one style sheet by its digest; nothing that loads or runs anything. */
static void check_policy(const char *text)
{
	const char *css = strstr(text, "<style>") + 7, *end = strstr(css, "</style>");
	unsigned char base64[64];
	uint8_t digest[FM_SHA256_LEN];
	char want[256];
	struct fm_error err;

	assert_int_equal(fm_sha256_bytes(css, (size_t)(end - css), digest, &err), FM_OK);
	EVP_EncodeBlock(base64, digest, sizeof digest);
	snprintf(want, sizeof want,
		 "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-%s'; "
		 "img-src data:; ",
		 base64);
	HAS(text, want);
	assert_true(strstr(text, want) < css);
	assert_null(strstr(css, "<style"));
	HAS_NOT(text, "<script");
	HAS_NOT(text, "<img");
	HAS_NOT(text, "<iframe");
	HAS_NOT(text, "javascript:");
	HAS_NOT(text, "http://");
	HAS_NOT(text, "https://");
	HAS_NOT(text, "url(");
	HAS_NOT(text, "@import");
	for (const char *p = text; (p = strstr(p, "href=\"")); p += 6)
		assert_true(p[6] == '#' || strncmp(p + 6, "data:,\"", 7) == 0);
}

static void check_page(const char *text)
{
	check_form(text);
	check_policy(text);
}

static void test_a_page_is_well_formed_and_can_load_nothing(void **state)
{
	json_t *facts = facts_with("metrics");
	char *team = page(facts, false), *again = page(facts, false), *partner = page(facts, true);

	(void)state;
	check_page(team);
	check_page(partner);
	assert_string_equal(team, again);
	HAS(team, "team\xe2\x80\x99s edition, private");
	HAS(partner, "partner\xe2\x80\x99s edition");
	HAS(team, "Passed the gate");
	HAS(team, "role=\"img\" aria-labelledby=\"fPR-t\" aria-describedby=\"fPR-d\"");
	HAS(team, "<title id=\"fPR-t\">Protocol: real against synthetic flows</title>");
	HAS(team, "sha256sum -c SHA256SUMS");
	HAS(team, "demo-1.0.0.tar.zst.sig");
	HAS(team, "no differential privacy guarantee");
	HAS(team, "85\xe2\x80\xaf% left"); /* 0.0123 of 0.08 */
	HAS(team,
	    "Ports are drawn, and their divergence taken, in groups of like ports; the mean of the eight main fields "
	    "counts each port number");
	free(team);
	free(again);
	free(partner);
	json_decref(facts);
}

static void test_verdict_stands_first(void **state)
{
	json_t *facts = facts_with("metrics");
	char *text = page(facts, false);

	(void)state;
	assert_true(strstr(text, "id=\"verdict\"") < strstr(text, "id=\"fields\""));
	assert_true(strstr(text, "id=\"fields\"") < strstr(text, "id=\"checks\""));
	free(text);
	json_decref(facts);
}

/* ---- hostile facts ---- */

static const char hostile[] = "</script></style><img src=x onerror=alert(1)>\" onload=\"x' & <b> "
			      "\x01\x1b[31m\x7f\xc2\x9b\xe2\x80\xae http-equiv=refresh ]]> --> \xef\xbb\xbf";

/* Every string of v becomes hostile, and so do the names of members below `deep`. */
static void poison(json_t *v)
{
	const char *key;
	json_t *m;
	size_t i;

	if (json_is_string(v)) {
		json_string_set_nocheck(v, hostile);
		return;
	}
	json_object_foreach(v, key, m) poison(m);
	json_array_foreach(v, i, m) poison(m);
}

static void test_hostile_text_is_escaped(void **state)
{
	static const char *const deep[] = {"config", "commitments"};
	json_t *facts = facts_with("metrics"), *member, *kinds;
	char *text;

	(void)state;
	poison(facts);
	for (size_t i = 0; i < 2; i++) {
		member = json_object_get(facts, deep[i]);
		json_object_set_new_nocheck(member, hostile, json_pack("{s:s}", "a", "b"));
		json_object_set_new_nocheck(json_object_get(member, i ? "of" : "model"), hostile,
					    json_string_nocheck(hostile));
	}
	/* What decides the way must be right for the way to be taken. */
	json_object_set_new(facts, "verdict", json_string("fail"));
	kinds = json_object_get(json_object_get(facts, "histograms"), "real_cells");
	json_object_set_new(json_array_get(kinds, 0), "name", json_string("PR"));
	json_object_set_new(json_array_get(kinds, 0), "kind", json_string("values"));
	json_object_set_new(facts, "archive", json_pack("{s:b}", "checked", 1));
	json_object_set_new_nocheck(json_object_get(facts, "archive"), "signer", json_string_nocheck(hostile));
	json_object_set_new(facts, "waivers", json_pack("[{}]"));
	json_object_set_new_nocheck(json_array_get(json_object_get(facts, "waivers"), 0), "reason",
				    json_string_nocheck(hostile));
	json_object_set_new(facts, "run", json_pack("{s:[{}]}", "stages"));
	json_object_set_new_nocheck(json_object_get(facts, "run"), "source", json_string_nocheck(hostile));
	json_object_set_new_nocheck(json_array_get(json_object_get(json_object_get(facts, "run"), "stages"), 0), "name",
				    json_string_nocheck(hostile));
	text = page(facts, false);
	check_page(text);
	HAS(text, "&#60;/script&#62;");
	HAS_NOT(text, "onload=\"x");
	HAS_NOT(text, "\xe2\x80\xae"); /* turns the text around it */
	HAS_NOT(text, "\xc2\x9b");     /* C1: a terminal's escape */
	HAS_NOT(text, "\x1b");
	HAS(text, "NAME-VERSION.tar.zst"); /* no command is made of such a name */
	free(text);
	json_decref(facts);
}

/* ---- models side by side ---- */

static json_t *comparison(void)
{
	json_t *doc = parse(
	    "{'format':'flowmint-comparison/1','preset':'demo','set':['train.steps=7'],'budget_minutes':5,'models':["
	    "{'name':'plain','about':'rows','status':'refused','message':'','paper':0.104,'train_steps':7,'"
	    "config_steps':100,"
	    "'sampler':'fewstep','set':['model.kind=plain'],"
	    "'stages':[{'name':'ingest','seconds':0.01,'peak_rss_bytes':9145728,'cached':true},"
	    "{'name':'train','seconds':1.26,'peak_rss_bytes':3145728,'cached':false},"
	    "{'name':'generate','seconds':0.5,'peak_rss_bytes':2145728,'cached':false}],"
	    "'metrics':[{'name':'jsd.TD','value':0.25},{'name':'floor.jsd.TD','value':0.125},"
	    "{'name':'rules.broken_share','value':0.5},{'name':'rows.synthetic','value':350}],"
	    "'controls':[{'name':'copy','kind':'negative','level':0.05,'expected':'fail','got':'fail','failed_checks':"
	    "['leak.family_p']},{'name':'constant','kind':'negative','level':0,'expected':'fail','got':'pass'},"
	    "{'name':'copy','kind':'negative','level':0.001,'expected':'any','got':'pass'},"
	    "{'name':'fresh','kind':'positive','level':0,'expected':'pass','got':'pass'}],"
	    "'control_rows':175,'control_limit':0.005,'smallest_leak_caught':0.05,"
	    "'failed':['jsd.TD 0.25 (max 0.1)','leak.share_nearer_train 0.8 (max 0.65); by chance (leak.nearer_p)',"
	    "'host.PROFILE not measured (max 0.98)'],'symptoms':[{'field':'TD','outside':0.12,'above':0.09,'lost':0},"
	    "{'field':'PR','outside':null,'lost':0.3,'missing':[{'value':'TCP','share':0.2},"
	    "{'value':'UDP','share':0.1}],'piled':0.2,'piles':[{'value':'GRE','share':0.2}]}]},"
	    "{'name':'ctgan','about':'a GAN','status':'failed','message':'it "
	    "diverges','paper':null,'stages':[],'set':['model.kind=ctgan',"
	    "'gate.leak.mia_model_auc=null','gate.waivable=']},"
	    "{'name':'other','about':'made elsewhere','metrics':[{'name':'jsd.TD','value':0.0625}]}]}");

	for (size_t i = 0; i < 3; i += 2)
		json_object_set_new(json_array_get(json_object_get(doc, "models"), i), "histograms",
				    parse(histograms_text));
	return doc;
}

static char *comparison_page(const json_t *doc)
{
	struct fm_buf html = {0};
	struct fm_error err;

	assert_int_equal(fm_report_comparison(doc, &html, &err), FM_OK);
	return html.data;
}

static void test_models_stand_side_by_side(void **state)
{
	json_t *doc = comparison();
	char *text = comparison_page(doc);
	struct fm_buf html = {0};
	struct fm_error err;

	(void)state;
	check_page(text);
	HAS(text, "<td class=\"num\" data-label=\"plain\">0.2500</td><td class=\"num\" data-label=\"ctgan\">");
	HAS(text, "<td class=\"num\" data-label=\"other\"><b>0.0625</b></td><td class=\"num\" data-label=\"noise "
		  "floor\">0.1250</td>");
	HAS(text, "What flows that were made elsewhere learned from is not known here");
	HAS(text, "Their configs start from preset demo, with <code>train.steps=7</code> where a model has that key.");
	HAS(text, "trained for longer than a budget of minutes allows");
	HAS(text, "It failed: it diverges");
	HAS(text, "The gate refuses it: checks that it does not meet, 3</summary>");
	HAS(text, "<code>leak.share_nearer_train</code>; by chance (leak.nearer_p)</th><td class=\"num\" "
		  "data-label=\"is\">0.8</td><td class=\"num\" data-label=\"asked\">max 0.65</td>");
	HAS(text, "<code>jsd.TD</code></th><td class=\"num\" data-label=\"is\">0.25</td><td class=\"num\" "
		  "data-label=\"asked\">max 0.1</td>");
	HAS(text, "data-label=\"is\">not measured</td>");
	HAS(text, "Outside the range of the real flows: TD 12.0\xe2\x80\xaf% (9.0\xe2\x80\xaf% above it).");
	HAS(text, " Training took 1.3 s, making 350 flows 0.5 s.");
	HAS(text, "It is <code>model.kind=ctgan</code>. Its gate does not ask <code>leak.mia_model_auc</code>, which "
		  "it has no "
		  "answer to.</p>");
	HAS_NOT(text, "gate.waivable");
	HAS(text, "it does not make: PR 30.0\xe2\x80\xaf% (mostly TCP, UDP).");
	HAS(text, "Piled up, what it makes and real flows hardly have: PR 20.0\xe2\x80\xaf% (mostly GRE).");
	HAS(text, "The budget gave it 7.0\xe2\x80\xaf% of the steps");
	HAS(text, "It is <code>model.kind=plain</code>.");
	HAS(text, "data-label=\"of\">100</td><td class=\"long\" data-label=\"sampler\">fewstep</td>");
	HAS(text, "<code>rules.broken_share</code></th><td class=\"num\" data-label=\"plain\">0.5000</td>");
	HAS(text, "data-label=\"train\">1.3</td><td class=\"num\" data-label=\"generate\">0.5</td><td "
		  "class=\"num\" data-label=\"evaluate\">\xe2\x80\x93</td>");
	HAS(text, "data-label=\"memory, MiB\">3</td>");
	HAS(text,
	    "<th scope=\"row\">plain</th><td class=\"num\" data-label=\"planted, caught\">1 of 3</td><td "
	    "class=\"num result no\" data-label=\"of those that it must catch\"><span "
	    "aria-hidden=\"true\">\xe2\x9c\x95</span> 1 of 2</td><td class=\"num\" data-label=\"fresh real flows, "
	    "passed\">1 of 1</td><td class=\"num\" data-label=\"smallest leak caught\">5.0\xe2\x80\xaf%</td>");
	HAS(text, "Each planted generator, by the gate of plain</summary>");
	HAS(text, "among 175. From 0.50\xe2\x80\xaf% on the gate must catch them");
	HAS(text, "not tried: it was not judged");
	HAS(text, "not tried: made elsewhere: no gate is asked");
	HAS(text, "id=\"m0fPR-t\"");
	HAS(text, "id=\"m2fPR-t\"");
	HAS_NOT(text, "id=\"m1fPR-t\"");
	free(text);
	/* What is not so is not said. */
	json_object_set_new(doc, "budget_minutes", json_null());
	json_object_set_new(json_array_get(json_object_get(doc, "models"), 2), "status", json_string("passed"));
	text = comparison_page(doc);
	HAS_NOT(text, "made elsewhere learned");
	HAS_NOT(text, "budget of minutes");
	HAS(text, "The paper measured a million flows of another day. Its means are known here, its figures of single "
		  "fields are not. A dash: not measured. Bold: the least of a row.");
	HAS(text, "not tried: not in privacy.mode dp");
	free(text);
	poison(doc);
	text = comparison_page(doc);
	check_page(text);
	HAS_NOT(text, "\x1b");
	free(text);
	json_object_del(doc, "models");
	assert_int_equal(fm_report_comparison(doc, &html, &err), FM_EINPUT);
	fm_buf_free(&html);
	json_decref(doc);
}

static void test_text_that_is_no_utf8_is_shown_as_unknown(void **state)
{
	struct fm_buf b = {0};

	(void)state;
	fm_html_text(&b, "a\xff\xc0\xaf\xed\xa0\x80z");
	assert_string_equal(b.data, "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz");
	fm_buf_free(&b);
	fm_html_text(&b, NULL);
	assert_int_equal(b.len, 0);
	fm_buf_free(&b);
}

/* Histograms that nobody's stage wrote: each field is shown as missing, none of them is believed in part. */
static void test_impossible_histograms_are_missing(void **state)
{
	static const char *const fields[] = {
	    "{'name':'BYT','kind':'bins','scale':'log1p','lo':9,'hi':3,'real':[0,1,0],'synthetic':[0,1,0]}",
	    "{'name':'BYT','kind':'bins','scale':'log1p','unit':'bytes','real':[0,1,0],'synthetic':[0,1,0]}",
	    "{'name':'BYT','kind':'bins','scale':'log1p','lo':3,'hi':9,'real':[0,1,0],'synthetic':[0,-1,0]}",
	    "{'name':'BYT','kind':'bins','scale':'log1p','lo':3,'hi':9,'synthetic':[0,0,0]}",
	    "{'name':'BYT','kind':'bins','scale':'log1p','lo':3,'hi':9,'synthetic':[]}",
	    "{'name':'BYT','kind':'bins','scale':'log1p','lo':3,'hi':9,'synthetic':{'a':1}}",
	    "{'name':'BYT','kind':'bins','scale':'log1p','lo':3,'hi':9,'synthetic':[1,2]}",
	    "{'name':'BYT','kind':'values','values':['a'],'synthetic':[1,2]}",
	    "{'name':'BYT','kind':'values','values':['a',7],'synthetic':[1,2]}",
	    "{'name':'BYT','kind':'pie','synthetic':[1,2]}",
	    "{'name':'BYT'}",
	    "[7]",
	};

	(void)state;
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		json_t *facts = json_pack("{s:{s:[o]}}", "histograms", "fields", parse(fields[i]));
		char *text = page(facts, true);

		check_page(text);
		HAS_NOT(text, "<figure>");
		HAS(text, "Missing: Time, Duration, Packets, Bytes,");
		free(text);
		json_decref(facts);
	}
}

static void test_large_and_extreme_histograms_are_drawn_or_missing(void **state)
{
	static const size_t sizes[] = {1, 3, 102, 128, 129, 256, 257, 100000};
	static const char *const kinds[] = {"bins", "values", "ranks"};

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		for (int k = 0; k < 3; k++) {
			json_t *counts = json_array(), *values = json_array(), *facts;
			char *text;

			for (size_t j = 0; j < sizes[i]; j++) {
				json_array_append_new(counts, json_integer(j % 2 ? INT64_MAX : 1));
				json_array_append_new(values, json_string("v"));
			}
			facts = json_pack("{s:{s:[{s:s,s:s,s:s,s:f,s:f,s:o,s:O,s:o}]}}", "histograms", "fields", "name",
					  "TS", "kind", kinds[k], "scale", k ? "log1p" : "linear", "lo", -1e300, "hi",
					  1e300, "values", values, "real", counts, "synthetic", counts);
			assert_non_null(facts);
			text = page(facts, false);
			check_page(text);
			free(text);
			json_decref(facts);
		}
}

/* ---- a partner's edition ---- */

static void plant(json_t *facts)
{
	json_t *stages = json_object_get(facts, "stages"), *config = json_object_get(facts, "config");

	json_object_set_new(
	    facts, "run",
	    json_pack("{s:s,s:s,s:{s:i}}", "id", "r" MARK, "source", "/secret/" MARK, "ingest", "rows", atoi(MARK)));
	json_object_set_new(json_array_get(stages, 0), "output", json_string("store" MARK));
	json_object_set_new(json_array_get(stages, 1), "output", json_string("model" MARK));
	json_object_set_new(json_array_get(stages, 2), "seconds", json_integer(atoi(MARK)));
	json_object_set_new(json_object_get(config, "source"), "path", json_string("/secret/" MARK));
	json_object_set_new(config, "dir", json_string("/secret/" MARK));
	json_object_set_new(json_object_get(config, "publish"), "key", json_string("/secret/" MARK));
	json_object_set_new(facts, "something", json_string(MARK));
}

static void no_mark(const char *text)
{
	HAS_NOT(text, MARK);
	HAS_NOT(text, MARK_GROUPED);
	HAS_NOT(text, "/secret/");
}

static void test_a_partner_sees_nothing_private(void **state)
{
	static const char *const publish[] = {"metrics", "histograms", "everything"};

	(void)state;
	for (int i = 0; i < 3; i++) {
		json_t *facts = facts_with(publish[i]), *partner, *twice;
		char *text, *dump;

		plant(facts);
		partner = partner_facts(facts);
		text = page(partner, true);
		check_page(text);
		no_mark(text);
		dump = json_dumps(partner, 0);
		no_mark(dump);
		if (i == 1) {
			HAS(dump, "\"real\":");
		} else {
			HAS_NOT(dump, "\"real\":");
			HAS(text, "not published with this release");
		}
		HAS_NOT(dump, "holdout\":");
		/* What is published already comes out the same. */
		twice = partner_facts(partner);
		assert_true(json_equal(partner, twice));
		/* The team's edition is made of the same facts and shows them. */
		free(text);
		text = page(facts, false);
		HAS(text, MARK);
		free(text);
		free(dump);
		json_decref(facts);
		json_decref(partner);
		json_decref(twice);
	}
}

/* In privacy.mode dp what evaluate and gate made has no digest for partners either. */
static void test_dp_shows_the_digest_of_no_stage_that_saw_real_flows(void **state)
{
	json_t *facts = facts_with("metrics"), *stages = json_object_get(facts, "stages"), *partner;

	(void)state;
	json_array_clear(stages);
	json_array_append_new(stages, parse("{'name':'generate','output':'digest-of-flows'}"));
	json_array_append_new(stages, parse("{'name':'evaluate','output':'digest-of-metrics'}"));
	for (int dp = 0; dp < 2; dp++) {
		json_t *privacy = json_pack("{s:s}", "mode", dp ? "dp" : "none");
		char *dump;

		json_object_set_new(json_object_get(facts, "config"), "privacy", privacy);
		partner = partner_facts(facts);
		dump = json_dumps(json_object_get(partner, "stages"), 0);
		HAS(dump, "digest-of-flows");
		if (dp)
			HAS_NOT(dump, "digest-of-metrics");
		else
			HAS(dump, "digest-of-metrics");
		free(dump);
		json_decref(partner);
	}
	json_decref(facts);
}

/* ... and nothing that compares with real flows, is over bins of them, or commits to them, is shown. */
static void test_dp_shows_partners_what_was_paid_for_alone(void **state)
{
	static const char *const names[] = {"rules.broken_share", "paid.jsd.PR",   "jsd.PR",
					    "floor.jsd.PR",       "pair_jsd",      "rules.broken_share_real",
					    "leak.rows_equal",    "rows.synthetic"};
	json_t *facts = facts_with("metrics"), *list = json_array(), *partner, *shown;
	char *text;

	(void)state;
	json_object_set_new(json_object_get(facts, "config"), "privacy", json_pack("{s:s}", "mode", "dp"));
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		json_array_append_new(list, json_pack("{s:s, s:f, s:i}", "name", names[i], "value", 0.125, "n", 5000));
	json_object_set_new(facts, "metrics", list);
	json_object_set_new(facts, "commitments", parse("{'method':'HMAC-SHA-256','of':{'source':'" MARK "'}}"));
	json_object_set_new(facts, "checks",
			    parse("[{'name':'audit.epsilon_lower','value':" MARK "},{'name':'rules.broken_share'}]"));
	partner = partner_facts(facts);
	assert_null(json_object_get(partner, "histograms"));
	assert_null(json_object_get(partner, "commitments"));
	shown = json_object_get(partner, "metrics");
	assert_int_equal(json_array_size(shown), 2);
	for (size_t i = 0; i < 2; i++)
		assert_string_equal(json_string_value(json_object_get(json_array_get(shown, i), "name")), names[i]);
	assert_int_equal(json_array_size(json_object_get(partner, "checks")), 1);
	text = page(partner, true);
	check_page(text);
	no_mark(text);
	free(text);
	json_decref(partner);
	/* The line of an audit of a public trace, which the claim itself tells of, stays. */
	json_object_set_new(json_object_get(facts, "config"), "privacy", json_pack("{s:s}", "mode", "dp"));
	json_object_set_new(facts, "privacy", parse("{'mode':'dp','audit':{'runs':1}}"));
	partner = partner_facts(facts);
	assert_int_equal(json_array_size(json_object_get(partner, "checks")), 2);
	json_decref(partner);
	json_decref(facts);
}

/* Metrics that tell of the real flows, or would let one be solved for; shown: with metrics, with histograms. */
static const struct {
	const char *name;
	bool metrics, histograms;
} told[] = {
    {"time.PAIR_real", false, true},
    {"time.PAIR_gap", false, true}, /* the flows themselves have the synthetic share */
    {"time.PAIR_synthetic", true, true},
    {"floor.time.PAIR_synthetic", false, true}, /* of the holdout */
    {"floor.time.IAT", true, true},
    {"burst.dispersion_10s_real", false, true},
    {"floor.burst.dispersion_10s_real", false, true},
    {"floor.burst.dispersion_10s_synthetic", false, true},
    {"burst.lag1_gap", false, true},
    {"burst.dispersion_gap", true, true},
    {"heavy.SA_flows_top10_real", false, false}, /* fewer hosts than k */
    {"heavy.SA_flows_top10_synthetic", true, true},
    {"floor.heavy.SA_flows_top10_synthetic", false, false},
    {"heavy.share_gap", true, true},
    {"floor.heavy.share_gap", true, true},
    {"rules.broken_share", true, true},
    {"rules.broken_share_real", false, false},
    {"rules.ports_without_real", false, false},
    {"floor.rules.broken_share", false, false}, /* of the holdout, too */
    {"floor.rules.no_packet", false, false},
    {"emd.BYT", true, true},
    {"emdn.BYT", false, false}, /* with emd, the real range */
    {"floor.emdn.BYT", false, false},
    {"downstream.mse_real", false, true},
    {"downstream.mse_synthetic", false, true}, /* with the ratio, the one above */
    {"downstream.mse_ratio", true, true},
    {"anomaly.auc_real", false, true},
    {"anomaly.auc_synthetic", false, true},
    {"anomaly.auc_drop", true, true},
    {"tstr.macro_f1.trees", true, true},
    {"tstr.f1.trees.dos", true, true},
    {"trtr.f1.trees.rare", false, false}, /* 19 rows */
    {"leak.unique_train", false, false},
    {"leak.unique_holdout_no_addr_time", false, false},
    {"leak.lone_block_most", false, false},
    {"leak.extreme_train_no_addr_time", false, false},
    {"leak.extreme_p_no_addr_time", true, true},
    {"leak.unique_z", true, true},
    {"leak.singling_uni_train", false, false},
    {"leak.linkability_naive", false, false},
    {"leak.inference_byt_risk", true, true},
    {"leak.identifiability_train_sizes", false, false},
    {"leak.holdout_equal_no_addr_time", false, false},
    {"leak.echo_addr_holdout", false, false},
    {"leak.rare_flg", false, false},
    {"leak.family_p", true, true},
    {"leak.of_the_future", false, false}, /* nobody has said who may see it */
    {"floor.leak.family_p", false, false},
    {"floor.floor.jsd.BYT", false, false},
};
enum { NTOLD = sizeof told / sizeof *told };

static json_t *told_facts(const char *publish)
{
	json_t *facts = facts_with(publish), *list = json_object_get(facts, "metrics");

	for (size_t i = 0; i < NTOLD; i++)
		json_array_append_new(list,
				      json_pack("{s:s,s:f,s:i,s:[f,f]}", "name", told[i].name, "value", 0.25, "n",
						strstr(told[i].name, ".rare") && told[i].name[2] == 't' ? 19 : 139,
						"ci", 0.1, 0.4));
	return facts;
}

/* Does the page or document name it, as a whole name? */
static bool names(const char *text, const char *before, const char *name, const char *after)
{
	char words[128];

	snprintf(words, sizeof words, "%s%s%s", before, name, after);
	return strstr(text, words) != NULL;
}

static void test_numbers_of_the_real_flows_alone_stay_with_the_team(void **state)
{
	static const char *const publish[] = {"metrics", "histograms", "everything", ""};

	(void)state;
	for (size_t k = 0; k < sizeof publish / sizeof *publish; k++) {
		json_t *facts = told_facts(publish[k]), *partner = partner_facts(facts),
		       *twice = partner_facts(partner);
		char *text = page(partner, true), *team = page(facts, false),
		     *list = json_dumps(json_object_get(partner, "metrics"), JSON_COMPACT);

		check_page(text);
		for (size_t i = 0; i < NTOLD; i++) {
			bool shown = k == 1 ? told[i].histograms : told[i].metrics;
			bool floor = strncmp(told[i].name, "floor.", 6) == 0;

			if (names(list, "\"name\":\"", told[i].name, "\"") != shown)
				fail_msg("%s, publish.report %s", told[i].name, publish[k]);
			if (!floor && names(text, "<code>", told[i].name, "</code>") != shown)
				fail_msg("the page, %s, publish.report %s", told[i].name, publish[k]);
			if (!floor && !names(team, "<code>", told[i].name, "</code>"))
				fail_msg("the team's page, %s", told[i].name);
		}
		if (k != 1)
			HAS_NOT(list, "_real\"");
		HAS(text, "numbers of rows are rounded down");
		HAS_NOT(team, "numbers of rows are rounded down");
		/* An archive's page is made of what is published, and shows the same. */
		assert_true(json_equal(partner, twice));
		free(text);
		free(team);
		free(list);
		json_decref(facts);
		json_decref(partner);
		json_decref(twice);
	}
}

static void test_numbers_of_rows_are_multiples_of_k(void **state)
{
	json_t *facts = told_facts("metrics"), *partner, *list, *m;
	struct fm_error err = {0};
	size_t i;

	(void)state;
	json_array_append_new(json_object_get(facts, "metrics"), parse("{'name':'rows.holdout','value':139,'n':139}"));
	partner = partner_facts(facts);
	list = json_object_get(partner, "metrics");
	json_array_foreach(list, i, m)
	{
		const char *name = json_string_value(json_object_get(m, "name"));
		json_int_t n = json_integer_value(json_object_get(m, "n"));

		assert_true(n > 0 && n % 20 == 0);
		if (strcmp(name, "tstr.f1.trees.dos") == 0)
			assert_int_equal(n, 120);
		if (strcmp(name, "rows.holdout") == 0)
			assert_true(json_number_value(json_object_get(m, "value")) == 120);
	}
	json_decref(partner);
	/* What k is nobody can tell: then nobody can tell what is few. */
	assert_int_equal(fm_report_metrics(json_object_get(facts, "metrics"), "metrics", 0, 64, &list, &err), FM_OK);
	assert_true(json_array_size(list) > 5);
	json_array_foreach(list, i, m)
	{
		const char *name = json_string_value(json_object_get(m, "name"));

		assert_null(json_object_get(m, "n"));
		assert_null(strstr(name, ".f1."));
		assert_string_not_equal(name, "rows.real");
	}
	json_decref(list);
	json_decref(facts);
}

static const json_t *published_metric(const json_t *list, const char *name)
{
	const json_t *m;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)list, i, m)
	{
		if (strcmp(json_string_value(json_object_get(m, "name")), name) == 0)
			return m;
	}
	return NULL;
}

static double published_value(const json_t *list, const char *name)
{
	return json_number_value(json_object_get(published_metric(list, name), "value"));
}

/* 26 of 27 hits are an F1 of 26/27 and nothing else; 532 * 4460 pairs give no area that other numbers give. */
static void test_scores_do_not_tell_how_many_rows_carry_a_label(void **state)
{
	json_t *list = parse("[{'name':'trtr.f1.trees.dos','value':0.96296296296296291,'n':27},"
			     "{'name':'tstr.auc.trees','value':0.7849187851916778,'n':4992,'ci':[0.76543,null]},"
			     "{'name':'anomaly.auc_drop','value':-0.000134470143973055,'n':4992},"
			     "{'name':'tstr.macro_f1.network','value':1e307,'n':4992},"
			     "{'name':'tstr.macro_f1.trees','n':4992},"
			     "{'name':'anomaly.auc_real','value':0.7849187851916778,'n':4992},"
			     "{'name':'assoc.mean','value':0.7849187851916778,'n':4992},"
			     "{'name':'ks.DP','value':0.0221372,'n':4992},"
			     "{'name':'floor.ks.DP','value':0.0041372,'n':4992},"
			     "{'name':'jsd.TY','value':0.00213724,'n':4992},"
			     "{'name':'floor.pair_jsd','value':0.0013724,'n':4992},"
			     "{'name':'rows.real','value':9984,'n':9984},"
			     "{'name':'rows.holdout','value':4992,'n':4992}]"),
	       *out = NULL, *again = NULL;
	struct fm_error err = {0};

	(void)state;
	assert_int_equal(fm_report_metrics(list, "histograms", 20, 64, &out, &err), FM_OK);
	assert_int_equal(json_array_size(out), 13);
	assert_true(published_value(out, "trtr.f1.trees.dos") == 0.96);
	assert_true(published_value(out, "tstr.auc.trees") == 0.785);
	assert_true(json_real_value(
			json_array_get(json_object_get(published_metric(out, "tstr.auc.trees"), "ci"), 0)) == 0.765);
	assert_true(json_is_null(json_array_get(json_object_get(published_metric(out, "tstr.auc.trees"), "ci"), 1)));
	assert_true(published_value(out, "anomaly.auc_drop") == 0 &&
		    !signbit(published_value(out, "anomaly.auc_drop")));
	assert_true(json_is_null(json_object_get(published_metric(out, "tstr.macro_f1.trees"), "value")));
	assert_true(published_value(out, "anomaly.auc_real") == 0.785);
	assert_true(published_value(out, "assoc.mean") == 0.7849187851916778);
	assert_true(published_value(out, "ks.DP") == 0.022 && published_value(out, "floor.ks.DP") == 0.004);
	assert_true(published_value(out, "rows.real") == 7 * 20 * 64 &&
		    published_value(out, "rows.holdout") == 3 * 20 * 64);
	assert_true(published_value(out, "jsd.TY") == 0.0021 && published_value(out, "floor.pair_jsd") == 0.0014);
	assert_int_equal(fm_report_metrics(out, "histograms", 20, 64, &again, &err), FM_OK);
	assert_true(json_equal(out, again));
	json_decref(list);
	json_decref(out);
	json_decref(again);
}

/* Whoever put a check into the config has published it: its line stands, whatever becomes of the metric. */
static void test_a_check_of_a_withheld_metric_is_shown(void **state)
{
	json_t *facts = told_facts("metrics"), *partner;
	char *text, *measures;

	(void)state;
	json_array_append_new(
	    json_object_get(facts, "checks"),
	    parse("{'name':'heavy.SA_flows_top10_real','value':0.25,'threshold':0.5,'direction':'max','n':139,"
		  "'pass':true,'why':''}"));
	partner = partner_facts(facts);
	text = page(partner, true);
	check_page(text);
	measures = strstr(text, "<section id=\"measures\">");
	assert_non_null(measures);
	HAS_NOT(measures, "heavy.SA_flows_top10_real");
	*measures = '\0';
	HAS(text, "<code>heavy.SA_flows_top10_real</code>");
	HAS(text, "All 3 checks hold.");
	free(text);
	json_decref(facts);
	json_decref(partner);
}

/* A manifest of somebody who put the team's histograms into it is not believed either. */
static void test_a_partners_page_ignores_private_cells(void **state)
{
	json_t *facts = facts_with("metrics");
	char *text = page(facts, true);

	(void)state;
	HAS_NOT(text, MARK);
	HAS_NOT(text, MARK_GROUPED);
	HAS(text, "Missing: no histograms are recorded");
	free(text);
	json_decref(facts);
}

static const json_t *published_counts(const json_t *doc, size_t field)
{
	return json_object_get(json_array_get(json_object_get(doc, "fields"), field), "real");
}

static void test_published_counts_are_multiples_of_k(void **state)
{
	static const int want[3][6] = {{240, 40, 0}, {0, 0, 0, 0, 0, 40}, {20, 40, 0, 200, 0}};
	json_t *doc = parse(histograms_text), *out = NULL;
	struct fm_error err = {0};

	(void)state;
	assert_int_equal(fm_report_histograms(doc, true, 20, &out, &err), FM_OK);
	assert_int_equal(json_integer_value(json_object_get(out, "k")), 20);
	for (size_t f = 0; f < 3; f++) {
		const json_t *real = published_counts(out, f);
		assert_true(json_array_size(real) > 2);
		for (size_t i = 0; i < json_array_size(real); i++)
			assert_int_equal(json_integer_value(json_array_get(real, i)), want[f][i]);
	}
	json_decref(out);
	assert_int_equal(fm_report_histograms(doc, false, 20, &out, &err), FM_OK);
	assert_null(published_counts(out, 0));
	assert_null(json_object_get(out, "rows"));
	json_decref(out);
	json_decref(doc);
	doc = json_object();
	assert_int_equal(fm_report_histograms(doc, true, 20, &out, &err), FM_OK);
	assert_null(out);
	json_decref(doc);
}

/* A FIELD of hosts in time: n cells that rise to the middle and fall again. */
static json_t *field_of_hosts(const char *name, const char *kind, size_t n)
{
	json_t *real = json_array(), *synthetic = json_array();

	for (size_t i = 0; i < n; i++) {
		json_array_append_new(real, json_integer((json_int_t)(i < n / 2 ? 50 * i : 0)));
		json_array_append_new(synthetic, json_integer((json_int_t)(i < n / 2 ? i : n - i)));
	}
	return json_pack("{s:s, s:s, s:f, s:f, s:o, s:o}", "name", name, "kind", kind, "lo", 1460332800e6, "hi",
			 1460419200e6, "real", real, "synthetic", synthetic);
}

/* The team sees what hosts do, partners how many do it, and of single hosts only the synthetic ones. */
static void test_hosts_in_time_are_drawn(void **state)
{
	static const char *const publish[] = {"metrics", "histograms"};
	static const char real_rows[] = ">real</text><path class=\"real cell\"";

	(void)state;
	for (int k = 0; k < 2; k++) {
		json_t *facts = facts_with(publish[k]), *hist = json_object_get(facts, "histograms"), *partner = NULL;
		struct fm_error err = {0};
		for (int c = 0; c < 2; c++) {
			json_t *list = json_object_get(hist, c ? "synthetic_cells" : "real_cells");
			json_array_append_new(list, field_of_hosts("MINUTES", "powers", 24));
			json_array_append_new(list, field_of_hosts("LIFE", "powers", 24));
			json_array_append_new(list, field_of_hosts("BUSY", "hosts", 480));
		}
		char *text = page(facts, false);
		check_page(text);
		HAS(text, "Lifetimes of sources: real against synthetic");
		HAS(text, "have 1,024 to 2,047 flows");
		HAS(text, "from 2016-04-11 00:00 to 2016-04-12 00:00");
		HAS(text, real_rows);
		HAS(text, ">synthetic</text><path class=\"syn cell\"");
		free(text);
		assert_int_equal(fm_report_partner(facts, fm_stage_shows_output, &partner, &err), FM_OK);
		text = page(partner, true);
		check_page(text);
		if (k)
			HAS(text, "Lifetimes of sources: real against synthetic");
		else
			HAS(text, "Lifetimes of sources: synthetic<");
		HAS_NOT(text, real_rows);
		HAS(text, ">synthetic</text><path class=\"syn cell\"");
		free(text);
		json_decref(partner);
		/* A field of another size is none. */
		json_array_clear(json_object_get(json_array_get(json_object_get(hist, "real_cells"), 3), "synthetic"));
		text = page(facts, false);
		HAS_NOT(text, "Lifetimes of sources");
		free(text);
		json_decref(facts);
	}
}

/* ---- what is missing ---- */

static void test_missing_facts_are_shown_as_missing(void **state)
{
	static const char *const words[] = {
	    "No verdict",
	    "Missing: the gate has not judged this run",
	    "Missing: no histograms",
	    "Missing: no check is recorded",
	    "Missing: no measures",
	    "Missing: the gate was not tried on planted",
	    "Missing: nothing is recorded about privacy",
	    "Missing: no stages",
	    "Missing: no commitments",
	    "Missing: no config",
	    "nearness to training flows is missing",
	};
	json_t *facts = json_object();
	char *text = page(facts, true);

	(void)state;
	check_page(text);
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		HAS(text, words[i]);
	free(text);
	json_decref(facts);
}

/* A rule that the trace breaks too: the team is told, partners have no number of the real flows. */
static void test_a_rule_that_the_trace_breaks_is_named(void **state)
{
	json_t *facts = facts_with("metrics"), *list = json_object_get(facts, "metrics"), *partner;
	const char *words = "the trace itself breaks it: 0.4 % of its flows, most of them icmp_source_port";
	struct fm_error err = {0};
	char *text;

	(void)state;
	json_object_set_new(facts, "verdict", json_string("fail"));
	json_array_append_new(json_object_get(facts, "checks"),
			      parse("{'name':'rules.broken_share','value':0.01,'threshold':0,'direction':'max','n':9,"
				    "'pass':false,'why':'above the threshold'}"));
	text = page(facts, false);
	HAS_NOT(text, "the trace itself");
	free(text);
	json_array_append_new(list, parse("{'name':'rules.broken_share_real','value':0.004,'n':300}"));
	json_array_append_new(list, parse("{'name':'floor.rules.no_packet','value':0.001,'n':100}"));
	json_array_append_new(list, parse("{'name':'floor.rules.icmp_source_port','value':0.003,'n':100}"));
	text = page(facts, false);
	HAS(text, words);
	free(text);
	assert_int_equal(fm_report_partner(facts, fm_stage_shows_output, &partner, &err), FM_OK);
	text = page(partner, true);
	HAS(text, "rules.broken_share");
	HAS_NOT(text, "the trace itself");
	free(text);
	json_decref(partner);
	json_decref(facts);
}

/* k is privacy.min_count, whatever model.min_count is; the page names the real one. */
static void test_k_is_that_of_the_config(void **state)
{
	json_t *facts = facts_with("metrics"), *config = json_object_get(facts, "config"), *partner;
	struct fm_error err = {0};
	char *text;

	(void)state;
	assert_true(fm_report_k(facts) == 20);
	json_object_set_new(config, "privacy", parse("{'mode':'none','min_count':7}"));
	assert_true(fm_report_k(facts) == 7);
	json_array_append_new(
	    json_object_get(facts, "checks"),
	    parse("{'name':'leak.rare_dp','value':0,'threshold':1,'direction':'max','n':9,'pass':true,'why':''}"));
	json_array_append_new(json_object_get(facts, "metrics"), parse("{'name':'rows.holdout','value':27,'n':27}"));
	text = page(facts, false);
	HAS(text, "Values that fewer than 7 training flows have");
	HAS_NOT(text, "fewer than 20");
	free(text);
	assert_int_equal(fm_report_partner(facts, fm_stage_shows_output, &partner, &err), FM_OK);
	text = page(partner, true);
	HAS(text, "<code>rows.holdout</code></th><td class=\"num\" data-label=\"value\">21</td>");
	free(text);
	json_decref(partner);
	json_object_del(config, "privacy");
	assert_true(isnan(fm_report_k(facts)));
	json_decref(facts);
}

static void test_a_missing_metric_has_a_row(void **state)
{
	json_t *facts = facts_with("metrics"), *checks = json_object_get(facts, "checks");
	char *text;

	(void)state;
	/* jsd.PKT: in the config, not in the verdict; its metric is null */
	json_array_append_new(
	    checks, parse("{'name':'leak.unheard_of','value':null,'threshold':0.5,'direction':'max','n':0,'pass':false,"
			  "'why':'not measured: misspelt'}"));
	json_object_set_new(facts, "verdict", json_string("fail"));
	text = page(facts, false);
	check_page(text);
	HAS(text, "The config asks for it; the record has no result.");
	HAS(text, "<code>leak.unheard_of</code>: not measured: misspelt");
	HAS(text, "not computable");
	HAS(text, "<code>jsd.FLG</code></th><td class=\"num missing\" data-label=\"value\">missing</td>");
	HAS(text, "Missing: Time, Duration, Packets,");
	HAS_NOT(text, "<code>control_rows</code>");
	HAS_NOT(text, "<code>memory</code>"); /* settings of the gate are no checks */
	HAS(text, "1 of 3 checks does not hold. Nothing was released.");
	free(text);
	json_decref(facts);
}

static void test_tasks_stand_beside_those_of_real_flows(void **state)
{
	json_t *facts = facts_with("metrics"), *metrics = json_object_get(facts, "metrics"),
	       *checks = json_object_get(facts, "checks");
	char *text = page(facts, true);

	(void)state;
	HAS(text, "Missing: no task was tried.");
	free(text);
	json_array_append_new(metrics, parse("{'name':'trtr.macro_f1.trees','value':0.85,'n':90}"));
	json_array_append_new(metrics, parse("{'name':'tstr.macro_f1.trees','value':0.1,'n':90}"));
	json_array_append_new(metrics, parse("{'name':'tstr.macro_f1_drop.trees','value':0.75,'n':90,'ci':[0.7,0.8]}"));
	text = page(facts, true);
	check_page(text);
	HAS(text, "Labels by boosted trees, mean F1</th><td class=\"num\" data-label=\"after real\">0.8500</td>"
		  "<td class=\"num\" data-label=\"after synthetic\">0.1000</td><td class=\"num\" "
		  "data-label=\"difference\">\xe2\x88\x92"
		  "0.7500 (\xe2\x88\x92"
		  "0.8000 to \xe2\x88\x92"
		  "0.7000)</td><td data-label=\"in the gate\">not checked</td>");
	HAS(text, "The gate passes or refuses a release whatever stands in a line that is not checked");
	HAS_NOT(text, "Fewer than two labels");
	free(text);
	json_array_append_new(checks,
			      parse("{'name':'tstr.macro_f1_drop.mean','value':0.1,'threshold':0.2,'direction':'max',"
				    "'n':90,'pass':true,'why':''}"));
	json_array_append_new(metrics, parse("{'name':'downstream.label_classes','value':1,'n':90}"));
	text = page(facts, true);
	HAS(text, "<td data-label=\"in the gate\">checked</td>");
	HAS_NOT(text, "a line that is not checked");
	HAS(text, "Fewer than two labels have enough flows");
	free(text);
	json_decref(facts);
}

/* Not "missing": a partner is told that the scores are there, and what became of the comparison. */
static void test_tasks_without_their_scores_are_compared(void **state)
{
	json_t *facts = facts_with("metrics"), *metrics = json_object_get(facts, "metrics"), *partner;
	char *text;

	(void)state;
	json_array_append_new(metrics, parse("{'name':'downstream.mse_real','value':0.4,'n':90}"));
	json_array_append_new(metrics, parse("{'name':'downstream.mse_synthetic','value':0.5,'n':90}"));
	json_array_append_new(metrics, parse("{'name':'downstream.mse_ratio','value':1.25,'n':90}"));
	json_array_append_new(metrics, parse("{'name':'anomaly.auc_drop','value':0.125,'n':90}"));
	json_array_append_new(metrics, parse("{'name':'leak.holdout_equal','value':0.375,'n':90}"));
	partner = partner_facts(facts);
	text = page(partner, true);
	check_page(text);
	HAS(text, "error (smaller is better)</th><td class=\"num nil\" data-label=\"after real\">not published</td>"
		  "<td class=\"num nil\" data-label=\"after synthetic\">not published</td>"
		  "<td class=\"num\" data-label=\"difference\">1.2500 times as large</td>");
	HAS(text, "data-label=\"difference\">\xe2\x88\x92"
		  "0.1250</td>");
	HAS(text,
	    "<code>leak.holdout_equal</code></th><td class=\"num missing\" data-label=\"value\">not published</td>");
	HAS_NOT(text, "0.3750");
	HAS_NOT(text, "Missing: no task was tried.");
	free(text);
	text = page(facts, false);
	HAS(text, "data-label=\"after real\">0.4000</td><td class=\"num\" data-label=\"after synthetic\">0.5000</td>"
		  "<td class=\"num\" data-label=\"difference\">0.1000</td>");
	HAS_NOT(text, "not published");
	free(text);
	json_decref(facts);
	json_decref(partner);
}

static void test_broken_controls_say_why_at_the_top(void **state)
{
	json_t *facts = facts_with("metrics");
	char *text;

	(void)state;
	json_array_append_new(
	    json_object_get(facts, "checks"),
	    parse("{'name':'controls.broken','value':1,'threshold':0,'direction':'max','n':16,'pass':false,"
		  "'why':'control outliers 10 passes'}"));
	json_object_set_new(facts, "verdict", json_string("fail"));
	text = page(facts, false);
	HAS(text, "<code>controls.broken</code>: 1, at most 0: control outliers 10 passes</li>");
	HAS(text, "Nothing was released, so there is no archive to verify.");
	HAS_NOT(text, ".tar.zst");
	free(text);
	json_decref(facts);
}

static void test_a_pass_that_its_numbers_deny_is_not_shown_as_one(void **state)
{
	static const char *const wrong[] = {
	    "{'name':'jsd.BYT','value':0.5,'threshold':0.08,'direction':'max','n':300,'pass':true}",
	    "{'name':'jsd.BYT','value':null,'threshold':0.08,'direction':'max','n':300,'pass':true}",
	    "{'name':'jsd.BYT','value':0.01,'threshold':null,'direction':'max','n':300,'pass':true}",
	    "{'name':'jsd.BYT','value':0.01,'threshold':0.08,'direction':'min','n':300,'pass':true}",
	    "{'name':'jsd.BYT','value':0.01,'threshold':0.08,'direction':'up','n':300,'pass':true}",
	    "{'name':'jsd.BYT','value':0.01,'threshold':0.08,'direction':'max','n':300,'pass':false}",
	    "{}",
	};

	(void)state;
	for (size_t i = 0; i <= sizeof wrong / sizeof *wrong; i++) {
		json_t *facts = facts_with("metrics");
		char *text;

		if (i < sizeof wrong / sizeof *wrong)
			json_array_append_new(json_object_get(facts, "checks"), parse(wrong[i]));
		else
			json_array_clear(json_object_get(facts, "checks"));
		text = page(facts, false);
		HAS_NOT(text, "Passed the gate");
		HAS(text, "Not valid");
		free(text);
		json_decref(facts);
	}
}

static void test_waivers_and_controls_are_told(void **state)
{
	json_t *facts = facts_with("metrics");
	char *text;

	(void)state;
	json_array_append_new(json_object_get(facts, "checks"),
			      parse("{'name':'jsd.PKT','value':0.5,'threshold':0.08,'direction':'max','n':300,'pass':"
				    "false,'waived':true,'why':'above'}"));
	json_object_set_new(facts, "waivers",
			    parse("[{'check':'jsd.PKT','reason':'known "
				  "quirk','expires':'2027-01-01','signer':'ciso@example.org','key':'SHA256:abc'}]"));
	text = page(facts, true);
	check_page(text);
	HAS(text, "Passed the gate");
	HAS(text, "2 of 3 checks hold; 1 does not and is <a href=\"#waivers\">waived</a>");
	HAS(text, "known quirk");
	HAS(text, "2027-01-01");
	HAS(text, "ciso@example.org");
	HAS(text, "<b>0.50\xe2\x80\xaf%</b> of the rows copied");
	HAS(text, "<tr class=\"bad\"><th scope=\"row\">Fresh real flows"); /* expected pass, got fail */
	free(text);
	json_object_set_new(facts, "smallest_leak_caught", json_null());
	text = page(facts, true);
	HAS(text, "The largest planted leak was not caught");
	free(text);
	json_decref(facts);
}

/* ---- privacy in words ---- */

static void test_epsilon_in_words(void **state)
{
	json_t *facts = facts_with("metrics");
	char *text;

	(void)state;
	json_object_set_new(
	    facts, "privacy",
	    json_pack("{s:s,s:f,s:f,s:s}", "mode", "dp", "epsilon", 1.0, "delta", 1e-6, "unit", "window"));
	text = page(facts, true);
	check_page(text);
	HAS(text, "at most by a factor of 2.72");
	HAS(text, "\xce\xb4 = 1.0e-6");
	HAS(text, "at most 2.7200 of 100"); /* e * 1 % + delta */
	HAS(text, "For all flows of one host together nothing is promised");
	HAS(text, "A window is all flows between two hosts that end in the same minute.");
	HAS_NOT(text, "no differential privacy guarantee");
	free(text);
	/* With the manifest's list, each line of it. */
	json_object_set_new(json_object_get(facts, "privacy"), "guarantee",
			    json_pack("[{s:s,s:i,s:f,s:f},{s:s,s:i,s:i,s:f,s:f},{s:s,s:i,s:n,s:f}]", "of", "flow",
				      "exchanges", 2, "epsilon", 2.25, "delta", 1e-6, "of", "conversation", "minutes",
				      10, "exchanges", 11, "epsilon", 9.5, "delta", 1e-6, "of", "host", "exchanges", 64,
				      "epsilon", "delta", 0.01));
	text = page(facts, true);
	check_page(text);
	HAS(text, "<tr><td>flow</td><td>2</td><td>2.2500</td>");
	HAS(text, "<tr><td>conversation of 10 min</td><td>11</td><td>9.5000</td>");
	HAS(text, "<tr><td>host</td><td>64</td><td>nothing is promised</td>");
	HAS_NOT(text, "For all flows of one host together nothing is promised");
	HAS_NOT(text, "Measured from below");
	free(text);
	/* The other side, where an audit may be told. */
	json_object_set_new(json_object_get(facts, "privacy"), "audit",
			    json_pack("{s:f,s:f,s:i}", "epsilon_lower", 0.8126, "confidence", 0.95, "canaries", 500));
	text = page(facts, true);
	check_page(text);
	HAS(text, "Measured from below: 500 made-up exchanges");
	HAS(text, "\xce\xb5 is at least 0.813, with a confidence of 95");
	free(text);
	json_decref(facts);
}

/* ---- numbers ---- */

static void number_is(double v, const char *want)
{
	struct fm_buf b = {0};

	fm_html_number(&b, v);
	assert_string_equal(b.data, want);
	fm_buf_free(&b);
}

static void percent_is(double v, const char *want)
{
	struct fm_buf b = {0};

	fm_html_percent(&b, v);
	assert_string_equal(b.data, want);
	fm_buf_free(&b);
}

static void short_is(double v, const char *want)
{
	struct fm_buf b = {0};

	fm_html_short(&b, v);
	assert_string_equal(b.data, want);
	fm_buf_free(&b);
}

static void test_numbers_in_every_locale(void **state)
{
	static const char *const locales[] = {"C", "de_DE.UTF-8", "fr_FR.UTF-8", "ps_AF.UTF-8", "hi_IN.UTF-8"};

	(void)state;
	for (size_t i = 0; i < sizeof locales / sizeof *locales; i++) {
		if (!setlocale(LC_ALL, locales[i]))
			continue;
		number_is(0, "0");
		number_is(-0.0, "0");
		number_is(0.0123456, "0.0123");
		number_is(0.99995, "1.0000");
		number_is(1.5, "1.5000");
		number_is(-1.5, "\xe2\x88\x92"
				"1.5000");
		number_is(3, "3");
		number_is(99.99999, "100.0");
		number_is(234.56, "234.6");
		number_is(1234.56, "1,235");
		number_is(12345.6, "12,346");
		number_is(1234567, "1,234,567");
		number_is(0.0000321, "3.2e-5");
		number_is(9.96e-7, "1.0e-6");
		number_is(1e300, "1.0e300");
		number_is((double)NAN, "\xe2\x80\x93");
		number_is((double)INFINITY, "\xe2\x80\x93");
		percent_is(0, "0\xe2\x80\xaf%");
		percent_is(0.0004, "0.04\xe2\x80\xaf%");
		percent_is(0.123456, "12.3\xe2\x80\xaf%");
		percent_is(1, "100\xe2\x80\xaf%");
		short_is(999, "999");
		short_is(1500, "1.5\xe2\x80\xafk");
		short_is(2e9, "2\xe2\x80\xafG");
		short_is(1e30, "1.0e18\xe2\x80\xafT");
	}
	setlocale(LC_ALL, "C");
}

static void test_facts_that_are_none(void **state)
{
	struct fm_error err = {0};
	struct fm_buf b = {0};
	json_t *list = json_array();

	(void)state;
	assert_int_equal(fm_report_html(list, false, &b, &err), FM_EINPUT);
	assert_int_equal(fm_report_html(NULL, false, &b, &err), FM_EINPUT);
	json_decref(list);
	fm_buf_free(&b);
}

/* A list that no run of ours made takes no time: it is refused. */
static void test_lists_without_end_are_refused(void **state)
{
	static const char *const lists[] = {"metrics", "checks", "controls", "waivers", "stages", "files"};
	struct fm_error err = {0};
	struct fm_buf b = {0};

	(void)state;
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
		json_t *facts = facts_with("metrics"), *list = json_array();

		for (int j = 0; j < 5000; j++)
			json_array_append_new(list, json_object());
		json_object_set_new(facts, lists[i], list);
		assert_int_equal(fm_report_html(facts, true, &b, &err), FM_EINPUT);
		assert_non_null(strstr(err.message, lists[i]));
		assert_int_equal(b.len, 0);
		json_decref(facts);
	}
	fm_buf_free(&b);
}

static const char *asks(const char *name)
{
	const struct fm_metric_topic *topic = fm_metric_topic(name);

	return topic ? topic->asks : NULL;
}

static void test_each_check_of_the_presets_is_explained(void **state)
{
	static const char *const preset[] = {"demo", "ugr16"};
	char words[FM_WORDS_MAX];

	(void)state;
	for (int k = 0; k < 2; k++) {
		struct fm_config *cfg = NULL;
		struct fm_error err = {0};

		assert_int_equal(fm_config_preset(&cfg, preset[k], NULL, 0, &err), FM_OK);
		for (int i = 0; i < cfg->gate.n; i++) {
			const char *name = cfg->gate.check[i].name;
			fm_metric_words(name, words, sizeof words);
			if (!*words || !asks(name))
				fail_msg("%s has %s", name, *words ? "no explanation" : "no words");
		}
		fm_config_free(cfg);
	}
	assert_non_null(asks("controls.broken"));
	assert_string_not_equal(asks("leak.family_p"), asks("leak.unique_z"));
	assert_string_not_equal(asks("downstream.label_classes"), asks("downstream.mse_ratio"));
	assert_null(asks("nobody.knows"));
}

static void test_metrics_in_words(void **state)
{
	static const char *const names[][2] = {
	    {"jsd.BYT", "Bytes, divergence"},
	    {"leak.unique_z_no_addr_time",
	     "Training flows met once and emitted, against held out ones, z, without addresses and time"},
	    {"leak.dcr_median_holdout_sizes",
	     "Distance to the closest record, median, held out, by duration, packets and bytes alone"},
	    {"leak.unique_train", "Rows met once and emitted, training"},
	    {"time.PAIR_synthetic", "Flows that answer a recent one, synthetic"},
	    {"heavy.SA_bytes_top10_real", "Source hosts, share of bytes of the 10 busiest, real"},
	    {"heavy.SA_bytes_top1000_real", ""},
	    {"tstr.f1.trees.dos", "dos, F1, by boosted trees"},
	    {"tstr.f1.trees.a_real", "a_real, F1, by boosted trees"},
	    {"trtr.macro_f1.network", "F1, mean of the labels, by network"},
	    {"tstr.f1.treesx", ""},
	    {"tstr.", ""},
	    {"_real", ""},
	    {"", ""},
	};
	char words[FM_WORDS_MAX], small[8];

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		fm_metric_words(names[i][0], words, sizeof words);
		assert_string_equal(words, names[i][1]);
		fm_metric_words(names[i][0], small, sizeof small);
		assert_true(strlen(small) < sizeof small);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_page_is_well_formed_and_can_load_nothing),
	    cmocka_unit_test(test_verdict_stands_first),
	    cmocka_unit_test(test_hostile_text_is_escaped),
	    cmocka_unit_test(test_models_stand_side_by_side),
	    cmocka_unit_test(test_text_that_is_no_utf8_is_shown_as_unknown),
	    cmocka_unit_test(test_impossible_histograms_are_missing),
	    cmocka_unit_test(test_hosts_in_time_are_drawn),
	    cmocka_unit_test(test_large_and_extreme_histograms_are_drawn_or_missing),
	    cmocka_unit_test(test_a_partner_sees_nothing_private),
	    cmocka_unit_test(test_dp_shows_the_digest_of_no_stage_that_saw_real_flows),
	    cmocka_unit_test(test_dp_shows_partners_what_was_paid_for_alone),
	    cmocka_unit_test(test_numbers_of_the_real_flows_alone_stay_with_the_team),
	    cmocka_unit_test(test_numbers_of_rows_are_multiples_of_k),
	    cmocka_unit_test(test_scores_do_not_tell_how_many_rows_carry_a_label),
	    cmocka_unit_test(test_a_check_of_a_withheld_metric_is_shown),
	    cmocka_unit_test(test_a_partners_page_ignores_private_cells),
	    cmocka_unit_test(test_published_counts_are_multiples_of_k),
	    cmocka_unit_test(test_a_rule_that_the_trace_breaks_is_named),
	    cmocka_unit_test(test_k_is_that_of_the_config),
	    cmocka_unit_test(test_tasks_stand_beside_those_of_real_flows),
	    cmocka_unit_test(test_tasks_without_their_scores_are_compared),
	    cmocka_unit_test(test_broken_controls_say_why_at_the_top),
	    cmocka_unit_test(test_missing_facts_are_shown_as_missing),
	    cmocka_unit_test(test_a_missing_metric_has_a_row),
	    cmocka_unit_test(test_a_pass_that_its_numbers_deny_is_not_shown_as_one),
	    cmocka_unit_test(test_waivers_and_controls_are_told),
	    cmocka_unit_test(test_epsilon_in_words),
	    cmocka_unit_test(test_numbers_in_every_locale),
	    cmocka_unit_test(test_facts_that_are_none),
	    cmocka_unit_test(test_lists_without_end_are_refused),
	    cmocka_unit_test(test_each_check_of_the_presets_is_explained),
	    cmocka_unit_test(test_metrics_in_words),
	};
	return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
