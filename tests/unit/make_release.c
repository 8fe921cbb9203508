/*
 * make_release - a helper of tests/interop_release.sh, which has other programs look at what it makes.
 *
 *     make_release keygen KEY PRINCIPAL
 *     make_release sign KEY NAMESPACE FILE          FILE.sig
 *     make_release release KEY DIR [DIALECT [header]]   DIR/out/office-1.2.0.tar.zst and .sig
 *     make_release attest KEY ARCHIVE               prints the attestations
 */
#include <fcntl.h>
#include <unistd.h>

#include "release/attestation.h"
#include "release/sign/sshkey.h"
#include "release/sign/sshsig.h"
#include "stage_fixture.h"

static int release(const char *key, const char *dir, const char *dialect, bool header, struct fm_error *err)
{
	char table[4096], verdict[4096], out_dir[4096];
	struct fm_config *cfg = NULL;
	struct fm_release_in in;
	struct fm_release_out out;
	json_t *manifest = NULL;
	int rc;

	snprintf(table, sizeof table, "%s/table", dir);
	snprintf(verdict, sizeof verdict, "%s/verdict.json", dir);
	snprintf(out_dir, sizeof out_dir, "%s/out", dir);
	rc = fm_dir_make(out_dir, 0755, err);
	if (rc == FM_OK)
		rc = fixture_table(table, dialect ? 1000 : 20000, err);
	if (rc == FM_OK)
		rc = fm_file_write(verdict, 0644, VERDICT_PASS, strlen(VERDICT_PASS), err);
	if (rc == FM_OK)
		rc = fixture_config(&cfg, err);
	if (rc == FM_OK && dialect)
		snprintf(cfg->publish.dialect, sizeof cfg->publish.dialect, "%s", dialect);
	if (rc == FM_OK)
		cfg->publish.header = header;
	if (rc == FM_OK)
		manifest = fixture_manifest(cfg);
	in = (struct fm_release_in){
	    .cfg = cfg, .synthetic_dir = table, .verdict_json = verdict, .out_dir = out_dir, .manifest = manifest};
	if (rc == FM_OK)
		rc = fm_stage_release(&in, &out, err);
	if (rc == FM_OK)
		rc = fixture_sign_file(key, FM_SSH_NAMESPACE, out.archive, err);
	if (rc == FM_OK)
		printf("%s\n%s\n", out.archive, out.tar_sha256);
	fm_config_free(cfg);
	json_decref(manifest);
	return rc;
}

static int attest(const char *key_path, const char *archive, struct fm_error *err)
{
	struct fm_archive_info info = {0};
	struct fm_sshkey key = {0};
	struct fm_buf statement = {0}, lines = {0};
	enum fm_reason reason;
	int fd = -1, rc;

	if ((rc = fm_sshkey_read(&key, key_path, err)) < 0 || (rc = fm_file_open(archive, &fd, err)) < 0 ||
	    (rc = fm_archive_read(fd, &info, &reason, err)) < 0 ||
	    (rc = fm_file_read(archive, 1u << 30, &statement, err)) < 0 ||
	    (rc = fm_sha512_bytes(statement.data, statement.len, info.digests.sha512, err)) < 0)
		goto out;
	statement.len = 0;
	if ((rc = fm_attestation_provenance(&info, &statement, err)) < 0 ||
	    (rc = fm_dsse_sign(&key, FM_ATTESTATION_TYPE, statement.data, statement.len, &lines, err)) < 0)
		goto out;
	statement.len = 0;
	if ((rc = fm_attestation_tests(&info, &statement, err)) < 0 ||
	    (rc = fm_dsse_sign(&key, FM_ATTESTATION_TYPE, statement.data, statement.len, &lines, err)) < 0)
		goto out;
	fputs(lines.data, stdout);
out:
	if (fd >= 0)
		close(fd);
	fm_archive_info_free(&info);
	fm_sshkey_close(&key);
	fm_buf_free(&statement);
	fm_buf_free(&lines);
	return rc;
}

int main(int argc, char **argv)
{
	struct fm_error err = {0};
	int rc;

	if (argc == 4 && strcmp(argv[1], "keygen") == 0)
		rc = fm_keygen(argv[2], argv[3], &err);
	else if (argc == 5 && strcmp(argv[1], "sign") == 0)
		rc = fixture_sign_file(argv[2], argv[3], argv[4], &err);
	else if (argc >= 4 && argc <= 6 && strcmp(argv[1], "release") == 0)
		rc = release(argv[2], argv[3], argc > 4 ? argv[4] : NULL, argc == 6, &err);
	else if (argc == 4 && strcmp(argv[1], "attest") == 0)
		rc = attest(argv[2], argv[3], &err);
	else
		rc = fm_fail(&err, FM_EUSAGE, "usage: make_release keygen|sign|release|attest ...");
	if (rc)
		fprintf(stderr, "make_release: %s\n", err.message);
	return fm_exit_status(rc);
}
