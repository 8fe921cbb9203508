/* readme_parts.h - what readme.c (the data sheet) and readme_privacy.c (its section on privacy) share. */
#ifndef FM_RELEASE_README_PARTS_H
#define FM_RELEASE_README_PARTS_H

#include "base/mem.h"
#include "release/metadata.h"

/* Put text of the config into Markdown: control characters become blanks, and what would end a table's cell is
 * escaped. */
void fm_readme_put_text(struct fm_buf *out, const char *s);
/* Rounded to what a person reads; "none" where it is not a number. */
void fm_readme_put_number(struct fm_buf *out, double v);
/* The section "Privacy", with its heading. */
void fm_readme_put_privacy(const struct fm_metadata_in *in, struct fm_buf *out);

#endif
