/*
 * stage_fixture.h - what the release stage starts from: a config, a table of synthetic flows, a verdict and a key, all
 * in one folder.
 */
#ifndef FM_TESTS_STAGE_FIXTURE_H
#define FM_TESTS_STAGE_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/table.h"
#include "facts_fixture.h"
#include "manifests/canon.h"
#include "manifests/config.h"
#include "release/sign/sshkey.h"
#include "release/sign/sshsig.h"
#include "stages/stage.h"

/* What the runner says of a run, beside its config and its name. */
#define RUN_FACTS                                                                                                      \
	"{" FACTS_OF_STAGES                                                                                            \
	",\"metrics\":[{\"name\":\"assoc.mean\",\"value\":0.01},{\"name\":\"jsd_mean8\",\"value\":0.05}"               \
	",{\"name\":\"heavy.SP_overlap20\",\"value\":1}]," FACTS_HISTOGRAM("1000") "}"
#define VERDICT_PASS                                                                                                   \
	"{\"verdict\":\"pass\"," FACTS_CONTROLS ",\"checks\":[" FACTS_CONTROL_LINE                                     \
	",{\"name\":\"jsd_mean8\",\"value\":0.05,\"threshold\":0.1,\"direction\":"                                     \
	"\"max\",\"n\":1000,"                                                                                          \
	"\"pass\":true,\"why\":\"\"},{\"name\":\"heavy.SP_overlap20\",\"value\":1.0,\"threshold\":"                    \
	"1.0,"                                                                                                         \
	"\"direction\":\"min\","                                                                                       \
	"\"n\":1000,\"pass\":true,\"why\":\"\"}]}\n"

static size_t fixture_rows; /* of the last table */

static inline int fixture_table(const char *dir, size_t rows, struct fm_error *err)
{
	static const char *const protocol[] = {"TCP", "UDP", "ICMP"}, *const label[] = {"background", "dos"};
	struct fm_table *t = NULL;
	int rc;

	fixture_rows = rows ? rows : fixture_rows;
	rc = fm_table_new(&t, FM_COLS_UGR16, err);
	if (rc == FM_OK)
		rc = fm_table_reserve(t, rows, err);
	for (size_t i = 0; i < rows && rc == FM_OK; i++) {
		const char *pr = protocol[i % 3];

		t->te[i] = 1460332800000 + (int64_t)i * 37;
		t->td[i] = i % 3 ? (uint32_t)(i * 7919 % 100000) : 0;
		t->sa[i] = 0x0a000000u + (uint32_t)(i * 31 % 500);
		t->da[i] = 0x64400000u + (uint32_t)(i * 17 % 900);
		t->sp[i] = i % 3 == 2 ? 0 : (uint16_t)(1024 + i * 104729 % 60000);
		t->dp[i] = i % 3 == 2 ? 0 : 53;
		t->pr[i] = (uint16_t)fm_dict_index(&t->dict[FM_PR], pr, strlen(pr), true);
		t->flg[i] = (uint16_t)fm_dict_index(&t->dict[FM_FLG], ".A....", 6, true);
		t->fwd[i] = (uint16_t)fm_dict_index(&t->dict[FM_FWD], "0", 1, true);
		t->stos[i] = (uint16_t)fm_dict_index(&t->dict[FM_STOS], "0", 1, true);
		t->pkt[i] = 1 + i % 9;
		t->byt[i] = t->pkt[i] * (40 + i % 1400);
		t->label[i] =
		    (uint16_t)fm_dict_index(&t->dict[FM_LABEL], label[i % 50 == 0], strlen(label[i % 50 == 0]), true);
		t->rows = i + 1;
	}
	if (rc == FM_OK)
		rc = fm_table_save(t, dir, err);
	fm_table_free(t);
	return rc;
}

/* The demo preset under another name, with the two checks of VERDICT_PASS. */
static inline int fixture_config(struct fm_config **cfg, struct fm_error *err)
{
	int rc = fm_config_preset(cfg, "demo", NULL, 0, err);
	struct fm_config *c;

	if (rc)
		return rc;
	c = *cfg;
	snprintf(c->release.name, sizeof c->release.name, "office");
	snprintf(c->release.version, sizeof c->release.version, "1.2.0");
	snprintf(c->release.description, sizeof c->release.description, "Flows of an office | with a pipe");
	snprintf(c->release.license, sizeof c->release.license, "CC-BY-4.0");
	snprintf(c->release.date, sizeof c->release.date, "2024-02-29");
	snprintf(c->source.dialect, sizeof c->source.dialect, "ugr16");
	memset(&c->gate, 0, sizeof c->gate);
	c->gate.control_rows = 500;
	c->gate.control_limit = 0.005;
	c->gate.memory = 1024;
	c->gate.n = 2;
	snprintf(c->gate.check[0].name, sizeof c->gate.check[0].name, "jsd_mean8");
	c->gate.check[0].has_max = true;
	c->gate.check[0].max = 0.1;
	snprintf(c->gate.check[1].name, sizeof c->gate.check[1].name, "heavy.SP_overlap20");
	c->gate.check[1].has_min = true;
	c->gate.check[1].min = 1;
	return FM_OK;
}

/* The manifest that the runner hands to the release stage. */
static inline json_t *fixture_manifest(const struct fm_config *cfg)
{
	json_t *m = json_loads(RUN_FACTS, 0, NULL);

	json_array_append_new(json_object_get(m, "metrics"),
			      json_pack("{s:s,s:I}", "name", "rows.synthetic", "value", (json_int_t)fixture_rows));
	json_object_set_new(m, "name", json_string(cfg->release.name));
	json_object_set_new(m, "version", json_string(cfg->release.version));
	json_object_set_new(m, "config", fm_config_json(cfg, NULL, true));
	return m;
}

/* FILE.sig */
static inline int fixture_sign_file(const char *key_path, const char *ns, const char *path, struct fm_error *err)
{
	struct fm_sshkey key = {0};
	struct fm_buf sig = {0};
	uint8_t digest[FM_SHA512_LEN];
	char out[4096];
	int rc;

	snprintf(out, sizeof out, "%s.sig", path);
	rc = fm_sshkey_read(&key, key_path, err);
	if (rc == FM_OK)
		rc = fm_sha512_file(path, digest, err);
	if (rc == FM_OK)
		rc = fm_sshsig_sign(&key, ns, digest, &sig, err);
	if (rc == FM_OK)
		rc = fm_file_write(out, 0644, sig.data, sig.len, err);
	fm_sshkey_close(&key);
	fm_buf_free(&sig);
	return rc;
}

#endif
