/* What a verification found, for people and for programs. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "release/verify.h"

static const char *memory_name(enum fm_memory m)
{
	static const char *const name[] = {"", "off", "first", "same", "later"};

	return name[m];
}

/* A path may hold bytes that control a terminal, and need not be UTF-8, as JSON must be. */
static json_t *text_or_null(const char *s)
{
	char shown[4 * 4096];

	fm_text_show(s, strlen(s), shown, sizeof shown);
	return *s ? json_string(shown) : json_null();
}

static json_t *files_json(const struct fm_archive_info *info)
{
	json_t *files = json_array();

	for (size_t i = 0; i < info->n; i++) {
		const struct fm_archive_file *f = &info->file[i];

		if (json_array_append_new(files, json_pack("{s:s,s:I,s:s}", "path", f->path, "bytes",
							   (json_int_t)f->nbytes, "sha256", f->sha256)) != 0) {
			json_decref(files);
			return NULL;
		}
	}
	return files;
}

static json_t *approvals_json(const struct fm_record *r)
{
	json_t *list = json_array();

	for (int i = 0; list && i < r->napprovals; i++)
		if (json_array_append_new(list, json_pack("{s:o, s:o}", "signer", text_or_null(r->approval[i].signer),
							  "key", text_or_null(r->approval[i].key))) != 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

static json_t *record_json(const struct fm_verify_report *report)
{
	const struct fm_record *r = &report->record;

	if (!report->has_record)
		return json_null();
	return json_pack("{s:I,s:o,s:s,s:o,s:s,s:b,s:o}", "sequence", (json_int_t)r->sequence, "previous",
			 r->previous_sha256[0]
			     ? json_pack("{s:s,s:s}", "version", r->previous_version, "sha256", r->previous_sha256)
			     : json_null(),
			 "issued", r->issued, "expires", text_or_null(r->expires), "sha256", r->sha256, "attestations",
			 r->has_attestations, "approvals", approvals_json(r));
}

static json_t *log_json(const struct fm_verify_report *r)
{
	char root[FM_SHA256_HEX];

	if (!r->has_log)
		return json_null();
	fm_hex(r->log.root.byte, sizeof r->log.root.byte, root);
	return json_pack("{s:I, s:I, s:s}", "size", (json_int_t)r->log.size, "index", (json_int_t)r->log_index, "root",
			 root);
}

static json_t *last_json(const struct fm_verify_report *r)
{
	if (!r->has_last)
		return json_null();
	return json_pack("{s:o,s:o,s:o,s:o}", "version", text_or_null(r->last.version), "sequence",
			 r->last.sequence ? json_integer((json_int_t)r->last.sequence) : json_null(), "tar_sha256",
			 text_or_null(r->last.tar_sha256), "accepted", text_or_null(r->last.accepted));
}

static json_t *attestations_json(const struct fm_verify_report *r)
{
	if (!r->attestations)
		return json_null();
	return json_pack("{s:i, s:o, s:s}", "checked", r->attestations, "signer", text_or_null(r->attester),
			 "fingerprint", r->attester_key);
}

static json_t *notes_json(const struct fm_verify_report *r)
{
	json_t *notes = r->caution[0] ? json_pack("[s]", r->caution) : json_array();

	for (int i = 0; i < r->nnotes; i++)
		if (json_array_append_new(notes, json_string(r->note[i])) != 0) {
			json_decref(notes);
			return NULL;
		}
	return notes;
}

json_t *fm_verify_report_json(const struct fm_verify_report *r)
{
	return json_pack("{s:s,s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "verdict",
			 r->good ? "good" : "bad", "reason", fm_reason_name(r->reason), "message",
			 text_or_null(r->message), "archive", text_or_null(r->archive), "sha256",
			 text_or_null(r->sha256), "tar_sha256", text_or_null(r->info.digests.tar_sha256), "signer",
			 text_or_null(r->signer), "fingerprint", text_or_null(r->fingerprint), "trusted",
			 text_or_null(r->trusted), "name", text_or_null(r->info.name), "version",
			 text_or_null(r->info.version), "waived", text_or_null(r->info.waived), "record",
			 record_json(r), "attestations", attestations_json(r), "log", log_json(r), "memory",
			 text_or_null(memory_name(r->memory)), "last", last_json(r), "notes", notes_json(r),
			 "extracted", text_or_null(r->extracted), "files", files_json(&r->info));
}

static void record_text(const struct fm_verify_report *report, struct fm_buf *out)
{
	char signer[4 * FM_PRINCIPALS_MAX], key[4 * FM_FINGERPRINT_MAX];
	const struct fm_record *r = &report->record;

	fm_buf_printf(out, "  record      number %lld", (long long)r->sequence);
	if (r->previous_sha256[0])
		fm_buf_printf(out, ", after %s", r->previous_version);
	fm_buf_printf(out, ", issued %s", r->issued);
	if (r->expires[0])
		fm_buf_printf(out, ", to be used until %s", r->expires);
	fm_buf_puts(out, "\n");
	for (int i = 0; i < r->napprovals; i++) {
		fm_text_show(r->approval[i].signer, strlen(r->approval[i].signer), signer, sizeof signer);
		fm_text_show(r->approval[i].key, strlen(r->approval[i].key), key, sizeof key);
		fm_buf_printf(out, "  approved by %s %s\n", signer, key);
	}
}

static void memory_text(const struct fm_verify_report *r, struct fm_buf *out)
{
	char version[4 * FM_ARCHIVE_MAX_FOLDER], accepted[128];

	fm_text_show(r->last.version, strlen(r->last.version), version, sizeof version);
	fm_text_show(r->last.accepted, strlen(r->last.accepted), accepted, sizeof accepted);
	if (r->memory == FM_MEMORY_FIRST)
		fm_buf_printf(out, "  memory      the first %s of this signer that is accepted here\n", r->info.name);
	else if (r->memory == FM_MEMORY_SAME)
		fm_buf_printf(out, "  memory      the one that was accepted on %.10s\n", accepted);
	else if (r->memory == FM_MEMORY_LATER)
		fm_buf_printf(out, "  memory      later than %s, accepted on %.10s\n", version, accepted);
}

void fm_verify_report_text(const struct fm_verify_report *r, struct fm_buf *out)
{
	char shown[4 * 4096], signer[4 * FM_PRINCIPALS_MAX], root[FM_SHA256_HEX];

	fm_text_show(r->archive, strlen(r->archive), shown, sizeof shown);
	fm_text_show(r->signer, strlen(r->signer), signer, sizeof signer);
	if (r->good)
		fm_buf_printf(out, "good: %s %s%s%s\n", r->info.name, r->info.version,
			      r->info.waived[0] ? ", checks waived: " : "", r->info.waived);
	else
		fm_buf_printf(out, "bad: %s: %s\n", fm_reason_name(r->reason), r->message);
	fm_buf_printf(out, "  archive     %s\n", shown);
	if (r->signer[0] || r->fingerprint[0])
		fm_buf_printf(out, "  %s  %s%s%s\n", r->good ? "signer    " : "key       ", signer,
			      r->signer[0] ? " " : "", r->fingerprint);
	if (r->trusted[0])
		fm_buf_printf(out, "  trusted by  %s, which this key came after (KEYS.json)\n", r->trusted);
	if (r->has_record)
		record_text(r, out);
	if (r->has_log) {
		fm_hex(r->log.root.byte, sizeof r->log.root.byte, root);
		fm_buf_printf(out, "  log         entry %llu of %llu, root %s\n", (unsigned long long)r->log_index + 1,
			      (unsigned long long)r->log.size, root);
	}
	if (r->attestations) {
		fm_text_show(r->attester, strlen(r->attester), signer, sizeof signer);
		fm_buf_printf(out, "  attested    %d statements, by %s %s\n", r->attestations, signer, r->attester_key);
	}
	if (r->good)
		memory_text(r, out);
	for (int i = 0; i < r->nnotes; i++)
		fm_buf_printf(out, "  note        %s\n", r->note[i]);
	if (r->sha256[0])
		fm_buf_printf(out, "  sha256      %s\n", r->sha256);
	if (r->info.digests.tar_sha256[0])
		fm_buf_printf(out, "  tar sha256  %s\n", r->info.digests.tar_sha256);
	for (size_t i = 0; r->good && i < r->info.n; i++)
		fm_buf_printf(out, "  %s  %12llu  %s\n", r->info.file[i].sha256,
			      (unsigned long long)r->info.file[i].nbytes, r->info.file[i].path);
	if (r->extracted[0]) {
		fm_text_show(r->extracted, strlen(r->extracted), shown, sizeof shown);
		fm_buf_printf(out, "  extracted   %s\n", shown);
	}
}
