// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Keeps the 16 smallest keys of a block's records in scratch, sorted: insertion with two nested loops and a switch over predicates. */
#include "bpf_test.h"

struct record { __u64 key; __u32 kind; __s32 amount; };
struct state { __u32 predicate, count; __s64 limit; struct record best[16]; __u64 spare; };

static __always_inline int passes(const struct state *state, const struct record *record)
{
	switch (state->predicate) {
	case 0: return 1;
	case 1: return record->amount < state->limit;
	case 2: return record->amount > state->limit;
	case 3: return record->kind == (__u32)state->limit;
	case 4: return (record->kind & (__u32)state->limit) != 0;
	case 5: return record->key % 7 == 3;
	default: return 0;
	}
}

STORAGE_FUNCTION int record_filter(struct fathom_context *context)
{
	const struct record *records = fathom_data(context, 0, 512);
	struct state *state = fathom_scratch(context, 0, sizeof(*state));

	if (!records || !state)
		return -1;
	for (int i = 0; i < 32; i++) {
		struct record moving = records[i];

		if (!passes(state, &moving))
			continue;
		for (__u32 place = 0; place < 16; place++) {
			struct record here = state->best[place];

			if (place >= state->count) {
				state->best[place] = moving;
				state->count = place + 1;
				break;
			}
			if (moving.key < here.key) {
				state->best[place] = moving;
				moving = here;
			}
		}
	}
	context->done = 1;
	return 0;
}

LICENSE("GPL");
