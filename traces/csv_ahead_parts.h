/* csv_ahead_parts.h - what csv_ahead.c, which parses blocks ahead of the reader, and csv_ahead_join.c share. */
#ifndef FM_TRACES_CSV_AHEAD_PARTS_H
#define FM_TRACES_CSV_AHEAD_PARTS_H

#include <pthread.h>

#include "traces/csv_ahead.h"

struct fm_csv_slot {
	struct fm_csv_piece piece;
	char *data; /* one block */
	bool first; /* the piece begins a file */
	bool raw;   /* not to be parsed here */
	bool parsed, usable;
	struct fm_csv *c;
	uint64_t lines;
	/* What this block added to the dictionaries of its thread: a copy, because the thread changes them
	 * meanwhile. */
	struct fm_csv_worker *by;
	bool anew;                               /* they were empty before it */
	uint64_t generation;                     /* how often they have begun anew */
	struct fm_buf addresses, inside, values; /* of values one after the other, each with a NUL behind it */
	size_t naddress, nvalue[FM_NCOL];        /* in the dictionaries before it */
	size_t more[FM_NCOL];                    /* values that it added */
};

/* A thread that parses with dictionaries of its own, so that what was found in one block need not be found again in the
 * next. The last one is the reader's own, which parses while it waits for a block. */
struct fm_csv_worker {
	struct fm_csv_ahead *of;
	pthread_t thread;
	struct fm_row_memory *memory;
	struct fm_dict dict[FM_NCOL];
	struct fm_address_dict *addresses; /* NULL: to begin anew */
	bool forget;                       /* set by the reader: begin anew, because a block was not joined */
	uint64_t generation;               /* how often they have begun anew */
	/* Of the reader. */
	uint64_t known;    /* the generation of what follows */
	uint32_t *address; /* (naddress) its codes -> those of the reader */
	size_t naddress, cap;
	uint16_t *value[FM_NCOL]; /* (nvalue[c]) of FM_DICT_MAX: its indices -> those of the reader */
	size_t nvalue[FM_NCOL];
};

struct fm_csv_ahead {
	const struct fm_trace_opts *o;
	const struct fm_file_order *order;
	struct fm_trace_opts opts; /* the options of the slots: they show no path */
	/* The feed: what was read of the file that is cut into blocks. */
	struct fm_csv_input *input;   /* the input that no piece has taken over yet, or the last that one took */
	struct fm_csv_input **opened; /* (order->n) files that come later, NULL: not opened */
	size_t file;                  /* of the order */
	bool begins, mid, end;        /* the next block begins the file; within a line; nothing is left */
	const char *data;             /* nleft bytes of the input's last block */
	size_t nleft;
	char *tail_bytes; /* at most a block: what follows the last line end of the block before */
	size_t ntail;
	const struct fm_csv_slot *start; /* that began this file, while it is in the ring */
	bool known;                      /* model follows the file */
	struct fm_csv *model;
	/* The ring: slots are filled at head, taken by threads at claimed, given to the reader at tail. */
	struct fm_csv_slot *slot;
	unsigned nslot, head, claimed, tail;
	bool stop;
	pthread_mutex_t lock;
	pthread_cond_t fed, done;
	struct fm_csv_worker *worker;
	int nthreads, started;
};

static inline struct fm_csv_slot *fm_csv_slot_at(struct fm_csv_ahead *a, unsigned i)
{
	return &a->slot[i % a->nslot];
}

#endif
