/* embed.c - files taken into the program by the assembler.  Paths are relative to the folder that make runs in, the
 * root; embed.mk makes the object depend on them. */
#include "manifests/embed.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Symbols fm_file_SYM (the bytes and a NUL) and fm_file_SYM_len.  One statement for gcc's and clang's assemblers. */
#define EMBED(sym, path)                                                                                               \
	__asm__(".pushsection .rodata\n"                                                                               \
		"\t.balign 8\n"                                                                                        \
		"\t.global fm_file_" #sym "\n"                                                                         \
		"\t.hidden fm_file_" #sym "\n"                                                                         \
		"fm_file_" #sym ":\n"                                                                                  \
		"\t.incbin \"" path "\"\n"                                                                             \
		"fm_file_" #sym "_end:\n"                                                                              \
		"\t.byte 0\n"                                                                                          \
		"\t.balign 8\n"                                                                                        \
		"\t.global fm_file_" #sym "_len\n"                                                                     \
		"\t.hidden fm_file_" #sym "_len\n"                                                                     \
		"fm_file_" #sym "_len:\n"                                                                              \
		"\t.quad fm_file_" #sym "_end - fm_file_" #sym "\n"                                                    \
		"\t.popsection\n");                                                                                    \
	extern const char fm_file_##sym[];                                                                             \
	extern const uint64_t fm_file_##sym##_len

EMBED(preset_any, "manifests/any.yaml");
EMBED(preset_demo, "manifests/demo.yaml");
EMBED(preset_ugr16, "manifests/ugr16.yaml");
EMBED(preset_ugr16_dp, "manifests/ugr16-dp.yaml");
EMBED(dialect_argus, "manifests/dialects/argus.yaml");
EMBED(dialect_argus_unlabeled, "manifests/dialects/argus-unlabeled.yaml");
EMBED(dialect_argus_tsv, "manifests/dialects/argus-tsv.yaml");
EMBED(dialect_aws_vpc, "manifests/dialects/aws-vpc.yaml");
EMBED(dialect_aws_vpc_export, "manifests/dialects/aws-vpc-export.yaml");
EMBED(dialect_aws_vpc5, "manifests/dialects/aws-vpc5.yaml");
EMBED(dialect_cic_ids2017, "manifests/dialects/cic-ids2017.yaml");
EMBED(dialect_cicflowmeter, "manifests/dialects/cicflowmeter.yaml");
EMBED(dialect_cic_ids2017_ml, "manifests/dialects/cic-ids2017-ml.yaml");
EMBED(dialect_cse_cic_ids2018, "manifests/dialects/cse-cic-ids2018.yaml");
EMBED(dialect_cse_cic_ids2018_20feb, "manifests/dialects/cse-cic-ids2018-20feb.yaml");
EMBED(dialect_unsw_nb15_set, "manifests/dialects/unsw-nb15-set.yaml");
EMBED(dialect_cidds, "manifests/dialects/cidds.yaml");
EMBED(dialect_ecs, "manifests/dialects/ecs.yaml");
EMBED(dialect_gcp_vpc, "manifests/dialects/gcp-vpc.yaml");
EMBED(dialect_ipfix, "manifests/dialects/ipfix.yaml");
EMBED(dialect_netshare, "manifests/dialects/netshare.yaml");
EMBED(dialect_nfdump, "manifests/dialects/nfdump.yaml");
EMBED(dialect_nfdump_csv_fast, "manifests/dialects/nfdump-csv-fast.yaml");
EMBED(dialect_nfdump_json, "manifests/dialects/nfdump-json.yaml");
EMBED(dialect_nfdump_line, "manifests/dialects/nfdump-line.yaml");
EMBED(dialect_nfdump_long, "manifests/dialects/nfdump-long.yaml");
EMBED(dialect_nfdump_pipe, "manifests/dialects/nfdump-pipe.yaml");
EMBED(dialect_nfdump_pipe17, "manifests/dialects/nfdump-pipe17.yaml");
EMBED(dialect_nfdump16, "manifests/dialects/nfdump16.yaml");
EMBED(dialect_nfstream, "manifests/dialects/nfstream.yaml");
EMBED(dialect_panos_traffic, "manifests/dialects/panos-traffic.yaml");
EMBED(dialect_pcap, "manifests/dialects/pcap.yaml");
EMBED(dialect_pmacct, "manifests/dialects/pmacct.yaml");
EMBED(dialect_pmacct_epoch, "manifests/dialects/pmacct-epoch.yaml");
EMBED(dialect_pmacct_formatted, "manifests/dialects/pmacct-formatted.yaml");
EMBED(dialect_pmacct_json, "manifests/dialects/pmacct-json.yaml");
EMBED(dialect_pmacct_json_epoch, "manifests/dialects/pmacct-json-epoch.yaml");
EMBED(dialect_silk, "manifests/dialects/silk.yaml");
EMBED(dialect_silk_csv, "manifests/dialects/silk-csv.yaml");
EMBED(dialect_silk_epoch, "manifests/dialects/silk-epoch.yaml");
EMBED(dialect_silk_csv_epoch, "manifests/dialects/silk-csv-epoch.yaml");
EMBED(dialect_suricata, "manifests/dialects/suricata.yaml");
EMBED(dialect_suricata_netflow, "manifests/dialects/suricata-netflow.yaml");
EMBED(dialect_ugr16, "manifests/dialects/ugr16.yaml");
EMBED(dialect_ugr17, "manifests/dialects/ugr17.yaml");
EMBED(dialect_unsw_nb15, "manifests/dialects/unsw-nb15.yaml");
EMBED(dialect_zeek, "manifests/dialects/zeek.yaml");
EMBED(dialect_zeek_iot23, "manifests/dialects/zeek-iot23.yaml");
EMBED(dialect_zeek_json, "manifests/dialects/zeek-json.yaml");
EMBED(dialect_zeek_json_labeled, "manifests/dialects/zeek-json-labeled.yaml");
EMBED(dialect_zeek_json_iso, "manifests/dialects/zeek-json-iso.yaml");
EMBED(dialect_zeek_json_iso_labeled, "manifests/dialects/zeek-json-iso-labeled.yaml");
EMBED(dialect_zeek_labeled, "manifests/dialects/zeek-labeled.yaml");
EMBED(licence_cc0, "manifests/licences/CC0-1.0.txt");
EMBED(licence_cc_by, "manifests/licences/CC-BY-4.0.txt");
EMBED(spdx, "manifests/licences/spdx.txt");

/* In order of name within a kind. */
static const struct {
	enum fm_embed_kind kind;
	const char *name, *text;
	const uint64_t *n;
} files[] = {
    {FM_EMBED_PRESET, "any", fm_file_preset_any, &fm_file_preset_any_len},
    {FM_EMBED_PRESET, "demo", fm_file_preset_demo, &fm_file_preset_demo_len},
    {FM_EMBED_PRESET, "ugr16", fm_file_preset_ugr16, &fm_file_preset_ugr16_len},
    {FM_EMBED_PRESET, "ugr16-dp", fm_file_preset_ugr16_dp, &fm_file_preset_ugr16_dp_len},
    {FM_EMBED_DIALECT, "argus", fm_file_dialect_argus, &fm_file_dialect_argus_len},
    {FM_EMBED_DIALECT, "argus-unlabeled", fm_file_dialect_argus_unlabeled, &fm_file_dialect_argus_unlabeled_len},
    {FM_EMBED_DIALECT, "argus-tsv", fm_file_dialect_argus_tsv, &fm_file_dialect_argus_tsv_len},
    {FM_EMBED_DIALECT, "aws-vpc", fm_file_dialect_aws_vpc, &fm_file_dialect_aws_vpc_len},
    {FM_EMBED_DIALECT, "aws-vpc-export", fm_file_dialect_aws_vpc_export, &fm_file_dialect_aws_vpc_export_len},
    {FM_EMBED_DIALECT, "aws-vpc5", fm_file_dialect_aws_vpc5, &fm_file_dialect_aws_vpc5_len},
    {FM_EMBED_DIALECT, "cic-ids2017", fm_file_dialect_cic_ids2017, &fm_file_dialect_cic_ids2017_len},
    {FM_EMBED_DIALECT, "cic-ids2017-ml", fm_file_dialect_cic_ids2017_ml, &fm_file_dialect_cic_ids2017_ml_len},
    {FM_EMBED_DIALECT, "cicflowmeter", fm_file_dialect_cicflowmeter, &fm_file_dialect_cicflowmeter_len},
    {FM_EMBED_DIALECT, "cidds", fm_file_dialect_cidds, &fm_file_dialect_cidds_len},
    {FM_EMBED_DIALECT, "cse-cic-ids2018", fm_file_dialect_cse_cic_ids2018, &fm_file_dialect_cse_cic_ids2018_len},
    {FM_EMBED_DIALECT, "cse-cic-ids2018-20feb", fm_file_dialect_cse_cic_ids2018_20feb,
     &fm_file_dialect_cse_cic_ids2018_20feb_len},
    {FM_EMBED_DIALECT, "ecs", fm_file_dialect_ecs, &fm_file_dialect_ecs_len},
    {FM_EMBED_DIALECT, "gcp-vpc", fm_file_dialect_gcp_vpc, &fm_file_dialect_gcp_vpc_len},
    {FM_EMBED_DIALECT, "ipfix", fm_file_dialect_ipfix, &fm_file_dialect_ipfix_len},
    {FM_EMBED_DIALECT, "netshare", fm_file_dialect_netshare, &fm_file_dialect_netshare_len},
    {FM_EMBED_DIALECT, "nfdump", fm_file_dialect_nfdump, &fm_file_dialect_nfdump_len},
    {FM_EMBED_DIALECT, "nfdump-csv-fast", fm_file_dialect_nfdump_csv_fast, &fm_file_dialect_nfdump_csv_fast_len},
    {FM_EMBED_DIALECT, "nfdump-json", fm_file_dialect_nfdump_json, &fm_file_dialect_nfdump_json_len},
    {FM_EMBED_DIALECT, "nfdump-line", fm_file_dialect_nfdump_line, &fm_file_dialect_nfdump_line_len},
    {FM_EMBED_DIALECT, "nfdump-long", fm_file_dialect_nfdump_long, &fm_file_dialect_nfdump_long_len},
    {FM_EMBED_DIALECT, "nfdump-pipe", fm_file_dialect_nfdump_pipe, &fm_file_dialect_nfdump_pipe_len},
    {FM_EMBED_DIALECT, "nfdump-pipe17", fm_file_dialect_nfdump_pipe17, &fm_file_dialect_nfdump_pipe17_len},
    {FM_EMBED_DIALECT, "nfdump16", fm_file_dialect_nfdump16, &fm_file_dialect_nfdump16_len},
    {FM_EMBED_DIALECT, "nfstream", fm_file_dialect_nfstream, &fm_file_dialect_nfstream_len},
    {FM_EMBED_DIALECT, "panos-traffic", fm_file_dialect_panos_traffic, &fm_file_dialect_panos_traffic_len},
    {FM_EMBED_DIALECT, "pcap", fm_file_dialect_pcap, &fm_file_dialect_pcap_len},
    {FM_EMBED_DIALECT, "pmacct", fm_file_dialect_pmacct, &fm_file_dialect_pmacct_len},
    {FM_EMBED_DIALECT, "pmacct-epoch", fm_file_dialect_pmacct_epoch, &fm_file_dialect_pmacct_epoch_len},
    {FM_EMBED_DIALECT, "pmacct-formatted", fm_file_dialect_pmacct_formatted, &fm_file_dialect_pmacct_formatted_len},
    {FM_EMBED_DIALECT, "pmacct-json", fm_file_dialect_pmacct_json, &fm_file_dialect_pmacct_json_len},
    {FM_EMBED_DIALECT, "pmacct-json-epoch", fm_file_dialect_pmacct_json_epoch, &fm_file_dialect_pmacct_json_epoch_len},
    {FM_EMBED_DIALECT, "silk", fm_file_dialect_silk, &fm_file_dialect_silk_len},
    {FM_EMBED_DIALECT, "silk-csv", fm_file_dialect_silk_csv, &fm_file_dialect_silk_csv_len},
    {FM_EMBED_DIALECT, "silk-epoch", fm_file_dialect_silk_epoch, &fm_file_dialect_silk_epoch_len},
    {FM_EMBED_DIALECT, "silk-csv-epoch", fm_file_dialect_silk_csv_epoch, &fm_file_dialect_silk_csv_epoch_len},
    {FM_EMBED_DIALECT, "suricata", fm_file_dialect_suricata, &fm_file_dialect_suricata_len},
    {FM_EMBED_DIALECT, "suricata-netflow", fm_file_dialect_suricata_netflow, &fm_file_dialect_suricata_netflow_len},
    {FM_EMBED_DIALECT, "ugr16", fm_file_dialect_ugr16, &fm_file_dialect_ugr16_len},
    {FM_EMBED_DIALECT, "ugr17", fm_file_dialect_ugr17, &fm_file_dialect_ugr17_len},
    {FM_EMBED_DIALECT, "unsw-nb15", fm_file_dialect_unsw_nb15, &fm_file_dialect_unsw_nb15_len},
    {FM_EMBED_DIALECT, "unsw-nb15-set", fm_file_dialect_unsw_nb15_set, &fm_file_dialect_unsw_nb15_set_len},
    {FM_EMBED_DIALECT, "zeek", fm_file_dialect_zeek, &fm_file_dialect_zeek_len},
    {FM_EMBED_DIALECT, "zeek-iot23", fm_file_dialect_zeek_iot23, &fm_file_dialect_zeek_iot23_len},
    {FM_EMBED_DIALECT, "zeek-json", fm_file_dialect_zeek_json, &fm_file_dialect_zeek_json_len},
    {FM_EMBED_DIALECT, "zeek-json-labeled", fm_file_dialect_zeek_json_labeled, &fm_file_dialect_zeek_json_labeled_len},
    {FM_EMBED_DIALECT, "zeek-json-iso", fm_file_dialect_zeek_json_iso, &fm_file_dialect_zeek_json_iso_len},
    {FM_EMBED_DIALECT, "zeek-json-iso-labeled", fm_file_dialect_zeek_json_iso_labeled,
     &fm_file_dialect_zeek_json_iso_labeled_len},
    {FM_EMBED_DIALECT, "zeek-labeled", fm_file_dialect_zeek_labeled, &fm_file_dialect_zeek_labeled_len},
    {FM_EMBED_LICENCE, "CC0-1.0", fm_file_licence_cc0, &fm_file_licence_cc0_len},
    {FM_EMBED_LICENCE, "CC-BY-4.0", fm_file_licence_cc_by, &fm_file_licence_cc_by_len},
    {FM_EMBED_LIST, "spdx", fm_file_spdx, &fm_file_spdx_len},
};
#define NFILES (sizeof(files) / sizeof(files[0]))

static struct fm_embed embed_file(size_t f)
{
	return (struct fm_embed){files[f].kind, files[f].name, files[f].text, (size_t)*files[f].n};
}

bool fm_embed_find(struct fm_embed *e, enum fm_embed_kind kind, const char *name)
{
	for (size_t f = 0; f < NFILES; f++)
		if (files[f].kind == kind && strcmp(files[f].name, name) == 0) {
			*e = embed_file(f);
			return true;
		}
	return false;
}

bool fm_embed_at(struct fm_embed *e, enum fm_embed_kind kind, size_t i)
{
	for (size_t f = 0; f < NFILES; f++)
		if (files[f].kind == kind && i-- == 0) {
			*e = embed_file(f);
			return true;
		}
	return false;
}

const char *fm_embed_names(enum fm_embed_kind kind, char *out, size_t cap)
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t f = 0; f < NFILES && len < cap; f++) {
		if (files[f].kind != kind)
			continue;
		int w = snprintf(out + len, cap - len, "%s%s", len ? ", " : "", files[f].name);
		len += w > 0 ? (size_t)w : 0;
	}
	return out;
}
