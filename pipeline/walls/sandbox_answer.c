/*
 * What a stage's child tells its parent at its end, through a pipe, and how the parent reads it:
 * {"code":0,"result":...} or {"code":-3,"message":"...","at":[FILE,LINE]}.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/json_memory.h"
#include "base/json_text.h"
#include "base/mem.h"
#include "manifests/json_bounds.h"
#include "pipeline/walls/sandbox.h"

/* ---- in the child ---- */

static void send_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t k = write(fd, p, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			_exit(1);
		p += k;
		n -= (size_t)k;
	}
}

/* NULL: no memory for it. */
static char *report_text(int rc, json_t *result, const struct fm_error *err)
{
	json_t *doc = json_object();
	struct fm_error lacked;
	char *text = NULL;

	json_object_set_new(doc, "code", json_integer(rc));
	if (rc < 0) {
		json_t *message = json_string(err->message);

		/* A cut message may end inside a UTF-8 sequence, a file name may hold anything: then send only what is
		 * printable. */
		if (!message) {
			char plain[sizeof err->message];
			size_t i;

			for (i = 0; err->message[i]; i++)
				plain[i] = (unsigned char)err->message[i] < 0x80 ? err->message[i] : '?';
			plain[i] = '\0';
			message = json_string(plain);
		}
		json_object_set_new(doc, "message", message);
		if (err->file)
			json_object_set_new(doc, "at", json_pack("[s,i]", err->file, err->line));
	}
	if (result)
		json_object_set_new(doc, "result", result);
	if (fm_json_memory_check(FM_OK, &lacked) == FM_OK)
		text = json_dumps(doc, JSON_COMPACT);
	json_decref(doc);
	return text;
}

void fm_sandbox_answer(int fd, int rc, json_t *result, const struct fm_error *err)
{
	static const char no_memory[] = "{\"code\":-4,\"message\":\"out of memory\"}";
	const char *text = report_text(rc, result, err);

	if (!text)
		text = no_memory;
	send_all(fd, text, strlen(text));
	_exit(0);
}

/* ---- in the parent ---- */

/* Where in the source the child says that it failed, for --verbose, if that can be a name of our own. */
static void take_place(const json_t *at, struct fm_error *err)
{
	static char file[64];
	const char *said = json_string_value(json_array_get(at, 0));
	json_int_t line = json_integer_value(json_array_get(at, 1));

	if (!said || strlen(said) >= sizeof file || line < 1 || line > 100000 ||
	    said[strspn(said, "abcdefghijklmnopqrstuvwxyz0123456789_./")])
		return;
	memcpy(file, said, strlen(said) + 1);
	err->file = file;
	err->line = (int)line;
}

int fm_sandbox_answered(const char *name, const struct fm_buf *b, int exit_status, struct fm_sandbox_report *report,
			struct fm_error *err)
{
	const char *message, *much;
	json_t *doc, *code;
	int rc;

	if ((much = fm_json_too_much_loaded(b->data ? b->data : "", b->len, 0)))
		return fm_fail(err, FM_ESYSTEM, "the result of stage %s cannot be read: %s", name, much);
	doc = b->len ? fm_json_parse(b->data, b->len, JSON_REJECT_DUPLICATES, NULL) : NULL;
	code = json_object_get(doc, "code");
	if (!json_is_integer(code)) {
		json_decref(doc);
		return fm_fail(err, FM_ESYSTEM, "stage %s ended without a result (exit status %d)", name, exit_status);
	}
	rc = (int)json_integer_value(code);
	message = json_string_value(json_object_get(doc, "message"));
	if (rc > FM_OK || rc < FM_ESYSTEM)
		rc = FM_ESYSTEM;
	if (rc < 0) {
		fm_fail(err, rc, "%s", message ? message : "no reason given");
		take_place(json_object_get(doc, "at"), err);
	} else {
		report->result = json_incref(json_object_get(doc, "result"));
	}
	json_decref(doc);
	return rc;
}
