/* csv_input.c - one file of a trace as blocks of text, decompressed and decoded from UTF-16. */
#include <stdlib.h>
#include <string.h>

#include "traces/binary.h"
#include "traces/csv.h"

int fm_csv_input_open(struct fm_csv_input **out, const char *path, const char *member, struct fm_error *err)
{
	struct fm_csv_input *in;
	int rc;

	*out = NULL;
	if ((rc = fm_alloc(&in, 1, sizeof *in, "a file of a trace", err)) < 0)
		return rc;
	in->path = path;
	if ((rc = fm_source_open(&in->source, path, member, err)) < 0) {
		fm_csv_input_close(in);
		return rc;
	}
	*out = in;
	return FM_OK;
}

/* A block of JSON as one object a line; *n may be 0: no object is whole yet. */
static int cut_objects(struct fm_csv_input *in, const char **data, size_t *n, struct fm_error *err)
{
	int rc;

	if (in->list.begun && !in->list.is)
		return FM_OK;
	in->objects.len = 0;
	if ((rc = fm_json_list_add(&in->list, *data, *n, &in->objects, err)) < 0) {
		fm_error_prefix(err, "%s: ", in->path);
		return rc;
	}
	*data = in->objects.data;
	*n = in->objects.len;
	return FM_OK;
}

int fm_csv_input_next(struct fm_csv_input *in, const struct fm_dialect *d, const char **data, size_t *n,
		      struct fm_error *err)
{
	int rc;

	do {
		if ((rc = fm_source_next(in->source, data, n, err)) < 0 || !*n)
			return rc;
		if (d->encoding == FM_ENCODING_UTF16) {
			in->decoded.len = 0;
			fm_utf16_add(&in->utf16, *data, *n, &in->decoded);
			if ((rc = fm_buf_check(&in->decoded, err)) < 0)
				return rc;
			*data = in->decoded.data;
			*n = in->decoded.len; /* 0: half a character */
		}
		if (*n && !in->begun && (rc = fm_binary_refuse(in->path, *data, *n, err)))
			return rc;
		in->begun = in->begun || *n;
		if (*n && d->json && (rc = cut_objects(in, data, n, err)) < 0)
			return rc;
	} while (!*n);
	return FM_OK;
}

void fm_csv_input_close(struct fm_csv_input *in)
{
	if (!in)
		return;
	fm_source_close(in->source);
	fm_buf_free(&in->decoded);
	fm_buf_free(&in->objects);
	free(in);
}
