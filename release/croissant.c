/*
 * croissant.json: Croissant 1.1 (MLCommons) with the fields of its vocabulary for responsible AI, as JSON-LD.
 *
 * The file and its columns are described.  Records are described as well where the file has a header line of
 * names alone, or is JSON, for Croissant finds columns by their names.
 */
#include <stdio.h>
#include <string.h>

#include "release/columns.h"
#include "release/metadata.h"

#define CONFORMS "http://mlcommons.org/croissant/1.1"
#define CONFORMS_RAI "http://mlcommons.org/croissant/RAI/1.0"

/* The context of the specification, as far as its terms are used here. */
static const char context[] =
    "{\"@language\": \"en\", \"@vocab\": \"https://schema.org/\", \"sc\": \"https://schema.org/\","
    "\"cr\": \"http://mlcommons.org/croissant/\", \"rai\": \"http://mlcommons.org/croissant/RAI/\","
    "\"dct\": \"http://purl.org/dc/terms/\", \"citeAs\": \"cr:citeAs\", \"column\": \"cr:column\","
    "\"conformsTo\": \"dct:conformsTo\", \"data\": {\"@id\": \"cr:data\", \"@type\": \"@json\"},"
    "\"examples\": {\"@id\": \"cr:examples\", \"@type\": \"@json\"}, \"equivalentProperty\": \"cr:equivalentProperty\","
    "\"dataType\": {\"@id\": \"cr:dataType\", \"@type\": \"@vocab\"}, \"extract\": \"cr:extract\","
    "\"field\": \"cr:field\", \"fileObject\": \"cr:fileObject\", \"fileProperty\": \"cr:fileProperty\","
    "\"fileSet\": \"cr:fileSet\", \"format\": \"cr:format\", \"includes\": \"cr:includes\","
    "\"isLiveDataset\": \"cr:isLiveDataset\", \"jsonPath\": \"cr:jsonPath\", \"key\": \"cr:key\", \"md5\": \"cr:md5\","
    "\"parentField\": \"cr:parentField\", \"path\": \"cr:path\", \"recordSet\": \"cr:recordSet\","
    "\"references\": \"cr:references\", \"regex\": \"cr:regex\", \"repeated\": \"cr:repeated\","
    "\"replace\": \"cr:replace\", \"samplingRate\": \"cr:samplingRate\", \"separator\": \"cr:separator\","
    "\"source\": \"cr:source\", \"subField\": \"cr:subField\", \"transform\": \"cr:transform\"}";

static json_t *file_object(const struct fm_metadata_in *in, const char *name, const char *what, const char *sha256,
			   uint64_t nbytes)
{
	char size[32], file[64], url[80], words[160];

	snprintf(size, sizeof size, "%llu B", (unsigned long long)nbytes);
	snprintf(file, sizeof file, "%s.%s", name, fm_data_suffix(in->dialect));
	snprintf(url, sizeof url, "data/%s", file);
	if (in->dialect->json)
		snprintf(words, sizeof words, "%s, each an object of JSON on a line of its own.", what);
	else
		snprintf(words, sizeof words, "%s, one a line, %s a header line.", what,
			 in->dialect->header ? "below" : "without");
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "@type", "cr:FileObject", "@id", file, "name",
			 file, "description", words, "contentUrl", url, "contentSize", size, "encodingFormat",
			 in->dialect->json ? "application/jsonlines" : "text/csv", "sha256", sha256);
}

static json_t *ipfix_object(const struct fm_archive_file *f)
{
	char size[32];

	snprintf(size, sizeof size, "%llu B", (unsigned long long)f->nbytes);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "@type", "cr:FileObject", "@id", "flows.ipfix",
			 "name", "flows.ipfix", "description", "The same flows as messages of IPFIX (RFC 7011).",
			 "contentUrl", f->path, "contentSize", size, "encodingFormat", "application/ipfix", "sha256",
			 f->sha256);
}

static json_t *file_objects(const struct fm_metadata_in *in)
{
	json_t *list = json_pack("[o]", file_object(in, "flows", "The flows", in->data_sha256, in->data_nbytes));

	if (list && in->ipfix && json_array_append_new(list, ipfix_object(in->ipfix)) != 0) {
		json_decref(list);
		return NULL;
	}
	for (int i = 0; list && in->parts && i < FM_METADATA_PARTS; i++) {
		const struct fm_metadata_part *p = &in->parts[i];

		if (json_array_append_new(
			list, file_object(in, p->name, "A part of the same flows", p->sha256, p->nbytes)) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static const char *data_type(const struct fm_dialect *d, int k)
{
	const char *type = fm_column_type(d->cols[k].col, d->cols[k].format, d->cols[k].decimals);

	/* Croissant has no word for a decimal comma. */
	return strcmp(type, "integer") == 0    ? "sc:Integer"
	       : strcmp(type, "number") == 0   ? d->decimal == ',' ? "sc:Text" : "sc:Float"
	       : strcmp(type, "datetime") == 0 ? "sc:DateTime"
					       : "sc:Text";
}

static json_t *variables(const struct fm_dialect *d)
{
	json_t *list = json_array();
	int position = 1;

	for (int k = 0; k < d->ncols; k++) {
		const char *unit = fm_column_unit(d->cols[k].col, d->cols[k].format);
		json_t *v;

		if (!fm_dialect_writes(d, k))
			continue;
		v = json_pack("{s:s, s:s, s:s, s:i}", "@type", "sc:PropertyValue", "name", d->cols[k].name,
			      "description", fm_column_meaning(d, k), "position", position);
		position += fm_column_cells(d, k);

		if (*unit && json_object_set_new(v, "unitText", json_string(unit)) != 0)
			v = (json_decref(v), NULL);
		if (json_array_append_new(list, v) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

/* A name of a field for programs: readers of Croissant take no blanks in it. */
static void field_id(const struct fm_dialect *d, int k, char id[128])
{
	const char *name = d->cols[k].name;
	bool changed = false;
	size_t n = (size_t)snprintf(id, 128, "flows/");

	for (; *name; name++) {
		bool plain = (*name >= '0' && *name <= '9') || ((*name | 0x20) >= 'a' && (*name | 0x20) <= 'z') ||
			     strchr("._-", *name);

		changed = changed || !plain;
		id[n++] = plain ? *name : '_';
	}
	id[n] = 0;
	if (changed)
		snprintf(id + n, 128 - n, "-%d", k + 1);
}

static json_t *record_set(const struct fm_dialect *d)
{
	json_t *fields = json_array();

	for (int k = 0; k < d->ncols; k++) {
		char id[128];

		if (!fm_dialect_writes(d, k))
			continue;
		field_id(d, k, id);
		if (json_array_append_new(fields,
					  json_pack("{s:s, s:s, s:s, s:s, s:s, s:{s:{s:s}, s:{s:s}}}", "@type",
						    "cr:Field", "@id", id, "name", d->cols[k].name, "description",
						    fm_column_meaning(d, k), "dataType", data_type(d, k), "source",
						    "fileObject", "@id", d->json ? "flows.jsonl" : "flows.csv",
						    "extract", "column", d->cols[k].name)) != 0) {
			json_decref(fields);
			return NULL;
		}
	}
	return json_pack("{s:s, s:s, s:s, s:s, s:o}", "@type", "cr:RecordSet", "@id", "flows", "name", "flows",
			 "description", "A record is a flow.", "field", fields);
}

/* What a user of the data should know of people in it: the vocabulary of responsible AI. */
static int put_responsible(const struct fm_metadata_in *in, json_t *doc)
{
	static const char limits[] = "rai:dataLimitations";
	const bool addresses = !(in->cfg->absent >> FM_SA & 1u);
	const char *const text[][2] = {
	    {"rai:dataCollection", "Nothing was collected: a model that was trained on a private trace of network "
				   "flows made these flows up."},
	    {"rai:dataCollectionType", "Software Collection"},
	    {"rai:dataManipulationProtocol",
	     addresses
		 ? "Addresses are drawn anew from the ranges that README.md names; values that few records of the "
		   "trace share do not enter the model's vocabulary."
		 : "Values that few records of the trace share do not enter the model's vocabulary."},
	    {"rai:dataUseCases",
	     "Development and test of methods that read network flows: detection, classification, capacity planning."},
	    {limits, "Distances to real flows are in manifest.json as far as they are published. What "
		     "was not measured there may "
		     "differ from real traffic. Single flows describe no event that took place."},
	    {"rai:dataBiases",
	     "Those of one network at one time, and of the model: rare behaviour is rarer still or missing."},
	    {"rai:dataReleaseMaintenancePlan", "Each release has a version, and a record beside it (RELEASE.json) that "
					       "says what it follows and until when it "
					       "is to be used."},
	};
	struct fm_buf absent = {0};
	char filled[160];
	int bad = 0;

	for (size_t i = 0; i < sizeof text / sizeof *text; i++)
		bad |= json_object_set_new(doc, text[i][0], json_string(text[i][1]));
	if (in->cfg->absent) {
		fm_buf_printf(&absent, "%s The trace has no ", json_string_value(json_object_get(doc, limits)));
		fm_columns_absent(in->cfg->absent, &absent);
		fm_buf_puts(&absent, ", and neither have these flows.");
		bad |= absent.failed || json_object_set_new(doc, limits, json_string(absent.data));
		fm_buf_free(&absent);
	}
	if (in->filled) {
		snprintf(
		    filled, sizeof filled,
		    "In up to %.0f %% of the rows of the trace that the model learned from a value was missing and "
		    "counts as 0.",
		    100 * json_number_value(json_object_get(in->filled, "share")));
		bad |= json_object_set_new(doc, "rai:dataImputationProtocol", json_string(filled));
	}
	bad |= json_object_set_new(
	    doc, "rai:personalSensitiveInformation",
	    json_string(
		fm_config_dp(in->cfg)
		    ? "Records of people's traffic were learned from under differential privacy; README.md says what "
		      "it "
		      "covers and what it does not."
		    : "Records of people's traffic were learned from without differential privacy; README.md says what "
		      "was measured instead. Do not try to identify anyone."));
	return bad;
}

json_t *fm_croissant_json(const struct fm_metadata_in *in)
{
	const struct fm_config *c = in->cfg;
	char cite[sizeof c->release.name + sizeof c->release.version + 64];
	json_t *doc = json_pack("{s:o, s:s, s:[s, s], s:s, s:s, s:s, s:s, s:o, s:o, s:b}", "@context",
				json_loads(context, 0, NULL), "@type", "sc:Dataset", "conformsTo", CONFORMS,
				CONFORMS_RAI, "name", c->release.name, "description",
				c->release.description[0] ? c->release.description : "Synthetic network flows",
				"version", c->release.version, "license", c->release.license, "distribution",
				file_objects(in), "variableMeasured", variables(in->dialect), "isLiveDataset", 0);
	int bad = !doc;

	snprintf(cite, sizeof cite, "%s %s: synthetic network flows", c->release.name, c->release.version);
	if (!bad)
		bad |= json_object_set_new(doc, "citeAs", json_string(cite));
	if (!bad && in->date[0])
		bad |= json_object_set_new(doc, "datePublished", json_string(in->date));
	if (!bad && fm_header_has_names(in->dialect))
		bad |= json_object_set_new(doc, "recordSet", json_pack("[o]", record_set(in->dialect)));
	if (!bad)
		bad |= put_responsible(in, doc);
	if (!bad)
		return doc;
	json_decref(doc);
	return NULL;
}
