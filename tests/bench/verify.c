/*
 * verify - makes what tests/bench_verify.sh verifies: an archive of ROWS flows whose fields are drawn at random.
 *
 *     verify ROWS DIR        DIR/office-1.2.0.tar.zst, .sig and DIR/allowed_signers
 *     verify ROWS DIR again  and says what making the archive, and making it again before it is signed, took
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/rng.h"
#include "release/sign/sshkey.h"
#include "tests/unit/stage_fixture.h"

static void draw_row(struct fm_table *t, size_t i)
{
	static const uint16_t ports[] = {53, 80, 443, 22, 25, 123};
	struct fm_rng r;

	fm_rng_init(&r, 1, FM_RNG_SAMPLE, i, 0);
	t->te[i] = 1460332800000 + (int64_t)i * 37;
	t->td[i] = fm_rng_u32(&r) % 3 ? fm_rng_u32(&r) % 60000 : 0;
	t->sa[i] = 0x0a000000u + fm_rng_u32(&r) % 5000;
	t->da[i] = 0x64400000u + fm_rng_u32(&r) % 9000;
	t->sp[i] = (uint16_t)(1024 + fm_rng_u32(&r) % 60000);
	t->dp[i] = ports[fm_rng_u32(&r) % 6];
	t->pkt[i] = 1 + fm_rng_u32(&r) % 60;
	t->byt[i] = t->pkt[i] * (40 + fm_rng_u32(&r) % 1400);
	t->pr[i] = t->flg[i] = t->fwd[i] = t->stos[i] = t->label[i] = 0;
}

static int make_table(const char *dir, size_t rows, struct fm_error *err)
{
	static const struct {
		int column;
		const char *text;
	} word[] = {{FM_PR, "TCP"}, {FM_FLG, ".AP.SF"}, {FM_FWD, "0"}, {FM_STOS, "0"}, {FM_LABEL, "background"}};
	struct fm_table *t = NULL;
	int rc;

	if ((rc = fm_table_new(&t, FM_COLS_UGR16, err)) < 0 || (rc = fm_table_reserve(t, rows, err)) < 0)
		goto out;
	for (size_t i = 0; i < sizeof word / sizeof *word; i++)
		fm_dict_index(&t->dict[word[i].column], word[i].text, strlen(word[i].text), true);
	for (size_t i = 0; i < rows; i++)
		draw_row(t, i);
	t->rows = fixture_rows = rows;
	rc = fm_table_save(t, dir, err);
out:
	fm_table_free(t);
	return rc;
}

static double processor_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int make_again(const struct fm_release_in *in, const char *archive, double made, struct fm_error *err)
{
	struct fm_release_in again = *in;
	struct fm_release_out out;
	double began = processor_time();
	char dir[4200];
	int rc;

	snprintf(dir, sizeof dir, "%s/again", in->out_dir);
	again.out_dir = dir;
	again.synthetic_dir = NULL;
	if ((rc = fm_dir_make(dir, 0700, err)) < 0 || (rc = fm_release_again(&again, archive, &out, err)) < 0)
		return rc;
	printf("made in %.2f s of processor time, again in %.2f\n", made, processor_time() - began);
	return FM_OK;
}

static int make_archive(size_t rows, const char *dir, bool again, struct fm_error *err)
{
	char table[4096], verdict[4096], key[4096], public[4200], signers[4096];
	struct fm_buf line = {0}, text = {0};
	struct fm_config *cfg = NULL;
	struct fm_release_out out;
	json_t *manifest = NULL;
	int rc;

	snprintf(table, sizeof table, "%s/table", dir);
	snprintf(verdict, sizeof verdict, "%s/verdict.json", dir);
	snprintf(key, sizeof key, "%s/key", dir);
	snprintf(public, sizeof public, "%s.pub", key);
	snprintf(signers, sizeof signers, "%s/allowed_signers", dir);
	if ((rc = fm_keygen(key, "flowmint", err)) < 0 || (rc = fm_file_read(public, 4096, &text, err)) < 0)
		goto out;
	fm_buf_printf(&line, "flowmint namespaces=\"flowmint,flowmint-release\" %s", text.data);
	if ((rc = fm_buf_check(&line, err)) < 0 || (rc = fm_file_write(signers, 0644, line.data, line.len, err)) < 0 ||
	    (rc = make_table(table, rows, err)) < 0 ||
	    (rc = fm_file_write(verdict, 0644, VERDICT_PASS, strlen(VERDICT_PASS), err)) < 0 ||
	    (rc = fixture_config(&cfg, err)) < 0)
		goto out;
	fixture_rows = rows;
	manifest = fixture_manifest(cfg);
	struct fm_release_in in = {
	    .cfg = cfg, .synthetic_dir = table, .verdict_json = verdict, .out_dir = dir, .manifest = manifest};
	double began = processor_time();
	if ((rc = fm_stage_release(&in, &out, err)) < 0)
		goto out;
	if (!again || (rc = make_again(&in, out.archive, processor_time() - began, err)) >= 0)
		rc = fixture_sign_file(key, FM_SSH_NAMESPACE, out.archive, err);
out:
	fm_config_free(cfg);
	json_decref(manifest);
	fm_buf_free(&line);
	fm_buf_free(&text);
	return rc;
}

int main(int argc, char **argv)
{
	struct fm_error err = {0};
	int rc;

	if (argc == 3 || argc == 4)
		rc = make_archive(strtoul(argv[1], NULL, 10), argv[2], argc == 4, &err);
	else
		rc = fm_fail(&err, FM_EUSAGE, "usage: verify ROWS DIR [again]");
	if (rc < 0)
		fprintf(stderr, "verify: %s\n", err.message);
	return fm_exit_status(rc);
}
