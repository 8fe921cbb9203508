#include "manifests/config_schema.h"

#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "manifests/embed.h"

#define FIELD(s, f, t)                                                                                                 \
	.section = #s, .name = #f, .type = FM_KEY_##t, .offset = offsetof(struct fm_config, s.f),                      \
	.size = sizeof(((struct fm_config *)0)->s.f)
#define COUNT(s, f) .count = offsetof(struct fm_config, s.f)

/* ---- forms of text ---- */

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGIT "0123456789"

static const char *check_name(const char *s)
{
	if (s[0] && strchr(LOWER DIGIT, s[0]) && s[strspn(s, LOWER DIGIT "._-")] == '\0')
		return NULL;
	return "small letters, digits, '.', '_' and '-', beginning with a letter or digit";
}

static const char *check_folder(const char *s)
{
	return s[0] ? NULL : "the name of a folder";
}

static const char *check_version(const char *s)
{
	if (s[0] && strchr(LOWER UPPER DIGIT, s[0]) && s[strspn(s, LOWER UPPER DIGIT ".+-")] == '\0')
		return NULL;
	return "a version such as 1.0.0: letters, digits, '.', '+' and '-'";
}

static const char *check_license(const char *s)
{
	static const char own[] = "LicenseRef-";
	const char *rest = strncmp(s, own, sizeof own - 1) == 0 ? s + sizeof own - 1 : NULL;
	struct fm_embed list;
	size_t n = strlen(s);

	if (rest && *rest && rest[strspn(rest, LOWER UPPER DIGIT ".-")] == '\0')
		return NULL;
	if (!rest && n && fm_embed_find(&list, FM_EMBED_LIST, "spdx"))
		for (const char *at = list.text; *at; at += strcspn(at, "\n") + 1)
			if (strcspn(at, "\n") == n && memcmp(at, s, n) == 0)
				return NULL;
	return "an identifier of the SPDX list (spdx.org/licenses), such as CC-BY-4.0, as it is spelled there, or "
	       "LicenseRef- and a name of your own";
}

static const char *check_date(const char *s)
{
	char text[32];
	int64_t ms;

	if (s[0] == '\0')
		return NULL;
	snprintf(text, sizeof(text), "%s 00:00:00", s);
	if (strlen(s) == 10 && fm_parse_time_ms(text, strlen(text), &ms) == 0)
		return NULL;
	return "a date, YYYY-MM-DD";
}

static const char *check_expires(const char *s)
{
	uint64_t days;

	if (s[0] == '\0' || (fm_parse_u64(s, strlen(s), 36500, &days) == 0 && days > 0) || check_date(s) == NULL)
		return NULL;
	return "a number of days, 1 to 36500, or a date, YYYY-MM-DD";
}

static const char *check_leak_names(const char *s)
{
	while (*s) {
		size_t n = strcspn(s, " ");

		if (strncmp(s, "leak.", 5) != 0 || n <= 5 || strspn(s, LOWER DIGIT "._ ") < n)
			return "names of checks of leakage with blanks between, such as leak.family_p";
		s += n + strspn(s + n, " ");
	}
	return NULL;
}

static const char *check_time(const char *s)
{
	int64_t ms;

	if (s[0] == '\0' || fm_parse_time_ms(s, strlen(s), &ms) == 0)
		return NULL;
	return "a time, YYYY-MM-DD HH:MM:SS (UTC)";
}

/* ---- the table ---- */

/* clang-format off */
const struct fm_key fm_keys[] = {
	{FIELD(release, name, TEXT), .check = check_name, .dflt = "flows",
	 .help = "Name of the release; the archive is NAME-VERSION.tar.zst."},
	{FIELD(release, version, TEXT), .check = check_version, .dflt = "0.1.0", 
	 .help = "Version of the release. date: the day of the run as YYYY.MM.DD (UTC; of SOURCE_DATE_EPOCH where it "
		 "is set), which is then also release.date; for runs every night."},
	{FIELD(release, description, TEXT), .dflt = "Synthetic network flows",
	 .help = "One sentence for the data sheet."},
	{FIELD(release, license, TEXT), .check = check_license, .dflt = "LicenseRef-internal",
	 .help = "What partners may do with the data: an SPDX identifier."},
	{FIELD(release, license_file, PATH), .dflt = "\"\"", .secret = true,
	 .help = "The licence's text, which goes into the archive as LICENSE.txt. Empty: the built-in text for "
		 "CC0-1.0 and CC-BY-4.0, and none for another licence."},
	{FIELD(release, date, TEXT), .check = check_date, .dflt = "\"\"",
	 .help = "Date of the release, YYYY-MM-DD; flowmint init writes the day on which it runs. Empty: that of "
		 "SOURCE_DATE_EPOCH, else none."},
	{FIELD(release, previous, PATH), .dflt = "\"\"", .secret = true,
	 .help = "The release before this one, its .tar.zst or its flows as CSV, which leak.release_* compares "
		 "with. Empty: none."},

	{FIELD(source, path, PATH), .dflt = "\"\"", .secret = true,
	 .help = "The trace: plain, gzip, xz or zstd, or an archive. A list of files and patterns such as "
		 "hours/*.csv.gz is read in the order of time, - is standard input. The one key without a default."},
	{FIELD(source, member, TEXT), .dflt = "\"\"",
	 .help = "Name of the member when the trace is an archive of several files. Empty: the only one."},
	{FIELD(source, dialect, TEXT), .dflt = "ugr16",
	 .help = "How the trace writes its flows: a built-in dialect, a file (with a '/' or ending in .yaml), or auto: "
		 "what its first rows say (flowmint sniff)."},
	{FIELD(source, rows, INT), .min = 0, .max = FM_KEY_MAXINT, .dflt = "0",
	 .help = "Read only this many flows, from the beginning; 0: all. The manifest has the config, so a release "
		 "tells this number."},
	{FIELD(source, missing, CHOICE), .choices = "zero|reject", .dflt = "zero",
	 .help = "A missing value becomes 0, or its row is a bad row."},
	{FIELD(source, duplicates, CHOICE), .choices = "keep|drop", .dflt = "keep",
	 .help = "A flow that a second exporter saw too: keep all its rows, or drop all but the first. Copies have "
		 "equal addresses, ports, protocol, packets and bytes, and end within a second."},
	{FIELD(source, max_bad_share, REAL), .min = 0, .max = 1, .dflt = "0.01",
	 .help = "Stop when more than this share of the rows does not parse."},

	{FIELD(split, validation, REAL), .min = 0, .max = 0.5, .dflt = "0.02",
	 .help = "Share of the windows on which training checks its progress. Kinds marginals, ctgan and netshare, "
		 "and privacy.mode dp, do not check, but leave these windows aside too, so that all kinds learn from "
		 "the same flows."},
	{FIELD(split, holdout, REAL), .min = 0, .max = 0.9, .dflt = "0.25",
	 .help = "Share of the windows that the model never sees; the gate's privacy checks need it."},
	{FIELD(split, holdout_least, INT), .needs = "privacy.mode none|clip", .min = 0, .max = FM_KEY_MAXINT,
	 .dflt = "0",
	 .help = "Rows that a trace of fewer than 40 windows holds out at least, where training keeps half as many: a "
		 "larger share than holdout, so that the gate can be tried on few flows. At most what holdout gives of "
		 "39 windows. 0: no more than holdout."},
	{FIELD(split, seed, INT), .min = 0, .max = FM_KEY_MAXINT, .dflt = "1", .help = "Which windows go where."},

	{FIELD(model, kind, CHOICE), .choices = "diffusion|marginals|ctgan|plain|netshare", .dflt = "diffusion",
	 .help = "The kind of model. diffusion learns windows of flows, marginals counts exchanges with noise; "
		 "ctgan, plain and netshare are baselines that others compare with (docs/peers.md)."},
	{FIELD(model, denoiser, CHOICE), .kind = "diffusion|plain", .choices = "transformer|unet|mlp",
	 .dflt = "transformer",
	 .help = "The network that removes the noise; mlp looks at each flow by itself (with kind diffusion, but in "
		 "privacy.mode dp, also at what it is told of those that it is linked with)."},
	{FIELD(model, window, INT), .needs = "privacy.mode none|clip", .min = 2, .max = 512, .dflt = "64",
	 .help = "Consecutive flows in one training example."},
	{FIELD(model, width, INT), .kind = "diffusion|plain", .min = 16, .max = 2048, .dflt = "128",
	 .help = "Width of the network; a multiple of 16 * heads, or of 16 for denoiser mlp, which has no heads."},
	{FIELD(model, depth, INT), .kind = "diffusion|plain", .min = 1, .max = 32, .dflt = "4",
	 .help = "Layers of a transformer, levels of a unet (each halves the window, down to 3), blocks of an mlp."},
	{FIELD(model, heads, INT), .needs = "model.denoiser transformer|unet", .kind = "diffusion|plain", .min = 1,
	 .max = 64, .dflt = "4",
	 .help = "Attention heads a layer; denoiser mlp has none."},
	{FIELD(model, process, CHOICE), .kind = "diffusion", .choices = "absorbing|multinomial", .dflt = "absorbing",
	 .help = "What noise does to tokens: it masks them, or makes them uniform. Residuals get Gaussian noise."},
	{FIELD(model, prediction, CHOICE), .needs = "privacy.mode none|clip", .kind = "diffusion",
	 .choices = "v|noise", .dflt = "v",
	 .help = "What the network predicts of a residual: its velocity, or its noise."},
	{FIELD(model, schedule, CHOICE), .needs = "privacy.mode none|clip", .kind = "diffusion|plain",
	 .choices = "linear|cosine", .dflt = "cosine",
	 .help = "Noise schedule of the Gaussian part."},
	{FIELD(model, steps, INT), .needs = "privacy.mode none|clip", .kind = "diffusion|plain", .min = 2,
	 .max = 100000, .dflt = "1000",
	 .help = "Diffusion steps T."},
	{FIELD(model, min_count, INT), .kind = "diffusion|ctgan|plain|netshare", .min = 1, .max = 1e9, .dflt = "20",
	 .help = "A value gets a token of its own only when at least this many records have it."},
	{FIELD(model, max_hosts, INT), .kind = "diffusion", .min = 0, .max = 60000, .dflt = "2048",
	 .help = "Popular hosts with a token of their own (a rank, never an address)."},
	{FIELD(model, encoding, CHOICE), .kind = "ctgan|plain", .choices = "plain|bits|values", .dflt = "plain",
	 .help = "For kinds ctgan and plain: addresses as integers or as 32 bits. With bits ctgan takes counts as "
		 "logs, and plain takes ports as 16 bits and predicts the rows instead of their noise. values, for "
		 "kind plain only: ports and hosts are one of the most frequent ones, or a number."},
	{FIELD(model, conditions, CHOICE), .kind = "ctgan", .choices = "true|log", .dflt = "true",
	 .help = "For kind ctgan: conditions of generated flows are drawn by the frequency of values, or by its "
		 "logarithm as in the reference, which makes rare labels many times too frequent."},
	{FIELD(model, embedding, INT), .kind = "ctgan", .min = 1, .max = 4096, .dflt = "128",
	 .help = "For kind ctgan: how many random numbers the generator gets."},
	{FIELD(model, hidden, INT), .kind = "ctgan", .min = 4, .max = 4096, .dflt = "256",
	 .help = "For kind ctgan: width of the two layers of generator and critic."},

	{FIELD(model, chunks, INT), .kind = "netshare", .min = 1, .max = 64, .dflt = "10",
	 .help = "For kind netshare: chunks of equal time that sessions are cut into."},
	{FIELD(model, session_records, INT), .kind = "netshare", .min = 1, .max = 1024, .dflt = "34",
	 .help = "For kind netshare: records of a session at most; a longer one continues as another session."},
	{FIELD(model, step_records, INT), .kind = "netshare", .min = 1, .max = 64, .dflt = "5",
	 .help = "For kind netshare: records that a step of the recurrent layer makes."},
	{FIELD(model, layer_width, INT), .kind = "netshare", .min = 4, .max = 4096, .dflt = "512",
	 .help = "For kind netshare: width of the four layers of the attributes' generator and of each critic."},
	{FIELD(model, lstm, INT), .kind = "netshare", .min = 4, .max = 4096, .dflt = "100",
	 .help = "For kind netshare: width of the recurrent layer that makes records."},
	{FIELD(model, vectors, CHOICE), .kind = "netshare", .choices = "public|trace", .dflt = "public",
	 .help = "For kind netshare: what the vectors of ports and protocols are learned from, simulated traffic or "
		 "the training flows themselves, whose ports are then no longer those of public traffic."},

	{FIELD(train, steps, INT), .kind = "diffusion|ctgan|plain|netshare", .min = 0, .max = 1e8, .dflt = "0",
	 .help = "Training steps. 0: 40 passes over the training windows, at least 300 steps, for kind plain 100 passes, "
		 "at least 500, and at most 15000; for kinds ctgan and netshare the passes that they have keys for; in "
		 "privacy.mode dp 500."},
	{FIELD(train, batch, INT), .kind = "diffusion|plain", .min = 1, .max = 65536, .dflt = "64",
	 .help = "Windows a step; in privacy.mode dp exchanges, on average."},
	{FIELD(train, rate, REAL), .kind = "diffusion|plain", .min = 0, .max = 1, .above_min = true, .dflt = "2e-3",
	 .help = "Peak learning rate of AdamW."},
	{FIELD(train, warmup, INT), .kind = "diffusion|plain", .min = 0, .max = 1e8, .dflt = "100",
	 .help = "Steps in which the rate rises to its peak."},
	{FIELD(train, ema, REAL), .kind = "diffusion|plain", .min = 0, .max = 1, .below_max = true, .dflt = "0.999",
	 .help = "Decay of the moving average of the weights that generation uses; 0: none."},
	{FIELD(train, weight_decay, REAL), .kind = "diffusion|plain", .min = 0, .max = 1, .dflt = "0.01",
	 .help = "Weight decay of AdamW."},
	{FIELD(train, clip, REAL), .kind = "diffusion|plain", .min = 0, .max = 1e6, .dflt = "1.0",
	 .help = "Largest norm of a step's gradient; 0: no limit."},
	{FIELD(train, seed, INT), .min = 0, .max = FM_KEY_MAXINT, .dflt = "1",
	 .help = "First weights, batches and noise."},
	{FIELD(train, threads, INT), .min = 0, .max = 1024, .dflt = "0", .secret = true,
	 .help = "Threads; 0: as many as the process may use. Changes no result."},
	{FIELD(train, balance, INT), .kind = "diffusion", .min = 1, .max = 100, .dflt = "4",
	 .help = "Windows in which a rare label prevails are shown up to this many times as often as others, and flows "
		 "of a rare label count up to this many times as much; 1: all alike. Generated flows still have the "
		 "labels' own shares."},
	{FIELD(train, patience, INT), .kind = "diffusion", .min = 0, .max = 1e8, .dflt = "0",
	 .help = "Stop after this many steps without a better validation; 0: never stop early. The model is the "
		 "averaged weights of the best validation."},
	{FIELD(train, epochs, INT), .kind = "ctgan", .min = 1, .max = 1e6, .dflt = "300",
	 .help = "For kind ctgan: passes over the training flows; train.steps, where it is not 0, counts instead."},
	{FIELD(train, gan_batch, INT), .kind = "ctgan", .min = 20, .max = 100000, .dflt = "500",
	 .help = "For kind ctgan: flows a step, a multiple of 10."},
	{FIELD(train, gan_rate, REAL), .kind = "ctgan", .min = 0, .max = 1, .above_min = true, .dflt = "2e-4",
	 .help = "For kind ctgan: learning rate of Adam."},
	{FIELD(train, gan_decay, REAL), .kind = "ctgan", .min = 0, .max = 1, .dflt = "1e-6",
	 .help = "For kind ctgan: weight decay of Adam."},
	{FIELD(train, chunk_epochs, INT), .kind = "netshare", .min = 1, .max = 1e6, .dflt = "40",
	 .help = "For kind netshare: passes over the sessions of the first chunk, and a quarter of that over those of "
		 "every other one; train.steps, where it is not 0, is shared out instead."},
	{FIELD(train, critic_rounds, INT), .kind = "netshare", .min = 1, .max = 100, .dflt = "5",
	 .help = "For kind netshare: steps of the critics for one of the generator."},
	{FIELD(train, session_batch, INT), .kind = "netshare", .min = 2, .max = 2000, .dflt = "100",
	 .help = "For kind netshare: sessions a step."},
	{FIELD(train, session_rate, REAL), .kind = "netshare", .min = 0, .max = 1, .above_min = true, .dflt = "1e-4",
	 .help = "For kind netshare: learning rate of Adam."},
	{FIELD(train, checkpoint_every, INT), .kind = "diffusion|ctgan|plain|netshare", .min = 0, .max = 1e8,
	 .dflt = "500", .secret = true,
	 .help = "Steps between two checkpoints, from which a killed training resumes; 0: none by steps. Changes no "
		 "result."},
	{FIELD(train, checkpoint_seconds, REAL), .kind = "diffusion|ctgan|plain|netshare", .min = 0, .max = 1e6,
	 .dflt = "30", .secret = true,
	 .help = "Seconds after which the next checkpoint is written even if checkpoint_every is not reached; 0: "
		 "none by time. Changes no result."},

	{FIELD(privacy, mode, CHOICE), .choices = "none|clip|dp", .dflt = "none",
	 .help = "What is promised beyond the gate's leakage checks: nothing, or differential privacy "
		 "(docs/differential-privacy.md). clip promises nothing either: it bounds how much each window counts "
		 "in a step of training (docs/dp-training.md)."},
	{FIELD(privacy, epsilon, REAL), .min = 0, .max = 500, .dflt = "0", .mode = "dp",
	 .help = "For mode dp: the epsilon that the whole run keeps to. 0: the one that privacy.noise_multiplier "
		 "gives."},
	{FIELD(privacy, delta, REAL), .min = 0, .max = 1, .below_max = true, .dflt = "0", .mode = "dp",
	 .help = "For mode dp: the probability that epsilon does not hold; below 1 / privacy.records, "
		 "a quarter of that for privacy.unit flow."},
	{FIELD(privacy, clip, REAL), .min = 0, .max = 1e6, .above_min = true, .dflt = "1.0", .mode = "clip",
	 .help = "For mode clip: largest norm of one window's gradient."},
	{FIELD(privacy, noise_multiplier, REAL), .min = 0, .max = 1e6, .dflt = "0", .mode = "dp",
	 .help = "For mode dp, in place of privacy.epsilon: all that touches records costs together as much as one "
		 "Gaussian noise with this standard deviation, in units of its sensitivity."},
	{FIELD(privacy, records, INT), .min = 0, .max = 1e12, .dflt = "0", .mode = "dp",
	 .help = "For mode dp: the largest number of exchanges that the trace can have, by public knowledge. It is "
		 "compared with the noisy counts alone, before a network is trained on them."},
	{FIELD(privacy, unit, CHOICE), .choices = "exchange|flow|window", .dflt = "exchange", .mode = "dp",
	 .help = "For mode dp: what neighbouring traces differ in. exchange: at most 4 flows of one unordered 5-tuple "
		 "that end in one minute, which are there or not. flow: one flow, with which its exchange becomes "
		 "another one; that needs more noise, and covers the exchange too. window: all flows between two "
		 "hosts that end in one minute; that needs privacy.window_exchanges times the noise."},
	{FIELD(privacy, window_exchanges, INT), .needs = "privacy.unit window", .min = 2, .max = 64, .dflt = "4",
	 .mode = "dp",
	 .help = "For privacy.unit window: how many exchanges of two hosts in a minute are kept, chosen by a public "
		 "rule; the others are left out."},
	{FIELD(privacy, accountant, CHOICE), .choices = "pld|rdp", .dflt = "pld", .mode = "dp",
	 .help = "For mode dp: how the leakage of mechanisms is added up (docs/accounting.md)."},
	{FIELD(privacy, budget, BUDGET), .dflt = "{}", .mode = "dp",
	 .help = "For mode dp: shares of what epsilon is worth, {vocabulary: 0.1, pairs: 0.7, training: 0.2}: one- "
		 "and two-way counts, and the training of model.kind diffusion; gate: what checks of paid.* ask of "
		 "the holdout. What they leave is not spent. With {}, or gate alone, the kind of model splits the "
		 "rest (docs/differential-privacy.md)."},
	{FIELD(privacy, gate_asks, CHOICE), .choices = "fields|pairs|labels|all", .dflt = "fields", .mode = "dp",
	 .help = "For mode dp: what privacy.budget.gate asks of the holdout, all with as much noise: ten fields, or "
		 "these and eight pairs of them, or these and the labels, or all."},
	{FIELD(privacy, draws, INT), .kind = "diffusion", .min = 1, .max = 64, .dflt = "8", .mode = "dp",
	 .help = "For mode dp and model.kind diffusion: draws of noise and time for each record of a step, which cost "
		 "time and no epsilon: their mean is clipped once."},
	{FIELD(privacy, total_epsilon, REAL), .min = 0, .max = 1e3, .dflt = "0", .mode = "dp", .secret = true,
	 .help = "For mode dp: what all runs of the workspace on one trace may use together, and on files whose period "
		 "overlaps its own; their deltas then stay below 1 / privacy.records together, as each does alone. 0: "
		 "no limit, and each run reports the sum."},
	{FIELD(privacy, first, TEXT), .check = check_time, .dflt = "\"\"", .mode = "dp",
	 .help = "For mode dp: the publicly known time at which the trace begins. Exchanges that end before its "
		 "minute, or after the last one of the period, are left out."},
	{FIELD(privacy, last, TEXT), .check = check_time, .dflt = "\"\"", .mode = "dp",
	 .help = "For mode dp: the publicly known time at which the trace ends."},
	{FIELD(privacy, labels, TEXT), .dflt = "background", .mode = "dp",
	 .help = "For mode dp: the publicly known labels, with blanks between them, the usual one first. Any other "
		 "label becomes the first."},
	{FIELD(privacy, min_count, INT), .min = 1, .max = 1e9, .dflt = "20",
	 .help = "k: a value that fewer training records have may point at somebody. The largest and the smallest "
		 "numbers that a model keeps are ones that k records reach, a model corrects nothing by values of "
		 "fewer flows (docs/how-it-works.md), the gate looks for such values, and published numbers are "
		 "rounded down to multiples of k."},

	{FIELD(generate, rows, INT), .min = 0, .max = 4294967294, .dflt = "0",
	 .help = "Flows to make; 0: as many as the training split has, down to a multiple of privacy.min_count "
		 "windows."},
	{FIELD(generate, sampler, CHOICE), .needs = "privacy.mode none|clip", .kind = "diffusion|plain",
	 .choices = "fewstep|dpm2|ancestral",
	 .dflt = "fewstep",
	 .help = "fewstep (DDIM for residuals) and dpm2 (a second-order solver for them) take generate.steps "
		 "steps, ancestral all of model.steps."},
	{FIELD(generate, steps, INT), .needs = "generate.sampler fewstep|dpm2; privacy.mode none|clip",
	 .kind = "diffusion|plain", .min = 1, .max = 100000, .dflt = "40",
	 .help = "Steps of fewstep and dpm2; at most model.steps."},
	{FIELD(generate, order, CHOICE), .needs = "privacy.mode none|clip", .kind = "diffusion",
	 .choices = "random|confidence", .dflt = "random",
	 .help = "Which tokens of a column a step shows: any, or the most certain; confidence is for process "
		 "absorbing, and not for sampler ancestral."},
	{FIELD(generate, seed, INT), .min = 0, .max = FM_KEY_MAXINT, .dflt = "1", .help = "Which flows are made."},
	{FIELD(generate, labels, LABELS), .needs = "privacy.mode none|clip",
	 .kind = "diffusion", COUNT(generate, nlabels), .dflt = "{}",
	 .help = "Shares of the labels, {background: 0.9, scan11: 0.1}, that sum to 1; {}: as in the training split."},
	{FIELD(generate, guidance, REAL), .kind = "diffusion", .min = 0, .max = 20, .dflt = "0",
	 .help = "How strongly a window is pushed towards its class (the label most of its rarer flows carry); 0: "
		 "not at all."},
	{FIELD(generate, by, CHOICE), .kind = "diffusion", .choices = "both|network", .dflt = "both", .mode = "dp",
	 .help = "For mode dp and model.kind diffusion: records are drawn by the noisy pairs and the network both, or "
		 "by the network alone (docs/dp-training.md)."},
	{FIELD(generate, correction, INT), .min = 0, .max = 1000, .dflt = "0", .mode = "dp",
	 .help = "For mode dp: rounds in which records are corrected by the noisy pairs "
		 "(docs/dp-training.md); 0: none."},
	{FIELD(generate, hours, HOURS), .needs = "privacy.mode none|clip", .kind = "diffusion", .dflt = "[0, 24]",
	 .help = "Hours of the day (UTC) to make flows for, from and to."},
	{FIELD(generate, inside, RANGES), COUNT(generate, ninside), .dflt = "[\"10.0.0.0/8\"]",
	 .help = "Ranges that fresh addresses of the inside come from; fd00::/8 where none is of IPv6, 10.0.0.0/8 "
		 "where none is of IPv4."},
	{FIELD(generate, outside, RANGES), COUNT(generate, noutside),
	 .dflt = "[\"100.64.0.0/10\", \"198.18.0.0/15\", \"240.0.0.0/4\"]",
	 .help = "Ranges that fresh addresses of the outside come from; 2001:db8::/32 where none is of IPv6, the "
		 "default where none is of IPv4."},

	{.section = "gate", .name = "CHECK", .type = FM_KEY_CHECKS,
	 .offset = offsetof(struct fm_config, gate.check), .dflt = "{}",
	 .help = "For each metric to check: its greatest value, or a map of max and min, or null to drop a check of "
		 "the preset. relative_to_floor: true multiplies max by the metric's floor, and adds plus; or min, and "
		 "takes plus off. room: gate.room of this check alone."},
	{FIELD(gate, control_rows, INT), .needs = "privacy.mode none|clip", .min = 100, .max = 1e7, .dflt = "12000",
	 .help = "Rows of each control (docs/gate.md) at most; the holdout gives twice as many, if it has them."},
	{FIELD(gate, control_limit, REAL), .needs = "privacy.mode none|clip", .min = 0.001, .max = 1, .dflt = "0.005",
	 .help = "The gate must fail every control with at least this share of copied training rows, or it is broken."},
	{FIELD(gate, room, REAL), .needs = "privacy.mode none|clip", .min = 0, .max = 100, .dflt = "0",
	 .help = "Moves an absolute threshold by `room` times the distance of fresh real flows from the ideal, and "
		 "rounds it to two digits; 0: no move. A check's own room overrides this one, and the presets' checks "
		 "have one."},
	{FIELD(gate, memory, INT), .min = 64, .max = 1 << 20, .dflt = "1024",
	 .help = "MiB for the part of judging's memory that grows with the number of flows. If not all flows fit, a "
		 "subsample is judged; leakage is looked for in all of them, a part at a time."},

	{FIELD(gate, waivable, TEXT), .needs = "privacy.mode none|clip", .check = check_leak_names, .dflt = "\"\"",
	 .secret = true,
	 .help = "Checks of leakage (leak.*) that may be waived, with blanks between: leak.family_p "
		 "leak.mia_model_auc. A waiver of any other leakage check does not count. Empty: none may."},

	{FIELD(publish, key, PATH), .dflt = "keys/release.key", .secret = true,
	 .help = "Key that signs the archive and its record, ed25519 in ssh-keygen's own files: a private key, with or "
		 "without a passphrase; the public half of one that an ssh-agent has; one on a FIDO token "
		 "(docs/running.md)."},
	{FIELD(publish, out, PATH), .check = check_folder, .dflt = "release", .secret = true,
	 .help = "Folder for releases that pass."},
	{FIELD(publish, report, CHOICE), .choices = "metrics|histograms", .dflt = "metrics",
	 .help = "What the manifest and the partner's report show of the real flows' distributions: metrics, that "
		 "is how far the synthetic ones are from them and no number of the real flows alone "
		 "(docs/report.md), or also histograms, rounded down to multiples of privacy.min_count, and "
		 "numbers of the whole trace."},
	{FIELD(publish, dialect, TEXT), .dflt = "source",
	 .help = "How the release writes its flows: as the trace does (source), or in another dialect, a built-in one "
		 "or a file (with a '/' or ending in .yaml)."},
	{FIELD(publish, header, BOOL), .dflt = "false",
	 .help = "The CSV files begin with a line of the columns' names, also where the dialect has none. Some "
		 "dialects always have one."},
	{FIELD(publish, test_share, REAL), .min = 0, .max = 0.9, .dflt = "0",
	 .help = "Besides data/flows.csv the archive has the same flows split in two: this share of them, the last "
		 "ones, in data/test.csv, the others in data/train.csv. 0: no split."},
	{FIELD(publish, sequence, INT), .min = 0, .max = FM_KEY_MAXINT, .dflt = "0", .secret = true,
	 .help = "Number of the release in its record; 0: one more than the newest of its name in the release folder. "
		 "It must rise."},
	{FIELD(publish, approvals, INT), .min = 0, .max = 8, .dflt = "0", .secret = true,
	 .help = "People who must agree before a release is made, each by a signature (flowmint approve) of a key that "
		 "allowed_signers names for the namespace flowmint-approval. With more than one, publish.key neither "
		 "approves nor waives."},
	{FIELD(publish, attestation_key, PATH), .dflt = "\"\"", .secret = true,
	 .help = "Private key, another than publish.key, that signs attestations for tools that read in-toto "
		 "(docs/formats-release.md). Its line in allowed_signers says namespaces=\"flowmint-attestation\". "
		 "Empty: none are made."},
	{FIELD(publish, on_done, TEXT), .dflt = "\"\"", .secret = true,
	 .help = "A command of the shell that is started when a run has ended, well or not, and gets its JSON (that of "
		 "run --json, with status, code and message) on standard input. Empty: none."},
	{FIELD(publish, on_done_seconds, INT), .min = 0, .max = 1e6, .dflt = "3600", .secret = true,
	 .help = "Seconds that publish.on_done may take; then it is ended, with all that it started and a warning, and "
		 "the run ends as it would have. 0: the run waits for it without end."},
	{FIELD(publish, expires, TEXT), .check = check_expires, .dflt = "\"\"", .secret = true,
	 .help = "Until when partners may use the release: days after it is issued, or a date, YYYY-MM-DD. Empty: no "
		 "end."},

	{FIELD(limits, memory_mib, INT), .min = 0, .max = 1e9, .dflt = "0", .secret = true,
	 .help = "MiB of memory that a stage may take for itself; 0: what a job of its size takes at most "
		 "(running.md), and no more than this machine, or the group that flowmint runs in, has."},
	{FIELD(limits, cpu_hours, INT), .min = 0, .max = 1e6, .dflt = "2000", .secret = true,
	 .help = "Hours of processor time, of all threads together, after which a stage is killed; 0: none. Where it "
		 "is not set, a job of its size may have less (running.md)."},
	{FIELD(limits, file_mib, INT), .min = 0, .max = 1e9, .dflt = "0", .secret = true,
	 .help = "MiB of one file that a stage writes; 0: what a job of its size writes at most (running.md), and no "
		 "more than twice what is free where it writes."},
	{FIELD(limits, output_mib, INT), .min = 0, .max = 1e9, .dflt = "0", .secret = true,
	 .help = "MiB of all that a stage leaves; 0: twice as much as a job of its size writes into one file."},
	{FIELD(limits, files, INT), .min = 16, .max = 1048576, .dflt = "1024", .secret = true,
	 .help = "Files that a stage may have open at once."},
	{FIELD(limits, threads, INT), .min = 0, .max = 32768, .dflt = "0", .secret = true,
	 .help = "Threads of a stage, at least 2; 0: four times as many as it computes with, and 16."},

	{FIELD(workspace, retain, CHOICE), .choices = "all|model|nothing", .dflt = "all", .secret = true,
	 .help = "What stays in the workspace, encrypted, of a run that was released: all that its stages made, the "
		 "model alone, or nothing; the rest is destroyed as by flowmint purge. A run that was not released "
		 "keeps all, so that it can go on, until it is purged."},
	{FIELD(workspace, keep_runs, INT), .min = 0, .max = 1e6, .dflt = "0", .secret = true,
	 .help = "How many of the newest runs keep what they left. When a run was released, older runs, released or "
		 "not, are destroyed as by flowmint purge; 0: none are."},

	{FIELD(run, shards, PATH), .dflt = "\"\"", .secret = true,
	 .help = "Folder of finished shards of the flows (flowmint generate --shard), which generation takes instead "
		 "of making them; what is missing there it makes. The flows are the same. Empty: it makes all."},
	{FIELD(run, parts, PATH), .dflt = "\"\"", .secret = true,
	 .help = "Folder of finished parts of the judging (flowmint judge --part), which evaluation takes instead of "
		 "searching; what is missing there it searches. The metrics are the same. Empty: it searches all."},
	{FIELD(run, mpi, INT), .min = 1, .max = 64, .dflt = "1", .secret = true,
	 .help = "Processes of this machine that train together (ranks), each with train.threads; on several "
		 "machines it is mpirun flowmint run, and this stays 1. The model is the same to the bit."},
	{FIELD(run, stall, INT), .min = 0, .max = 1e6, .dflt = "1800", .secret = true,
	 .help = "Seconds that a rank may keep the others waiting before training ends with its number, and a "
		 "checkpoint; 0: they wait for ever."},
};
/* clang-format on */
const size_t fm_nkeys = sizeof(fm_keys) / sizeof(fm_keys[0]);
_Static_assert(sizeof(fm_keys) / sizeof(fm_keys[0]) <= FM_CFG_MAXKEYS, "a config has a place for each key");

const char *const fm_share_name[FM_NSHARES] = {"vocabulary", "pairs", "training", "gate"};

const char *const fm_sections[] = {"release",  "source", "split",   "model",  "train",     "privacy",
				   "generate", "gate",   "publish", "limits", "workspace", "run"};
const size_t fm_nsections = sizeof(fm_sections) / sizeof(fm_sections[0]);

/* ---- reading it ---- */

const struct fm_key *fm_key_find(const char *section, const char *name)
{
	for (size_t i = 0; i < fm_nkeys; i++)
		if (strcmp(fm_keys[i].section, section) == 0 && strcmp(fm_keys[i].name, name) == 0)
			return &fm_keys[i];
	return NULL;
}

bool fm_section_known(const char *section)
{
	for (size_t i = 0; i < fm_nsections; i++)
		if (strcmp(fm_sections[i], section) == 0)
			return true;
	return false;
}

bool fm_choice_has(const char *choices, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = choices; n && p; p = strchr(p, '|'), p = p ? p + 1 : NULL)
		if (strncmp(p, word, n) == 0 && (p[n] == '|' || p[n] == '\0'))
			return true;
	return false;
}

const struct fm_key *fm_key_unmet(const struct fm_key *k, const struct fm_config *cfg, char takes[64])
{
	char section[32], name[32];
	int n = 0;

	for (const char *p = k->needs; p; p = strchr(p + n, ';'), p = p ? p + 2 : NULL) {
		const struct fm_key *other;

		if (sscanf(p, "%31[a-z].%31[a-z_] %63[a-z_0-9|]%n", section, name, takes, &n) != 3 ||
		    !(other = fm_key_find(section, name)))
			return NULL; /* a mistake of the table: test_config walks it */
		if (!fm_choice_has(takes, (const char *)cfg + other->offset))
			return other;
	}
	return NULL;
}

bool fm_key_counts(const struct fm_key *k, const struct fm_config *cfg)
{
	char takes[64];

	return (!k->mode || strcmp(k->mode, cfg->privacy.mode) == 0) &&
	       (!k->kind || fm_choice_has(k->kind, cfg->model.kind)) && !fm_key_unmet(k, cfg, takes);
}

const char *fm_key_later(const struct fm_key *k, const char *word, char *out, size_t cap)
{
	size_t n = strlen(word);

	for (const char *p = k->later; n && p; p = strchr(p, ';'), p = p ? p + 2 : NULL)
		if (strncmp(p, word, n) == 0 && p[n] == ':') {
			const char *reason = p + n + 2;
			snprintf(out, cap, "%.*s", (int)strcspn(reason, ";"), reason);
			return out;
		}
	return NULL;
}

const char *fm_key_takes(const struct fm_key *k, char *out, size_t cap)
{
	switch (k->type) {
	case FM_KEY_TEXT:
		if (k->check && k->check("?"))
			snprintf(out, cap, "%s", k->check("?"));
		else
			snprintf(out, cap, "text, at most %zu bytes", k->size - 1);
		break;
	case FM_KEY_PATH:
		snprintf(out, cap, "path, relative to the folder of the file");
		break;
	case FM_KEY_CHOICE: {
		size_t len = 0;
		for (const char *p = k->choices; *p && len + 8 < cap; p++)
			len += (size_t)snprintf(out + len, cap - len, *p == '|' ? " or " : "%c", *p);
		break;
	}
	case FM_KEY_BOOL:
		snprintf(out, cap, "true or false");
		break;
	case FM_KEY_INT:
		if (k->max >= FM_KEY_MAXINT)
			snprintf(out, cap, "integer, %.0f or more", k->min);
		else
			snprintf(out, cap, "integer, %.0f to %.0f", k->min, k->max);
		break;
	case FM_KEY_REAL:
		snprintf(out, cap, "number, %s%g to %s%g", k->above_min ? "above " : "", k->min,
			 k->below_max ? "below " : "", k->max);
		break;
	case FM_KEY_LABELS:
		snprintf(out, cap, "map of labels to shares that sum to 1, at most %d", FM_CFG_MAXLABELS);
		break;
	case FM_KEY_BUDGET:
		snprintf(out, cap, "map of vocabulary, pairs, training and gate to shares that sum to at most 1");
		break;
	case FM_KEY_HOURS:
		snprintf(out, cap, "two hours [from, to], 0 to 24");
		break;
	case FM_KEY_RANGES:
		snprintf(out, cap, "list of ranges of addresses, 1 to %d", FM_CFG_MAXRANGES);
		break;
	case FM_KEY_CHECKS:
		snprintf(out, cap, "number, {max, min, relative_to_floor, plus, room} or null");
		break;
	}
	return out;
}
