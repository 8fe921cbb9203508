#include "base/fields.h"

#include <stddef.h>

const struct fm_field fm_fields[FM_NFIELDS] = {
    {"TS", FM_TE, "Time", "jsd.TS"},
    {"TD", FM_TD, "Duration", "jsd.TD"},
    {"PKT", FM_PKT, "Packets", "jsd.PKT"},
    {"BYT", FM_BYT, "Bytes", "jsd.BYT"},
    {"SA", FM_SA, "Source hosts", "jsd.SA"},
    {"DA", FM_DA, "Destination hosts", "jsd.DA"},
    {"SP", FM_SP, "Source port", "jsd.SPb"},
    {"DP", FM_DP, "Destination port", "jsd.DPb"},
    {"PR", FM_PR, "Protocol", "jsd.PR"},
    {"FLG", FM_FLG, "TCP flags", "jsd.FLG"},
    {"FWD", FM_FWD, "Forwarding status", NULL},
    {"TOS", FM_STOS, "Type of service", "jsd.TOS"},
    {"TY", FM_LABEL, "Label", "jsd.TY"},
};
