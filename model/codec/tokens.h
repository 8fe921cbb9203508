/*
 * tokens.h - the columns of an encoded flow: FM_NTOK tokens and FM_NRES residuals (codec.h says what each is).
 */
#ifndef FM_MODEL_CODEC_TOKENS_H
#define FM_MODEL_CODEC_TOKENS_H

enum fm_tok {
	FM_T_ROLE,
	FM_T_REL,
	FM_T_GAP,
	FM_T_LABEL,
	FM_T_DIR,
	FM_T_PR,
	FM_T_SA,
	FM_T_DA,
	FM_T_SP,
	FM_T_DP,
	FM_T_FLG,
	FM_T_FWD,
	FM_T_STOS,
	FM_T_PKT,
	FM_T_TD,
	FM_T_BPP,
	FM_NTOK
};
enum fm_res { FM_R_GAP, FM_R_SP, FM_R_DP, FM_R_PKT, FM_R_TD, FM_R_BPP, FM_NRES };
extern const char *const fm_tok_name[FM_NTOK];
extern const int fm_res_tok[FM_NRES]; /* the token a residual belongs to */

#define FM_MAXCLASSES 64 /* labels, and classes of windows by label */

#endif
