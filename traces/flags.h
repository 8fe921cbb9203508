/*
 * flags.h - flags of TCP and the type of service as numbers, from the words that collectors write.
 */
#ifndef FM_TRACES_FLAGS_H
#define FM_TRACES_FLAGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/table.h"

/* The bits of a word of flags: .AP.SF and CE.AP.SF as nfdump writes them, FS PA as SiLK does, 27 or 0x1b. -1: it is
 * none. The letters must be in one of the two orders, so that states of connections (Zeek's SF, Argus's URP) are not
 * taken for flags. */
int fm_flags_of(const char *word, bool *number);
/* The flags of all words of a column, in bits (FM_DICT_MAX): numbers of two digits (1b, 02) are hexadecimal if one of
 * them can be nothing else, as Suricata writes them. Returns how many words are no flags; if any, all bits are 0,
 * because a column with other words has no flags. */
size_t fm_flags_of_words(const struct fm_dict *words, uint8_t bits[]);
/* 184, 0xb8, 184.0; -1: it is no number up to 255. */
int fm_tos_of(const char *word);

#endif
