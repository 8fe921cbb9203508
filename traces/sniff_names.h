/* sniff_names.h - what column of a flow a name in a header, or a key of JSON, stands for. */
#ifndef FM_TRACES_SNIFF_NAMES_H
#define FM_TRACES_SNIFF_NAMES_H

#include <stdbool.h>
#include <stddef.h>

struct fm_sniff_name {
	int col;    /* enum fm_col */
	bool start; /* of FM_TE: the start of the flow */
	bool sum;   /* of packets and bytes: one way of two */
};
/* False: the name is not known. Case, blanks and marks do not count. Of a key inside others (conn.id.orig_h) the end
 * counts where the whole is not known. */
bool fm_sniff_name(const char *s, size_t n, struct fm_sniff_name *out);

#endif
