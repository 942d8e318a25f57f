// Puts the right checksums into bytes, so that fuzzing gets behind them. What is too short or too wrong to have a
// checksum at some place is left alone there.
#pragma once

#include "fuzz/input.h"

namespace penstock::fuzzing {

void sign_dct_record(uint8_t* data, size_t size);
void sign_index(uint8_t* data, size_t size);
void sign_shard(uint8_t* data, size_t size);

}  // namespace penstock::fuzzing
