/*
 * hour_trades.h - what each popular host has done in this hour.
 *
 * A host that asks and answers a lot in a day does one thing in an hour.  Trades are those of host_profiles.h: client
 * or server of protocol and port.  Learned is, of the events of popular hosts that the hour has seen, by role, the
 * share of those in which the host takes up another trade than it has had in this hour.
 */
#ifndef FM_MODEL_CODEC_HOUR_TRADES_H
#define FM_MODEL_CODEC_HOUR_TRADES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "model/codec/host_profiles.h"

struct fm_hour_trades;
int fm_hour_trades_new(struct fm_hour_trades **h, struct fm_error *err) FM_MUST_CHECK;
void fm_hour_trades_free(struct fm_hour_trades *h);
/* It is that time now: with another hour all that was is forgotten. */
void fm_hour_trades_at(struct fm_hour_trades *h, int64_t ms);
bool fm_hour_trades_seen(const struct fm_hour_trades *h, uint32_t host);
bool fm_hour_trades_has(const struct fm_hour_trades *h, uint32_t host, uint32_t trade);
int fm_hour_trades_add(struct fm_hour_trades *h, uint32_t host, uint32_t trade, struct fm_error *err) FM_MUST_CHECK;

/* p->hourly, from a training split; 1 where fewer than min_count events are known. */
int fm_hour_trades_fit(struct fm_profiles *p, const struct fm_profile_data *d, struct fm_error *err) FM_MUST_CHECK;

#endif
